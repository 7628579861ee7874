//! What the operator counts.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aigne_hub_crds::compile::ObjectKey;
use jiff::Timestamp;
use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use tokio::time::Instant;

use crate::clock;

/// Of `/metrics`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<const N: usize, T> = [(&'static str, T); N];

/// All metrics. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    series: Series,
    state: Mutex<State>,
}

struct Series {
    objects: Family<Labels<2, String>, Gauge>,
    unreadable: Family<Labels<1, &'static str>, Gauge>,
    plans: Counter,
    writes: Family<Labels<2, &'static str>, Counter>,
    write_seconds: Family<Labels<1, &'static str>, Histogram, fn() -> Histogram>,
    propagation: Histogram,
    watch_errors: Family<Labels<1, &'static str>, Counter>,
    refused: Family<Labels<2, String>, Gauge>,
    leader: Gauge,
    sequence: Gauge,
    gateways: Gauge,
    pending: Gauge,
    unconfirmed: Gauge,
    unconfirmed_seconds: Gauge,
    readings: Family<Labels<1, &'static str>, Counter>,
    reading_seconds: Gauge,
    months: Gauge,
}

/// What gauges are counted from when they are asked for.
#[derive(Default)]
struct State {
    objects: BTreeMap<(&'static str, ObjectKey), String>,
    gateways: BTreeMap<String, Timestamp>,
    /// The first change that no written index answers yet.
    pending_since: Option<Instant>,
    /// Since when the oldest object waits that gateways have still to confirm.
    unconfirmed_since: Option<Timestamp>,
    /// When the ledger was read last, or was to be read first.
    read_at: Option<Instant>,
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.002, 2.0, 14))
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let series = Series {
            objects: Family::default(),
            unreadable: Family::default(),
            plans: Counter::default(),
            writes: Family::default(),
            write_seconds: Family::new_with_constructor(seconds as fn() -> Histogram),
            propagation: seconds(),
            watch_errors: Family::default(),
            refused: Family::default(),
            leader: Gauge::default(),
            sequence: Gauge::default(),
            gateways: Gauge::default(),
            pending: Gauge::default(),
            unconfirmed: Gauge::default(),
            unconfirmed_seconds: Gauge::default(),
            readings: Family::default(),
            reading_seconds: Gauge::default(),
            months: Gauge::default(),
        };
        for result in ["success", "failure"] {
            let _ = series.readings.get_or_create(&[("result", result)]);
        }
        let registry = series.registry();
        Self(Arc::new(Inner { registry, series, state: Mutex::default() }))
    }
}

impl Series {
    fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        let name = |name: &str| format!("aigne_hub_operator_{name}");
        registry.register(
            name("objects"),
            "Objects by kind and by the status of their condition Ready",
            self.objects.clone(),
        );
        registry.register(name("unreadable_objects"), "Objects that cannot be read", self.unreadable.clone());
        registry.register(name("plans"), "Times that was thought about what to do", self.plans.clone());
        registry.register(name("writes"), "Writes to the API server", self.writes.clone());
        registry.register(name("write_duration_seconds"), "How long writes took", self.write_seconds.clone());
        registry.register(
            name("propagation_seconds"),
            "From the first change seen to the index written",
            self.propagation.clone(),
        );
        registry.register(name("watch_errors"), "Watches that failed", self.watch_errors.clone());
        registry.register(
            name("watch_forbidden"),
            "1 where a watch is forbidden, else 0",
            self.refused.clone(),
        );
        registry.register(name("leader"), "1 while this one leads, else 0", self.leader.clone());
        registry.register(name("sequence"), "The sequence written last", self.sequence.clone());
        registry.register(name("gateways"), "Gateways whose Lease has not ended", self.gateways.clone());
        registry.register(
            name("pending_seconds"),
            "Age of the oldest change that no written index answers",
            self.pending.clone(),
        );
        registry.register(
            name("unconfirmed_objects"),
            "Objects that some gateway does not serve yet",
            self.unconfirmed.clone(),
        );
        registry.register(
            name("unconfirmed_seconds"),
            "How long the oldest of them waits",
            self.unconfirmed_seconds.clone(),
        );
        registry.register(
            name("ledger_readings"),
            "Times that balances and spend were read from the ledger",
            self.readings.clone(),
        );
        registry.register(
            name("ledger_age_seconds"),
            "Age of what statuses say of balances and spend",
            self.reading_seconds.clone(),
        );
        registry.register(name("usage_months"), "Months that usage has partitions of", self.months.clone());
        let build: Family<Labels<1, &'static str>, Gauge> = Family::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register(name("build_info"), "The version that runs", build);
        registry
    }
}

