//! A machine of the network, one connection at a time: the way of bytes with its delay, its silences and
//! its breaks, and behind it a server that speaks the Messages API, here over HTTP/1.1.

mod streams;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::sleep_until;

use super::api::{self, Answer, Request, Spoken};
use super::ledger::{Delivery, Entry, Fate};
use super::network::{Network, Path};
use super::plan::Fault;

/// A kernel gives up a connection whose bytes are not acknowledged, or that answers no keepalive, after a
/// while (`transport.rs`: 15 s and 19 s; here everything takes a third of that).
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(5);
const KEEPALIVE_MAX: Duration = Duration::from_secs(6);
/// The gateway takes a connection that has waited for so long for one that may have died unseen (`pool.rs`).
const KEPT_MIN: Duration = Duration::from_millis(90);
/// Long after every run.
const NEVER: Duration = Duration::from_secs(100_000);

/// The machine's end of one connection.
pub(super) struct Pipe {
    net: Arc<Network>,
    io: DuplexStream,
    at: (usize, usize),
    id: usize,
    /// What the gateway has written and nobody has read.
    inbox: Vec<u8>,
    /// The path has lost what it knew of this connection.
    forgotten: bool,
    opened: Duration,
    /// When bytes last passed.
    moved: Duration,
    /// Since when bytes of the gateway's wait for a path.
    unheard: Option<Duration>,
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The gateway has closed it.
    Left,
    /// The path or the machine has.
    Closed,
}

/// What a wait ended in.
enum Woken {
    Data,
    Time,
}

/// Serves a connection to its end.
pub(super) async fn serve(mut pipe: Pipe) {
    let http2 = pipe.net.plan.nodes[pipe.at.0].http2;
    let end = if http2 { pipe.run_http2().await } else { pipe.run().await };
    let (net, id) = (Arc::clone(&pipe.net), pipe.id);
    drop(pipe);
    net.ledger().open -= 1;
    net.note(format!("c{id} over: {end:?}"));
}

/// What a probe gets.
enum Probed {
    Answer(Answer),
    Silence,
    Cut,
}

fn probed(net: &Network, at: (usize, usize)) -> Probed {
    let found = net.faults(at, net.now()).find_map(|fault| match fault {
        Fault::Mute => Some(Probed::Silence),
        Fault::Page(status) => Some(Probed::Answer(api::page(status))),
        Fault::CutBeforeHead => Some(Probed::Cut),
        _ => None,
    });
    found.unwrap_or_else(|| Probed::Answer(api::unauthorized()))
}

/// What a request gets.
enum Script {
    Answer(Answer, Fate),
    Silence,
    /// The connection ends then, before the first byte of the answer.
    CutAt(Duration),
    Speak(Speech),
}

/// A model's answer: its pieces, when each leaves, and what has come of it when all have.
struct Speech {
    spoken: Spoken,
    dues: Vec<Duration>,
    fate: Fate,
}

