//! Health and metrics, on their own listener.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, time::Instant};

use crate::metrics::{self, Metrics};

/// A loop that says nothing for so long hangs.
const ALIVE_WITHIN: Duration = Duration::from_mins(1);

/// How the loop is. Clones share it.
#[derive(Clone, Debug)]
pub struct Health(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    began: Instant,
    /// Milliseconds from the beginning to the last sign of life.
    beat: AtomicU64,
    synced: AtomicBool,
}

impl Default for Health {
    fn default() -> Self {
        Self(Arc::new(Shared {
            began: Instant::now(),
            beat: AtomicU64::new(0),
            synced: AtomicBool::new(false),
        }))
    }
}

impl Health {
    /// The loop goes round.
    pub fn beat(&self) {
        let since = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.beat.store(since, Relaxed);
    }

    /// Every watch has listed what there is, or not yet.
    pub fn synced(&self, synced: bool) {
        self.0.synced.store(synced, Relaxed);
    }

    fn is_alive(&self) -> bool {
        let beat = Duration::from_millis(self.0.beat.load(Relaxed));
        self.0.began.elapsed().saturating_sub(beat) < ALIVE_WITHIN
    }

    fn is_synced(&self) -> bool {
        self.0.synced.load(Relaxed)
    }
}

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, health: Health, metrics: Metrics) -> io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(exposition))
        .with_state((health, metrics));
    axum::serve(listener, router).await
}

async fn healthz(State((health, _)): State<(Health, Metrics)>) -> Response {
    if health.is_alive() { "ok\n".into_response() } else { unavailable("the loop hangs\n") }
}

/// One that stands by is ready too.
async fn readyz(State((health, _)): State<(Health, Metrics)>) -> Response {
    if health.is_synced() {
        "ok\n".into_response()
    } else {
        unavailable("starting: not every watch has listed what there is\n")
    }
}

async fn exposition(State((_, metrics)): State<(Health, Metrics)>) -> Response {
    match metrics.encode() {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn unavailable(text: &'static str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_says_nothing_hangs() {
        let health = Health::default();
        assert!(health.is_alive());
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(health.is_alive());
        health.beat();
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(health.is_alive());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!health.is_alive());
    }

    #[test]
    fn it_is_ready_once_it_is_synced() {
        let health = Health::default();
        assert!(!health.is_synced());
        health.synced(true);
        assert!(health.clone().is_synced());
    }
}
