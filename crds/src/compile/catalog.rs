//! Every model that is served, under its full name: worked out once, read by every tenant.

use std::collections::BTreeSet;

use super::prices;
use crate::{
    config::{Model, PriceSheet, Provider, Shared},
    glob,
};

/// Sorted by provider id, then model name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Catalog {
    pub(super) models: Vec<Served>,
    names: BTreeSet<String>,
}

/// What a tenant needs to know of a model.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Served {
    /// `provider/model`.
    pub(super) full_name: String,
    /// How to say that it has no price, if it has none.
    pub(super) unpriced: Option<String>,
    /// Its numbers bound what a request can cost.
    pub(super) is_bounded: bool,
}

impl Catalog {
    pub(super) fn of(shared: &Shared) -> Self {
        let models: Vec<Served> = shared
            .providers
            .values()
            .flat_map(|provider| provider.models.iter().map(|model| served(shared, provider, model)))
            .collect();
        let names = models.iter().map(|model| model.full_name.clone()).collect();
        Self { models, names }
    }

    /// Whether `full_name` is served.
    pub(super) fn has(&self, full_name: &str) -> bool {
        self.names.contains(full_name)
    }

    /// Whether a glob matches anything.
    pub(super) fn has_match(&self, pattern: &str) -> bool {
        self.models.iter().any(|model| glob::matches(pattern, &model.full_name))
    }
}

fn served(shared: &Shared, provider: &Provider, model: &Model) -> Served {
    let full_name = format!("{}/{}", provider.name, model.name);
    // Every sheet must price it, as there is no clock here to tell which applies.
    let sheets = shared.prices.get(&provider.id).map(Vec::as_slice).unwrap_or_default();
    let unpriced = match sheets {
        [] => Some(full_name.clone()),
        sheets => sheets
            .iter()
            .find(|sheet| !has_price(sheet, model))
            .map(|sheet| format!("{full_name} (in ModelPricing {})", sheet.source)),
    };
    Served {
        full_name,
        unpriced,
        is_bounded: sheets
            .iter()
            .all(|sheet| prices::bounds(prices::rate_for(&sheet.rates, &model.name), model)),
    }
}

fn has_price(sheet: &PriceSheet, model: &Model) -> bool {
    prices::rate_for(&sheet.rates, &model.name).is_some_and(|rate| prices::prices(rate, model.r#type))
}
