//! What there is to do.

use std::time::Duration;

use aigne_hub_crds::{
    compile::ObjectKey,
    distribution::{Index, Part},
    v1alpha1::{AIProviderStatus, ModelPricingStatus, RotatedKey, TenantStatus},
};
use jiff::Timestamp;

/// What there is to do. What cannot be done is told to [`World::failed`](crate::gather::World::failed), and is in a
/// later plan again.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Tenants' Secrets. They come back as changes.
    pub keys: Vec<KeyWork>,
    /// What gateways load; written in the order of its members. A part that cannot be written holds up the index and what
    /// is after it, the Role holds up nothing: a key that is revoked must not wait for it, and a gateway that may not
    /// read a Secret yet goes on without that credential.
    pub configuration: Configuration,
    /// Sent at any time; each stands for itself.
    pub statuses: Vec<Report>,
    /// When to ask again although nothing was seen.
    pub wake_at: Option<Timestamp>,
}

/// What gateways load.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// The Secrets in the hub's namespace that gateways may read, if it is to be written.
    pub role: Option<Vec<String>>,
    /// Parts, the highest number first: while the number of parts grows, an entry is in its new part before it leaves
    /// the old one. All before the index.
    pub parts: Vec<(u32, Part)>,
    /// After the parts.
    pub index: Option<Index>,
    /// Parts that the index no longer names; after the index.
    pub prune: Vec<u32>,
}

impl Configuration {
    /// There is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.role.is_none() && self.parts.is_empty() && self.index.is_none() && self.prune.is_empty()
    }
}

/// What to do about a tenant's Secret.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyWork {
    /// The Secret.
    pub secret: ObjectKey,
    /// The Tenant, for events and labels.
    pub tenant: ObjectKey,
    /// The key's name in the Tenant.
    pub key: String,
    /// What.
    pub action: KeyAction,
}

/// What to do with a tenant's Secret.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyAction {
    /// Make it, if there still is none.
    Make,
    /// Put a new key in, if it still is the version that was seen.
    Rotate {
        /// The version that was seen.
        resource_version: String,
        /// The value of the rotate annotation that this answers.
        asked: String,
        /// Old keys that are still honoured, the one that is replaced now first.
        rotated_keys: Vec<RotatedKey>,
    },
    /// The gateways have another address.
    Readdress,
}

/// A status to be sent, and what people should hear of at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The object.
    pub object: ObjectKey,
    /// It speaks of this one, not of a later object of the same name.
    pub uid: String,
    /// Its whole status, as far as it is the operator's.
    pub status: Status,
    /// Events to record.
    pub events: Vec<Note>,
}

/// The status of one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// Of an AIProvider.
    Provider(AIProviderStatus),
    /// Of a ModelPricing.
    Pricing(ModelPricingStatus),
    /// Of a Tenant.
    Tenant(TenantStatus),
}

/// An Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// A `Warning`; else `Normal`.
    pub warning: bool,
    /// A reason of the conditions.
    pub reason: String,
    /// A sentence.
    pub message: String,
}

/// A step that could not be done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failed {
    /// [`Configuration::role`].
    Role,
    /// One of [`Configuration::parts`], or of those to prune.
    Part(u32),
    /// [`Configuration::index`].
    Index,
    /// A Secret of [`Plan::keys`].
    Key(ObjectKey),
    /// A Secret of [`Plan::keys`] exists already, and is of this type, which is not watched.
    Hidden(ObjectKey, String),
    /// A status, by the object's uid.
    Status(String),
}

/// How long to wait before a failed step is planned again; doubles with each failure in a row.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);
