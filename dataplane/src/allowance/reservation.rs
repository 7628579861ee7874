//! What a request has reserved, from its admission to its settlement.

use std::sync::{Arc, LazyLock, atomic::Ordering::Relaxed};

use aigne_hub_crds::config::LedgerUnavailable;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{
    Allowances, Caps, Exhausted, Need, Refused, Which,
    caps::Limit,
    lease::Taken,
    shared::{Denied, Figures, Message, Shared, Waiter},
};
use crate::ledger::leases::{Class, Draw, Draws};

/// What a request has reserved. Dropped without [`Reservation::settle`], nothing was spent and everything goes back.
#[derive(Debug, Default)]
pub struct Reservation {
    parts: Vec<Part>,
    quotas: Quotas,
}

/// One cap's part of a reservation.
#[derive(Debug)]
struct Part {
    limit: Arc<Limit>,
    held: Hold,
}

#[derive(Debug)]
enum Hold {
    /// From a lease.
    Reserved(Taken),
    /// Money that is only counted.
    Named(Draw),
}

/// What clients are told of their rates: of the tenant's and the key's, the one with less left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Requests per minute.
    pub requests: Option<Quota>,
    /// Tokens per minute.
    pub tokens: Option<Quota>,
}

/// A rate, as far as this process knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// In a minute.
    pub limit: i64,
    /// Left of it, never below 0.
    pub remaining: i64,
    /// Milliseconds until it begins anew.
    pub reset_ms: u64,
}

static NO_DRAWS: LazyLock<Draws> = LazyLock::new(|| [].into());

impl Reservation {
    /// Nano-dollars reserved: less than was needed only where the balance cannot pay more. `None` where no cap of money is
    /// reserved from.
    pub fn money(&self) -> Option<i64> {
        let money = self.parts.iter().filter_map(|part| match &part.held {
            Hold::Reserved(taken) if part.limit.is_money() => Some(taken.amount),
            _ => None,
        });
        money.min()
    }

    /// What the request's price is counted against, for its intents.
    pub fn draws(&self) -> Draws {
        let mut draws = self.parts.iter().filter(|part| part.limit.is_money());
        let (Some(first), second) = (draws.next(), draws.next()) else { return Arc::clone(&NO_DRAWS) };
        match (&first.held, second) {
            (Hold::Reserved(taken), None) => Arc::clone(&taken.lease.draws),
            _ => self.parts.iter().filter(|part| part.limit.is_money()).map(Part::draw).collect(),
        }
    }

    /// What the client is told.
    pub fn quotas(&self) -> Quotas {
        self.quotas
    }

    /// What the request has used, at its end: tokens, and nano-dollars. Never fails; the second time does nothing.
    pub fn settle(&mut self, tokens: i64, money: i64) {
        for part in &mut self.parts {
            let Hold::Reserved(taken) = &mut part.held else { continue };
            let spent = match part.limit.which {
                Which::Requests => 1,
                Which::Concurrent => 0,
                Which::Tokens => tokens,
                Which::Budget { .. } | Which::Credits => money,
            };
            let debt = taken.settle(spent.max(0));
            if debt > 0 && part.limit.state.class == Class::Rate {
                part.limit.state.owe(&taken.lease, debt);
            }
        }
    }

    /// What was reserved, and where.
    #[cfg(test)]
    pub(super) fn amounts(&self) -> Vec<(crate::ledger::leases::Place, i64)> {
        let reserved = self.parts.iter().filter_map(|part| match &part.held {
            Hold::Reserved(taken) => Some((taken.lease.place.clone(), taken.amount)),
            Hold::Named(_) => None,
        });
        reserved.collect()
    }

    fn reserve(&mut self, limit: &Arc<Limit>, taken: Taken) {
        self.parts.push(Part { limit: Arc::clone(limit), held: Hold::Reserved(taken) });
    }

