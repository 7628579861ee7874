//! The task that talks to the ledger: one exchange at a time, for everybody who asked meanwhile.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use tokio::{sync::mpsc, time};
use uuid::Uuid;

use super::{
    desk::Desk,
    shared::{Message, Shared},
};
use crate::ledger::leases::{Ask, Leases};

/// The task's half of [`super::Allowances`].
#[derive(Debug)]
pub struct Leaser {
    shared: Arc<Shared>,
    asks: mpsc::UnboundedReceiver<Message>,
}

impl Leaser {
    pub(super) fn new(shared: Arc<Shared>, asks: mpsc::UnboundedReceiver<Message>) -> Self {
        Self { shared, asks }
    }

    /// For tests that carry messages themselves.
    #[cfg(test)]
    pub(super) fn into_parts(self) -> (Arc<Shared>, mpsc::UnboundedReceiver<Message>) {
        (self.shared, self.asks)
    }

    /// Serves until [`super::Allowances::close`], or until nobody can ask any more; then tells the ledger what is left.
    /// `holder` is this process's own: no other that ever lived has it.
    pub async fn run<L: Leases>(mut self, store: L, holder: Uuid) {
        let mut desk = Desk::new(Arc::clone(&self.shared));
        loop {
            if !self.drain(&mut desk) {
                break;
            }
            let now = self.shared.now();
            desk.tick(now);
            if let Some(asks) = desk.prepare(now) {
                self.exchange(&mut desk, &store, holder, &asks, now).await;
                continue;
            }
            let until = self.shared.instant(desk.wakes_at());
            match time::timeout_at(until, self.asks.recv()).await {
                Ok(Some(message)) => {
                    if !desk.hear(message, self.shared.now()) {
                        break;
                    }
                }
                Ok(None) => break,
                Err(_) => {}
            }
        }
        // Who waits now is answered by nobody.
        self.asks.close();
        let now = self.shared.now();
        if let Some(asks) = desk.finish(now) {
            self.exchange(&mut desk, &store, holder, &asks, now).await;
        }
    }

    /// Hears everything that came meanwhile. Returns whether to go on.
    fn drain(&mut self, desk: &mut Desk) -> bool {
        loop {
            match self.asks.try_recv() {
                Ok(message) => {
                    if !desk.hear(message, self.shared.now()) {
                        return false;
                    }
                }
                Err(mpsc::error::TryRecvError::Disconnected) => return false,
                Err(mpsc::error::TryRecvError::Empty) => return true,
            }
        }
    }

    async fn exchange<L: Leases>(&self, desk: &mut Desk, store: &L, holder: Uuid, asks: &[Ask], asked: u64) {
        let metrics = &self.shared.metrics;
        metrics.exchanges.fetch_add(1, Relaxed);
        metrics.asks.fetch_add(asks.len() as u64, Relaxed);
        let ttl = self.shared.options.ttl;
        // Soon enough to try again before leases end.
        match time::timeout(ttl / 6, store.exchange(holder, ttl, asks)).await {
            Ok(Ok(exchanged)) => desk.answered(asked, self.shared.now(), &exchanged),
            Ok(Err(error)) => self.failed(desk, &error.to_string()),
            Err(_) => self.failed(desk, "no answer in time"),
        }
    }

    /// Said once, until it answers again.
    fn failed(&self, desk: &mut Desk, error: &str) {
        if !self.shared.metrics.away.load(Relaxed) {
            tracing::warn!(
                error,
                "the ledger grants nothing: requests go on with what was granted, then by policy"
            );
        }
        desk.failed(self.shared.now());
    }
}
