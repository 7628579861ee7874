//! One allowance at the desk: who waits for it, what is asked of the ledger, and what an answer means for each.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use super::{
    Kept,
    judge::{Judgement, Verdict},
};
use crate::{
    allowance::{
        caps::Limit,
        lease::{Lease, Taken, Totals},
        pace::Pace,
        shared::{Denied, Shared, Waiter},
    },
    ledger::leases::{Answer, Ask, Class},
};

/// Milliseconds before the ledger is asked again for what others may give back.
const AGAIN_MS: u64 = 100;
/// Milliseconds before it is asked again to cover what was spent beyond a lease.
const COVER_MS: u64 = 5000;
/// A rate's spending is told so many milliseconds before its window ends.
const REPORT_MS: i64 = 1500;
/// An allowance that nobody uses is forgotten after so many milliseconds.
const FORGET_MS: u64 = 30_000;

/// One allowance.
#[derive(Debug)]
pub(super) struct Entry {
    /// As the last request knew it.
    pub(super) limit: Arc<Limit>,
    lease: Option<Arc<Lease>>,
    /// What the ledger has confirmed, and what it was told since.
    told: Totals,
    telling: Totals,
    /// The last message's outcome is not known: the ledger may have granted more than is known here.
    unsure: bool,
    waiting: VecDeque<Waiting>,
    refill: bool,
    cover: bool,
    cover_at: u64,
    report: bool,
    /// Not asked again before.
    again_at: u64,
    verdict: Option<Verdict>,
    pace: Pace,
    used_at: u64,
}

#[derive(Debug)]
struct Waiting {
    waiter: Waiter,
    /// The ledger was asked since it came.
    asked: bool,
    /// When it was first told that there is not enough but some may come back.
    hopes_since: Option<u64>,
}

/// A lease whose window is over, until everything that was taken from it is settled and told.
#[derive(Debug)]
pub(super) struct Retired {
    pub(super) lease: Arc<Lease>,
    pub(super) limit: Arc<Limit>,
    pub(super) told: Totals,
    /// As for an entry.
    pub(super) unsure: bool,
}

impl Entry {
    pub(super) fn new(limit: Arc<Limit>, now: u64) -> Self {
        Self {
            limit,
            lease: None,
            told: Totals::default(),
            telling: Totals::default(),
            unsure: false,
            waiting: VecDeque::new(),
            refill: false,
            cover: false,
            cover_at: 0,
            report: false,
            again_at: 0,
            verdict: None,
            pace: Pace::default(),
            used_at: now,
        }
    }

    /// Somebody waits: served from what is there, refused by an answer that is still fresh, or in line.
    pub(super) fn wait(&mut self, waiter: Waiter, shared: &Shared, now: u64) {
        self.limit = Arc::clone(&waiter.limit);
        self.used_at = now;
        self.waiting.push_back(Waiting { waiter, asked: false, hopes_since: None });
        self.serve(shared, now);
        let window_goes_on = self.lease.as_ref().is_some_and(|lease| lease.covers(shared.ledger_time(now)));
        let fresh = self.verdict.filter(|verdict| window_goes_on && verdict.is_fresh(now));
        let Some(verdict) = fresh else { return };
        if let Some(last) = self.waiting.pop_back_if(|last| !last.asked && last.waiter.least >= verdict.least)
        {
            last.deny(Denied::Exhausted(verdict.figures));
        }
    }

    pub(super) fn refill(&mut self, limit: &Arc<Limit>, now: u64) {
        self.limit = Arc::clone(limit);
        self.used_at = now;
        self.refill = true;
    }

    /// When the ledger may be asked again.
    pub(super) fn again_at(&self) -> u64 {
        self.again_at
    }

    /// Whether there is nothing to say.
    pub(super) fn is_quiet(&self) -> bool {
        self.waiting.is_empty()
            && !self.refill
            && !self.unsure
            && !self.cover
            && !self.report
            && self.lease.as_ref().is_none_or(|lease| lease.totals().returned == self.told.returned)
    }

