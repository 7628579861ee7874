//! From what was used to money. Pure, total, exact.
//!
//! Rates are held as integers in units of 10⁻²⁴ dollars, so a rate of up to 18 decimal places per million
//! tokens or characters, per second or per image is exact (a longer one is rounded there, half-even, when the sheet is
//! prepared). The charge of an attempt is the sum of `count × rate` over its components, **rounded once per side (cost, price) to whole
//! nano-dollars, half to even**. A sum beyond `i64` nano-dollars (nine billion dollars) is clamped to
//! [`i64::MAX`]; a negative rate counts as zero.
//!
//! Which rate applies: the sheet with the latest `effective_from` that is not after admission; in it the first
//! rate whose `model` matches; of that the last tier whose `above` the prompt exceeds; times the service
//! tier's multiplier (1 where the sheet names none).

mod amounts;
mod images;
mod unpriced;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aigne_hub_crds::config::{self, PriceSheet};
use aigne_hub_crds::glob;
use rust_decimal::Decimal;

use self::amounts::Sides;
pub use self::unpriced::Unpriced;
use super::Charge;
use crate::usage::Usage;

/// The price sheets of one provider, prepared for use on the request path.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// By `from`, ascending.
    sheets: Vec<Sheet>,
}

#[derive(Clone, Debug)]
struct Sheet {
    /// Unix milliseconds; `i64::MIN` for "always has been".
    from: i64,
    /// In the sheet's order.
    rates: Vec<Arc<Rate>>,
    /// Names without `*`, with their place in `rates`.
    exact: HashMap<String, usize>,
    /// The places of the others.
    globs: Vec<usize>,
}

/// What one model costs; pinned at admission and kept until settlement, whatever the configuration does.
#[derive(Debug)]
pub struct Rate {
    revision: Arc<str>,
    model: String,
    /// The multiplier 1.
    base: Tiers,
    service_tiers: BTreeMap<String, Tiers>,
}

/// The amounts of one service tier.
#[derive(Debug)]
struct Tiers {
    base: Sides,
    /// By `above`, ascending.
    above: Vec<(u64, Sides)>,
}

impl Rates {
    /// Prepares the sheets of one provider ([`config::Shared::prices`]), in any order.
    pub fn new(sheets: &[PriceSheet]) -> Self {
        let mut sheets: Vec<Sheet> = sheets.iter().map(Sheet::new).collect();
        sheets.sort_by_key(|sheet| sheet.from);
        Self { sheets }
    }

    /// The rate for a model (the hub's name for it, without the provider) at `at` Unix milliseconds.
    pub fn pin(&self, model: &str, at: i64) -> Option<&Arc<Rate>> {
        let begun = self.sheets.partition_point(|sheet| sheet.from <= at);
        self.sheets.get(begun.checked_sub(1)?)?.find(model)
    }
}

impl Sheet {
    fn new(sheet: &PriceSheet) -> Self {
        let revision: Arc<str> = sheet.revision.as_str().into();
        let rates: Vec<_> = sheet.rates.iter().map(|rate| Arc::new(Rate::new(rate, &revision))).collect();
        let mut exact = HashMap::new();
        let mut globs = Vec::new();
        for (place, rate) in rates.iter().enumerate() {
            if rate.model.contains('*') {
                globs.push(place);
            } else {
                exact.entry(rate.model.clone()).or_insert(place);
            }
        }
        let from = sheet.effective_from.map_or(i64::MIN, jiff::Timestamp::as_millisecond);
        Self { from, rates, exact, globs }
    }

    fn find(&self, model: &str) -> Option<&Arc<Rate>> {
        let exact = self.exact.get(model).copied();
        let matches = |place: &usize| self.rates.get(*place).is_some_and(|r| glob::matches(&r.model, model));
        // Only a glob that stands before the exact name can take precedence over it.
        let mut before =
            self.globs.iter().copied().take_while(|place| exact.is_none_or(|exact| *place < exact));
        before.find(matches).or(exact).and_then(|place| self.rates.get(place))
    }
}

