//! Everything that is known, and what follows from it.

use jiff::Timestamp;

use crate::{
    change::Change,
    plan::{Failed, Plan},
};

/// What does not change while the operator runs.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The hub's own namespace.
    pub hub_namespace: String,
    /// Where applications reach gateways, for example `http://aigne-hub.ai.svc:8080`; without a trailing slash.
    pub address: String,
}

/// Everything that is known.
#[derive(Debug)]
pub struct World {
    _setting: Setting,
}

impl World {
    /// Knows nothing yet.
    pub fn new(setting: Setting) -> Self {
        Self { _setting: setting }
    }

    /// Takes what was seen.
    pub fn take(&mut self, _change: Change) {}

    /// What there is to do now. Takes for granted that it will be done: whatever is not is told to [`World::failed`].
    pub fn plan(&mut self, _now: Timestamp) -> Plan {
        Plan::default()
    }

    /// A step of an earlier plan could not be done.
    pub fn failed(&mut self, _step: Failed, _now: Timestamp) {}
}
