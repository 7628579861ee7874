//! Many tenants: parts that grow and shrink under a reader, an operator that is killed again and again, an address that
//! changes, a Tenant that comes back.

use std::collections::{BTreeMap, BTreeSet};

use aigne_hub_crds::distribution::{
    Assembly, Change, INDEX_KEY, INDEX_NAME, Index, PART_KEY, Part, part_number,
};
use aigne_hub_tests::harness::controlplane::{self, ControlPlane};
use aigne_hub_tests::harness::{Operators, Outcome, eventually, eventually_within};
use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use std::time::Duration;

/// So long may a few hundred objects take on a busy machine.
const LONG: Duration = Duration::from_mins(2);

struct Place {
    plane: &'static ControlPlane,
    hub: String,
    team: String,
    operators: Operators,
    maps: Api<ConfigMap>,
}

/// What a gateway makes of what stands there at one moment.
struct Read {
    tenants: BTreeMap<String, Vec<String>>,
    complete: bool,
    parts: u32,
}

impl Place {
    async fn new() -> anyhow::Result<Self> {
        let plane = controlplane::shared().await?;
        let (hub, team) = (plane.namespace("hub").await?, plane.namespace("team").await?);
        let operators = Operators::new(plane, &hub, &[&team]).await?;
        let maps = Api::namespaced(plane.client().await?, &hub);
        Ok(Self { plane, hub, team, operators, maps })
    }

    /// Tenants with these numbers, each with a key.
    async fn tenants(&self, numbers: std::ops::Range<usize>) -> Outcome {
        let tenant = |number| {
            json!({
                "apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant",
                "metadata": { "name": format!("t-{number}"), "namespace": self.team },
                "spec": { "keys": [{ "name": "app", "secretName": format!("t-{number}-hub") }] }
            })
        };
        let list =
            json!({ "apiVersion": "v1", "kind": "List", "items": numbers.map(tenant).collect::<Vec<_>>() });
        self.plane.kubectl(["create", "-f", "-"]).input(list.to_string()).ok().await.map(drop)
    }

    async fn delete(&self, numbers: std::ops::Range<usize>) -> Outcome {
        let names = numbers.map(|number| format!("t-{number}"));
        self.plane
            .kubectl(["delete", "-n", &self.team, "tenants", "--wait=false"])
            .args(names)
            .ok()
            .await
            .map(drop)
    }

    async fn read(&self) -> anyhow::Result<Read> {
        let mut assembly = Assembly::default();
        let mut index = None;
        for map in self.maps.list(&ListParams::default()).await?.items {
            let name = map.metadata.name.unwrap_or_default();
            let text = |key: &str| map.data.as_ref().and_then(|data| data.get(key));
            if name == INDEX_NAME {
                index = text(INDEX_KEY).and_then(|text| Index::from_data(text).ok());
            } else if let (Some(number), Some(text)) = (part_number(&name), text(PART_KEY)) {
                let refused = assembly.take(Change::Part(number, Part::from_data(text).ok()));
                ensure!(refused.is_empty(), "{refused:?}");
            }
        }
        let parts = index.as_ref().map_or(0, |index| index.parts);
        let refused = assembly.take(Change::Index(index));
        ensure!(refused.is_empty(), "{refused:?}");
        let hashes = |tenant: &aigne_hub_crds::config::Tenant| {
            tenant.keys.iter().flat_map(|key| &key.hashes).map(|hash| hash.sha256.clone()).collect()
        };
        let tenants = assembly.config().tenants.iter().map(|(id, tenant)| (id.clone(), hashes(tenant)));
        Ok(Read { tenants: tenants.collect(), complete: assembly.complete().is_some(), parts })
    }

    /// Keys by the Secret's name.
    async fn keys(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let secrets = Api::<Secret>::namespaced(self.plane.client().await?, &self.team);
        let mut keys = BTreeMap::new();
        for secret in secrets.list(&ListParams::default()).await?.items {
            let value = secret.data.as_ref().and_then(|data| data.get("apiKey")).context("apiKey")?;
            keys.insert(secret.metadata.name.unwrap_or_default(), String::from_utf8(value.0.clone())?);
        }
        Ok(keys)
    }
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(text))
}

