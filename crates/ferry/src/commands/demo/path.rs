//! A path between a client and a node, in user space: a TCP proxy whose connections meet the fates of the dial. It sees
//! TLS records pass and understands none; a fault at set-up strikes before a byte of HTTP can have been sent.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ferry_gateway::tasks::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::dial::{self, Deck, Fate, Mood};
use super::dice::Dice;

/// One read of a pump: more than any event, less than any buffer of the kernel.
const PIECE_BYTES: usize = 16 * 1024;
/// After a failed accept (too many files): long enough not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A way in: all its connections lead to one place, and are dealt from one deck.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) address: SocketAddr,
    counts: Arc<Counts>,
}

/// Connections by what became of them.
#[derive(Debug, Default)]
struct Counts {
    reset: AtomicU64,
    unanswered: AtomicU64,
    slow: AtomicU64,
    fair: AtomicU64,
}

/// The counts of one moment, of one door or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) reset: u64,
    pub(super) unanswered: u64,
    pub(super) slow: u64,
    pub(super) fair: u64,
}

impl Met {
    /// Connections that were tried.
    pub(super) fn tried(self) -> u64 {
        self.reset + self.unanswered + self.slow + self.fair
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            reset: self.reset + other.reset,
            unanswered: self.unanswered + other.unanswered,
            slow: self.slow + other.slow,
            fair: self.fair + other.fair,
        }
    }
}

impl Door {
    /// Opens a door to `to` on a free port of loopback. It closes, with all its connections, when the mood's sender is
    /// dropped.
    ///
    /// # Errors
    /// Loopback has no port.
    pub(super) async fn open(
        to: SocketAddr,
        deck: Deck,
        mood: watch::Receiver<Mood>,
        tasks: &Tasks,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let porter = Porter { to, deck, mood, counts: Arc::clone(&counts), tasks: tasks.clone() };
        drop(tasks.spawn(porter.run(listener)));
        Ok(Self { address, counts })
    }

    /// What its connections have met so far.
    pub(super) fn met(&self) -> Met {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { reset, unanswered, slow, fair } = &*self.counts;
        Met { reset: read(reset), unanswered: read(unanswered), slow: read(slow), fair: read(fair) }
    }
}

impl Counts {
    fn take(&self, fate: Fate) {
        let count = match fate {
            Fate::Reset => &self.reset,
            Fate::Unanswered => &self.unanswered,
            Fate::Slow(_) => &self.slow,
            Fate::Fair => &self.fair,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Takes connections in.
struct Porter {
    to: SocketAddr,
    deck: Deck,
    mood: watch::Receiver<Mood>,
    counts: Arc<Counts>,
    tasks: Tasks,
}

impl Porter {
    async fn run(mut self, listener: TcpListener) {
        let mut closing = self.mood.clone();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = closed(&mut closing) => return,
            };
            let Ok((client, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let mood = *self.mood.borrow();
            let fate = self.deck.fate(mood);
            self.counts.take(fate);
            let way = Way { to: self.to, mood: self.mood.clone(), dice: self.deck.dice() };
            drop(self.tasks.spawn(way.meet(client, fate)));
        }
    }
}

/// One connection on its way.
struct Way {
    to: SocketAddr,
    mood: watch::Receiver<Mood>,
    dice: Dice,
}

impl Way {
    async fn meet(self, mut client: TcpStream, fate: Fate) {
        let (mut closing, mut dying) = (self.mood.clone(), self.mood.clone());
        let ended = tokio::select! {
            ended = self.go(&mut client, fate) => ended,
            () = closed(&mut closing) => Err(broken()),
            Ok(_dead) = dying.wait_for(|mood| *mood == Mood::Dead) => Err(broken()),
        };
        if ended.is_err() {
            // What breaks is seen at once on both sides: RST and no FIN.
            client.set_zero_linger().ok();
        }
    }

    async fn go(self, client: &mut TcpStream, fate: Fate) -> io::Result<()> {
        match fate {
            Fate::Reset => Err(broken()),
            Fate::Unanswered => swallow(client).await,
            Fate::Slow(late) => {
                tokio::time::sleep(late).await;
                self.carry(client).await
            }
            Fate::Fair => self.carry(client).await,
        }
    }

    /// Carries bytes both ways until one side ends or breaks.
    async fn carry(self, client: &mut TcpStream) -> io::Result<()> {
        let mut node = TcpStream::connect(self.to).await?;
        client.set_nodelay(true)?;
        node.set_nodelay(true)?;
        let (mut below, mut down) = client.split();
        let (mut above, mut up) = node.split();
        let (mood, mut dice) = (self.mood, self.dice);
        let mut dice_up = dice.clone();
        let ended = tokio::select! {
            ended = carry_up(&mut below, &mut up, &mood, &mut dice_up) => ended,
            ended = carry_down(&mut above, &mut down, &mood, &mut dice) => ended,
        };
        if ended.is_err() {
            // The node sees a client that has gone.
            node.set_zero_linger().ok();
        }
        ended
    }
}

/// From the client to the node; ends well when the client hangs up.
async fn carry_up(
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    mood: &watch::Receiver<Mood>,
    dice: &mut Dice,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let now = *mood.borrow();
        if now == Mood::Slow {
            tokio::time::sleep(dial::slowness(dice)).await;
        }
        to.write_all(piece.get(..read).unwrap_or_default()).await?;
    }
}

/// From the node to the client; ends well when the node does.
async fn carry_down(
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    mood: &watch::Receiver<Mood>,
    dice: &mut Dice,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let now = *mood.borrow();
        if dial::cuts(now, dice) {
            return Err(broken());
        }
        to.write_all(piece.get(..read).unwrap_or_default()).await?;
    }
}

/// Takes everything and says nothing, until the client has had enough.
async fn swallow(client: &mut TcpStream) -> io::Result<()> {
    let mut piece = [0; 1024];
    while client.read(&mut piece).await? > 0 {}
    Ok(())
}

/// Waits until nobody turns the dial any more.
async fn closed(mood: &mut watch::Receiver<Mood>) {
    while mood.changed().await.is_ok() {}
}

fn broken() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

#[cfg(test)]
mod tests;
