//! Who acts: kubeconfig files and clients.

use std::path::{Path, PathBuf};

use anyhow::Context;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use super::super::place::random;
use super::ControlPlane;

/// A kubeconfig with one context. JSON is YAML.
pub(super) fn kubeconfig(cluster: &Value, user: &Value) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "test", "cluster": cluster }],
        "users": [{ "name": "test", "user": user }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
        "current-context": "test"
    })
    .to_string()
}

/// A client as the file says. It works in the runtime that it is made in.
pub(super) async fn client(kubeconfig: &Path) -> anyhow::Result<Client> {
    // Several libraries here bring rustls along: one must be chosen, whoever comes first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &options).await?;
    Ok(Client::try_from(config)?)
}

impl ControlPlane {
    /// Of the administrator, for programs under test and for kubectl.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A client of the administrator. It works in the runtime that it is made in: each test makes its own.
    pub async fn client(&self) -> anyhow::Result<Client> {
        client(self.kubeconfig()).await
    }

    /// A kubeconfig of a ServiceAccount, which is made if it is not there: whoever uses it has its rights and no others.
    pub async fn kubeconfig_as(&self, namespace: &str, name: &str) -> anyhow::Result<PathBuf> {
        let token = self.token(namespace, name, &[]).await?;
        let text = kubeconfig(&self.cluster()?, &json!({ "token": token }));
        self.place.write(&format!("kubeconfig-{namespace}-{name}-{}", random(4)?), &text)
    }

    /// A client of a ServiceAccount, which is made if it is not there.
    pub async fn client_as(&self, namespace: &str, name: &str) -> anyhow::Result<Client> {
        client(&self.kubeconfig_as(namespace, name).await?).await
    }

    /// A token of a ServiceAccount, valid for an hour, for these audiences (of the API server if there are none). The
    /// account is made if it is not there.
    pub async fn token(&self, namespace: &str, name: &str, audiences: &[&str]) -> anyhow::Result<String> {
        let accounts = Api::<ServiceAccount>::namespaced(self.client().await?, namespace);
        let account = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
        match accounts.create(&PostParams::default(), &account).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            made => drop(made?),
        }
        let spec = TokenRequestSpec {
            audiences: Some(audiences.iter().map(|audience| (*audience).to_owned()).collect()),
            expiration_seconds: Some(3600),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let answer = accounts.create_token_request(name, &PostParams::default(), &request).await?;
        answer.status.and_then(|status| status.token).context("no token")
    }

    /// A new namespace, so that tests need not know of each other.
    pub async fn namespace(&self, prefix: &str) -> anyhow::Result<String> {
        let name = format!("{prefix}-{}", random(4)?);
        let namespace = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
        Api::<Namespace>::all(self.client().await?).create(&PostParams::default(), &namespace).await?;
        Ok(name)
    }
}
