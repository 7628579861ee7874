//! Which models a tenant may call: globs over `provider/model`, and what to try when a model fails.

use std::collections::BTreeMap;

use super::{finding::Report, prices, tenants::some_of};
use crate::{
    config::{self, ModelType, PriceSheet, Shared},
    glob,
    v1alpha1::{
        KeyModels, ModelAccess,
        conditions::{RESOLVED_REFS, reasons},
    },
};

/// A tenant's access. Where it says nothing, everything is allowed.
pub(super) fn compile(
    written: Option<&ModelAccess>,
    shared: &Shared,
    report: &mut Report<'_>,
) -> config::ModelAccess {
    let everything = ModelAccess::default();
    let written = written.unwrap_or(&everything);
    let mut access = config::ModelAccess {
        allow: globs("spec.models.allow", written.allow.as_deref(), shared, report),
        deny: globs("spec.models.deny", Some(&written.deny), shared, report),
        fallbacks: BTreeMap::new(),
    };
    access.fallbacks = fallbacks(&access, &written.fallbacks, shared, report);
    access
}

/// A key's access, which narrows its tenant's.
pub(super) fn compile_key(
    field: &str,
    written: &KeyModels,
    shared: &Shared,
    report: &mut Report<'_>,
) -> config::ModelAccess {
    config::ModelAccess {
        allow: globs(&format!("{field}.allow"), written.allow.as_deref(), shared, report),
        deny: globs(&format!("{field}.deny"), Some(&written.deny), shared, report),
        fallbacks: BTreeMap::new(),
    }
}

/// Whether `full_name` (`provider/model`) may be called. Deny wins.
pub(super) fn allows(access: &config::ModelAccess, full_name: &str) -> bool {
    let any = |globs: &[String]| globs.iter().any(|pattern| glob::matches(pattern, full_name));
    any(&access.allow) && !any(&access.deny)
}

/// A prepaid tenant pays by the price: a model without one is refused, and a person should hear of it.
pub(super) fn every_model_is_priced(access: &config::ModelAccess, shared: &Shared, report: &mut Report<'_>) {
    let unpriced: Vec<String> = full_names(shared)
        .filter(|(_, model, full_name)| model.r#type == ModelType::Chat && allows(access, full_name))
        .filter_map(|(provider, model, full_name)| unpriced(shared, provider, model, &full_name))
        .collect();
    if !unpriced.is_empty() {
        let names: Vec<&str> = unpriced.iter().map(String::as_str).collect();
        let message = format!(
            "no price for {}: they are refused to this tenant; add input and output rates, or deny them",
            some_of(&names)
        );
        report.error("spec.models", RESOLVED_REFS, reasons::MODEL_NOT_PRICED, message);
    }
}

/// What a prepaid tenant may be refused for want of numbers.
pub(super) fn every_model_is_bounded(access: &config::ModelAccess, shared: &Shared, report: &mut Report<'_>) {
    let unbounded: Vec<String> = full_names(shared)
        .filter(|(_, model, full_name)| model.r#type == ModelType::Chat && allows(access, full_name))
        .filter(|(_, model, _)| model.context_window.is_none() || model.max_output_tokens.is_none())
        .map(|(_, _, full_name)| full_name)
        .collect();
    if !unbounded.is_empty() {
        let names: Vec<&str> = unbounded.iter().map(String::as_str).collect();
        let message = format!(
            "no contextWindow or maxOutputTokens for {}: a request whose cost cannot be bounded is refused to this tenant",
            some_of(&names)
        );
        report.warning("spec.models", RESOLVED_REFS, reasons::MODEL_NOT_BOUNDED, message);
    }
}

/// How to say that a model has no price, if it has none. Every sheet must have one, as there is no clock here to tell
/// which applies.
fn unpriced(
    shared: &Shared,
    provider: &config::Provider,
    model: &config::Model,
    full_name: &str,
) -> Option<String> {
    let Some(sheets) = shared.prices.get(&provider.id) else {
        return Some(full_name.to_owned());
    };
    let priced =
        |sheet: &&PriceSheet| prices::rate_for(&sheet.rates, &model.name).is_some_and(prices::prices_tokens);
    let without = sheets.iter().find(|sheet| !priced(sheet))?;
    Some(format!("{full_name} (in ModelPricing {})", without.source))
}

fn full_names(shared: &Shared) -> impl Iterator<Item = (&config::Provider, &config::Model, String)> {
    shared.providers.values().flat_map(|provider| {
        provider
            .models
            .iter()
            .map(move |model| (provider, model, format!("{}/{}", provider.name, model.name)))
    })
}

/// Sorted, each once. Absent is everything.
fn globs(field: &str, written: Option<&[String]>, shared: &Shared, report: &mut Report<'_>) -> Vec<String> {
    let Some(written) = written else {
        return vec!["*".to_owned()];
    };
    for (index, pattern) in written.iter().enumerate() {
        if pattern != "*" && !full_names(shared).any(|(_, _, full_name)| glob::matches(pattern, &full_name)) {
            let message = format!("{pattern} matches no provider/model that is served now");
            report.warning(format!("{field}[{index}]"), RESOLVED_REFS, reasons::MATCHES_NOTHING, message);
        }
    }
    let mut globs = written.to_vec();
    globs.sort();
    globs.dedup();
    globs
}

/// Those whose both ends exist and may be called.
fn fallbacks(
    access: &config::ModelAccess,
    written: &BTreeMap<String, Vec<String>>,
    shared: &Shared,
    report: &mut Report<'_>,
) -> BTreeMap<String, Vec<String>> {
    let mut usable = |field: String, full_name: &str| {
        let (reason, message) = if !full_names(shared).any(|(_, _, other)| other == full_name) {
            (reasons::MODEL_NOT_FOUND, format!("{full_name} is no provider/model that is served now"))
        } else if !allows(access, full_name) {
            (
                reasons::REF_NOT_PERMITTED,
                format!("{full_name} is not among the models that this tenant may call"),
            )
        } else {
            return true;
        };
        report.warning(field, RESOLVED_REFS, reason, message);
        false
    };
    let mut fallbacks = BTreeMap::new();
    for (from, to) in written {
        let field = format!("spec.models.fallbacks[{from}]");
        let from_usable = usable(field.clone(), from);
        let mut targets: Vec<String> = Vec::new();
        for (index, target) in to.iter().enumerate() {
            if usable(format!("{field}[{index}]"), target) && !targets.contains(target) && target != from {
                targets.push(target.clone());
            }
        }
        if from_usable && !targets.is_empty() {
            fallbacks.insert(from.clone(), targets);
        }
    }
    fallbacks
}
