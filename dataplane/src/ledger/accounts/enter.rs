//! Enters what Tenants are granted, and lets lapse what is due. Every gateway does so; the ledger sees to it that each
//! is entered once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aigne_hub_crds::config::{BillingMode, Tenant};
use arc_swap::ArcSwap;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::{Accounts, Done, Kind, PRIORITY, Posting, Wish, reference};
use crate::clock::Clock;
use crate::ledger::store::StoreError;
use crate::source::Source;

/// How often it is looked for credits that are due, and what failed is tried again.
const EVERY: Duration = Duration::from_secs(10);

/// What the ledger says of a balance may be this much older than what was entered meanwhile.
const FRESH_MS: i64 = 1_000;

/// By account and reference.
type Entered = BTreeMap<(String, String), Once>;

#[derive(Clone, Copy, Debug)]
struct Once {
    /// What was asked for.
    amount: i64,
    /// When this process entered it, or found it entered: Unix milliseconds.
    at: i64,
}

/// Which of the credits that tenants are promised are in the ledger, as far as this process knows. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Promises(Arc<ArcSwap<Entered>>);

impl Promises {
    /// Whether the tenant's balance may lack something that it is promised, for a request that came at `at` (Unix
    /// milliseconds).
    pub fn is_pending(&self, tenant: &Tenant, at: i64) -> bool {
        let entered = self.0.load();
        let pending = |account: &str, posting: Posting| {
            let once = entered.get(&(account.to_owned(), posting.reference));
            once.is_none_or(|once| once.amount != posting.amount || once.at > at - FRESH_MS)
        };
        wanted(tenant)
            .is_some_and(|(account, postings)| postings.into_iter().any(|posting| pending(&account, posting)))
    }
}

/// Works for as long as there is a source. The ledger may be away: nothing waits for it but this.
pub async fn follow(mut source: Source, ledger: impl Accounts, clock: Clock, promises: Promises) {
    let mut entered = Entered::new();
    let mut away = false;
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        let tenants = {
            let loaded = source.loaded.borrow_and_update();
            loaded.config.tenants.values().filter_map(|tenant| wanted(tenant)).collect::<Vec<_>>()
        };
        let mut changed = false;
        let done = once(&tenants, &mut entered, &mut changed, &ledger, clock).await;
        if changed {
            promises.0.store(Arc::new(entered.clone()));
        }
        match done {
            Ok(()) => away = false,
            Err(error) if !away => {
                away = true;
                tracing::error!(%error, "credits cannot be entered yet; it is tried again");
            }
            Err(_) => {}
        }
        tokio::select! {
            _ = ticks.tick() => {}
            changed = source.loaded.changed() => if changed.is_err() { return },
        }
    }
}

/// An account with what it is to be granted.
type Wanted = (String, Vec<Posting>);

async fn once(
    tenants: &[Wanted],
    entered: &mut Entered,
    changed: &mut bool,
    ledger: &impl Accounts,
    clock: Clock,
) -> Result<(), StoreError> {
    let now = clock.now().as_millisecond();
    for account in ledger.due(now).await? {
        ledger.fulfil(&account, &Wish::Lapse, now).await?;
    }
    for (account, postings) in tenants {
        for posting in postings {
            let key = (account.clone(), posting.reference.clone());
            if entered.get(&key).is_some_and(|once| once.amount == posting.amount) {
                continue;
            }
            let reference = posting.reference.as_str();
            match ledger.fulfil(account, &Wish::Post(posting.clone()), now).await? {
                Done::Entered => {
                    tracing::info!(account, reference, nanos = posting.amount, "credits were granted");
                }
                Done::Already(amount) if amount != posting.amount => tracing::warn!(
                    account,
                    reference,
                    granted = amount,
                    asked = posting.amount,
                    "these credits were granted before, with another amount, which stays: a new grant needs a new name"
                ),
                Done::Closed => {
                    tracing::warn!(account, reference, "the account is closed: nothing is granted to it");
                }
                Done::Already(_) | Done::Expired => {}
            }
            entered.insert(key, Once { amount: posting.amount, at: clock.now_ms() });
            *changed = true;
        }
    }
    Ok(())
}

/// Starter credits first, then the grants by name.
fn wanted(tenant: &Tenant) -> Option<Wanted> {
    let billing = &tenant.billing;
    if billing.mode != BillingMode::Credits {
        return None;
    }
    let starter = billing.starter_credits.map(|amount| posting("starter".to_owned(), amount, None, None));
    let grants = billing.grants.iter().map(|grant| {
        posting(
            reference(Kind::Grant, &grant.name),
            grant.amount,
            grant.expires_at.map(jiff::Timestamp::as_millisecond),
            grant.priority,
        )
    });
    let postings: Vec<_> = starter.into_iter().chain(grants).filter(|posting| posting.amount > 0).collect();
    Some((tenant.account_id.clone(), postings))
}

fn posting(reference: String, amount: Decimal, expires_at: Option<i64>, priority: Option<u32>) -> Posting {
    let priority = priority.map_or(PRIORITY, i64::from);
    Posting { kind: Kind::Grant, reference, amount: nanos(amount), expires_at, priority, note: None }
}

/// US dollars in nano-dollars, half to even; held at what 64 bits can say.
pub fn nanos(dollars: Decimal) -> i64 {
    let exact = dollars.checked_mul(Decimal::from(1_000_000_000));
    exact.and_then(|nanos| nanos.round().to_i64()).unwrap_or(if dollars.is_sign_negative() {
        i64::MIN
    } else {
        i64::MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_pending_until_a_moment_after_it_was_entered() {
        let mut tenant = crate::allowance::testing::tenant();
        let promises = Promises::default();
        assert!(!promises.is_pending(&tenant, 0), "attribution is promised nothing");
        tenant.billing.mode = BillingMode::Credits;
        assert!(!promises.is_pending(&tenant, 0), "nothing is nothing");
        tenant.billing.starter_credits = Some(Decimal::ONE);
        assert!(promises.is_pending(&tenant, 0));
        let key = (tenant.account_id.clone(), "starter".to_owned());
        let once = Once { amount: 1_000_000_000, at: 5_000 };
        promises.0.store(Arc::new([(key, once)].into()));
        assert!(promises.is_pending(&tenant, 4_000), "it came before");
        assert!(promises.is_pending(&tenant, 5_999), "the ledger may have answered before");
        assert!(!promises.is_pending(&tenant, 6_000));
        tenant.billing.starter_credits = Some(Decimal::TWO);
        assert!(promises.is_pending(&tenant, 6_000), "another amount");
    }
}
