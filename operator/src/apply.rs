//! Writes what a [`Plan`](crate::plan::Plan) says, one file a kind of step. Nothing here decides anything.

pub mod configuration;
pub mod events;
pub mod keys;
pub mod role;
pub mod status;

use std::time::Duration;

use aigne_hub_crds::distribution::{COMPONENT_LABEL, MANAGER};
use kube::{Client, api::PatchParams};
use serde_json::{Value, json};

pub use self::role::secrets_of;
use crate::metrics::Metrics;

/// The data key of a tenant's Secret under which AIGNE's SDKs look for the gateways' address.
pub const ADDRESS_DATA_KEY: &str = "AIGNE_HUB_API_URL";

/// A write that takes longer is given up, and planned again.
const WITHIN: Duration = Duration::from_secs(10);

/// What steps need.
#[derive(Clone)]
pub struct Cluster {
    /// Of the API server.
    pub client: Client,
    /// The hub's own namespace.
    pub hub: String,
    /// Where applications reach gateways; without a trailing slash.
    pub address: String,
    /// What was written, and how long it took.
    pub metrics: Metrics,
}

/// A write that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The API server's answer, or that there was none.
    #[error("{}", says(.0))]
    Kube(#[from] kube::Error),
    /// No answer in time; it may have been written.
    #[error("the API server did not answer in time")]
    Late,
    /// There is one already, of this type, which is not watched.
    #[error("it exists already and is of type {0}, in which no key is looked for")]
    Hidden(String),
    /// The system gave no random bits.
    #[error("the system has no random bits")]
    Random,
}

impl WriteError {
    /// The HTTP status, where the API server answered.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Kube(kube::Error::Api(status)) => Some(status.code),
            _ => None,
        }
    }
}

impl Cluster {
    /// Does one write, within bounds of time, and counts it.
    async fn write<T>(
        &self,
        kind: &'static str,
        work: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, WriteError> {
        let began = tokio::time::Instant::now();
        let result = self.ask(work).await;
        self.metrics.wrote(kind, result.is_ok(), began.elapsed());
        result
    }

    /// Asks something, within bounds of time.
    async fn ask<T>(&self, work: impl Future<Output = Result<T, kube::Error>>) -> Result<T, WriteError> {
        match tokio::time::timeout(WITHIN, work).await {
            Ok(result) => result.map_err(WriteError::from),
            Err(_) => Err(WriteError::Late),
        }
    }
}

/// Server-side apply with our name; what is ours is ours.
fn applying() -> PatchParams {
    PatchParams::apply(MANAGER).force()
}

/// The labels of everything that the operator writes.
fn labels(component: &str) -> Value {
    json!({
        COMPONENT_LABEL: component,
        "app.kubernetes.io/managed-by": MANAGER,
        "app.kubernetes.io/part-of": "aigne-hub",
    })
}

/// An error's words for the log, without anything that an answer may have held.
pub fn says(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.message.is_empty() => format!("{} {}", status.code, status.reason),
        kube::Error::Api(status) => status.message.clone(),
        kube::Error::SerdeError(error) => format!("the answer cannot be read: {:?}", error.classify()),
        kube::Error::Service(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(inner) = source {
                text = format!("{text}: {inner}");
                source = inner.source();
            }
            text
        }
        other => other.to_string(),
    }
}
