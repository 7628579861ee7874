//! AIGNE Hub on a real cluster, with real pods. One subject a file. What takes longer than two minutes is `#[ignore]`d:
//! `make e2e-short` leaves it out, `make e2e` does not.

mod customers;
mod first_chat;
mod kept;
mod kills;
mod network;
mod platform;
mod rights;
mod rolling;
mod scale;
mod sidecar;
mod team;
mod upgrade;
