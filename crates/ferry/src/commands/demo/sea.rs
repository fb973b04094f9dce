//! What lies behind the gateway: the mock provider and the three paths to it, with their dial. Direct callers have a mock
//! of their own with the same seed, so that the answers made for each side are counted apart, and a door of their own to
//! the first path, so that their connections are dealt alike whatever Ferry does.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ferry_gateway::tasks::Tasks;
use ferry_mock::{Mock, MockSettings, RunningMock, Stats, Timing, TlsSettings};
use tokio::sync::watch;

use super::caller::Caller;
use super::dial::{self, Deck, Mood};
use super::path::{Door, Met};
use super::tally::Side;

/// The nodes by name; each is one path.
pub(super) const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];
/// The door of direct callers, beside those of the nodes.
const DIRECT_DOOR: u64 = 9;
/// About what a mid-sized model needs for a short prompt over a good path.
const FIRST_TOKEN: Duration = Duration::from_millis(300);
/// About what the same model writes.
const TOKENS_PER_SECOND: f64 = 60.0;
/// None: with jitter the mock makes one wait of fifty ten times as long, and the table of kinds would show it as if the
/// gateway had been slow. The requests of the trial have a pace of their own.
const JITTER: f64 = 0.0;
/// Long enough to see a batch in progress, short enough to wait for.
const BATCH: Duration = Duration::from_millis(800);

/// Provider and paths, running.
#[derive(Debug)]
pub(super) struct Sea {
    /// Who asks without Ferry.
    pub(super) direct: Caller,
    moods: Vec<watch::Sender<Mood>>,
    doors: Vec<Door>,
    direct_door: Door,
    /// For Ferry.
    mock: RunningMock,
    direct_mock: RunningMock,
}

/// Why there is no provider.
#[derive(Debug, thiserror::Error)]
pub(super) enum SeaError {
    #[error("start the mock")]
    Mock(#[from] ferry_mock::StartError),
    #[error("open a path to the mock")]
    Path(#[from] io::Error),
}

impl Sea {
    /// Opens all of it, with the dial as the trial has it.
    ///
    /// # Errors
    /// [`SeaError`]: loopback has no ports.
    pub(super) async fn open(seed: u64, tasks: &Tasks) -> Result<Self, SeaError> {
        let (mock, direct_mock) = (provider(seed).await?, provider(seed).await?);
        let mut moods = Vec::new();
        let mut doors = Vec::new();
        for number in 0..NODES.len() {
            let mood = watch::Sender::new(Mood::Rough);
            let deck = Deck::new(seed, u64::try_from(number).unwrap_or(0));
            doors.push(Door::open(mock.addr(), deck, mood.subscribe(), tasks).await?);
            moods.push(mood);
        }
        // The first node's path, by another door.
        let seen =
            moods.first().map_or_else(|| watch::channel(Mood::Rough).1, watch::Sender::subscribe);
        let deck = Deck::new(seed, DIRECT_DOOR);
        let direct_door = Door::open(direct_mock.addr(), deck, seen, tasks).await?;
        let authority = direct_mock.ca_pem().unwrap_or_default();
        let direct = Caller::trusting(direct_door.address, authority)?;
        let sea = Self { direct, moods, doors, direct_door, mock, direct_mock };
        sea.cut(&dial::dealt_cuts(seed));
        Ok(sea)
    }

    /// Where the nodes are.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.doors.iter().map(|door| door.address)
    }

    /// Who signed the certificate of the nodes, as PEM.
    pub(super) fn authority(&self) -> &str {
        self.mock.ca_pem().unwrap_or_default()
    }

    /// How a node's path is doing.
    pub(super) fn mood(&self, node: usize) -> Mood {
        self.moods.get(node).map_or(Mood::Fair, |mood| *mood.borrow())
    }

    /// Turns the dial of one node's path.
    pub(super) fn turn_one(&self, node: usize, mood: Mood) {
        if let Some(sender) = self.moods.get(node) {
            sender.send_replace(mood);
        }
    }

    /// Turns the dial of all paths, and that of the provider: cuts belong to a rough sea.
    pub(super) fn turn(&self, mood: Mood) {
        for sender in &self.moods {
            sender.send_replace(mood);
        }
        let rough = mood == Mood::Rough;
        self.cut(&if rough { dial::standing_cuts() } else { String::new() });
    }

    /// What the connections of one side have met.
    pub(super) fn met(&self, side: Side) -> Met {
        match side {
            Side::Direct => self.direct_door.met(),
            Side::Ferry => self.doors.iter().map(Door::met).fold(Met::default(), Met::and),
        }
    }

    /// What the provider has counted of one side.
    pub(super) fn stats(&self, side: Side) -> Stats {
        match side {
            Side::Direct => self.direct_mock.stats(),
            Side::Ferry => self.mock.stats(),
        }
    }

    /// Where the provider shows its counters; its certificate is known to nobody else.
    pub(super) fn stats_url(&self) -> String {
        format!("{}/__mock/stats", self.mock.base_url())
    }

    /// Ends paths and provider.
    pub(super) async fn close(self) {
        // Nobody turns the dial any more, so all doors close.
        drop(self.moods);
        self.mock.stop().await;
        self.direct_mock.stop().await;
    }

    fn cut(&self, spec: &str) {
        for mock in [&self.mock, &self.direct_mock] {
            // The dial's own test reads every spec that it writes.
            drop(mock.set_fault(spec));
        }
    }
}

/// HTTP/1.1 alone: with HTTP/2, one standing connection would carry every request, and the trial would meet no connect.
async fn provider(seed: u64) -> Result<RunningMock, ferry_mock::StartError> {
    let timing =
        Timing { first_token: FIRST_TOKEN, tokens_per_second: TOKENS_PER_SECOND, jitter: JITTER };
    let tls = Some(TlsSettings { http1_only: true, ..TlsSettings::default() });
    let settings =
        MockSettings { seed, timing, tls, batch_duration: BATCH, ..MockSettings::default() };
    Mock::start(settings).await
}
