//! The conformance matrix: every provider, client wire and feature, as a gateway process really does it.
//!
//! ```text
//! feature × wire ─► request ─► gateway ─► double of the provider ─► Heard: did it arrive?
//!                              └────────► Told: did the client get what it must? ─► Outcome ─► docs/compatibility.md
//! ```
//!
//! A feature is a file in `features`, a provider a row in `provider.rs`. What may be lost on the way is listed in `losses.rs`,
//! what is still wrong in `open.rs`.

pub mod cell;
pub mod document;
pub mod double;
pub mod endpoints;
pub mod feature;
pub mod features;
mod gathered;
pub mod heard;
mod losses;
mod open;
pub mod provider;
pub mod said;
pub mod stage;
pub mod wire;
