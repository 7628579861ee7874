//! The operator of AIGNE Hub.

fn main() {}
