//! Who serves what: the gateways that are alive, by their Leases.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::change::SeenGateway;

/// The gateways, by pod.
#[derive(Debug, Default)]
pub(crate) struct Gateways(BTreeMap<String, SeenGateway>);

/// What gateways say of a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// Every gateway that is alive serves it.
    Confirmed,
    /// No gateway is alive.
    Nobody,
    /// Some do not yet.
    Waiting,
    /// One does not, and says why.
    Refused(String),
    /// They serve what could be read of the object before; what it says now cannot be read.
    Former,
}

impl Gateways {
    /// Takes what a Lease says. True if that changes what is confirmed.
    pub(crate) fn take(&mut self, pod: String, gateway: Option<SeenGateway>) -> bool {
        let told = |gateway: &SeenGateway| (gateway.sequence, gateway.refused.clone());
        let after = gateway.as_ref().map(told);
        let before = match gateway {
            Some(gateway) => self.0.insert(pod, gateway),
            None => self.0.remove(&pod),
        };
        before.as_ref().map(told) != after
    }

    /// Whether every gateway that is alive serves `sequence` or a later one.
    pub(crate) fn confirm(&self, sequence: u64, now: Timestamp) -> Confirmation {
        let alive = || self.0.iter().filter(|(_, gateway)| gateway.expires_at > now);
        let (all, serving) = alive().fold((0, 0), |(all, serving), (_, gateway)| {
            (all + 1, serving + usize::from(gateway.sequence >= sequence))
        });
        if all == 0 {
            return Confirmation::Nobody;
        }
        if serving == all {
            return Confirmation::Confirmed;
        }
        let behind = alive().filter(|(_, gateway)| gateway.sequence < sequence);
        let refused =
            behind.filter_map(|(pod, gateway)| Some(format!("gateway {pod}: {}", gateway.refused.as_ref()?)));
        refused.min().map_or(Confirmation::Waiting, Confirmation::Refused)
    }

    /// When the next one counts as gone.
    pub(crate) fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.values().map(|gateway| gateway.expires_at).filter(|at| *at > now).min()
    }
}
