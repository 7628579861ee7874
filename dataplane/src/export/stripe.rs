//! Stripe: a meter event for each entry that is owed or owed no more.
//!
//! The value is the price in whole nano-dollars: exact, an integer, and of at most 19 digits. A Stripe price of 0.0000001
//! cents a unit makes it dollars again, within the 12 decimal places that Stripe's `unit_amount_decimal` has. What is
//! given back is negative. What was granted, paid for or lapsed is not usage, and is not told.
//! <https://docs.stripe.com/api/billing/meter-event/create>

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::secret::Secret;
use super::sink::Verdict;
use crate::ledger::outbox::{Message, What};

/// Milliseconds: Stripe takes no event that is older than 35 days.
const OLDEST: i64 = 35 * 86_400_000;

/// As forms are written.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// Where to, and for whom.
#[derive(Clone, Debug)]
pub struct Stripe {
    /// Of Stripe's API, without a path.
    pub url: String,
    /// The API key; a restricted one with write access to meter events is enough.
    pub key: Secret,
    /// `event_name` of the meter.
    pub event: String,
    /// A YAML or JSON map of accounts to customers; without one, an account is named as its customer.
    pub customers: Option<PathBuf>,
}

/// Accounts and their customers. Empty: an account that Stripe knows nothing of.
pub(super) type Customers = BTreeMap<String, Option<String>>;

impl Stripe {
    /// As the file says now.
    pub(super) fn customers(&self) -> Result<Option<Customers>, String> {
        let Some(path) = &self.customers else { return Ok(None) };
        let failed = |why: String| format!("the customers' file {}: {why}", path.display());
        let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let read = serde_saphyr::from_str(&text);
        read.map(Some).map_err(|_| failed("it must be a map of accounts to customers".into()))
    }

    /// The form of a message; none where Stripe needs not to know. An error says why it never will.
    pub(super) fn form(
        &self,
        message: &Message,
        customers: Option<&Customers>,
        now: Timestamp,
    ) -> Result<Option<String>, String> {
        let What::Entry(entry) = &message.what else { return Ok(None) };
        if !matches!(entry.kind.as_str(), "Usage" | "Refund" | "Correction") {
            return Ok(None);
        }
        let customer = match customers {
            None => entry.account.as_str(),
            Some(customers) => match customers.get(&entry.account) {
                None => return Err(format!("account {} has no Stripe customer", entry.account)),
                Some(None) => return Ok(None),
                Some(Some(customer)) if customer.is_empty() => return Ok(None),
                Some(Some(customer)) => customer,
            },
        };
        if now.as_millisecond() - entry.at > OLDEST {
            return Err("it is older than the 35 days that Stripe takes".to_owned());
        }
        let owed = -i128::from(entry.amount);
        let fields = [
            ("event_name", self.event.clone()),
            ("identifier", message.id.clone()),
            ("timestamp", entry.at.div_euclid(1_000).to_string()),
            ("payload[stripe_customer_id]", customer.to_owned()),
            ("payload[value]", owed.to_string()),
        ];
        let field = |(name, value): &(&str, String)| {
            format!("{}={}", utf8_percent_encode(name, FORM), utf8_percent_encode(value, FORM))
        };
        Ok(Some(fields.iter().map(field).collect::<Vec<_>>().join("&")))
    }
}

/// An event that Stripe has already was told before: 400, "An event already exists with identifier …", by
/// whatever code.
pub(super) fn judge(status: u16, body: &str) -> Option<Verdict> {
    let is_known = body.contains("already exists with identifier") || body.contains("duplicate_meter_event");
    (status == 400 && is_known).then_some(Verdict::Accepted)
}
