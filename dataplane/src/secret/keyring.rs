//! Tenant keys that the hub makes itself: standalone's stand-in for the Secrets that the operator writes.
//!
//! One file a Secret below the data folder, `keys/<namespace>.<name>.key`, readable by its owner alone. The folder
//! holds the key in clear, as a Secret does; of rotated keys only hashes are kept.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    mem,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use aigne_hub_crds::{
    compile::ObjectKey,
    v1alpha1::{MOST_ROTATED_KEYS, RotatedKey},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::SecretValue;

/// What every made key begins with.
pub const KEY_PREFIX: &str = "hub-";
/// Of a key's file: not one that a manifest has, for the data folder may lie among manifests.
pub const EXTENSION: &str = "key";
const KEY_BYTES: usize = 32;

/// The folder of made keys.
#[derive(Clone, Debug)]
pub struct Keyring {
    folder: PathBuf,
}

/// A key that the hub made.
#[derive(Clone, Debug)]
pub struct MadeKey {
    /// What the tenant sends.
    pub value: SecretValue,
    /// When it was made, or rotated last.
    pub made_at: Timestamp,
    /// Earlier keys, until their grace ends.
    pub rotated: Vec<RotatedKey>,
}

/// A key's file cannot be used. Whoever runs the hub can mend it.
#[derive(Debug, thiserror::Error)]
#[error("the key file {}: {source}", path.display())]
pub struct KeyringError {
    path: PathBuf,
    source: io::Error,
}

impl Keyring {
    /// Below a data folder; nothing is read or made yet.
    pub fn below(data: &Path) -> Self {
        Self { folder: data.join("keys") }
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The key of a Secret's name; `None` where none was made.
    pub fn read(&self, secret: &ObjectKey) -> Result<Option<MadeKey>, KeyringError> {
        let path = self.path(secret);
        let text = match fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(KeyringError { path, source }),
        };
        let mut stored: Stored = serde_json::from_str(&text)
            // serde's own message could quote the value.
            .map_err(|_| KeyringError {
                path,
                source: io::Error::new(ErrorKind::InvalidData, "is not a key's file"),
            })?;
        Ok(Some(MadeKey {
            value: SecretValue::new(mem::take(&mut stored.api_key)),
            made_at: stored.made_at,
            rotated: mem::take(&mut stored.rotated),
        }))
    }

    /// The key of a Secret's name, made now where there was none.
    pub fn read_or_make(&self, secret: &ObjectKey, now: Timestamp) -> Result<MadeKey, KeyringError> {
        if let Some(known) = self.read(secret)? {
            return Ok(known);
        }
        let made = MadeKey { value: self.random(secret)?, made_at: now, rotated: Vec::new() };
        // A link fails where the name is taken: another process was faster, and its key is the key.
        match self
            .write(secret, &made, |from, to| fs::hard_link(from, to).and_then(|()| fs::remove_file(from)))
        {
            Err(error) if error.source.kind() == ErrorKind::AlreadyExists => self.read(secret)?.ok_or(error),
            written => written.map(|()| made),
        }
    }

    /// Makes a new key. The old one is honoured for `grace`.
    pub fn rotate(
        &self,
        secret: &ObjectKey,
        now: Timestamp,
        grace: SignedDuration,
    ) -> Result<MadeKey, KeyringError> {
        let old = self.read_or_make(secret, now)?;
        let mut rotated: Vec<_> = old.rotated.into_iter().filter(|key| key.expires_at > now).collect();
        let expires_at = now.saturating_add(grace).unwrap_or(Timestamp::MAX);
        rotated.insert(0, RotatedKey { sha256: old.value.sha256(), expires_at });
        rotated.truncate(MOST_ROTATED_KEYS);
        let made = MadeKey { value: self.random(secret)?, made_at: now, rotated };
        self.write(secret, &made, |from, to| fs::rename(from, to))?;
        Ok(made)
    }

    fn random(&self, secret: &ObjectKey) -> Result<SecretValue, KeyringError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| KeyringError {
            path: self.path(secret),
            source: io::Error::other("no random numbers"),
        })?;
        Ok(SecretValue::new(format!("{KEY_PREFIX}{}", hex::encode(*bytes))))
    }

    /// A namespace has no dot, so no two Secrets share a file.
    fn path(&self, secret: &ObjectKey) -> PathBuf {
        self.folder.join(format!("{}.{}.{EXTENSION}", secret.namespace, secret.name))
    }

    /// Writes beside the file and then puts it in its place, so that a reader sees a whole file.
    fn write(
        &self,
        secret: &ObjectKey,
        key: &MadeKey,
        place: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), KeyringError> {
        let path = self.path(secret);
        let beside = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = || {
            let stored = Stored {
                api_key: key.value.expose().to_owned(),
                made_at: key.made_at,
                rotated: key.rotated.clone(),
            };
            let text = Zeroizing::new(serde_json::to_vec_pretty(&stored)?);
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            let mut file =
                File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(&text)?;
            file.sync_all()?;
            place(&beside, &path)
        };
        let result = written();
        if result.is_err() {
            let _ = fs::remove_file(&beside);
        }
        result.map_err(|source| KeyringError { path, source })
    }
}

/// As it lies in the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stored {
    api_key: String,
    made_at: Timestamp,
    #[serde(default)]
    rotated: Vec<RotatedKey>,
}

impl Drop for Stored {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.api_key);
    }
}

#[cfg(test)]
mod tests;
