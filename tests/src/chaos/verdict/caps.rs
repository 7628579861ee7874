//! Whether any cap of money was overrun: from usage rows alone, whatever gateways say of leases.

use std::collections::HashMap;

use super::super::Options;
use super::super::client::{End, Got};
use super::super::tenants::{Cap, Customer};
use super::Violations;
use super::rows::Row;

/// One kind of cap, over all tenants that have it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caps {
    /// Tenants that have one.
    pub tenants: usize,
    /// Tenants that were refused for it.
    pub refused: usize,
    /// Requests that were.
    pub refusals: usize,
    /// Percent of the cap that the median of the refused tenants has spent, suspense included.
    pub median: i64,
    /// Percent of the cap that the one that came nearest has spent, suspense included.
    pub nearest: i64,
    /// Nano-dollars beyond caps.
    pub overrun: i64,
}

/// Budgets, credits; rates where a tenant's requests were refused for them.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllCaps {
    /// By day and by month.
    pub budgets: Caps,
    /// Prepaid.
    pub credits: Caps,
    /// Requests that tenants with rate limits were refused.
    pub rates: usize,
}

pub(super) fn check(
    options: &Options,
    customers: &[Customer],
    rows: &[Row],
    got: &[Got],
    violations: &mut Violations,
) -> AllCaps {
    if !options.caps {
        return AllCaps::default();
    }
    let mut spent: HashMap<&str, (i64, i64)> = HashMap::new();
    for row in rows {
        let (charged, suspended) = spent.entry(&row.tenant).or_default();
        *charged += row.charged();
        *suspended += row.suspended();
    }
    let mut refusals: HashMap<usize, usize> = HashMap::new();
    for got in got {
        if matches!(&got.end, End::Refused { status: 402 | 429, kind } if !kind.ends_with(UPSTREAM)) {
            *refusals.entry(got.tenant).or_default() += 1;
        }
    }
    let mut all = AllCaps::default();
    let mut shares: [Vec<i64>; 2] = Default::default();
    for (number, customer) in customers.iter().enumerate() {
        let refused = refusals.get(&number).copied().unwrap_or_default();
        let (caps, shares, nanos) = match customer.cap {
            Cap::None => continue,
            Cap::Rates => {
                all.rates += refused;
                continue;
            }
            Cap::Budget(nanos) => (&mut all.budgets, &mut shares[0], nanos),
            Cap::Credits(nanos) => (&mut all.credits, &mut shares[1], nanos),
        };
        let id = customer.id();
        let (charged, suspended) = spent.get(id.as_str()).copied().unwrap_or_default();
        caps.tenants += 1;
        caps.refusals += refused;
        if refused > 0 {
            caps.refused += 1;
            shares.push(charged.saturating_add(suspended) * 100 / nanos);
        }
        caps.nearest = caps.nearest.max(charged.saturating_add(suspended) * 100 / nanos);
        if charged > nanos {
            caps.overrun += charged - nanos;
            violations.add("a cap was overrun", || format!("{customer:?}: {charged} nano-dollars charged"));
        }
    }
    for (caps, mut shares, name) in [
        (&mut all.budgets, std::mem::take(&mut shares[0]), "budgets"),
        (&mut all.credits, std::mem::take(&mut shares[1]), "credits"),
    ] {
        shares.sort_unstable();
        caps.median = shares.get(shares.len() / 2).copied().unwrap_or_default();
        if caps.refused == 0 || caps.nearest < NEAR {
            violations.add("no cap was put to the test", || format!("{name}: {caps:?}"));
        }
    }
    all
}

/// A cap of which less was spent was not put to the test, in percent.
const NEAR: i64 = 80;

/// How a refusal of the provider's own is told.
const UPSTREAM: &str = "of the provider";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn row(tenant: &str, source: &str, price_nanos: i64) -> Row {
        Row {
            request_id: String::new(),
            attempt: 1,
            tenant: format!("hub/{tenant}"),
            user: None,
            provider: String::new(),
            status: String::new(),
            http_status: 200,
            source: source.into(),
            input_tokens: 0,
            cached_input_tokens: 0,
            cache_write_tokens: 0,
            output_tokens: 0,
            price_nanos,
        }
    }

    fn violations(rows: &[Row], refused: &[usize]) -> Vec<String> {
        let options =
            Options { seed: 0, time: Duration::ZERO, gateways: 1, tenants: 2, clients: 1, caps: true };
        let customers = [("b", Cap::Budget(100)), ("c", Cap::Credits(100))]
            .map(|(name, cap)| Customer { name: name.into(), cap });
        let end = || End::Refused { status: 402, kind: "credit_exhausted".into() };
        let got: Vec<_> = refused
            .iter()
            .map(|tenant| Got { marker: String::new(), tenant: *tenant, bound: (0, 0), end: end() })
            .collect();
        let mut violations = Violations::default();
        check(&options, &customers, rows, &got, &mut violations);
        violations.into_lines()
    }

    #[test]
    fn a_nano_dollar_too_much_is_found_and_a_cap_that_nobody_reached_proves_nothing() {
        let spent = |b, c| [row("b", "Provider", b), row("b", "Bound", 90), row("c", "Estimated", c)];
        assert!(violations(&spent(100, 95), &[0, 1]).is_empty(), "suspense is not charged");
        assert!(violations(&spent(101, 95), &[0, 1]).join("").contains("overrun"));
        assert!(violations(&spent(100, 95), &[0]).join("").contains("put to the test"), "nobody was refused");
        assert!(violations(&spent(100, 50), &[0, 1]).join("").contains("put to the test"), "far from it");
    }
}
