//! What a configuration is made of: one provider, one price sheet, one tenant.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use super::{Digest, Entries, Text};
use crate::config::{Config, PriceSheet, Provider, Tenant};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// A [`Provider`].
    Provider,
    /// A [`PriceSheet`] with the provider that it prices.
    Price,
    /// A [`Tenant`].
    Tenant,
}

impl EntryKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Price => "price",
            Self::Tenant => "tenant",
        }
    }
}

/// Which entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// What it is.
    pub kind: EntryKind,
    /// `namespace/name` of the object that it comes from.
    pub id: String,
}

/// An entry, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A provider.
    Provider(Provider),
    /// A price sheet, and the id of the provider that it prices.
    Price(String, PriceSheet),
    /// A tenant.
    Tenant(Arc<Tenant>),
}

/// A price sheet as it travels.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Priced<S> {
    provider: String,
    sheet: S,
}

impl Content {
    /// Reads an entry's text.
    pub fn read(kind: EntryKind, text: &Text) -> Result<Self, serde_json::Error> {
        let text = text.get();
        Ok(match kind {
            EntryKind::Provider => Self::Provider(serde_json::from_str(text)?),
            EntryKind::Price => {
                let priced: Priced<PriceSheet> = serde_json::from_str(text)?;
                Self::Price(priced.provider, priced.sheet)
            }
            EntryKind::Tenant => Self::Tenant(serde_json::from_str(text)?),
        })
    }
}

/// A provider's entry.
pub fn provider_entry(provider: &Provider) -> (EntryId, Text) {
    entry(EntryKind::Provider, &provider.id, provider)
}

/// A price sheet's entry.
pub fn price_entry(provider: &str, sheet: &PriceSheet) -> (EntryId, Text) {
    entry(EntryKind::Price, &sheet.source, &Priced { provider: provider.to_owned(), sheet })
}

/// A tenant's entry.
pub fn tenant_entry(tenant: &Tenant) -> (EntryId, Text) {
    entry(EntryKind::Tenant, &tenant.id, tenant)
}

/// Everything that a configuration is made of.
pub fn entries(config: &Config) -> Entries {
    let providers = config.shared.providers.values().map(provider_entry);
    let prices = config.shared.prices.iter();
    let prices =
        prices.flat_map(|(provider, sheets)| sheets.iter().map(|sheet| price_entry(provider, sheet)));
    providers.chain(prices).chain(config.tenants.values().map(|tenant| tenant_entry(tenant))).collect()
}

impl Config {
    /// Of everything in it: equal configurations have equal digests, wherever they were compiled.
    pub fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (id, text) in entries(self) {
            digest += Digest::of(&id, &text);
        }
        digest
    }
}

fn entry(kind: EntryKind, id: &str, content: &impl Serialize) -> (EntryId, Text) {
    // Plain data with text keys: it can always be written.
    let text = to_raw_value(content).unwrap_or_default();
    (EntryId { kind, id: id.to_owned() }, text)
}
