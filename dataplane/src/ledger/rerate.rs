//! What usage would have cost by another price sheet: pure.
//!
//! A row is never edited. By account, tenant, day, provider and model, the difference between what the other sheet asks
//! and what was charged, earlier corrections of this kind included, is one new correction. So the same again enters
//! nothing, rows that came late are caught up with, and a further sheet begins where the last one ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aigne_hub_crds::config::PriceSheet;

use super::price::{Rate, Rates};
use super::store::UsageRow;
use crate::usage::Usage;

/// Which sheet stands for the one that was pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This one, for all rows that were charged by a sheet of the same `ModelPricing`.
    Revision(String),
    /// Of the same `ModelPricing` the one that was in effect at admission, as the sheets are now: of two with one date the
    /// one that came last.
    Current,
}

/// What is corrected at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Whose.
    pub account: String,
    /// `namespace/name` of the Tenant.
    pub tenant: String,
    /// In UTC, as `2026-03-31`.
    pub day: String,
    /// `namespace/name` of the `AIProvider`.
    pub provider: String,
    /// The model's name in the hub.
    pub model: String,
}

impl Group {
    /// What the references of its corrections begin with.
    pub fn prefix(&self) -> String {
        let Self { tenant, day, provider, model, .. } = self;
        format!("rerate/{day}/{tenant}/{provider}/{model}/")
    }
}

/// What a group was charged, and what it should have been; nano-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Attempts.
    pub rows: u64,
    /// As charged with the rows.
    pub charged: i128,
    /// By the other sheet.
    pub due: i128,
}

/// Rows that are left as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// No sheet was pinned, or it is another `ModelPricing`'s.
    pub other: u64,
    /// Nothing was charged, as the attempt failed.
    pub free: u64,
    /// What was charged does not follow from what was pinned: it is not known how to charge it anew.
    pub unexplained: u64,
    /// The other sheet has no rate for the model.
    pub unpriced: u64,
}

/// Takes rows, gives sums.
#[derive(Debug)]
pub struct Rerating {
    target: Target,
    /// By revision.
    sheets: HashMap<String, (PriceSheet, Rates)>,
    /// By `ModelPricing`, all of its sheets, one a date.
    current: HashMap<String, Rates>,
    /// What is to be corrected.
    pub groups: BTreeMap<Group, Sum>,
    /// What is not.
    pub left: Left,
}

impl Rerating {
    /// With every sheet that is known, in the order in which they came.
    pub fn new(sheets: Vec<PriceSheet>, target: Target) -> Self {
        let mut latest = HashMap::<String, BTreeMap<Option<jiff::Timestamp>, PriceSheet>>::new();
        for sheet in &sheets {
            latest.entry(sheet.source.clone()).or_default().insert(sheet.effective_from, sheet.clone());
        }
        let current = latest
            .into_iter()
            .map(|(source, sheets)| (source, Rates::new(&sheets.into_values().collect::<Vec<_>>())));
        let always = |sheet: PriceSheet| {
            let rates = Rates::new(&[PriceSheet { effective_from: None, ..sheet.clone() }]);
            (sheet.revision.clone(), (sheet, rates))
        };
        Self {
            target,
            current: current.collect(),
            sheets: sheets.into_iter().map(always).collect(),
            groups: BTreeMap::new(),
            left: Left::default(),
        }
    }

    /// Whether the sheet that is asked for is known.
    pub fn is_known(&self) -> bool {
        match &self.target {
            Target::Revision(revision) => self.sheets.contains_key(revision),
            Target::Current => true,
        }
    }

    /// Takes a row that is not in suspense.
    pub fn add(&mut self, row: &UsageRow) {
        let Some((pinned, other)) = self.rates(row) else {
            self.left.other += 1;
            return;
        };
        let usage = row.usage();
        if row.price_nanos == 0 && matches!(row.status.as_str(), "Failed" | "Unreachable") {
            self.left.free += 1;
            return;
        }
        let Some(tier) = tier(row, &usage, &pinned) else {
            self.left.unexplained += 1;
            return;
        };
        let Some(other) = other else {
            self.left.unpriced += 1;
            return;
        };
        let due = other.charge(&usage, Some(tier)).price.0;
        let group = Group {
            account: row.account.clone(),
            tenant: row.tenant.clone(),
            day: row.at.strftime("%F").to_string(),
            provider: row.provider.clone(),
            model: row.model.clone(),
        };
        let sum = self.groups.entry(group).or_default();
        sum.rows += 1;
        sum.charged += i128::from(row.price_nanos);
        sum.due += i128::from(due);
    }

    /// The rate that was pinned, and the one that is to stand for it.
    fn rates(&self, row: &UsageRow) -> Option<(Arc<Rate>, Option<Arc<Rate>>)> {
        let (sheet, rates) = self.sheets.get(row.price_revision.as_ref()?)?;
        let at = row.at.as_millisecond();
        let other = match &self.target {
            Target::Revision(revision) => {
                let (other, rates) = self.sheets.get(revision)?;
                (other.source == sheet.source).then_some(rates)?
            }
            Target::Current => self.current.get(&sheet.source)?,
        };
        Some((Arc::clone(rates.pin(&row.model, at)?), other.pin(&row.model, at).cloned()))
    }
}

/// Rows do not say which service tier was charged: it is the one that gives what was charged. Empty: none.
fn tier<'a>(row: &UsageRow, usage: &Usage, pinned: &'a Rate) -> Option<&'a str> {
    let gives = |tier: &&str| {
        let charge = pinned.charge(usage, Some(*tier));
        (charge.price.0, charge.cost.0) == (row.price_nanos, row.cost_nanos)
    };
    std::iter::once("").chain(pinned.service_tiers()).find(gives)
}

/// What is still to be entered of a group, seen from the account, and the number of the correction; `entered` are the
/// references and amounts of all such corrections of its account. None where nothing is.
pub fn correction(group: &Group, sum: &Sum, entered: &[(String, i64)]) -> Option<(i64, usize)> {
    let prefix = group.prefix();
    let own: Vec<_> = entered
        .iter()
        .filter(|(reference, _)| {
            let number = reference.strip_prefix(&prefix);
            number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        })
        .collect();
    let before: i128 = own.iter().map(|(_, amount)| i128::from(*amount)).sum();
    let amount = sum.charged - sum.due - before;
    let amount = i64::try_from(amount).unwrap_or(if amount > 0 { i64::MAX } else { i64::MIN + 1 });
    (amount != 0).then_some((amount, own.len() + 1))
}

#[cfg(test)]
mod tests;
