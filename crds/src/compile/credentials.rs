//! A provider's credentials: references to values in Secrets that exist and may be referenced.

use super::{ObjectKey, Resources, defaults, finding::Report};
use crate::{
    config::{self, SecretRef},
    v1alpha1::{
        AIProviderSpec, CREDENTIAL_LABEL, Credential, ProviderType,
        conditions::{ACCEPTED, RESOLVED_REFS, reasons},
    },
};

/// Those that resolve, sorted by name; none when the provider cannot be called at all.
pub(super) fn compile(
    resources: &Resources,
    provider: &ObjectKey,
    spec: &AIProviderSpec,
    report: &mut Report<'_>,
) -> Option<Vec<config::Credential>> {
    let mut resolved: Vec<config::Credential> = Vec::new();
    for (index, credential) in spec.credentials.iter().enumerate() {
        let field = format!("spec.credentials[{index}]");
        if resolved.iter().any(|other| other.name == credential.name) {
            let message =
                format!("there is a credential {} already: give each its own name", credential.name);
            report.error(format!("{field}.name"), ACCEPTED, reasons::CONFLICTED, message);
            continue;
        }
        if let Some(secret) = resolve(resources, provider, credential, &field, report) {
            let weight = credential.weight.unwrap_or(defaults::WEIGHT);
            resolved.push(config::Credential { name: credential.name.clone(), secret, weight });
        }
    }
    // Gateways are somebody to AWS themselves, perhaps.
    let needs_none =
        matches!(spec.r#type, ProviderType::Ollama | ProviderType::OpenAICompatible | ProviderType::Bedrock);
    if resolved.is_empty() && !(needs_none && spec.credentials.is_empty()) {
        report.error(
            "spec.credentials",
            RESOLVED_REFS,
            reasons::NO_CREDENTIALS,
            "none of the credentials can be used, so the provider is left out",
        );
        return None;
    }
    resolved.sort_by(|a, b| a.name.cmp(&b.name));
    Some(resolved)
}

fn resolve(
    resources: &Resources,
    provider: &ObjectKey,
    credential: &Credential,
    field: &str,
    report: &mut Report<'_>,
) -> Option<SecretRef> {
    let reference = &credential.secret_key_ref;
    let secret_key = provider.sibling(&reference.name);
    let Some(secret) = resources.secrets.get(&secret_key) else {
        let message = format!("there is no Secret {secret_key}");
        report.error(format!("{field}.secretKeyRef.name"), RESOLVED_REFS, reasons::SECRET_NOT_FOUND, message);
        return None;
    };
    if secret.labels.get(CREDENTIAL_LABEL).map(String::as_str) != Some("true") {
        let message = format!(
            "Secret {secret_key} is not labelled {CREDENTIAL_LABEL}: \"true\", so its values may not be sent to a provider"
        );
        report.error(
            format!("{field}.secretKeyRef.name"),
            RESOLVED_REFS,
            reasons::REF_NOT_PERMITTED,
            message,
        );
        return None;
    }
    if secret.keys.get(&reference.key).is_none_or(|value| value.length == 0) {
        let message = format!("Secret {secret_key} has no value for {}", reference.key);
        report.error(
            format!("{field}.secretKeyRef.key"),
            RESOLVED_REFS,
            reasons::SECRET_KEY_NOT_FOUND,
            message,
        );
        return None;
    }
    Some(SecretRef { namespace: secret_key.namespace, name: secret_key.name, key: reference.key.clone() })
}
