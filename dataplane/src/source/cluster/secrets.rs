//! One watch for each Secret that is named: nobody may list them, and nobody needs to.

use std::{collections::HashMap, future::ready};

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    runtime::watcher::{self, Event, watcher},
};
use tokio::{sync::mpsc, task::AbortHandle};

use super::{
    super::resolve::{Unresolved, usable},
    client::WATCH_SECONDS,
    state::{SecretName, Values},
    watch::{Told, watch},
};
use crate::secret::SecretValue;

/// What a Secret's watch tells, of which Secret: what it is now, or that it is not there.
pub(super) type ToldOf = (SecretName, Told<Option<Secret>>);

/// The watches. They end with it.
pub(super) struct Watches {
    client: Client,
    sender: mpsc::Sender<ToldOf>,
    running: HashMap<SecretName, AbortHandle>,
}

impl Watches {
    pub(super) fn new(client: Client, sender: mpsc::Sender<ToldOf>) -> Self {
        Self { client, sender, running: HashMap::new() }
    }

    /// Watches these and no others.
    pub(super) fn follow<'a>(&mut self, names: impl Iterator<Item = &'a SecretName>) {
        let mut former = std::mem::take(&mut self.running);
        for name in names {
            let running = former.remove(name).unwrap_or_else(|| self.start(name.clone()));
            self.running.insert(name.clone(), running);
        }
        for task in former.into_values() {
            task.abort();
        }
    }

    fn start(&self, name: SecretName) -> AbortHandle {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &name.0);
        let only = watcher::Config::default().fields(&format!("metadata.name={}", name.1));
        let events = states(watcher(api, only.timeout(WATCH_SECONDS)));
        tokio::spawn(watch(events, move |told| (name.clone(), told), self.sender.clone())).abort_handle()
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        self.running.drain().for_each(|(_, task)| task.abort());
    }
}

/// From events of at most one object to what it is.
fn states<K>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
) -> impl Stream<Item = watcher::Result<Option<K>>> {
    let state = |listed: &mut bool, event: watcher::Result<Event<K>>| {
        let state = match event {
            Err(error) => Some(Err(error)),
            Ok(Event::Apply(object)) => Some(Ok(Some(object))),
            Ok(Event::Delete(_)) => Some(Ok(None)),
            Ok(Event::Init) => {
                *listed = false;
                None
            }
            Ok(Event::InitApply(object)) => {
                *listed = true;
                Some(Ok(Some(object)))
            }
            Ok(Event::InitDone) => (!*listed).then_some(Ok(None)),
        };
        ready(Some(state))
    };
    events.scan(false, state).filter_map(ready)
}

/// The values of a Secret, each checked as those in manifests are.
pub(super) fn values(secret: Secret) -> Values {
    let read = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).map_err(|_| Unresolved::NotAHeader)?;
        usable(&SecretValue::new(text))
    };
    secret.data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, read(bytes.0))).collect()
}
