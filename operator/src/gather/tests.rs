use std::{collections::BTreeMap, sync::Arc};

use aigne_hub_crds::{
    compile::{ObjectKey, SecretFacts, ValueFacts, compile},
    config::Config,
    distribution::{self, Assembly, Index, Part},
    v1alpha1::CREDENTIAL_LABEL,
};
use jiff::Timestamp;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::*;
use crate::{
    change::{MadeSecret, Owned, SeenGateway},
    plan::{KeyAction, Status},
};

const ADDRESS: &str = "http://hub.ai.svc:8080";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A cluster that keeps what it is told, and loses some of it.
#[derive(Default)]
struct Cluster {
    objects: BTreeMap<(&'static str, ObjectKey), Value>,
    secrets: BTreeMap<ObjectKey, SeenSecret>,
    index: Option<Index>,
    parts: BTreeMap<u32, Part>,
    role: Option<Vec<String>>,
    keys_made: u32,
    written: usize,
    version: u64,
}

impl Cluster {
    fn apply(&mut self, kind: &'static str, namespace: &str, name: &str, spec: &Value) -> Change {
        let key = ObjectKey::new(namespace, name);
        self.version += 1;
        let born = self.objects.get(&(kind, key.clone())).map(|old| old["metadata"].clone());
        let mut metadata = born.unwrap_or_else(|| {
            json!({
                "namespace": namespace, "name": name, "uid": format!("{kind}-{}", self.version), "generation": 0,
                "creationTimestamp": at(0).to_string(),
            })
        });
        metadata["generation"] = json!(metadata["generation"].as_i64().unwrap() + 1);
        let status = self.objects.get(&(kind, key.clone())).map_or(json!({}), |old| old["status"].clone());
        let object = json!({
            "apiVersion": "hub.aigne.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec, "status": status,
        });
        self.objects.insert((kind, key.clone()), object);
        self.see(kind, &key)
    }

    fn delete(&mut self, kind: &'static str, namespace: &str, name: &str) -> Change {
        let key = ObjectKey::new(namespace, name);
        self.objects.remove(&(kind, key.clone()));
        self.see(kind, &key)
    }

    fn see(&self, kind: &'static str, key: &ObjectKey) -> Change {
        fn read<T: serde::de::DeserializeOwned>(object: Option<&Value>) -> Option<Arc<T>> {
            object.map(|object| Arc::new(serde_json::from_value(object.clone()).unwrap()))
        }
        let object = self.objects.get(&(kind, key.clone()));
        match kind {
            "AIProvider" => Change::Provider(key.clone(), read(object)),
            "ModelPricing" => Change::Pricing(key.clone(), read(object)),
            _ => Change::Tenant(key.clone(), read(object)),
        }
    }

    fn put_secret(&mut self, key: ObjectKey, secret: Option<SeenSecret>) -> Change {
        self.version += 1;
        let secret = secret.map(|secret| SeenSecret { resource_version: self.version.to_string(), ..secret });
        match &secret {
            Some(secret) => drop(self.secrets.insert(key.clone(), secret.clone())),
            None => drop(self.secrets.remove(&key)),
        }
        Change::Secret(key, secret)
    }

    /// Everything, as somebody sees it who comes now.
    fn all(&self) -> Vec<Change> {
        let mut changes: Vec<_> = self.objects.keys().map(|(kind, key)| self.see(kind, key)).collect();
        changes.extend(
            self.secrets.iter().map(|(key, secret)| Change::Secret(key.clone(), Some(secret.clone()))),
        );
        changes.push(Change::Owned(Owned::Index(self.index.clone())));
        changes.extend(self.parts.iter().map(|(n, part)| Change::Owned(Owned::Part(*n, Some(part.clone())))));
        changes.push(Change::Owned(Owned::Role(self.role.clone())));
        changes
    }

