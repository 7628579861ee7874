//! What is known of credentials and providers right now. Outlives every snapshot; keyed by stable ids; shared by
//! all cores through atomics, so that the request path takes no lock.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU32, Ordering::Relaxed},
    },
};

use crate::{allowance::Allowances, upstream::Workload};

/// Consecutive provider failures that open a circuit.
const FAILURES_TO_OPEN: u32 = 5;
/// Milliseconds of the first opening; doubles with each further one.
const FIRST_OPENING_MS: i64 = 5_000;
/// No opening is longer.
const LONGEST_OPENING_MS: i64 = 5 * 60_000;
/// Milliseconds for which a credential is left alone after the confirming 401.
const SUSPENSION_MS: i64 = 60_000;
/// Milliseconds to cool (credential, model) where a 429 names no time.
const COOLING_429_MS: i64 = 5_000;
/// Milliseconds to cool (credential, model) after a 402 or 403.
const COOLING_403_MS: i64 = 60_000;

/// The registry that hands out the same state for the same id.
#[derive(Default)]
pub struct Registry {
    /// What may be spent.
    pub allowances: Allowances,
    /// Who the pod is to AWS.
    pub workload: Arc<Workload>,
    credentials: Mutex<HashMap<String, Arc<Circuit>>>,
    cooling: Mutex<HashMap<String, Arc<Cooling>>>,
    in_flight: Mutex<HashMap<String, Arc<AtomicU32>>>,
}

impl Registry {
    /// Empty, but for what may be spent and who the pod is.
    pub fn new(allowances: Allowances, workload: Arc<Workload>) -> Self {
        Self { allowances, workload, ..Self::default() }
    }

    /// The circuit of `provider id/credential name`.
    pub fn circuit(&self, id: &str) -> Arc<Circuit> {
        get(&self.credentials, id)
    }

    /// The cooling of `provider id/credential name/model name`.
    pub fn cooling(&self, id: &str) -> Arc<Cooling> {
        get(&self.cooling, id)
    }

    /// The number of requests in flight to a provider.
    pub fn in_flight(&self, id: &str) -> Arc<AtomicU32> {
        get(&self.in_flight, id)
    }
}

fn get<T: Default>(map: &Mutex<HashMap<String, Arc<T>>>, id: &str) -> Arc<T> {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(map.entry(id.to_owned()).or_default())
}

/// One credential's state with its provider.
#[derive(Debug, Default)]
pub struct Circuit {
    open_until_ms: AtomicI64,
    failures: AtomicU32,
    openings: AtomicU32,
    unauthorized: AtomicU32,
}

impl Circuit {
    /// Unix milliseconds until which others are preferred; in the past where all is well.
    pub fn open_until_ms(&self) -> i64 {
        self.open_until_ms.load(Relaxed)
    }

    /// An answer.
    pub fn succeeded(&self) {
        if self.failures.load(Relaxed) | self.openings.load(Relaxed) | self.unauthorized.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
            self.openings.store(0, Relaxed);
            self.unauthorized.store(0, Relaxed);
            self.open_until_ms.store(0, Relaxed);
        }
    }

    /// The provider failed or could not be reached.
    pub fn failed(&self, now_ms: i64) {
        let failures = self.failures.fetch_add(1, Relaxed).saturating_add(1);
        // Requests that were under way when it opened fail together: one event, not a reason to wait longer.
        if failures >= FAILURES_TO_OPEN && self.open_until_ms() <= now_ms {
            let openings = self.openings.fetch_add(1, Relaxed).min(10);
            let length = (FIRST_OPENING_MS << openings).min(LONGEST_OPENING_MS);
            self.open_until_ms.store(now_ms + length, Relaxed);
        }
    }

    /// A 401. The first is only noted: the next request with this credential is the confirming probe.
    /// Returns whether the credential is now suspended.
    pub fn unauthorized(&self, now_ms: i64) -> bool {
        let confirmed = self.unauthorized.fetch_add(1, Relaxed) >= 1;
        if confirmed {
            self.open_until_ms.fetch_max(now_ms + SUSPENSION_MS, Relaxed);
        }
        confirmed
    }
}

/// One model's state with one credential.
#[derive(Debug, Default)]
pub struct Cooling {
    until_ms: AtomicI64,
}

impl Cooling {
    /// Unix milliseconds until which others are preferred.
    pub fn until_ms(&self) -> i64 {
        self.until_ms.load(Relaxed)
    }

    /// A 429, with the time that the provider names. A later answer never makes an earlier wait shorter.
    pub fn throttled(&self, now_ms: i64, retry_after_ms: Option<u64>) {
        let length = retry_after_ms
            .and_then(|ms| i64::try_from(ms).ok())
            .map_or(COOLING_429_MS, |ms| ms.min(LONGEST_OPENING_MS));
        self.until_ms.fetch_max(now_ms + length, Relaxed);
    }

    /// A 402 or 403.
    pub fn forbidden(&self, now_ms: i64) {
        self.until_ms.fetch_max(now_ms + COOLING_403_MS, Relaxed);
    }
}

/// Holds a place in a count, and gives it back.
#[derive(Debug)]
pub struct Held(Arc<AtomicU32>);

impl Held {
    /// Takes a place where fewer than `most` are taken.
    pub fn take(count: &Arc<AtomicU32>, most: Option<u32>) -> Option<Self> {
        let before = count.fetch_add(1, Relaxed);
        let held = Self(Arc::clone(count));
        // Dropping `held` gives back what was taken too much.
        (most.is_none_or(|most| before < most)).then_some(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_401_is_not_enough_to_suspend() {
        let circuit = Circuit::default();
        assert!(!circuit.unauthorized(1000));
        assert!(circuit.open_until_ms() <= 1000);
        assert!(circuit.unauthorized(1000));
        assert_eq!(circuit.open_until_ms(), 1000 + SUSPENSION_MS);
        circuit.succeeded();
        assert!(!circuit.unauthorized(2000), "a success forgets the first 401");
    }

    #[test]
    fn a_circuit_opens_longer_each_time_and_closes_on_success() {
        let circuit = Circuit::default();
        for _ in 0..FAILURES_TO_OPEN - 1 {
            circuit.failed(0);
        }
        assert_eq!(circuit.open_until_ms(), 0);
        circuit.failed(0);
        assert_eq!(circuit.open_until_ms(), FIRST_OPENING_MS);
        circuit.failed(1);
        assert_eq!(circuit.open_until_ms(), FIRST_OPENING_MS, "what failed along with it changes nothing");
        circuit.failed(FIRST_OPENING_MS);
        assert_eq!(circuit.open_until_ms(), 3 * FIRST_OPENING_MS);
        circuit.succeeded();
        assert_eq!(circuit.open_until_ms(), 0);
    }

    #[test]
    fn cooling_is_never_cut_short() {
        let cooling = Cooling::default();
        cooling.throttled(0, Some(100_000));
        cooling.throttled(0, None);
        cooling.forbidden(0);
        assert_eq!(cooling.until_ms(), 100_000);
    }

    #[test]
    fn places_are_given_back() {
        let count = Arc::new(AtomicU32::new(0));
        let first = Held::take(&count, Some(1));
        assert!(first.is_some());
        assert!(Held::take(&count, Some(1)).is_none());
        drop(first);
        assert!(Held::take(&count, Some(1)).is_some());
        assert_eq!(count.load(Relaxed), 0);
    }
}
