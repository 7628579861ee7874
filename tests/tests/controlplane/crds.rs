//! Our resources as people meet them: columns of `kubectl get`, server-side apply, the examples.

use std::collections::BTreeSet;
use std::path::Path;

use aigne_hub_tests::harness::{Outcome, controlplane};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

const OBJECTS: &str = r#"
apiVersion: hub.aigne.io/v1alpha1
kind: AIProvider
metadata: {name: openai}
spec:
  type: OpenAI
  baseURL: https://api.example.com/v1
  credentials: [{name: main, secretKeyRef: {name: s, key: k}}]
  models: [{name: m}]
---
apiVersion: hub.aigne.io/v1alpha1
kind: ModelPricing
metadata: {name: openai}
spec: {providerRef: {name: openai}, margin: 20%, effectiveFrom: "2027-01-01T00:00:00Z", rates: [{model: m, cost: {}}]}
---
apiVersion: hub.aigne.io/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {billing: {mode: Credits}, suspended: true}
"#;

/// The cells of an object's row, each with its head.
fn columns(table: &str, kind: &str) -> Option<Vec<(String, String)>> {
    let mut lines = table.lines().skip_while(|line| !line.starts_with("NAME"));
    loop {
        let (head, row) = (lines.next()?, lines.next()?);
        if row.starts_with(kind) {
            // Rows are aligned with their head.
            let starts: Vec<_> = head.split_whitespace().map(|name| (name, head.find(name))).collect();
            let mut cells = Vec::new();
            for (index, (name, start)) in starts.iter().enumerate() {
                let end = starts.get(index + 1).and_then(|(_, end)| *end).unwrap_or(row.len()).min(row.len());
                cells.push((
                    (*name).to_owned(),
                    row.get((*start)?..end).unwrap_or_default().trim().to_owned(),
                ));
            }
            return Some(cells);
        }
        lines.next();
    }
}

#[tokio::test]
async fn kubectl_get_shows_what_one_wants_to_know() -> Outcome {
    let plane = controlplane::shared().await?;
    let namespace = plane.namespace("columns").await?;
    plane.kubectl(["apply", "-n", &namespace, "-f", "-"]).input(OBJECTS).ok().await?;
    let condition = |r#type: &str, status: &str, reason: &str| {
        json!({
            "type": r#type, "status": status, "reason": reason, "message": "-",
            "lastTransitionTime": "2027-01-01T00:00:00Z"
        })
    };
    let ready = condition("Ready", "False", "WhyNot");
    for (object, status) in [
        (
            "aiprovider/openai",
            json!({ "conditions": [ready, condition("CredentialsValid", "True", "Answered")] }),
        ),
        ("modelpricing/openai", json!({ "conditions": [ready] })),
        (
            "tenant/acme",
            json!({
                "conditions": [ready], "balance": "4.50", "accountID": "default/acme",
                "spend": [{ "budget": "monthly", "amount": "2.00", "of": "10.00" }]
            }),
        ),
    ] {
        let patch = json!({ "status": status }).to_string();
        let call = ["patch", "-n", &namespace, object, "--subresource=status", "--type=merge", "-p", &patch];
        plane.kubectl(call).ok().await?;
    }
    let call = ["get", "-n", &namespace, "aiproviders,modelpricings,tenants"];
    let narrow = plane.kubectl(call).ok().await?;
    let wide = plane.kubectl(call).args(["-o", "wide"]).ok().await?;
    let shows = |table: &str, kind: &str, expected: &[(&str, &str)]| {
        let mut cells = columns(table, kind).with_context(|| format!("no {kind} in {table}"))?;
        ensure!(cells.pop().is_some_and(|(name, age)| name == "AGE" && !age.is_empty()), "{table}");
        let cells: Vec<_> = cells[1..].iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(cells, expected, "{table}");
        Ok(())
    };
    let provider = [("TYPE", "OpenAI"), ("READY", "False"), ("REASON", "WhyNot"), ("CREDENTIALS", "True")];
    let pricing = [
        ("PROVIDER", "openai"),
        ("MARGIN", "20%"),
        ("EFFECTIVE", "2027-01-01T00:00:00Z"),
        ("READY", "False"),
        ("REASON", "WhyNot"),
    ];
    let tenant = [
        ("MODE", "Credits"),
        ("READY", "False"),
        ("REASON", "WhyNot"),
        ("BALANCE", "4.50"),
        ("SPENT", "2.00"),
        ("BUDGET", "10.00"),
    ];
    shows(&narrow, "aiprovider", &provider)?;
    shows(&narrow, "modelpricing", &pricing)?;
    shows(&narrow, "tenant", &tenant)?;
    let more = [("URL", "https://api.example.com/v1"), ("PRIORITY", "")];
    shows(&wide, "aiprovider", &[&provider[..], &more].concat())?;
    shows(&wide, "modelpricing", &[&pricing[..], &[("REVISION", "")]].concat())?;
    let more = [("ACCOUNT", "default/acme"), ("SUSPENDED", "true")];
    shows(&wide, "tenant", &[&tenant[..], &more].concat())?;

    // Short names and the category are names too.
    ensure!(plane.kubectl(["get", "-n", &namespace, "aigne", "-o", "name"]).ok().await?.lines().count() == 3);
    ensure!(plane.kubectl(["get", "-n", &namespace, "aip", "-o", "name"]).ok().await?.contains("openai"));
    Ok(())
}

