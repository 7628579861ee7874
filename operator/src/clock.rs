//! The time of day, for what is written down. Waiting is done by tokio's clock, which tests can stop.

use jiff::Timestamp;

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "this is where the operator's time comes from")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
