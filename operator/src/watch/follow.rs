//! One watch, through everything that can happen to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    time::Duration,
};

use aigne_hub_crds::compile::ObjectKey;
use futures::StreamExt as _;
use kube::{
    Api, Error as KubeError, ResourceExt as _,
    runtime::watcher::{self, Event, watcher},
};
use tokio::{sync::mpsc, time::sleep};

use super::{Message, Seen, kinds::Watched};
use crate::{change::Change, metrics::Metrics};

/// The first wait after a failure; doubles with each in a row.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait: an API server that is back is noticed within it.
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// A namespace that was forbidden so often in a row, and never listed, counts as one without Tenants. Once is not
/// enough: a binding may be made in the same moment.
const FORBIDDEN_OFTEN: u32 = 4;

/// One watch.
pub(super) struct Follow<K> {
    pub(super) number: usize,
    pub(super) api: Api<K>,
    pub(super) config: watcher::Config,
    pub(super) namespace: Option<String>,
    /// Nothing can be said without it.
    pub(super) needed: bool,
    pub(super) sender: mpsc::Sender<Message>,
    pub(super) metrics: Metrics,
}

/// Nobody listens any more.
struct Deaf;

impl<K: Watched> Follow<K> {
    /// Until nobody listens any more.
    pub(super) async fn run(self) {
        let _ = self.follow().await;
    }

    async fn follow(self) -> Result<(), Deaf> {
        self.metrics.watching(K::KIND);
        let mut events = pin!(watcher(self.api.clone(), self.config.clone()));
        let mut state =
            State { follow: &self, known: BTreeSet::new(), listing: None, unreadable: BTreeMap::new() };
        let (mut failures, mut forbidden, mut listed) = (0_u32, 0_u32, false);
        loop {
            match events.next().await {
                Some(Ok(event)) => {
                    // That a list begins says nothing yet.
                    if !matches!(event, Event::Init) {
                        if failures > 0 {
                            tracing::info!(kind = K::KIND, namespace = self.namespace, "watching again");
                        }
                        (failures, forbidden) = (0, 0);
                        self.metrics.watch_forbidden(K::KIND, self.namespace.as_deref(), false);
                    }
                    listed |= matches!(event, Event::InitDone);
                    state.take(event).await?;
                }
                Some(Err(error)) => {
                    forbidden = if is_forbidden(&error) { forbidden + 1 } else { 0 };
                    self.failed(&error, failures, forbidden);
                    if forbidden == FORBIDDEN_OFTEN && !self.needed && !listed {
                        self.tell(Message::Listed(self.number)).await?;
                    }
                    sleep(wait(failures)).await;
                    failures = failures.saturating_add(1);
                }
                None => return Ok(()),
            }
        }
    }

    fn failed(&self, error: &watcher::Error, failures: u32, forbidden: u32) {
        self.metrics.watch_failed(K::KIND);
        // A version that is too old is every watch's fate now and then: it lists anew.
        let expired = matches!(error, watcher::Error::WatchError(status) if status.code == 410);
        let namespace = self.namespace.as_deref();
        if forbidden > 0 {
            self.metrics.watch_forbidden(K::KIND, namespace, true);
        }
        if forbidden == 1 {
            tracing::error!(
                kind = K::KIND,
                namespace,
                "the API server does not let this be watched: a RoleBinding is missing"
            );
        } else if failures == 0 && forbidden == 0 && !expired {
            tracing::warn!(
                kind = K::KIND,
                namespace,
                error = says(error),
                "a watch failed and is tried again"
            );
        }
    }

    async fn tell(&self, message: Message) -> Result<(), Deaf> {
        self.sender.send(message).await.map_err(|_| Deaf)
    }
}

struct State<'a, K> {
    follow: &'a Follow<K>,
    known: BTreeSet<ObjectKey>,
    /// What a list has named up to now.
    listing: Option<BTreeSet<ObjectKey>>,
    /// Objects that cannot be read, and why.
    unreadable: BTreeMap<ObjectKey, String>,
}

impl<K: Watched> State<'_, K> {
    async fn take(&mut self, event: Event<K>) -> Result<(), Deaf> {
        match event {
            Event::Init => self.listing = Some(BTreeSet::new()),
            Event::InitApply(object) | Event::Apply(object) => self.apply(object).await?,
            Event::Delete(object) => {
                let version = version(&object);
                self.gone(key(&object), version).await?;
            }
            Event::InitDone => {
                let listed = self.listing.take().unwrap_or_default();
                let vanished: Vec<_> = self.known.difference(&listed).cloned().collect();
                for key in vanished {
                    // Nobody said when: later than all that was seen.
                    self.gone(key, u64::MAX).await?;
                }
                self.follow.tell(Message::Listed(self.follow.number)).await?;
            }
        }
        Ok(())
    }

    async fn apply(&mut self, object: K) -> Result<(), Deaf> {
        let (key, version) = (key(&object), version(&object));
        self.known.insert(key.clone());
        if let Some(listing) = &mut self.listing {
            listing.insert(key.clone());
        }
        let Some((change, ready)) = object.seen(&key) else { return Ok(()) };
        match &change {
            Change::Broken(_, broken) => self.unreadable(&key, &broken.error),
            _ => self.readable(&key),
        }
        self.follow.tell(Message::Seen(Box::new(Seen { key, change, version, ready }))).await
    }

    async fn gone(&mut self, key: ObjectKey, version: u64) -> Result<(), Deaf> {
        self.known.remove(&key);
        self.readable(&key);
        let Some(change) = K::gone(&key) else { return Ok(()) };
        self.follow.tell(Message::Seen(Box::new(Seen { key, change, version, ready: None }))).await
    }

    fn unreadable(&mut self, key: &ObjectKey, error: &str) {
        if self.unreadable.get(key).is_some_and(|known| known == error) {
            return;
        }
        tracing::error!(kind = K::KIND, object = %key, error, "the object cannot be read; what was known of it stays in use");
        if self.unreadable.insert(key.clone(), error.to_owned()).is_none() {
            self.follow.metrics.unreadable(K::KIND, 1);
        }
    }

    fn readable(&mut self, key: &ObjectKey) {
        if self.unreadable.remove(key).is_some() {
            self.follow.metrics.unreadable(K::KIND, -1);
        }
    }
}

fn key(object: &impl kube::Resource) -> ObjectKey {
    ObjectKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

/// An integer, as Kubernetes declares it.
fn version(object: &impl kube::Resource) -> u64 {
    object.meta().resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn wait(failures: u32) -> Duration {
    FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures.min(8))).min(LONGEST_WAIT)
}

fn is_forbidden(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => {
            matches!(error, KubeError::Api(status) if status.is_forbidden())
        }
        watcher::Error::WatchError(status) => status.is_forbidden(),
        watcher::Error::NoResourceVersion => false,
    }
}

/// Its words, without what it was about: a parser's error may quote values.
fn says(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => crate::apply::says(error),
        watcher::Error::WatchError(status) => status.message.clone(),
        watcher::Error::NoResourceVersion => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let waits: Vec<_> = (0..6).map(|failures| wait(failures).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 4000]);
        assert_eq!(wait(u32::MAX), LONGEST_WAIT);
    }
}
