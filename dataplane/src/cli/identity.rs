//! Which cluster's `ServiceAccount` tokens stand for keys, told by hand.

use std::path::PathBuf;

use aigne_hub_crds::distribution::IDENTITY_AUDIENCE;

use crate::identity::{self, KeySource};

/// Which cluster's `ServiceAccount` tokens stand for keys.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Identity {
    /// Accept ServiceAccount tokens that are signed with a key in this file (`kubectl get --raw /openid/v1/jwks`), for
    /// Tenants with workloadIdentities.
    #[arg(long = "identity-jwks", value_name = "FILE", env = "AIGNE_HUB_IDENTITY_JWKS", requires = "issuer")]
    jwks: Option<PathBuf>,
    /// The issuer of those tokens (`kubectl get --raw /.well-known/openid-configuration`).
    #[arg(
        long = "identity-issuer",
        value_name = "URL",
        env = "AIGNE_HUB_IDENTITY_ISSUER",
        requires = "jwks"
    )]
    issuer: Option<String>,
    /// What those tokens must be made for.
    #[arg(long = "identity-audience", value_name = "NAME", env = "AIGNE_HUB_IDENTITY_AUDIENCE", default_value = IDENTITY_AUDIENCE)]
    audience: String,
}

impl Identity {
    pub(super) fn options(self) -> Option<identity::Options> {
        // Clap has asked for both or none.
        let (path, issuer) = self.jwks.zip(self.issuer)?;
        Some(identity::Options { source: KeySource::File { path, issuer }, audience: self.audience })
    }
}
