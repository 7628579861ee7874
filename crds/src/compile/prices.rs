//! `ModelPricing` → [`config::PriceSheet`].

mod amounts;
mod rates;
mod units;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Finding, ObjectKey, Resources, finding::Report, resources::by_age};
use crate::{
    config::{ModelType, PriceSheet, Rate},
    glob,
    v1alpha1::{
        AIProvider, Model, ModelPricing,
        conditions::{ACCEPTED, RESOLVED_REFS, reasons},
    },
};

pub(super) use self::{
    rates::rate_for,
    units::{bounds, prices},
};

/// By provider id, oldest `effective_from` first. Of a provider's sheets, one applies at a time.
pub(super) fn compile(
    resources: &Resources,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, Vec<PriceSheet>> {
    let mut prices: BTreeMap<String, Vec<PriceSheet>> = BTreeMap::new();
    for (key, pricing) in by_age(&resources.pricings, |object| &object.metadata) {
        let mut report = Report::new("ModelPricing", key, findings);
        let provider_key = key.sibling(&pricing.spec.provider_ref.name);
        let Some(provider) = resources.providers.get(&provider_key) else {
            let message = format!("there is no AIProvider {provider_key}");
            report.error("spec.providerRef.name", RESOLVED_REFS, reasons::PROVIDER_NOT_FOUND, message);
            continue;
        };
        let sheets = prices.entry(provider_key.to_string()).or_default();
        let begins = pricing.spec.effective_from;
        if let Some(other) = sheets.iter().find(|sheet| sheet.effective_from == begins) {
            let message = format!(
                "{} prices {provider_key} from the same time on: join the two, or give this one another effectiveFrom",
                other.source
            );
            report.error("spec.effectiveFrom", ACCEPTED, reasons::CONFLICTED, message);
            continue;
        }
        sheets.push(sheet(key, pricing, provider, &mut report));
    }
    prices.retain(|_, sheets| !sheets.is_empty());
    for sheets in prices.values_mut() {
        sheets.sort_by_key(|sheet| sheet.effective_from);
    }
    prices
}

fn sheet(
    key: &ObjectKey,
    pricing: &ModelPricing,
    provider: &AIProvider,
    report: &mut Report<'_>,
) -> PriceSheet {
    let rates = rates::compile(&pricing.spec, provider, report);
    unpriced_models(&rates, provider, report);
    let mut sheet = PriceSheet {
        revision: String::new(),
        source: key.to_string(),
        effective_from: pricing.spec.effective_from,
        rates,
    };
    sheet.revision = revision(&sheet);
    sheet
}

/// Of the content alone: the same sheet has the same revision wherever it was compiled.
fn revision(sheet: &PriceSheet) -> String {
    let content =
        serde_json::to_vec(&(&sheet.source, &sheet.effective_from, &sheet.rates)).unwrap_or_default();
    let mut revision = hex::encode(Sha256::digest(content));
    revision.truncate(16);
    revision
}

fn unpriced_models(rates: &[Rate], provider: &AIProvider, report: &mut Report<'_>) {
    let is_chat = |model: &Model| model.r#type.unwrap_or_default() == ModelType::Chat;
    for (of_chat, what) in [(true, "input and output rate"), (false, "rate for what is used")] {
        let unpriced: Vec<_> = provider
            .spec
            .models
            .iter()
            .filter(|model| is_chat(model) == of_chat)
            .filter(|model| {
                let priced = |rate| units::prices(rate, model.r#type.unwrap_or_default());
                !rate_for(rates, &model.name).is_some_and(priced)
            })
            .map(|model| model.name.as_str())
            .collect();
        if !unpriced.is_empty() {
            let message = format!(
                "no {what} for {}: their usage is recorded without cost",
                super::tenants::some_of(&unpriced)
            );
            report.warning("spec.rates", RESOLVED_REFS, reasons::MODEL_NOT_PRICED, message);
        }
    }
}

/// Exact names first, then longer globs before shorter ones.
fn rank(model: &str) -> (bool, std::cmp::Reverse<usize>) {
    let is_glob = model.contains('*');
    (is_glob, std::cmp::Reverse(if is_glob { model.len() } else { 0 }))
}

fn matches(pattern: &str, model: &str) -> bool {
    glob::matches(pattern, model)
}
