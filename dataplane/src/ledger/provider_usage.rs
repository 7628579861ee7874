//! What a provider says that was used, compared with the ledger: pure.
//!
//! By day in UTC and model. Tokens of the prompt are counted whole, cached and written to the cache included, as the
//! providers' exports break them down in different ways.

mod parse;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use self::parse::{BadExport, parse};
use super::store::Totals;

/// A day as `2026-03-31`, and a model.
pub type Key = (String, String);

/// Tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Of prompts, whole.
    pub input: i128,
    /// Generated, reasoning included.
    pub output: i128,
}

/// The two sides of a day and a model that are not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unequal {
    /// In UTC.
    pub day: String,
    /// The hub's name for it, where the ledger has it.
    pub model: String,
    /// What the provider says.
    pub provider: Counted,
    /// What the ledger has.
    pub ledger: Counted,
    /// The most that attempts can have used whose outcome was never learned; not part of `ledger`.
    pub suspense: Counted,
    /// Whether those can be the whole difference.
    pub explained: bool,
}

/// The ledger's side: what is known, and what is in suspense.
pub type Sides = BTreeMap<Key, (Counted, Counted)>;

/// Adds a group of the ledger.
pub fn add(sides: &mut Sides, key: Key, totals: &Totals) {
    let counted = |sums: &super::store::Sums| Counted {
        input: sums.input_tokens + sums.cached_input_tokens + sums.cache_write_tokens,
        output: sums.output_tokens,
    };
    let side = sides.entry(key).or_default();
    side.0.add(counted(&totals.known));
    side.1.add(counted(&totals.suspense));
}

/// Everything that differs, of the days that the provider's export covers.
///
/// `names` are providers' names for models, and the hub's for the same. A name that is not there is the hub's own, or is
/// that with the date of a version at its end (`gpt-5-mini-2025-08-07`, `claude-sonnet-4-5-20250929`).
pub fn compare(
    provider: &BTreeMap<Key, Counted>,
    ledger: &Sides,
    names: &BTreeMap<String, String>,
) -> Vec<Unequal> {
    let (Some((first, _)), Some((last, _))) = (provider.keys().next(), provider.keys().next_back()) else {
        return Vec::new();
    };
    let known: BTreeSet<&str> = ledger.keys().map(|(_, model)| model.as_str()).collect();
    let mut both: BTreeMap<Key, (Counted, Counted, Counted)> = BTreeMap::new();
    for ((day, model), counted) in provider {
        let name = names.get(model).map_or_else(|| undated(model, &known), String::as_str);
        both.entry((day.clone(), name.to_owned())).or_default().0.add(*counted);
    }
    for ((day, model), (counted, suspense)) in
        ledger.iter().filter(|((day, _), _)| (first..=last).contains(&day))
    {
        let sides = both.entry((day.clone(), model.clone())).or_default();
        sides.1.add(*counted);
        sides.2.add(*suspense);
    }
    let unequal = both.into_iter().filter(|(_, (provider, ledger, _))| provider != ledger);
    unequal
        .map(|((day, model), (provider, ledger, suspense))| Unequal {
            day,
            model,
            provider,
            ledger,
            suspense,
            explained: within(provider.input - ledger.input, suspense.input)
                && within(provider.output - ledger.output, suspense.output),
        })
        .collect()
}

fn within(difference: i128, most: i128) -> bool {
    (0..=most).contains(&difference)
}

/// Without the date at its end, if the ledger knows the rest.
fn undated<'a>(model: &'a str, known: &BTreeSet<&str>) -> &'a str {
    if known.contains(model) {
        return model;
    }
    let dates =
        [11, 9].into_iter().filter_map(|length| model.split_at_checked(model.len().checked_sub(length)?));
    let is_date =
        |date: &str| date.starts_with('-') && date.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let mut names = dates.filter(|(name, date)| is_date(date) && known.contains(name)).map(|(name, _)| name);
    names.next().unwrap_or(model)
}

impl Counted {
    /// Together with others.
    pub fn add(&mut self, other: Self) {
        self.input += other.input;
        self.output += other.output;
    }
}

#[cfg(test)]
mod tests;