    /// Money that cannot be reserved is counted all the same, and a balance is counted without being named.
    fn go_on(&mut self, limit: &Arc<Limit>, shared: &Shared, now: u64) {
        if limit.is_money() && limit.which != Which::Credits {
            let place = limit.state.place(limit.cut.window(shared.ledger_time(now)));
            let held = Hold::Named(Draw { place, reserved: false });
            self.parts.push(Part { limit: Arc::clone(limit), held });
        }
    }

    /// A request that is cut down needs no more of its budgets than its balance can pay.
    fn level(&mut self) {
        let Some(money) = self.money() else { return };
        for part in &mut self.parts {
            if let Hold::Reserved(taken) = &mut part.held
                && part.limit.is_money()
            {
                taken.shrink(money);
            }
        }
    }
}

impl Part {
    fn draw(&self) -> Draw {
        match &self.held {
            Hold::Reserved(taken) => Draw { place: taken.lease.place.clone(), reserved: true },
            Hold::Named(draw) => draw.clone(),
        }
    }
}

/// What was had at once, and what is waited for.
pub(super) struct Attempt {
    shared: Arc<Shared>,
    reservation: Reservation,
    waits: Vec<Wait>,
    now: u64,
}

/// An answer that is waited for.
struct Wait {
    limit: Arc<Limit>,
    answer: oneshot::Receiver<Result<Taken, Denied>>,
}

impl Allowances {
    /// Takes what there is, and asks for the rest.
    pub(super) fn attempt(&self, caps: [&Caps; 2], need: &Need, now: u64) -> Attempt {
        let count = caps[0].limits.len() + caps[1].limits.len();
        let parts = Vec::with_capacity(count);
        let mut reservation = Reservation { parts, quotas: Quotas::default() };
        let mut waits = Vec::new();
        let may_go_on = need.ledger_unavailable == LedgerUnavailable::Allow;
        for limit in caps.iter().flat_map(|caps| caps.limits.iter()) {
            let (most, least) = limit.needs(need);
            if limit.alert || most <= 0 {
                reservation.go_on(limit, &self.shared, now);
                continue;
            }
            if let Some(taken) = limit.take(most, &self.shared, now) {
                if taken.lease.wants_refill() {
                    let _ = self.to_leaser.send(Message::Refill(Arc::clone(limit)));
                }
                reservation.reserve(limit, taken);
                continue;
            }
            if may_go_on && self.shared.metrics.away.load(Relaxed) {
                self.shared.metrics.unanswered.fetch_add(1, Relaxed);
                reservation.go_on(limit, &self.shared, now);
                continue;
            }
            self.shared.metrics.waits.fetch_add(1, Relaxed);
            let (answer, waits_for) = oneshot::channel();
            let limit = Arc::clone(limit);
            let waiter = Waiter { limit: Arc::clone(&limit), most, least: least.max(1), may_go_on, answer };
            // Where the leaser has ended, the answer is dropped with the message, which is an answer too.
            let _ = self.to_leaser.send(Message::Wait(waiter));
            waits.push(Wait { limit, answer: waits_for });
        }
        Attempt { shared: Arc::clone(&self.shared), reservation, waits, now }
    }
}

impl Attempt {
    pub(super) fn is_complete(&self) -> bool {
        self.waits.is_empty()
    }

    pub(super) fn complete(mut self, caps: [&Caps; 2]) -> Reservation {
        self.reservation.quotas = quotas(caps, &self.shared, self.now);
        self.reservation
    }

    /// Waits for every answer that is due.
    pub(super) async fn wait(mut self, caps: [&Caps; 2], need: &Need) -> Result<Reservation, Refused> {
        let deadline = self.shared.deadline(need.ledger_unavailable, self.now);
        let waits = std::mem::take(&mut self.waits);
        let began = Instant::now();
        for Wait { limit, answer } in waits {
            let answer = timeout_at(deadline, answer).await.ok().and_then(Result::ok);
            let waited = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.shared.metrics.waited_us.fetch_add(waited, Relaxed);
            let now = self.shared.now();
            self.heard(&limit, answer.unwrap_or(Err(Denied::Away)), caps, need, now)?;
        }
        self.reservation.level();
        Ok(self.complete(caps))
    }

