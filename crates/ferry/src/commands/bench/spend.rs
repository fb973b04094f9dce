//! Whether a target's answers may cost money, before a single one that could is asked for. A mock says of itself that it
//! is one, in a header that a gateway before it passes on; whatever does not say so is taken for a provider. That a target
//! is on loopback proves nothing: a gateway there leads to a provider as well.

use std::time::Duration;

use super::call::Call;
use super::connection::{Dialler, Trouble};
use super::target::Url;
use super::verdict::Failure;

/// A list of models comes at once, or the target cannot be measured.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purse {
    /// A mock answers; an answer that is not a mock's ends the run.
    Free,
    /// The user said yes to whatever it costs.
    Open,
    /// It answers with this status, and not as a mock does.
    Unknown(u16),
}

/// Connects, and asks for the list of models, which is free everywhere. With `--yes-spend` nothing is asked.
///
/// # Errors
/// No connection or no answer.
pub(super) async fn purse(
    dialler: &Dialler,
    call: &Call,
    url: &Url,
    yes_spend: bool,
) -> Result<Purse, Trouble> {
    let asked = async {
        let mut connection = dialler.dial().await?;
        if yes_spend {
            return Ok(Purse::Open);
        }
        let came = connection.ask(&call.unpaid, |_| {}, |_, _| {}).await;
        let came = came.map_err(|Trouble { failure, words }| Trouble {
            failure,
            words: format!("ask {url}: {words}"),
        })?;
        Ok(if came.marked { Purse::Free } else { Purse::Unknown(came.status) })
    };
    let late = || Trouble {
        failure: Failure::Timeout,
        words: format!("get an answer from {url} within {} s", PATIENCE.as_secs()),
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_late| Err(late()))
}
