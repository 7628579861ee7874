//! The one loop: what was seen goes into the World, and what it plans is done.
//!
//! ```text
//!   watches ──changes──► World::take ─┐
//!   writes ──failures──► World::failed┤──► World::plan ──► configuration: one sequence at a time
//!   leadership ───────────────────────┘   (leader only)    keys, statuses: side by side, one an object
//! ```
//!
//! A session ends when it is told to, or when leadership is lost: writes under way are abandoned then, so nobody knows
//! what stands in the cluster, and the next session begins by listing it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use aigne_hub_crds::compile::ObjectKey;
use jiff::Timestamp;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    admin::Health,
    apply::{
        Cluster, WriteError,
        configuration::{self, Outcome},
        events::Events,
        keys, status,
    },
    change::Change,
    clock,
    echo::{Echoes, Name},
    gather::{Setting, World},
    lanes::Lanes,
    ledger::{Ledger, LedgerError},
    money::Reading,
    plan::{Configuration, Failed, KeyWork, Plan, Report},
    watch::{Message, Seen, Watches},
};

/// What comes together within this is planned together.
const TOGETHER: Duration = Duration::from_millis(5);
/// The loop shows at least so often that it lives.
const BEAT: Duration = Duration::from_secs(5);
/// Writes of one kind at once.
const AT_ONCE: usize = 16;
/// Messages taken in one go, before anything else has its turn.
const IN_ONE_GO: usize = 1024;

/// Readings of the ledger take at most this part of the time: it has other things to do, and may be slow.
const READING_SHARE: u32 = 20;

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// Somebody else leads, or may.
    Deposed,
}

/// Where balances and spend are read, and how often.
#[derive(Clone, Debug)]
pub struct Books {
    /// Where.
    pub ledger: Arc<Ledger>,
    /// How often.
    pub every: Duration,
}

/// One session.
pub struct Session {
    cluster: Cluster,
    events: Events,
    health: Health,
    world: World,
    echoes: Echoes,
    /// Watches that have not listed yet.
    unlisted: BTreeSet<usize>,
    leads: bool,
    /// When to plan, if there is a reason to.
    due: Option<Instant>,
    /// The World's own wish.
    wake: Option<Instant>,
    /// The first change that no plan has seen.
    unplanned: Option<Instant>,
    /// The first change that the configuration which is being written answers.
    writing_since: Option<Instant>,
    writing: bool,
    keys: Lanes<ObjectKey, KeyWork>,
    statuses: Lanes<String, Report>,
    work: JoinSet<Done>,
    books: Option<Books>,
    /// When to read them next; `None` while they are being read.
    read_at: Option<Instant>,
    /// They could not be read last.
    unread: bool,
}

enum Done {
    Configuration(Vec<Name>, Outcome),
    Key(KeyWork, Option<Failed>),
    Status(Report, bool),
    Read(Result<Reading, LedgerError>, Duration),
}

impl Session {
    /// Knows nothing yet.
    pub fn new(cluster: Cluster, events: Events, health: Health, books: Option<Books>) -> Self {
        let setting = Setting {
            hub_namespace: cluster.hub.clone(),
            address: cluster.address.clone(),
            ledger: books.is_some(),
        };
        Self {
            cluster,
            events,
            health,
            world: World::new(setting),
            echoes: Echoes::default(),
            unlisted: BTreeSet::new(),
            leads: false,
            due: None,
            wake: None,
            unplanned: None,
            writing_since: None,
            writing: false,
            keys: Lanes::new(AT_ONCE),
            statuses: Lanes::new(AT_ONCE),
            work: JoinSet::new(),
            read_at: books.is_some().then(Instant::now),
            books,
            unread: false,
        }
    }

