//! Which models a tenant may call: globs over `provider/model`, and what to try when a model fails.

use std::collections::BTreeMap;

use super::{
    catalog::{Catalog, Served},
    finding::Report,
    tenants::some_of,
};
use crate::{
    config, glob,
    v1alpha1::{
        KeyModels, ModelAccess,
        conditions::{RESOLVED_REFS, reasons},
    },
};

/// A tenant's access. Where it says nothing, everything is allowed.
pub(super) fn compile(
    written: Option<&ModelAccess>,
    catalog: &Catalog,
    report: &mut Report<'_>,
) -> config::ModelAccess {
    let everything = ModelAccess::default();
    let written = written.unwrap_or(&everything);
    let mut access = config::ModelAccess {
        allow: globs("spec.models.allow", written.allow.as_deref(), catalog, report),
        deny: globs("spec.models.deny", Some(&written.deny), catalog, report),
        fallbacks: BTreeMap::new(),
    };
    access.fallbacks = fallbacks(&access, &written.fallbacks, catalog, report);
    access
}

/// A key's access, which narrows its tenant's.
pub(super) fn compile_key(
    field: &str,
    written: &KeyModels,
    catalog: &Catalog,
    report: &mut Report<'_>,
) -> config::ModelAccess {
    config::ModelAccess {
        allow: globs(&format!("{field}.allow"), written.allow.as_deref(), catalog, report),
        deny: globs(&format!("{field}.deny"), Some(&written.deny), catalog, report),
        fallbacks: BTreeMap::new(),
    }
}

/// A prepaid tenant pays by the price: a person should hear of models that have none.
pub(super) fn every_model_can_be_paid(
    access: &config::ModelAccess,
    catalog: &Catalog,
    report: &mut Report<'_>,
) {
    let unpriced: Vec<&str> =
        callable(access, catalog).filter_map(|model| model.unpriced.as_deref()).collect();
    if !unpriced.is_empty() {
        let message = format!(
            "no price for {}: they are refused to this tenant; add rates, or deny them",
            some_of(&unpriced)
        );
        report.error("spec.models", RESOLVED_REFS, reasons::MODEL_NOT_PRICED, message);
    }
}

/// What is spent under a balance or a budget needs a bound: a person should hear of models that cost and have none.
pub(super) fn every_model_is_bounded(
    access: &config::ModelAccess,
    catalog: &Catalog,
    report: &mut Report<'_>,
) {
    let unbounded = callable(access, catalog).filter(|model| !model.is_bounded && model.unpriced.is_none());
    let unbounded: Vec<&str> = unbounded.map(|model| model.full_name.as_str()).collect();
    if !unbounded.is_empty() {
        let message = format!(
            "no contextWindow or maxOutputTokens for {}: a request whose cost cannot be bounded is refused to this tenant",
            some_of(&unbounded)
        );
        report.warning("spec.models", RESOLVED_REFS, reasons::MODEL_NOT_BOUNDED, message);
    }
}

fn callable<'a>(access: &'a config::ModelAccess, catalog: &'a Catalog) -> impl Iterator<Item = &'a Served> {
    catalog.models.iter().filter(|model| allows(access, &model.full_name))
}

/// Whether `full_name` (`provider/model`) may be called. Deny wins.
fn allows(access: &config::ModelAccess, full_name: &str) -> bool {
    let any = |globs: &[String]| globs.iter().any(|pattern| glob::matches(pattern, full_name));
    any(&access.allow) && !any(&access.deny)
}

/// Sorted, each once. Absent is everything.
fn globs(field: &str, written: Option<&[String]>, catalog: &Catalog, report: &mut Report<'_>) -> Vec<String> {
    let Some(written) = written else {
        return vec!["*".to_owned()];
    };
    for (index, pattern) in written.iter().enumerate() {
        if pattern != "*" && !catalog.has_match(pattern) {
            let message = format!("{pattern} matches no provider/model that is served now");
            report.warning(format!("{field}[{index}]"), RESOLVED_REFS, reasons::MATCHES_NOTHING, message);
        }
    }
    let mut globs = written.to_vec();
    globs.sort();
    globs.dedup();
    globs
}

/// Those whose both ends are served and may be called.
fn fallbacks(
    access: &config::ModelAccess,
    written: &BTreeMap<String, Vec<String>>,
    catalog: &Catalog,
    report: &mut Report<'_>,
) -> BTreeMap<String, Vec<String>> {
    let mut usable = |field: String, full_name: &str| {
        let (reason, message) = if !catalog.has(full_name) {
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
