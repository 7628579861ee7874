//! Whose money: accounts, what was given to them, and what is left of it.
//!
//! Usage is entered by the database itself, in the transaction of its row. Everything else is a [`Posting`], decided
//! here, purely, from what the store has under lock, and written by the store in the same transaction.

mod asked;
mod checks;
mod due;
mod enter;
pub mod refunds;

use std::future::Future;

use serde::Serialize;
use uuid::Uuid;

use super::store::StoreError;

pub use self::asked::{Asked, Mistake, amount, enter, left, reference};
pub(super) use self::checks::CHECKS;
pub use self::due::decide;
pub use self::enter::{Promises, follow, nanos};

/// Why an amount moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// An attempt was charged; negative.
    Usage,
    /// Credits were granted.
    Grant,
    /// Credits were paid for.
    TopUp,
    /// What was left of a credit lapsed; negative.
    Expiry,
    /// A charge was given back.
    Refund,
    /// A mistake was put right; either sign.
    Correction,
}

impl Kind {
    /// As stores and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "Usage",
            Self::Grant => "Grant",
            Self::TopUp => "TopUp",
            Self::Expiry => "Expiry",
            Self::Refund => "Refund",
            Self::Correction => "Correction",
        }
    }
}

/// Of a credit that says nothing.
pub const PRIORITY: i64 = 50;

/// What is to be entered, once for its account and reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Not `Usage`, which enters itself, nor `Expiry`.
    pub kind: Kind,
    /// Unique within the account, for ever.
    pub reference: String,
    /// Nano-dollars, not 0.
    pub amount: i64,
    /// Unix milliseconds from which on what is left of it lapses.
    pub expires_at: Option<i64>,
    /// 0 to 100: lower is spent first.
    pub priority: i64,
    /// For people.
    pub note: Option<String>,
}

/// One entry, but for its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `UUIDv7`.
    pub id: Uuid,
    /// Why.
    pub kind: Kind,
    /// Nano-dollars, seen from the account.
    pub amount: i64,
    /// Unix milliseconds.
    pub at: i64,
    /// Unique within the account.
    pub reference: String,
    /// For people.
    pub note: Option<String>,
}

/// What was given at once, and how much of it is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credit {
    /// That of its entry.
    pub reference: String,
    /// Nano-dollars that were given.
    pub amount: i64,
    /// Of them, those not known to be spent.
    pub remaining: i64,
    /// Unix milliseconds.
    pub given_at: i64,
    /// Unix milliseconds; none: never.
    pub expires_at: Option<i64>,
    /// 0 to 100: lower is spent first.
    pub priority: i64,
    /// Whether what was left of it is gone.
    pub lapsed: bool,
}

/// An account under lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whether it takes nothing any more but usage.
    pub closed: bool,
    /// Nano-dollars.
    pub balance: i64,
    /// Nano-dollars that gateways hold of it and are not known to have spent.
    pub leased: i64,
    /// Those that have not lapsed and of which something is left.
    pub credits: Vec<Credit>,
    /// The amount that was entered under the posting's reference already.
    pub entered: Option<i64>,
}

/// What is to be done to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Let lapse what is due.
    Lapse,
    /// The same, then enter this.
    Post(Posting),
    /// Let everything lapse that was given, and take nothing more but usage.
    Close,
}

impl Wish {
    /// The reference that it would enter.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Post(posting) => Some(&posting.reference),
            Self::Lapse | Self::Close => None,
        }
    }
}

/// What a store is to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// New entries, in their order.
    pub entries: Vec<Entry>,
    /// Credits that are new or have changed.
    pub credits: Vec<Credit>,
    /// Whether the account is closed from now on.
    pub close: bool,
}

impl Change {
    /// What the entries add to the balance.
    pub fn sum(&self) -> i64 {
        self.entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.amount))
    }
}

/// What became of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was done.
    Entered,
    /// It had been entered before, with this amount; nothing changed.
    Already(i64),
    /// The account is closed; nothing changed.
    Closed,
    /// The credit would have lapsed already; nothing changed.
    Expired,
}

/// An account as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name: `accountID` of a Tenant.
    pub account: String,
    /// Nano-dollars.
    pub balance: i64,
    /// Unix milliseconds since when it is closed.
    pub closed_at: Option<i64>,
    /// Nano-dollars of attempts whose outcome was never learned: not charged, not in the balance.
    pub suspense: i64,
    /// Nano-dollars that gateways hold of the balance and are not known to have spent.
    pub leased: i64,
    /// The part of `suspense` that is still held back from being spent.
    pub frozen: i64,
}

/// One line of a statement: an entry, or a day's usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Unix milliseconds; of usage the day's first.
    pub at: i64,
    /// [`Kind`] by name.
    pub kind: String,
    /// None for usage.
    pub reference: Option<String>,
    /// For people.
    pub note: Option<String>,
    /// How many entries it stands for.
    pub entries: i64,
    /// Nano-dollars.
    pub amount: i64,
}

/// What happened to an account in a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// The balance when it begins, in nano-dollars.
    pub opening: i64,
    /// In the order of time.
    pub lines: Vec<Line>,
}

impl Statement {
    /// The balance when it ends, in nano-dollars.
    pub fn closing(&self) -> i128 {
        self.lines.iter().fold(i128::from(self.opening), |sum, line| sum + i128::from(line.amount))
    }
}

/// Two numbers of the ledger that should be the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which rule they break.
    pub check: &'static str,
    /// Which account, row or hour.
    pub what: String,
    /// What it should be; none where there should be nothing.
    pub expected: Option<i64>,
    /// What it is; none where there is nothing.
    pub found: Option<i64>,
    /// It is on its way, and ends by itself: no mistake.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
}

/// What can be done with accounts, and asked of them.
pub trait Accounts: Send + Sync + 'static {
    /// Does it in one transaction that locks the account, and nothing else before. `now` is in Unix milliseconds.
    fn fulfil(
        &self,
        account: &str,
        wish: &Wish,
        now: i64,
    ) -> impl Future<Output = Result<Done, StoreError>> + Send;

    /// Accounts with credits that are due to lapse.
    fn due(&self, now: i64) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// All of them, or one, in the order of their names.
    fn accounts(&self, only: Option<&str>) -> impl Future<Output = Result<Vec<Account>, StoreError>> + Send;

    /// The credits of an account, in the order in which they are spent.
    fn credits(&self, account: &str) -> impl Future<Output = Result<Vec<Credit>, StoreError>> + Send;

    /// What happened from `since` until before `until`, both in Unix milliseconds.
    fn statement(
        &self,
        account: &str,
        since: i64,
        until: i64,
    ) -> impl Future<Output = Result<Statement, StoreError>> + Send;

    /// Everything that does not add up.
    fn differences(&self) -> impl Future<Output = Result<Vec<Difference>, StoreError>> + Send;
}
