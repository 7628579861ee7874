//! The contract of AIGNE Hub.
//!
//! ```text
//! what people write        the one pure function        what a gateway loads
//!   v1alpha1  ──────────────►  compile  ──────────────►  config
//!      ▲                          │
//!   manifest (YAML text)          └──► findings (conditions, log lines, exit codes)
//! ```
//!
//! No I/O, no clock, no randomness: bytes and values in, values out.

pub mod v1alpha1;

pub mod manifest;

pub mod compile;

pub mod config;

pub mod distribution;

pub mod allowance;

pub mod glob;
