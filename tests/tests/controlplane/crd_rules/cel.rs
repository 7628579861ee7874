//! The rules in CEL: for each, an object that passes and one that is refused, with the message that a person reads.

use std::collections::BTreeSet;

use aigne_hub_tests::harness::{Outcome, controlplane};
use anyhow::ensure;
use serde_json::{Value, json};

use super::{KINDS, Trial, object, ours, schema_of};

#[derive(Clone, Debug)]
struct Case {
    kind: &'static str,
    /// Where the rule stands in the schema.
    place: &'static str,
    message: &'static str,
    /// Before a change, where the rule is about one.
    old: Option<Value>,
    good: Value,
    bad: Value,
}

impl Case {
    fn new(kind: &'static str, place: &'static str, message: &'static str, good: Value, bad: Value) -> Self {
        Self { kind, place, message, old: None, good, bad }
    }

    fn change(mut self, old: Value) -> Self {
        self.old = Some(old);
        self
    }
}

fn cases() -> Vec<Case> {
    [providers(), timeouts(), pricings(), accounts(), billing()].concat()
}

/// A provider that needs little else, and these members.
fn compatible(more: &Value) -> Value {
    let mut spec = json!({ "type": "OpenAICompatible", "baseURL": "https://a", "models": [{ "name": "m" }] });
    for (name, value) in more.as_object().into_iter().flatten() {
        spec[name] = value.clone();
    }
    spec
}

fn providers() -> Vec<Case> {
    let key = json!([{ "name": "c", "secretKeyRef": { "name": "s", "key": "k" } }]);
    let region = json!({ "region": "eu-central-1" });
    let models = json!([{ "name": "m" }]);
    vec![
        Case::new(
            "AIProvider",
            "spec",
            "bedrock is needed for type Bedrock, and only there",
            json!({ "type": "Bedrock", "bedrock": region, "models": models }),
            json!({ "type": "Bedrock", "models": models }),
        ),
        Case::new(
            "AIProvider",
            "spec",
            "bedrock is needed for type Bedrock, and only there",
            json!({ "type": "OpenAI", "credentials": key, "models": models }),
            json!({ "type": "OpenAI", "credentials": key, "bedrock": region, "models": models }),
        ),
        Case::new(
            "AIProvider",
            "spec",
            "baseURL is needed for this type",
            compatible(&json!({})),
            json!({ "type": "OpenAICompatible", "models": models }),
        ),
        Case::new(
            "AIProvider",
            "spec",
            "baseURL is needed for this type",
            json!({ "type": "Ollama", "baseURL": "https://ollama", "models": models }),
            json!({ "type": "Ollama", "models": models }),
        ),
        Case::new(
            "AIProvider",
            "spec",
            "baseURL must be https unless allowInsecure is true",
            compatible(&json!({ "baseURL": "http://a", "allowInsecure": true })),
            compatible(&json!({ "baseURL": "http://a", "allowInsecure": false })),
        ),
        Case::new(
            "AIProvider",
            "spec",
            "credentials are needed for this type",
            json!({ "type": "Anthropic", "credentials": key, "models": models }),
            json!({ "type": "Anthropic", "credentials": [], "models": models }),
        ),
        Case::new(
            "AIProvider",
            "spec.models[]",
            "maxOutputTokens must not be more than contextWindow",
            compatible(&json!({ "models": [{ "name": "m", "contextWindow": 2, "maxOutputTokens": 2 }] })),
            compatible(&json!({ "models": [{ "name": "m", "contextWindow": 2, "maxOutputTokens": 3 }] })),
        ),
    ]
}

fn timeouts() -> Vec<Case> {
    let mut cases = Vec::new();
    for (place, name) in [
        ("spec.timeouts.connect", "connect"),
        ("spec.timeouts.firstToken", "firstToken"),
        ("spec.timeouts.idle", "idle"),
        ("spec.timeouts.request", "request"),
    ] {
        let [good, bad] = ["0m1s", "0m0s"].map(|value| compatible(&json!({ "timeouts": { name: value } })));
        cases.push(Case::new("AIProvider", place, "must be more than zero", good, bad));
    }
    cases
}

