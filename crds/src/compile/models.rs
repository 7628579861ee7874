//! A provider's models: names and aliases are one space in which each may be taken once.

use std::collections::BTreeSet;

use super::{finding::Report, served};
use crate::{
    config,
    v1alpha1::{
        Model, ProviderType,
        conditions::{ACCEPTED, reasons},
    },
};

/// Sorted by name. A name beats an alias, and of two models with one alias the first by name keeps it: the order in
/// which they were written means nothing.
pub(super) fn compile(
    written: &[Model],
    provider: ProviderType,
    report: &mut Report<'_>,
) -> Vec<config::Model> {
    if written.is_empty() {
        report.error("spec.models", ACCEPTED, reasons::INVALID, "a provider without models serves nothing");
    }
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let mut kept = Vec::new();
    for (index, model) in written.iter().enumerate() {
        if taken.insert(&model.name) {
            kept.push((index, model));
        } else {
            let message = format!("there is a model {} already: give each its own name", model.name);
            report.error(format!("spec.models[{index}].name"), ACCEPTED, reasons::CONFLICTED, message);
        }
    }
    kept.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    kept.into_iter()
        .map(|(index, model)| {
            served::model(index, model, provider, report);
            let mut aliases = Vec::new();
            for (position, alias) in model.aliases.iter().enumerate() {
                if taken.insert(alias) {
                    aliases.push(alias.clone());
                } else {
                    let field = format!("spec.models[{index}].aliases[{position}]");
                    let message =
                        format!("{alias} already names a model of this provider: choose another alias");
                    report.error(field, ACCEPTED, reasons::CONFLICTED, message);
                }
            }
            lower(model, aliases)
        })
        .collect()
}

fn lower(model: &Model, mut aliases: Vec<String>) -> config::Model {
    aliases.sort();
    let mut features = model.features.clone();
    features.sort();
    features.dedup();
    config::Model {
        name: model.name.clone(),
        upstream_model: model.upstream_model.clone().unwrap_or_else(|| model.name.clone()),
        r#type: model.r#type.unwrap_or_default(),
        aliases,
        context_window: model.context_window,
        max_output_tokens: model.max_output_tokens,
        features,
    }
}