impl Rate {
    fn new(rate: &config::Rate, revision: &Arc<str>) -> Self {
        let service = |(name, by): (&String, &Decimal)| (name.clone(), Tiers::new(rate, *by));
        Self {
            revision: revision.clone(),
            model: rate.model.clone(),
            base: Tiers::new(rate, Decimal::ONE),
            service_tiers: rate.service_tiers.iter().map(service).collect(),
        }
    }

    /// The revision of the sheet it stands in: what [`Intent::price_revision`](super::Intent) records.
    pub fn revision(&self) -> &Arc<str> {
        &self.revision
    }

    /// The service tiers that it names.
    pub fn service_tiers(&self) -> impl Iterator<Item = &str> {
        self.service_tiers.keys().map(String::as_str)
    }

    /// Whether everything in `usage` has a cost and a price: every kind of token, or, where there are images, seconds or
    /// characters, these or the tokens. A model that is used on credit must have.
    pub fn covers(&self, usage: &Usage) -> Result<(), Unpriced> {
        self.base.for_prompt(usage.prompt()).covers(usage)
    }

    /// Whether the units in `usage` cost by a rate of their own wherever tokens have one: else the tokens are what is charged,
    /// and somebody must count them. True where there are no units.
    pub fn prices_units(&self, usage: &Usage) -> bool {
        self.base.for_prompt(usage.prompt()).prices_units(usage)
    }

    /// What an attempt costs, the rate per request included; `service_tier` is the one that the provider says
    /// it used. Not for attempts that the provider did not charge for: those are [`Charge::default`].
    pub fn charge(&self, usage: &Usage, service_tier: Option<&str>) -> Charge {
        let tiers = service_tier.and_then(|name| self.service_tiers.get(name)).unwrap_or(&self.base);
        tiers.for_prompt(usage.prompt()).charge(usage)
    }

    /// Whether tokens of prompts have a rate, in any tier.
    pub fn by_input(&self) -> bool {
        self.sides().any(Sides::by_input)
    }

    /// Whether tokens of answers have a rate, in any tier.
    pub fn by_output(&self) -> bool {
        self.sides().any(Sides::by_output)
    }

    /// Service tiers multiply what the base has.
    fn sides(&self) -> impl Iterator<Item = &Sides> {
        self.base.up_to(u64::MAX)
    }

    /// The most that an attempt can cost which uses at most the prompt, the output and the units of `most`.
    ///
    /// Every prompt token counts at the dearest of plain, cached, cache-written, audio and image input, every
    /// output token at the dearest of its kinds, every image at the dearest rate that what is said of it can mean, in the
    /// dearest tier that a prompt of at most this length can be in.
    /// `service_tier` is what the request asks for, which the provider may answer with its default instead;
    /// with `None` the provider may choose any.
    pub fn bound(&self, most: &Usage, service_tier: Option<&str>) -> Charge {
        let applies = |name: &str| service_tier.is_none_or(|asked| asked == name);
        let named = self.service_tiers.iter().filter(|(name, _)| applies(name)).map(|(_, tiers)| tiers);
        let bounds = std::iter::once(&self.base).chain(named).flat_map(|tiers| tiers.up_to(most.prompt()));
        bounds
            .map(|sides| sides.bound(most))
            .fold(Charge::default(), |a, b| Charge { cost: a.cost.max(b.cost), price: a.price.max(b.price) })
    }
}

impl Tiers {
    fn new(rate: &config::Rate, multiplier: Decimal) -> Self {
        let tier = |tier: &config::Tier| (tier.above, Sides::new(&tier.cost, &tier.price, multiplier));
        let mut above: Vec<_> = rate.tiers.iter().map(tier).collect();
        above.sort_by_key(|(above, _)| *above);
        Self { base: Sides::new(&rate.cost, &rate.price, multiplier), above }
    }

    fn for_prompt(&self, prompt: u64) -> &Sides {
        self.up_to(prompt).last().unwrap_or(&self.base)
    }

    /// Those that a prompt of at most this many tokens can be in.
    fn up_to(&self, prompt: u64) -> impl Iterator<Item = &Sides> {
        let reached = self.above.iter().take_while(move |(above, _)| prompt > *above);
        std::iter::once(&self.base).chain(reached.map(|(_, sides)| sides))
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
