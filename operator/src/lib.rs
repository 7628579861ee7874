//! The operator: turns `AIProvider`, `ModelPricing` and `Tenant` objects into what gateways load, and says how they are.
//!
//! ```text
//!   watch ──► gather ──► compile ──► build ──► apply ──► report
//!   I/O       pure ······················►     I/O       pure, then I/O
//! ```
//!
//! [`World`](gather::World) takes what is seen ([`change`]) and says what there is to do ([`plan`]); it never waits and
//! reads no clock. Everything around it only carries.

pub mod change;
pub mod gather;
pub mod plan;

mod backoff;
mod build;
mod compile;
mod gateways;
mod keys;
mod report;
mod status;
