//! Several gateways on one Postgres, hundreds of tenants, and everything that can go wrong at once; then the books are opened.
//!
//! ```text
//! clients ──► gateways ──► network ──► scripted provider ──► its own count, in a file
//!   leave     killed        slow, cut     fails, stalls, breaks off
//!             └► network ──► Postgres ──► usage rows, entries, balances
//!                slow, cut    stopped, paused, killed
//!
//! count, rows, what clients got ──► verdict
//! ```
//!
//! Clients' scripts and the sequence of events are drawn from a seed. `make chaos` runs it for minutes, a test for seconds.

pub(crate) mod client;
pub(crate) mod deed;
pub(crate) mod dice;
mod events;
pub(crate) mod gateway;
mod proxy;
mod run;
pub(crate) mod tenants;
mod verdict;

use std::time::Duration;

pub use client::{End, Got};
pub use events::Happened;
pub use run::run;
pub use verdict::{AllCaps, Books, Caps, Figures, Joined, Verdict, compare};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything is drawn from it.
    pub seed: u64,
    /// How long clients ask.
    pub time: Duration,
    /// Processes.
    pub gateways: usize,
    /// Of four kinds, as many of each.
    pub tenants: usize,
    /// Each asks one request after the other.
    pub clients: usize,
    /// Tenants have caps, and whether they hold is a part of the verdict.
    pub caps: bool,
}

/// Whether gateways hold tenants to their caps: until they do, caps are left out.
pub const CAPS_ARE_ENFORCED: bool = true;

impl Options {
    /// What an average tenant's clients would spend in the time if nobody held them back: nano-dollars, roughly.
    fn demand(&self) -> i64 {
        const REQUESTS_PER_CLIENT_AND_SECOND: u64 = 8;
        const NANOS_PER_REQUEST: u64 = 300_000;
        let clients = u64::try_from(self.clients).unwrap_or(u64::MAX);
        let tenants = u64::try_from(self.tenants).unwrap_or(u64::MAX).max(1);
        let requests = self.time.as_secs() * clients * REQUESTS_PER_CLIENT_AND_SECOND / tenants;
        i64::try_from(requests * NANOS_PER_REQUEST).unwrap_or(i64::MAX)
    }
}
