//! Sends a status.

use std::fmt::Debug;

use aigne_hub_crds::v1alpha1::{AIProvider, ModelPricing, Tenant};
use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Resource, api::Patch};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Cluster, WriteError, applying};
use crate::plan::{Report, Status};

/// Sends it. An object that is gone, or is another one by now, needs none.
pub async fn send(cluster: &Cluster, report: &Report) -> Result<(), WriteError> {
    let result = match &report.status {
        Status::Provider(status) => apply::<AIProvider>(cluster, report, status).await,
        Status::Pricing(status) => apply::<ModelPricing>(cluster, report, status).await,
        Status::Tenant(status) => apply::<Tenant>(cluster, report, status).await,
    };
    match result {
        // Gone, or of another uid: this write has no other precondition that could conflict.
        Err(error) if matches!(error.code(), Some(404 | 409)) => Ok(()),
        result => result,
    }
}

async fn apply<K>(cluster: &Cluster, report: &Report, status: &impl Serialize) -> Result<(), WriteError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(cluster.client.clone(), &report.object.namespace);
    let patch = Patch::Apply(object::<K>(report, status));
    let kind = match report.status {
        Status::Provider(_) => "AIProvider",
        Status::Pricing(_) => "ModelPricing",
        Status::Tenant(_) => "Tenant",
    };
    cluster.write(kind, api.patch_status(&report.object.name, &applying(), &patch)).await.map(drop)
}

fn object<K: Resource<DynamicType = ()>>(report: &Report, status: &impl Serialize) -> Value {
    json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
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
            status: Status::Tenant(status.clone()),
            events: Vec::new(),
        };
        let expected = json!({
            "apiVersion": "hub.aigne.io/v1alpha1",
            "kind": "Tenant",
            "metadata": {"name": "acme", "namespace": "team", "uid": "u-1"},
            "status": {"observedGeneration": 3},
        });
        assert_eq!(object::<Tenant>(&report, &status), expected);
    }
}
