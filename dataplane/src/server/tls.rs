//! TLS towards clients: one certificate for all cores, replaced while connections go on.

mod certificate;
mod expiry;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

use crate::{clock::Clock, telemetry::TlsMetrics};
pub use certificate::BadCertificate;
use certificate::{Files, Pair};

/// How often the files are looked at. They are two small ones, and a mounted Secret changes by a swapped link, of
/// which no watch on the file tells.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A listener for TLS. The files are those of a Secret of type `kubernetes.io/tls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Port 0 picks a free one.
    pub listen: SocketAddr,
    /// PEM: the certificate, then those that vouch for it.
    pub certificate: PathBuf,
    /// PEM: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: PathBuf,
}

/// The certificate in use, and where a newer one will be found.
pub struct Certificate {
    options: Options,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    /// What the files held that `current` is from.
    used: [u8; 32],
    clock: Clock,
    metrics: TlsMetrics,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Certificate {
    /// Reads the files for the first time.
    pub(super) fn load(options: &Options, clock: Clock, metrics: TlsMetrics) -> Result<Self, BadCertificate> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let files = Files::read(options)?;
        let pair = files.pair(options, &provider)?;
        let certificate = Self {
            options: options.clone(),
            provider,
            current: Arc::new(Current(ArcSwap::new(Arc::clone(&pair.key)))),
            used: files.fingerprint(),
            clock,
            metrics,
        };
        certificate.show(&pair);
        Ok(certificate)
    }

    /// What connections are accepted with. It always shows the certificate in use at that time.
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, BadCertificate> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(BadCertificate::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Clients that come again are known by what they bring along: nothing is kept for them, and nothing locked.
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(BadCertificate::Setup)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Takes each new pair that can be served, as long as it is asked. Open connections keep theirs.
    pub async fn follow(mut self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        let mut refused = None;
        loop {
            ticks.tick().await;
            let options = self.options.clone();
            match tokio::task::spawn_blocking(move || Files::read(&options)).await {
                Ok(found) => self.look(found, &mut refused),
                Err(error) => tracing::error!(%error, "the certificate could not be read"),
            }
        }
    }

    /// A pair that cannot be served is complained of once, and only when it is still there at the second look: at
    /// the first, one file may have been the old one still.
    fn look(&mut self, found: Result<Files, BadCertificate>, refused: &mut Option<Refused>) {
        let fingerprint = found.as_ref().map(Files::fingerprint).ok();
        if fingerprint == Some(self.used) {
            *refused = None;
            return;
        }
        let same = refused.as_ref().is_some_and(|refused| refused.fingerprint == fingerprint);
        if same && refused.as_ref().is_some_and(|refused| refused.told) {
            return;
        }
        match found.and_then(|files| files.pair(&self.options, &self.provider)) {
            Ok(pair) => {
                self.current.0.store(Arc::clone(&pair.key));
                self.used = fingerprint.unwrap_or_default();
                *refused = None;
                self.metrics.reloaded();
                self.show(&pair);
                tracing::info!(file = %self.options.certificate.display(), "a new certificate is in use");
            }
            Err(error) => {
                if same {
                    self.metrics.rejected();
                    tracing::error!(%error, "the new certificate is not used; the last good one stays");
                }
                *refused = Some(Refused { fingerprint, told: same });
            }
        }
    }

    fn show(&self, pair: &Pair) {
        let Some(expires_at) = pair.expires_at else { return };
        self.metrics.expires_at(expires_at);
        if expires_at <= self.clock.now().as_second() {
            tracing::error!(file = %self.options.certificate.display(), "the certificate has expired");
        }
    }
}

/// A pair that could not be served.
struct Refused {
    /// None where a file could not be read.
    fingerprint: Option<[u8; 32]>,
    told: bool,
}
