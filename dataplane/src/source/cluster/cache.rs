//! What a restarted container begins with: the texts of the ConfigMaps as they came, and the values of the Secrets that
//! they name, each in a file of its own, so that a change writes what it changed.
//!
//! The folder is meant to be in memory. Files are private, and each is replaced as a whole: parts before the index.
//! A part has a digest, the index has that of them all, and Secrets begin with one: what was damaged is not believed.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aigne_hub_crds::{
    config::SecretRef,
    distribution::{Index, MOST_PARTS},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::objects::Place;
use crate::secret::{SecretStore, SecretValue};

/// Below the folder that was given, which may be anybody's to read; below it, one for each namespace.
const FOLDER: &str = "configuration";
const SECRETS: &str = "secrets";
/// Between two writes: what changes often is written as it is last.
const APART: Duration = Duration::from_secs(1);
/// Until what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(5);

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

#[derive(Serialize, Deserialize)]
struct Written<R, V> {
    reference: R,
    value: V,
}

/// What is to be written; absent what is to be removed.
type Pending = BTreeMap<Entry, Option<Zeroizing<String>>>;

/// Where the hub of a namespace keeps it: what another one has kept is none of its business.
pub(super) fn folder(given: &Path, namespace: &str) -> PathBuf {
    given.join(FOLDER).join(namespace)
}

/// Writes what it is given to keep, off everybody's way.
#[derive(Debug)]
pub(super) struct Cache {
    pending: Arc<Mutex<Pending>>,
    wake: Arc<Notify>,
}

impl Cache {
    /// Writes on the current runtime, until it is dropped.
    pub(super) fn start(folder: PathBuf) -> Self {
        let cache = Self { pending: Arc::default(), wake: Arc::default() };
        tokio::spawn(write(folder, Arc::clone(&cache.pending), Arc::clone(&cache.wake)));
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
        let mut work = std::mem::take(&mut *pending.lock().unwrap_or_else(PoisonError::into_inner));
        let into = folder.clone();
        let written = tokio::task::spawn_blocking(move || {
            let written = write_all(&into, &mut work);
            (written, work)
        });
        let mut apart = APART;
        match written.await {
            Ok((Ok(()), _)) if std::mem::take(&mut failed) => {
                tracing::info!("the configuration is kept for a restart again");
            }
            Ok((Err(error), left)) => {
                if !std::mem::replace(&mut failed, true) {
                    let folder = folder.display();
                    tracing::error!(%error, %folder, "the configuration cannot be kept for a restart; it is tried on");
                }
                let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
                for (entry, text) in left {
                    pending.entry(entry).or_insert(text);
                }
                wake.notify_one();
                apart = AGAIN;
            }
            _ => {}
        }
        // Only the writer is left.
        if Arc::strong_count(&pending) == 1 {
            return;
        }
        tokio::time::sleep(apart).await;
    }
}

/// Leaves in `work` what is still to be done.
fn write_all(folder: &Path, work: &mut Pending) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    while let Some(entry) = work.first_entry() {
        let file = entry.key().file();
        match entry.get() {
            Some(text) => replace(folder, &file, text)?,
            None => remove(&folder.join(file))?,
        }
        entry.remove();
    }
    Ok(())
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn replace(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let new = folder.join(format!(".{name}"));
    let written = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&new, folder.join(name))
    };
    // Half a file would hold the room that the next try needs.
    written().inspect_err(|_| drop(fs::remove_file(&new)))
}

impl Entry {
    fn file(self) -> String {
        match self {
            Self::Secrets => SECRETS.to_owned(),
            Self::Map(place) => place.name(),
        }
    }
}

/// What was kept in a folder; nothing without an index, and nothing without the Secrets where they are damaged: what
/// cannot ask any provider had better not take requests. Any other file that cannot be read is left out.
pub(super) fn load(folder: &Path) -> Option<Kept> {
    let index = read(folder, &Place::Index.name())?;
    let parts = Index::from_data(&index).map_or(0, |index| index.parts);
    let places = (0..parts.min(MOST_PARTS)).map(Place::Part);
    let mut maps: Vec<_> =
        places.filter_map(|place| Some((place, read(folder, &place.name())?.to_string()))).collect();
    maps.push((Place::Index, index.to_string()));
    // Without any that are named there was nothing to keep.
    let secrets = if folder.join(SECRETS).exists() {
        let secrets = read(folder, SECRETS).and_then(|text| read_secrets(&text));
        if secrets.is_none() {
            tracing::warn!(folder = %folder.display(), "the kept Secrets are damaged: nothing that was kept is used");
        }
        secrets?
    } else {
        Vec::new()
    };
    Some(Kept { maps, secrets })
}

