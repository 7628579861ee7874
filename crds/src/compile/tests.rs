//! What YAML cannot say: ages, rotated keys, the hub's namespace, and specs that no schema has seen.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use rust_decimal::Decimal;

use super::*;
use crate::v1alpha1::{
    AIProvider, AIProviderSpec, Key, KeyStatus, Model, ModelPricing, Money, ProviderType, RotatedKey, Tenant,
    TenantSpec, TenantStatus, WorkloadIdentity,
};

fn key(name: &str) -> Key {
    Key {
        name: name.into(),
        secret_name: name.into(),
        expires_at: None,
        disabled: false,
        rotation_grace: None,
        models: None,
        limits: None,
        budgets: Vec::new(),
    }
}

fn model(name: &str) -> Model {
    Model {
        name: name.into(),
        upstream_model: None,
        r#type: None,
        aliases: Vec::new(),
        context_window: None,
        max_output_tokens: None,
        features: Vec::new(),
    }
}

fn provider(models: Vec<Model>) -> AIProviderSpec {
    AIProviderSpec {
        r#type: ProviderType::OpenAICompatible,
        base_url: Some("https://llm.example.com/v1".into()),
        credentials: Vec::new(),
        bedrock: None,
        models,
        priority: None,
        weight: None,
        timeouts: None,
        retry: None,
        concurrency: None,
        allow_insecure: false,
        allow_private: false,
    }
}

