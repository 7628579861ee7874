//! Who is told: what goes to whom, and what an answer means. Pure, but for secrets and files read anew each time.

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use jiff::Timestamp;

use super::cloudevents::CloudEvents;
use super::secret::{bearer, signatures};
use super::stripe::{self, Customers, Stripe};
use super::webhook::{self, Webhook};
use crate::ledger::outbox::{Message, What};

/// One who is told.
#[derive(Clone, Debug)]
pub enum Sink {
    /// Stripe's meter events.
    Stripe(Stripe),
    /// CloudEvents over HTTP.
    CloudEvents(CloudEvents),
    /// A signed webhook.
    Webhook(Webhook),
}

/// A request to be posted.
#[derive(Clone, Debug)]
pub(super) struct Post {
    pub(super) url: String,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Vec<u8>,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The sink has it.
    Accepted,
    /// It is about this message: others may pass.
    Refused(String),
    /// It is about this message, and will not change.
    Never(String),
    /// It is about the sink or its settings: all have to wait, at least for so long.
    Trouble(String, Option<Duration>),
}

/// What messages become, or why nothing can be told yet.
pub(super) enum Encoded {
    /// To be posted.
    Post(Post),
    /// The sink needs not to know.
    Needless,
    /// It never can be told.
    Never(String),
    /// Nothing can: a secret or a file is missing.
    Trouble(String),
}

impl Sink {
    /// As the outbox, metrics and commands call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stripe(_) => "stripe",
            Self::CloudEvents(_) => "cloudevents",
            Self::Webhook(_) => "webhook",
        }
    }

    /// Where it is, without path and query: those may be secret.
    pub fn origin(&self) -> String {
        let (Self::Stripe(Stripe { url, .. })
        | Self::CloudEvents(CloudEvents { url, .. })
        | Self::Webhook(Webhook { url, .. })) = self;
        let uri = url.parse::<http::Uri>().unwrap_or_default();
        format!("{}://{}", uri.scheme_str().unwrap_or_default(), uri.authority().map_or("", |a| a.as_str()))
    }

    /// Whether it is told when a balance crosses a line.
    pub fn takes_events(&self) -> bool {
        !matches!(self, Self::Stripe(_))
    }

    /// How many messages one request takes.
    pub(super) fn batch(&self) -> usize {
        match self {
            Self::CloudEvents(sink) => sink.batch.max(1),
            Self::Stripe(_) | Self::Webhook(_) => 1,
        }
    }

    /// What is the same for all messages of a round.
    pub(super) fn customers(&self) -> Result<Option<Customers>, String> {
        match self {
            Self::Stripe(sink) => sink.customers(),
            Self::CloudEvents(_) | Self::Webhook(_) => Ok(None),
        }
    }

    /// At most as many messages as [`batch`](Self::batch) says.
    pub(super) fn encode(
        &self,
        messages: &[&Message],
        customers: Option<&Customers>,
        now: Timestamp,
    ) -> Encoded {
        match (self, messages) {
            (Self::Stripe(sink), [message]) => match sink.form(message, customers, now) {
                Err(why) => Encoded::Never(why),
                Ok(None) => Encoded::Needless,
                Ok(Some(form)) => match bearer(&sink.key) {
                    Err(error) => Encoded::Trouble(error.to_string()),
                    Ok(key) => Encoded::Post(Post {
                        url: format!("{}/v1/billing/meter_events", sink.url.trim_end_matches('/')),
                        content_type: "application/x-www-form-urlencoded",
                        headers: vec![(header::AUTHORIZATION, key)],
                        body: form.into_bytes(),
                    }),
                },
            },
            (Self::Webhook(sink), [message]) => signed(sink, message, now),
            (Self::CloudEvents(sink), messages) => {
                let token = match sink.token.as_ref().map(bearer).transpose() {
                    Err(error) => return Encoded::Trouble(error.to_string()),
                    Ok(token) => token,
                };
                match sink.body(messages) {
                    Err(error) => Encoded::Never(error.to_string()),
                    Ok((content_type, body)) => Encoded::Post(Post {
                        url: sink.url.clone(),
                        content_type,
                        headers: token.into_iter().map(|token| (header::AUTHORIZATION, token)).collect(),
                        body,
                    }),
                }
            }
            (Self::Stripe(_) | Self::Webhook(_), _) => Encoded::Trouble("more than one at once".to_owned()),
        }
    }

    /// What an answer means; of the body only its beginning is looked at.
    pub(super) fn judge(&self, status: u16, retry_after: Option<Duration>, body: &str) -> Verdict {
        if let (Self::Stripe(_), Some(verdict)) = (self, stripe::judge(status, body)) {
            return verdict;
        }
        match status {
            200..=299 => Verdict::Accepted,
            // Not about the message: the key, the address, the method, a redirect that is never followed.
            300..=399 | 401 | 403 | 404 | 405 | 407 | 410 => {
                Verdict::Trouble(format!("it answers {status}: look at its address and secret"), retry_after)
            }
            400..=499 if !matches!(status, 408 | 409 | 425 | 429) => {
                Verdict::Refused(format!("it answers {status}: {}", shown(body)))
            }
            _ => Verdict::Trouble(format!("it answers {status}: {}", shown(body)), retry_after),
        }
    }
}

fn signed(sink: &Webhook, message: &Message, now: Timestamp) -> Encoded {
    let body = match webhook::body(message) {
        Ok(body) => body,
        Err(error) => return Encoded::Never(error.to_string()),
    };
    let seconds = now.as_second();
    let signature = match signatures(&sink.secret, &message.id, seconds, &body) {
        Ok(signature) => signature,
        Err(error) => return Encoded::Trouble(error.to_string()),
    };
    let Ok(id) = HeaderValue::from_str(&message.id) else { return Encoded::Never("its id".to_owned()) };
    Encoded::Post(Post {
        url: sink.url.clone(),
        content_type: "application/json",
        headers: vec![
            (HeaderName::from_static("webhook-id"), id),
            (HeaderName::from_static("webhook-timestamp"), HeaderValue::from(seconds)),
            (HeaderName::from_static("webhook-signature"), signature),
        ],
        body,
    })
}

/// The beginning, on one line.
fn shown(body: &str) -> String {
    body.trim().chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether this is something that is told, for the log.
pub(super) fn is_event(message: &Message) -> bool {
    matches!(message.what, What::Event(_))
}
