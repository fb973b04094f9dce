//! Where in a JSON text, which comes in pieces, the strings are that are values and not keys.
//!
//! A key is never restored: keys of a request are never replaced, so a value in the place of a key
//! would go to the node in the clear with the next turn. It checks nothing; of broken JSON it says
//! something, and always the same.

/// Deepest nesting that is followed: one bit each. What is deeper is not restored.
const DEPTH_MAX: u32 = u128::BITS;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Strings {
    /// A bit for each open bracket, the innermost lowest: set for an object.
    objects: u128,
    depth: u32,
    in_string: bool,
    /// The next byte of the string belongs to an escape.
    is_escaped: bool,
    /// The string in work, or the next one, is a key.
    is_key: bool,
    /// Nesting was too deep: nothing is known any more.
    is_lost: bool,
}

impl Strings {
    /// Whether the next byte stands in a string that is a value, and is no part of an escape.
    pub(crate) const fn in_value(&self) -> bool {
        self.in_string && !self.is_escaped && !self.is_key && !self.is_lost
    }

    /// Whether the next byte stands in a string that is a value, or is the quote that ends it.
    pub(crate) const fn in_value_string(&self) -> bool {
        self.in_string && !self.is_key && !self.is_lost
    }

    /// Whether nothing but a quote, or a backslash, changes what is known.
    pub(crate) const fn in_plain(&self) -> bool {
        self.in_string && !self.is_escaped
    }

    pub(crate) const fn step(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' => self.open(true),
            b'[' => self.open(false),
            b'}' | b']' => {
                self.objects >>= 1;
                self.depth = self.depth.saturating_sub(1);
            }
            b':' => self.is_key = false,
            b',' => self.is_key = self.objects & 1 == 1,
            _ => {}
        }
    }

    const fn open(&mut self, is_object: bool) {
        self.is_lost |= self.depth == DEPTH_MAX;
        self.objects = (self.objects << 1) | is_object as u128;
        self.depth = self.depth.saturating_add(1);
        self.is_key = is_object;
    }
}
