//! The process's own log, on stderr.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Which lines: a `tracing` filter, for example `info,aigne_hub::source=debug`.
pub const FILTER_VARIABLE: &str = "AIGNE_HUB_LOG";
/// `json` or `text`; text on a terminal and JSON elsewhere when it is not set.
pub const FORMAT_VARIABLE: &str = "AIGNE_HUB_LOG_FORMAT";
/// Libraries' own words say nothing to an operator: that a folder is not there any more is told by the source.
pub const DEFAULT_FILTER: &str = "info,sqlx=warn,notify=error";

/// Starts logging. A filter that cannot be read is replaced by the default; a second call does nothing.
pub fn init(filter: &str, format: Option<&str>) {
    let json = format.map_or_else(|| !stderr().is_terminal(), |format| format == "json");
    let parsed = EnvFilter::try_new(filter);
    let wrong = parsed.is_err();
    let filter_layer = parsed.unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let registry = tracing_subscriber::registry().with(filter_layer);
    let started = if json {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(stderr)).try_init()
    } else {
        let text = fmt::layer().with_target(false).with_ansi(stderr().is_terminal()).with_writer(stderr);
        registry.with(text).try_init()
    };
    if started.is_ok() && wrong {
        tracing::warn!("{FILTER_VARIABLE} cannot be read as a filter; {DEFAULT_FILTER} is used");
    }
}
