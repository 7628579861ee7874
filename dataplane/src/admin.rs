//! Health, metrics and findings, and the money API, on their own listener: never on the one that clients reach.

pub mod accounts;
mod problem;
pub mod token;

use std::{
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    source::Source,
    telemetry::{self, Telemetry},
};

/// What the admin listener shows.
#[derive(Clone)]
pub struct Admin {
    /// All metrics.
    pub telemetry: Arc<Telemetry>,
    /// Whether this gateway wants traffic.
    pub readiness: Readiness,
    /// The configuration in use.
    pub source: Source,
    /// What the money API works with; none: it is off.
    pub money: Option<accounts::Money>,
}

/// Whether this gateway wants traffic. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicU8>);

const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;

impl Readiness {
    /// Everything is loaded and every listener is open. Draining stays draining.
    pub fn ready(&self) {
        let _ = self.0.compare_exchange(STARTING, READY, Relaxed, Relaxed);
    }

    /// No new traffic, please.
    pub fn drain(&self) {
        self.0.store(DRAINING, Relaxed);
    }

    /// Why not, or nothing.
    fn refusal(&self) -> Option<&'static str> {
        match self.0.load(Relaxed) {
            READY => None,
            DRAINING => Some("draining"),
            _ => Some("starting: the configuration is not loaded yet"),
        }
    }
}

/// Serves until `shutdown` resolves, then lets running requests end.
pub async fn serve(
    listener: TcpListener,
    admin: Admin,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, router(admin)).with_graceful_shutdown(shutdown).await
}

impl Admin {
    /// Why there should be no traffic, or nothing.
    fn refusal(&self) -> Option<String> {
        let reason = self.readiness.refusal()?;
        let rejected = self.source.rejected.borrow();
        match rejected.first().filter(|_| self.source.loaded.borrow().is_empty()) {
            Some(problem) => Some(format!("{reason}: {problem}")),
            None => Some(reason.to_owned()),
        }
    }
}

fn router(admin: Admin) -> Router {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/config/findings", get(findings));
    let router =
        accounts::PATHS.iter().fold(router, |router, path| router.route(path, any(accounts::handle)));
    router.with_state(admin)
}

async fn readyz(State(admin): State<Admin>) -> Response {
    match admin.refusal() {
        None => "ok\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    match admin.telemetry.encode() {
        Ok(text) => ([(CONTENT_TYPE, telemetry::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn findings(State(admin): State<Admin>) -> Response {
    let loaded = Arc::clone(&admin.source.loaded.borrow());
    let rejected = Arc::clone(&admin.source.rejected.borrow());
    let answer = json!({
        "revision": loaded.revision,
        "digest": loaded.digest,
        "sequence": loaded.sequence,
        "findings": loaded.findings,
        "rejected": *rejected,
    });
    Json(answer).into_response()
}

#[cfg(test)]
mod tests;
