//! Who of several operators leads, by a Lease.
//!
//! Every change of the Lease names the version that it was made for, so of two that want it one gets it. A holder's
//! death is told by its silence on one's own clock, never by comparing clocks. The holder counts its time from before it
//! asked, and stops leading well before anybody else may begin.

use std::time::Duration;

use aigne_hub_crds::distribution::{COMPONENT_LABEL, MANAGER};
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

use crate::{apply::says, clock};

/// The Lease.
pub const LEASE_NAME: &str = "aigne-hub-operator";

/// How often one that stands by looks, at most: a Lease that is given up is taken within it.
const LOOK: Duration = Duration::from_millis(500);

/// How long giving it up may take.
const RELEASE_WITHIN: Duration = Duration::from_secs(2);

/// One that wants to lead.
pub struct Candidate {
    api: Api<Lease>,
    identity: String,
    duration: Duration,
    /// The holder's last sign of life, and when it was seen first, on our own clock.
    seen: Option<(Sign, Instant)>,
}

/// It changes whenever its holder says something.
type Sign = (Option<String>, Option<MicroTime>, Option<i32>);

impl Candidate {
    /// Wants to, under this name.
    pub fn new(client: Client, namespace: &str, identity: &str, duration: Duration) -> Self {
        let api = Api::namespaced(client, namespace);
        Self { api, identity: identity.to_owned(), duration, seen: None }
    }

    /// Tells whether it leads, until nobody listens any more. A leader that loses the Lease ends here: what it knew of
    /// the world is out of date then.
    pub async fn run(mut self, leads: watch::Sender<bool>) {
        let mut renewed: Option<Instant> = None;
        let mut complained = false;
        while !leads.is_closed() {
            let asked = Instant::now();
            // Others may begin a whole duration after they saw the last renewal.
            let limit = renewed.map(|renewed| renewed + self.duration * 2 / 3);
            let patience = asked + self.duration / 5;
            let answer =
                timeout_at(limit.map_or(patience, |limit| limit.min(patience)), self.step(asked)).await;
            match answer {
                Ok(Ok(true)) => {
                    renewed = Some(asked);
                    complained = false;
                    leads.send_if_modified(|leads| !std::mem::replace(leads, true));
                }
                Ok(Ok(false)) if renewed.is_some() => break,
                Ok(Ok(false)) => complained = false,
                Ok(Err(error)) if !is_conflict(&error) && !complained => {
                    complained = true;
                    tracing::warn!(
                        error = says(&error),
                        "the operator's Lease cannot be read or written; it is tried again"
                    );
                }
                Ok(Err(_)) | Err(_) => {}
            }
            let now = Instant::now();
            if limit.is_some_and(|limit| now >= limit && renewed.is_none_or(|renewed| renewed < asked)) {
                break;
            }
            let pause = if renewed.is_some() { self.duration / 5 } else { LOOK.min(self.duration / 5) };
            let next = asked + pause;
            let next =
                limit.map_or(next, |limit| if renewed == Some(asked) { next } else { next.min(limit) });
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = leads.closed() => {}
            }
        }
        leads.send_if_modified(|leads| std::mem::replace(leads, false));
    }

    /// Whether it leads now.
    async fn step(&mut self, now: Instant) -> Result<bool, kube::Error> {
        let Some(mut lease) = self.api.get_opt(LEASE_NAME).await? else {
            self.api.create(&PostParams::default(), &self.fresh()).await?;
            return Ok(true);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().filter(|holder| !holder.is_empty());
        if holder.as_deref() == Some(&self.identity) {
            lease.spec = Some(self.held(spec));
        } else if holder.is_none() || self.is_silent(&spec, now) {
            let transitions = spec.lease_transitions.unwrap_or_default().saturating_add(1);
            lease.spec = Some(LeaseSpec {
                acquire_time: Some(MicroTime(clock::now())),
                lease_transitions: Some(transitions),
                ..self.held(spec)
            });
        } else {
            return Ok(false);
        }
        self.api.replace(LEASE_NAME, &PostParams::default(), &lease).await?;
        Ok(true)
    }

    /// The holder has said nothing for as long as it promised to.
    fn is_silent(&mut self, spec: &LeaseSpec, now: Instant) -> bool {
        let sign = (spec.holder_identity.clone(), spec.renew_time.clone(), spec.lease_transitions);
        let promised = u64::try_from(spec.lease_duration_seconds.unwrap_or_default()).unwrap_or_default();
        match &self.seen {
            Some((seen, since)) if *seen == sign => {
                now.duration_since(*since) >= Duration::from_secs(promised)
            }
            _ => {
                self.seen = Some((sign, now));
                false
            }
        }
    }

    fn held(&self, before: LeaseSpec) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
            renew_time: Some(MicroTime(clock::now())),
            ..before
        }
    }

    fn fresh(&self) -> Lease {
        let labels = [
            (COMPONENT_LABEL, "operator"),
            ("app.kubernetes.io/managed-by", MANAGER),
            ("app.kubernetes.io/part-of", "aigne-hub"),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let acquired = LeaseSpec {
            acquire_time: Some(MicroTime(clock::now())),
            lease_transitions: Some(0),
            ..LeaseSpec::default()
        };
        Lease {
            metadata: ObjectMeta {
                name: Some(LEASE_NAME.to_owned()),
                labels: Some(labels.into()),
                ..ObjectMeta::default()
            },
            spec: Some(self.held(acquired)),
        }
    }
}

/// Gives the Lease up, if it is ours, so that another leads at once. Nothing may be written after this.
pub async fn release(client: Client, namespace: &str, identity: &str) {
    let api: Api<Lease> = Api::namespaced(client, namespace);
    let give_up = async {
        // A second look where somebody wrote it in between.
        for _ in 0..3 {
            let Some(mut lease) = api.get_opt(LEASE_NAME).await? else { return Ok(()) };
            let Some(spec) = &mut lease.spec else { return Ok(()) };
            if spec.holder_identity.as_deref() != Some(identity) {
                return Ok(());
            }
            spec.holder_identity = None;
            spec.renew_time = None;
            spec.acquire_time = None;
            match api.replace(LEASE_NAME, &PostParams::default(), &lease).await {
                Err(error) if is_conflict(&error) => sleep(Duration::from_millis(50)).await,
                result => return result.map(drop),
            }
        }
        Ok::<(), kube::Error>(())
    };
    match tokio::time::timeout(RELEASE_WITHIN, give_up).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(
            error = says(&error),
            "the operator's Lease could not be given up; it ends by itself"
        ),
        Err(_) => tracing::warn!("the operator's Lease could not be given up in time; it ends by itself"),
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}
