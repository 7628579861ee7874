//! The process's own log, on stderr.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Which lines: a `tracing` filter, for example `info,aigne_hub::source=debug`.
pub const FILTER_VARIABLE: &str = "AIGNE_HUB_LOG";
/// `json` or `text`; text on a terminal and JSON elsewhere when it is not set.
pub const FORMAT_VARIABLE: &str = "AIGNE_HUB_LOG_FORMAT";

/// Starts logging. A second call does nothing.
pub fn init(filter: Option<&str>, format: Option<&str>) {
    let json = format.map_or_else(|| !stderr().is_terminal(), |format| format == "json");
    // sqlx logs each statement at debug and slow ones at warn; its info says nothing to an operator.
    let filter = EnvFilter::try_new(filter.unwrap_or("info,sqlx=warn"))
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let registry = tracing_subscriber::registry().with(filter);
    let started = if json {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(stderr)).try_init()
    } else {
        registry
            .with(fmt::layer().with_target(false).with_ansi(stderr().is_terminal()).with_writer(stderr))
            .try_init()
    };
    if started.is_err() {
        tracing::debug!("logging had been started already");
    }
}
