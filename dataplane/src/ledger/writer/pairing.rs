//! From intents and outcomes to rows.

use std::collections::HashMap;

use uuid::Uuid;

use crate::ledger::journal::Record;
use crate::ledger::{Intent, Row};

/// The attempts of one journal that have begun and not ended.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    open: HashMap<(Uuid, u32), Intent>,
}

impl Pairing {
    /// A row where the record ends an attempt. An outcome without an intent gives none: it was paired before.
    pub(super) fn take(&mut self, record: Record) -> Option<Row> {
        match record {
            Record::Intent(intent) => {
                self.open.insert((intent.request_id, intent.attempt), intent);
                None
            }
            Record::Outcome(outcome) => {
                let intent = self.open.remove(&(outcome.request_id, outcome.attempt))?;
                Some(Row { intent, outcome })
            }
        }
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Intent> {
        self.open.values()
    }

    /// Nothing more comes: what is open never ended.
    pub(super) fn interrupted(self) -> Vec<Row> {
        self.open.into_values().map(Row::interrupted).collect()
    }
}
