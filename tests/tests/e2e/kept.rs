//! What of tenants has to stay whatever becomes of the hub: keys, grants, balances, usage.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aigne_hub_tests::harness::e2e::Release;
use aigne_hub_tests::harness::{Outcome, eventually_within};
use anyhow::ensure;
use sqlx::PgPool;

/// What a gateway's journal needs to reach the ledger, and more.
const PATIENCE: Duration = Duration::from_mins(1);

/// Everything of it at a moment at which nothing is under way.
#[derive(Debug)]
pub(super) struct Kept {
    /// By the Secret's name.
    keys: BTreeMap<String, String>,
    /// What was ever given to an account, once each.
    given: BTreeSet<String>,
    /// Entries of every kind but usage: grants, expiries, corrections.
    entries: BTreeSet<String>,
    /// What was ever credited to an account, and what it has left: nano-dollars.
    accounts: BTreeMap<String, (i64, i64)>,
    /// Attempts, each with its tokens and money; and what was charged to an account for all of them.
    usage: BTreeSet<String>,
    charged: BTreeMap<String, i64>,
    hours: i64,
}

/// The columns that there were before, whichever came later.
const GIVEN: &str = "SELECT (account, reference, amount, given_at, expires_at)::text FROM credits";
const ENTRIES: &str =
    "SELECT (id, account, kind, amount, reference)::text FROM entries WHERE kind <> 'Usage'";
const USAGE: &str = "SELECT (request_id, attempt, tenant, key, provider, model, source, status, input_tokens, cached_input_tokens, \
    output_tokens, cost_nanos, price_nanos, price_revision)::text FROM usage";

impl Kept {
    /// Reads it.
    pub(super) async fn of(hub: &Release, pool: &PgPool, secrets: &[&str]) -> anyhow::Result<Self> {
        let mut keys = BTreeMap::new();
        for secret in secrets {
            keys.insert((*secret).to_owned(), hub.key(secret).await?);
        }
        let set = async |question: &'static str| -> anyhow::Result<BTreeSet<String>> {
            Ok(sqlx::query_scalar::<_, String>(question).fetch_all(pool).await?.into_iter().collect())
        };
        let accounts: Vec<(String, i64, i64)> =
            sqlx::query_as("SELECT account, credited, balance FROM balances").fetch_all(pool).await?;
        let charged =
            "SELECT account, (-sum(amount))::bigint FROM entries WHERE kind = 'Usage' GROUP BY account";
        let charged: Vec<(String, i64)> = sqlx::query_as(charged).fetch_all(pool).await?;
        Ok(Self {
            keys,
            given: set(GIVEN).await?,
            entries: set(ENTRIES).await?,
            accounts: accounts
                .into_iter()
                .map(|(account, credited, left)| (account, (credited, left)))
                .collect(),
            usage: set(USAGE).await?,
            charged: charged.into_iter().collect(),
            hours: sqlx::query_scalar("SELECT coalesce(sum(attempts), 0)::bigint FROM usage_hourly")
                .fetch_one(pool)
                .await?,
        })
    }

    /// Nothing of it was made anew or given again, and nothing is lost: `later` has besides only what was used since.
    pub(super) fn stays_in(&self, later: &Self) -> Outcome {
        ensure!(later.keys == self.keys, "tenants' keys are others");
        ensure!(later.given == self.given, "given: {:#?}", later.given.symmetric_difference(&self.given));
        ensure!(later.entries == self.entries, "{:#?}", later.entries.symmetric_difference(&self.entries));
        let lost: Vec<_> = self.usage.difference(&later.usage).collect();
        ensure!(lost.is_empty(), "usage is lost or changed: {lost:#?}");
        ensure!(
            usize::try_from(later.hours)? == later.usage.len(),
            "hourly sums have {} attempts",
            later.hours
        );
        ensure!(later.accounts.len() == self.accounts.len(), "{:?}", later.accounts);
        for (account, (credited, left)) in &later.accounts {
            let before = self.accounts.get(account);
            ensure!(before.map(|before| before.0) == Some(*credited), "{account} was credited {credited}");
            let of = |kept: &Self| kept.charged.get(account).copied().unwrap_or_default();
            let used = of(later) - of(self);
            ensure!(
                before.map(|before| before.1 - used) == Some(*left),
                "{account}: {before:?} - {used} is not {left}"
            );
        }
        Ok(())
    }

    /// How much of it there is.
    pub(super) fn figures(&self) -> String {
        let left = self.accounts.iter().map(|(account, (_, left))| format!("{account} {left}"));
        format!("{} rows; nano-dollars left: {}", self.usage.len(), left.collect::<Vec<_>>().join(", "))
    }
}

/// Waits until so many attempts have their row, and none has two.
pub(super) async fn rows(pool: &PgPool, count: u64) -> Outcome {
    let count = i64::try_from(count)?;
    eventually_within(PATIENCE, &format!("{count} usage rows"), async || {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM usage").fetch_one(pool).await?;
        ensure!(found <= count, "{found} usage rows of {count} attempts");
        Ok((found == count).then_some(()))
    })
    .await
}
