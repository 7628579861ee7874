//! Puts together what the watches tell, and hands it out: soon where it is whole, and not too late where it is not.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aigne_hub_crds::distribution::{COMPONENT_LABEL, CONFIG_COMPONENT};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Client, ResourceExt as _,
    runtime::watcher::{self, Event, watcher},
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    Options,
    cache::{self, Cache, Entry},
    client::WATCH_SECONDS,
    objects::Place,
    secrets::{ToldOf, Watches, values},
    state::{SECRETS, SecretName, Standing, State},
    watch::{Told, watch},
};
use crate::{
    source::{Loaded, Location, Problem, Source},
    telemetry::Telemetry,
};

/// Between two revisions at least: a burst is one change.
const QUIET: Duration = Duration::from_millis(10);
/// How long a part waits for the others of its sequence.
const PATIENCE: Duration = Duration::from_millis(100);

/// Problems that are logged at once at most; all of them are shown at the admin listener.
const MOST_LINES: usize = 10;

/// Follows the cluster on the current runtime until nobody watches. Begins with what the process before has kept.
pub fn start(client: Client, options: &Options, telemetry: Arc<Telemetry>) -> Source {
    let (mut following, source) = Following::new(&options.namespace, telemetry);
    if let Some(folder) = &options.cache {
        following.keep_in(cache::folder(folder, &options.namespace));
    }
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &options.namespace);
    let ours = watcher::Config::default().labels(&format!("{COMPONENT_LABEL}={CONFIG_COMPONENT}"));
    let events = watcher(maps, ours.timeout(WATCH_SECONDS));
    let (sender, maps) = mpsc::channel(64);
    let maps_watch = tokio::spawn(watch(events, |told| told, sender)).abort_handle();
    let (sender, secrets) = mpsc::channel(64);
    let watches = Watches::new(client, sender);
    tokio::spawn(async move {
        following.run(maps, secrets, watches).await;
        maps_watch.abort();
    });
    source
}

struct Following {
    state: State,
    telemetry: Arc<Telemetry>,
    loaded: watch::Sender<Arc<Loaded>>,
    rejected: watch::Sender<Arc<Vec<Problem>>>,
    refused: watch::Sender<Option<String>>,
    cache: Option<Cache>,
    /// Why the API server cannot be reached.
    away: Option<String>,
    secrets_away: HashSet<SecretName>,
    /// When the first change came that is not handed out.
    since: Option<Instant>,
    /// When something was handed out last.
    last: Instant,
}

impl Following {
    fn new(namespace: &str, telemetry: Arc<Telemetry>) -> (Self, Source) {
        telemetry.shared().config.connected(false);
        let (loaded, loaded_receiver) = watch::channel(Arc::default());
        let (rejected, rejected_receiver) = watch::channel(Arc::default());
        let (refused, refused_receiver) = watch::channel(None);
        let source = Source { refused: refused_receiver, ..Source::new(loaded_receiver, rejected_receiver) };
        let following = Self {
            state: State::new(namespace.to_owned()),
            telemetry,
            loaded,
            rejected,
            refused,
            cache: None,
            away: None,
            secrets_away: HashSet::new(),
            since: None,
            last: Instant::now(),
        };
        (following, source)
    }

    /// Begins with what is in the folder, and keeps there what comes.
    fn keep_in(&mut self, folder: PathBuf) {
        self.restore(&folder);
        self.cache = Some(Cache::start(folder));
    }

    async fn run(
        mut self,
        mut maps: mpsc::Receiver<Told<Event<ConfigMap>>>,
        mut secrets: mpsc::Receiver<ToldOf>,
        mut watches: Watches,
    ) {
        loop {
            let now = Instant::now();
            self.state.name_secrets(now, SECRETS);
            watches.follow(self.state.secret_names());
            let due = self.due(now);
            tokio::select! {
                biased;
                () = self.loaded.closed() => return,
                Some(told) = maps.recv() => self.configuration(told),
                Some((name, told)) = secrets.recv() => self.secret(&name, told),
                // Only when nothing more has come.
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.hand_out(),
            }
        }
    }

    /// When to hand out what there is. The first time that waits for every Secret; later only who names it waits.
    fn due(&self, now: Instant) -> Option<Instant> {
        let waited = self.state.deadlines(now);
        let changed = match self.state.standing() {
            Standing::Nothing => return None,
            Standing::Partial => self.since.map(|since| since + PATIENCE),
            Standing::Whole => self.since.map(|_| self.last + QUIET),
        };
        if self.loaded.borrow().is_empty() {
            changed.max(waited.max())
        } else {
            changed.into_iter().chain(waited).min()
        }
    }