fn read(folder: &Path, name: &str) -> Option<Zeroizing<String>> {
    let file = folder.join(name);
    match fs::read_to_string(&file) {
        Ok(text) => Some(Zeroizing::new(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(%error, file = %file.display(), "a kept file cannot be read, and is left out");
            None
        }
    }
}

/// The values in a form that [`load`] reads: a line with the checksum of what follows.
pub(super) fn secrets_text(secrets: &SecretStore) -> String {
    let written: Vec<_> =
        secrets.iter().map(|(reference, value)| Written { reference, value: value.expose() }).collect();
    // Plain data with text keys: it can always be written.
    let text = Zeroizing::new(serde_json::to_string(&written).unwrap_or_default());
    format!("{}\n{}", checksum(&text), *text)
}

/// The reader's own message would show what it has read.
fn read_secrets(text: &str) -> Option<Vec<(SecretRef, SecretValue)>> {
    let (written, text) = text.split_once('\n')?;
    if written != checksum(text) {
        return None;
    }
    let written: Vec<Written<SecretRef, String>> = serde_json::from_str(text).ok()?;
    Some(written.into_iter().map(|written| (written.reference, SecretValue::new(written.value))).collect())
}

fn checksum(text: &str) -> String {
    hex::encode(Sha256::digest(text))
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
        let below = super::folder(folder.path(), "ai");
        assert!(load(&below).is_none());
        let reference = SecretRef { namespace: "ai".into(), name: "openai".into(), key: "apiKey".into() };
        let secrets: SecretStore =
            [(reference.clone(), SecretValue::new("sk-1".into()))].into_iter().collect();
        let index = r#"{"format":1,"sequence":1,"digest":"0","parts":2}"#;
        let mut work = Pending::from([
            (Entry::Secrets, Some(text(&secrets_text(&secrets)))),
            (place(0), Some(text("zero"))),
            (place(1), Some(text("one"))),
            (place(2), Some(text("left over"))),
            (Entry::Map(Place::Index), Some(text(index))),
        ]);
        write_all(&below, &mut work).unwrap();
        assert!(work.is_empty());
        let kept = load(&below).unwrap();
        let maps = [(Place::Part(0), "zero"), (Place::Part(1), "one"), (Place::Index, index)];
        assert_eq!(kept.maps, maps.map(|(place, text)| (place, text.to_owned())));
        assert_eq!(kept.secrets[0].0, reference);
        assert_eq!(kept.secrets[0].1.expose(), "sk-1");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&below), 0o700);
        for file in fs::read_dir(&below).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
        write_all(&below, &mut Pending::from([(place(1), None), (place(7), None)])).unwrap();
        assert_eq!(load(&below).unwrap().maps.len(), 2);
        assert!(load(&super::folder(folder.path(), "other")).is_none(), "of another namespace");
    }

    #[test]
    fn what_was_damaged_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let reference = SecretRef { namespace: "ai".into(), name: "openai".into(), key: "apiKey".into() };
        let secrets: SecretStore = [(reference, SecretValue::new("sk-1".into()))].into_iter().collect();
        let index = r#"{"format":1,"sequence":1,"digest":"0","parts":2}"#;
        let mut work = Pending::from([
            (place(0), Some(text("zero"))),
            (place(1), Some(text("one"))),
            (Entry::Map(Place::Index), Some(text(index))),
        ]);
        write_all(folder.path(), &mut work).unwrap();
        assert!(load(folder.path()).unwrap().secrets.is_empty(), "none were named");
        fs::write(folder.path().join(Place::Part(0).name()), [0xff, 0xfe]).unwrap();
        let maps = load(folder.path()).unwrap().maps;
        assert_eq!(maps.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [Place::Part(1), Place::Index]);
        let good = secrets_text(&secrets);
        assert!(read_secrets(&good).is_some());
        for bad in
            [good.replace("sk-1", "sk-2"), good[..good.len() - 1].to_owned(), String::new(), "x".into()]
        {
            fs::write(folder.path().join(SECRETS), &bad).unwrap();
            assert!(load(folder.path()).is_none(), "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_written_is_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("below");
        // Nothing can be made below a file.
        fs::write(&below, "").unwrap();
        let cache = Cache::start(below.join("ai"));
        cache.keep(place(0), Some("zero".into()));
        cache.keep(place(1), Some("one".into()));
        tokio::time::sleep(AGAIN / 2).await;
        cache.keep(place(1), Some("newer".into()));
        fs::remove_file(&below).unwrap();
        let read = |number| fs::read_to_string(below.join("ai").join(Place::Part(number).name())).ok();
        for _ in 0..100 {
            tokio::time::sleep(APART).await;
            if read(1).is_some() {
                break;
            }
        }
        assert_eq!((read(0).as_deref(), read(1).as_deref()), (Some("zero"), Some("newer")));
    }
}
