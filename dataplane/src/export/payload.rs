//! What a message says as JSON, the same for CloudEvents and webhooks.

use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::outbox::{Alert, Level, Message, Told, Used, What};

/// The data of an entry.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    account: &'a str,
    kind: &'a str,
    amount_nanos: i64,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage<'a>>,
}

#[derive(Serialize)]
struct Usage<'a> {
    price_nanos: i64,
    #[serde(flatten)]
    used: &'a Used,
}

/// The data of an event.
#[derive(Serialize)]
struct Event<'a> {
    id: &'a str,
    account: &'a str,
    tenant: &'a str,
    balance_nanos: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    low_balance_nanos: Option<i64>,
    at: Timestamp,
}

/// What happened, as a reverse-DNS name.
pub(super) fn kind(what: &What) -> &'static str {
    match what {
        What::Entry(told) => match told.kind.as_str() {
            "Usage" => "io.aigne.hub.usage",
            "Grant" => "io.aigne.hub.grant",
            "TopUp" => "io.aigne.hub.topup",
            "Expiry" => "io.aigne.hub.expiry",
            "Refund" => "io.aigne.hub.refund",
            _ => "io.aigne.hub.correction",
        },
        What::Event(Alert { level: Level::Exhausted, .. }) => "io.aigne.hub.balance.exhausted",
        What::Event(_) => "io.aigne.hub.balance.low",
    }
}

/// Whose.
pub(super) fn account(what: &What) -> &str {
    match what {
        What::Entry(told) => &told.account,
        What::Event(alert) => &alert.account,
    }
}

/// When it happened, within what can be said.
pub(super) fn at(what: &What) -> Timestamp {
    let milliseconds = match what {
        What::Entry(told) => told.at,
        What::Event(alert) => alert.at,
    };
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// The rest.
pub(super) fn data(message: &Message) -> serde_json::Result<serde_json::Value> {
    let (id, at) = (message.id.as_str(), at(&message.what));
    match &message.what {
        What::Entry(told) => {
            let Told { account, kind, amount, reference, note, usage, .. } = &**told;
            serde_json::to_value(Entry {
                id,
                account,
                kind,
                amount_nanos: *amount,
                at,
                reference: reference.as_deref(),
                note: note.as_deref(),
                usage: usage.as_ref().map(|used| Usage { price_nanos: amount.saturating_neg(), used }),
            })
        }
        What::Event(alert) => serde_json::to_value(Event {
            id,
            account: &alert.account,
            tenant: &alert.tenant,
            balance_nanos: alert.balance_nanos,
            low_balance_nanos: alert.low_balance_nanos,
            at,
        }),
    }
}
