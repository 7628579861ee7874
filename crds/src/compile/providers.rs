//! `AIProvider` → [`config::Provider`].

use std::collections::BTreeMap;

use super::{
    Finding, ObjectKey, Resources, credentials, defaults, finding::Report, models, resources::by_age,
};
use crate::{
    config,
    v1alpha1::{
        AIProviderSpec, ProviderType,
        conditions::{ACCEPTED, reasons},
    },
};

/// By provider id. Clients name a provider by `metadata.name` alone, so only one of each name is taken.
pub(super) fn compile(
    resources: &Resources,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, config::Provider> {
    let mut holders: BTreeMap<&str, &ObjectKey> = BTreeMap::new();
    let mut providers = BTreeMap::new();
    for (key, object) in by_age(&resources.providers, |object| &object.metadata) {
        let mut report = Report::new("AIProvider", key, findings);
        if let Some(holder) = holders.get(key.name.as_str()) {
            report.error(
                "metadata.name",
                ACCEPTED,
                reasons::CONFLICTED,
                format!(
                    "{holder} has this name already, and clients name providers by it: choose another name"
                ),
            );
            continue;
        }
        holders.insert(&key.name, key);
        if let Some(provider) = provider(resources, key, &object.spec, &mut report) {
            providers.insert(provider.id.clone(), provider);
        }
    }
    providers
}

fn provider(
    resources: &Resources,
    key: &ObjectKey,
    spec: &AIProviderSpec,
    report: &mut Report<'_>,
) -> Option<config::Provider> {
    // Every step is taken, so that a person hears of everything at once.
    let base_url = base_url(spec, report);
    let credentials = credentials::compile(resources, key, spec, report);
    let models = models::compile(&spec.models, spec.r#type, report);
    let (base_url, credentials) = (base_url?, credentials?);
    (!models.is_empty()).then(|| config::Provider {
        id: key.to_string(),
        name: key.name.clone(),
        r#type: spec.r#type,
        base_url,
        credentials,
        models,
        priority: spec.priority.unwrap_or(defaults::PRIORITY),
        weight: spec.weight.unwrap_or(defaults::WEIGHT),
        timeouts: defaults::timeouts(spec.r#type, spec.timeouts.as_ref()),
        retry: defaults::retry(spec.retry.as_ref()),
        concurrency: spec.concurrency,
        allow_insecure: spec.allow_insecure,
        allow_private: spec.allow_private,
        bedrock: spec.bedrock.as_ref().map(|bedrock| config::Bedrock { region: bedrock.region.clone() }),
    })
}

fn base_url(spec: &AIProviderSpec, report: &mut Report<'_>) -> Option<String> {
    let region = spec.bedrock.as_ref().map(|bedrock| bedrock.region.as_str());
    let Some(written) = spec.base_url.clone().or_else(|| defaults::base_url(spec.r#type, region)) else {
        let (field, needed) = match spec.r#type {
            ProviderType::Bedrock => ("spec.bedrock", "bedrock.region"),
            _ => ("spec.baseURL", "baseURL"),
        };
        report.error(field, ACCEPTED, reasons::INVALID, format!("{needed} is needed for this type"));
        return None;
    };
    let allowed = written.starts_with("https://") || (spec.allow_insecure && written.starts_with("http://"));
    if !allowed {
        report.error(
            "spec.baseURL",
            ACCEPTED,
            reasons::INVALID,
            "must be an https:// address, or http:// with allowInsecure: true",
        );
        return None;
    }
    Some(defaults::normalise_base_url(spec.r#type, &written))
}
