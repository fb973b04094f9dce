//! The journey of a request, one line per room.

pub mod settings;
pub use settings::{Settings, Timeouts};
