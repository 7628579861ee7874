//! What the leaser knows and decides, without waiting for anything: messages, ticks and answers in, asks out.
//!
//! One exchange is under way at a time. Between [`Desk::prepare`] and its outcome, messages may come and ticks may pass.

mod entry;
mod judge;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use self::entry::{Entry, Retired};
use super::{
    lease::Totals,
    shared::{Message, Shared, millis},
};
use crate::ledger::leases::{Ask, Class, Exchanged, Name, Place};

/// Milliseconds between ticks.
pub(super) const TICK_MS: u64 = 250;
/// Milliseconds before a ledger that did not answer is asked again.
const RETRY_MS: u64 = 250;
/// Asks in one message.
const MOST_ASKS: usize = 256;
/// How long the totals of a rate's window are kept when it is over: a clock that is set back by less finds them.
const KEEP_RATE_MS: i64 = 3 * 60_000;
/// The same for any other window.
const KEEP_MS: i64 = 24 * 60 * 60_000;
/// Ticks between two looks for what can be forgotten.
const SWEEP_TICKS: u64 = 40;

/// The totals of leases that are forgotten but that the ledger knows, and until when they matter on its clock. Without them a
/// lease that began anew would be told that it has been granted what it gave back long ago.
pub(super) type Kept = HashMap<Place, (Totals, i64)>;

/// What the leaser knows.
#[derive(Debug)]
pub(super) struct Desk {
    shared: Arc<Shared>,
    entries: HashMap<Name, Entry>,
    retired: Vec<Retired>,
    kept: Kept,
    /// Allowances that may have something to say.
    due: BTreeSet<Name>,
    /// What the message under way is about.
    sent: Vec<Sent>,
    epoch: Option<i64>,
    /// When the last exchange was asked that succeeded.
    renewed_at: Option<u64>,
    /// The ledger is not asked before.
    retry_at: u64,
    tick_at: u64,
    ticks: u64,
}

