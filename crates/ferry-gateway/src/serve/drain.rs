//! A refused upload is read on for a little while, so that its client sees the answer and not a reset.
//!
//! A socket closed with unread bytes in it answers with RST, which discards what the client has not read yet, our
//! refusal included. Never reads beyond its bounds: a client that sends on and on is cut after all.

use std::time::Duration;

use bytes::Buf;
use http_body::Body;
use hyper::body::Incoming;

/// What an SDK has in flight at most when it begins to read: socket buffers of both sides and a little.
pub const DRAIN_BYTES: u64 = 1024 * 1024;

/// A client on a slow path needs a round trip or two to notice; more is a way to hold the connection.
pub const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Reads and drops up to `bytes_max` bytes of a body for at most `time_max`; true when that was all of it.
///
/// Call it with the answer in hand and before giving that back. Not for a body whose `Expect: 100-continue` has not
/// been answered: reading it would invite the client to send.
pub async fn drain_body(mut body: Incoming, bytes_max: u64, time_max: Duration) -> bool {
    if body.is_end_stream() {
        return true;
    }
    let read = async {
        let mut left = bytes_max;
        loop {
            let frame =
                std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context));
            let Some(frame) = frame.await else { return true };
            let Ok(frame) = frame else { return false };
            let read = frame.data_ref().map_or(0, Buf::remaining) as u64;
            let Some(rest) = left.checked_sub(read) else { return false };
            left = rest;
        }
    };
    tokio::time::timeout(time_max, read).await.unwrap_or(false)
}
