//! Writes what gateways load: the Role, then parts, then the index, then what is left over goes.

use std::collections::BTreeMap;

use aigne_hub_crds::distribution::{
    CONFIG_COMPONENT, INDEX_KEY, INDEX_NAME, PART_KEY, Part, SECRETS_ROLE, part_name,
};
use futures::{StreamExt as _, stream};
use k8s_openapi::api::{core::v1::ConfigMap, rbac::v1::Role};
use kube::{
    Api, Resource,
    api::{DeleteParams, Patch},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Cluster, WriteError, applying, labels, role::role};
use crate::{
    echo::{Content, Name},
    plan::{Configuration, Failed},
};

/// Writes at once.
const AT_ONCE: usize = 16;

/// How it ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What stands there now, and its version (a deletion has none).
    pub wrote: Vec<(Name, Content, Option<u64>)>,
    /// What was not done.
    pub failed: Vec<Failed>,
    /// Gateways can load it: every part and the index were written.
    pub sequence: Option<u64>,
}

/// All that a configuration would write.
pub fn names(configuration: &Configuration) -> Vec<Name> {
    let parts = configuration.parts.iter().map(|(number, _)| Name::Part(*number));
    let prune = configuration.prune.iter().map(|number| Name::Part(*number));
    let role = configuration.role.iter().map(|_| Name::Role);
    let index = configuration.index.iter().map(|_| Name::Index);
    role.chain(parts).chain(index).chain(prune).collect()
}

/// Writes it. A part that fails leaves the index as it was: gateways never see an index whose parts are not there.
///
/// The Role stands for itself: if it alone fails, a new credential waits for it, and all else (a key that is revoked)
/// goes on.
pub async fn write(cluster: Cluster, configuration: Configuration) -> Outcome {
    let mut outcome = Outcome::default();
    if let Some(names) = configuration.role {
        let api: Api<Role> = Api::namespaced(cluster.client.clone(), &cluster.hub);
        let result = apply("Role", &cluster, &api, SECRETS_ROLE, role(&names)).await;
        outcome.note(Name::Role, Content::Role(names), Failed::Role, result);
    }
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &cluster.hub);
    let mut broken = false;
    for wave in waves(configuration.parts) {
        if broken {
            outcome.failed.extend(wave.iter().map(|(number, _)| Failed::Part(*number)));
            continue;
        }
        let mut results = stream::iter(wave)
            .map(async |(number, part)| {
                let name = part_name(number);
                let object = config_map(&name, PART_KEY, &part.to_data());
                let result = apply("ConfigMap", &cluster, &maps, &name, object).await;
                (number, Content::Part(part.sequence, part.digest()), result)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((number, content, result)) = results.next().await {
            broken |= !outcome.note(Name::Part(number), content, Failed::Part(number), result);
        }
    }
    if let Some(index) = configuration.index {
        if broken {
            outcome.failed.push(Failed::Index);
        } else {
            let object = config_map(INDEX_NAME, INDEX_KEY, &index.to_data());
            let result = apply("ConfigMap", &cluster, &maps, INDEX_NAME, object).await;
            let sequence = index.sequence;
            broken = !outcome.note(Name::Index, Content::Index(index), Failed::Index, result);
            outcome.sequence = (!broken).then_some(sequence);
        }
    }
    if broken {
        outcome.failed.extend(configuration.prune.into_iter().map(Failed::Part));
        return outcome;
    }
    let mut results = stream::iter(configuration.prune)
        .map(async |number| (number, delete(&cluster, &maps, &part_name(number)).await))
        .buffer_unordered(AT_ONCE);
    while let Some((number, result)) = results.next().await {
        outcome.note(Name::Part(number), Content::Absent, Failed::Part(number), result.map(|()| None));
    }
    drop(results);
    outcome
}

impl Outcome {
    /// Whether it was done.
    fn note(
        &mut self,
        name: Name,
        content: Content,
        step: Failed,
        result: Result<Option<u64>, WriteError>,
    ) -> bool {
        match result {
            Ok(version) => {
                self.wrote.push((name, content, version));
                true
            }
            Err(error) => {
                tracing::warn!(step = ?step, %error, "configuration could not be written; it is tried again");
                self.failed.push(step);
                false
            }
        }
    }
}

/// Parts by the highest bit of their number, highest first. An entry of part `p` that moves when parts double goes to
/// `p` plus a power of two above it, so in its new part it is before it leaves the old one.
fn waves(parts: Vec<(u32, Part)>) -> Vec<Vec<(u32, Part)>> {
    let mut waves: BTreeMap<u32, Vec<(u32, Part)>> = BTreeMap::new();
    for (number, part) in parts {
        waves.entry(u32::BITS - number.leading_zeros()).or_default().push((number, part));
    }
    waves.into_values().rev().collect()
}

fn config_map(name: &str, key: &str, text: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels(CONFIG_COMPONENT)},
        "data": {key: text},
    })
}

/// Gives the version that this came to.
async fn apply<K>(
    kind: &'static str,
    cluster: &Cluster,
    api: &Api<K>,
    name: &str,
    object: Value,
) -> Result<Option<u64>, WriteError>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned,
{
    let object = cluster.write(kind, api.patch(name, &applying(), &Patch::Apply(object))).await?;
    Ok(object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()))
}

async fn delete(cluster: &Cluster, maps: &Api<ConfigMap>, name: &str) -> Result<(), WriteError> {
    match cluster.write("ConfigMap", maps.delete(name, &DeleteParams::default())).await {
        Err(error) if error.code() == Some(404) => Ok(()),
        result => result.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_in_its_new_part_before_it_leaves_the_old() {
        let parts = [7, 6, 5, 4, 3, 2, 1, 0].map(|number| (number, Part::default())).to_vec();
        let waves: Vec<Vec<u32>> = waves(parts)
            .into_iter()
            .map(|wave| wave.into_iter().map(|(number, _)| number).collect())
            .collect();
        assert_eq!(waves, [vec![7, 6, 5, 4], vec![3, 2], vec![1], vec![0]]);
    }
}
