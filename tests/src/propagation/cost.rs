//! What it costs: CPU and memory of the processes, bytes of configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use aigne_hub_crds::distribution::{COMPONENT_LABEL, CONFIG_COMPONENT};
use anyhow::Context;
use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::task::JoinHandle;

use crate::harness::{ControlPlane, System};

/// Kernel clock ticks a second; 100 on every Linux that matters (`getconf CLK_TCK`).
const TICKS: u64 = 100;
/// How long the system is looked at while nothing changes.
const REST: Duration = Duration::from_secs(5);

/// Resident bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Of the operator.
    pub operator: u64,
    /// Of one gateway.
    pub gateway: u64,
}

impl Memory {
    pub(super) fn read(system: &System) -> anyhow::Result<Self> {
        Ok(Self { operator: resident(system.operator.id()?)?, gateway: resident(gateway(system)?)? })
    }
}

/// CPU time of the operator and of one gateway.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cpu {
    pub(super) operator: Duration,
    pub(super) gateway: Duration,
}

impl Cpu {
    pub(super) fn read(system: &System) -> anyhow::Result<Self> {
        Ok(Self { operator: cpu(system.operator.id()?)?, gateway: cpu(gateway(system)?)? })
    }

    /// What each of so many changes took, beyond what the time would have taken at `rest` (a second's worth).
    pub(super) fn since(self, before: Self, rest: &Self, took: Duration, changes: usize) -> Self {
        let each = |now: Duration, before: Duration, rest: Duration| {
            let total = now.saturating_sub(before).saturating_sub(rest.mul_f64(took.as_secs_f64()));
            total / u32::try_from(changes.max(1)).unwrap_or(u32::MAX)
        };
        Self {
            operator: each(self.operator, before.operator, rest.operator),
            gateway: each(self.gateway, before.gateway, rest.gateway),
        }
    }
}

/// What a second takes while nothing changes.
pub(super) async fn at_rest(system: &System) -> anyhow::Result<Cpu> {
    let before = Cpu::read(system)?;
    tokio::time::sleep(REST).await;
    let now = Cpu::read(system)?;
    let second = |now: Duration, before: Duration| now.saturating_sub(before).div_f64(REST.as_secs_f64());
    Ok(Cpu { operator: second(now.operator, before.operator), gateway: second(now.gateway, before.gateway) })
}

/// Counts the bytes of configuration that a gateway's watch receives.
#[derive(Debug)]
pub(super) struct Moved {
    bytes: Arc<AtomicU64>,
    watching: JoinHandle<()>,
}

impl Moved {
    /// From now on.
    pub(super) async fn watch(plane: &ControlPlane, namespace: &str) -> anyhow::Result<Self> {
        let api: Api<ConfigMap> = Api::namespaced(plane.client().await?, namespace);
        let config = watcher::Config::default().labels(&format!("{COMPONENT_LABEL}={CONFIG_COMPONENT}"));
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&bytes);
        let (listed, there) = tokio::sync::oneshot::channel();
        let watching = tokio::spawn(async move {
            let mut listed = Some(listed);
            let mut events = watcher(api, config).default_backoff().boxed();
            while let Some(event) = events.next().await {
                match event {
                    Ok(watcher::Event::Apply(map)) => {
                        let size = map.data.iter().flatten().map(|(_, text)| text.len() as u64).sum();
                        counted.fetch_add(size, Relaxed);
                    }
                    Ok(watcher::Event::InitDone) => drop(listed.take().map(|listed| listed.send(()))),
                    _ => {}
                }
            }
        });
        there.await.context("the watch ended")?;
        Ok(Self { bytes, watching })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

fn gateway(system: &System) -> anyhow::Result<u32> {
    system.serving.first().context("no gateway")?.id()
}

fn cpu(id: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name in parentheses may hold spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().context("stat")?.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok()).context("stat");
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 1000 / TICKS))
}

fn resident(id: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kibibytes * 1024)
}
