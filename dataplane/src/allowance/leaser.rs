//! The task that talks to the ledger: one exchange at a time, for everybody who asked meanwhile.

use std::sync::Arc;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::shared::{Message, Shared};
use crate::ledger::leases::Leases;

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

    /// Serves until [`super::Allowances::close`], or until nobody can ask any more.
    pub async fn run<L: Leases>(mut self, store: L, holder: Uuid) {
        let _ = (&self.shared, store, holder);
        while let Some(message) = self.asks.recv().await {
            drop(message);
        }
    }
}
