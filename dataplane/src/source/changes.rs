//! Tells when files may have changed.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use tokio::{sync::mpsc, time};

use super::files;

/// An editor writes, renames and touches within this time; what it leaves is read once.
const QUIET: Duration = Duration::from_millis(200);
/// Files that change all the time are read this often all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where the system tells nothing (a network folder, a folder that was itself replaced), looking finds it.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Changes below some folders.
pub(super) struct Changes {
    roots: Vec<PathBuf>,
    fingerprint: u64,
    events: mpsc::Receiver<()>,
    /// Kept alive; absent where the system has no more watches to give.
    _watcher: Option<RecommendedWatcher>,
    look_every: Duration,
}

impl Changes {
    /// Watches from now on. Folders that are not there yet are only looked for. What happens below `private` is not
    /// told, unless it is below a root that lies in it.
    pub(super) fn below(roots: Vec<PathBuf>, private: Option<&Path>) -> Self {
        let (sender, events) = mpsc::channel(1);
        let watcher = watcher(&roots, private, sender)
            .inspect_err(
                |error| tracing::warn!(%error, "the system cannot tell of changes; they are looked for"),
            )
            .ok();
        let fingerprint = files::fingerprint(&roots);
        Self { roots, fingerprint, events, _watcher: watcher, look_every: LOOK_EVERY }
    }

    /// Returns after something may have changed and has come to rest. Never returns without a reason, but the reason
    /// may be no change in content. Cancel-safe.
    pub(super) async fn next(&mut self) {
        loop {
            let told = time::timeout(self.look_every, self.events.recv()).await;
            match told {
                Ok(Some(())) => {
                    self.rest().await;
                    self.fingerprint = files::fingerprint(&self.roots);
                    return;
                }
                // No watcher: only looking is left.
                Ok(None) => time::sleep(self.look_every).await,
                Err(_) => {}
            }
            let now = files::fingerprint(&self.roots);
            if now != self.fingerprint {
                self.fingerprint = now;
                return;
            }
        }
    }

    async fn rest(&mut self) {
        let resting = async { while let Ok(Some(())) = time::timeout(QUIET, self.events.recv()).await {} };
        let _ = time::timeout(PATIENCE, resting).await;
    }
}

fn watcher(
    roots: &[PathBuf],
    private: Option<&Path>,
    sender: mpsc::Sender<()>,
) -> notify::Result<RecommendedWatcher> {
    let roots: Vec<_> = roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
    let private = private.and_then(|private| private.canonicalize().ok());
    let inside = match &private {
        Some(private) => roots.iter().filter(|root| root.starts_with(private)).cloned().collect(),
        None => Vec::new(),
    };
    let is_told = move |path: &PathBuf| {
        let is_private = private.as_ref().is_some_and(|private| path.starts_with(private));
        !is_private || inside.iter().any(|root| path.starts_with(root))
    };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let is_told = match event {
            Ok(event) => {
                is_change(event.kind) && (event.paths.is_empty() || event.paths.iter().any(&is_told))
            }
            Err(_) => true,
        };
        // A full channel already says that there is something to read.
        if is_told {
            let _ = sender.try_send(());
        }
    })?;
    // Watching is recursive: a root in another one is watched already.
    let folders: BTreeSet<_> = roots.iter().map(|root| watched(root)).collect();
    let outer =
        folders.iter().filter(|folder| !folder.ancestors().skip(1).any(|above| folders.contains(above)));
    for folder in outer {
        watcher.watch(folder, RecursiveMode::Recursive)?;
    }
    Ok(watcher)
}

/// Reading a file is an event too, and must not lead to reading it again.
fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

/// A file is replaced by renaming another one, so its folder is watched.
fn watched(root: &Path) -> &Path {
    root.parent().filter(|_| root.is_file()).unwrap_or(root)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Far beyond what a change takes, so that only a defect reaches it.
    const HANGS: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_written_file_and_a_renamed_one_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut changes = Changes::below(vec![folder.path().to_owned()], None);
        // Only the system's word counts here.
        changes.look_every = Duration::from_hours(1);
        fs::write(folder.path().join("a.yaml"), "a: 1").unwrap();
        time::timeout(HANGS, changes.next()).await.unwrap();
        fs::write(folder.path().join(".a.yaml.swp"), "a: 2").unwrap();
        fs::rename(folder.path().join(".a.yaml.swp"), folder.path().join("a.yaml")).unwrap();
        time::timeout(HANGS, changes.next()).await.unwrap();
    }

    #[test]
    fn reading_is_no_change_and_writing_is() {
        assert!(!is_change(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!is_change(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(is_change(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(is_change(EventKind::Create(notify::event::CreateKind::File)));
    }

    #[tokio::test]
    async fn the_hubs_own_writing_is_not_told_but_its_keys_are() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let keys = data.join("keys");
        fs::create_dir_all(&keys).unwrap();
        let (sender, mut events) = mpsc::channel(8);
        let roots = [folder.path().to_owned(), keys.clone()];
        let _watcher = watcher(&roots, Some(&data), sender).unwrap();
        // Events come in order: were the first write told, the channel would hold more than the last one's.
        fs::write(data.join("ledger.sqlite"), "x").unwrap();
        fs::create_dir(keys.join("new")).unwrap();
        time::timeout(HANGS, events.recv()).await.unwrap().unwrap();
        fs::create_dir(data.join("journal")).unwrap();
        fs::create_dir(folder.path().join("last")).unwrap();
        time::timeout(HANGS, events.recv()).await.unwrap().unwrap();
        assert!(events.try_recv().is_err());
    }

    #[tokio::test]
    async fn what_the_system_does_not_tell_is_found_by_looking() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("late");
        let mut changes = Changes::below(vec![root.clone()], None);
        changes.look_every = Duration::from_millis(10);
        fs::create_dir(&root).unwrap();
        fs::write(root.join("a.yaml"), "a: 1").unwrap();
        time::timeout(HANGS, changes.next()).await.unwrap();
    }
}
