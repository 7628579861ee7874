//! A certificate and its key, from PEM to something that can be served.

use std::{fs, io, path::PathBuf, sync::Arc};

use rustls::{
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    sign::CertifiedKey,
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Options, expiry};

/// Why a certificate cannot be served. Whoever runs the hub can mend it.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BadCertificate {
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is not PEM: {reason}", path.display())]
    NotPem { path: PathBuf, reason: pem::Error },
    #[error("{} holds no certificate (PEM, \"BEGIN CERTIFICATE\")", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} holds no private key (PEM, \"BEGIN PRIVATE KEY\", not encrypted)", .0.display())]
    NoKey(PathBuf),
    #[error("the key in {} is not that of the certificate in {}", key.display(), certificate.display())]
    Mismatch { certificate: PathBuf, key: PathBuf },
    #[error("{} and {} cannot be served: {reason}", certificate.display(), key.display())]
    Unusable { certificate: PathBuf, key: PathBuf, reason: rustls::Error },
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// What the files held when they were read.
pub(super) struct Files {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// What can be served.
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    /// Unix seconds; absent where the certificate does not say it in a way that is understood.
    pub(super) expires_at: Option<i64>,
}

impl Files {
    pub(super) fn read(options: &Options) -> Result<Self, BadCertificate> {
        let read = |path: &PathBuf| {
            fs::read(path).map_err(|source| BadCertificate::Unreadable { path: path.clone(), source })
        };
        Ok(Self { certificate: read(&options.certificate)?, key: Zeroizing::new(read(&options.key)?) })
    }

    /// Equal for equal contents.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.certificate.len().to_le_bytes());
        hash.update(&self.certificate);
        hash.update(&*self.key);
        hash.finalize().into()
    }

    /// Checks that they belong together.
    pub(super) fn pair(&self, options: &Options, provider: &CryptoProvider) -> Result<Pair, BadCertificate> {
        let (certificate, key) = (options.certificate.clone(), options.key.clone());
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|reason| BadCertificate::NotPem { path: certificate.clone(), reason })?;
        let Some(first) = chain.first() else { return Err(BadCertificate::NoCertificate(certificate)) };
        let expires_at = expiry::not_after(first);
        let private = PrivateKeyDer::from_pem_slice(&self.key).map_err(|reason| match reason {
            pem::Error::NoItemsFound => BadCertificate::NoKey(key.clone()),
            reason => BadCertificate::NotPem { path: key.clone(), reason },
        })?;
        match CertifiedKey::from_der(chain, private, provider) {
            Ok(pair) => Ok(Pair { key: Arc::new(pair), expires_at }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(BadCertificate::Mismatch { certificate, key }),
            Err(reason) => Err(BadCertificate::Unusable { certificate, key, reason }),
        }
    }
}