#[tokio::test]
async fn managers_of_fields_share_a_list() -> Outcome {
    let plane = controlplane::shared().await?;
    let namespace = plane.namespace("managers").await?;
    let apply = async |manager: &str, spec: Value| {
        let object = json!({
            "apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant", "metadata": { "name": "acme" }, "spec": spec
        });
        let manager = format!("--field-manager={manager}");
        let call = ["apply", "-n", &namespace, "--server-side", &manager, "-f", "-"];
        plane.kubectl(call).input(object.to_string()).run().await
    };
    let key = |name: &str, secret: &str| json!({ "name": name, "secretName": secret });
    let keys = async || {
        let path = "-o=jsonpath={.spec.keys[*].name}";
        plane.kubectl(["get", "-n", &namespace, "tenant", "acme", path]).ok().await
    };
    apply("platform", json!({ "keys": [key("app", "app")] })).await?.ok()?;
    apply("team", json!({ "keys": [key("batch", "batch")] })).await?.ok()?;
    assert_eq!(keys().await?, "app batch");
    // Each takes away its own only.
    apply("platform", json!({ "keys": [key("other", "other")] })).await?.ok()?;
    let left = keys().await?;
    assert_eq!(left.split(' ').collect::<BTreeSet<_>>(), BTreeSet::from(["batch", "other"]));
    // What another one owns is a conflict that names it.
    let conflict = apply("team", json!({ "keys": [key("other", "mine")] })).await?;
    let named = r#"conflict with "platform": .spec.keys[name="other"].secretName"#;
    ensure!(!conflict.success && conflict.stderr.contains(named), "{}", conflict.stderr);
    Ok(())
}

#[tokio::test]
async fn the_examples_are_applied_without_a_word() -> Outcome {
    let plane = controlplane::shared().await?;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut count = 0;
    for entry in std::fs::read_dir(examples)? {
        let folder = entry?.path();
        if !folder.is_dir() {
            continue;
        }
        count += 1;
        // Tried only, so that nobody's namespace is filled; the namespaces themselves must be there for that.
        let listed =
            plane.kubectl(["create", "--dry-run=client", "-o", "json", "-f"]).args([&folder]).ok().await?;
        let mut namespaces = BTreeSet::new();
        for object in serde_json::Deserializer::from_str(&listed).into_iter::<Value>() {
            let object = object?;
            let items = object["items"].as_array().cloned().unwrap_or_else(|| vec![object.clone()]);
            for item in items {
                let of_namespace = item["kind"] == "Namespace";
                let name = &item["metadata"][if of_namespace { "name" } else { "namespace" }];
                namespaces.extend(name.as_str().map(str::to_owned));
            }
        }
        for namespace in namespaces {
            let namespace =
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
            plane.kubectl(["apply", "--server-side", "-f", "-"]).input(namespace.to_string()).ok().await?;
        }
        let apply = ["apply", "--server-side", "--field-manager=example", "--dry-run=server", "-f"];
        let ran = plane.kubectl(apply).args([&folder]).run().await?;
        ensure!(ran.success && ran.stderr.is_empty(), "{}: {}", folder.display(), ran.stderr);
    }
    ensure!(count >= 4, "{count} examples");
    Ok(())
}