    /// Does what it is told, but for what `fails`; returns what is seen of it.
    fn carry_out(
        &mut self,
        world: &mut World,
        plan: Plan,
        now: Timestamp,
        fails: &mut dyn FnMut() -> bool,
    ) -> Vec<Change> {
        let mut seen = Vec::new();
        let Plan { keys, configuration, statuses, .. } = plan;
        for work in keys {
            if fails() {
                world.failed(Failed::Key(work.secret), now);
                continue;
            }
            self.written += 1;
            let made = match work.action {
                KeyAction::Make if self.secrets.contains_key(&work.secret) => continue,
                KeyAction::Make => {
                    self.keys_made += 1;
                    SeenSecret {
                        made: Some(MadeSecret { address: Some(ADDRESS.into()), ..MadeSecret::default() }),
                        ..made(self.keys_made)
                    }
                }
                KeyAction::Rotate { resource_version, asked, rotated_keys } => {
                    let present = self.secrets[&work.secret].clone();
                    assert_eq!(present.resource_version, resource_version);
                    self.keys_made += 1;
                    let note = MadeSecret { rotated: Some(asked), rotated_keys, ..present.made.unwrap() };
                    SeenSecret { made: Some(note), ..made(self.keys_made) }
                }
                KeyAction::Readdress => {
                    let mut present = self.secrets[&work.secret].clone();
                    present.made.as_mut().unwrap().address = Some(ADDRESS.into());
                    present
                }
            };
            seen.push(self.put_secret(work.secret, Some(made)));
        }
        let Configuration { role, parts, index, prune } = configuration;
        if let Some(role) = role {
            if fails() {
                world.failed(Failed::Role, now);
            } else {
                self.written += 1;
                self.role = Some(role);
            }
        }
        let mut complete = true;
        for (number, part) in parts {
            if fails() {
                world.failed(Failed::Part(number), now);
                complete = false;
            } else {
                self.written += 1;
                self.parts.insert(number, part);
            }
        }
        if complete && !fails() {
            self.written += usize::from(index.is_some());
            self.index = index.or(self.index.take());
            for number in prune {
                self.written += 1;
                self.parts.remove(&number);
            }
        } else {
            world.failed(Failed::Index, now);
            for number in prune {
                world.failed(Failed::Part(number), now);
            }
        }
        for report in statuses {
            if fails() {
                world.failed(Failed::Status(report.uid), now);
                continue;
            }
            let (kind, status) = match report.status {
                Status::Provider(status) => ("AIProvider", serde_json::to_value(status)),
                Status::Pricing(status) => ("ModelPricing", serde_json::to_value(status)),
                Status::Tenant(status) => ("Tenant", serde_json::to_value(status)),
            };
            let Some(object) = self.objects.get_mut(&(kind, report.object.clone())) else { continue };
            if object["metadata"]["uid"] == json!(report.uid) {
                self.written += 1;
                object["status"] = status.unwrap();
                seen.push(self.see(kind, &report.object));
            }
        }
        seen
    }

    /// Plans and carries out until there is nothing left to do; returns how many rounds that took.
    fn settle(&mut self, world: &mut World, second: &mut i64, fails: &mut dyn FnMut() -> bool) -> usize {
        for round in 0..60 {
            let before = self.written;
            let plan = world.plan(at(*second));
            let wakes = plan.wake_at;
            for change in self.carry_out(world, plan, at(*second), fails) {
                world.take(change);
            }
            if self.written == before && wakes.is_none_or(|wakes| wakes > at(*second + 120)) {
                return round;
            }
            *second += if self.written == before { 61 } else { 0 };
        }
        panic!("it does not come to rest");
    }

    /// What a gateway that comes now makes of what is there.
    fn assembled(&self) -> (Config, Option<u64>) {
        let mut assembly = Assembly::default();
        for (number, part) in &self.parts {
            let text = Part::from_data(&part.to_data()).unwrap();
            assert_eq!(assembly.take(distribution::Change::Part(*number, Some(text))), vec![]);
        }
        assert_eq!(assembly.take(distribution::Change::Index(self.index.clone())), vec![]);
        (assembly.config().clone(), assembly.complete())
    }

