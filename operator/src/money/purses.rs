//! Which figures each tenant's status shows: new ones at once where they mean something else than the old ones, and else
//! once a minute, the longest unsaid first.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aigne_hub_crds::{compile::ObjectKey, config, v1alpha1::Tenant};
use jiff::Timestamp;

use super::{Question, Reading, figures::Figures};

/// Figures that mean the same are said no more often.
pub(crate) const EVERY: Duration = Duration::from_mins(1);
/// So many tenants' figures that mean the same are said of one reading: the API server has other things to do too.
pub(crate) const AT_ONCE: usize = 250;

/// What each tenant's status shows.
#[derive(Debug, Default)]
pub(crate) struct Purses(BTreeMap<ObjectKey, Purse>);

#[derive(Debug)]
struct Purse {
    uid: Option<String>,
    shown: Figures,
    /// Since when; of a status that an earlier operator wrote, for ages.
    since: Timestamp,
}

impl Purses {
    /// A tenant was seen, or is gone. What its status says goes on being said until the ledger says otherwise.
    pub(crate) fn see(&mut self, key: &ObjectKey, tenant: Option<&Tenant>) {
        let Some(tenant) = tenant else {
            self.0.remove(key);
            return;
        };
        let uid = &tenant.metadata.uid;
        if self.0.get(key).is_none_or(|purse| purse.uid != *uid) {
            let shown = tenant.status.as_ref().map(Figures::of_status).unwrap_or_default();
            let purse = Purse { uid: uid.clone(), shown, since: Timestamp::MIN };
            self.0.insert(key.clone(), purse);
        }
    }

    /// What a tenant's status shows.
    pub(crate) fn shown(&self, key: &ObjectKey) -> Option<&Figures> {
        self.0.get(key).map(|purse| &purse.shown)
    }

    /// What to ask the ledger.
    pub(crate) fn question<'a>(
        tenants: impl Iterator<Item = (&'a ObjectKey, &'a config::Tenant)>,
        at: Timestamp,
    ) -> Question {
        let mut question = Question { at, ..Question::default() };
        tenants.for_each(|(_, tenant)| question.add(tenant));
        question
    }

    /// Takes what the ledger says; returns the tenants whose status shows something else from now on.
    pub(crate) fn read<'a>(
        &mut self,
        reading: &Reading,
        tenants: impl Iterator<Item = (&'a ObjectKey, &'a config::Tenant)>,
        now: Timestamp,
    ) -> BTreeSet<ObjectKey> {
        let mut changed = BTreeSet::new();
        let mut routine = Vec::new();
        for (key, tenant) in tenants {
            let Some(purse) = self.0.get_mut(key) else { continue };
            let figures = Figures::read(tenant, reading, &purse.shown);
            if figures == purse.shown {
                continue;
            }
            if figures.verdict(tenant) == purse.shown.verdict(tenant) {
                if purse.since.saturating_add(EVERY).is_ok_and(|due| due <= now) {
                    routine.push((purse.since, key, figures));
                }
            } else {
                (purse.shown, purse.since) = (figures, now);
                changed.insert(key.clone());
            }
        }
        routine.sort_by_key(|(since, ..)| *since);
        for (_, key, figures) in routine.into_iter().take(AT_ONCE) {
            if let Some(purse) = self.0.get_mut(key) {
                (purse.shown, purse.since) = (figures, now);
                changed.insert(key.clone());
            }
        }
        changed
    }
}