fn pricings() -> Vec<Case> {
    vec![Case::new(
        "ModelPricing",
        "spec.exchangeRate",
        "must be more than zero",
        json!({ "providerRef": { "name": "p" }, "exchangeRate": "0.01", "rates": [{ "model": "m", "cost": {} }] }),
        json!({ "providerRef": { "name": "p" }, "exchangeRate": "0.00", "rates": [{ "model": "m", "cost": {} }] }),
    )]
}

fn accounts() -> Vec<Case> {
    vec![
        Case::new(
            "Tenant",
            "spec",
            "accountID is immutable",
            json!({ "accountID": "a" }),
            json!({ "accountID": "b" }),
        )
        .change(json!({ "accountID": "a" })),
        Case::new(
            "Tenant",
            "spec",
            "accountID is immutable",
            json!({ "accountID": "a", "suspended": true }),
            json!({ "suspended": true }),
        )
        .change(json!({ "accountID": "a" })),
        Case::new(
            "Tenant",
            "spec",
            "accountID is immutable",
            json!({ "suspended": true }),
            json!({ "accountID": "a" }),
        )
        .change(json!({})),
    ]
}

fn billing() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, value) in [
        ("starterCredits", json!("5")),
        ("grants", json!([{ "name": "g", "amount": "1" }])),
        ("overdraft", json!("1")),
        ("lowBalance", json!("1")),
        ("paymentURL", json!("https://pay.example.com")),
        ("minimumMaxTokens", json!(1)),
    ] {
        let [good, bad] =
            ["Credits", "Attribution"].map(|mode| json!({ "billing": { "mode": mode, name: value } }));
        let message = "starterCredits, grants, overdraft, lowBalance, paymentURL and minimumMaxTokens are for mode Credits only";
        cases.push(Case::new("Tenant", "spec.billing", message, good, bad));
    }
    cases
}

/// Every rule below a schema: where it stands, and its message.
fn rules(schema: &Value, place: &str, found: &mut BTreeSet<(String, String)>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        found.insert((
            place.to_owned(),
            rule["message"].as_str().unwrap_or("a rule without a message").to_owned(),
        ));
    }
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        rules(below, format!("{place}.{name}").trim_start_matches('.'), found);
    }
    for (member, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[member].is_object() {
            rules(&schema[member], &format!("{place}{mark}"), found);
        }
    }
}

#[tokio::test]
async fn every_rule_has_a_case() -> Outcome {
    let plane = controlplane::shared().await?;
    let cases = cases();
    for (kind, plural) in KINDS {
        let mut found = BTreeSet::new();
        rules(&schema_of(plane, plural).await?, "", &mut found);
        let of_kind = cases.iter().filter(|case| case.kind == kind);
        let shown: BTreeSet<_> =
            of_kind.map(|case| (case.place.to_owned(), case.message.to_owned())).collect();
        assert_eq!(found, shown, "{kind}: the rules, and those that a case here trips");
    }
    Ok(())
}

#[tokio::test]
async fn the_api_server_refuses_what_breaks_a_rule_and_so_do_we() -> Outcome {
    let trial = Trial::new(controlplane::shared().await?).await?;
    for (index, case) in cases().into_iter().enumerate() {
        let Case { kind, place, message, old, good, bad } = case;
        let old = old.map(|spec| object(kind, &format!("changed-{index}"), &spec));
        for (spec, is_good) in [(good, true), (bad, false)] {
            let tried = object(kind, "tried", &spec);
            let theirs = match &old {
                None => trial.create(&tried).await?,
                Some(old) => {
                    let mut old = old.clone();
                    old["metadata"]["name"] = json!(format!("changed-{index}-{is_good}"));
                    trial.replace(&old, &tried).await?
                }
            };
            let own = ours(&tried, old.as_ref());
            if is_good {
                ensure!(theirs.is_empty() && own.is_empty(), "{message}: {spec}: {theirs:?} {own:?}");
                continue;
            }
            let field = place.replace("[]", "[0]");
            let [their] = theirs.as_slice() else { anyhow::bail!("{message}: {spec}: {theirs:?}") };
            let [own] = own.as_slice() else { anyhow::bail!("{message}: {spec}: {own:?}") };
            assert_eq!((&their.field, &own.field), (&field, &field), "{message}");
            ensure!(their.message.ends_with(&format!(": {message}")), "{their:?}");
            assert_eq!(own.message, message);
        }
    }
    Ok(())
}
