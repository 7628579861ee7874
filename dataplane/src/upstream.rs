//! Connections to providers: one pool a core, so that a request never leaves its core.
//!
//! HTTP/1.1 only, keep-alive, TLS by rustls. Redirects are never followed and nothing is retried here:
//! what to do next is `gateway::dispatch`'s decision.

mod address;
mod connect;
mod endpoint;
mod outgoing;
mod pool;
mod sign;
mod workload;

pub use connect::{tls_config, tls_config_with};
pub use endpoint::{BadEndpoint, Endpoint};
pub use outgoing::Outgoing;
pub use pool::{Answer, Connection, Pool, SWEEP_EVERY};
pub use sign::{
    NotShown, Shown, authorization,
    aws::{BadCredential, Identity, Signer},
};
pub use workload::Workload;

/// Why a request was not answered. Nothing of the answer was seen in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The name does not resolve.
    #[error("{host} cannot be resolved: {source}")]
    Resolve {
        /// The host that was looked up.
        host: String,
        /// What the resolver said.
        source: std::io::Error,
    },
    /// Every address is one that providers may not have.
    #[error(
        "{host} resolves to {address}, which is not a public address (set allowPrivate on the AIProvider if that \
         is meant)"
    )]
    Private {
        /// The host that was looked up.
        host: String,
        /// One of its addresses.
        address: std::net::IpAddr,
    },
    /// Refused, unreachable, or TLS failed.
    #[error("no connection to {host}: {source}")]
    Connect {
        /// The host that was tried.
        host: String,
        /// What the system or TLS said.
        source: std::io::Error,
    },
    /// Resolve, connect and TLS took longer than the provider's connect timeout.
    #[error("no connection to {host} within {timeout_ms} ms")]
    ConnectTimeout {
        /// The host that was tried.
        host: String,
        /// The provider's `timeouts.connect`.
        timeout_ms: u64,
    },
    /// The connection broke before the answer began.
    #[error("the connection to {host} broke before an answer: {source}")]
    Broken {
        /// The host that was asked.
        host: String,
        /// What hyper said.
        source: hyper::Error,
    },
}
