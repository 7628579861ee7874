//! Every example loads, and says nothing that surprises.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{fs, path::Path};

use aigne_hub_crds::{
    compile::{Compiled, Finding, SecretFacts, Severity, ValueFacts, compile},
    manifest::{Body, Manifests},
    v1alpha1::{conditions::reasons, crd},
};
use serde_json::Value;

/// Every file of an example folder, read; `env:` values count as set.
fn load(folder: &Path) -> (Manifests, Compiled) {
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    let manifests = Manifests::read(files.iter().map(|(file, text)| (file.as_str(), text.as_str())));
    let mut resources = manifests.resources();
    for object in &manifests.objects {
        if let Body::Secret(secret) = &object.body {
            let set = |key: &String| (key.clone(), ValueFacts::of(b"the value of that environment variable"));
            let facts =
                SecretFacts { labels: secret.labels.clone(), keys: secret.values.keys().map(set).collect() };
            resources.secrets.insert(object.key.clone(), facts);
        }
    }
    let compiled = compile(&resources);
    (manifests, compiled)
}

/// A key's Secret is made by the hub.
fn is_expected(finding: &Finding) -> bool {
    finding.severity == Severity::Warning
        || (finding.reason == reasons::SECRET_NOT_FOUND && finding.kind == "Tenant")
}

#[test]
fn examples_load() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let folders =
        fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    for folder in folders {
        let (manifests, compiled) = load(&folder);
        assert_eq!(manifests.errors, []);
        let unexpected: Vec<_> = compiled.findings.iter().filter(|finding| !is_expected(finding)).collect();
        assert!(unexpected.is_empty(), "{unexpected:#?}");
        let findings: Vec<String> = compiled
            .findings
            .iter()
            .map(|finding| {
                let place = manifests.locate(finding).unwrap();
                format!(
                    "{place}: {:?} {} {}: {}",
                    finding.severity, finding.reason, finding.field, finding.message
                )
            })
            .collect();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        insta::assert_snapshot!(name, findings.join("\n"));
    }
}

#[test]
fn the_first_of_the_quickstart_is_openai() {
    let (_, compiled) = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart"));
    let mut small: Vec<_> = compiled
        .config
        .shared
        .providers
        .values()
        .filter(|provider| provider.models.iter().any(|model| model.aliases.contains(&"small".to_owned())))
        .map(|provider| (provider.priority, provider.name.as_str()))
        .collect();
    small.sort_unstable();
    assert_eq!(small, [(10, "openai"), (20, "anthropic"), (30, "demo")]);
}

#[test]
fn all_fields_has_every_field() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/all-fields");
    let mut documents: Vec<Value> = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        documents.extend(serde_saphyr::from_multiple::<Value>(&text).unwrap());
    }
    for definition in crd::definitions() {
        let mut missing = Vec::new();
        paths(&definition.schema()["properties"]["spec"], &mut vec!["spec"], &mut |path| {
            let of_this_kind = |document: &&Value| document["kind"] == definition.kind;
            if !documents.iter().filter(of_this_kind).any(|document| has(document, path)) {
                missing.push(path.join("."));
            }
        });
        assert!(missing.is_empty(), "{}: {missing:#?}", definition.kind);
    }
}

/// Every field below `schema`, lists left out of the path.
fn paths<'a>(schema: &'a Value, path: &mut Vec<&'a str>, visit: &mut impl FnMut(&[&str])) {
    let schema = schema.get("items").unwrap_or(schema);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        path.push(name);
        visit(path);
        // Amounts are the same everywhere: once is enough.
        if *name != "price" && !path.ends_with(&["tiers", "cost"]) {
            paths(field, path, visit);
        }
        path.pop();
    }
}

fn has(value: &Value, path: &[&str]) -> bool {
    match (value, path.split_first()) {
        (_, None) => true,
        (Value::Array(items), Some(_)) => items.iter().any(|item| has(item, path)),
        (Value::Object(entries), Some((name, rest))) => {
            entries.get(*name).is_some_and(|value| has(value, rest))
        }
        _ => false,
    }
}