    /// Hands out what is free, first come first served, in full.
    pub(super) fn serve(&mut self, shared: &Shared, now: u64) {
        self.waiting.retain(|waiting| !waiting.waiter.answer.is_closed());
        let Some(lease) = self.lease.as_ref() else { return };
        if !shared.may_spend(now) || !lease.covers(shared.ledger_time(now)) {
            return;
        }
        let lease = Arc::clone(lease);
        let mut left = VecDeque::with_capacity(self.waiting.len());
        for waiting in self.waiting.drain(..) {
            if lease.take(waiting.waiter.most, now) {
                let amount = waiting.waiter.most;
                waiting.grant(&lease, amount);
            } else {
                left.push_back(waiting);
            }
        }
        self.waiting = left;
    }

    /// Where its window is over, the lease as something that is only wound up.
    pub(super) fn retire(&mut self, shared: &Shared, now: u64) -> Option<Retired> {
        let ledger = shared.ledger_time(now);
        let lease = self.lease.take_if(|lease| !lease.covers(ledger))?;
        self.limit.state.current.store(None);
        self.verdict = None;
        self.report = false;
        self.cover = false;
        self.again_at = 0;
        let free = lease.free();
        if lease.class == Class::Rate && free < 0 {
            self.limit.state.debt.fetch_add(free.saturating_neg(), Relaxed);
        }
        let told = std::mem::take(&mut self.told);
        let unsure = std::mem::take(&mut self.unsure);
        Some(Retired { lease, limit: Arc::clone(&self.limit), told, unsure })
    }

    /// What to ask the ledger.
    pub(super) fn ask(&mut self, shared: &Shared, kept: &mut Kept, now: u64) -> Ask {
        let lease = self.lease(shared, kept, now);
        let debt = self.limit.state.debt.swap(0, Relaxed);
        if debt > 0 {
            lease.settle(0, debt);
        }
        let free = lease.free();
        let (mut wanted, mut worthwhile) = (0_i64, i64::MAX);
        for waiting in &mut self.waiting {
            waiting.asked = true;
            wanted = wanted.saturating_add(waiting.waiter.most);
            worthwhile = worthwhile.min(waiting.waiter.least);
        }
        let need = wanted.saturating_sub(free).max(0);
        // What was spent already is covered as far as it can be; else only what lets somebody go on is worth having.
        let worth =
            if self.waiting.is_empty() || self.cover { 1 } else { worthwhile.saturating_sub(free).max(1) };
        let want = if self.waiting.is_empty() && !self.refill { need } else { self.pace.want(now).max(need) };
        self.telling = lease.account();
        self.unsure = true;
        let class = lease.class;
        Ask {
            place: lease.place.clone(),
            cap: self.limit.state.cap(),
            class,
            need,
            least: worth.min(need),
            want,
            granted: self.telling.granted,
            returned: self.telling.returned,
            spent: if class == Class::Rate { self.telling.spent } else { 0 },
        }
    }

    fn lease(&mut self, shared: &Shared, kept: &mut Kept, now: u64) -> Arc<Lease> {
        if let Some(lease) = &self.lease {
            return Arc::clone(lease);
        }
        let limit = &self.limit;
        let window = limit.cut.window(shared.ledger_time(now));
        let place = limit.state.place(window);
        let totals = kept.remove(&place).map(|(totals, _)| totals).unwrap_or_default();
        let lease = Arc::new(Lease::new(place, limit.state.class, window).resume(totals));
        self.told = totals;
        limit.state.current.store(Some(Arc::clone(&lease)));
        self.lease = Some(Arc::clone(&lease));
        lease
    }

    /// The ledger's answer to what [`Entry::ask`] said.
    pub(super) fn answered(&mut self, answer: &Answer, shared: &Shared, now: u64) {
        let Some(lease) = self.lease.clone() else { return };
        self.told = self.telling;
        (self.refill, self.report, self.unsure) = (false, false, false);
        if self.cover {
            self.cover = false;
            self.cover_at = now + COVER_MS;
        }
        let new = lease.grant(answer);
        self.pace.told(answer.cap, answer.taken);
        if new > 0 {
            self.pace.granted(new, now);
            self.verdict = None;
        }
        self.serve(shared, now);
        self.judge(&lease, answer, new > 0, shared, now);
        if new > 0 && lease.free() > 0 && lease.class != Class::Held {
            lease.watch(new / 2);
        }
    }

