//! Black-box tests of AIGNE Hub, and the parts they stand on.

pub mod chaos;
pub mod conformance;
pub mod contention;
pub mod harness;
pub mod load;
pub mod metrics_adapter;
pub mod propagation;
pub mod scripted;
pub mod web;

/// The time of day, for programs and tests that stand beside a hub.
#[expect(clippy::disallowed_methods, reason = "they say when something was, and decide nothing by it")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Returns at SIGTERM or Ctrl-C. A program that is a container's first has to ask for both, or it is deaf to them.
pub async fn told_to_end() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
