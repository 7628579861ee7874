use serde_json::json;

use super::*;

fn seen<K: Watched>(object: &serde_json::Value) -> Says {
    let object: K = serde_json::from_str(&object.to_string()).unwrap();
    let metadata = object.meta();
    let key = ObjectKey::new(
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    );
    object.seen(&key)
}

#[test]
fn tenants_are_slim_and_say_whether_they_are_ready() {
    let says = seen::<DeserializeGuard<Tenant>>(&json!({
        "apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant",
        "metadata": {
            "name": "acme", "namespace": "team", "managedFields": [{"manager": "kubectl"}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "yes"}
        },
        "spec": {},
        "status": {"conditions": [{
            "type": "Ready", "status": "False", "reason": "Pending", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z"
        }]},
    }));
    let Some((Change::Tenant(key, Some(tenant)), ready)) = says else { panic!("{says:?}") };
    assert_eq!((key.to_string().as_str(), ready.as_deref()), ("team/acme", Some("False")));
    assert_eq!(tenant.metadata.managed_fields, None);
    assert_eq!(tenant.metadata.annotations.as_ref().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_read_says_why() {
    let says = seen::<DeserializeGuard<Tenant>>(&json!({
        "metadata": {"name": "acme", "namespace": "team", "uid": "u", "generation": 3},
        "spec": {"suspended": "perhaps"},
    }));
    let Some((Change::Broken(object, broken), ready)) = says else { panic!("{says:?}") };
    assert_eq!((object, ready.as_deref()), (Object::Tenant(ObjectKey::new("team", "acme")), Some("False")));
    assert!(broken.error.contains("perhaps"), "{broken:?}");
    assert_eq!((broken.uid.as_str(), broken.generation), ("u", Some(3)));
}

#[test]
fn config_maps_are_the_index_a_part_or_nothing() {
    let map = |name: &str, key: &str, text: &str| {
        seen::<ConfigMap>(&json!({"metadata": {"name": name, "namespace": "ai"}, "data": {key: text}}))
    };
    let part = Part::default().to_data();
    let says = map("aigne-hub-config-0002", "part.json", &part);
    assert!(matches!(says, Some((Change::Owned(Owned::Part(2, Some(_))), None))), "{says:?}");
    let says = map("aigne-hub-config-0002", "part.json", "{}");
    assert!(matches!(says, Some((Change::Owned(Owned::Part(2, None)), None))), "{says:?}");
    let says = map("aigne-hub-config", "index.json", "nonsense");
    assert!(matches!(says, Some((Change::Owned(Owned::Index(None)), None))), "{says:?}");
    let says = map("somebody-elses", "part.json", &part);
    assert!(says.is_none(), "{says:?}");
}

#[test]
fn a_gateway_lives_until_its_lease_ends() {
    let says = seen::<Lease>(&json!({
        "metadata": {
            "name": "aigne-hub-gateway-pod-1", "namespace": "ai",
            "annotations": {"hub.aigne.io/sequence": "41", "hub.aigne.io/refused": "it is newer"}
        },
        "spec": {"renewTime": "2026-01-01T00:00:00.000000Z", "leaseDurationSeconds": 30}
    }));
    let Some((Change::Gateway(pod, Some(gateway)), None)) = says else { panic!("{says:?}") };
    let expected = SeenGateway {
        sequence: 41,
        refused: Some("it is newer".into()),
        expires_at: "2026-01-01T00:00:30Z".parse().unwrap(),
    };
    assert_eq!((pod.as_str(), gateway), ("pod-1", expected));
}

#[test]
fn a_lease_without_a_renewal_is_no_life() {
    let says = seen::<Lease>(&json!({"metadata": {"name": "aigne-hub-gateway-pod-1", "namespace": "ai"}}));
    let Some((Change::Gateway(_, Some(gateway)), None)) = says else { panic!("{says:?}") };
    assert_eq!((gateway.expires_at, gateway.sequence), (Timestamp::UNIX_EPOCH, 0));
    assert!(seen::<Lease>(&json!({"metadata": {"name": "aigne-hub-operator"}})).is_none());
}
