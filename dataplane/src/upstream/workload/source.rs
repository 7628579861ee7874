//! Where a pod's identity for AWS comes from: the variables that EKS and AWS's SDKs agree on.
//!
//! | found | it is |
//! |---|---|
//! | `AWS_BEARER_TOKEN_BEDROCK` | a Bedrock API key |
//! | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, perhaps `AWS_SESSION_TOKEN` | an access key, as on a laptop |
//! | `AWS_ROLE_ARN`, `AWS_WEB_IDENTITY_TOKEN_FILE` | IRSA: the pod's token is given to STS for a role |
//! | `AWS_CONTAINER_CREDENTIALS_FULL_URI`, `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` | EKS Pod Identity: the node's agent is asked |
//!
//! The first that is there is used. The metadata of the machine (IMDS) is not: a pod must not be what its node is.

use std::{fmt, path::PathBuf};

use http::Uri;

use crate::{environment::Environment, secret::SecretValue, upstream::sign::aws::Identity};

/// Where the identity comes from. Says so, and prints no secret.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// It stands in the environment.
    Fixed(Identity),
    /// A role that STS gives for the pod's token.
    WebIdentity {
        /// Where STS is.
        endpoint: String,
        /// The role's ARN.
        role: String,
        /// How the session is called in AWS's logs.
        session: String,
        /// The pod's token. It rotates: it is read each time.
        token: PathBuf,
    },
    /// What an agent on the node gives for the pod's token.
    Container {
        /// Where the agent is.
        address: String,
        /// The pod's token. It rotates: it is read each time.
        token: Option<PathBuf>,
        /// A token that does not rotate.
        fixed_token: Option<SecretValue>,
    },
}

/// Why there is no source. Whoever runs the hub can mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoSource {
    #[error(
        "the environment names no AWS identity: give the provider credentials, or its pods a role (IRSA: an annotation of the \
         ServiceAccount; EKS Pod Identity: an association)"
    )]
    Nothing,
    #[error("{0} is set and {1} is not")]
    Half(&'static str, &'static str),
    #[error("AWS_BEARER_TOKEN_BEDROCK has characters that no key has")]
    BadKey,
    #[error(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI is {0:?}: a token is sent to https addresses, to this machine and to the agents of EKS \
         and ECS only"
    )]
    Strange(String),
}

/// The agents' addresses, which have no certificates.
const AGENTS: [&str; 3] = ["169.254.170.23", "169.254.170.2", "[fd00:ec2::23]"];

impl Source {
    /// Looks at the environment.
    pub(super) fn of(environment: &Environment) -> Result<Self, NoSource> {
        let get = |name| environment.get(name);
        if let Some(key) = get("AWS_BEARER_TOKEN_BEDROCK") {
            return Identity::api_key(&SecretValue::new(key)).map(Self::Fixed).ok_or(NoSource::BadKey);
        }
        if let Some(id) = get("AWS_ACCESS_KEY_ID") {
            let secret = get("AWS_SECRET_ACCESS_KEY")
                .map(SecretValue::new)
                .ok_or(NoSource::Half("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))?;
            let session = get("AWS_SESSION_TOKEN").map(SecretValue::new);
            return Ok(Self::Fixed(Identity::keys(&id, &secret, session.as_ref(), None)));
        }
        if let Some(token) = get("AWS_WEB_IDENTITY_TOKEN_FILE") {
            let role =
                get("AWS_ROLE_ARN").ok_or(NoSource::Half("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"))?;
            let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"));
            let endpoint = get("AWS_ENDPOINT_URL_STS").unwrap_or_else(|| sts(region.as_deref()));
            let session = get("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "aigne-hub".to_owned());
            return Ok(Self::WebIdentity { endpoint, role, session, token: token.into() });
        }
        let Some(address) = get("AWS_CONTAINER_CREDENTIALS_FULL_URI") else { return Err(NoSource::Nothing) };
        if !may_see_token(&address) {
            return Err(NoSource::Strange(address));
        }
        let token = get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(PathBuf::from);
        let fixed_token = get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(SecretValue::new);
        Ok(Self::Container { address, token, fixed_token })
    }
}

/// The region's own STS: the global one is a single place far away, and not there for every region.
fn sts(region: Option<&str>) -> String {
    match region {
        Some(region) if region.starts_with("cn-") => format!("https://sts.{region}.amazonaws.com.cn"),
        Some(region) => format!("https://sts.{region}.amazonaws.com"),
        None => "https://sts.amazonaws.com".to_owned(),
    }
}

fn may_see_token(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => AGENTS.contains(&host) || matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(Identity::ApiKey(..)) => formatter.write_str("AWS_BEARER_TOKEN_BEDROCK"),
            Self::Fixed(Identity::Keys(_)) => formatter.write_str("AWS_ACCESS_KEY_ID"),
            Self::WebIdentity { role, endpoint, .. } => write!(formatter, "{role} by {endpoint}"),
            Self::Container { address, .. } => formatter.write_str(address),
        }
    }
}
