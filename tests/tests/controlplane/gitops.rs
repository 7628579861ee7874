//! What Argo CD and Flux would say of our objects, by Argo CD's own Lua interpreter and Flux's own library.

use std::path::{Path, PathBuf};

use aigne_hub_tests::harness::{Outcome, Tool};
use anyhow::ensure;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
struct Verdict {
    argocd: String,
    message: String,
    flux: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn object(generation: u64, status: Value) -> Value {
    let metadata = json!({ "name": "acme", "namespace": "team-acme", "generation": generation });
    let object = json!({ "apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant", "metadata": metadata });
    let mut object = object;
    if !status.is_null() {
        object["status"] = status;
    }
    object
}

/// A status of generation 2: of each condition its type, status and reason.
fn status(conditions: &[(&str, &str, &str)]) -> Value {
    let condition = |(kind, status, reason): &(&str, &str, &str)| {
        json!({ "type": kind, "status": status, "reason": reason, "message": format!("{kind} says {reason}"),
            "observedGeneration": 2, "lastTransitionTime": "2026-01-01T00:00:00Z" })
    };
    json!({ "observedGeneration": 2, "conditions": conditions.iter().map(condition).collect::<Vec<_>>() })
}

const GOOD: [(&str, &str, &str); 4] = [
    ("Accepted", "True", "Accepted"),
    ("ResolvedRefs", "True", "ResolvedRefs"),
    ("Programmed", "True", "Programmed"),
    ("Ready", "True", "Ready"),
];

#[tokio::test]
async fn health_follows_the_conditions() -> Outcome {
    let with = |others: &[(&'static str, &'static str, &'static str)]| status(&[&GOOD, others].concat());
    let refused = [
        ("Accepted", "False", "Invalid"),
        ("ResolvedRefs", "True", "ResolvedRefs"),
        ("Ready", "False", "Invalid"),
    ];
    let unresolved = [
        ("Accepted", "True", "Accepted"),
        ("ResolvedRefs", "False", "SecretNotFound"),
        ("Ready", "False", "SecretNotFound"),
    ];
    let pending = [GOOD[0], GOOD[1], ("Programmed", "False", "Pending"), ("Ready", "False", "Pending")];
    let unknown = [GOOD[0], GOOD[1], ("Programmed", "Unknown", "Pending"), ("Ready", "Unknown", "Pending")];
    let untouched = ["Accepted", "ResolvedRefs", "Programmed", "Ready"].map(|kind| {
        json!({
            "type": kind, "status": "Unknown", "reason": "Pending",
            "message": "the operator has not looked at it yet", "lastTransitionTime": "1970-01-01T00:00:00Z",
        })
    });
    let untouched = json!({ "conditions": untouched });
    let cases = [
        ("new", object(1, untouched), "Progressing", "not looked at it yet", "InProgress"),
        (
            "of before there were defaults",
            object(1, Value::Null),
            "Progressing",
            "not looked at it yet",
            "Current",
        ),
        ("an empty status", object(1, json!({})), "Progressing", "not looked at it yet", "Current"),
        ("ready", object(2, with(&[])), "Healthy", "Ready says Ready", "Current"),
        ("changed since", object(3, with(&[])), "Progressing", "not looked at it yet", "InProgress"),
        ("refused", object(2, status(&refused)), "Degraded", "Invalid: Accepted says Invalid", "InProgress"),
        ("refused, then changed", object(3, status(&refused)), "Progressing", "not looked at", "InProgress"),
        ("no Secret", object(2, status(&unresolved)), "Degraded", "SecretNotFound: ", "InProgress"),
        (
            "not confirmed",
            object(2, status(&pending)),
            "Progressing",
            "Programmed says Pending",
            "InProgress",
        ),
        ("not known", object(2, status(&unknown)), "Progressing", "Programmed says Pending", "InProgress"),
        (
            "suspended",
            object(2, with(&[("Suspended", "True", "Suspended")])),
            "Suspended",
            "Suspended says",
            "Current",
        ),
        (
            "not suspended",
            object(2, with(&[("Suspended", "False", "Active")])),
            "Healthy",
            "Ready says",
            "Current",
        ),
        (
            "budget spent",
            object(2, with(&[("BudgetExceeded", "True", "Spent")])),
            "Healthy",
            "BudgetExceeded is True: ",
            "Current",
        ),
        (
            "no credit",
            object(2, with(&[("CreditExhausted", "True", "Spent")])),
            "Healthy",
            "CreditExhausted is True: ",
            "Current",
        ),
        (
            "a key revoked",
            object(2, with(&[("CredentialsValid", "False", "Refused")])),
            "Healthy",
            "CredentialsValid is False: ",
            "Current",
        ),
    ];
    let objects: Vec<_> = cases.iter().map(|(_, object, ..)| object).collect();
    let program = Tool::new(root().join("tests/gitops/setup"), [""; 0]).ok().await?;
    let script = root().join("charts/aigne-hub/argocd/health.lua");
    let said = Tool::new(program.trim(), [script]).input(serde_json::to_string(&objects)?).ok().await?;
    let said: Vec<Verdict> = serde_json::from_str(&said)?;
    assert_eq!(said.len(), cases.len());
    for ((name, _, argocd, message, flux), said) in cases.iter().zip(&said) {
        ensure!(said.argocd == *argocd && said.message.contains(message), "{name}: {said:?}");
        ensure!(said.flux == *flux, "{name}: {said:?}");
    }
    Ok(())
}

#[test]
fn the_page_shows_the_script_that_the_chart_ships() -> Outcome {
    let page = std::fs::read_to_string(root().join("docs/gitops.md"))?;
    let script = std::fs::read_to_string(root().join("charts/aigne-hub/argocd/health.lua"))?;
    let indented = |line: &str| if line.is_empty() { String::new() } else { format!("        {line}") };
    let shown: Vec<String> = script.lines().map(indented).collect();
    ensure!(page.contains(&shown.join("\n")), "docs/gitops.md shows another health script");
    Ok(())
}
