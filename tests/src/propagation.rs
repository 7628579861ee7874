//! How long a change takes from `kubectl apply` to its effect in every gateway, and what it costs.
//!
//! ```text
//! apply ──► operator ──► ConfigMaps ──► gateways ──► the effect, asked for again and again at each gateway
//!                          └ bytes moved             └ CPU and memory of the processes
//! ```
//!
//! `make bench-propagation` runs it at several numbers of tenants; a test runs a small one.

mod changes;
mod cost;
mod tenants;

use std::time::{Duration, Instant};

pub use changes::Kind;
pub use cost::Memory;

use crate::harness::{ControlPlane, Postgres, System};

/// Gateways that have to show the effect.
const GATEWAYS: usize = 2;
/// Teams' namespaces that tenants are spread over.
const TEAMS: usize = 10;

/// What is measured at one size.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Tenants that were there.
    pub tenants: usize,
    /// From the first apply until all were Ready.
    pub populated: Duration,
    /// By kind, each change's time until both gateways showed it; sorted.
    pub times: Vec<(Kind, Vec<Duration>)>,
    /// Bytes of configuration that a tenant's change moved to each gateway, on average.
    pub bytes: u64,
    /// CPU of the operator for a tenant's change, what it takes at rest subtracted.
    pub operator_cpu: Duration,
    /// CPU of one gateway for a tenant's change, the requests that looked for its effect included.
    pub gateway_cpu: Duration,
    /// After all of it.
    pub memory: Memory,
}

impl Measured {
    /// A percentile of a kind's times.
    pub fn percentile(&self, kind: Kind, percent: usize) -> Duration {
        let times = self.times.iter().find(|(of, _)| *of == kind).map(|(_, times)| times.as_slice());
        let times = times.unwrap_or_default();
        let last = times.len().saturating_sub(1);
        times.get((last * percent).div_ceil(100)).copied().unwrap_or_default()
    }
}

/// Measures so many changes of each kind with so many tenants present; `say` hears how it goes on.
pub async fn measure(
    plane: &ControlPlane,
    postgres: &Postgres,
    tenants: usize,
    changes: usize,
    say: impl Fn(&str),
) -> anyhow::Result<Measured> {
    say(&format!("{tenants} tenants: starting"));
    let system = System::start(plane, postgres, TEAMS, GATEWAYS).await?;
    let begun = Instant::now();
    tenants::populate(&system, tenants, &say).await?;
    let populated = begun.elapsed();
    say(&format!("{tenants} tenants: all ready after {populated:.1?}"));
    let changing = changes::Changing::prepare(&system, tenants, changes).await?;

    let rest = cost::at_rest(&system).await?;
    let moved = cost::Moved::watch(plane, &system.hub).await?;
    let (before, changing_since) = (cost::Cpu::read(&system)?, Instant::now());
    let keys = changing.keys(&say).await?;
    let cost = cost::Cpu::read(&system)?.since(before, &rest, changing_since.elapsed(), changes * 2);
    let bytes = moved.bytes() / (changes as u64 * 2).max(1);

    let mut times = keys;
    times.push((Kind::Price, changing.prices(&say).await?));
    times.push((Kind::Credential, changing.credentials(&say).await?));
    for (_, times) in &mut times {
        times.sort();
    }
    let memory = Memory::read(&system)?;
    Ok(Measured {
        tenants,
        populated,
        times,
        bytes,
        operator_cpu: cost.operator,
        gateway_cpu: cost.gateway,
        memory,
    })
}
