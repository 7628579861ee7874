//! The hub, installed by helm.

use std::str::FromStr;

use anyhow::Context;
use serde_json::Value;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use super::super::client::Client;
use super::super::tool::Tool;
use super::super::{Outcome, eventually_within};
use super::node::Node;
use super::space::PATIENCE;
use super::{Forward, Space, Stage, chart};

/// Values for a machine of few cores, on which several hubs may run: little is reserved, and a drain without requests is short.
pub const SMALL: &[&str] = &[
    "--set=gateway.resources.requests.cpu=20m,gateway.resources.requests.memory=64Mi",
    "--set=operator.resources.requests.cpu=10m,operator.resources.requests.memory=32Mi,operator.replicas=1",
    "--set=database.bundled.enabled=true,database.bundled.resources.requests.cpu=20m",
];

/// A release of the chart `aigne-hub`, called `aigne-hub`, in a namespace.
#[derive(Clone, Debug)]
pub struct Release {
    space: Space,
}

impl Release {
    /// Installs it with these values, and waits until it serves.
    pub async fn install(stage: &Stage, space: &Space, values: &[&str]) -> anyhow::Result<Self> {
        stage.kinds().await?;
        let release = Self::of(space);
        release.helm(["install"]).args([chart("aigne-hub")]).args(values).ok().await?;
        release.ready().await?;
        Ok(release)
    }

    /// One that is installed already.
    pub fn of(space: &Space) -> Self {
        Self { space: space.clone() }
    }

    /// Where it is.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Waits until database, operator and gateways are rolled out.
    pub async fn ready(&self) -> Outcome {
        for workload in [
            "statefulset/aigne-hub-postgres",
            "deployment/aigne-hub-operator",
            "deployment/aigne-hub-gateway",
        ] {
            if self.space.find(workload).await?.is_some() {
                self.space.rolled_out(workload).await?;
            }
        }
        Ok(())
    }

    /// `helm upgrade` to this repository's chart, with these values and no others. It does not wait.
    pub async fn upgrade(&self, values: &[&str]) -> Outcome {
        self.helm(["upgrade"]).args([chart("aigne-hub")]).args(values).ok().await.map(drop)
    }

    /// `helm uninstall`, until its pods are gone.
    pub async fn uninstall(&self) -> Outcome {
        self.helm(["uninstall"]).ok().await?;
        self.space.gone("pods", "app.kubernetes.io/name=aigne-hub").await
    }

    /// The names of its gateways' pods that are not about to end.
    pub async fn gateways(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.pods("gateway").await?.iter().map(|pod| name(pod).to_owned()).collect())
    }

    /// The pods of a component (`gateway`, `operator`, `postgres`) that are not about to end.
    pub async fn pods(&self, component: &str) -> anyhow::Result<Vec<Value>> {
        let pods = self.space.list("pods", &format!("app.kubernetes.io/component={component}")).await?;
        Ok(pods.into_iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect())
    }

    /// Waits until so many pods of a component are there and ready, and none of these.
    pub async fn replaced(&self, component: &str, count: usize, gone: &[Value]) -> Outcome {
        let uid = |pod: &Value| pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let gone: Vec<_> = gone.iter().map(uid).collect();
        let new = |pods: &[Value]| {
            pods.len() == count && pods.iter().all(|pod| is_ready(pod) && !gone.contains(&uid(pod)))
        };
        eventually_within(PATIENCE, &format!("{count} new pods of {component} are ready"), async || {
            // The API server may be what is restarted.
            Ok(self.pods(component).await.is_ok_and(|pods| new(&pods)).then_some(()))
        })
        .await
    }

    /// Runs the hub's program in a gateway's pod, on its ledger where the command takes one.
    pub async fn hub(&self, words: &[&str]) -> anyhow::Result<String> {
        let words = [&["/aigne-hub"], words].concat();
        self.space.exec("deployment/aigne-hub-gateway", &words).await
    }

    /// The same for commands on the ledger: `usage`, `accounts`, `reconcile` …
    pub async fn ledger(&self, words: &[&str]) -> anyhow::Result<String> {
        self.hub(&[words, &["--database-url-file=/etc/aigne-hub/database/url"]].concat()).await
    }

    /// The text of a key that the operator has put into a Secret here.
    pub async fn key(&self, secret: &str) -> anyhow::Result<String> {
        data(&self.space.await_object(&format!("secret/{secret}"), "made", |_| true).await?, "apiKey")
    }

    /// The way from here to the gateways: the Service's own address on the private cluster, where tests run on the node;
    /// else through one of them.
    pub async fn door(&self) -> anyhow::Result<Door> {
        if !Node::is_private() {
            return Ok(Door::Forward(self.space.forward("service/aigne-hub", 8080).await?));
        }
        let service = self.space.get("service/aigne-hub").await?;
        let address = service["spec"]["clusterIP"].as_str().context("clusterIP")?;
        Ok(Door::Service(format!("http://{address}:8080")))
    }

    /// The bundled Postgres, by a way that lasts as long as what is returned with it.
    pub async fn postgres(&self) -> anyhow::Result<(Forward, PgPool)> {
        let secret = self.space.get("secret/aigne-hub-database").await?;
        let way = self.space.forward("pod/aigne-hub-postgres-0", 5432).await?;
        let port = way.origin().rsplit(':').next().and_then(|port| port.parse().ok()).context("a port")?;
        let options = PgConnectOptions::from_str(&data(&secret, "url")?)?.host("127.0.0.1").port(port);
        Ok((way, PgPool::connect_with(options).await?))
    }

    fn helm<const N: usize>(&self, words: [&str; N]) -> Tool {
        self.space.cluster().helm(words).args(["aigne-hub", "--namespace", self.space.name()])
    }
}

fn name(pod: &Value) -> &str {
    pod["metadata"]["name"].as_str().unwrap_or_default()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// One value of a Secret.
fn data(secret: &Value, key: &str) -> anyhow::Result<String> {
    let encoded = secret["data"][key].as_str().with_context(|| key.to_owned())?;
    Ok(String::from_utf8(base64::Engine::decode(&base64::prelude::BASE64_STANDARD, encoded)?)?)
}

/// How gateways are reached from a test.
#[derive(Debug)]
pub enum Door {
    /// Through the Service, as pods do.
    Service(String),
    /// Through `kubectl port-forward`.
    Forward(Forward),
}

impl Door {
    /// `http://…`.
    pub fn origin(&self) -> &str {
        match self {
            Self::Service(origin) => origin,
            Self::Forward(forward) => forward.origin(),
        }
    }

    /// A client with this key.
    pub fn client(&self, key: &str) -> Client {
        Client::new(self.origin(), Some(key))
    }
}
