//! From intents and outcomes to rows.

use std::collections::HashMap;

use uuid::Uuid;

use crate::ledger::journal::Record;
use crate::ledger::{Intent, Row};

/// The attempts of one journal that have begun and not ended.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    open: HashMap<(Uuid, u32), Intent>,
    unmatched: u64,
}

impl Pairing {
    /// A row where the record ends an attempt. An outcome without an intent gives none: in a replay its intent
    /// was paired, and shipped, before.
    pub(super) fn take(&mut self, record: Record) -> Option<Row> {
        match record {
            Record::Intent(intent) => {
                self.open.insert((intent.request_id, intent.attempt), intent);
                None
            }
            Record::Outcome(outcome) => {
                let intent = self.open.remove(&(outcome.request_id, outcome.attempt));
                self.unmatched += u64::from(intent.is_none());
                intent.map(|intent| Row { intent, outcome })
            }
        }
    }

    /// Outcomes without an intent since the last call.
    pub(super) fn take_unmatched(&mut self) -> u64 {
        std::mem::take(&mut self.unmatched)
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Intent> {
        self.open.values()
    }

    /// Nothing more comes: what is open never ended.
    pub(super) fn interrupted(self) -> Vec<Row> {
        self.open.into_values().map(Row::interrupted).collect()
    }
}
