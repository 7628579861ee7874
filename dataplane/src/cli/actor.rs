//! Who runs a command, for the audit log.

use std::os::unix::fs::MetadataExt as _;

use crate::environment::Environment;
use crate::ledger::audit::By;

/// Who does it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Actor {
    /// Who does it, for the audit log [default: the user of the operating system].
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
}

impl Actor {
    /// With what is done.
    pub(super) fn by(&self, environment: &Environment, command: &'static str, detail: String) -> By {
        let user = || environment.get("USER").or_else(|| environment.get("LOGNAME"));
        let id = || std::fs::metadata("/proc/self").ok().map(|own| format!("uid {}", own.uid()));
        let actor = self.actor.clone().or_else(user).or_else(id).unwrap_or_else(|| "unknown".to_owned());
        By { actor, command, detail }
    }
}
