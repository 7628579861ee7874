//! What is seen in the cluster.

use std::sync::Arc;

use aigne_hub_crds::{
    compile::{ObjectKey, SecretFacts},
    distribution::{Index, Part},
    v1alpha1::{AIProvider, ModelPricing, RotatedKey, Tenant},
};
use jiff::Timestamp;

/// One thing that is otherwise than before. Until every watch has listed what there is, nothing is planned.
#[derive(Clone, Debug)]
pub enum Change {
    /// `None` where it was deleted.
    Provider(ObjectKey, Option<Arc<AIProvider>>),
    /// `None` where it was deleted.
    Pricing(ObjectKey, Option<Arc<ModelPricing>>),
    /// `None` where it was deleted.
    Tenant(ObjectKey, Option<Arc<Tenant>>),
    /// `None` where it was deleted.
    Secret(ObjectKey, Option<SeenSecret>),
    /// By the pod's name; `None` where its Lease was deleted.
    Gateway(String, Option<SeenGateway>),
    /// What stands in a ConfigMap or Role of ours that we did not write ourselves just now.
    Owned(Owned),
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
