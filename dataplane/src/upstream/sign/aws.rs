//! Signature Version 4: the request's method, path, host, content and time under a key that never leaves the hub.

#[cfg(test)]
mod tests;
mod written;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};

use super::{NotShown, authorization};
use crate::{provider::Auth, secret::SecretValue, upstream::workload::Workload};
pub use written::BadCredential;

/// The service that Bedrock's requests are signed for, whatever the host is called.
const SERVICE: &str = "bedrock";

/// Who asks AWS. Prints nothing of it.
#[derive(Clone)]
pub enum Identity {
    /// A Bedrock API key: a bearer.
    ApiKey(HeaderName, HeaderValue),
    /// An access key to sign with.
    Keys(Credentials),
}

impl Identity {
    /// Reads what a Secret holds: a Bedrock API key; `{"accessKeyId": …, "secretAccessKey": …, "sessionToken": …}`; or a profile
    /// of an AWS credentials file.
    pub fn read(value: &SecretValue) -> Result<Self, BadCredential> {
        written::read(value)
    }

    /// A Bedrock API key.
    pub fn api_key(key: &SecretValue) -> Option<Self> {
        authorization(Auth::Bearer, key).map(|(name, value)| Self::ApiKey(name, value))
    }

    /// An access key. `session` belongs to one that ends, `ends` says when.
    pub fn keys(
        id: &str,
        secret: &SecretValue,
        session: Option<&SecretValue>,
        ends: Option<SystemTime>,
    ) -> Self {
        let session = session.map(|token| token.expose().to_owned());
        Self::Keys(Credentials::new(id, secret.expose(), session, ends, "aigne-hub"))
    }

    /// When it ends; never where it has no end.
    pub fn ends(&self) -> Option<SystemTime> {
        match self {
            Self::ApiKey(..) => None,
            Self::Keys(keys) => keys.expiry(),
        }
    }

    fn has_ended(&self, now: SystemTime) -> bool {
        self.ends().is_some_and(|ends| ends <= now)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ApiKey(..) => "ApiKey(***)",
            Self::Keys(_) => "Keys(***)",
        })
    }
}

/// Signs for one region.
#[derive(Clone, Debug)]
pub struct Signer {
    region: Arc<str>,
    who: Who,
}

#[derive(Clone, Debug)]
enum Who {
    Fixed(Identity),
    /// Whoever the pod is, refreshed in the background.
    Pod(Arc<Workload>),
}

impl Signer {
    /// Signs with what a Secret holds.
    pub fn fixed(region: &str, identity: Identity) -> Self {
        Self { region: region.into(), who: Who::Fixed(identity) }
    }

    /// Signs as the pod, whose identity is asked for from now on.
    pub fn of_pod(region: &str, workload: &Arc<Workload>) -> Self {
        workload.want();
        Self { region: region.into(), who: Who::Pod(Arc::clone(workload)) }
    }

    pub(super) fn sign<B>(
        &self,
        request: &mut Request<B>,
        body: &Bytes,
        now_ms: i64,
    ) -> Result<(), NotShown> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).unwrap_or_default());
        let current;
        let identity = match &self.who {
            Who::Fixed(identity) => identity,
            Who::Pod(workload) => {
                current = workload.current().ok_or(NotShown::NoIdentity)?;
                &*current
            }
        };
        if identity.has_ended(now) {
            return Err(NotShown::NoIdentity);
        }
        match identity {
            // Who writes a provider names its address, and must not get the pod's own key by that. A signature is of no use
            // to anybody but the host that it names.
            Identity::ApiKey(..) if matches!(self.who, Who::Pod(_)) && !is_aws(request) => {
                Err(NotShown::NotToAws)
            }
            Identity::ApiKey(name, value) => {
                request.headers_mut().insert(name.clone(), value.clone());
                Ok(())
            }
            Identity::Keys(keys) => {
                sign_with(keys, &self.region, request, body, now).map_err(NotShown::Unsigned)
            }
        }
    }
}

/// Whether the request goes to a host of AWS's.
fn is_aws<B>(request: &Request<B>) -> bool {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"].iter().any(|domain| host.ends_with(domain))
}

fn sign_with<B>(
    keys: &Credentials,
    region: &str,
    request: &mut Request<B>,
    body: &Bytes,
    now: SystemTime,
) -> Result<(), String> {
    let identity = keys.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    // What proxies change on the way (accept, user-agent) is not signed.
    let text = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    if text(&header::HOST).is_none() {
        return Err("it names no host".to_owned());
    }
    let signed = [header::HOST, header::CONTENT_TYPE];
    let headers = signed.iter().filter_map(|name| Some((name.as_str(), text(name)?)));
    // As it is sent: what is encoded in it stays so, and is encoded once more where it is signed.
    let target = request.uri().to_string();
    let signable =
        SignableRequest::new(request.method().as_str(), target, headers, SignableBody::Bytes(body))
            .map_err(|error| error.to_string())?;
    let (instructions, _) = sign(signable, &params).map_err(|error| error.to_string())?.into_parts();
    instructions.apply_to_request_http1x(request);
    if let Some(shown) = request.headers_mut().get_mut(header::AUTHORIZATION) {
        shown.set_sensitive(true);
    }
    Ok(())
}
