//! A namespace with what an operator would have written by now, and gateways in it.

use std::process::Stdio;

use aigne_hub_crds::compile::{ObjectKey, SecretFacts, ValueFacts, compile};
use aigne_hub_crds::config::FORMAT;
use aigne_hub_crds::distribution::{Index, Part, entries, lease_name, part_name};
use aigne_hub_crds::manifest::Manifests;
use aigne_hub_tests::harness::{Client, ControlPlane, Outcome, asks::chat, binary, eventually, key};
use aigne_hub_tests::scripted::Scripted;
use anyhow::{Context, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Child;

const POD: &str = "gateway-1";

pub(super) struct Place {
    pub(super) namespace: String,
    client: kube::Client,
    kubeconfig: std::path::PathBuf,
    upstream: String,
    folder: TempDir,
}

impl Place {
    pub(super) async fn new(plane: &ControlPlane, upstream: &Scripted) -> anyhow::Result<Self> {
        let namespace = plane.namespace("serve").await?;
        let kubeconfig = plane.kubeconfig_as(&namespace, "gateway").await?;
        let client = plane.client().await?;
        let upstream = format!("{}/v1", upstream.origin());
        let made = Self { namespace, client, kubeconfig, upstream, folder: tempfile::tempdir()? };
        made
            .role(
                "gateway",
                &json!([
                    { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"] },
                    { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "patch", "delete"] },
                ]),
            )
            .await?;
        Ok(made)
    }

    async fn role(&self, name: &str, rules: &Value) -> Outcome {
        let api = "apis/rbac.authorization.k8s.io/v1";
        self.apply(api, "roles", "Role", name, json!({ "rules": rules })).await?;
        let binding = json!({
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": "gateway", "namespace": self.namespace }],
        });
        self.apply(api, "rolebindings", "RoleBinding", name, binding).await
    }

    /// As the operator's Role does.
    pub(super) async fn allow_secrets(&self) -> Outcome {
        let rule = json!([{ "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["openai"], "verbs": ["get", "list", "watch"] }]);
        self.role("aigne-hub-gateway-secrets", &rule).await
    }

    async fn apply(&self, api: &str, plural: &str, kind: &str, name: &str, mut object: Value) -> Outcome {
        object["apiVersion"] = json!(api.trim_start_matches("apis/").trim_start_matches("api/"));
        object["kind"] = json!(kind);
        object["metadata"]["name"] = json!(name);
        let path =
            format!("/{api}/namespaces/{}/{plural}/{name}?fieldManager=test&force=true", self.namespace);
        let request = http::Request::patch(path).header("content-type", "application/apply-patch+yaml");
        self.client.request::<Value>(request.body(serde_json::to_vec(&object)?)?).await?;
        Ok(())
    }

    async fn map(&self, name: &str, file: &str, text: &str) -> Outcome {
        let map = json!({ "metadata": { "labels": { "hub.aigne.io/component": "config" } }, "data": { file: text } });
        self.apply("api/v1", "configmaps", "ConfigMap", name, map).await
    }

    fn part(&self, sequence: u64, tenants: &[&str]) -> anyhow::Result<(Part, Index)> {
        let mut objects = vec![json!({
            "apiVersion": "hub.aigne.io/v1alpha1", "kind": "AIProvider", "metadata": { "name": "openai", "namespace": self.namespace },
            "spec": { "type": "OpenAI", "baseURL": self.upstream, "allowInsecure": true, "allowPrivate": true,
                "credentials": [{ "name": "main", "secretKeyRef": { "name": "openai", "key": "apiKey" } }],
                "models": [{ "name": "gpt", "type": "Chat" }], "retry": { "attempts": 1 } },
        })];
        objects.extend(tenants.iter().map(|name| {
            json!({
                "apiVersion": "hub.aigne.io/v1alpha1", "kind": "Tenant", "metadata": { "name": name, "namespace": self.namespace },
                "spec": { "displayName": name, "keys": [{ "name": "app", "secretName": name }] },
            })
        }));
        let texts: Vec<String> = objects.iter().map(ToString::to_string).collect();
        let manifests = Manifests::read([("all.yaml", texts.join("\n---\n").as_str())]);
        ensure!(manifests.errors.is_empty(), "{:?}", manifests.errors);
        let mut resources = manifests.resources();
        let mut know = |name: &str, file: &str, value: &str| {
            let facts = SecretFacts {
                labels: [("hub.aigne.io/credential".to_owned(), "true".to_owned())].into(),
                keys: [(file.to_owned(), ValueFacts::of(value.as_bytes()))].into(),
            };
            resources.secrets.insert(ObjectKey::new(&*self.namespace, name), facts);
        };
        know("openai", "apiKey", "sk-1");
        for name in tenants {
            know(name, "apiKey", &key(name, "app"));
        }
        let config = compile(&resources).config;
        let index = Index { format: FORMAT, sequence, digest: config.digest(), parts: 1 };
        Ok((Part { sequence, entries: entries(&config) }, index))
    }

    pub(super) async fn write(&self, sequence: u64, tenants: &[&str]) -> Outcome {
        let (part, index) = self.part(sequence, tenants)?;
        self.map(&part_name(0), "part.json", &part.to_data()).await?;
        self.map("aigne-hub-config", "index.json", &index.to_data()).await
    }

    pub(super) async fn tamper(&self) -> Outcome {
        let (part, _) = self.part(3, &["acme"])?;
        let text = part.to_data().replace("\"suspended\":false", "\"suspended\":true");
        self.map(&part_name(0), "part.json", &text).await
    }

    pub(super) async fn unknown_format(&self) -> Outcome {
        let (_, index) = self.part(4, &["acme"])?;
        self.map("aigne-hub-config", "index.json", &index.to_data().replace("\"format\":1", "\"format\":99"))
            .await
    }

    pub(super) async fn secret(&self, value: &str) -> Outcome {
        self.apply("api/v1", "secrets", "Secret", "openai", json!({ "stringData": { "apiKey": value } }))
            .await
    }

    pub(super) async fn delete_secret(&self) -> Outcome {
        let path = format!("/api/v1/namespaces/{}/secrets/openai", self.namespace);
        self.client.request::<Value>(http::Request::delete(path).body(Vec::new())?).await?;
        Ok(())
    }

    pub(super) async fn lease(&self) -> anyhow::Result<Option<Lease>> {
        Ok(Api::namespaced(self.client.clone(), &self.namespace).get_opt(&lease_name(POD)).await?)
    }

    pub(super) async fn lease_says(&self, sequence: Option<&str>, refused: bool) -> Outcome {
        eventually("the Lease says it", async || {
            let annotations =
                self.lease().await?.and_then(|lease| lease.metadata.annotations).unwrap_or_default();
            let is_refused = annotations.contains_key("hub.aigne.io/refused");
            let same = annotations.get("hub.aigne.io/sequence").map(String::as_str) == sequence;
            Ok((same && is_refused == refused).then_some(()))
        })
        .await
    }

    pub(super) async fn start(&self) -> anyhow::Result<Gateway> {
        let (listen, admin) = (free()?, free()?);
        let log = self.folder.path().join(format!("log-{}", listen.port()));
        let mut command = tokio::process::Command::new(binary()?);
        command.args([
            "serve",
            "--namespace",
            &self.namespace,
            "--pod-name",
            POD,
            "--threads",
            "1",
            "--access-log",
            "off",
        ]);
        command.args(["--listen", &listen.to_string(), "--admin-listen", &admin.to_string()]);
        command
            .arg("--data")
            .arg(self.folder.path().join("data"))
            .arg("--cache")
            .arg(self.folder.path().join("cache"));
        command.env("KUBECONFIG", &self.kubeconfig).env_remove("AIGNE_HUB_DATABASE_URL");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log)?)
            .kill_on_drop(true);
        let cache = self.folder.path().join("cache/configuration");
        let gateway = Gateway {
            child: command.spawn()?,
            listen: format!("http://{listen}"),
            admin: format!("http://{admin}"),
            log,
            cache,
        };
        eventually("the admin listener", async || Ok(gateway.admin_client().get("/healthz").await.ok()))
            .await
            .with_context(|| gateway.logs())?;
        Ok(gateway)
    }
}

fn free() -> anyhow::Result<std::net::SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

pub(super) struct Gateway {
    child: Child,
    listen: String,
    admin: String,
    log: std::path::PathBuf,
    cache: std::path::PathBuf,
}

impl Gateway {
    pub(super) fn client(&self, tenant: &str) -> Client {
        Client::new(&self.listen, Some(&key(tenant, "app")))
    }

    pub(super) fn admin_client(&self) -> Client {
        Client::new(&self.admin, None)
    }

    pub(super) fn logs(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(super) async fn becomes_ready(&self) -> Outcome {
        let ready = eventually("ready", async || {
            Ok((self.admin_client().get("/readyz").await?.status == 200).then_some(()))
        });
        ready.await.with_context(|| self.logs())
    }

    pub(super) async fn asks(&self, tenant: &str, status: u16) -> Outcome {
        let what = format!("{tenant} is answered {status}");
        let asked = eventually(&what, async || {
            let answer = self.client(tenant).chat(&chat("gpt", "hi")).await?;
            Ok((answer.status == status).then_some(()))
        });
        asked.await.with_context(|| self.logs())
    }

    /// What a restart needs has been written.
    pub(super) async fn kept(&self) -> Outcome {
        let files = ["secrets", "aigne-hub-config", "aigne-hub-config-0000"];
        eventually("kept", async || Ok(files.iter().all(|file| self.cache.join(file).exists()).then_some(())))
            .await
    }

    pub(super) async fn sigterm(&mut self) -> Outcome {
        let id = self.child.id().context("it ended already")?;
        tokio::process::Command::new("kill").arg(id.to_string()).status().await?;
        ensure!(self.child.wait().await?.success(), "{}", self.logs());
        Ok(())
    }

    pub(super) async fn kill(&mut self) -> Outcome {
        Ok(self.child.kill().await?)
    }
}
