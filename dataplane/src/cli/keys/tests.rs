use std::fs;

use super::*;
use crate::{
    cli::testing::try_run,
    source::directory::tests::{Fixture, PROVIDER},
};

const TENANTS: &str = "\
apiVersion: hub.aigne.io/v1alpha1
kind: Tenant
metadata: {name: acme, namespace: team-acme}
spec:
  keys:
  - {name: app, secretName: acme-hub, rotationGrace: 1h}
  - {name: old, secretName: acme-old, expiresAt: \"2020-01-01T00:00:00Z\"}
  - {name: paused, secretName: acme-paused, disabled: true}
  - {name: own, secretName: acme-own}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-own, namespace: team-acme}
stringData: {apiKey: a-key-that-was-brought-along-by-the-team}
";

fn fixture() -> Fixture {
    Fixture::new(&[("provider.yaml", PROVIDER), ("tenants.yaml", TENANTS)])
}

fn keys(fixture: &Fixture, args: &[&str]) -> (anyhow::Result<ExitCode>, String) {
    let data = fixture.data.path().display().to_string();
    try_run(fixture, &[&["keys"], args, &["-f", &fixture.root(), "--data", &data]].concat())
}

#[test]
fn keys_are_listed_without_their_values() {
    let fixture = fixture();
    let (_, shown) = keys(&fixture, &["show", "team-acme/acme", "app"]);
    let hash = SecretValue::new(shown.trim().to_owned()).sha256();
    let (_, text) = keys(&fixture, &["list"]);
    assert!(!text.contains(shown.trim()) && !text.contains("brought-along"), "{text}");
    let lines: Vec<_> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], "TENANT KEY SECRET STATE ORIGIN SHA256 EXPIRES");
    assert_eq!(lines[1], format!("team-acme/acme app team-acme/acme-hub active made {} -", &hash[..12]));
    assert_eq!(lines[2], "team-acme/acme old team-acme/acme-old expired made - 2020-01-01T00:00:00Z");
    assert!(lines[3].starts_with("team-acme/acme own team-acme/acme-own active brought "), "{text}");
    assert_eq!(lines[4], "team-acme/acme paused team-acme/acme-paused disabled made - -");
    let (_, json) = keys(&fixture, &["list", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["sha256"], hash[..12]);
}

#[test]
fn a_key_is_shown_alone_or_as_the_variables_that_sdks_read() {
    let fixture = fixture();
    let (_, value) = keys(&fixture, &["show", "team-acme/acme", "app"]);
    let value = value.trim();
    assert!(value.starts_with("hub-"));
    let (_, lines) =
        keys(&fixture, &["show", "team-acme/acme", "app", "-o", "env", "--url", "https://hub.example/"]);
    let expected = format!(
        "OPENAI_API_KEY={value}\nOPENAI_BASE_URL=https://hub.example/v1\nANTHROPIC_API_KEY={value}\n\
         ANTHROPIC_BASE_URL=https://hub.example\nAIGNE_HUB_API_KEY={value}\nAIGNE_HUB_API_URL=https://hub.example\n"
    );
    assert_eq!(lines, expected);
    let (_, brought) = keys(&fixture, &["show", "team-acme/acme", "own"]);
    assert_eq!(brought, "a-key-that-was-brought-along-by-the-team\n");
}

#[test]
fn a_rotated_key_is_another_one_and_the_old_one_has_an_end() {
    let fixture = fixture();
    let (_, first) = keys(&fixture, &["show", "team-acme/acme", "app"]);
    let (_, said) = keys(&fixture, &["rotate", "team-acme/acme", "app"]);
    assert!(said.starts_with("team-acme/acme app: rotated; the old key works until "), "{said}");
    let (_, second) = keys(&fixture, &["show", "team-acme/acme", "app"]);
    assert_ne!(first, second);
    assert!(!said.contains(second.trim()));
    let (refused, _) = keys(&fixture, &["rotate", "team-acme/acme", "own"]);
    assert!(refused.unwrap_err().to_string().starts_with("the key comes from Secret team-acme/acme-own in "));
}

#[test]
fn what_is_not_there_is_said() {
    let fixture = fixture();
    let error = |args: &[&str]| keys(&fixture, args).0.unwrap_err().to_string();
    assert_eq!(
        error(&["show", "team-acme/acme", "none"]),
        "Tenant team-acme/acme has no key none; it has app, old, own, paused"
    );
    assert_eq!(error(&["show", "nobody", "app"]), "there is no Tenant default/nobody with keys");
    fs::write(fixture.path("tenants.yaml"), "kind: [").unwrap();
    assert!(error(&["list"]).contains("tenants.yaml:"));
}
