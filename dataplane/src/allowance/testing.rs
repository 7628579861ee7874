//! A ledger in memory, built on the function that decides in the real ones; tenants to try it with.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aigne_hub_crds::config::{self, BudgetAction, LedgerUnavailable, Period};
use rust_decimal::Decimal;
use tokio::time::Instant;
use uuid::Uuid;

use super::Need;
use crate::ledger::{
    leases::{Answer, Ask, Cap, Class, Draw, Exchanged, Held, Leases, Name, Place, Window, decide},
    store::StoreError,
};

/// 2026-03-04 05:06:07.008 UTC.
pub(super) const START: i64 = 1_772_600_767_008;

/// The ledger's books.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    /// Its clock.
    pub(super) now: i64,
    pub(super) balances: BTreeMap<Name, i64>,
    pub(super) pages: BTreeMap<Place, Page>,
    pub(super) holders: BTreeMap<Uuid, Holder>,
}

/// An allowance's.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) class: Class,
    pub(super) cap: Cap,
    /// By holders that are gone.
    pub(super) spent: i64,
    pub(super) held: BTreeMap<Uuid, Held>,
}

/// A process, as the ledger knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    epoch: i64,
    seen_at: i64,
    ttl: i64,
    open: bool,
}

impl Books {
    pub(super) fn exchange(&mut self, holder: Uuid, ttl: Duration, asks: &[Ask]) -> Exchanged {
        let now = self.now;
        let entry = self.holders.entry(holder);
        let known = entry.or_insert(Holder { epoch: 0, seen_at: now, ttl: 0, open: false });
        if !known.open {
            known.epoch += 1;
        }
        *known = Holder { seen_at: now, ttl: i64::try_from(ttl.as_millis()).unwrap(), open: true, ..*known };
        let epoch = known.epoch;
        let answers = asks.iter().map(|ask| self.answer(holder, ask)).collect();
        Exchanged { now, epoch, answers }
    }

    fn answer(&mut self, holder: Uuid, ask: &Ask) -> Answer {
        let cap = self.amount(&ask.place.allowance, ask.cap);
        let silent = |other: &Uuid| {
            let other = self.holders.get(other);
            other.is_none_or(|other| other.open && self.now > other.seen_at + other.ttl)
        };
        let page = self.pages.entry(ask.place.clone()).or_insert_with(|| Page::new(ask.class, ask.cap));
        page.cap = ask.cap;
        let own = page.held.get(&holder).copied().unwrap_or_default();
        let others = page.held.iter().filter(|(other, _)| **other != holder);
        let others = others.map(|(other, held)| Held { silent: silent(other), ..*held }).collect();
        let (becomes, answer) = decide(&Window { cap, spent: page.spent, others }, own, ask);
        page.held.insert(holder, becomes);
        answer
    }

    fn amount(&self, name: &Name, cap: Cap) -> i64 {
        match cap {
            Cap::Fixed(amount) => amount,
            Cap::Balance { overdraft } => self.balances.get(name).copied().unwrap_or(0) + overdraft,
        }
    }

    /// A usage row comes in. What was drawn on without a lease that is still open counts as spent.
    pub(super) fn enter(&mut self, holder: Uuid, draws: &[Draw], money: i64) {
        for draw in draws {
            let page = self.pages.entry(draw.place.clone());
            let page = page.or_insert_with(|| Page::new(Class::Money, Cap::Fixed(0)));
            match page.held.get_mut(&holder) {
                Some(held) if draw.reserved => held.spent += money,
                Some(held) => held.unreserved += money,
                None => page.spent += money,
            }
        }
    }

    /// An attempt will never be heard of again.
    pub(super) fn suspend(&mut self, holder: Uuid, draws: &[Draw], reserved: i64) {
        for draw in draws.iter().filter(|draw| draw.reserved) {
            let page = self.pages.entry(draw.place.clone());
            let page = page.or_insert_with(|| Page::new(Class::Money, Cap::Fixed(0)));
            page.held.entry(holder).or_default().suspense += reserved;
        }
    }

    pub(super) fn close(&mut self, holder: Uuid) {
        if let Some(known) = self.holders.get_mut(&holder) {
            known.open = false;
        }
        for page in self.pages.values_mut() {
            let Some(held) = page.held.remove(&holder) else { continue };
            // Nobody says any more how much of a rate's lease was spent: all of it counts until its window ends.
            let lent = if page.class == Class::Rate { held.granted - held.returned } else { 0 };
            page.spent += held.spent.max(lent) + held.unreserved;
            if held.suspense > 0 {
                page.held.insert(
                    Uuid::from_u128(u128::MAX - holder.as_u128()),
                    Held { suspense: held.suspense, ..Held::default() },
                );
            }
        }
    }

