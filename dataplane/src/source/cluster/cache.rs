//! What a restarted container begins with: the texts of the ConfigMaps as they came, and the values of the Secrets that
//! they name, each in a file of its own, so that a change writes what it changed.
//!
//! The folder is meant to be in memory. Files are private, and each is replaced as a whole: parts before the index.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aigne_hub_crds::config::SecretRef;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::objects::Place;
use crate::secret::{SecretStore, SecretValue};

/// Below the folder that was given, which may be anybody's to read.
const FOLDER: &str = "configuration";
const SECRETS: &str = "secrets";
/// Between two writes: what changes often is written as it is last.
const APART: Duration = Duration::from_secs(1);

/// What is kept. In the order in which it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    Secrets,
    Map(Place),
}

/// What was kept.
#[derive(Debug)]
pub(super) struct Kept {
    /// Parts, then the index.
    pub(super) maps: Vec<(Place, String)>,
    pub(super) secrets: Vec<(SecretRef, SecretValue)>,
}

/// What was kept cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the kept Secrets cannot be read")]
    Secrets,
}

#[derive(Serialize, Deserialize)]
struct Written<R, V> {
    reference: R,
    value: V,
}

/// What is to be written; absent what is to be removed.
type Pending = BTreeMap<Entry, Option<Zeroizing<String>>>;

/// Writes what it is given to keep, off everybody's way.
#[derive(Debug)]
pub(super) struct Cache {
    pending: Arc<Mutex<Pending>>,
    wake: Arc<Notify>,
}

impl Cache {
    /// Writes on the current runtime, until it is dropped.
    pub(super) fn start(folder: &Path) -> Self {
        let cache = Self { pending: Arc::default(), wake: Arc::default() };
        let pending = Arc::clone(&cache.pending);
        tokio::spawn(write(folder.join(FOLDER), pending, Arc::clone(&cache.wake)));
        cache
    }

    /// Keeps it, or keeps it no more.
    pub(super) fn keep(&self, entry: Entry, text: Option<String>) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.insert(entry, text.map(Zeroizing::new));
        self.wake.notify_one();
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

async fn write(folder: PathBuf, pending: Arc<Mutex<Pending>>, wake: Arc<Notify>) {
    let mut failed = false;
    loop {
        wake.notified().await;
        let work = std::mem::take(&mut *pending.lock().unwrap_or_else(PoisonError::into_inner));
        let into = folder.clone();
        match tokio::task::spawn_blocking(move || write_all(&into, &work)).await {
            Ok(Ok(())) => failed = false,
            Ok(Err(error)) if !failed => {
                tracing::error!(%error, folder = %folder.display(), "the configuration cannot be kept for a restart");
                failed = true;
            }
            _ => {}
        }
        // Only the writer is left.
        if Arc::strong_count(&pending) == 1 {
            return;
        }
        tokio::time::sleep(APART).await;
    }
}

fn write_all(folder: &Path, work: &Pending) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for (entry, text) in work {
        if let Some(text) = text {
            replace(folder, &entry.file(), text)?;
        }
    }
    for (entry, _) in work.iter().filter(|(_, text)| text.is_none()) {
        match fs::remove_file(folder.join(entry.file())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn replace(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let new = folder.join(format!(".{name}"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    fs::rename(new, folder.join(name))
}

impl Entry {
    fn file(self) -> String {
        match self {
            Self::Secrets => SECRETS.to_owned(),
            Self::Map(place) => place.name(),
        }
    }
}

/// What was kept in a folder; nothing where there is no index.
pub(super) fn load(folder: &Path) -> Result<Option<Kept>, Unusable> {
    let folder = folder.join(FOLDER);
    let read = |name: &str| {
        let path = folder.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(Zeroizing::new(text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Unusable::Read { path, source }),
        }
    };
    let Some(index) = read(&Place::Index.name())? else {
        return Ok(None);
    };
    let parts = aigne_hub_crds::distribution::Index::from_data(&index).map_or(0, |index| index.parts);
    let mut maps = Vec::new();
    for place in (0..parts.min(aigne_hub_crds::distribution::MOST_PARTS)).map(Place::Part) {
        if let Some(text) = read(&place.name())? {
            maps.push((place, text.to_string()));
        }
    }
    maps.push((Place::Index, index.to_string()));
    let secrets = match read(SECRETS)? {
        Some(text) => read_secrets(&text).ok_or(Unusable::Secrets)?,
        None => Vec::new(),
    };
    Ok(Some(Kept { maps, secrets }))
}

/// The values in a form that [`load`] reads.
pub(super) fn secrets_text(secrets: &SecretStore) -> String {
    let written: Vec<_> =
        secrets.iter().map(|(reference, value)| Written { reference, value: value.expose() }).collect();
    // Plain data with text keys: it can always be written.
    serde_json::to_string(&written).unwrap_or_default()
}

/// The reader's own message would show what it has read.
fn read_secrets(text: &str) -> Option<Vec<(SecretRef, SecretValue)>> {
    let written: Vec<Written<SecretRef, String>> = serde_json::from_str(text).ok()?;
    Some(written.into_iter().map(|written| (written.reference, SecretValue::new(written.value))).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn place(number: u32) -> Entry {
        Entry::Map(Place::Part(number))
    }

    fn text(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[test]
    fn what_is_written_is_read_and_private() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path()).unwrap().is_none());
        let reference = SecretRef { namespace: "ai".into(), name: "openai".into(), key: "apiKey".into() };
        let secrets: SecretStore =
            [(reference.clone(), SecretValue::new("sk-1".into()))].into_iter().collect();
        let index = r#"{"format":1,"sequence":1,"digest":"0","parts":2}"#;
        let below = folder.path().join(FOLDER);
        let work = Pending::from([
            (Entry::Secrets, Some(text(&secrets_text(&secrets)))),
            (place(0), Some(text("zero"))),
            (place(1), Some(text("one"))),
            (place(2), Some(text("left over"))),
            (Entry::Map(Place::Index), Some(text(index))),
        ]);
        write_all(&below, &work).unwrap();
        let kept = load(folder.path()).unwrap().unwrap();
        let maps = [(Place::Part(0), "zero"), (Place::Part(1), "one"), (Place::Index, index)];
        assert_eq!(kept.maps, maps.map(|(place, text)| (place, text.to_owned())));
        assert_eq!(kept.secrets[0].0, reference);
        assert_eq!(kept.secrets[0].1.expose(), "sk-1");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&below), 0o700);
        for file in fs::read_dir(&below).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
        write_all(&below, &Pending::from([(place(1), None), (place(7), None)])).unwrap();
        assert_eq!(load(folder.path()).unwrap().unwrap().maps.len(), 2);
        fs::write(below.join(SECRETS), r#"[{"reference":"sk-1"}]"#).unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(!error.contains("sk-1"), "{error}");
    }
}
