//! Pods of applications, such as "restricted" namespaces take.

use serde_json::{Value, json};

/// Python with the official SDKs (`tests/cluster/images`).
const SDK_APP: &str = "localhost/aigne-hub-sdk-app:e2e";
/// The tests' own programs (`tests/cluster/images`).
const TESTS: &str = "localhost/aigne-hub-tests:e2e";

/// A pod with one container, `app`, that runs once.
#[derive(Clone, Debug)]
pub struct Pod {
    name: String,
    manifest: Value,
}

impl Pod {
    /// Runs a Python program that may import `openai` and `anthropic`.
    pub fn python(name: &str, program: &str) -> Self {
        Self::new(name, SDK_APP, json!({"args": ["-c", program]}))
    }

    /// Runs one of the tests' programs, `/scripted-provider` for example, with its arguments.
    pub fn program(name: &str, words: &[&str]) -> Self {
        Self::new(name, TESTS, json!({"command": words}))
    }

    fn new(name: &str, image: &str, what: Value) -> Self {
        let mut container = json!({
            "name": "app", "image": image,
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]}
            }
        });
        merge(&mut container, what);
        let manifest = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {
                "restartPolicy": "Never",
                // An application that knows nothing of Kubernetes.
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "terminationGracePeriodSeconds": 5,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}
                },
                "containers": [container]
            }
        });
        Self { name: name.to_owned(), manifest }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Changes members of the pod's spec.
    #[must_use]
    pub fn spec(mut self, members: Value) -> Self {
        merge(&mut self.manifest["spec"], members);
        self
    }

    /// Changes members of the container.
    #[must_use]
    pub fn container(mut self, members: Value) -> Self {
        merge(&mut self.manifest["spec"]["containers"][0], members);
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.manifest["metadata"]["labels"][name] = json!(value);
        self
    }

    /// Takes all of a Secret as environment.
    #[must_use]
    pub fn env_from(self, secret: &str) -> Self {
        self.container(json!({"envFrom": [{"secretRef": {"name": secret}}]}))
    }

    /// Runs as a ServiceAccount, whose token for this audience is at `/var/run/secrets/hub/token`.
    #[must_use]
    pub fn token(self, account: &str, audience: &str) -> Self {
        let token = json!({"serviceAccountToken": {"path": "token", "audience": audience}});
        let mount = json!({"name": "token", "mountPath": "/var/run/secrets/hub", "readOnly": true});
        self.container(json!({"volumeMounts": [mount]})).spec(json!({
            "serviceAccountName": account,
            "volumes": [{"name": "token", "projected": {"sources": [token]}}]
        }))
    }

    /// As it is applied.
    pub fn manifest(self) -> Value {
        self.manifest
    }
}

fn merge(into: &mut Value, members: Value) {
    if let (Some(into), Value::Object(members)) = (into.as_object_mut(), members) {
        into.extend(members);
    }
}