    /// What [`Attempt::wait`] does, without waiting: `None` while an answer is due.
    #[cfg(test)]
    pub(super) fn poll(&mut self, caps: [&Caps; 2], need: &Need, now: u64) -> Option<Result<(), Refused>> {
        for Wait { limit, mut answer } in std::mem::take(&mut self.waits) {
            match answer.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => self.waits.push(Wait { limit, answer }),
                answer => {
                    let answer = answer.unwrap_or(Err(Denied::Away));
                    if let Err(refused) = self.heard(&limit, answer, caps, need, now) {
                        return Some(Err(refused));
                    }
                }
            }
        }
        self.waits.is_empty().then(|| {
            self.reservation.level();
            Ok(())
        })
    }

    /// One answer. On a refusal everything goes back.
    fn heard(
        &mut self,
        limit: &Arc<Limit>,
        answer: Result<Taken, Denied>,
        caps: [&Caps; 2],
        need: &Need,
        now: u64,
    ) -> Result<(), Refused> {
        let metrics = &self.shared.metrics;
        match answer {
            Ok(taken) => self.reservation.reserve(limit, taken),
            Err(Denied::Exhausted(figures)) => {
                metrics.refused.fetch_add(1, Relaxed);
                let quotas = quotas(caps, &self.shared, now);
                let refusal = exhausted(limit, figures, need, quotas, &self.shared, now);
                return Err(Refused::Exhausted(Box::new(refusal)));
            }
            Err(Denied::Away) => {
                metrics.unanswered.fetch_add(1, Relaxed);
                if need.ledger_unavailable == LedgerUnavailable::Refuse {
                    return Err(Refused::Unavailable);
                }
                self.reservation.go_on(limit, &self.shared, now);
            }
        }
        Ok(())
    }
}

/// Where something is only held, it may come back within a second.
const HELD_RETRY_MS: u64 = 1000;

fn exhausted(
    limit: &Limit,
    figures: Figures,
    need: &Need,
    quotas: Quotas,
    shared: &Shared,
    now: u64,
) -> Exhausted {
    let (_, least) = limit.needs(need);
    let ledger = shared.ledger_time(now);
    let end = limit.cut.window(ledger).end;
    let only_held = figures.spent.saturating_add(least) <= figures.cap;
    let retry_after_ms = if only_held && figures.held > 0 {
        Some(HELD_RETRY_MS)
    } else if end == i64::MAX {
        None
    } else {
        Some(until(end, ledger))
    };
    Exhausted {
        which: limit.which.clone(),
        of_key: limit.of_key,
        cap: figures.cap,
        spent: figures.spent,
        held: figures.held,
        retry_after_ms,
        quotas,
    }
}

fn quotas(caps: [&Caps; 2], shared: &Shared, now: u64) -> Quotas {
    let mut quotas = Quotas::default();
    for limit in caps.iter().flat_map(|caps| caps.limits.iter()) {
        let quota = match limit.which {
            Which::Requests => &mut quotas.requests,
            Which::Tokens => &mut quotas.tokens,
            _ => continue,
        };
        if let Some(known) = limit.quota(shared, now)
            && quota.is_none_or(|other| known.remaining < other.remaining)
        {
            *quota = Some(known);
        }
    }
    quotas
}

impl Limit {
    fn quota(&self, shared: &Shared, now: u64) -> Option<Quota> {
        let current = self.state.current.load();
        let lease = current.as_ref()?;
        let ledger = shared.ledger_time(now);
        let limit = self.state.fixed();
        lease.covers(ledger).then(|| Quota {
            limit,
            remaining: lease.remaining().min(limit),
            reset_ms: until(lease.end, ledger),
        })
    }
}

fn until(end: i64, ledger: i64) -> u64 {
    u64::try_from(end.saturating_sub(ledger)).unwrap_or(0)
}