impl Metrics {
    /// OpenMetrics text.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        self.count();
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        Ok(text)
    }

    /// Sets what is counted when it is asked for.
    fn count(&self) {
        let (state, series) = (self.state(), &self.0.series);
        let mut counts: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for ((kind, _), ready) in &state.objects {
            *counts.entry((kind, ready)).or_default() += 1;
        }
        series.objects.clear();
        for ((kind, ready), count) in counts {
            let ready = if ready.is_empty() { "Unknown" } else { ready };
            series
                .objects
                .get_or_create(&[("kind", kind.to_owned()), ("ready", ready.to_owned())])
                .inc_by(count);
        }
        let now = clock::now();
        let alive = state.gateways.values().filter(|expires_at| **expires_at > now).count();
        series.gateways.set(i64::try_from(alive).unwrap_or(i64::MAX));
        let age = state.pending_since.map_or(0, |since| since.elapsed().as_secs());
        series.pending.set(i64::try_from(age).unwrap_or(i64::MAX));
        let age = state.unconfirmed_since.map_or(0, |since| now.duration_since(since).as_secs());
        series.unconfirmed_seconds.set(age.max(0));
        let age = state.read_at.map_or(0, |at| at.elapsed().as_secs());
        series.reading_seconds.set(i64::try_from(age).unwrap_or(i64::MAX));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was known is forgotten.
    pub fn forget(&self) {
        *self.state() = State::default();
        self.0.series.leader.set(0);
        self.0.series.unconfirmed.set(0);
        self.0.series.months.set(0);
        self.0.series.unreadable.clear();
        self.0.series.refused.clear();
    }

    /// An object of the three kinds, with the status of its condition Ready; `None` where it was deleted.
    pub fn object(&self, kind: &'static str, key: &ObjectKey, ready: Option<&str>) {
        let mut state = self.state();
        match ready {
            Some(ready) => state.objects.insert((kind, key.clone()), ready.to_owned()),
            None => state.objects.remove(&(kind, key.clone())),
        };
    }

    /// A gateway and when its Lease ends.
    pub fn gateway(&self, pod: &str, expires_at: Option<Timestamp>) {
        let mut state = self.state();
        match expires_at {
            Some(expires_at) => state.gateways.insert(pod.to_owned(), expires_at),
            None => state.gateways.remove(pod),
        };
    }

    /// A watch of this kind begins: what it counts is shown from now on.
    pub fn watching(&self, kind: &'static str) {
        self.unreadable(kind, 0);
        let _ = self.0.series.watch_errors.get_or_create(&[("kind", kind)]);
    }

    /// An object became unreadable (1), or is no more (-1).
    pub fn unreadable(&self, kind: &'static str, change: i64) {
        self.0.series.unreadable.get_or_create(&[("kind", kind)]).inc_by(change);
    }

    /// A watch failed.
    pub fn watch_failed(&self, kind: &'static str) {
        self.0.series.watch_errors.get_or_create(&[("kind", kind)]).inc();
    }

    /// A watch is forbidden, or is no more.
    pub fn watch_forbidden(&self, kind: &'static str, namespace: Option<&str>, forbidden: bool) {
        let labels = [("kind", kind.to_owned()), ("namespace", namespace.unwrap_or("*").to_owned())];
        self.0.series.refused.get_or_create(&labels).set(i64::from(forbidden));
    }

    /// A write ended.
    pub fn wrote(&self, kind: &'static str, good: bool, took: Duration) {
        let result = if good { "success" } else { "failure" };
        self.0.series.writes.get_or_create(&[("kind", kind), ("result", result)]).inc();
        self.0.series.write_seconds.get_or_create(&[("kind", kind)]).observe(took.as_secs_f64());
    }

    /// It was thought about what to do.
    pub fn planned(&self) {
        self.0.series.plans.inc();
    }

    /// Whether this one leads.
    pub fn leads(&self, leads: bool) {
        self.0.series.leader.set(i64::from(leads));
    }

    /// The oldest change that no written index answers; `None` if there is none.
    pub fn pending(&self, since: Option<Instant>) {
        self.state().pending_since = since;
    }

    /// How many objects gateways have still to confirm, and since when the oldest of them waits.
    pub fn unconfirmed(&self, count: usize, since: Option<Timestamp>) {
        self.0.series.unconfirmed.set(i64::try_from(count).unwrap_or(i64::MAX));
        self.state().unconfirmed_since = since;
    }

    /// The ledger is to be read from now on, or there is nothing to ask it.
    pub fn asked(&self) {
        self.state().read_at = Some(Instant::now());
    }

    /// The ledger was read, or could not be.
    pub fn read(&self, good: bool) {
        let result = if good { "success" } else { "failure" };
        self.0.series.readings.get_or_create(&[("result", result)]).inc();
        if good {
            self.asked();
        }
    }

    /// So many months have partitions.
    pub fn months(&self, count: usize) {
        self.0.series.months.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// An index was written, this long after the first change that it answers.
    pub fn indexed(&self, sequence: u64, after: Option<Duration>) {
        self.0.series.sequence.set(i64::try_from(sequence).unwrap_or(i64::MAX));
        if let Some(after) = after {
            self.0.series.propagation.observe(after.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_counted_by_kind_and_ready() {
        let metrics = Metrics::default();
        let key = |name| ObjectKey::new("team", name);
        metrics.object("Tenant", &key("a"), Some("True"));
        metrics.object("Tenant", &key("b"), Some("False"));
        metrics.object("Tenant", &key("b"), Some("True"));
        metrics.object("Tenant", &key("c"), Some(""));
        metrics.object("Tenant", &key("d"), Some("True"));
        metrics.object("Tenant", &key("d"), None);
        let text = metrics.encode().unwrap();
        assert!(text.contains("aigne_hub_operator_objects{kind=\"Tenant\",ready=\"True\"} 2"), "{text}");
        assert!(text.contains("aigne_hub_operator_objects{kind=\"Tenant\",ready=\"Unknown\"} 1"), "{text}");
        assert!(!text.contains("ready=\"False\""), "{text}");
    }

    #[test]
    fn what_gateways_have_not_confirmed_is_shown_with_its_age() {
        let metrics = Metrics::default();
        metrics.unconfirmed(2, Some(Timestamp::UNIX_EPOCH));
        let text = metrics.encode().unwrap();
        assert!(text.contains("aigne_hub_operator_unconfirmed_objects 2"), "{text}");
        assert!(!text.contains("aigne_hub_operator_unconfirmed_seconds 0"), "{text}");
        metrics.unconfirmed(0, None);
        assert!(metrics.encode().unwrap().contains("aigne_hub_operator_unconfirmed_seconds 0"));
    }

    #[test]
    fn gateways_are_alive_until_their_lease_ends() {
        let metrics = Metrics::default();
        metrics.gateway("a", Some(Timestamp::MAX));
        metrics.gateway("b", Some(Timestamp::UNIX_EPOCH));
        let text = metrics.encode().unwrap();
        assert!(text.contains("aigne_hub_operator_gateways 1"), "{text}");
    }
}
