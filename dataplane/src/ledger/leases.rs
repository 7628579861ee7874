//! What may be spent: one mechanism for every cap.
//!
//! A rate limit, a budget and a credit balance are each an *allowance*: a number that may be spent within a window
//! (requests in flight: held, not spent). The store grants a gateway process a *lease* on a part of it, and the process
//! spends from its lease without asking again. What is granted counts against the cap at once, so however many
//! processes there are, together they never grant more than there is.
//!
//! Both sides count what was granted and given back since the lease began, and say it as totals: a message that is
//! lost, repeated or answered twice changes nothing. A process that ends without a word keeps what it holds until its
//! journal has told what became of it ([`Leases::close`]).

mod grant;
mod parts;
mod tidy;

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::grant::{Held, Window, decide};
pub(super) use self::parts::{Part, decide_all};
pub use self::tidy::keep_tidy;
use super::Intent;
use super::store::StoreError;

/// The window of what never ends: a balance, requests in flight.
pub const FOREVER: i64 = 0;

/// An allowance's name: `account:ACCOUNT`, `budget:TENANT/NAME`, `requests:TENANT`, … See [`crate::allowance`].
pub type Name = Arc<str>;

/// An allowance within one of its windows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Which.
    pub allowance: Name,
    /// Unix milliseconds at which its window began, on the ledger's clock; [`FOREVER`] where it has none.
    pub window: i64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// As configured.
    Fixed(i64),
    /// What an account was given, and so much below zero.
    Balance {
        /// Nano-dollars.
        overdraft: i64,
    },
}

/// How the ledger learns what was spent of an allowance, and what becomes of a lease whose process is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nano-dollars: spending is entered with its usage row. A silent process keeps its lease until its journal is in.
    Money,
    /// Spent within a minute: the process itself says how much. A silent process's lease ends with the window.
    Rate,
    /// Held, not spent. A silent process's lease is void: what it held has ended with it.
    Held,
}

/// What a process asks for, of one allowance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Of what.
    pub place: Place,
    /// How much there is.
    pub cap: Cap,
    /// How it is spent.
    pub class: Class,
    /// Without this much more the requests at hand cannot go on, what was spent beyond the lease included; 0 where none
    /// waits.
    pub need: i64,
    /// At least this much is worth having where `need` is not to be had; at most `need`.
    pub least: i64,
    /// What would last for a while; at least `need`.
    pub want: i64,
    /// Granted since the lease began, as far as the process knows.
    pub granted: i64,
    /// Given back since the lease began.
    pub returned: i64,
    /// Spent since the lease began, for [`Class::Rate`]; else 0.
    pub spent: i64,
}

/// What a process was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Granted since the lease began.
    pub granted: i64,
    /// How much there is.
    pub cap: i64,
    /// Spent of it, by everyone, as far as the ledger knows.
    pub spent: i64,
    /// Spent, in suspense or leased, this lease included.
    pub taken: i64,
    /// Of `taken`, what other processes hold and have not spent: it may come back.
    pub others: i64,
}

/// The answers to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// The ledger's clock, in Unix milliseconds. Windows are told by it, whatever a gateway's own clock says.
    pub now: i64,
    /// Rises when the ledger closed the holder meanwhile: every lease that it knew of is void, and begins again from
    /// nothing. What the process had spent or reserved and is not yet in the ledger comes upon the new lease: it counts as
    /// spent beyond it.
    pub epoch: i64,
    /// One for each ask, in its order.
    pub answers: Vec<Answer>,
}

/// What an attempt's price is counted against, as its intent names it, so that its row settles it whoever moves the row.
/// Its account need not be named: what is not reserved there is counted beside the lease.
pub type Draws = Arc<[Draw]>;

/// An allowance of money that an attempt's price is counted against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// Which, in which window.
    pub place: Place,
    /// The most that it can cost was reserved from the process's lease.
    pub reserved: bool,
}

/// Before the name of an account in that of its allowance.
pub(super) const ACCOUNT: &str = "account:";

impl Class {
    /// As stores write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Money => "Money",
            Self::Rate => "Rate",
            Self::Held => "Held",
        }
    }
}

impl Ask {
    /// The account whose balance is asked for.
    pub(super) fn account(&self) -> Option<&str> {
        match self.cap {
            Cap::Fixed(_) => None,
            Cap::Balance { .. } => self.place.allowance.strip_prefix(ACCOUNT),
        }
    }
}

/// All that an attempt's price is counted against: allowance, window, and whether it was reserved there. Its account is
/// among them, named or not.
pub(super) fn draws(intent: &Intent) -> impl Iterator<Item = (Cow<'_, str>, i64, bool)> {
    let is_own = |place: &Place| {
        place.window == FOREVER && place.allowance.strip_prefix(ACCOUNT) == Some(&*intent.account)
    };
    let named = intent.draws.iter().any(|draw| is_own(&draw.place));
    let own = (!named).then(|| (Cow::Owned(format!("{ACCOUNT}{}", intent.account)), FOREVER, false));
    let draws = intent.draws.iter();
    draws.map(|draw| (Cow::Borrowed(&*draw.place.allowance), draw.place.window, draw.reserved)).chain(own)
}

/// What a process holds and has spent of an allowance, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which allowance.
    pub allowance: String,
    /// Unix milliseconds at which its window began; [`FOREVER`] where it has none.
    pub window: i64,
    /// [`Class`] by name: whether the amounts are nano-dollars.
    pub class: String,
    /// The process.
    pub holder: Uuid,
    /// Granted since the lease began.
    pub granted: i64,
    /// Given back since the lease began.
    pub returned: i64,
    /// Spent from the lease.
    pub spent: i64,
    /// Spent beside it, where nothing was reserved.
    pub unreserved: i64,
    /// What attempts whose outcome was never learned may have spent.
    pub suspense: i64,
    /// Unix milliseconds since when the process has said nothing, where it should have.
    pub silent_since: Option<i64>,
    /// Unix milliseconds since when it holds nothing but suspense.
    pub closed_at: Option<i64>,
}

/// Where leases are kept.
pub trait Leases: Send + Sync + 'static {
    /// Says that `holder` lives for another `ttl` by the ledger's clock, and grants what it can, in one transaction.
    /// Without asks it only renews. Asks name each place once.
    fn exchange(
        &self,
        holder: Uuid,
        ttl: Duration,
        asks: &[Ask],
    ) -> impl Future<Output = Result<Exchanged, StoreError>> + Send;

    /// The holder spends nothing more, and all its rows are in: what it has left goes back, what it spent is kept,
    /// and what its attempts in suspense may have spent stays taken. Does nothing the second time.
    fn close(&self, holder: Uuid) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Does what time brings: closes holders that have been silent for `patience`, lets go of suspense that old, and
    /// forgets windows of rates that are over. Any gateway may do so at any time.
    fn tidy(&self, patience: Duration) -> impl Future<Output = Result<(), StoreError>> + Send;
}
