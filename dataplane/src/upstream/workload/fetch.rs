//! Asks for an identity: one request, whose answer is small.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use http::header;
use jiff::Timestamp;
use reqwest::redirect::Policy;
use serde::Deserialize;

use super::Source;
use crate::{secret::SecretValue, upstream, upstream::sign::aws::Identity};

/// For one answer, from name resolution to its last byte.
const WITHIN: Duration = Duration::from_secs(10);
/// Bytes of an answer that are looked at.
const MOST: usize = 64 * 1024;
/// Bytes of an error answer that are shown.
const SHOWN: usize = 300;

/// Why there is no identity. Never holds a token or a key.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfetched {
    #[error("the pod's token {} cannot be read: {source}", path.display())]
    NoToken { path: PathBuf, source: io::Error },
    #[error("{0} cannot be asked: {1}")]
    Unreachable(String, String),
    #[error("{who} answered with status {status}: {words}")]
    Refused { who: String, status: u16, words: String },
    #[error("{0} did not answer with credentials")]
    Unreadable(String),
}

/// Asks.
pub(super) struct Fetcher(reqwest::Client);

impl Fetcher {
    pub(super) fn new() -> io::Result<Self> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(upstream::tls_config()?)
            .redirect(Policy::none())
            .timeout(WITHIN)
            .connect_timeout(WITHIN / 2)
            .no_proxy()
            .user_agent(concat!("aigne-hub/", env!("CARGO_PKG_VERSION")));
        client.build().map(Self).map_err(io::Error::other)
    }

    pub(super) async fn fetch(&self, source: &Source) -> Result<Identity, Unfetched> {
        match source {
            Source::Fixed(identity) => Ok(identity.clone()),
            Source::WebIdentity { endpoint, role, session, token } => {
                let token = read(token).await?;
                let form = [
                    ("Action", "AssumeRoleWithWebIdentity"),
                    ("Version", "2011-06-15"),
                    ("RoleArn", role),
                    ("RoleSessionName", session),
                    ("WebIdentityToken", &token),
                ];
                let body = form
                    .iter()
                    .map(|(name, value)| format!("{name}={}", encoded(value)))
                    .collect::<Vec<_>>()
                    .join("&");
                let request = self
                    .0
                    .post(endpoint)
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .header(header::ACCEPT, "text/xml")
                    .body(body);
                let answer = ask(request, endpoint).await?;
                of_sts(&answer).ok_or_else(|| Unfetched::Unreadable(endpoint.clone()))
            }
            Source::Container { address, token, fixed_token } => {
                let mut request = self.0.get(address).header(header::ACCEPT, "application/json");
                let token = match token {
                    Some(path) => Some(SecretValue::new(read(path).await?)),
                    None => fixed_token.clone(),
                };
                if let Some(token) = token {
                    request = request.header(header::AUTHORIZATION, upstream::sign::bare(&token));
                }
                let answer = ask(request, address).await?;
                of_agent(&answer).ok_or_else(|| Unfetched::Unreadable(address.clone()))
            }
        }
    }
}

async fn read(path: &Path) -> Result<String, Unfetched> {
    let text = tokio::fs::read_to_string(path).await;
    text.map(|text| text.trim().to_owned())
        .map_err(|source| Unfetched::NoToken { path: path.to_owned(), source })
}

fn encoded(value: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC)
}

async fn ask(request: reqwest::RequestBuilder, who: &str) -> Result<String, Unfetched> {
    let unreachable = |error: reqwest::Error| {
        let mut said = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            said = format!("{said}: {error}");
            cause = error.source();
        }
        Unfetched::Unreachable(who.to_owned(), said)
    };
    let mut answer = request.send().await.map_err(unreachable)?;
    let status = answer.status();
    let mut body = Vec::new();
    while body.len() < MOST
        && let Some(chunk) = answer.chunk().await.map_err(unreachable)?
    {
        body.extend_from_slice(&chunk);
    }
    let text = String::from_utf8_lossy(&body).into_owned();
    if status.is_success() {
        return Ok(text);
    }
    // STS says it in XML, the agent in JSON or in words.
    let mut words = element(&text, "Message").map_or(text.trim(), str::trim).to_owned();
    words.truncate(words.floor_char_boundary(SHOWN));
    Err(Unfetched::Refused { who: who.to_owned(), status: status.as_u16(), words })
}

/// `AssumeRoleWithWebIdentityResponse`, of which four elements are of interest; none of their values is ever escaped.
fn of_sts(xml: &str) -> Option<Identity> {
    let within = element(xml, "Credentials")?;
    let find = |name| element(within, name).map(str::trim).filter(|value| !value.is_empty());
    identity(find("AccessKeyId")?, find("SecretAccessKey")?, find("SessionToken")?, find("Expiration")?)
}

/// The text of the first element of this name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

fn of_agent(json: &str) -> Option<Identity> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        access_key_id: String,
        secret_access_key: String,
        token: String,
        expiration: String,
    }
    let answer: Answer = serde_json::from_str(json).ok()?;
    identity(&answer.access_key_id, &answer.secret_access_key, &answer.token, &answer.expiration)
}

fn identity(id: &str, secret: &str, session: &str, ends: &str) -> Option<Identity> {
    let ends: Timestamp = ends.parse().ok()?;
    let (secret, session) = (SecretValue::new(secret.to_owned()), SecretValue::new(session.to_owned()));
    Some(Identity::keys(id, &secret, Some(&session), Some(SystemTime::from(ends))))
}
