//! The operator's log, on stderr.

use std::io::{IsTerminal as _, stderr};

use clap::ValueEnum;
use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// Which lines: a `tracing` filter, for example `info,aigne_hub_operator=debug`.
pub const FILTER_VARIABLE: &str = "AIGNE_HUB_LOG";

/// Beginnings of targets. The client writes whole answers to its log where it cannot read them, and answers hold Secrets: it is held silent
/// whatever the filter says. What matters of its errors is said here.
const SILENT: [&str; 4] = ["kube_client", "kube_runtime", "hyper", "tower"];

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For programs: one object a line.
    Json,
    /// For people.
    Text,
}

/// Starts logging; a second call does nothing.
pub fn init(format: Format) {
    let wanted = std::env::var(FILTER_VARIABLE).unwrap_or_default();
    let parsed = EnvFilter::try_new(if wanted.is_empty() { "info" } else { &wanted });
    let wrong = parsed.is_err();
    let filter = parsed.unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(may_be_heard));
    let started = match format {
        Format::Json => registry.with(fmt::layer().json().flatten_event(true).with_writer(stderr)).try_init(),
        Format::Text => {
            let ansi = stderr().is_terminal();
            registry.with(fmt::layer().with_target(false).with_ansi(ansi).with_writer(stderr)).try_init()
        }
    };
    if started.is_ok() && wrong {
        tracing::warn!("{FILTER_VARIABLE} cannot be read as a filter; info is used");
    }
}

/// A filter may name a part of a crate, and would win over a directive about the whole.
fn may_be_heard(metadata: &Metadata<'_>) -> bool {
    !SILENT.iter().any(|silent| metadata.target().starts_with(silent))
}
