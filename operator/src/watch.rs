//! What is seen in the cluster: a watch a kind and namespace, each turned into [`Change`]s.
//!
//! ```text
//!   hub's namespace      AIProvider  ModelPricing  Tenant  Secret  ConfigMap  Lease  Role
//!   tenants' namespaces                            Tenant  Secret
//! ```

mod follow;
mod kinds;
mod secret;

use std::collections::BTreeSet;

use aigne_hub_crds::{
    compile::ObjectKey,
    distribution::{COMPONENT_LABEL, CONFIG_COMPONENT, GATEWAY_COMPONENT, SECRETS_ROLE},
    v1alpha1::{AIProvider, ModelPricing, Tenant},
};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::ConfigMap, rbac::v1::Role};
use kube::{Api, Client, core::DeserializeGuard, runtime::watcher};
use tokio::{sync::mpsc, task::JoinSet};

use self::{follow::Follow, secret::Facts};
use crate::{change::Change, cli::TenantNamespaces, metrics::Metrics};

/// Types of Secrets that hold neither a provider's credential nor a tenant's key.
const OTHER_SECRETS: &str = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token,\
    type!=kubernetes.io/dockerconfigjson,type!=kubernetes.io/dockercfg,type!=kubernetes.io/tls,\
    type!=bootstrap.kubernetes.io/token";

/// Whether Secrets of this type are watched.
pub fn is_watched(r#type: &str) -> bool {
    !OTHER_SECRETS.split(',').any(|other| other.trim().strip_prefix("type!=") == Some(r#type))
}

/// How many messages may wait for the loop.
const WAITING: usize = 4096;

/// Seconds after which a watch is asked for anew. A connection that died without a word is noticed then.
const WATCH_SECONDS: u32 = 60;

/// What a watch says.
#[derive(Debug)]
pub enum Message {
    /// Something is otherwise.
    Seen(Box<Seen>),
    /// This watch, by its number, has listed what there is.
    Listed(usize),
}

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// Which object.
    pub key: ObjectKey,
    /// What is otherwise.
    pub change: Change,
    /// Of the object, or of its deletion.
    pub version: u64,
    /// The status of its condition Ready, of the three kinds that have one: `True`, `False`, `Unknown`.
    pub ready: Option<String>,
}

/// Watches that run; they end when this is dropped.
#[derive(Debug)]
pub struct Watches {
    tasks: JoinSet<()>,
    /// How many there are.
    pub count: usize,
    /// What they say.
    pub messages: mpsc::Receiver<Message>,
}

/// Which namespaces.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The hub's own.
    pub hub: String,
    /// Further ones with Tenants.
    pub tenants: TenantNamespaces,
}

/// Starts all of them.
pub fn start(client: &Client, scope: &Scope, metrics: &Metrics) -> Watches {
    let (sender, messages) = mpsc::channel(WAITING);
    let mut watches = Watches { tasks: JoinSet::new(), count: 0, messages };
    let base = || watcher::Config::default().timeout(WATCH_SECONDS);
    let ours = |component| base().labels(&format!("{COMPONENT_LABEL}={component}"));
    let hub = Some(scope.hub.as_str());

    let mut starter = Starter { client, sender, metrics, watches: &mut watches };
    starter.follow::<DeserializeGuard<AIProvider>>(hub, base(), true);
    starter.follow::<DeserializeGuard<ModelPricing>>(hub, base(), true);
    starter.follow::<ConfigMap>(hub, ours(CONFIG_COMPONENT), true);
    starter.follow::<Lease>(hub, ours(GATEWAY_COMPONENT), true);
    starter.follow::<Role>(hub, base().fields(&format!("metadata.name={SECRETS_ROLE}")), true);
    for namespace in namespaces(scope) {
        let needed = namespace.is_none() || namespace == hub;
        starter.follow::<DeserializeGuard<Tenant>>(namespace, base(), needed);
        starter.follow::<Facts>(namespace, base().fields(OTHER_SECRETS), needed);
    }
    watches
}

/// Where Tenants and Secrets are watched; `None` for the whole cluster.
fn namespaces(scope: &Scope) -> BTreeSet<Option<&str>> {
    match &scope.tenants {
        TenantNamespaces::All => BTreeSet::from([None]),
        TenantNamespaces::These(names) => {
            names.iter().chain([&scope.hub]).map(|name| Some(name.as_str())).collect()
        }
    }
}

struct Starter<'a> {
    client: &'a Client,
    sender: mpsc::Sender<Message>,
    metrics: &'a Metrics,
    watches: &'a mut Watches,
}

impl Starter<'_> {
    fn follow<K: kinds::Watched>(&mut self, namespace: Option<&str>, config: watcher::Config, needed: bool) {
        let follow = Follow {
            number: self.watches.count,
            api: namespace.map_or_else(
                || Api::<K>::all(self.client.clone()),
                |namespace| Api::namespaced(self.client.clone(), namespace),
            ),
            config,
            namespace: namespace.map(str::to_owned),
            needed,
            sender: self.sender.clone(),
            metrics: self.metrics.clone(),
        };
        self.watches.tasks.spawn(follow.run());
        self.watches.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hubs_namespace_is_always_watched_and_none_twice() {
        let scope = |tenants| Scope { hub: "ai".into(), tenants };
        let these = |names: &[&str]| {
            scope(TenantNamespaces::These(names.iter().map(|name| (*name).to_owned()).collect()))
        };
        assert_eq!(namespaces(&these(&[])), BTreeSet::from([Some("ai")]));
        assert_eq!(namespaces(&these(&["ai", "b"])), BTreeSet::from([Some("ai"), Some("b")]));
        assert_eq!(namespaces(&scope(TenantNamespaces::All)), BTreeSet::from([None]));
    }
}
