//! Tells when files may have changed.

use std::{
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
    /// Watches from now on. Folders that are not there yet are only looked for.
    pub(super) fn below(roots: Vec<PathBuf>) -> Self {
        let (sender, events) = mpsc::channel(1);
        let watcher = watcher(&roots, sender)
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

fn watcher(roots: &[PathBuf], sender: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // A full channel already says that there is something to read.
        if event.map_or(true, |event| is_change(event.kind)) {
            let _ = sender.try_send(());
        }
    })?;
    for root in roots.iter().filter(|root| root.exists()) {
        watcher.watch(watched(root), RecursiveMode::Recursive)?;
    }
    Ok(watcher)
}

/// Reading a file is an event too, and must not lead to reading it again.
fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

/// A file is replaced by renaming another one, so its folder is watched.
fn watched(root: &Path) -> &Path {
    match root.parent() {
        Some(parent) if root.is_file() && !parent.as_os_str().is_empty() => parent,
        Some(_) if root.is_file() => Path::new("."),
        _ => root,
    }
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
        let mut changes = Changes::below(vec![folder.path().to_owned()]);
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
    async fn what_the_system_does_not_tell_is_found_by_looking() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("late");
        let mut changes = Changes::below(vec![root.clone()]);
        changes.look_every = Duration::from_millis(10);
        fs::create_dir(&root).unwrap();
        fs::write(root.join("a.yaml"), "a: 1").unwrap();
        time::timeout(HANGS, changes.next()).await.unwrap();
    }
}