#[tokio::test]
async fn while_parts_grow_and_shrink_no_reader_misses_a_tenant() -> Outcome {
    let place = Place::new().await?;
    let operator = place.operators.start().await?;
    operator.leads().await?;
    let grown =
        async { futures::try_join!(place.tenants(0..50), place.tenants(50..100), place.tenants(100..160)) };
    let mut known = BTreeSet::new();
    let (mut done, mut all) = (false, None);
    let mut looks = 0;
    futures::pin_mut!(grown);
    let read = async |known: &mut BTreeSet<String>| -> anyhow::Result<Read> {
        let read = place.read().await?;
        let missing: Vec<_> = known.iter().filter(|id| !read.tenants.contains_key(*id)).collect();
        ensure!(missing.is_empty(), "tenants were there, and are missed now: {missing:?}");
        known.extend(read.tenants.iter().filter(|(_, hashes)| !hashes.is_empty()).map(|(id, _)| id.clone()));
        Ok(read)
    };
    eventually_within(LONG, "all tenants are there", async || {
        if !done {
            tokio::select! {
                biased;
                created = &mut grown => { created?; done = true; }
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        }
        looks += 1;
        let now = read(&mut known).await?;
        let whole =
            done && now.complete && now.tenants.values().filter(|hashes| !hashes.is_empty()).count() == 160;
        all = whole.then_some(now.parts);
        Ok(all)
    })
    .await?;
    let most = all.context("parts")?;
    ensure!(most >= 4 && looks > 3, "{most} parts, {looks} looks");

    // Only those that stay may not be missed.
    known = (0..10).map(|number| format!("{}/t-{number}", place.team)).collect();
    let stay = known.clone();
    place.delete(10..160).await?;
    eventually_within(LONG, "there are few parts", async || {
        known.clone_from(&stay);
        let now = read(&mut known).await?;
        let maps = place.plane.kubectl(["get", "-n", &place.hub, "configmaps", "-o", "name"]).ok().await?;
        let maps = maps.lines().filter(|name| name.contains("aigne-hub-config-")).count();
        Ok((now.complete && now.tenants.len() == 10 && now.parts < most && maps == now.parts as usize)
            .then_some(()))
    })
    .await
}

#[tokio::test]
async fn killed_again_and_again_it_converges_and_mints_no_key_twice() -> Outcome {
    let place = Place::new().await?;
    place.tenants(0..120).await?;
    let mut minted: BTreeMap<String, String> = BTreeMap::new();
    for goal in [1, 9, 25, 26, 60, 97, 119] {
        let mut operator = place.operators.start().await?;
        eventually_within(LONG, &format!("{goal} keys are made"), async || {
            Ok((place.keys().await?.len() >= goal).then_some(()))
        })
        .await?;
        operator.sigkill().await?;
        for (name, key) in place.keys().await? {
            let before = minted.entry(name.clone()).or_insert_with(|| key.clone());
            ensure!(*before == key, "{name} has another key than before");
        }
    }
    let operator = place.operators.start().await?;
    eventually_within(LONG, "everything is written", async || {
        let (read, keys) = (place.read().await?, place.keys().await?);
        let served = |number: usize| {
            let key = keys.get(&format!("t-{number}-hub")).map(|key| vec![sha256(key)]);
            read.tenants.get(&format!("{}/t-{number}", place.team)) == key.as_ref()
        };
        Ok((read.complete && keys.len() == 120 && (0..120).all(served)).then_some(()))
    })
    .await?;
    let keys = place.keys().await?;
    ensure!(minted.iter().all(|(name, key)| keys.get(name) == Some(key)), "a key was made twice");
    let reasons = "jsonpath={.items[*].status.conditions[?(@.type==\"Ready\")].reason}";
    eventually_within(LONG, "every status is sent", async || {
        let said = place.plane.kubectl(["get", "-n", &place.team, "tenants", "-o", reasons]).ok().await?;
        Ok((said.split(' ').filter(|reason| *reason == "NoGateways").count() == 120).then_some(()))
    })
    .await?;
    let logs = operator.logs().text();
    ensure!(!keys.values().any(|key| logs.contains(key)), "a key is in the log");
    Ok(())
}

#[tokio::test]
async fn another_address_is_told_to_applications_and_a_tenant_that_comes_back_finds_its_key() -> Outcome {
    let place = Place::new().await?;
    place.tenants(0..1).await?;
    let secrets = Api::<Secret>::namespaced(place.plane.client().await?, &place.team);
    let address = async |address: &str| {
        eventually(&format!("applications find {address}"), async || {
            let secret = secrets.get_opt("t-0-hub").await?;
            let found = |secret: &Secret, name: &str, value: String| {
                let data = secret.data.as_ref().and_then(|data| data.get(name));
                data.is_some_and(|data| data.0 == value.as_bytes())
            };
            Ok(secret.filter(|secret| {
                found(secret, "OPENAI_BASE_URL", format!("{address}/v1"))
                    && found(secret, "ANTHROPIC_BASE_URL", address.to_owned())
                    && found(secret, "AIGNE_HUB_API_URL", address.to_owned())
            }))
        })
        .await
    };
    let operator = place.operators.start().await?;
    let before = address(&format!("http://aigne-hub.{}.svc:8080", place.hub)).await?;
    drop(operator);
    let moved = place.operators.clone().address("https://hub.example.com");
    let operator = moved.start().await?;
    let after = address("https://hub.example.com").await?;
    let key = |secret: &Secret| secret.data.as_ref().and_then(|data| data.get("apiKey")).cloned();
    ensure!(key(&before) == key(&after) && key(&after).is_some(), "the key stays");

    let is_served = async || Ok(place.read().await?.tenants.get(&format!("{}/t-0", place.team)).cloned());
    let served = eventually("it is served", is_served).await?;
    place.delete(0..1).await?;
    eventually("it is gone", async || Ok(is_served().await?.is_none().then_some(()))).await?;
    place.tenants(0..1).await?;
    let again = eventually("it is served again", is_served).await?;
    assert_eq!(again, served, "with the same key");
    let now = secrets.get("t-0-hub").await?;
    assert_eq!(now.metadata.resource_version, after.metadata.resource_version, "nobody touched its Secret");
    drop(operator);
    Ok(())
}
