//! The same machine over HTTP/2: a pump carries bytes between the gateway and a server of streams, with the
//! path's delay and faults; every stream is served by itself.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{Request as HttpRequest, Response, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use super::{End, NEVER, Pipe, Probed, Script, probed, script};
use crate::tests::simulation::api::{self, Answer, Request};
use crate::tests::simulation::ledger::{Delivery, Entry, Fate};
use crate::tests::simulation::network::Network;
use crate::tests::simulation::plan::Fault;

const PIPE_BYTES: usize = 64 * 1024;

/// What the streams of one connection share.
struct Shared {
    net: Arc<Network>,
    at: (usize, usize),
    id: usize,
    /// A stream breaks the connection, and all others with it.
    breaks: Notify,
    /// How the connection ended.
    over: OnceLock<End>,
}

/// Bytes under way in one direction.
#[derive(Default)]
struct UnderWay(VecDeque<(Duration, Vec<u8>)>);

impl UnderWay {
    fn due(&self) -> Duration {
        self.0.front().map_or(NEVER, |(due, _)| *due)
    }

    async fn deliver(&mut self, now: Duration, to: &mut DuplexStream) -> bool {
        let mut moved = false;
        while let Some((_, bytes)) = self.0.pop_front_if(|(due, _)| *due <= now) {
            moved = true;
            // Whoever has left reads nothing more; the next read tells.
            drop(to.write_all(&bytes).await);
        }
        moved
    }
}

impl Pipe {
    pub(super) async fn run_http2(&mut self) -> End {
        let (mut inner, servers) = tokio::io::duplex(PIPE_BYTES);
        let (net, at, id) = (Arc::clone(&self.net), self.at, self.id);
        let shared = Shared { net, at, id, breaks: Notify::new(), over: OnceLock::new() };
        let shared = Arc::new(shared);
        drop(self.net.tasks.spawn(serve(Arc::clone(&shared), servers)));
        let end = self.pump(&mut inner, &shared).await;
        shared.over.get_or_init(|| end);
        end
    }

    async fn pump(&mut self, inner: &mut DuplexStream, shared: &Shared) -> End {
        let (mut up, mut down) = (UnderWay::default(), UnderWay::default());
        let (mut above, mut below) = ([0; 4096], [0; 4096]);
        let delay = self.rtt() / 2;
        loop {
            let now = self.net.now();
            let dies = match self.look(now) {
                Ok(dies) => dies,
                Err(end) => return end,
            };
            let mut due = NEVER;
            if !self.is_silent() {
                up.deliver(now, inner).await;
                if down.deliver(now, &mut self.io).await {
                    self.moved = now;
                }
                due = up.due().min(down.due());
            }
            let next = self.net.next_change(self.at.0, now).min(dies).min(due);
            tokio::select! {
                biased;
                read = self.io.read(&mut above) => match read {
                    Ok(0) | Err(_) => return End::Left,
                    Ok(count) => {
                        self.heard(now);
                        up.0.push_back((now + delay, above[..count].to_vec()));
                    }
                },
                read = inner.read(&mut below) => match read {
                    Ok(0) | Err(_) => return End::Closed,
                    Ok(count) => down.0.push_back((now + delay, below[..count].to_vec())),
                },
                () = shared.breaks.notified() => return End::Closed,
                () = sleep_until(self.net.instant(next)) => {}
            }
        }
    }
}

async fn serve(shared: Arc<Shared>, io: DuplexStream) {
    let streams = shared.net.plan.nodes[shared.at.0].streams_max;
    let mut builder = Builder::new();
    builder.max_concurrent_streams(streams);
    let Ok(mut open) = builder.handshake::<_, Bytes>(io).await else { return };
    let mut served = 0_u32;
    while let Some(Ok((request, answer))) = open.accept().await {
        let has = |fault| shared.net.faults(shared.at, shared.net.now()).any(|has| has == fault);
        if served == 0 && has(Fault::ResetAfterConnect) {
            return shared.breaks.notify_one();
        }
        if has(Fault::Stale) {
            open.graceful_shutdown();
        }
        let refused = has(Fault::RefusesStreams);
        served += 1;
        let stream = Stream { shared: Arc::clone(&shared), answer, body: None };
        drop(shared.net.tasks.spawn(stream.run(request, refused)));
    }
}

/// One stream.
struct Stream {
    shared: Arc<Shared>,
    answer: SendResponse<Bytes>,
    body: Option<SendStream<Bytes>>,
}

