//! What time brings. Every gateway sees to it; the ledger makes sure that it happens once.

use std::time::Duration;

use super::Leases;

/// Between two looks.
const EVERY: Duration = Duration::from_mins(1);

/// For how long money that a silent process holds, or that an attempt without an outcome may have cost, stays taken: time
/// for a lost node to come back with its journal.
const PATIENCE: Duration = Duration::from_hours(24);

/// Works for ever. The ledger may be away: it is done when it is back.
pub async fn keep_tidy(store: impl Leases) {
    let mut ticks = tokio::time::interval(EVERY);
    let mut away = false;
    loop {
        ticks.tick().await;
        match store.tidy(PATIENCE).await {
            Ok(()) => away = false,
            Err(error) if !away => {
                away = true;
                tracing::warn!(%error, "leases cannot be tidied up yet; it is tried again");
            }
            Err(_) => {}
        }
    }
}
