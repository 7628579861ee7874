//! Posts requests. Redirects are never followed: a secret goes where it was meant to go, or nowhere.

use std::time::Duration;

use http::header;
use reqwest::redirect::Policy;

use super::sink::{Post, Sink, Verdict};
use crate::upstream;

/// The longest wait for an answer, from name resolution to its last byte.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of an answer that are looked at.
const MOST: usize = 16 * 1024;

/// Connections, kept alive.
#[derive(Clone, Debug)]
pub(super) struct Client(reqwest::Client);

impl Client {
    pub(super) fn new() -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(upstream::tls_config()?)
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT / 2)
            .user_agent(concat!("aigne-hub/", env!("CARGO_PKG_VERSION")));
        Ok(Self(client.build()?))
    }

    /// What the sink makes of it.
    pub(super) async fn post(&self, sink: &Sink, post: Post) -> Verdict {
        let mut request =
            self.0.post(&post.url).header(header::CONTENT_TYPE, post.content_type).body(post.body);
        for (name, value) in post.headers {
            request = request.header(name, value);
        }
        let mut answer = match request.send().await {
            Ok(answer) => answer,
            // Its address may have a secret in it.
            Err(error) => return Verdict::Trouble(reason(&error.without_url()), None),
        };
        let (status, retry_after) = (answer.status().as_u16(), retry_after(&answer));
        let mut body = Vec::new();
        while body.len() < MOST {
            match answer.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                // The status has said enough.
                Ok(None) | Err(_) => break,
            }
        }
        sink.judge(status, retry_after, &String::from_utf8_lossy(&body))
    }
}

/// In seconds; a date is not worth its parser here.
fn retry_after(answer: &reqwest::Response) -> Option<Duration> {
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(Duration::from_hours(1)))
}

/// With what is behind it.
fn reason(error: &reqwest::Error) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}
