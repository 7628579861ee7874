//! What the API server refuses, each rule of our resources tripped once; and our own validator, which stands in for it
//! without a cluster, agrees.

mod cel;
mod schema;

use aigne_hub_crds::manifest::violations;
use aigne_hub_tests::harness::ControlPlane;
use kube::Client;
use serde_json::{Value, json};

/// The kinds, each with its plural.
const KINDS: [(&str, &str); 3] =
    [("AIProvider", "aiproviders"), ("ModelPricing", "modelpricings"), ("Tenant", "tenants")];

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "hub.aigne.io/v1alpha1",
        "kind": kind,
        "metadata": { "name": name },
        "spec": spec
    })
}

/// The schema of a kind, as the API server has it.
async fn schema_of(plane: &ControlPlane, plural: &str) -> anyhow::Result<Value> {
    let name = format!("{plural}.hub.aigne.io");
    let text = plane.kubectl(["get", "crd", &name, "-o", "json"]).ok().await?;
    let definition: Value = serde_json::from_str(&text)?;
    Ok(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone())
}

/// A namespace of the API server that objects are only tried in.
struct Trial {
    client: Client,
    namespace: String,
}

/// What is wrong with a field.
#[derive(Debug)]
struct Cause {
    field: String,
    message: String,
}

impl Trial {
    async fn new(plane: &ControlPlane) -> anyhow::Result<Self> {
        Ok(Self { client: plane.client().await?, namespace: plane.namespace("rules").await? })
    }

    fn path(&self, kind: &str) -> String {
        let plural = KINDS.iter().find(|(name, _)| *name == kind).map_or(kind, |(_, plural)| plural);
        format!("/apis/hub.aigne.io/v1alpha1/namespaces/{}/{plural}", self.namespace)
    }

    /// What the API server says to creating the object; nothing where it is fine.
    async fn create(&self, object: &Value) -> anyhow::Result<Vec<Cause>> {
        let kind = object["kind"].as_str().unwrap_or_default();
        let path = format!("{}?dryRun=All&fieldValidation=Strict", self.path(kind));
        self.ask(http::Method::POST, &path, object).await
    }

    /// What it says to replacing one object by another. The first really is created.
    async fn replace(&self, old: &Value, new: &Value) -> anyhow::Result<Vec<Cause>> {
        let path = self.path(old["kind"].as_str().unwrap_or_default());
        let create = http::Request::post(&path).body(serde_json::to_vec(old)?)?;
        let mut new = new.clone();
        new["metadata"] = self.client.request::<Value>(create).await?["metadata"].clone();
        let path = format!("{path}/{}?dryRun=All", new["metadata"]["name"].as_str().unwrap_or_default());
        self.ask(http::Method::PUT, &path, &new).await
    }

    async fn ask(&self, method: http::Method, path: &str, body: &Value) -> anyhow::Result<Vec<Cause>> {
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json").body(serde_json::to_vec(body)?)?;
        match self.client.request::<Value>(request).await {
            Ok(_) => Ok(Vec::new()),
            Err(kube::Error::Api(status)) if [400, 422].contains(&status.code) => {
                let causes = status.details.iter().flat_map(|details| &details.causes);
                let causes: Vec<_> = causes
                    .map(|cause| Cause { field: cause.field.clone(), message: cause.message.clone() })
                    .collect();
                // Unknown fields stop it while it still reads.
                let whole = Cause { field: String::new(), message: status.message.clone() };
                Ok(if causes.is_empty() { vec![whole] } else { causes })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What our own validator says.
fn ours(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let found = violations(kind, object, old);
    found.into_iter().map(|found| Cause { field: found.field, message: found.message }).collect()
}
