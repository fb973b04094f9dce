//! A scripted Claude API over real sockets: Messages with real SSE, usage and errors, batches, files, models, and
//! faults on a dial. Tests, the demo, `ferry bench` and users' CI run against it instead of the provider.
//! It never dials out, never reads the environment and never stands in for a security boundary: any key is taken.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use ferry_mock::{Mock, MockSettings};
//! let mock = Mock::start(MockSettings::default()).await?;
//! mock.set_fault("529@count=2")?;
//! // ... send requests to mock.base_url() ...
//! assert_eq!(mock.stats().generations_started, 0);
//! mock.stop().await;
//! # Ok(()) }
//! ```
//!
//! Keys: any `x-api-key` or `Authorization: Bearer` is taken but `sk-ant-invalid*` (401) and `sk-ant-forbidden*` (403);
//! a request with an `Origin` is refused (401). Models whose name begins with `retired-` are not found.
//! Prompt markers and `x-mock-*` headers turn the knobs of one request (table in `knobs.rs`, grammar of faults in
//! [`fault`]); `/__mock/...` shows what the mock has seen.

pub mod fault;

mod auth;
mod batches;
mod body;
mod clock;
mod conn;
mod dice;
mod exchange;
mod files;
mod knobs;
mod ledger;
mod legacy;
mod messages;
mod models;
mod prose;
mod refusal;
mod route;
mod server;
mod sessions;
mod settings;
mod state;
mod tls;

pub use dice::{Dice, FNV_START, fnv1a, mix};
pub use ledger::{Captured, Stats, Tokens};
pub use server::{Mock, RunningMock, StartError};
pub use settings::{Capture, MARK, MockSettings, Timing, TlsSettings};
pub use tls::{Identity, TlsError};