impl Stream {
    async fn run(mut self, request: HttpRequest<RecvStream>, refused: bool) {
        let arrived = self.shared.net.now();
        let agent = request.headers().get(header::USER_AGENT);
        if agent.is_some_and(|agent| agent == "ferry-probe") {
            // Whoever asked looks at the answer; nobody looks at how it was given.
            self.probe().await.ok();
            return;
        }
        let Some(body) = read(request.into_body()).await else { return };
        let Request::Call { number, stream } = api::asked(&body) else { return };
        let net = Arc::clone(&self.shared.net);
        let (machine, _) = self.shared.at;
        let written = arrived.saturating_sub(net.plan.nodes[machine].rtt / 2);
        let delivery = Delivery::begin(machine, self.shared.id, false, written);
        let entry = net.enter(number, delivery);
        if refused {
            self.answer.send_reset(Reason::REFUSED_STREAM);
            net.settle(entry, Fate::Refused);
            return;
        }
        let fate = match self.speak(entry, stream).await {
            Ok(fate) => fate,
            Err(End::Left) => Fate::Left,
            Err(End::Closed) => Fate::Broken,
        };
        net.settle(entry, fate);
    }

    async fn probe(&mut self) -> Result<(), End> {
        match probed(&self.shared.net, self.shared.at) {
            Probed::Answer(answer) => self.send_whole(&answer),
            Probed::Silence => self.until(NEVER).await,
            Probed::Cut => Err(self.cut()),
        }
    }

    async fn speak(&mut self, entry: Entry, stream: bool) -> Result<Fate, End> {
        let net = Arc::clone(&self.shared.net);
        let script = match script(&net, self.shared.at, entry, stream) {
            Script::Answer(answer, fate) => {
                self.send_whole(&answer)?;
                net.answered(entry);
                return Ok(fate);
            }
            Script::Silence => {
                self.until(NEVER).await?;
                return Ok(Fate::Unknown);
            }
            Script::CutAt(at) => {
                self.until(at).await?;
                return Err(self.cut());
            }
            Script::Speak(script) => script,
        };
        let count = script.spoken.pieces.len();
        for (at, (piece, due)) in script.spoken.pieces.iter().zip(&script.dues).enumerate() {
            self.until(*due).await?;
            if at == 0 {
                self.send_head(&script.spoken.head, false)?;
            }
            let last = at + 1 == count && !script.spoken.breaks;
            self.send(piece, last)?;
            net.answered(entry);
        }
        if script.spoken.breaks {
            // Its last bytes leave before it breaks.
            let soon = net.now() + Duration::from_millis(1);
            self.until(soon).await?;
            return Err(self.cut());
        }
        Ok(script.fate)
    }

    /// Ends this stream alone, or the whole connection.
    fn cut(&mut self) -> End {
        if self.shared.net.percent(50) {
            self.shared.breaks.notify_one();
        } else if let Some(body) = &mut self.body {
            body.send_reset(Reason::INTERNAL_ERROR);
        } else {
            self.answer.send_reset(Reason::INTERNAL_ERROR);
        }
        End::Closed
    }

    fn ended(&self) -> End {
        self.shared.over.get().copied().unwrap_or(End::Left)
    }

    fn send_head(&mut self, head: &Answer, last: bool) -> Result<(), End> {
        let mut response = Response::builder().status(head.status);
        for (name, value) in &head.fields {
            response = response.header(*name, value);
        }
        let sent = self.answer.send_response(response.body(()).unwrap(), last);
        self.body = Some(sent.map_err(|_gone| self.ended())?);
        Ok(())
    }

    fn send(&mut self, piece: &str, last: bool) -> Result<(), End> {
        let bytes = Bytes::copy_from_slice(piece.as_bytes());
        let sent = self.body.as_mut().map(|body| body.send_data(bytes, last));
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(self.ended()),
        }
    }

    fn send_whole(&mut self, answer: &Answer) -> Result<(), End> {
        self.send_head(answer, false)?;
        self.send(&answer.body, true)
    }

    /// Waits; an error when the gateway gives the stream up, or the connection ends.
    async fn until(&mut self, at: Duration) -> Result<(), End> {
        let timer = sleep_until(self.shared.net.instant(at));
        let given_up = poll_fn(|cx| match &mut self.body {
            Some(body) => body.poll_reset(cx),
            None => self.answer.poll_reset(cx),
        });
        tokio::select! {
            biased;
            _reason = given_up => Err(self.ended()),
            () = timer => Ok(()),
        }
    }
}

async fn read(mut body: RecvStream) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.ok()?;
        bytes.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len()).ok()?;
    }
    String::from_utf8(bytes).ok()
}