    /// What the answer means for those who could not be served from it.
    fn judge(&mut self, lease: &Arc<Lease>, answer: &Answer, progress: bool, shared: &Shared, now: u64) {
        if !shared.may_spend(now) || !lease.covers(shared.ledger_time(now)) {
            return;
        }
        self.again_at = now;
        let mut left = VecDeque::with_capacity(self.waiting.len());
        for mut waiting in self.waiting.drain(..) {
            if !waiting.asked {
                left.push_back(waiting);
                continue;
            }
            let Waiter { most, least, .. } = waiting.waiter;
            match Judgement::new(answer, lease.free(), most, least, waiting.hopes_since, now) {
                Judgement::AskAgain => {
                    if !progress {
                        self.again_at = self.again_at.max(now + AGAIN_MS / 4);
                    }
                    left.push_back(waiting);
                }
                Judgement::Hope => {
                    waiting.hopes_since.get_or_insert(now);
                    self.again_at = self.again_at.max(now + AGAIN_MS);
                    left.push_back(waiting);
                }
                Judgement::CutDown => match lease.take_between(least, most, now) {
                    Some(amount) => waiting.grant(lease, amount),
                    None => left.push_back(waiting),
                },
                Judgement::Refuse(figures) => {
                    let before = self.verdict.filter(|verdict| verdict.is_fresh(now));
                    let least_refused = before.map_or(least, |verdict| verdict.least.min(least));
                    self.verdict = Some(Verdict::new(least_refused, figures, now));
                    waiting.deny(Denied::Exhausted(figures));
                }
            }
        }
        self.waiting = left;
    }

    /// The ledger does not answer: who may go on without it does.
    pub(super) fn away(&mut self) {
        let (go_on, wait) = self.waiting.drain(..).partition(|waiting| waiting.waiter.may_go_on);
        self.waiting = wait;
        let go_on: VecDeque<Waiting> = go_on;
        for waiting in go_on {
            waiting.deny(Denied::Away);
        }
    }

    /// What time brings. Returns whether there is something to say.
    pub(super) fn tick(&mut self, shared: &Shared, now: u64) -> bool {
        let Some(lease) = &self.lease else { return !self.is_quiet() };
        let ledger = shared.ledger_time(now);
        if !lease.covers(ledger) {
            return true;
        }
        lease.give_back(self.pace.idle(lease, now));
        let owed = lease.free() < 0 || self.limit.state.debt.load(Relaxed) > 0;
        self.cover |= owed && lease.class != Class::Held && now >= self.cover_at;
        self.report |= lease.class == Class::Rate
            && ledger >= lease.end.saturating_sub(REPORT_MS)
            && lease.account().spent != self.told.spent;
        !self.is_quiet()
    }

    /// Whether nobody has used it for long and nothing is held, so that its totals are all there is to know.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        let held = self.lease.as_ref().is_some_and(|lease| {
            // One here and one where cores take from; every other has something to settle.
            let under_way = Arc::strong_count(lease) > 2;
            under_way || lease.free() != 0 || now < lease.used_at().saturating_add(FORGET_MS)
        });
        self.is_quiet() && !held && now >= self.used_at.saturating_add(FORGET_MS)
    }

    /// Everything that is free goes back, and nothing more is asked for.
    pub(super) fn give_all_back(&mut self) {
        self.waiting.clear();
        self.refill = false;
        if let Some(lease) = &self.lease {
            lease.give_back(i64::MAX);
            self.report = lease.class == Class::Rate;
        }
    }

    /// Lets go of the lease. The state may live on.
    pub(super) fn release(&mut self) -> Option<Arc<Lease>> {
        self.told = Totals::default();
        self.unsure = false;
        self.verdict = None;
        self.again_at = 0;
        self.limit.state.current.store(None);
        self.lease.take()
    }
}

impl Waiting {
    fn grant(self, lease: &Arc<Lease>, amount: i64) {
        // Who has left meanwhile takes nothing along: what comes back is dropped, which gives it back.
        let _ = self.waiter.answer.send(Ok(Taken::new(Arc::clone(lease), amount)));
    }

    fn deny(self, denied: Denied) {
        let _ = self.waiter.answer.send(Err(denied));
    }
}
