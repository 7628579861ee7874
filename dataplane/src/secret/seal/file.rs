//! The key's file: one line of text, readable by its owner alone.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use zeroize::Zeroizing;

use super::{KEY_BYTES, KeyFileError, SealKey};

const HEADER: &str = "aigne-hub-seal-key:v1:";

impl SealKey {
    /// Reads the key.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(KeyFileError::Missing(path.into()));
            }
            Err(error) => return Err(KeyFileError::Unreadable { path: path.into(), source: error }),
        };
        if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0) {
            tracing::warn!(file = %path.display(), "others may read the sealing key: chmod 600 it");
        }
        let malformed = || KeyFileError::Malformed(path.into());
        let encoded = text.trim().strip_prefix(HEADER).ok_or_else(malformed)?;
        let decoded = Zeroizing::new(BASE64.decode(encoded).map_err(|_| malformed())?);
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if decoded.len() != KEY_BYTES {
            return Err(malformed());
        }
        bytes.copy_from_slice(&decoded);
        Ok(Self { bytes })
    }

    /// Reads the key, or makes it where there is none. The second value says that it was made.
    pub fn load_or_create(path: &Path) -> Result<(Self, bool), KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::Missing(_)) => {}
            loaded => return loaded.map(|key| (key, false)),
        }
        let unwritable = |source| KeyFileError::Unwritable { path: path.into(), source };
        let key = Self::generate().map_err(|error| unwritable(std::io::Error::other(error)))?;
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unwritable)?;
        }
        let line = Zeroizing::new(format!("{HEADER}{}\n", BASE64.encode(*key.bytes)));
        let mut file = match File::options().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => file,
            // Another process was faster: its key is the key.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Self::load(path).map(|key| (key, false));
            }
            Err(error) => return Err(unwritable(error)),
        };
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(unwritable)?;
        Ok((key, true))
    }
}
