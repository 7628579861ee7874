//! What is seen in the cluster.

use std::sync::Arc;

use aigne_hub_crds::{
    compile::{ObjectKey, SecretFacts},
    distribution::{Index, Part},
    v1alpha1::{AIProvider, ModelPricing, RotatedKey, Tenant},
};
use jiff::Timestamp;

use crate::money::Reading;

/// One thing that is otherwise than before. Until every watch has listed what there is, nothing is planned.
#[derive(Clone, Debug)]
pub enum Change {
    /// `None` where it was deleted.
    Provider(ObjectKey, Option<Arc<AIProvider>>),
    /// `None` where it was deleted.
    Pricing(ObjectKey, Option<Arc<ModelPricing>>),
    /// `None` where it was deleted.
    Tenant(ObjectKey, Option<Arc<Tenant>>),
    /// It is there, but cannot be read. What was known of it before stays in use.
    Broken(Object, Broken),
    /// `None` where it was deleted.
    Secret(ObjectKey, Option<SeenSecret>),
    /// By the pod's name; `None` where its Lease was deleted.
    Gateway(String, Option<SeenGateway>),
    /// What stands in a ConfigMap or Role of ours that we did not write ourselves just now.
    Owned(Owned),
    /// What the ledger says.
    Money(Reading),
}

/// An object of the three kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// An `AIProvider`.
    Provider(ObjectKey),
    /// A `ModelPricing`.
    Pricing(ObjectKey),
    /// A `Tenant`.
    Tenant(ObjectKey),
}

impl Object {
    /// Its namespace and name.
    pub fn key(&self) -> &ObjectKey {
        match self {
            Self::Provider(key) | Self::Pricing(key) | Self::Tenant(key) => key,
        }
    }

    /// Its kind, as people write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Provider(_) => "AIProvider",
            Self::Pricing(_) => "ModelPricing",
            Self::Tenant(_) => "Tenant",
        }
    }
}

/// What can be said of an object that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// It is this one, not another of the same name.
    pub uid: String,
    /// Of what cannot be read.
    pub generation: Option<i64>,
    /// The parser's words.
    pub error: String,
}

/// What may be known of a Secret.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenSecret {
    /// Labels, and the hashes and lengths of its values.
    pub facts: SecretFacts,
    /// For an update that must not overwrite another one.
    pub resource_version: String,
    /// The operator made it: only then are the rest read, and only then is it ever written again.
    pub made: Option<MadeSecret>,
}

/// What the operator noted on a Secret that it made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MadeSecret {
    /// The value of the rotate annotation.
    pub rotate: Option<String>,
    /// The value of it that was acted upon.
    pub rotated: Option<String>,
    /// Old keys.
    pub rotated_keys: Vec<RotatedKey>,
    /// The gateways' address that applications find in it (`AIGNE_HUB_API_URL`; no secret).
    pub address: Option<String>,
}

/// What a gateway's Lease says.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenGateway {
    /// The sequence that it serves.
    pub sequence: u64,
    /// Why it does not serve what it found.
    pub refused: Option<String>,
    /// When it counts as gone: its last renewal and the Lease's duration.
    pub expires_at: Timestamp,
}

/// An object that the operator owns, as it stands in the cluster: absent, or unreadable, is `None`.
#[derive(Clone, Debug)]
pub enum Owned {
    /// The index.
    Index(Option<Index>),
    /// A part.
    Part(u32, Option<Part>),
    /// The Secrets that the Role names.
    Role(Option<Vec<String>>),
}