    fn configuration(&mut self, told: Told<Event<ConfigMap>>) {
        match told {
            Told::Event(Event::Init) => self.state.begin_list(),
            Told::Event(Event::InitApply(map) | Event::Apply(map)) => self.map(map),
            Told::Event(Event::Delete(map)) => {
                if let Some(place) = Place::of(&map.name_any()) {
                    if self.state.delete(place) {
                        self.keep(Entry::Map(place), None);
                    }
                    self.changed();
                }
            }
            Told::Event(Event::InitDone) => {
                for place in self.state.end_list() {
                    self.keep(Entry::Map(place), None);
                }
                self.connected();
                self.changed();
            }
            Told::Away(why) => {
                self.away(why);
                if self.state.make_do() {
                    self.changed();
                }
            }
            Told::Back => self.connected(),
        }
        self.tell();
    }

    fn map(&mut self, mut map: ConfigMap) {
        let Some(place) = Place::of(&map.name_any()) else {
            return;
        };
        let text = place.text(&mut map);
        if self.state.take(place, text.as_deref())
            && let Some(text) = text
        {
            self.keep(Entry::Map(place), Some(text));
        }
        self.changed();
    }

    fn secret(&mut self, name: &SecretName, told: Told<Option<Secret>>) {
        match told {
            Told::Event(secret) => {
                self.state.take_secret(name, secret.map(values));
                self.changed();
            }
            Told::Away(why) => {
                if self.secrets_away.insert(name.clone()) && self.away.is_none() {
                    tracing::warn!(
                        namespace = name.0,
                        secret = name.1,
                        why,
                        "a Secret cannot be read; trying on"
                    );
                }
                self.state.refuse_secret(name, &why);
            }
            Told::Back => {
                if self.secrets_away.remove(name) {
                    tracing::info!(namespace = name.0, secret = name.1, "the Secret can be read again");
                }
            }
        }
        self.tell();
    }

    fn changed(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// What there is becomes the revision in use, if it is another one.
    fn hand_out(&mut self) {
        self.since = None;
        self.last = Instant::now();
        let (loaded, is_new, new_secrets) = {
            let current = self.loaded.borrow();
            let loaded = self.state.loaded(&current, self.last);
            let is_new = current.revision != loaded.revision || current.sequence != loaded.sequence;
            let new_secrets = is_new && !current.secrets.same(&loaded.secrets);
            (loaded, is_new, new_secrets)
        };
        if is_new {
            tracing::debug!(revision = loaded.revision, sequence = loaded.sequence, "a new revision");
            self.telemetry.shared().config.loaded(&loaded.revision, 0, 0);
            if new_secrets {
                self.keep(Entry::Secrets, Some(cache::secrets_text(&loaded.secrets)));
            }
            self.loaded.send_replace(Arc::new(loaded));
        }
        self.tell();
    }

    fn keep(&self, entry: Entry, text: Option<String>) {
        if let Some(cache) = &self.cache {
            cache.keep(entry, text);
        }
    }

    /// Serves what the process before has kept, until the cluster says something else.
    fn restore(&mut self, folder: &Path) {
        let Some(kept) = cache::load(folder) else {
            return;
        };
        if self.state.restore(kept.maps, kept.secrets, Instant::now()) {
            self.hand_out();
            let sequence = self.loaded.borrow().sequence;
            tracing::info!(sequence, "the configuration that was kept is in use");
        } else {
            let folder = folder.display();
            tracing::warn!(%folder, "the kept configuration is not whole: it is used if the API server is away");
        }
    }

    fn connected(&mut self) {
        self.telemetry.shared().config.connected(true);
        if self.away.take().is_some() {
            tracing::info!("the API server answers again");
        }
    }

    fn away(&mut self, why: String) {
        self.telemetry.shared().config.connected(false);
        if self.away.is_none() {
            tracing::warn!(
                why,
                "the API server does not answer; the last good configuration stays, and it is tried on"
            );
        }
        self.away = Some(why);
    }

    /// Says why what was found last is not in use, where that is so.
    fn tell(&self) {
        let mut problems = self.state.problems();
        let nothing_yet = self.loaded.borrow().is_empty();
        if let Some(why) = self.away.as_ref().filter(|_| nothing_yet) {
            let location = Location { file: "API server".to_owned(), line: 0, column: 0 };
            let message = format!("the configuration cannot be read: {why}");
            problems.insert(0, Problem { location, object: String::new(), field: String::new(), message });
        }
        let refused = self.state.refused();
        if refused.is_some() && *self.refused.borrow() != refused {
            self.telemetry.shared().config.rejected();
        }
        self.refused.send_if_modified(|current| std::mem::replace(current, refused.clone()) != refused);
        self.rejected.send_if_modified(|current| {
            if **current == problems {
                return false;
            }
            let new = problems.iter().filter(|problem| !current.contains(problem));
            for problem in new.take(MOST_LINES) {
                tracing::warn!("{problem}");
            }
            *current = Arc::new(problems);
            true
        });
    }
}

#[cfg(test)]
mod tests;
