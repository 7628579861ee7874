//! Values encrypted with a local key, so that provider keys lie neither on disk nor in Git in clear.
//!
//! `sealed:v1:` and base64 of: the key's id (4 bytes), nonce (12), AES-256-GCM ciphertext and tag. The place
//! (namespace, Secret and data key) is authenticated along: a sealed value works only where it was sealed for.

use std::{
    io,
    path::{Path, PathBuf},
};

use aigne_hub_crds::config::SecretRef;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use sha2::Digest as _;
use zeroize::Zeroizing;

use super::SecretValue;
use crate::environment::Environment;

mod file;

/// What every sealed value begins with.
pub const PREFIX: &str = "sealed:v1:";
/// Names the key's file where no option does.
pub const KEY_FILE_VARIABLE: &str = "AIGNE_HUB_SEAL_KEY_FILE";

const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 4;

/// The local key.
pub struct SealKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

/// Why a sealed value could not be opened. Whoever wrote the manifest, or runs the hub with another key, can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum OpenError {
    #[error("it is not a whole sealed value: seal it again")]
    Malformed,
    #[error("it was sealed with another key: use that key's file, or seal it again")]
    OtherKey,
    #[error("it was sealed for another namespace, Secret or data key, or was changed since: seal it again")]
    OtherPlace,
    #[error("it does not hold text")]
    NotText,
}

/// Why the key's file cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum KeyFileError {
    #[error("there is no place for a key file: name one with {KEY_FILE_VARIABLE}")]
    Nowhere,
    #[error("there is no key file {}: `aigne-hub seal` makes one, or name it with {KEY_FILE_VARIABLE}", .0.display())]
    Missing(PathBuf),
    #[error("the key file {} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the key file {} cannot be written: {source}", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("{} does not hold a sealing key", .0.display())]
    Malformed(PathBuf),
}

/// The random source or the cipher failed: nothing that a caller could mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's cryptography failed")]
pub struct CryptoFailed;

impl From<aws_lc_rs::error::Unspecified> for CryptoFailed {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}

impl SealKey {
    /// A new random key.
    pub fn generate() -> Result<Self, CryptoFailed> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        aws_lc_rs::rand::fill(&mut *bytes)?;
        Ok(Self { bytes })
    }

    /// Encrypts a value for one place.
    pub fn seal(&self, place: &SecretRef, value: &SecretValue) -> Result<String, CryptoFailed> {
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &*self.bytes)?;
        let mut text = value.expose().as_bytes().to_vec();
        let nonce = cipher.seal_in_place_append_tag(associated(place), &mut text)?;
        let mut sealed = self.id().to_vec();
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut text);
        Ok(format!("{PREFIX}{}", BASE64.encode(sealed)))
    }

    /// Decrypts a value that was sealed for this place.
    pub fn open(&self, place: &SecretRef, sealed: &str) -> Result<SecretValue, OpenError> {
        let encoded = sealed.strip_prefix(PREFIX).ok_or(OpenError::Malformed)?;
        let bytes = BASE64.decode(encoded.trim()).map_err(|_| OpenError::Malformed)?;
        let (id, rest) = bytes.split_first_chunk::<ID_BYTES>().ok_or(OpenError::Malformed)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError::Malformed)?;
        if *id != self.id() {
            return Err(OpenError::OtherKey);
        }
        let cipher =
            RandomizedNonceKey::new(&AES_256_GCM, &*self.bytes).map_err(|_| OpenError::OtherPlace)?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = cipher
            .open_in_place(Nonce::from(nonce), associated(place), &mut text)
            .map_err(|_| OpenError::OtherPlace)?;
        let text = std::str::from_utf8(opened).map_err(|_| OpenError::NotText)?;
        Ok(SecretValue::new(text.to_owned()))
    }

    /// Tells keys apart without saying anything of them.
    fn id(&self) -> [u8; ID_BYTES] {
        let digest = sha2::Sha256::new()
            .chain_update(b"aigne-hub seal key id v1\0")
            .chain_update(*self.bytes)
            .finalize();
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&digest[..ID_BYTES]);
        id
    }
}

/// None of the three may contain a slash, so no two places look the same.
fn associated(place: &SecretRef) -> Aad<Vec<u8>> {
    Aad::from(format!("aigne-hub seal v1\0{}/{}/{}", place.namespace, place.name, place.key).into_bytes())
}

/// The key's file: as given, else as the environment says, else beside the hub's data where it lies there, else in
/// the user's configuration folder. `None` where there is no such folder.
pub fn key_file(given: Option<PathBuf>, environment: &Environment, data: Option<&Path>) -> Option<PathBuf> {
    let beside = || data.map(beside_data).filter(|path| path.exists());
    let folder = || {
        let home = environment.get("HOME").map(|home| PathBuf::from(home).join(".config"));
        environment.get("XDG_CONFIG_HOME").map(PathBuf::from).or(home)
    };
    given
        .or_else(|| environment.get(KEY_FILE_VARIABLE).map(PathBuf::from))
        .or_else(beside)
        .or_else(|| Some(folder()?.join("aigne-hub").join("seal.key")))
}

/// The key's file in the hub's data folder.
pub fn beside_data(data: &Path) -> PathBuf {
    data.join("seal.key")
}

#[cfg(test)]
mod tests;
