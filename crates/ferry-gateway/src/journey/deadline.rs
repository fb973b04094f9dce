//! Waiting under a deadline without paying for a timer when there is nothing to wait for.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

/// The deadline passed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Late;

/// The future's output, or [`Late`] when `at` comes first. A future that is ready at once costs no timer.
pub(super) async fn before<F: Future>(at: Instant, future: F) -> Result<F::Output, Late> {
    let mut future = pin!(future);
    let at_once = poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    });
    if let Some(output) = at_once.await {
        return Ok(output);
    }
    tokio::time::timeout_at(at.into(), future).await.map_err(|_elapsed| Late)
}
