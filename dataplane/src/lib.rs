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

pub mod cli;

pub mod source;

pub mod secret;

pub mod snapshot;

pub mod run;

pub mod server;

pub mod percore;

pub mod gateway;

pub mod jobs;

pub mod error;
pub mod export;

mod json;

pub mod body;

pub mod form;

pub mod media;

pub mod payload;

pub mod wire;

pub mod chat;

pub mod provider;

pub mod framing;

pub mod sse;

pub mod upstream;

pub mod health;

pub mod usage;

pub mod ledger;

pub mod telemetry;

pub mod admin;

pub mod allowance;

pub mod clock;

pub mod environment;

pub mod identity;

pub mod sidecar;

pub mod inject;