/// What a request that has just arrived is to get.
fn script(net: &Network, at: (usize, usize), entry: Entry, stream: bool) -> Script {
    let arrived = net.now();
    let faults: Vec<Fault> = net.faults(at, arrived).collect();
    let answered = faults.iter().find_map(|fault| match *fault {
        Fault::Status(status) => Some(Script::Answer(api::error(status, None), Fate::Refused)),
        Fault::Limited(after) => Some(Script::Answer(api::error(429, after), Fate::Refused)),
        Fault::Page(status) => Some(Script::Answer(api::page(status), Fate::Strange)),
        Fault::EarlyError if !stream => Some(Script::Answer(api::error(529, None), Fate::Refused)),
        Fault::Stall | Fault::Mute => Some(Script::Silence),
        _ => None,
    });
    if let Some(script) = answered {
        return script;
    }
    let cut = faults.iter().copied().find(|fault| {
        use Fault::{CutBeforeHead, CutEarly, CutMid, EarlyError, EndMid, LateError};
        matches!(fault, CutBeforeHead | CutEarly | CutMid | EarlyError | EndMid | LateError)
    });
    let call = net.plan.calls[entry.0];
    let times = if faults.contains(&Fault::Slow) { 10 } else { 1 };
    let (think, gap) = (call.think * times, call.gap * times);
    if cut == Some(Fault::EarlyError) {
        let spoken = api::stream(&[], cut);
        return Script::Speak(Speech { spoken, dues: vec![arrived; 2], fate: Fate::Refused });
    }
    let said = net.ledger().generate(entry, call.pieces);
    if cut == Some(Fault::CutBeforeHead) {
        return Script::CutAt(arrived + think / 2);
    }
    let spoken = if stream { api::stream(&said, cut) } else { api::whole(&said, cut) };
    // A stream's head and `message_start` come before its first word, JSON after its last.
    let due = |at: u32| match (stream, at) {
        (true, 0) => arrived + think / 2,
        (true, at) => arrived + think + gap * at,
        (false, _) => arrived + think + gap * u32::try_from(call.pieces).unwrap(),
    };
    let dues = (0..u32::try_from(spoken.pieces.len()).unwrap()).map(due).collect();
    let fate = if cut.is_some() { Fate::Broken } else { Fate::Whole };
    Script::Speak(Speech { spoken, dues, fate })
}

impl Pipe {
    pub(super) fn new(net: Arc<Network>, io: DuplexStream, at: (usize, usize), id: usize) -> Self {
        let opened = net.now();
        let moved = opened;
        Self { net, io, at, id, inbox: Vec::new(), forgotten: false, opened, moved, unheard: None }
    }

    fn rtt(&self) -> Duration {
        self.net.plan.nodes[self.at.0].rtt
    }

    fn has(&self, fault: Fault) -> bool {
        self.net.faults(self.at, self.net.now()).any(|has| has == fault)
    }

    fn is_silent(&self) -> bool {
        self.forgotten || self.net.path(self.at, self.net.now()) != Path::Open
    }

    async fn run(&mut self) -> End {
        let mut served = 0;
        loop {
            let (request, bytes) = match self.request(served).await {
                Ok(found) => found,
                Err(end) => {
                    self.refuse_written(served);
                    return end;
                }
            };
            self.inbox.drain(..bytes);
            let ended = match request {
                Request::Probe => self.probe().await,
                Request::Call { number, stream } => self.call(number, stream, served).await,
            };
            if let Err(end) = ended {
                return end;
            }
            served += 1;
        }
    }

    /// The next whole request, and its length.
    async fn request(&mut self, served: usize) -> Result<(Request, usize), End> {
        let idle = self.net.now() + self.net.plan.nodes[self.at.0].idle;
        loop {
            if let Some(found) = api::request(&self.inbox) {
                return Ok(found);
            }
            match self.wait(if self.inbox.is_empty() { idle } else { NEVER }).await? {
                // Its FIN takes as long as everything else; what is written meanwhile finds it closed.
                Woken::Time => {
                    self.until(idle + self.rtt() / 2).await?;
                    self.while_silent().await?;
                    return Err(End::Closed);
                }
                Woken::Data if served > 0 && self.has(Fault::Stale) => return Err(End::Closed),
                Woken::Data if served == 0 && self.has(Fault::ResetAfterConnect) => {
                    return Err(End::Closed);
                }
                Woken::Data => {}
            }
        }
    }

    /// What lies in the inbox of a connection that is being closed is read by nobody.
    fn refuse_written(&self, served: usize) {
        if let Some((Request::Call { number, .. }, _)) = api::request(&self.inbox) {
            let entry = self.enter(number, served);
            self.net.settle(entry, Fate::Broken);
        }
    }

    fn enter(&self, number: usize, served: usize) -> Entry {
        let now = self.net.now();
        let reused = served > 0 || now >= self.opened + KEPT_MIN;
        self.net.enter(number, Delivery::begin(self.at.0, self.id, reused, now))
    }

    async fn probe(&mut self) -> Result<(), End> {
        self.arrive().await?;
        let now = self.net.now();
        match probed(&self.net, self.at) {
            Probed::Answer(answer) => self.send(now, &answer.http1()).await,
            Probed::Silence => self.until(NEVER).await,
            Probed::Cut => Err(End::Closed),
        }
    }

