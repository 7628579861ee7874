//! The bundled database's password: made once in the cluster, and never by a template.

use std::{fmt, time::Duration};

use aigne_hub_crds::distribution::MANAGER;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, api::PostParams};
use serde_json::json;
use zeroize::Zeroizing;

use crate::apply::{Cluster, WriteError, keys::random_hex};

/// Until it could be made, or it is known that it is there.
const AGAIN: Duration = Duration::from_secs(2);

/// What it is to be called, and where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// The Secret.
    pub secret: String,
    /// The database's host.
    pub host: String,
}

/// Makes the Secret, if there is none. Tries until it is there.
pub async fn ensure(cluster: Cluster, database: Database) {
    let mut said = false;
    loop {
        match make(&cluster, &database).await {
            Ok(true) => return tracing::info!(secret = database.secret, "the database's password was made"),
            Ok(false) => return,
            Err(error) if !said => {
                tracing::warn!(secret = database.secret, %error, "the database's password could not be made; it is tried again");
                said = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Whether it was made now.
async fn make(cluster: &Cluster, database: &Database) -> Result<bool, WriteError> {
    let api: Api<Secret> = Api::namespaced(cluster.client.clone(), &cluster.hub);
    let password = Password(random_hex::<32>()?);
    let secret = secret(database, &password)?;
    let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
    match api.create(&params, &secret).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A password. It prints as `***`.
struct Password(Zeroizing<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Nobody owns it and helm keeps it: it opens a volume that outlives a release.
fn secret(database: &Database, password: &Password) -> Result<Secret, WriteError> {
    let url = format!("postgres://aigne_hub:{}@{}:5432/aigne_hub", *password.0, database.host);
    serde_json::from_value(json!({
        "metadata": {
            "name": database.secret,
            "labels": {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/part-of": "aigne-hub"},
            "annotations": {"helm.sh/resource-policy": "keep"},
        },
        "type": "Opaque",
        "stringData": {"password": *password.0, "url": url},
    }))
    .map_err(|error| WriteError::Kube(kube::Error::SerdeError(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_has_a_password_and_an_address_and_is_no_credential() {
        let database = Database { secret: "db".into(), host: "postgres.ai.svc".into() };
        let password = Password(random_hex::<32>().unwrap());
        assert_eq!(format!("{password:?}"), "***");
        let secret = secret(&database, &password).unwrap();
        let data = secret.string_data.unwrap();
        assert_eq!(data["password"].len(), 64);
        let url = format!("postgres://aigne_hub:{}@postgres.ai.svc:5432/aigne_hub", data["password"]);
        assert_eq!(data["url"], url);
        assert_eq!(secret.metadata.annotations.unwrap()["helm.sh/resource-policy"], "keep");
        assert!(!secret.metadata.labels.unwrap().contains_key(aigne_hub_crds::v1alpha1::CREDENTIAL_LABEL));
    }
}