    /// Goes round until it ends. Whatever is under way then is abandoned.
    pub async fn run(
        mut self,
        mut watches: Watches,
        mut leads: watch::Receiver<bool>,
        stop: &mut watch::Receiver<bool>,
    ) -> Ended {
        self.unlisted = (0..watches.count).collect();
        self.health.synced(false);
        let mut messages = Vec::with_capacity(IN_ONE_GO);
        let mut beat = tokio::time::interval(BEAT);
        loop {
            self.health.beat();
            let (next, read) = (self.next_plan(), self.next_reading());
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ended::Stopped,
                changed = leads.changed() => {
                    let now_leads = changed.is_ok() && *leads.borrow_and_update();
                    if !now_leads {
                        return Ended::Deposed;
                    }
                    self.leads = true;
                    self.cluster.metrics.leads(true);
                    if self.books.is_some() {
                        self.cluster.metrics.asked();
                    }
                    tracing::info!("leading");
                    self.think_soon();
                }
                Some(done) = self.work.join_next() => match done {
                    Ok(done) => self.done(done),
                    // A defect: what it did is unknown, so all is looked at anew.
                    Err(error) => {
                        tracing::error!(%error, "a write ended by a panic");
                        return Ended::Deposed;
                    }
                },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.plan(),
                () = sleep_until(read.unwrap_or_else(Instant::now)), if read.is_some() => self.read(),
                taken = watches.messages.recv_many(&mut messages, IN_ONE_GO) => {
                    if taken == 0 {
                        return Ended::Deposed;
                    }
                    messages.drain(..).for_each(|message| self.hear(message));
                }
                _ = beat.tick() => {}
            }
            self.begin();
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Seen(seen) => self.see(*seen),
            Message::Listed(number) => {
                if self.unlisted.remove(&number) && self.unlisted.is_empty() {
                    self.health.synced(true);
                    tracing::info!("every watch has listed what there is");
                    self.think_soon();
                }
            }
        }
    }

    fn see(&mut self, seen: Seen) {
        let Seen { key, change, version, ready } = seen;
        let metrics = &self.cluster.metrics;
        match &change {
            Change::Provider(..) => metrics.object("AIProvider", &key, ready.as_deref()),
            Change::Pricing(..) => metrics.object("ModelPricing", &key, ready.as_deref()),
            Change::Tenant(..) => metrics.object("Tenant", &key, ready.as_deref()),
            Change::Gateway(pod, gateway) => {
                metrics.gateway(pod, gateway.as_ref().map(|gateway| gateway.expires_at));
            }
            Change::Broken(object, _) => metrics.object(object.kind(), &key, ready.as_deref()),
            Change::Secret(..) | Change::Owned(_) | Change::Money(_) => {}
        }
        // Gateways say that they live all the time; that is no change that anybody waits for.
        let waits = !matches!(change, Change::Gateway(..));
        let news = match change {
            Change::Owned(owned) => self.echoes.seen(owned, version).map(Change::Owned),
            other => Some(other),
        };
        if let Some(change) = news {
            self.take(change, waits);
        }
    }

    fn take(&mut self, change: Change, waits: bool) {
        self.world.take(change);
        if waits && self.unplanned.is_none() {
            self.unplanned = Some(Instant::now());
        }
        self.think_soon();
    }

    fn think_soon(&mut self) {
        self.due.get_or_insert_with(|| Instant::now() + TOGETHER);
    }

    /// Only the leader plans, only when all is known, and never while the last configuration is being written.
    fn next_plan(&self) -> Option<Instant> {
        let may = self.leads && self.unlisted.is_empty() && !self.writing;
        let next = [self.due, self.wake].into_iter().flatten().min();
        next.filter(|_| may)
    }

    /// Only the leader reads, once it has planned with all that is known.
    fn next_reading(&self) -> Option<Instant> {
        let may = self.leads && self.unlisted.is_empty() && self.due.is_none();
        self.read_at.filter(|_| may)
    }

    fn read(&mut self) {
        let Some(Books { ledger, every }) = self.books.clone() else { return };
        let question = self.world.question(clock::now());
        if question.is_empty() {
            self.cluster.metrics.asked();
            self.read_at = Some(Instant::now() + every);
            return;
        }
        self.read_at = None;
        self.work.spawn(async move {
            let began = Instant::now();
            let result = ledger.read(question).await;
            Done::Read(result, began.elapsed())
        });
    }

    fn has_read(&mut self, result: Result<Reading, LedgerError>, took: Duration) {
        let rest = if result.is_ok() { took.saturating_mul(READING_SHARE) } else { Duration::ZERO };
        self.read_at = self.books.as_ref().map(|books| Instant::now() + books.every.max(rest));
        self.cluster.metrics.read(result.is_ok());
        match result {
            Ok(reading) => {
                if std::mem::take(&mut self.unread) {
                    tracing::info!("the ledger is read again");
                }
                self.take(Change::Money(reading), false);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.unread, true) {
                    tracing::warn!(%error, "the ledger cannot be read; statuses keep what they say of money, and it is tried again");
                }
            }
        }
    }

    fn plan(&mut self) {
        let now = clock::now();
        (self.due, self.wake) = (None, None);
        let Plan { keys, configuration, statuses, wake_at } = self.world.plan(now);
        self.cluster.metrics.planned();
        let (count, since) = self.world.unconfirmed();
        self.cluster.metrics.unconfirmed(count, since);
        let unplanned = self.unplanned.take();
        self.wake = wake_at.map(|at| {
            let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
            // A World that wishes to be asked at once, always, is not let to.
            Instant::now() + wait.max(TOGETHER)
        });
        for work in keys {
            self.keys.push(work.secret.clone(), work, |_, _| {});
        }
        for report in statuses {
            // A status replaces what was not sent yet; Events are all worth saying.
            self.statuses.push(report.uid.clone(), report, |mut older, newer| {
                older.events.append(&mut newer.events);
                newer.events = older.events;
            });
        }
        if configuration.is_empty() {
            // What waited for a failed write still does.
            if self.writing_since.is_none() {
                self.cluster.metrics.pending(None);
            }
        } else {
            self.write(configuration, unplanned);
        }
    }

    fn write(&mut self, configuration: Configuration, unplanned: Option<Instant>) {
        self.writing = true;
        self.writing_since = self.writing_since.or(unplanned);
        self.cluster.metrics.pending(self.writing_since);
        let names = configuration::names(&configuration);
        for name in &names {
            self.echoes.begin(*name);
        }
        let cluster = self.cluster.clone();
        self.work.spawn(async move {
            let outcome = configuration::write(cluster, configuration).await;
            Done::Configuration(names, outcome)
        });
    }

    /// Begins what there is room for.
    fn begin(&mut self) {
        while let Some((_, work)) = self.keys.begin() {
            let cluster = self.cluster.clone();
            self.work.spawn(async move {
                let result = keys::work(&cluster, &work).await;
                if let Err(error) = &result {
                    tracing::warn!(secret = %work.secret, tenant = %work.tenant, %error, "a tenant's Secret could not be written; it is tried again");
                }
                let failed = result.err().map(|error| match error {
                    WriteError::Hidden(r#type) => Failed::Hidden(work.secret.clone(), r#type),
                    _ => Failed::Key(work.secret.clone()),
                });
                Done::Key(work, failed)
            });
        }
        while let Some((_, report)) = self.statuses.begin() {
            let (cluster, events) = (self.cluster.clone(), self.events.clone());
            self.work.spawn(async move {
                let result = status::send(&cluster, &report).await;
                match &result {
                    Ok(()) => events.record(&report).await,
                    Err(error) => {
                        tracing::warn!(object = %report.object, %error, "a status could not be sent; it is tried again");
                    }
                }
                Done::Status(report, result.is_ok())
            });
        }
    }

    fn done(&mut self, done: Done) {
        let now = clock::now();
        match done {
            Done::Configuration(names, outcome) => self.written(&names, outcome, now),
            Done::Read(result, took) => self.has_read(result, took),
            Done::Key(work, failed) => {
                self.keys.end(&work.secret);
                if let Some(step) = failed {
                    self.fail(step, now);
                }
            }
            Done::Status(report, good) => {
                self.statuses.end(&report.uid);
                if !good {
                    self.fail(Failed::Status(report.uid), now);
                }
            }
        }
    }

    fn written(&mut self, names: &[Name], outcome: Outcome, now: Timestamp) {
        self.writing = false;
        let Outcome { wrote, failed, sequence } = outcome;
        if failed.is_empty() {
            let since = self.writing_since.take();
            self.cluster.metrics.pending(None);
            if let Some(sequence) = sequence {
                let after = since.map(|since| since.elapsed());
                self.cluster.metrics.indexed(sequence, after);
                tracing::info!(sequence, "configuration written");
            }
        }
        let mut wrote: BTreeMap<_, _> =
            wrote.into_iter().map(|(name, content, version)| (name, (content, version))).collect();
        let news: Vec<_> =
            names.iter().filter_map(|name| self.echoes.end(*name, wrote.remove(name))).collect();
        // First that it failed, then what stands there by now.
        for step in failed {
            self.fail(step, now);
        }
        for owned in news {
            self.take(Change::Owned(owned), true);
        }
    }

    fn fail(&mut self, step: Failed, now: Timestamp) {
        self.world.failed(step, now);
        self.think_soon();
    }
}