#[derive(Debug)]
enum Sent {
    Entry(Name),
    Retired(Place, Totals),
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            entries: HashMap::new(),
            retired: Vec::new(),
            kept: Kept::new(),
            due: BTreeSet::new(),
            sent: Vec::new(),
            epoch: None,
            renewed_at: None,
            retry_at: 0,
            tick_at: 0,
            ticks: 0,
        }
    }

    /// What a core says. Returns whether to go on.
    pub(super) fn hear(&mut self, message: Message, now: u64) -> bool {
        let limit = match &message {
            Message::Wait(waiter) => &waiter.limit,
            Message::Refill(limit) => limit,
            Message::Close => return false,
        };
        let name = Arc::clone(&limit.state.name);
        let entry =
            self.entries.entry(Arc::clone(&name)).or_insert_with_key(|_| Entry::new(Arc::clone(limit), now));
        match message {
            Message::Wait(waiter) => entry.wait(waiter, &self.shared, now),
            Message::Refill(limit) => entry.refill(&limit, now),
            Message::Close => {}
        }
        if self.shared.metrics.away.load(Relaxed) {
            entry.away();
        }
        self.due.insert(name);
        true
    }

    /// What to send to the ledger now, if anything. Its outcome is told to [`Desk::answered`] or [`Desk::failed`].
    pub(super) fn prepare(&mut self, now: u64) -> Option<Vec<Ask>> {
        if now < self.retry_at {
            return None;
        }
        self.sent.clear();
        if self.renewed_at.is_none() {
            // Nothing can be asked before the ledger has told the time.
            return (!self.shared.registry.is_empty()).then(Vec::new);
        }
        if self.has_totals() && !self.shared.may_spend(now) {
            // It may have closed this process meanwhile. Totals of leases that are void would be taken for those of new ones.
            return Some(Vec::new());
        }
        let mut asks = Vec::new();
        for name in std::mem::take(&mut self.due) {
            let Some(entry) = self.entries.get_mut(&name) else { continue };
            self.retired.extend(entry.retire(&self.shared, now));
            entry.serve(&self.shared, now);
            if entry.is_quiet() {
                continue;
            }
            if now < entry.again_at() || asks.len() >= MOST_ASKS {
                self.due.insert(name);
                continue;
            }
            asks.push(entry.ask(&self.shared, &mut self.kept, now));
            self.sent.push(Sent::Entry(name));
        }
        for retired in &mut self.retired {
            if asks.len() < MOST_ASKS && retired.has_something_to_say() {
                let (ask, totals) = retired.ask();
                self.sent.push(Sent::Retired(ask.place.clone(), totals));
                asks.push(ask);
            }
        }
        (!asks.is_empty() || self.renewal_is_due(now)).then_some(asks)
    }

    /// Whether the ledger may know of a lease.
    fn has_totals(&self) -> bool {
        !(self.entries.is_empty() && self.retired.is_empty() && self.kept.is_empty())
    }

    fn renewal_is_due(&self, now: u64) -> bool {
        let ttl = millis(self.shared.options.ttl);
        let period = if self.has_totals() { ttl / 4 } else { ttl.saturating_mul(10) };
        self.renewed_at.is_some_and(|at| now >= at.saturating_add(period))
    }

    /// The message that was prepared at `asked` was answered.
    pub(super) fn answered(&mut self, asked: u64, now: u64, exchanged: &Exchanged) {
        self.shared.renewed(asked, now, exchanged.now);
        self.renewed_at = Some(asked);
        self.shared.metrics.away.store(false, Relaxed);
        let sent = std::mem::take(&mut self.sent);
        if self.epoch.replace(exchanged.epoch).is_some_and(|known| known != exchanged.epoch) {
            self.begin_anew();
            return;
        }
        for (sent, answer) in sent.into_iter().zip(&exchanged.answers) {
            match sent {
                Sent::Entry(name) => {
                    if let Some(entry) = self.entries.get_mut(&name) {
                        entry.answered(answer, &self.shared, now);
                        self.due.insert(name);
                    }
                }
                Sent::Retired(place, totals) => {
                    let retired = self.retired.iter_mut().find(|retired| retired.lease.place == place);
                    if let Some(retired) = retired {
                        retired.lease.grant(answer);
                        retired.lease.give_back(i64::MAX);
                        (retired.told, retired.unsure) = (totals, false);
                    }
                }
            }
        }
    }

    /// The ledger has closed this process: every lease is void, and what is asked for begins from nothing.
    fn begin_anew(&mut self) {
        self.shared.metrics.voided.fetch_add(1, Relaxed);
        for retired in self.retired.drain(..) {
            retired.lease.make_void();
        }
        for (name, entry) in &mut self.entries {
            if let Some(lease) = entry.release() {
                lease.make_void();
            }
            self.due.insert(Arc::clone(name));
        }
        self.kept.clear();
    }

    /// It was not: whether the ledger did it is not known. The next message has the same totals.
    pub(super) fn failed(&mut self, now: u64) {
        self.shared.metrics.failures.fetch_add(1, Relaxed);
        self.shared.metrics.away.store(true, Relaxed);
        self.retry_at = now + RETRY_MS;
        for sent in std::mem::take(&mut self.sent) {
            if let Sent::Entry(name) = sent {
                self.due.insert(name);
            }
        }
        for name in &self.due {
            if let Some(entry) = self.entries.get_mut(name) {
                entry.away();
            }
        }
    }

    /// Does what time brings, where it is time.
    pub(super) fn tick(&mut self, now: u64) {
        if now < self.tick_at {
            return;
        }
        self.tick_at = now + TICK_MS;
        self.ticks += 1;
        for (name, entry) in &mut self.entries {
            if entry.tick(&self.shared, now) {
                self.due.insert(Arc::clone(name));
            }
        }
        for retired in &self.retired {
            retired.lease.give_back(i64::MAX);
        }
        self.wind_up();
        if self.ticks.is_multiple_of(SWEEP_TICKS) {
            self.sweep(now);
        }
        self.shared.metrics.tracked.store(i64::try_from(self.entries.len()).unwrap_or(i64::MAX), Relaxed);
    }

    /// Keeps no more than the totals of leases that are over.
    fn wind_up(&mut self) {
        let kept = &mut self.kept;
        self.retired.retain(|retired| {
            let over = retired.is_over();
            if over {
                keep(kept, &retired.lease);
            }
            !over
        });
    }

    fn sweep(&mut self, now: u64) {
        let ledger = self.shared.ledger_time(now);
        let kept = &mut self.kept;
        self.entries.retain(|_, entry| {
            let idle = entry.is_idle(now);
            if idle && let Some(lease) = entry.release() {
                keep(kept, &lease);
            }
            !idle
        });
        self.kept.retain(|_, (_, until)| ledger < *until);
        self.shared.registry.sweep();
    }

    /// The process ends: everything goes back, and the last message says so.
    pub(super) fn finish(&mut self, now: u64) -> Option<Vec<Ask>> {
        for (name, entry) in &mut self.entries {
            entry.give_all_back();
            self.due.insert(Arc::clone(name));
        }
        self.retry_at = 0;
        self.prepare(now).filter(|asks| !asks.is_empty())
    }

    /// When there is something to do, whatever is heard until then.
    pub(super) fn wakes_at(&self) -> u64 {
        let entries = self.due.iter().filter_map(|name| self.entries.get(name));
        let due = entries.map(Entry::again_at).min();
        due.map_or(self.tick_at, |due| due.max(self.retry_at).min(self.tick_at))
    }
}

impl Retired {
    /// Of a rate's window that is over the ledger needs to know nothing.
    fn has_something_to_say(&self) -> bool {
        self.lease.class != Class::Rate && (self.unsure || self.lease.totals().returned != self.told.returned)
    }

    fn ask(&self) -> (Ask, Totals) {
        let totals = self.lease.totals();
        let ask = Ask {
            place: self.lease.place.clone(),
            cap: self.limit.state.cap(),
            class: self.lease.class,
            need: 0,
            least: 0,
            want: 0,
            granted: totals.granted,
            returned: totals.returned,
            spent: 0,
        };
        (ask, totals)
    }

    /// Nobody has anything to settle into it, and everything is told.
    fn is_over(&self) -> bool {
        Arc::strong_count(&self.lease) == 1 && !self.has_something_to_say()
    }
}

fn keep(kept: &mut Kept, lease: &super::lease::Lease) {
    let totals = lease.totals();
    if totals == Totals::default() {
        return;
    }
    let grace = if lease.class == Class::Rate { KEEP_RATE_MS } else { KEEP_MS };
    kept.insert(lease.place.clone(), (totals, lease.end.saturating_add(grace)));
}
