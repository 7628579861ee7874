//! What holds for any resources, also for those that no schema would let pass.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use aigne_hub_crds::{
    compile::{
        Asked, Claims, Holder, ObjectKey, Refusals, Resources, SecretFacts, TenantPart, ValueFacts, compile,
        compile_shared, compile_tenant, compose, settle_claims,
    },
    v1alpha1::{AIProvider, CREDENTIAL_LABEL, ModelPricing, Tenant},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

// Few names, so that things meet.

fn name() -> impl Strategy<Value = &'static str> {
    select(vec!["a", "b", "c"])
}

fn namespace() -> impl Strategy<Value = &'static str> {
    select(vec!["ai", "team"])
}

fn glob() -> impl Strategy<Value = &'static str> {
    select(vec!["*", "a", "b", "a/*", "*/b", "a/b", "a*", "*a", "b/a", ""])
}

fn amount() -> impl Strategy<Value = &'static str> {
    select(vec!["0", "0.25", "999999999.999999999", "3"])
}

/// Sometimes absent.
fn maybe(value: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![Just(Value::Null), value]
}

fn one_of(values: Vec<Value>) -> impl Strategy<Value = Value> {
    select(values)
}

fn model() -> impl Strategy<Value = Value> {
    let r#type = one_of(vec![json!(null), json!("Chat"), json!("Embedding"), json!("Image")]);
    (name(), r#type, vec(name(), 0..3), maybe(one_of(vec![json!(0), json!(u64::MAX), json!(1000)]))).prop_map(
        |(name, r#type, aliases, window)| {
            json!({ "name": name, "type": r#type, "aliases": aliases, "contextWindow": window })
        },
    )
}

fn credential() -> impl Strategy<Value = Value> {
    (name(), name(), name(), any::<u32>()).prop_map(|(name, secret, key, weight)| {
        json!({ "name": name, "secretKeyRef": { "name": secret, "key": key }, "weight": weight })
    })
}

fn provider() -> impl Strategy<Value = Value> {
    let types = select(vec!["OpenAI", "Anthropic", "Ollama", "OpenAICompatible", "Bedrock", "Gemini", "Poe"]);
    let url = one_of(vec![
        json!(null),
        json!("https://x/v1/"),
        json!("http://x"),
        json!("x"),
        json!(""),
        json!("https://"),
    ]);
    let duration = one_of(vec![json!(null), json!("0s"), json!("99999h99999h99999h99999h"), json!("1m30s")]);
    let retry = maybe(any::<u32>().prop_map(|attempts| json!({ "attempts": attempts })));
    (types, url, vec(credential(), 0..4), vec(model(), 0..4), duration, retry, any::<bool>()).prop_map(
        |(r#type, url, credentials, models, duration, retry, insecure)| {
            json!({
                "type": r#type, "baseURL": url, "credentials": credentials, "models": models,
                "bedrock": if insecure { json!({ "region": "eu-central-1" }) } else { json!(null) },
                "timeouts": { "connect": duration, "idle": duration }, "retry": retry, "allowInsecure": insecure,
            })
        },
    )
}

fn amounts() -> impl Strategy<Value = Value> {
    let amount = || maybe(amount().prop_map(|amount| json!(amount)));
    (amount(), amount(), amount()).prop_map(|(input, output, cached)| {
        json!({ "input": input, "output": output, "cachedInput": cached, "images": [{ "amount": "0.04" }] })
    })
}

fn rate() -> impl Strategy<Value = Value> {
    let tiers = vec(
        (any::<u64>(), amounts()).prop_map(|(above, cost)| json!({ "above": above, "cost": cost })),
        0..3,
    );
    (glob(), amounts(), maybe(amounts()), tiers).prop_map(
        |(model, cost, price, tiers)| json!({ "model": model, "cost": cost, "price": price, "tiers": tiers }),
    )
}

fn pricing() -> impl Strategy<Value = Value> {
    let from = one_of(vec![json!(null), json!("2027-01-01T00:00:00Z"), json!("2026-01-01T00:00:00Z")]);
    let margin = one_of(vec![json!(null), json!("20%"), json!("-99.9999%"), json!("99999.9999%")]);
    let exchange = one_of(vec![json!(null), json!("0"), json!("999999.999999999"), json!("0.14")]);
    (name(), from, margin, exchange, vec(rate(), 0..5)).prop_map(|(provider, from, margin, exchange, rates)| {
        json!({
            "providerRef": { "name": provider }, "effectiveFrom": from, "margin": margin, "exchangeRate": exchange,
            "rates": rates,
        })
    })
}

fn access() -> impl Strategy<Value = Value> {
    let allow = maybe(vec(glob(), 0..3).prop_map(|globs| json!(globs)));
    (allow, vec(glob(), 0..2), glob(), vec(glob(), 0..3)).prop_map(
        |(allow, deny, from, to)| json!({ "allow": allow, "deny": deny, "fallbacks": { (from): to } }),
    )
}

fn budget() -> impl Strategy<Value = Value> {
    let zone =
        one_of(vec![json!(null), json!("UTC"), json!("Asia/Shanghai"), json!("Mars/Olympus"), json!("")]);
    (name(), amount(), zone).prop_map(
        |(name, amount, zone)| json!({ "name": name, "amount": amount, "period": "Day", "timeZone": zone }),
    )
}

fn tenant_key() -> impl Strategy<Value = Value> {
    (name(), name(), maybe(access()), vec(budget(), 0..2)).prop_map(|(name, secret, models, budgets)| {
        let mut models = models;
        if let Some(models) = models.as_object_mut() {
            models.remove("fallbacks");
        }
        json!({ "name": name, "secretName": secret, "models": models, "budgets": budgets })
    })
}

fn tenant() -> impl Strategy<Value = Value> {
    let identity =
        (namespace(), name()).prop_map(|(ns, name)| json!({ "namespace": ns, "serviceAccount": name }));
    let account = one_of(vec![json!(null), json!("shared"), json!("ai/a")]);
    let mode = one_of(vec![json!(null), json!("Credits"), json!("Attribution")]);
    let grants =
        vec((name(), amount()).prop_map(|(name, amount)| json!({ "name": name, "amount": amount })), 0..3);
    (
        account,
        maybe(access()),
        vec(tenant_key(), 0..4),
        vec(identity, 0..3),
        mode,
        grants,
        vec(budget(), 0..3),
    )
        .prop_map(|(account, models, keys, identities, mode, grants, budgets)| {
            json!({
                "accountID": account, "models": models, "keys": keys, "workloadIdentities": identities,
                "billing": { "mode": mode, "grants": grants }, "budgets": budgets,
            })
        })
}

fn secret() -> impl Strategy<Value = SecretFacts> {
    let value = (0..3_u8, select(vec![0, 31, 32, 68]))
        .prop_map(|(seed, length)| ValueFacts { length, ..ValueFacts::of(&[seed]) });
    let keys = proptest::collection::btree_map(
        select(vec!["a", "b", "apiKey"]).prop_map(str::to_owned),
        value,
        0..4,
    );
    (any::<bool>(), keys).prop_map(|(labelled, keys)| SecretFacts {
        labels: BTreeMap::from([(CREDENTIAL_LABEL.to_owned(), labelled.to_string())]),
        keys,
    })
}

/// An object of `kind`; nulls stand for what was not written.
fn object(kind: &str, key: &ObjectKey, age: u8, mut spec: Value) -> Value {
    fn prune(value: &mut Value) {
        match value {
            Value::Object(entries) => {
                entries.retain(|_, value| !value.is_null());
                entries.values_mut().for_each(prune);
            }
            Value::Array(items) => items.iter_mut().for_each(prune),
            _ => {}
        }
    }
    prune(&mut spec);
    let born = match age {
        0 => json!(null),
        age => json!(format!("2026-01-01T00:00:{age:02}Z")),
    };
    json!({
        "apiVersion": "hub.aigne.io/v1alpha1", "kind": kind, "spec": spec,
        "metadata": { "name": key.name, "namespace": key.namespace, "creationTimestamp": born },
    })
}

fn objects<T: serde::de::DeserializeOwned + std::fmt::Debug>(
    kind: &'static str,
    spec: impl Strategy<Value = Value>,
) -> impl Strategy<Value = BTreeMap<ObjectKey, T>> {
    vec((namespace(), name(), 0..3_u8, spec), 0..5).prop_map(move |written| {
        written
            .into_iter()
            .map(|(namespace, name, age, spec)| {
                let key = ObjectKey::new(namespace, name);
                let object = serde_json::from_value(object(kind, &key, age, spec)).unwrap();
                (key, object)
            })
            .collect()
    })
}

fn resources() -> impl Strategy<Value = Resources> {
    let secrets =
        vec(((namespace(), name()).prop_map(|(ns, name)| ObjectKey::new(ns, name)), secret()), 0..6);
    (
        objects::<AIProvider>("AIProvider", provider()),
        objects::<ModelPricing>("ModelPricing", pricing()),
        objects::<Tenant>("Tenant", tenant()),
        secrets,
        select(vec![None, Some("ai".to_owned())]),
    )
        .prop_map(|(providers, pricings, tenants, secrets, hub_namespace)| Resources {
            providers,
            pricings,
            tenants,
            secrets: secrets.into_iter().collect(),
            hub_namespace,
        })
}

/// Every list that merges by key, and every set, turned round: what the API server may do to them.
fn turned_round(resources: &Resources) -> Resources {
    let mut turned = resources.clone();
    for provider in turned.providers.values_mut() {
        provider.spec.models.reverse();
        provider.spec.models.iter_mut().for_each(|model| model.aliases.reverse());
        provider.spec.credentials.reverse();
    }
    for pricing in turned.pricings.values_mut() {
        pricing.spec.rates.reverse();
        pricing.spec.rates.iter_mut().for_each(|rate| rate.tiers.reverse());
    }
    for tenant in turned.tenants.values_mut() {
        let spec = &mut tenant.spec;
        spec.keys.reverse();
        spec.budgets.reverse();
        spec.workload_identities.reverse();
        if let Some(billing) = &mut spec.billing {
            billing.grants.reverse();
        }
        if let Some(models) = &mut spec.models {
            models.deny.reverse();
            models.allow.iter_mut().for_each(|allow| allow.reverse());
        }
    }
    turned
}

/// Keeps the first of each: the schema refuses the others.
fn without_duplicates(mut resources: Resources) -> Resources {
    fn unique<T, K: PartialEq>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
        let mut seen: Vec<K> = Vec::new();
        items.retain(|item| {
            let key = key(item);
            let new = !seen.contains(&key);
            seen.push(key);
            new
        });
    }
    for provider in resources.providers.values_mut() {
        unique(&mut provider.spec.models, |model| model.name.clone());
        unique(&mut provider.spec.credentials, |credential| credential.name.clone());
    }
    for pricing in resources.pricings.values_mut() {
        unique(&mut pricing.spec.rates, |rate| rate.model.clone());
        pricing.spec.rates.iter_mut().for_each(|rate| unique(&mut rate.tiers, |tier| tier.above));
    }
    for tenant in resources.tenants.values_mut() {
        unique(&mut tenant.spec.keys, |key| key.name.clone());
        tenant.spec.keys.iter_mut().for_each(|key| unique(&mut key.budgets, |budget| budget.name.clone()));
        unique(&mut tenant.spec.budgets, |budget| budget.name.clone());
        if let Some(billing) = &mut tenant.spec.billing {
            unique(&mut billing.grants, |grant| grant.name.clone());
        }
    }
    resources
}

fn bytes(resources: &Resources) -> Vec<u8> {
    serde_json::to_vec(&compile(resources).config).unwrap()
}

/// Who is refused what, if tenants are asked one after the other, the oldest first.
fn asked_in_order(resources: &Resources) -> BTreeMap<ObjectKey, Refusals> {
    let mut by_age: Vec<_> = resources.tenants.iter().collect();
    by_age.sort_by_key(|(_, tenant)| tenant.metadata.creation_timestamp.as_ref().map(|time| time.0));
    let (mut accounts, mut hashes, mut identities) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut all = BTreeMap::new();
    for (key, tenant) in by_age {
        let mut refusals = Refusals::default();
        let account = tenant.spec.account_id.clone().unwrap_or_else(|| key.to_string());
        let holder = accounts.entry(account).or_insert(key);
        if *holder != key {
            refusals.account = Some((*holder).clone());
            all.insert(key.clone(), refusals);
            continue;
        }
        let mut keys: Vec<_> = tenant.spec.keys.iter().collect();
        keys.sort_by(|a, b| a.name.cmp(&b.name));
        for written in keys {
            let secret = resources.secrets.get(&key.sibling(&written.secret_name));
            let Some(value) = secret.and_then(|secret| secret.keys.get("apiKey")) else { continue };
            let claim = Holder { tenant: key.clone(), key: written.name.clone() };
            let holder = hashes.entry(value.sha256.clone()).or_insert_with(|| claim.clone());
            if *holder != claim {
                refusals.hashes.insert((claim.key, value.sha256.clone()), holder.clone());
            }
        }
        for identity in &tenant.spec.workload_identities {
            let id = format!("{}/{}", identity.namespace, identity.service_account);
            let holder = identities.entry(id.clone()).or_insert(key);
            if *holder != key {
                refusals.identities.insert(id, (*holder).clone());
            }
        }
        if refusals != Refusals::default() {
            all.insert(key.clone(), refusals);
        }
    }
    all
}

proptest! {
    /// Total, and whatever is left out is said.
    #[test]
    fn never_fails_and_says_what_it_leaves_out(resources in resources()) {
        let compiled = compile(&resources);
        let said = |kind: &str, key: &ObjectKey| {
            compiled.findings.iter().any(|finding| finding.kind == kind && finding.object == *key)
        };
        for key in resources.providers.keys() {
            let id = key.to_string();
            prop_assert!(compiled.config.shared.providers.contains_key(&id) || said("AIProvider", key));
        }
        for key in resources.tenants.keys() {
            prop_assert!(compiled.config.tenants.contains_key(&key.to_string()) || said("Tenant", key));
        }
        let mut sorted = compiled.findings.clone();
        sorted.sort();
        prop_assert_eq!(&sorted, &compiled.findings);
        // It survives the way to a gateway.
        let text = serde_json::to_string(&compiled.config).unwrap();
        prop_assert_eq!(serde_json::from_str::<aigne_hub_crds::config::Config>(&text).unwrap(), compiled.config);
    }

    /// The same inputs in any order give the same bytes.
    #[test]
    fn order_means_nothing(resources in resources()) {
        let resources = without_duplicates(resources);
        prop_assert_eq!(bytes(&resources), bytes(&turned_round(&resources)));
    }

    /// Tenants that come, change and go one by one are refused the same as if all were asked in the order of their age,
    /// and whoever is refused something else than before is named.
    #[test]
    fn claims_are_settled_one_by_one(all in vec(resources(), 1..4)) {
        let mut claims = Claims::default();
        let mut now = Resources { secrets: all[0].secrets.clone(), ..Resources::default() };
        let comings = all.iter().flat_map(|of| of.tenants.iter().map(|(key, tenant)| (key, Some(tenant))));
        let goings = all[0].tenants.keys().map(|key| (key, None));
        for (key, tenant) in comings.chain(goings) {
            let before: BTreeMap<_, _> = now.tenants.keys().map(|key| (key.clone(), claims.refusals(key))).collect();
            match tenant {
                Some(tenant) => now.tenants.insert(key.clone(), tenant.clone()),
                None => now.tenants.remove(key),
            };
            let affected = claims.set(key, tenant.map(|tenant| Asked::by(&now, key, tenant)));
            let expected = asked_in_order(&now);
            for other in now.tenants.keys() {
                let refusals = claims.refusals(other);
                prop_assert_eq!(&refusals, &expected.get(other).cloned().unwrap_or_default(), "{}", other);
                prop_assert!(affected.contains(other) || before.get(other) == Some(&refusals), "{} is not named", other);
            }
            prop_assert_eq!(settle_claims(&now), expected);
        }
    }

    /// A change to one tenant needs that tenant again, and those whose refusals changed: nothing else.
    #[test]
    fn incremental_equals_whole(before in resources(), key in (namespace(), name()), change in maybe(tenant()), age in 0..3_u8) {
        let key = ObjectKey::new(key.0, key.1);
        let shared = compile_shared(&before);
        let refusals_before = settle_claims(&before);
        let mut parts: BTreeMap<ObjectKey, TenantPart> = before
            .tenants
            .keys()
            .map(|key| (key.clone(), compile_tenant(&before, key, &shared, refusals_before.get(key))))
            .collect();

        let mut after = before.clone();
        if change.is_null() {
            after.tenants.remove(&key);
            parts.remove(&key);
        } else {
            after.tenants.insert(key.clone(), serde_json::from_value(object("Tenant", &key, age, change)).unwrap());
        }
        let refusals = settle_claims(&after);
        for other in after.tenants.keys() {
            if *other == key || refusals.get(other) != refusals_before.get(other) {
                let part = compile_tenant(&after, other, &shared, refusals.get(other));
                parts.insert(other.clone(), part);
            }
        }
        prop_assert_eq!(compose(shared, parts), compile(&after));
    }

    /// Any text is read or refused.
    #[test]
    fn manifests_never_panic(text in "[-a-z:{}\\[\\]&*!#|>'\" \n0-9.%]{0,200}", spec in tenant()) {
        aigne_hub_crds::manifest::parse("f", &text);
        let json = object("Tenant", &ObjectKey::new("a", "b"), 0, spec).to_string();
        let (objects, errors) = aigne_hub_crds::manifest::parse("f", &json);
        prop_assert!(objects.len() == 1 || !errors.is_empty());
    }
}
