//! Where a cluster's public keys come from.

use std::{fmt, io, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{BadKeys, Verifier};

/// For one answer of the API server.
const WITHIN: Duration = Duration::from_secs(10);

/// Where a cluster's public keys come from.
#[derive(Clone)]
pub enum KeySource {
    /// The API server's own endpoints. Whoever asks needs the `ClusterRole` `system:service-account-issuer-discovery`,
    /// which Kubernetes binds to all service accounts.
    Cluster(kube::Client),
    /// A JSON Web Key Set in a file, and the issuer (`iss`) of the tokens.
    File {
        /// Read again while the gateway runs.
        path: PathBuf,
        /// As the cluster's tokens have it, to the letter.
        issuer: String,
    },
}

impl fmt::Debug for KeySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(_) => formatter.write_str("Cluster"),
            Self::File { path, issuer } => {
                formatter.debug_struct("File").field("path", path).field("issuer", issuer).finish()
            }
        }
    }
}

/// Why there are no keys. Trying again helps where the API server was away.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Unfetched {
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the API server does not give {path}: {source}")]
    Refused { path: &'static str, source: kube::Error },
    #[error("the API server does not answer {path} within {WITHIN:?}")]
    Silent { path: &'static str },
    #[error("the API server's answer to {path} is not what it should be: {source}")]
    Malformed { path: &'static str, source: serde_json::Error },
    #[error("the set of keys cannot be used: {0}")]
    BadKeys(#[from] BadKeys),
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
}

impl KeySource {
    pub(super) async fn fetch(&self, audience: &str) -> Result<Verifier, Unfetched> {
        let (issuer, published) = match self {
            Self::File { path, issuer } => {
                let published = tokio::fs::read_to_string(path)
                    .await
                    .map_err(|source| Unfetched::Unreadable { path: path.clone(), source })?;
                (issuer.clone(), published)
            }
            Self::Cluster(client) => {
                let discovery = "/.well-known/openid-configuration";
                let Discovery { issuer } = serde_json::from_str(&get(client, discovery).await?)
                    .map_err(|source| Unfetched::Malformed { path: discovery, source })?;
                // Not where the discovery says (`jwks_uri`): that address is for those outside of the cluster.
                (issuer, get(client, "/openid/v1/jwks").await?)
            }
        };
        Ok(Verifier::new(issuer, audience.to_owned(), published)?)
    }

    /// How often it is asked without a reason.
    pub(super) fn refresh_every(&self) -> Duration {
        match self {
            Self::Cluster(_) => Duration::from_mins(10),
            Self::File { .. } => Duration::from_secs(10),
        }
    }
}

async fn get(client: &kube::Client, path: &'static str) -> Result<String, Unfetched> {
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| Unfetched::Refused { path, source: kube::Error::HttpError(error) })?;
    match tokio::time::timeout(WITHIN, client.request_text(request)).await {
        Ok(answer) => answer.map_err(|source| Unfetched::Refused { path, source }),
        Err(_) => Err(Unfetched::Silent { path }),
    }
}
