//! The command line.

pub mod usage;
