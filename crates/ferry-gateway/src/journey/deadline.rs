//! Waiting under a deadline without paying for a timer when there is nothing to wait for.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;

/// The deadline passed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Late;

/// The future's output, or [`Late`] when `at` comes first. A future that is ready at once costs no timer.
pub(super) async fn before<F: Future>(at: Instant, future: F) -> Result<F::Output, Late> {
    let mut future = pin!(future);
    if let Some(output) = at_once(&mut future).await {
        return Ok(output);
    }
    tokio::time::timeout_at(at.into(), future).await.map_err(|_elapsed| Late)
}

/// The output of a future that is ready now; `None` leaves it to be waited for.
pub(super) async fn at_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| match Pin::new(&mut *future).poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
