//! The way to the API server: from the pod's ServiceAccount, or from a kubeconfig.

use std::time::Duration;

use kube::{Client, Config};

/// Until an address that does not answer counts as away.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// The API server ends a watch after this time, which shows that the connection still lives.
pub(super) const WATCH_SECONDS: u32 = 120;
/// A connection that is silent for longer than a watch can be is dead.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 15);

/// There is no way to the API server: whoever runs the hub can mend it.
#[derive(Debug, thiserror::Error)]
#[error("neither the pod's ServiceAccount nor KUBECONFIG says how to reach the API server: {0}")]
pub struct Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>);

/// A client, and the namespace that it is at home in. Sends nothing yet.
pub async fn connect() -> Result<Client, Unreachable> {
    let mut config = Config::infer().await.map_err(|error| Unreachable(error.into()))?;
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(SILENCE);
    // Who calls decides about trying again.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| Unreachable(error.into()))
}
