//! The keys and certificates of one control plane.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};

use super::super::place::Place;

/// Where they are, as PEM.
#[derive(Debug)]
pub(super) struct Certificates {
    /// Of the authority that signs servers and clients.
    pub(super) authority: PathBuf,
    pub(super) server: PathBuf,
    pub(super) server_key: PathBuf,
    /// Of the administrator (group `system:masters`).
    pub(super) admin: PathBuf,
    pub(super) admin_key: PathBuf,
    /// Signs tokens of ServiceAccounts; RSA, as nearly all clusters have it.
    pub(super) tokens_key: PathBuf,
    pub(super) tokens_public_key: PathBuf,
}

impl Certificates {
    pub(super) fn make(place: &Place) -> anyhow::Result<Self> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "authority of a test");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority_key = KeyPair::generate()?;
        let authority_text = authority.self_signed(&authority_key)?.pem();
        let authority = Issuer::new(authority, authority_key);

        let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
        let mut server = CertificateParams::new(names)?;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server_key = KeyPair::generate()?;

        let mut admin = CertificateParams::default();
        admin.distinguished_name.push(DnType::CommonName, "admin");
        admin.distinguished_name.push(DnType::OrganizationName, "system:masters");
        admin.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let admin_key = KeyPair::generate()?;

        let tokens_key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        Ok(Self {
            authority: place.write("authority.pem", &authority_text)?,
            server: place.write("server.pem", &server.signed_by(&server_key, &authority)?.pem())?,
            server_key: place.write("server-key.pem", &server_key.serialize_pem())?,
            admin: place.write("admin.pem", &admin.signed_by(&admin_key, &authority)?.pem())?,
            admin_key: place.write("admin-key.pem", &admin_key.serialize_pem())?,
            tokens_key: place.write("tokens-key.pem", &tokens_key.serialize_pem())?,
            tokens_public_key: place.write("tokens-public-key.pem", &tokens_key.public_key_pem())?,
        })
    }
}
