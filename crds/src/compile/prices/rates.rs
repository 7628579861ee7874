//! One sheet's rates: what each pattern costs, and which pattern applies to which model.

use super::{
    super::finding::Report,
    amounts::{Terms, amounts, decimal},
    matches, rank,
};
use crate::{
    config::{self, Rate, Tier},
    v1alpha1::{
        self, AIProvider, ModelPricingSpec,
        conditions::{ACCEPTED, reasons},
    },
};

/// The rate that applies to `model`: the first that matches.
pub(in super::super) fn rate_for<'a>(rates: &'a [Rate], model: &str) -> Option<&'a Rate> {
    rates.iter().find(|rate| matches(&rate.model, model))
}

/// Exact names first, then longer globs before shorter ones; equals by name.
pub(super) fn compile(spec: &ModelPricingSpec, provider: &AIProvider, report: &mut Report<'_>) -> Vec<Rate> {
    let terms = Terms::of(spec);
    let mut written: Vec<(usize, &v1alpha1::Rate)> = spec.rates.iter().enumerate().collect();
    written.sort_by_key(|(index, rate)| (rank(&rate.model), rate.model.as_str(), *index));
    let mut kept: Vec<Rate> = Vec::new();
    for (index, rate) in written {
        let field = format!("spec.rates[{index}]");
        if let Some(message) = tie(&kept, &rate.model, provider) {
            report.error(format!("{field}.model"), ACCEPTED, reasons::CONFLICTED, message);
            continue;
        }
        match lower(rate, &terms) {
            Some(rate) => kept.push(rate),
            None => report.error(field, ACCEPTED, reasons::INVALID, "an amount is too large to be priced"),
        }
    }
    kept
}

/// Which of the rates so far would apply with equal right.
fn tie(kept: &[Rate], model: &str, provider: &AIProvider) -> Option<String> {
    if kept.iter().any(|other| other.model == model) {
        return Some(format!("there is a rate for {model} already: write each model or glob once"));
    }
    if !model.contains('*') {
        return None;
    }
    provider.spec.models.iter().find_map(|candidate| {
        let applies = rate_for(kept, &candidate.name)?;
        let tied = rank(&applies.model) == rank(model) && matches(model, &candidate.name);
        tied.then(|| {
            format!(
                "{} is as long and matches {} too: make one of the two longer, or price the model by its name",
                applies.model, candidate.name
            )
        })
    })
}

fn lower(rate: &v1alpha1::Rate, terms: &Terms) -> Option<Rate> {
    let (cost, price) = amounts(&rate.cost, rate.price.as_ref(), terms)?;
    let mut tiers = rate
        .tiers
        .iter()
        .map(|tier| {
            let (cost, price) = amounts(&tier.cost, tier.price.as_ref(), terms)?;
            Some(Tier { above: tier.above, cost, price })
        })
        .collect::<Option<Vec<_>>>()?;
    tiers.sort_by_key(|tier| tier.above);
    tiers.dedup_by_key(|tier| tier.above);
    Some(config::Rate {
        model: rate.model.clone(),
        cost,
        price,
        tiers,
        service_tiers: rate
            .service_tiers
            .iter()
            .map(|(name, factor)| (name.clone(), decimal(factor.0)))
            .collect(),
    })
}
