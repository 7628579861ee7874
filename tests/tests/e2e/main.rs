//! AIGNE Hub on a real cluster, with real pods. One subject a file. What takes longer than a minute is `#[ignore]`d:
//! `make e2e-short` leaves it out, `make e2e` does not.

mod first_chat;
mod platform;
mod sidecar;
