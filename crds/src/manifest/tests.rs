//! What is read, and where it was. What is refused has files of its own: `tests/refused`.

use std::fmt::Write;

use super::*;

const TENANT: &str =
    "apiVersion: hub.aigne.io/v1alpha1\nkind: Tenant\nmetadata: {name: acme, namespace: team}\n";

fn tenant(spec: &str) -> (Vec<Object>, Vec<Error>) {
    parse("f.yaml", &format!("{TENANT}{spec}"))
}

fn spec_of(object: &Object) -> &crate::v1alpha1::TenantSpec {
    match &object.body {
        Body::Tenant(tenant) => &tenant.spec,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_schemas_can_be_read() {
    assert_eq!(schemas::SCHEMAS.as_ref().err(), None);
}

#[test]
fn a_good_document_is_an_object_whose_parts_have_places() {
    let (objects, errors) = tenant("spec: {keys: [{name: app, secretName: s}]}\n---\n# nothing\n---\n");
    assert_eq!(errors, []);
    let [object] = objects.as_slice() else { panic!("{objects:?}") };
    assert_eq!(object.key.to_string(), "team/acme");
    assert_eq!(spec_of(object).keys[0].secret_name, "s");
    assert_eq!(object.location("spec.keys[0].secretName").to_string(), "f.yaml:4:39");
    assert_eq!(object.location("spec.keys[0].expiresAt").to_string(), "f.yaml:4:15");
    assert_eq!(object.location("status").to_string(), "f.yaml:1:1");
}

#[test]
fn the_namespace_is_default_when_omitted() {
    let (objects, _) =
        parse("f", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {apiKey: x}\n");
    assert_eq!(objects[0].key.to_string(), "default/s");
}

#[test]
fn nulls_are_as_if_not_written() {
    let (objects, errors) = tenant("spec: {displayName: , models: ~, keys: null}\n");
    assert_eq!(errors, []);
    assert_eq!(spec_of(&objects[0]), &crate::v1alpha1::TenantSpec::default());
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let (objects, errors) =
        tenant("spec: {keys: [&a {name: a, secretName: s, disabled: true}, {<<: *a, name: b}]}\n");
    assert_eq!(errors, []);
    assert!(spec_of(&objects[0]).keys[1].disabled);
    assert_eq!(spec_of(&objects[0]).keys[1].name, "b");
}

#[test]
fn an_alias_bomb_ends_early() {
    let mut text = format!("{TENANT}spec:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        writeln!(text, "  a{level}: &a{level} [{}]", vec![before; 10].join(", ")).unwrap();
    }
    let (_, errors) = parse("f", &text);
    assert!(errors.iter().any(|error| error.message.contains("too large")), "{errors:?}");
}

#[test]
fn other_kinds_may_stand_beside() {
    let (objects, errors) =
        parse("f", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\nanything: {goes: 1}\n");
    assert_eq!(errors, []);
    assert_eq!(objects[0].body, Body::Other { api_version: "v1".into() });
}

#[test]
fn lists_are_unrolled_and_what_the_api_server_adds_is_dropped() {
    let text = "apiVersion: v1
kind: List
items:
- apiVersion: hub.aigne.io/v1alpha1
  kind: Tenant
  metadata: {name: a, creationTimestamp: '2026-01-01T00:00:00Z', uid: x, resourceVersion: '1', generation: 1}
  spec: {}
  status: {accountID: default/a}
- apiVersion: hub.aigne.io/v1alpha1
  kind: Tenant
  metadata: {name: b}
  spec:
    foo: 1
";
    let (objects, errors) = parse("f", text);
    assert_eq!(objects[0].location("spec").to_string(), "f:7:3");
    let Body::Tenant(tenant) = &objects[0].body else { panic!() };
    assert!(tenant.status.is_none() && tenant.metadata.creation_timestamp.is_none());
    assert_eq!(errors[0].to_string(), "f:13:10: Tenant default/b: spec.foo: there is no such field");
}

#[test]
fn the_same_object_twice_names_both_places() {
    let text = format!("{TENANT}spec: {{}}\n");
    let manifests = Manifests::read([("a.yaml", text.as_str()), ("b.yaml", text.as_str())]);
    assert_eq!(manifests.objects.len(), 1);
    assert_eq!(
        manifests.errors[0].to_string(),
        "b.yaml:1:1: Tenant team/acme: stands twice: first in a.yaml:1:1"
    );
}

#[test]
fn findings_are_located() {
    let text = format!("{TENANT}spec:\n  models:\n    allow: [a/*]\n");
    let manifests = Manifests::read([("a.yaml", text.as_str())]);
    let compiled = crate::compile::compile(&manifests.resources());
    let [finding] = compiled.findings.as_slice() else { panic!("{:?}", compiled.findings) };
    assert_eq!(manifests.locate(finding).unwrap().to_string(), "a.yaml:6:13");
}

#[test]
fn defaults_of_a_schema_are_filled_in() {
    let schema = schema::Schema::read(&serde_json::json!({
        "type": "object",
        "properties": {
            "a": { "type": "string", "default": "x" },
            "b": { "type": "object", "default": {}, "properties": { "c": { "type": "integer", "default": 1 } } },
            "d": { "type": "string", "nullable": true }
        }
    }))
    .unwrap();
    let mut value = serde_json::json!({ "a": null, "d": null });
    validate::prepare(&schema, &mut value);
    assert_eq!(value, serde_json::json!({ "a": "x", "b": { "c": 1 }, "d": null }));
}

#[test]
fn a_rule_about_a_change_says_nothing_about_a_new_object() {
    let with = |account: &str| serde_json::json!({ "spec": { "accountID": account } });
    let without = serde_json::json!({ "spec": {} });
    assert_eq!(violations("Tenant", &with("a"), None), []);
    assert_eq!(violations("Tenant", &with("a"), Some(&with("a"))), []);
    assert_eq!(violations("Tenant", &without, Some(&without)), []);
    for (new, old) in [(with("b"), with("a")), (without.clone(), with("a")), (with("a"), without)] {
        assert_eq!(violations("Tenant", &new, Some(&old))[0].message, "accountID is immutable");
    }
}
