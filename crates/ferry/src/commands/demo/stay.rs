//! The demo while it stays up: light traffic on both sides, so that pages and metrics move, a few lines that live, and
//! keys that turn the dial of one path.

use std::io;
use std::time::{Duration, Instant};

use ferry_gateway::clock;
use serde_json::json;
use tokio::time::MissedTickBehavior;

use super::super::terminal::{Tone, clip};
use super::halt::Halt;
use super::keyboard::Key;
use super::scene::Scene;
use super::screen::Screen;
use super::sea::NODES;
use super::traffic::{Carried, Traffic};

/// How often the last lines are drawn.
const PULSE_EVERY: Duration = Duration::from_secs(1);
/// Without a terminal: a line so often, of these pulses.
const LINE_EVERY: u64 = 10;

/// Runs until somebody stops it; gives what was carried.
///
/// # Errors
/// Standard output is gone.
pub(super) async fn stay(
    scene: &Scene,
    seed: u64,
    screen: &mut Screen,
    halt: &mut Halt,
) -> io::Result<Carried> {
    let traffic = Traffic::start(scene, seed);
    let mut watch = Watch { scene, traffic: &traffic, begun: clock::now(), node: 0, pulses: 0 };
    let mut pulse = tokio::time::interval(PULSE_EVERY);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let drawn = loop {
        let drawn = tokio::select! {
            _tick = pulse.tick() => watch.pulse(screen, halt.has_keys()),
            key = halt.next() => match key {
                Some(key) => watch.press(key, screen),
                None => break Ok(()),
            },
        };
        if drawn.is_err() {
            break drawn;
        }
    };
    let carried = traffic.stop().await;
    drawn.map(|()| carried)
}

/// What the last lines show.
struct Watch<'a> {
    scene: &'a Scene,
    traffic: &'a Traffic,
    begun: Instant,
    /// The node that keys are for.
    node: usize,
    pulses: u64,
}

impl Watch<'_> {
    fn press(&mut self, key: Key, screen: &mut Screen) -> io::Result<()> {
        match key {
            Key::Node(node) => self.node = node,
            Key::Mood(mood) => self.scene.sea.turn_one(self.node, mood),
            Key::Quit => {}
        }
        self.draw(screen, true)
    }

    fn pulse(&mut self, screen: &mut Screen, keys: bool) -> io::Result<()> {
        if screen.is_live() {
            return self.draw(screen, keys);
        }
        self.pulses += 1;
        if !self.pulses.is_multiple_of(LINE_EVERY) {
            return Ok(());
        }
        let carried = self.traffic.carried();
        let [direct, ferry] = self.traffic.shares();
        screen.object(&json!({
            "type": "traffic", "requests": carried.requests, "wrong": carried.wrong,
            "last_direct_percent": direct, "last_ferry_percent": ferry,
        }))?;
        let lines = [self.pulse_line(screen), screen.sheet().lang.shares([direct, ferry])];
        screen.lines(&lines)
    }

    fn draw(&self, screen: &mut Screen, keys: bool) -> io::Result<()> {
        let sheet = screen.sheet();
        let mut lines = Vec::new();
        if keys {
            lines.extend(sheet.fold(sheet.lang.trial().keys, Tone::Faint, 0));
        }
        let nodes = NODES.iter().enumerate().map(|(node, name)| {
            let mark = if keys && node == self.node { ">" } else { " " };
            format!("{mark}{name} {}", sheet.lang.mood(self.scene.sea.mood(node)))
        });
        lines.extend(sheet.fold(&nodes.collect::<Vec<_>>().join(" "), Tone::Plain, 0));
        lines.extend(sheet.fold(&sheet.lang.shares(self.traffic.shares()), Tone::Strong, 0));
        lines.push(clip(&self.pulse_line(screen), sheet.width));
        screen.draw(&lines)
    }

    fn pulse_line(&self, screen: &Screen) -> String {
        let seconds = clock::now().saturating_duration_since(self.begun).as_secs();
        screen.sheet().lang.pulse(seconds, self.traffic.carried())
    }
}
