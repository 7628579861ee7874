//! AIGNE Hub from outside: a process, its sockets, its files. One subject a file.

mod accounts;
mod bad_input;
mod chaos;
mod chat_translated;
mod chat_verbatim;
mod cli;
mod dialects;
mod documents;
mod drain;
mod examples;
mod export;
mod identity;
mod invariants;
mod limits;
mod metering;
mod metrics_and_logs;
mod money;
mod reload;
mod retry;
mod rules;
mod scripted_provider;
mod sdk;
mod sidecar;
mod tls;
mod transport;
mod traps;
