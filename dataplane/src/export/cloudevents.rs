//! CloudEvents 1.0, structured JSON: OpenMeter, Knative, whatever takes them over HTTP.
//!
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>

use jiff::Timestamp;
use serde::Serialize;

use super::payload;
use super::secret::Secret;
use crate::ledger::outbox::Message;

/// Where to, and as whom.
#[derive(Clone, Debug)]
pub struct CloudEvents {
    /// Where events are posted.
    pub url: String,
    /// Shown as a bearer token; none: nothing is shown.
    pub token: Option<Secret>,
    /// `source` of each event: with its id, what tells it from all others.
    pub source: String,
    /// How many go at once; 1: each alone, for receivers that know no batches.
    pub batch: usize,
}

#[derive(Serialize)]
struct Event<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    r#type: &'static str,
    subject: &'a str,
    time: Timestamp,
    datacontenttype: &'static str,
    data: serde_json::Value,
}

/// The content type of one event.
pub(super) const ONE: &str = "application/cloudevents+json";
/// The content type of a list.
pub(super) const BATCH: &str = "application/cloudevents-batch+json";

impl CloudEvents {
    /// A list of events where batches are wanted, else the event itself.
    pub(super) fn body(&self, messages: &[&Message]) -> serde_json::Result<(&'static str, Vec<u8>)> {
        let events = messages.iter().map(|message| self.event(message)).collect::<Result<Vec<_>, _>>()?;
        match events.as_slice() {
            [one] if self.batch <= 1 => Ok((ONE, serde_json::to_vec(one)?)),
            all => Ok((BATCH, serde_json::to_vec(all)?)),
        }
    }

    fn event<'a>(&'a self, message: &'a Message) -> serde_json::Result<Event<'a>> {
        Ok(Event {
            specversion: "1.0",
            id: &message.id,
            source: &self.source,
            r#type: payload::kind(&message.what),
            subject: payload::account(&message.what),
            time: payload::at(&message.what),
            datacontenttype: "application/json",
            data: payload::data(message)?,
        })
    }
}
