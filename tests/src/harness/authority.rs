//! A certificate authority of the test's own, and a folder as a mounted Secret of type `kubernetes.io/tls` looks.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::client::Client;

/// Signs certificates for the names of one server.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    names: Vec<String>,
    place: TempDir,
}

impl Authority {
    /// A new one for `127.0.0.1` and `localhost`, with a first certificate issued.
    pub fn new() -> anyhow::Result<Self> {
        Self::of(["127.0.0.1", "localhost"])
    }

    /// The same for these names.
    pub fn of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the test's authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let names = names.into_iter().map(Into::into).collect();
        let authority = Self { issuer, names, place: tempfile::tempdir()? };
        fs::write(authority.roots(), authority.issuer.pem())?;
        authority.issue("one")?;
        Ok(authority)
    }

    /// The file that clients trust.
    pub fn roots(&self) -> PathBuf {
        self.place.path().join("ca.crt")
    }

    /// The certificate.
    pub fn certificate(&self) -> PathBuf {
        self.place.path().join("tls.crt")
    }

    /// Its key.
    pub fn key(&self) -> PathBuf {
        self.place.path().join("tls.key")
    }

    /// Puts a new pair in the place of the old one, as the kubelet does: both files are links through `..data`,
    /// which is swapped. The certificate's serial number is what `name` says, so that it can be told.
    pub fn issue(&self, name: &str) -> anyhow::Result<()> {
        let mut params = CertificateParams::new(self.names.clone())?;
        params.serial_number = Some(rcgen::SerialNumber::from_slice(name.as_bytes()));
        params.not_after = rcgen::date_time_ymd(2099, 1, 1);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        self.mount(name, &certificate.pem(), &key.serialize_pem())
    }

    /// The same with these contents.
    pub fn mount(&self, name: &str, certificate: &str, key: &str) -> anyhow::Result<()> {
        let place = self.place.path();
        let folder = place.join(format!("..{name}"));
        fs::create_dir(&folder)?;
        fs::write(folder.join("tls.crt"), certificate)?;
        fs::write(folder.join("tls.key"), key)?;
        symlink(&folder, place.join("..data_tmp"))?;
        fs::rename(place.join("..data_tmp"), place.join("..data"))?;
        for file in ["tls.crt", "tls.key"] {
            if !place.join(file).exists() {
                symlink(Path::new("..data").join(file), place.join(file))?;
            }
        }
        Ok(())
    }

    /// A client that trusts this authority alone.
    pub fn client(&self, origin: &str, key: &str) -> anyhow::Result<Client> {
        let root = reqwest::Certificate::from_pem(self.issuer.pem().as_bytes())?;
        let http = reqwest::Client::builder().tls_certs_only([root]).tls_info(true).build()?;
        Ok(Client::with(http, origin, Some(key)))
    }

    /// Whether a client that connects now is shown the certificate of this name.
    pub async fn shows(&self, origin: &str, name: &str) -> anyhow::Result<bool> {
        let root = reqwest::Certificate::from_pem(self.issuer.pem().as_bytes())?;
        let http = reqwest::Client::builder().tls_certs_only([root]).tls_info(true).build()?;
        let answer = http.get(origin).send().await?;
        let info =
            answer.extensions().get::<reqwest::tls::TlsInfo>().and_then(|info| info.peer_certificate());
        let serial = name.as_bytes();
        Ok(info.is_some_and(|der| der.windows(serial.len()).take(40).any(|window| window == serial)))
    }
}
