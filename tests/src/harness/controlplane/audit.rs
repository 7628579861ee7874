//! What the API server was asked.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::ControlPlane;

/// A request that has been answered.
#[derive(Clone, Debug)]
pub struct Audited {
    /// For example `system:serviceaccount:ai:operator`.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` …
    pub verb: String,
    /// For example `configmaps` or `tenants/status`.
    pub resource: String,
    /// Of the object; empty where it has none.
    pub namespace: String,
    /// Of the object; empty in lists.
    pub name: String,
    /// HTTP status.
    pub status: u64,
    /// The whole event of `audit.k8s.io/v1`.
    pub event: Value,
}

impl ControlPlane {
    /// Every request so far, in the order in which they were answered. A watch stands there when it begins, and again when it ends.
    /// Needs [`Options::audit_log`](super::Options::audit_log).
    pub fn audited(&self) -> anyhow::Result<Vec<Audited>> {
        let own = self.own.as_ref().context(super::NOT_OURS)?;
        Audited::all(own.api_server.audit().context("the audit log is an option")?)
    }
}

impl Audited {
    /// Every line of an audit log.
    pub fn all(path: &Path) -> anyhow::Result<Vec<Self>> {
        let text = std::fs::read_to_string(path)?;
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| Ok(Self::read(serde_json::from_str(line)?))).collect()
    }

    fn read(event: Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = &event["objectRef"];
        let subresource = object["subresource"].as_str().map(|name| format!("/{name}")).unwrap_or_default();
        Self {
            user: text(&event["user"]["username"]),
            verb: text(&event["verb"]),
            resource: text(&object["resource"]) + &subresource,
            namespace: text(&object["namespace"]),
            name: text(&object["name"]),
            status: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
            event,
        }
    }
}
