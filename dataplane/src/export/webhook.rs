//! A webhook, signed as Standard Webhooks has it, so that receivers verify it with a library.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use jiff::Timestamp;
use serde::Serialize;

use super::payload;
use super::secret::Secret;
use crate::ledger::outbox::Message;

/// Where to, and what signs.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where messages are posted.
    pub url: String,
    /// One secret, or several while they are exchanged.
    pub secret: Secret,
}

#[derive(Serialize)]
struct Body {
    r#type: &'static str,
    timestamp: Timestamp,
    data: serde_json::Value,
}

/// What is posted.
pub(super) fn body(message: &Message) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Body {
        r#type: payload::kind(&message.what),
        timestamp: payload::at(&message.what),
        data: payload::data(message)?,
    })
}
