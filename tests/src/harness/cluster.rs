//! A cluster of which there is nothing but its signing keys: it publishes them, and signs tokens of
//! `ServiceAccounts` in the shape of kube-apiserver's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::hub::Blueprint;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// What a cluster signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// RSA with SHA-256.
    Rs256,
    /// P-256 with SHA-256.
    Es256,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
}

/// Signing keys, the newest of them in use.
pub struct Cluster {
    pairs: Vec<Pair>,
    place: TempDir,
}

impl Cluster {
    /// With one key, published.
    pub fn new(signing: Signing) -> anyhow::Result<Self> {
        let mut cluster = Self { pairs: Vec::new(), place: tempfile::tempdir()? };
        cluster.rotate(signing)?;
        cluster.publish()?;
        Ok(cluster)
    }

    /// Signs with a new key from now on, which is not published yet.
    pub fn rotate(&mut self, signing: Signing) -> anyhow::Result<()> {
        self.pairs.push(match signing {
            Signing::Rs256 => Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048)?)),
            Signing::Es256 => Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?),
        });
        Ok(())
    }

    /// Publishes all keys.
    pub fn publish(&self) -> anyhow::Result<()> {
        let keys: Vec<_> = self.pairs.iter().enumerate().map(|(number, pair)| pair.jwk(number)).collect();
        Ok(std::fs::write(self.place.path().join("jwks.json"), json!({"keys": keys}).to_string())?)
    }

    /// A hub that trusts it.
    pub fn trusted(&self, hub: Blueprint) -> Blueprint {
        hub.option("--identity-jwks", self.place.path().join("jwks.json")).option("--identity-issuer", ISSUER)
    }

    /// A token of this `ServiceAccount`, for the hub.
    pub fn token(&self, namespace: &str, name: &str) -> anyhow::Result<String> {
        self.token_with(namespace, name, "hub.aigne.io", 3600)
    }

    /// The same for this audience, and for so many seconds from now.
    pub fn token_with(
        &self,
        namespace: &str,
        name: &str,
        audience: &str,
        life: i64,
    ) -> anyhow::Result<String> {
        let now: Duration = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let now = i64::try_from(now.as_secs())?;
        let claims = json!({
            "aud": [audience], "iss": ISSUER, "iat": now - 3600, "nbf": now - 3600, "exp": now + life,
            "jti": "0d2e5a4c-7d2c-4a0b-9d8e-6b3f1d1f0c11",
            "kubernetes.io": {
                "namespace": namespace,
                "pod": {"name": "app-x2x7k", "uid": "5a1e3c37-9e4b-4b9a-8d55-0f7f8a9b6c12"},
                "serviceaccount": {"name": name, "uid": "f1b0c7de-2a44-4c7b-b1f1-7c0a5d9e3f33"},
            },
            "sub": format!("system:serviceaccount:{namespace}:{name}"),
        });
        let number = self.pairs.len() - 1;
        let header = json!({"alg": self.pairs[number].algorithm(), "kid": format!("key-{number}")});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.pairs[number].sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl Pair {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
        }
    }

    fn jwk(&self, number: usize) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match self {
            Self::Rsa(pair) => {
                // DER of two integers, of which each has one length for keys of this size.
                let der = pair.public_key().as_ref();
                json!({"kty": "RSA", "n": text(&der[9..265]), "e": text(&der[267..])})
            }
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
            }
        };
        key["use"] = json!("sig");
        key["alg"] = json!(self.algorithm());
        key["kid"] = json!(format!("key-{number}"));
        key
    }

    fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map(|()| signature)
            }
            Self::P256(pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
        };
        signature.map_err(|_| anyhow!("it cannot be signed"))
    }
}
