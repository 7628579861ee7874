//! The gateway of AIGNE Hub.
//!
//! ```text
//! source ──► snapshot ──► gateway: ingress → authenticate → route → admit → dispatch → respond → settle
//!                            │                                        │          │          │
//!                           body                              provider+upstream  wire   ledger (journal → store)
//!                                                                     └── chat ──┘
//! ```
//!
//! `wire` (what clients speak) and `provider` (what providers speak) are pure and don't know each other; both
//! know `chat`. I/O is in four places: the listener, `upstream`, `ledger` and `source`.

pub mod clock;

pub mod usage;

pub mod body;

pub mod chat;

pub mod sse;

pub mod wire;

pub mod provider;

pub mod ledger;

pub mod cli;