    /// What the whole of it compiles to.
    fn expected(&self) -> Config {
        let mut resources = Resources { hub_namespace: Some("ai".into()), ..Resources::default() };
        for ((kind, key), object) in &self.objects {
            let object = object.clone();
            match *kind {
                "AIProvider" => {
                    drop(resources.providers.insert(key.clone(), serde_json::from_value(object).unwrap()));
                }
                "ModelPricing" => {
                    drop(resources.pricings.insert(key.clone(), serde_json::from_value(object).unwrap()));
                }
                _ => {
                    let mut tenant: Tenant = serde_json::from_value(object).unwrap();
                    let secret = |name: &str| self.secrets.get(&key.sibling(name));
                    let keys = keys::statuses(&tenant, secret, at(0));
                    tenant.status = Some(TenantStatus { keys, ..TenantStatus::default() });
                    resources.tenants.insert(key.clone(), tenant);
                }
            }
        }
        resources.secrets =
            self.secrets.iter().map(|(key, secret)| (key.clone(), secret.facts.clone())).collect();
        compile(&resources).config
    }

    fn condition(&self, kind: &'static str, namespace: &str, name: &str, r#type: &str) -> (String, String) {
        let object = &self.objects[&(kind, ObjectKey::new(namespace, name))];
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let condition = conditions.iter().find(|condition| condition["type"] == r#type).unwrap();
        let text = |name: &str| condition[name].as_str().unwrap().to_owned();
        (text("status"), text("reason"))
    }
}

fn made(number: u32) -> SeenSecret {
    let value = ValueFacts { length: 68, ..ValueFacts::of(&number.to_be_bytes()) };
    let facts = SecretFacts { labels: BTreeMap::new(), keys: BTreeMap::from([("apiKey".into(), value)]) };
    SeenSecret { facts, ..SeenSecret::default() }
}

fn credential() -> SeenSecret {
    let mut secret = made(0);
    secret.facts.labels.insert(CREDENTIAL_LABEL.into(), "true".into());
    secret
}

fn provider(models: &[&str]) -> Value {
    let models: Vec<_> = models.iter().map(|name| json!({ "name": name, "type": "Chat" })).collect();
    json!({
        "type": "OpenAI", "models": models,
        "credentials": [{ "name": "one", "secretKeyRef": { "name": "openai", "key": "apiKey" } }],
    })
}

fn tenant(secrets: &[&str]) -> Value {
    let keys: Vec<_> = secrets.iter().map(|name| json!({ "name": name, "secretName": name })).collect();
    json!({ "keys": keys })
}

fn fresh() -> World {
    World::new(Setting { hub_namespace: "ai".into(), address: ADDRESS.into(), ledger: false })
}

fn gateway(sequence: u64, second: i64) -> SeenGateway {
    SeenGateway { sequence, refused: None, expires_at: at(second) }
}

fn never() -> impl FnMut() -> bool {
    || false
}

/// A cluster with one provider and one tenant, settled.
fn settled() -> (Cluster, World, i64) {
    let (mut cluster, mut world, mut second) = (Cluster::default(), fresh(), 0);
    world.take(cluster.put_secret(ObjectKey::new("ai", "openai"), Some(credential())));
    world.take(cluster.apply("AIProvider", "ai", "openai", &provider(&["gpt"])));
    world.take(cluster.apply("Tenant", "team", "acme", &tenant(&["acme-hub"])));
    cluster.settle(&mut world, &mut second, &mut never());
    (cluster, world, second)
}

#[test]
fn from_yaml_to_ready() {
    let (mut cluster, mut world, mut second) = settled();
    assert_eq!(cluster.role, Some(vec!["openai".to_owned()]));
    assert!(cluster.secrets.contains_key(&ObjectKey::new("team", "acme-hub")), "its key was made");
    let ready = |cluster: &Cluster| cluster.condition("Tenant", "team", "acme", "Ready");
    assert_eq!(ready(&cluster), ("False".into(), "NoGateways".into()));

    let sequence = cluster.index.as_ref().unwrap().sequence;
    world.take(Change::Gateway("one".into(), Some(gateway(sequence, 1_000_000))));
    world.take(Change::Gateway("two".into(), Some(gateway(sequence - 1, 1_000_000))));
    cluster.settle(&mut world, &mut second, &mut never());
    assert_eq!(ready(&cluster), ("False".into(), "Pending".into()));

    world.take(Change::Gateway("two".into(), Some(gateway(sequence, 1_000_000))));
    cluster.settle(&mut world, &mut second, &mut never());
    assert_eq!(ready(&cluster), ("True".into(), "Ready".into()));
    assert_eq!(cluster.condition("AIProvider", "ai", "openai", "Ready"), ("True".into(), "Ready".into()));

    // A third one that starts does not make it flap.
    world.take(Change::Gateway("three".into(), Some(gateway(0, 1_000_000))));
    cluster.settle(&mut world, &mut second, &mut never());
    assert_eq!(ready(&cluster), ("True".into(), "Ready".into()));
}

#[test]
fn what_is_wrong_is_said_where_it_is_wrong() {
    let (mut cluster, mut world, mut second) = settled();
    world.take(cluster.put_secret(ObjectKey::new("ai", "openai"), Some(made(0))));
    cluster.settle(&mut world, &mut second, &mut never());
    let resolved = cluster.condition("AIProvider", "ai", "openai", "ResolvedRefs");
    assert_eq!(resolved, ("False".into(), "RefNotPermitted".into()));
    assert_eq!(
        cluster.condition("AIProvider", "ai", "openai", "Programmed"),
        ("False".into(), "LeftOut".into())
    );
    assert_eq!(cluster.role, Some(vec![]), "what must not be referenced is not in the Role");
    assert_eq!(cluster.assembled().0, cluster.expected());
}

#[test]
fn a_gateway_that_is_gone_holds_nothing_up() {
    let (mut cluster, mut world, mut second) = settled();
    let sequence = cluster.index.as_ref().unwrap().sequence;
    world.take(Change::Gateway("one".into(), Some(gateway(sequence, 1_000_000))));
    world.take(Change::Gateway("gone".into(), Some(gateway(sequence - 1, 10))));
    let plan = world.plan(at(second));
    assert_eq!(plan.wake_at, Some(at(10)), "it looks again when the Lease has run out");
    for change in cluster.carry_out(&mut world, plan, at(second), &mut never()) {
        world.take(change);
    }
    second = 10;
    cluster.settle(&mut world, &mut second, &mut never());
    assert_eq!(cluster.condition("Tenant", "team", "acme", "Ready"), ("True".into(), "Ready".into()));
}

#[test]
fn a_refusal_is_passed_on() {
    let (mut cluster, mut world, mut second) = settled();
    let refusing = SeenGateway { refused: Some("format 9 is not known".into()), ..gateway(0, 1_000_000) };
    world.take(Change::Gateway("old".into(), Some(refusing)));
    cluster.settle(&mut world, &mut second, &mut never());
    assert_eq!(cluster.condition("Tenant", "team", "acme", "Ready"), ("False".into(), "Refused".into()));
}

#[test]
fn a_key_is_rotated_once_and_its_predecessor_honoured_for_a_while() {
    let (mut cluster, mut world, mut second) = settled();
    let secret = ObjectKey::new("team", "acme-hub");
    let hashes = |cluster: &Cluster| -> Vec<(String, bool)> {
        let config = cluster.assembled().0;
        let hashes = &config.tenants["team/acme"].keys[0].hashes;
        hashes.iter().map(|hash| (hash.sha256.clone(), hash.expires_at.is_some())).collect()
    };
    let first = hashes(&cluster)[0].0.clone();
    let mut asked = cluster.secrets[&secret].clone();
    asked.made.as_mut().unwrap().rotate = Some("now".into());
    world.take(cluster.put_secret(secret.clone(), Some(asked)));
    cluster.settle(&mut world, &mut second, &mut never());
    let after = hashes(&cluster);
    assert_eq!((after.len(), &after[1]), (2, &(first, true)));
    assert_eq!(cluster.keys_made, 2);

    second += 25 * 3600;
    cluster.settle(&mut world, &mut second, &mut never());
    assert_eq!(hashes(&cluster).len(), 1, "its grace is over");
}

#[test]
fn a_secret_that_was_brought_along_is_never_written() {
    let (mut cluster, mut world, mut second) = (Cluster::default(), fresh(), 0);
    world.take(cluster.put_secret(ObjectKey::new("team", "own"), Some(made(77))));
    world.take(cluster.apply("Tenant", "team", "acme", &tenant(&["own"])));
    cluster.settle(&mut world, &mut second, &mut never());
    assert_eq!(cluster.keys_made, 0);
    assert_eq!(cluster.assembled().0.tenants["team/acme"].keys.len(), 1);
}

#[test]
fn a_tenant_that_comes_back_finds_its_key() {
    let (mut cluster, mut world, mut second) = settled();
    let before = cluster.assembled().0;
    world.take(cluster.delete("Tenant", "team", "acme"));
    cluster.settle(&mut world, &mut second, &mut never());
    assert!(cluster.assembled().0.tenants.is_empty());
    world.take(cluster.apply("Tenant", "team", "acme", &tenant(&["acme-hub"])));
    cluster.settle(&mut world, &mut second, &mut never());
    assert_eq!((cluster.assembled().0, cluster.keys_made), (before, 1));
}

#[test]
fn what_somebody_else_changed_is_put_back() {
    let (mut cluster, mut world, mut second) = settled();
    let before = cluster.assembled().0;
    cluster.parts.clear();
    cluster.role = Some(vec!["everything".into()]);
    world.take(Change::Owned(Owned::Part(0, None)));
    world.take(Change::Owned(Owned::Role(cluster.role.clone())));
    cluster.settle(&mut world, &mut second, &mut never());
    assert_eq!(cluster.assembled(), (before, Some(cluster.index.as_ref().unwrap().sequence)));
    assert_eq!(cluster.role, Some(vec!["openai".to_owned()]));
}

#[test]
fn one_tenants_change_writes_one_part_and_the_index() {
    let (mut cluster, mut world, mut second) = (Cluster::default(), fresh(), 0);
    world.take(cluster.put_secret(ObjectKey::new("ai", "openai"), Some(credential())));
    world.take(cluster.apply("AIProvider", "ai", "openai", &provider(&["gpt"])));
    for number in 0..500 {
        let name = format!("tenant-{number}");
        world.take(cluster.apply("Tenant", "team", &name, &tenant(&[&name])));
    }
    cluster.settle(&mut world, &mut second, &mut never());
    assert!(cluster.parts.len() > 8, "{}", cluster.parts.len());
    world.take(cluster.apply("Tenant", "team", "tenant-7", &json!({ "suspended": true })));
    let plan = world.plan(at(second));
    assert_eq!((plan.configuration.parts.len(), plan.configuration.index.is_some()), (1, true));
    assert_eq!((plan.statuses.len(), plan.configuration.role.is_none()), (1, true));
}

#[test]
fn an_object_that_cannot_be_read_says_so_and_what_it_said_before_goes_on() {
    let (mut cluster, mut world, mut second) = settled();
    let sequence = cluster.index.as_ref().unwrap().sequence;
    world.take(Change::Gateway("one".into(), Some(gateway(sequence, 1_000_000))));
    cluster.settle(&mut world, &mut second, &mut never());
    let (before, written) = (cluster.assembled(), cluster.written);
    let key = ObjectKey::new("team", "acme");
    let uid = cluster.objects[&("Tenant", key.clone())]["metadata"]["uid"].as_str().unwrap().to_owned();
    let broken = |uid: &str| {
        let broken = Broken { uid: uid.into(), generation: Some(2), error: "missing field".into() };
        Change::Broken(Object::Tenant(key.clone()), broken)
    };
    world.take(broken(&uid));
    let plan = world.plan(at(second));
    assert!(plan.configuration.is_empty());
    let [report] = &plan.statuses[..] else { panic!("{:?}", plan.statuses) };
    let said = |report: &crate::plan::Report| -> Vec<(String, String)> {
        let conditions = report.status.conditions().iter();
        conditions.map(|condition| (condition.status.clone(), condition.reason.clone())).collect()
    };
    let expected =
        [("False", "Invalid"), ("True", "ResolvedRefs"), ("False", "LeftOut"), ("False", "Invalid")];
    let expected = expected.map(|(status, reason)| (status.to_owned(), reason.to_owned()));
    assert_eq!(said(report)[..4], expected);
    assert!(report.status.conditions()[0].message.contains("missing field"));
    assert_eq!(report.events.len(), 1);
    assert_eq!(world.unconfirmed(), (0, None), "nobody has anything to confirm");
    world.take(broken(&uid));
    assert!(world.plan(at(second)).statuses.is_empty(), "it is said once");

    // It can be read again.
    world.take(cluster.apply("Tenant", "team", "acme", &tenant(&["acme-hub"])));
    cluster.settle(&mut world, &mut second, &mut never());
    assert_eq!(cluster.condition("Tenant", "team", "acme", "Ready"), ("True".into(), "Ready".into()));
    assert_eq!(cluster.assembled(), before);
    assert!(cluster.written > written);

    // Another object of that name is not what was known.
    world.take(broken("another"));
    let plan = world.plan(at(second));
    assert_eq!(plan.configuration.parts.len(), 1, "the former one is gone");
    assert_eq!(said(&plan.statuses[0])[2], ("False".into(), "LeftOut".into()));
}

#[test]
fn a_secret_of_a_type_that_is_not_watched_is_said_and_tried_again() {
    let (mut cluster, mut world, mut second) = (Cluster::default(), fresh(), 0);
    let secret = ObjectKey::new("team", "acme-hub");
    world.take(cluster.apply("Tenant", "team", "acme", &tenant(&["acme-hub"])));
    let plan = world.plan(at(0));
    assert_eq!(plan.keys.len(), 1);
    for change in cluster.carry_out(&mut world, Plan { keys: vec![], ..plan }, at(0), &mut never()) {
        world.take(change);
    }
    world.failed(Failed::Hidden(secret.clone(), "kubernetes.io/tls".into()), at(0));
    let plan = world.plan(at(0));
    let Some(report) = plan.statuses.last() else { panic!("no status") };
    let resolved = &report.status.conditions()[1];
    assert_eq!((resolved.status.as_str(), resolved.reason.as_str()), ("False", "SecretNotFound"));
    assert!(resolved.message.contains("is of type kubernetes.io/tls"), "{}", resolved.message);
    assert!(!resolved.message.contains("there is no Secret"), "{}", resolved.message);
    assert!(plan.keys.is_empty(), "not at once");
    for change in cluster.carry_out(&mut world, plan, at(0), &mut never()) {
        world.take(change);
    }
    second += 2;
    cluster.settle(&mut world, &mut second, &mut never());
    assert!(cluster.secrets.contains_key(&secret), "the other one is gone by now");
    let resolved = cluster.condition("Tenant", "team", "acme", "ResolvedRefs");
    assert_eq!(resolved, ("True".into(), "ResolvedRefs".into()));
}

#[test]
fn a_role_that_cannot_be_written_holds_up_nothing_else() {
    let (mut cluster, mut world, second) = settled();
    for _ in 0..5 {
        world.failed(Failed::Role, at(second));
    }
    let keys = &json!({ "keys": [{ "name": "acme-hub", "secretName": "acme-hub", "disabled": true }] });
    world.take(cluster.apply("Tenant", "team", "acme", keys));
    let plan = world.plan(at(second));
    assert_eq!(plan.configuration.role, None, "it waits");
    assert!(!plan.configuration.parts.is_empty() && plan.configuration.index.is_some());
    let plan = world.plan(at(second + 60));
    assert_eq!(plan.configuration.role, Some(vec!["openai".to_owned()]));
}

/// A World that is told what the ledger says, and a tenant with a budget of which so much is spent.
fn spending(cluster: &mut Cluster) -> (World, impl Fn(&World, Timestamp, i64) -> Change + use<>) {
    let mut world = World::new(Setting { hub_namespace: "ai".into(), address: ADDRESS.into(), ledger: true });
    cluster.all().into_iter().for_each(|change| world.take(change));
    let budget = json!({ "name": "monthly", "amount": "10", "period": "Month" });
    world.take(cluster.apply("Tenant", "team", "rich", &json!({ "budgets": [budget] })));
    world.take(cluster.apply("Tenant", "team", "other", &json!({})));
    let read = |world: &World, now, nanos| {
        let question = world.question(now);
        let spent: Vec<_> = question.budgets.iter().map(|place| (place.clone(), nanos)).collect();
        Change::Money(question.answered([], spent))
    };
    (world, read)
}

#[test]
fn what_the_ledger_says_is_one_status_and_nothing_else() {
    const DOLLAR: i64 = 1_000_000_000;
    let (mut cluster, mut second) = (Cluster::default(), 0);
    let (mut world, read) = spending(&mut cluster);
    cluster.settle(&mut world, &mut second, &mut never());
    let ready = cluster.condition("Tenant", "team", "rich", "Ready");
    let mut says = |world: &mut World, second: i64, dollars: i64| -> Vec<(String, usize)> {
        world.take(read(world, at(second), dollars * DOLLAR));
        let plan = world.plan(at(second));
        assert!(plan.configuration.is_empty() && plan.keys.is_empty());
        let said = plan.statuses.iter().map(|report| (report.object.name.clone(), report.events.len()));
        let said = said.collect();
        for change in cluster.carry_out(world, plan, at(second), &mut never()) {
            world.take(change);
        }
        assert!(world.plan(at(second)).statuses.is_empty(), "our own words come back and are no news");
        said
    };
    let one = |events| vec![("rich".to_owned(), events)];
    assert_eq!(says(&mut world, second, 1), one(0));
    assert_eq!(says(&mut world, second + 15, 1), [], "nothing is otherwise");
    assert_eq!(says(&mut world, second + 30, 2), [], "it is no minute since");
    assert_eq!(says(&mut world, second + 45, 12), one(1), "a budget is spent");
    assert_eq!(says(&mut world, second + 120, 13), one(0));
    assert_eq!(says(&mut world, second + 135, 0), one(1));
    assert_eq!(cluster.condition("Tenant", "team", "rich", "BudgetExceeded").0, "False");
    assert_eq!(cluster.condition("Tenant", "team", "rich", "Ready"), ready, "it does not touch Ready");
}

#[test]
fn an_operator_without_a_ledger_takes_back_what_one_with_it_said_once() {
    let (mut cluster, mut second) = (Cluster::default(), 0);
    let (mut world, read) = spending(&mut cluster);
    cluster.settle(&mut world, &mut second, &mut never());
    world.take(read(&world, at(second), 1));
    cluster.settle(&mut world, &mut second, &mut never());
    let spend = |cluster: &Cluster| {
        cluster.objects[&("Tenant", ObjectKey::new("team", "rich"))]["status"]["spend"].clone()
    };
    assert_eq!(spend(&cluster)[0]["budget"], "monthly");

    let mut without = fresh();
    cluster.all().into_iter().for_each(|change| without.take(change));
    let written = cluster.written;
    cluster.settle(&mut without, &mut second, &mut never());
    assert_eq!((spend(&cluster), cluster.written), (Value::Null, written + 1));
}

fn step() -> impl Strategy<Value = (u8, u8, u8)> {
    (0_u8..9, 0_u8..4, 0_u8..4)
}

fn take_step(cluster: &mut Cluster, (what, which, how): (u8, u8, u8)) -> Change {
    let name = ["a", "b", "c", "d"][usize::from(which)];
    let other = ["a", "b", "c", "d"][usize::from(how)];
    match what {
        0 => cluster.apply("AIProvider", "ai", name, &provider(&["gpt", other])),
        1 => cluster.delete("AIProvider", "ai", name),
        2 => {
            let spec = json!({ "providerRef": { "name": other }, "rates": [{ "model": "*", "cost": { "input": "1", "output": "2" } }] });
            cluster.apply("ModelPricing", "ai", name, &spec)
        }
        3 => cluster.delete("ModelPricing", "ai", name),
        4 => cluster.apply("Tenant", "team", name, &tenant(&[name, other])),
        5 => cluster.apply(
            "Tenant",
            "ai",
            name,
            &json!({ "accountID": "one", "keys": [{ "name": "k", "secretName": other }] }),
        ),
        6 => cluster.delete("Tenant", "team", name),
        7 => {
            let secret = if how % 2 == 0 { Some(credential()) } else { None };
            cluster.put_secret(ObjectKey::new("ai", "openai"), secret)
        }
        _ => {
            let key = ObjectKey::new("team", name);
            match cluster.secrets.get(&key).cloned() {
                Some(mut secret) if how % 2 == 0 && secret.made.is_some() => {
                    secret.made.as_mut().unwrap().rotate = Some(format!("{}", cluster.version));
                    cluster.put_secret(key, Some(secret))
                }
                _ => cluster.put_secret(key, None),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever happens, and whatever fails on the way: in the end the cluster holds what the whole compiles to, a
    /// second look finds nothing to do, and neither does an operator that starts anew.
    #[test]
    fn it_converges(steps in vec((step(), any::<bool>()), 1..40), failures in vec(any::<bool>(), 64)) {
        let (mut cluster, mut world, mut second) = (Cluster::default(), fresh(), 0);
        let mut failures = failures.into_iter();
        for (step, settle) in steps {
            let change = take_step(&mut cluster, step);
            world.take(change);
            if settle {
                cluster.settle(&mut world, &mut second, &mut || failures.next().unwrap_or(false));
            }
        }
        cluster.settle(&mut world, &mut second, &mut never());
        let expected = cluster.expected();
        let (config, complete) = cluster.assembled();
        prop_assert_eq!(&config, &expected);
        prop_assert!(complete.is_some());
        prop_assert_eq!(cluster.index.as_ref().unwrap().digest, expected.digest());

        let written = cluster.written;
        let mut anew = fresh();
        cluster.all().into_iter().for_each(|change| anew.take(change));
        cluster.settle(&mut anew, &mut second, &mut never());
        prop_assert_eq!(cluster.written, written, "an operator that starts anew writes nothing");
    }

    /// No two objects of the cluster are mixed up: each has a status, and it speaks of its own generation.
    #[test]
    fn every_object_is_reported(steps in vec(step(), 1..30)) {
        let (mut cluster, mut world, mut second) = (Cluster::default(), fresh(), 0);
        for step in steps {
            let change = take_step(&mut cluster, step);
            world.take(change);
        }
        cluster.settle(&mut world, &mut second, &mut never());
        for ((kind, key), object) in &cluster.objects {
            prop_assert_eq!(&object["status"]["observedGeneration"], &object["metadata"]["generation"], "{} {}", kind, key);
        }
    }
}