fn born(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

fn messages(compiled: &Compiled) -> Vec<String> {
    compiled
        .findings
        .iter()
        .map(|finding| format!("{} {} {}", finding.object, finding.field, finding.reason))
        .collect()
}

#[test]
fn the_oldest_keeps_what_only_one_can_have() {
    let mut resources = Resources::default();
    for (namespace, second) in [("a", 2), ("b", 1)] {
        let mut object = AIProvider::new("same", provider(vec![model("m")]));
        object.metadata.creation_timestamp = Some(born(second));
        resources.providers.insert(ObjectKey::new(namespace, "same"), object);
        let spec = TenantSpec { account_id: Some("same".into()), ..TenantSpec::default() };
        let mut object = Tenant::new("t", spec);
        object.metadata.creation_timestamp = Some(born(second));
        resources.tenants.insert(ObjectKey::new(namespace, "t"), object);
    }
    let compiled = compile(&resources);
    assert_eq!(compiled.config.shared.providers.keys().collect::<Vec<_>>(), ["b/same"]);
    assert_eq!(compiled.config.tenants.keys().collect::<Vec<_>>(), ["b/t"]);
    assert_eq!(messages(&compiled), ["a/same metadata.name Conflicted", "a/t spec.accountID Conflicted"]);
}

#[test]
fn a_rotated_key_lets_in_until_its_grace_ends() {
    let mut resources = Resources::default();
    let mut tenant = Tenant::new("t", TenantSpec { keys: vec![key("app")], ..TenantSpec::default() });
    let rotated = RotatedKey { sha256: "0".repeat(64), expires_at: Timestamp::from_second(60).unwrap() };
    tenant.status = Some(TenantStatus {
        keys: vec![KeyStatus { name: "app".into(), rotated: vec![rotated], spend: vec![] }],
        ..TenantStatus::default()
    });
    resources.tenants.insert(ObjectKey::new("ns", "t"), tenant);
    let facts = ValueFacts::of(b"0123456789abcdef0123456789abcdef");
    let secret = SecretFacts { keys: BTreeMap::from([("apiKey".into(), facts)]), ..SecretFacts::default() };
    resources.secrets.insert(ObjectKey::new("ns", "app"), secret);
    let compiled = compile(&resources);
    let hashes = &compiled.config.tenants["ns/t"].keys[0].hashes;
    assert_eq!(hashes.len(), 2);
    assert_eq!(hashes[0].expires_at, None);
    assert_eq!(hashes[1].expires_at, Some(Timestamp::from_second(60).unwrap()));
}

#[test]
fn outside_the_hub_only_own_service_accounts_may_be_claimed() {
    let identity =
        |namespace: &str| WorkloadIdentity { namespace: namespace.into(), service_account: "app".into() };
    let mut resources = Resources { hub_namespace: Some("hub".into()), ..Resources::default() };
    for namespace in ["hub", "team"] {
        let workload_identities = vec![identity("team"), identity(&format!("other-{namespace}"))];
        let spec = TenantSpec { workload_identities, ..TenantSpec::default() };
        let mut object = Tenant::new("t", spec);
        object.metadata.creation_timestamp = Some(born(if namespace == "team" { 1 } else { 2 }));
        resources.tenants.insert(ObjectKey::new(namespace, "t"), object);
    }
    let compiled = compile(&resources);
    assert_eq!(compiled.config.tenants["team/t"].workload_identities, ["team/app"]);
    assert_eq!(compiled.config.tenants["hub/t"].workload_identities, ["other-hub/app"]);
    let errors: Vec<_> =
        messages(&compiled).into_iter().filter(|message| !message.contains("NotEnforced")).collect();
    assert_eq!(
        errors,
        [
            "hub/t spec.workloadIdentities[0] Conflicted",
            "team/t spec.workloadIdentities[1].namespace RefNotPermitted"
        ]
    );
}

#[test]
fn entries_that_no_schema_has_seen_are_left_out_one_by_one() {
    let mut resources = Resources::default();
    let provider_key = ObjectKey::new("ns", "p");
    let mut spec = provider(vec![model("m"), model("m")]);
    spec.base_url = Some("ftp://llm.example.com".into());
    resources.providers.insert(ObjectKey::new("ns", "bad"), AIProvider::new("bad", spec));
    resources.providers.insert(
        provider_key.clone(),
        AIProvider::new(
            "p",
            AIProviderSpec {
                retry: Some(crate::v1alpha1::RetrySettings::default()),
                ..provider(vec![model("m")])
            },
        ),
    );
    let pricing: ModelPricing = serde_json::from_value(serde_json::json!({
        "apiVersion": "hub.aigne.io/v1alpha1", "kind": "ModelPricing", "metadata": { "name": "p" },
        "spec": {
            "providerRef": { "name": "p" }, "exchangeRate": "100",
            "rates": [{ "model": "m", "cost": { "input": "1" } }, { "model": "m", "cost": {} }, { "model": "x", "cost": {} }]
        }
    }))
    .unwrap();
    let mut huge = pricing;
    huge.spec.rates[2].cost.input = Some(Money(Decimal::MAX));
    resources.pricings.insert(provider_key, huge);
    let spec = TenantSpec { keys: vec![key("k"), key("k")], ..TenantSpec::default() };
    resources.tenants.insert(ObjectKey::new("ns", "t"), Tenant::new("t", spec));
    let compiled = compile(&resources);
    assert_eq!(compiled.config.shared.providers.keys().collect::<Vec<_>>(), ["ns/p"]);
    assert_eq!(compiled.config.shared.prices["ns/p"][0].rates.len(), 1);
    assert_eq!(
        messages(&compiled),
        [
            "ns/bad spec.baseURL Invalid",
            "ns/bad spec.models[1].name Conflicted",
            "ns/p spec.rates ModelNotPriced",
            "ns/p spec.rates[1].model Conflicted",
            "ns/p spec.rates[2] Invalid",
            "ns/t spec.keys[0].secretName SecretNotFound",
            "ns/t spec.keys[1].name Conflicted",
        ]
    );
}

#[test]
fn the_revision_is_of_the_content_alone() {
    let sheet = |margin: &str, input: &str| {
        let pricing: ModelPricing = serde_json::from_value(serde_json::json!({
            "apiVersion": "hub.aigne.io/v1alpha1", "kind": "ModelPricing", "metadata": { "name": "p" },
            "spec": {
                "providerRef": { "name": "p" }, "margin": margin,
                "rates": [{ "model": "m", "cost": { "input": input, "output": "1" } }]
            }
        }))
        .unwrap();
        let mut resources = Resources::default();
        resources
            .providers
            .insert(ObjectKey::new("ns", "p"), AIProvider::new("p", provider(vec![model("m")])));
        resources.pricings.insert(ObjectKey::new("ns", "p"), pricing);
        compile(&resources).config.shared.prices["ns/p"][0].revision.clone()
    };
    assert_eq!(sheet("20%", "0.30"), sheet("20.0%", "0.3"));
    assert_ne!(sheet("20%", "0.30"), sheet("21%", "0.30"));
    assert_eq!(sheet("20%", "0.30").len(), 16);
}
