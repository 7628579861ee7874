//! Sends a status.

use aigne_hub_crds::v1alpha1::{AIProvider, ModelPricing, Tenant};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch},
};
use serde_json::{Value, json};

use super::{Cluster, WriteError, applying};
use crate::plan::{Report, Status};

/// Sends it. An object that is gone, or is another one by now, needs none.
pub async fn send(cluster: &Cluster, report: &Report) -> Result<(), WriteError> {
    let resource = resource(&report.status);
    // The answer is the whole object, which may be one that cannot be read.
    let api: Api<DynamicObject> =
        Api::namespaced_with(cluster.client.clone(), &report.object.namespace, &resource);
    let patch = Patch::Apply(object(report, &resource));
    match cluster
        .write(kind(&report.status), api.patch_status(&report.object.name, &applying(), &patch))
        .await
    {
        // Gone, or of another uid: this write has no other precondition that could conflict.
        Err(error) if matches!(error.code(), Some(404 | 409)) => Ok(()),
        result => result.map(drop),
    }
}

fn resource(status: &Status) -> ApiResource {
    match status {
        Status::Provider(_) => ApiResource::erase::<AIProvider>(&()),
        Status::Pricing(_) => ApiResource::erase::<ModelPricing>(&()),
        Status::Tenant(_) => ApiResource::erase::<Tenant>(&()),
    }
}

pub(super) fn kind(status: &Status) -> &'static str {
    match status {
        Status::Provider(_) => "AIProvider",
        Status::Pricing(_) => "ModelPricing",
        Status::Tenant(_) => "Tenant",
    }
}

fn object(report: &Report, resource: &ApiResource) -> Value {
    let status = match &report.status {
        Status::Provider(status) => json!(status),
        Status::Pricing(status) => json!(status),
        Status::Tenant(status) => json!(status),
    };
    json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": report.object.name, "namespace": report.object.namespace, "uid": report.uid},
        "status": status,
    })
}

#[cfg(test)]
mod tests {
    use aigne_hub_crds::{compile::ObjectKey, v1alpha1::TenantStatus};

    use super::*;

    #[test]
    fn a_status_speaks_of_one_object_only() {
        let status = TenantStatus { observed_generation: Some(3), ..TenantStatus::default() };
        let report = Report {
            object: ObjectKey::new("team", "acme"),
            uid: "u-1".into(),
            status: Status::Tenant(status),
            events: Vec::new(),
        };
        let expected = json!({
            "apiVersion": "hub.aigne.io/v1alpha1",
            "kind": "Tenant",
            "metadata": {"name": "acme", "namespace": "team", "uid": "u-1"},
            "status": {"observedGeneration": 3},
        });
        assert_eq!(object(&report, &resource(&report.status)), expected);
    }
}