    async fn call(&mut self, number: usize, stream: bool, served: usize) -> Result<(), End> {
        let entry = self.enter(number, served);
        let answered = self.answer(entry, stream).await;
        let fate = match answered {
            Ok(fate) => fate,
            Err(End::Left) => Fate::Left,
            Err(End::Closed) => Fate::Broken,
        };
        self.net.settle(entry, fate);
        answered.map(|_| ())
    }

    async fn answer(&mut self, entry: Entry, stream: bool) -> Result<Fate, End> {
        self.arrive().await?;
        let net = Arc::clone(&self.net);
        let arrived = net.now();
        let script = match script(&net, self.at, entry, stream) {
            Script::Answer(answer, fate) => {
                self.send(arrived, &answer.http1()).await?;
                net.answered(entry);
                return Ok(fate);
            }
            Script::Silence => {
                self.until(NEVER).await?;
                return Ok(Fate::Unknown);
            }
            Script::CutAt(at) => {
                self.until(at).await?;
                return Err(End::Closed);
            }
            Script::Speak(script) => script,
        };
        for (frame, due) in script.spoken.http1().iter().zip(&script.dues) {
            self.send(*due, frame).await?;
            net.answered(entry);
        }
        if script.spoken.breaks { Err(End::Closed) } else { Ok(script.fate) }
    }

    /// What was written reaches the machine.
    async fn arrive(&mut self) -> Result<(), End> {
        self.until(self.net.now() + self.rtt() / 2).await?;
        self.while_silent().await
    }

    /// Sends bytes off at a time; returns when they have reached the gateway.
    async fn send(&mut self, at: Duration, bytes: &[u8]) -> Result<(), End> {
        self.until(at + self.rtt() / 2).await?;
        self.while_silent().await?;
        self.moved = self.net.now();
        self.io.write_all(bytes).await.map_err(|_gone| End::Left)
    }

    async fn while_silent(&mut self) -> Result<(), End> {
        while self.is_silent() {
            let next = self.net.next_change(self.at.0, self.net.now());
            self.until(next.min(NEVER)).await?;
        }
        Ok(())
    }

    async fn until(&mut self, at: Duration) -> Result<(), End> {
        while let Woken::Data = self.wait(at).await? {}
        Ok(())
    }

    /// Waits, reads what comes, and sees what the path does meanwhile.
    async fn wait(&mut self, at: Duration) -> Result<Woken, End> {
        let mut buffer = [0; 4096];
        loop {
            let now = self.net.now();
            let dies = self.look(now)?;
            if now >= at {
                return Ok(Woken::Time);
            }
            let next = self.net.next_change(self.at.0, now).min(dies).min(at);
            tokio::select! {
                biased;
                read = self.io.read(&mut buffer) => match read {
                    Ok(0) | Err(_) => return Err(End::Left),
                    Ok(count) => {
                        self.inbox.extend_from_slice(&buffer[..count]);
                        self.heard(now);
                        return Ok(Woken::Data);
                    }
                },
                () = sleep_until(self.net.instant(next)) => {}
            }
        }
    }

    /// What the path does now; when it kills the connection, if nothing changes.
    fn look(&mut self, now: Duration) -> Result<Duration, End> {
        match self.net.path(self.at, now) {
            Path::Gone => return Err(End::Closed),
            Path::Silent { forgets } => self.forgotten |= forgets,
            Path::Open if !self.forgotten => self.unheard = None,
            Path::Open => {}
        }
        let dies = if self.is_silent() { self.dies() } else { NEVER };
        if now >= dies { Err(End::Closed) } else { Ok(dies) }
    }

    /// Bytes of the gateway's have come.
    fn heard(&mut self, now: Duration) {
        self.moved = now;
        if self.is_silent() {
            self.unheard.get_or_insert(now);
        }
    }

    fn dies(&self) -> Duration {
        self.unheard.map_or(self.moved + KEEPALIVE_MAX, |since| since + UNACKNOWLEDGED_MAX)
    }
}
