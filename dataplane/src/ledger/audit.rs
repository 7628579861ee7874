//! Who has changed what by a command. A line and what it is about are one transaction; lines are never edited.

use std::future::Future;

use aigne_hub_crds::config::PriceSheet;
use serde::Serialize;

use super::accounts::{Done, Wish};
use super::store::StoreError;

/// Who does something, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// A person or a job.
    pub actor: String,
    /// Such as `accounts topup`.
    pub command: &'static str,
    /// What was asked for, for people.
    pub detail: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Unix milliseconds.
    pub at: i64,
    /// By whom.
    pub actor: String,
    /// By which command.
    pub command: String,
    /// To which account, where it was one.
    pub account: Option<String>,
    /// For people.
    pub detail: String,
}

/// What a person may ask for.
pub trait Audit: Send + Sync + 'static {
    /// As [`Accounts::fulfil`](super::accounts::Accounts::fulfil); if that changes anything, with a line that says who
    /// did it.
    fn fulfil_as(
        &self,
        account: &str,
        wish: &Wish,
        now: i64,
        by: &By,
    ) -> impl Future<Output = Result<Done, StoreError>> + Send;

    /// A line about what is no entry.
    fn record(
        &self,
        account: Option<&str>,
        now: i64,
        by: &By,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The last lines, of one account or all, the oldest of them first.
    fn lines(
        &self,
        account: Option<&str>,
        most: u32,
    ) -> impl Future<Output = Result<Vec<Line>, StoreError>> + Send;

    /// Corrections of an account that re-rating has entered: their references and amounts.
    fn rerated(&self, account: &str) -> impl Future<Output = Result<Vec<(String, i64)>, StoreError>> + Send;

    /// Every sheet that was ever in use, in the order in which they came.
    fn sheets(&self) -> impl Future<Output = Result<Vec<PriceSheet>, StoreError>> + Send;
}
