//! The operator: turns `AIProvider`, `ModelPricing` and `Tenant` objects into what gateways load, and says how they are.
//!
//! ```text
//!   watch ──► gather ──► compile ──► build ──► apply ──► report
//!   I/O       pure ······················►     I/O       pure, then I/O
//! ```
//!
//! [`World`](gather::World) takes what is seen ([`change`]) and says what there is to do ([`plan`]); it never waits and
//! reads no clock. Everything around it only carries: [`run`] starts things, `session` is the one loop.

pub mod admin;
pub mod apply;
pub mod change;
pub mod cli;
pub mod clock;
pub mod database;
pub mod echo;
pub mod gather;
pub mod lanes;
pub mod lead;
pub mod ledger;
pub mod log;
pub mod metrics;
pub mod money;
pub mod plan;
pub mod run;
pub mod session;
pub mod watch;

mod backoff;
mod build;
mod compile;
mod gateways;
mod keys;
mod report;
mod status;
