//! Jobs that were paid for and whose end nobody has seen yet. They come in with their usage row.

use std::future::Future;
use std::time::Duration;

use uuid::Uuid;

use super::store::StoreError;

/// When a job is looked at first, counted from its admission: whoever wants it has seen its end by then.
pub const FIRST_LOOK: Duration = Duration::from_mins(5);

/// From one look to the next; the last of them goes on.
pub const STEPS: [Duration; 5] = [
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
];

/// A job that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The request that made it, and paid for it.
    pub request_id: Uuid,
    /// As the client has it.
    pub id: String,
    /// Who paid.
    pub account: String,
    /// Nano-dollars, more than 0.
    pub charged: i64,
    /// Unix milliseconds of its admission.
    pub made_at: i64,
}

/// What can be done with them.
pub trait Jobs: Send + Sync + 'static {
    /// Those that are due at `now` (Unix milliseconds), the longest due first and this many at most. Each is due again a
    /// [step](STEPS) later, whatever becomes of the one who took it: nobody else gets it meanwhile, and nothing is lost.
    fn take_due(&self, now: i64, most: u32) -> impl Future<Output = Result<Vec<Due>, StoreError>> + Send;

    /// Nobody needs to look any more. It may be unknown.
    fn job_over(&self, request_id: Uuid) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// In milliseconds.
pub(super) fn steps() -> [i64; STEPS.len()] {
    STEPS.map(milliseconds)
}

/// Unix milliseconds of the first look.
pub(super) fn first_look(made_at: i64) -> i64 {
    made_at.saturating_add(milliseconds(FIRST_LOOK))
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
