//! A Lease for this pod: that it lives, and which sequence its cores serve. The operator reads it.

use std::{collections::BTreeMap, time::Duration};

use aigne_hub_crds::distribution::{
    COMPONENT_LABEL, GATEWAY_COMPONENT, REFUSED_ANNOTATION, SEQUENCE_ANNOTATION, lease_name,
};
use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease as Object, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, OwnerReference},
};
use kube::{
    Api, Client,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams},
};
use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};

use crate::{clock::Clock, source::Source};

/// Who wrote a field, in the cluster's words.
const MANAGER: &str = "aigne-hub-gateway";
/// A pod that has not renewed for so long is gone.
const DURATION_SECONDS: i32 = 15;
/// Renewed three times within that.
const RENEW: Duration = Duration::from_secs(5);
/// Between two writes at least, and before trying again.
const APART: Duration = Duration::from_secs(1);
/// For one answer.
const WITHIN: Duration = Duration::from_secs(4);

/// Which pod this is.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its UID, where it is known: the Lease then goes with the pod.
    pub uid: Option<String>,
}

/// The Lease of a pod, kept until [`Lease::end`].
#[derive(Debug)]
pub struct Lease {
    api: Api<Object>,
    name: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Lease {
    /// Keeps it on the current runtime. It appears once there is something to say.
    pub fn start(client: Client, namespace: &str, pod: Pod, source: &Source, clock: Clock) -> Self {
        let api: Api<Object> = Api::namespaced(client, namespace);
        let name = lease_name(&pod.name);
        let since = MicroTime(clock.now());
        let writer = api.clone();
        let write = move |said: Said| {
            let (api, lease) = (writer.clone(), object(&pod, &since, clock.now(), said));
            async move { write(&api, &lease).await }
        };
        let keeper = Keeper { served: source.served.subscribe(), refused: source.refused.clone() };
        let (stop, stopped) = oneshot::channel();
        Self { api, name, stop, task: tokio::spawn(keeper.run(write, stopped)) }
    }

    /// Takes it away: this pod serves no more. An API server that is away sees it expire.
    pub async fn end(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
        let delete = DeleteParams::default();
        match timeout(WITHIN, self.api.delete(&self.name, &delete)).await {
            Ok(Ok(_)) => {}
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => {}
            Ok(Err(error)) => tracing::debug!(%error, "the Lease expires by itself"),
            Err(_) => tracing::debug!("the Lease expires by itself"),
        }
    }
}

/// What a Lease says beside that the pod lives.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    sequence: Option<u64>,
    refused: Option<String>,
}

struct Keeper {
    served: watch::Receiver<Option<u64>>,
    refused: watch::Receiver<Option<String>>,
}

impl Keeper {
    /// Writes what is new at most once a second, and the same again before it expires.
    async fn run<W: Future<Output = Result<(), String>>>(
        mut self,
        write: impl Fn(Said) -> W,
        mut stopped: oneshot::Receiver<()>,
    ) {
        let mut failed = false;
        loop {
            let started = Instant::now();
            let said = Said {
                sequence: *self.served.borrow_and_update(),
                refused: self.refused.borrow_and_update().clone(),
            };
            let mut again = RENEW;
            if said.sequence.is_some() || said.refused.is_some() {
                let result = tokio::select! {
                    biased;
                    _ = &mut stopped => return,
                    result = write(said) => result,
                };
                match result {
                    Ok(()) if std::mem::take(&mut failed) => tracing::info!("the Lease is written again"),
                    Ok(()) => {}
                    Err(why) => {
                        again = APART;
                        if !std::mem::replace(&mut failed, true) {
                            tracing::warn!(why, "the Lease cannot be written; it is tried on");
                        }
                    }
                }
                tokio::select! {
                    _ = &mut stopped => return,
                    () = sleep_until(started + APART) => {}
                }
            }
            // Whoever hands out revisions ends with the process.
            tokio::select! {
                biased;
                _ = &mut stopped => return,
                Ok(()) = self.served.changed() => {}
                Ok(()) = self.refused.changed() => {}
                () = sleep_until(started + again) => {}
            }
        }
    }
}

async fn write(api: &Api<Object>, lease: &Object) -> Result<(), String> {
    let apply = PatchParams::apply(MANAGER).force();
    let name = lease.metadata.name.as_deref().unwrap_or_default();
    match timeout(WITHIN, api.patch(name, &apply, &Patch::Apply(lease))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer".to_owned()),
    }
}

/// Everything that it says, as it is applied: what it says no more is taken away.
fn object(pod: &Pod, since: &MicroTime, now: Timestamp, said: Said) -> Object {
    let sequence = said.sequence.map(|sequence| (SEQUENCE_ANNOTATION.to_owned(), sequence.to_string()));
    let refused = said.refused.map(|refused| (REFUSED_ANNOTATION.to_owned(), refused));
    let owner = pod.uid.as_ref().map(|uid| OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        name: pod.name.clone(),
        uid: uid.clone(),
        ..OwnerReference::default()
    });
    Object {
        metadata: ObjectMeta {
            name: Some(lease_name(&pod.name)),
            labels: Some(BTreeMap::from([(COMPONENT_LABEL.to_owned(), GATEWAY_COMPONENT.to_owned())])),
            annotations: Some(sequence.into_iter().chain(refused).collect()),
            owner_references: owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(pod.name.clone()),
            lease_duration_seconds: Some(DURATION_SECONDS),
            acquire_time: Some(since.clone()),
            renew_time: Some(MicroTime(now)),
            ..LeaseSpec::default()
        }),
    }
}

#[cfg(test)]
mod tests;
