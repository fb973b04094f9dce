//! One upstream attempt that got an answer: its connection, the body that is still coming, and the node
//! it came from. Dropped before the body has ended, it abandons the answer: HTTP/1.1 closes the
//! socket, HTTP/2 resets the stream, so that a client that leaves frees the node at once.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;

use crate::upstream::{Connection, Node, PathFault, Report};

/// An answer under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) node: Arc<Node>,
    report: Report,
    connection: Option<Connection>,
    body: Incoming,
    /// Bytes that were looked at and put back.
    ahead: Option<Bytes>,
}

impl Flight {
    pub(super) fn new(
        node: Arc<Node>,
        report: Report,
        connection: Connection,
        body: Incoming,
    ) -> Self {
        Self { node, report, connection: Some(connection), body, ahead: None }
    }

    /// The path brought an answer of the API's.
    pub(super) fn answered(&mut self) {
        self.report.answered();
    }

    /// The answer came to its end and was a good one, or the API's own error.
    pub(super) fn held(&mut self) {
        self.report.held();
    }

    /// The path failed this answer.
    pub(super) fn failed(&mut self, fault: PathFault) {
        self.report.failed(fault);
    }

    /// The next bytes of the answer; trailers are dropped. After the clean end the connection goes
    /// back to its node.
    pub(super) fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, hyper::Error>>> {
        if let Some(ahead) = self.ahead.take() {
            return Poll::Ready(Some(Ok(ahead)));
        }
        let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
        loop {
            match connection.poll_frame(cx, &mut self.body) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => {
                        if self.body.is_end_stream() {
                            self.land();
                        }
                        return Poll::Ready(Some(Ok(data)));
                    }
                    Err(_trailers) => {}
                },
                Poll::Ready(Some(Err(error))) => {
                    self.connection = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    self.land();
                    return Poll::Ready(None);
                }
            }
        }
    }

    /// Puts back what was handed out last: it comes again, first.
    pub(super) fn put_back(&mut self, bytes: Bytes) {
        self.ahead = Some(bytes);
    }

    /// True once the last byte has been handed out.
    pub(super) fn landed(&self) -> bool {
        self.connection.is_none() && self.ahead.is_none()
    }

    /// The exact length of what is still to come, when the answer says it.
    pub(super) fn length(&self) -> Option<u64> {
        let ahead = self.ahead.as_ref().map_or(0, |bytes| bytes.len() as u64);
        let rest = if self.connection.is_none() { Some(0) } else { self.body.size_hint().exact() };
        rest.map(|rest| rest + ahead)
    }

    /// True when the answer has no body at all; the connection is then free.
    pub(super) fn land_if_empty(&mut self) -> bool {
        if self.body.is_end_stream() {
            self.land();
        }
        self.landed()
    }

    fn land(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.node.give_back(connection);
        }
    }
}
