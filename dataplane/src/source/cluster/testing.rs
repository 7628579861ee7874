//! What an operator would have written, small.

use std::sync::Arc;

use aigne_hub_crds::{
    config::{Config, FORMAT, SecretRef, Tenant},
    distribution::{Index, Part, entries},
};
use serde_json::json;

use super::{
    objects::Place,
    state::{SecretName, Values},
};
use crate::secret::SecretValue;

/// Two providers, `one` and `two`, each with the Secret that it is given, and tenants.
pub(super) fn config(one: Option<&str>, two: Option<&str>, tenants: &[&str]) -> Config {
    let mut config = Config { format: FORMAT, ..Config::default() };
    for (name, secret) in [("one", one), ("two", two)] {
        if let Some(secret) = secret {
            let mut provider =
                crate::provider::testing::provider(aigne_hub_crds::config::ProviderType::OpenAI);
            provider.id = format!("ai/{name}");
            provider.credentials.truncate(1);
            provider.credentials[0].secret = reference(secret);
            config.shared.providers.insert(provider.id.clone(), provider);
        }
    }
    for name in tenants {
        let tenant: Tenant = serde_json::from_value(json!({
            "id": name, "accountId": name, "displayName": name, "suspended": false,
            "models": { "allow": ["*"], "deny": [] }, "keys": [], "workloadIdentities": [],
            "billing": { "mode": "Attribution", "grants": [] }, "budgets": [], "limits": {},
            "policy": { "clientGone": "Cancel", "ledgerUnavailable": "Allow" }, "brand": {},
        }))
        .unwrap();
        config.tenants.insert(tenant.id.clone(), Arc::new(tenant));
    }
    config
}

pub(super) fn reference(secret: &str) -> SecretRef {
    SecretRef { namespace: "ai".into(), name: secret.into(), key: "apiKey".into() }
}

pub(super) fn name(secret: &str) -> SecretName {
    ("ai".into(), secret.into())
}

pub(super) fn value(text: &str) -> Values {
    Values::from([("apiKey".to_owned(), Ok(SecretValue::new(text.into())))])
}

/// As one part, and the index.
pub(super) fn texts(config: &Config, sequence: u64) -> [(Place, String); 2] {
    let index = Index { format: FORMAT, sequence, digest: config.digest(), parts: 1 };
    let part = Part { sequence, entries: entries(config) };
    [(Place::Part(0), part.to_data()), (Place::Index, index.to_data())]
}
