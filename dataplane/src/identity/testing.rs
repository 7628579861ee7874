//! A cluster that signs tokens, for tests.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::Verifier;

pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
pub(crate) const AUDIENCE: &str = "hub.aigne.io";
/// Within the life of [`claims`].
pub(crate) const NOW_MS: i64 = 1_757_000_100_000;

enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

/// A key that signs tokens.
pub(crate) struct Signer {
    kid: &'static str,
    pair: Pair,
}

impl Signer {
    pub(crate) fn rsa(kid: &'static str) -> Self {
        Self { kid, pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub(crate) fn p256(kid: &'static str) -> Self {
        Self { kid, pair: Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Rsa(pair) => {
                // DER of two integers, of which each has one length for keys of this size.
                let der = pair.public_key().as_ref();
                json!({"use": "sig", "kty": "RSA", "kid": self.kid, "alg": "RS256", "n": text(&der[9..265]),
                    "e": text(&der[267..])})
            }
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"use": "sig", "kty": "EC", "kid": self.kid, "alg": "ES256", "crv": "P-256",
                    "x": text(&point[1..33]), "y": text(&point[33..])})
            }
        }
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({"alg": self.algorithm(), "kid": self.kid}), claims)
    }

    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

pub(crate) fn published(signers: &[&Signer]) -> String {
    json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()}).to_string()
}

pub(crate) fn verifier(signers: &[&Signer]) -> Verifier {
    Verifier::new(ISSUER.into(), AUDIENCE.into(), published(signers)).unwrap()
}

/// The shape of a projected token's claims as kube-apiserver 1.32 signs them.
pub(crate) fn claims() -> Value {
    json!({
        "aud": [AUDIENCE],
        "exp": 1_757_003_607,
        "iat": 1_757_000_000,
        "iss": ISSUER,
        "jti": "0d2e5a4c-7d2c-4a0b-9d8e-6b3f1d1f0c11",
        "kubernetes.io": {
            "namespace": "team",
            "node": {"name": "node-1", "uid": "8b1ce6a0-6d3a-4f0e-8f0c-3e1f5b6d7a21"},
            "pod": {"name": "app-6c9f7d5b8-x2x7k", "uid": "5a1e3c37-9e4b-4b9a-8d55-0f7f8a9b6c12"},
            "serviceaccount": {"name": "app", "uid": "f1b0c7de-2a44-4c7b-b1f1-7c0a5d9e3f33"},
            "warnafter": 1_757_003_607
        },
        "nbf": 1_757_000_000,
        "sub": "system:serviceaccount:team:app"
    })
}
