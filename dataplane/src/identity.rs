//! Who a pod is: its projected `ServiceAccount` token stands for a key.
//!
//! ```text
//! token ─► Known (a core's own cache) ─► Verifier (pure) ─► Workload ─► snapshot: namespace/name → tenant
//!                                            ▲
//!              API server or file ─► Keys ───┘ kept fresh by the control runtime
//! ```
//!
//! No request asks the cluster, and a token that a core has seen costs it a hash and a look.

mod jwks;
mod known;
mod source;
mod token;
mod trust;

pub use jwks::BadKeys;
pub use known::Known;
pub use source::{KeySource, Unfetched};
pub use token::{Refused, Verifier, Workload, looks_like_token};
pub use trust::{Options, Trust};

#[cfg(test)]
pub(crate) mod testing;
