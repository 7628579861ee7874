//! Load that never retries: chats and streams against a hub's address, while others roll, kill and drain it.
//!
//! ```text
//! Plan ─► Job (drawn from a seed) ─► exchange ─► Judged: whole, or how far it came ─► Tally ─► GET /report, /got
//! ```
//!
//! An answer is whole with its last event and every word that the provider was told to say; each failure is one line of
//! JSON on standard output. What clients got is kept by marker, for [`compare`](crate::chaos::compare).

mod control;
mod judge;
mod plan;
mod tally;
mod work;

use crate::chaos::Got;

pub use control::serve;
pub use plan::Plan;
pub use work::Load;

/// Reads what a load answers at `/got`.
pub fn got_in(text: &str) -> anyhow::Result<Vec<Got>> {
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}