    pub(super) fn tidy(&mut self, patience: i64) {
        let silent = |known: &Holder| known.open && self.now > known.seen_at + patience.max(known.ttl);
        let silent: Vec<_> =
            self.holders.iter().filter(|(_, known)| silent(known)).map(|(id, _)| *id).collect();
        for holder in silent {
            self.close(holder);
        }
        let over = self.now - 10 * 60_000;
        self.pages.retain(|place, page| page.class != Class::Rate || place.window > over);
    }

    /// What counts against a cap.
    pub(super) fn taken(&self, place: &Place) -> i64 {
        self.pages
            .get(place)
            .map_or(0, |page| page.spent + page.held.values().map(|held| held.taken(page.class)).sum::<i64>())
    }
}

impl Page {
    fn new(class: Class, cap: Cap) -> Self {
        Self { class, cap, spent: 0, held: BTreeMap::new() }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is not there.
    Away,
    /// It does what it is asked and cannot say so.
    AnswersAreLost,
}

/// The same as a store that takes `delay` for an answer, on tokio's clock.
#[derive(Clone, Debug)]
pub(super) struct Fake {
    pub(super) books: Arc<Mutex<Books>>,
    pub(super) delay: Duration,
    fails: Arc<Mutex<Option<Failure>>>,
    started: Instant,
}

impl Fake {
    pub(super) fn new() -> Self {
        Self {
            books: Arc::default(),
            delay: Duration::from_millis(2),
            fails: Arc::default(),
            started: Instant::now(),
        }
    }

    pub(super) fn fail(&self, how: impl Into<Option<Failure>>) {
        *self.fails.lock().unwrap() = how.into();
    }

    /// The books at this moment.
    pub(super) fn books<T>(&self, of: impl FnOnce(&mut Books) -> T) -> T {
        let mut books = self.books.lock().unwrap();
        books.now = START + i64::try_from(self.started.elapsed().as_millis()).unwrap();
        of(&mut books)
    }
}

impl Leases for Fake {
    async fn exchange(&self, holder: Uuid, ttl: Duration, asks: &[Ask]) -> Result<Exchanged, StoreError> {
        tokio::time::sleep(self.delay / 2).await;
        let fails = *self.fails.lock().unwrap();
        if fails == Some(Failure::Away) {
            return Err(StoreError::Unavailable("pulled".into()));
        }
        let exchanged = self.books(|books| books.exchange(holder, ttl, asks));
        if fails == Some(Failure::AnswersAreLost) {
            return Err(StoreError::Unavailable("cut".into()));
        }
        tokio::time::sleep(self.delay / 2).await;
        Ok(exchanged)
    }

    async fn close(&self, holder: Uuid) -> Result<(), StoreError> {
        self.books(|books| books.close(holder));
        Ok(())
    }

    async fn tidy(&self, patience: Duration) -> Result<(), StoreError> {
        self.books(|books| books.tidy(i64::try_from(patience.as_millis()).unwrap()));
        Ok(())
    }
}

/// A tenant without any cap.
pub(crate) fn tenant() -> config::Tenant {
    config::Tenant {
        id: "team/acme".into(),
        account_id: "acme-account".into(),
        display_name: "Acme".into(),
        suspended: false,
        models: config::ModelAccess::default(),
        keys: Vec::new(),
        workload_identities: Vec::new(),
        billing: config::Billing {
            mode: config::BillingMode::Attribution,
            starter_credits: None,
            grants: Vec::new(),
            overdraft: None,
            low_balance: None,
            payment_url: None,
            cost_center: None,
            minimum_max_tokens: None,
        },
        budgets: Vec::new(),
        limits: config::Limits::default(),
        policy: config::Policy {
            client_gone: config::ClientGone::Cancel,
            ledger_unavailable: LedgerUnavailable::Refuse,
        },
        brand: config::Brand::default(),
    }
}

pub(super) fn budget(nanos: i64, action: BudgetAction) -> config::Budget {
    config::Budget {
        name: "monthly".into(),
        amount: Decimal::new(nanos, 9),
        period: Period::Month,
        time_zone: "UTC".into(),
        action,
    }
}

pub(super) fn key() -> config::Key {
    config::Key {
        name: "app".into(),
        hashes: Vec::new(),
        expires_at: None,
        disabled: false,
        models: None,
        limits: config::Limits::default(),
        budgets: Vec::new(),
    }
}

pub(super) fn need(tokens: i64, money: i64) -> Need {
    Need { tokens, money, least_money: money, ledger_unavailable: LedgerUnavailable::Refuse }
}
