//! A gate that counts: how many may be inside at once.
//!
//! Pure state; whoever owns it decides how it is shared. It never queues and never goes below zero.

#[cfg(test)]
mod tests;

/// Places at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    max: usize,
    in_flight: usize,
}

impl Slots {
    /// A gate with nobody inside. A maximum of 0 lets nobody in.
    pub fn empty(max: usize) -> Self {
        Self { max, in_flight: 0 }
    }

    /// Takes a place; `false` when all are taken.
    #[must_use = "a place that was not given must not be used"]
    pub fn try_take(&mut self) -> bool {
        let free = self.in_flight < self.max;
        if free {
            self.in_flight += 1;
        }
        free
    }

    /// Gives a place back; one too many is a mistake of the caller and changes nothing.
    pub fn give_back(&mut self) {
        debug_assert!(self.in_flight > 0, "a place was given back that nobody took");
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Moves the gate, as on a reload. Those inside stay, even above the new maximum.
    pub fn resize(&mut self, max: usize) {
        self.max = max;
    }

    /// How many are inside.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many may be inside.
    pub fn max(&self) -> usize {
        self.max
    }
}
