//! Black-box tests of AIGNE Hub, and the parts they stand on.

pub mod chaos;
pub mod contention;
pub mod harness;
pub mod propagation;
pub mod scripted;
