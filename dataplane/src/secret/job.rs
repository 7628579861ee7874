//! Ids of jobs that outlive their request (videos): what the client holds in place of the provider's own id.
//!
//! `video_` and base64url of: nonce (12 bytes), AES-256-GCM ciphertext and tag of a [`Job`]. The key is derived
//! (HKDF-SHA256) from the credential with which the job was made: every gateway has it, now and after a restart, and no
//! tenant does. Nothing is stored. With a credential that is gone, so are the ids: the provider would not know its jobs
//! by another anyway, unless both are the same account's.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::SecretValue;

/// What every such id begins with.
pub const PREFIX: &str = "video_";
/// A longer id is none.
const LONGEST: usize = 4096;
/// Sets these keys apart from any other that may be derived from the same secrets.
const PURPOSE: &[u8] = b"aigne-hub video job v1";

/// What an id stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The hub's name for the model.
    #[serde(rename = "m")]
    pub model: String,
    /// The provider's own id.
    #[serde(rename = "u")]
    pub upstream: String,
    /// The request that made it, and paid for it.
    #[serde(rename = "r")]
    pub request_id: Uuid,
    /// Whose it is: `namespace/name`.
    #[serde(rename = "t")]
    pub tenant: String,
    /// The account that paid.
    #[serde(rename = "a")]
    pub account: String,
    /// What it paid, in nano-dollars.
    #[serde(rename = "p")]
    pub charged: i64,
    /// Seconds that were asked for.
    #[serde(rename = "s")]
    pub seconds: u64,
    /// As asked for.
    #[serde(rename = "z", default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
}

/// Seals the ids of the jobs that one credential of one provider has made.
pub struct JobKey(Zeroizing<[u8; 32]>);

impl JobKey {
    /// The key of a credential of this provider (`namespace/name`); `None` where the cryptography fails.
    pub fn derive(provider: &str, secret: &SecretValue) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        // As it is shown to the provider: without a newline that was pasted along.
        let pseudorandom =
            hkdf::Salt::new(hkdf::HKDF_SHA256, PURPOSE).extract(secret.expose().trim().as_bytes());
        let info = [provider.as_bytes()];
        pseudorandom.expand(&info, hkdf::HKDF_SHA256).ok()?.fill(&mut *key).ok()?;
        Some(Self(key))
    }

    /// The id for a job; another one each time.
    pub fn seal(&self, job: &Job) -> Option<String> {
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &*self.0).ok()?;
        let mut text = serde_json::to_vec(job).ok()?;
        let nonce = cipher.seal_in_place_append_tag(Aad::from(PURPOSE), &mut text).ok()?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Some(format!("{PREFIX}{}", BASE64.encode(sealed)))
    }

    /// The job of an id that was sealed with this key.
    pub fn open(&self, id: &str) -> Option<Job> {
        let encoded = id.strip_prefix(PREFIX).filter(|encoded| encoded.len() <= LONGEST)?;
        let bytes = BASE64.decode(encoded).ok()?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &*self.0).ok()?;
        let mut text = text.to_vec();
        let opened = cipher.open_in_place(Nonce::from(nonce), Aad::from(PURPOSE), &mut text).ok()?;
        serde_json::from_slice(opened).ok()
    }
}

impl std::fmt::Debug for JobKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(provider: &str, secret: &str) -> JobKey {
        JobKey::derive(provider, &SecretValue::new(secret.into())).unwrap()
    }

    fn job() -> Job {
        Job {
            model: "sora-2".into(),
            upstream: "video_68d7".into(),
            request_id: Uuid::from_u128(7),
            tenant: "team/acme".into(),
            account: "acme".into(),
            charged: 800_000_000,
            seconds: 8,
            size: None,
        }
    }

    #[test]
    fn every_gateway_reads_what_another_has_sealed() {
        let id = key("ai/openai", "sk-1").seal(&job()).unwrap();
        assert!(
            id.starts_with("video_") && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        );
        assert!(!id.contains("68d7"));
        assert_eq!(key("ai/openai", "sk-1\n").open(&id), Some(job()));
        assert_ne!(key("ai/openai", "sk-1").seal(&job()).unwrap(), id, "a nonce is used once");
    }

    #[test]
    fn nobody_else_reads_or_changes_it() {
        let id = key("ai/openai", "sk-1").seal(&job()).unwrap();
        assert_eq!(key("ai/openai", "sk-2").open(&id), None);
        assert_eq!(key("ai/other", "sk-1").open(&id), None);
        for place in PREFIX.len()..id.len() {
            let mut changed = id.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(key("ai/openai", "sk-1").open(&changed), None, "{changed}");
        }
        for odd in ["", "video_", "video_AAAA", "vid_x", &id[..id.len() - 1], &format!("{id}A")] {
            assert_eq!(key("ai/openai", "sk-1").open(odd), None, "{odd}");
        }
        assert_eq!(format!("{:?}", key("ai/openai", "sk-1")), "***");
    }
}
