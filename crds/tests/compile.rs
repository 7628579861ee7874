//! Golden files: YAML in, configuration and findings out.

use aigne_hub_crds::{
    compile::{Resources, compile},
    manifest::{Body, Manifests},
};
use serde_json::json;

fn resources(text: &str) -> Resources {
    let manifests = Manifests::read([("input.yaml", text)]);
    assert_eq!(manifests.errors, []);
    let mut resources = manifests.resources();
    for object in &manifests.objects {
        if let Body::Secret(secret) = &object.body {
            resources.secrets.insert(object.key.clone(), secret.facts());
        }
    }
    resources
}

#[test]
fn golden_files() {
    insta::glob!("compile/*.yaml", |path| {
        let compiled = compile(&resources(&std::fs::read_to_string(path).unwrap()));
        let findings: Vec<String> = compiled
            .findings
            .iter()
            .map(|finding| {
                format!(
                    "{:?} {} {} {} {}/{}: {}",
                    finding.severity,
                    finding.kind,
                    finding.object,
                    finding.field,
                    finding.condition,
                    finding.reason,
                    finding.message
                )
            })
            .collect();
        insta::assert_yaml_snapshot!(json!({ "config": compiled.config, "findings": findings }));
    });
}

#[test]
fn the_order_of_documents_means_nothing() {
    insta::glob!("compile/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut documents: Vec<&str> = text.split("\n---\n").collect();
        let compiled = compile(&resources(&text));
        for _ in 0..documents.len() {
            documents.rotate_left(1);
            let rotated = documents.join("\n---\n");
            documents.reverse();
            for text in [rotated, documents.join("\n---\n")] {
                let other = compile(&resources(&text));
                let bytes = |config| serde_json::to_vec(config).unwrap();
                assert_eq!(bytes(&other.config), bytes(&compiled.config));
                assert_eq!(other.findings, compiled.findings);
            }
        }
    });
}
