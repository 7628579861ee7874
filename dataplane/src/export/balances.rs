//! Whose balance has crossed a line: `billing.lowBalance`, and nothing left. Every gateway looks; the ledger keeps where
//! each account was, so each crossing is told once.

use std::collections::BTreeMap;
use std::time::Duration;

use aigne_hub_crds::config::{BillingMode, Tenant};

use crate::clock::Clock;
use crate::ledger::accounts::nanos;
use crate::ledger::outbox::{Alert, Level, Outbox};
use crate::ledger::store::StoreError;
use crate::source::Source;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(10);

/// A tenant that lines are drawn for, by its account.
type Lines = BTreeMap<String, (String, Option<i64>)>;

/// Looks for as long as there is a source.
pub(super) async fn follow(source: Source, outbox: impl Outbox, sinks: Vec<&'static str>, clock: Clock) {
    let mut ticks = tokio::time::interval(EVERY);
    let mut away = false;
    loop {
        ticks.tick().await;
        let lines = {
            let loaded = source.loaded.borrow();
            lines(loaded.config.tenants.values().map(AsRef::as_ref))
        };
        match look(&lines, &outbox, &sinks, clock).await {
            Ok(()) => away = false,
            Err(error) if !away => {
                away = true;
                tracing::error!(%error, "balances cannot be watched; it is tried again");
            }
            Err(_) => {}
        }
    }
}

async fn look(
    lines: &Lines,
    outbox: &impl Outbox,
    sinks: &[&'static str],
    clock: Clock,
) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    let at = clock.now().as_millisecond();
    let accounts: Vec<_> = lines.keys().map(String::as_str).collect();
    for watched in outbox.watched(&accounts).await? {
        let Some((tenant, low)) = lines.get(&watched.account) else { continue };
        if Level::of(watched.balance, *low) == watched.level {
            continue;
        }
        let alert = Alert {
            account: watched.account,
            tenant: tenant.clone(),
            level: watched.level,
            balance_nanos: watched.balance,
            low_balance_nanos: *low,
            at,
        };
        if let Some(level) = outbox.alert(&alert, sinks).await? {
            tracing::info!(account = alert.account, level = level.name(), "a balance crossed a line");
        }
    }
    Ok(())
}

/// Of an account that several tenants share, the highest line.
fn lines<'a>(tenants: impl Iterator<Item = &'a Tenant>) -> Lines {
    let mut lines = Lines::new();
    for tenant in tenants.filter(|tenant| tenant.billing.mode == BillingMode::Credits) {
        let drawn = (tenant.id.clone(), tenant.billing.low_balance.map(nanos));
        let kept = lines.entry(tenant.account_id.clone()).or_insert_with(|| drawn.clone());
        if drawn.1 > kept.1 {
            *kept = drawn;
        }
    }
    lines
}
