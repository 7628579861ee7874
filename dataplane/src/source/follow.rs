//! Keeps a folder's revision up to date while the gateway runs.

use std::sync::Arc;

use aigne_hub_crds::compile::Severity;
use tokio::sync::watch;

use super::{Loaded, LocatedFinding, Problem, Source, changes::Changes, directory::Directory};
use crate::telemetry::Telemetry;

/// Hands out `first`, and every later good revision of the folder. Runs on the current runtime until nobody watches.
pub fn start(directory: Directory, first: Loaded, telemetry: Arc<Telemetry>) -> Source {
    report(&first.findings);
    count(&first, &telemetry);
    telemetry.shared().config.connected(true);
    let changes = Changes::below(directory.roots(), directory.private());
    let (loaded, loaded_receiver) = watch::channel(Arc::new(first));
    let (rejected, rejected_receiver) = watch::channel(Arc::default());
    let watching = Watching { directory: Arc::new(directory), telemetry, loaded, rejected };
    tokio::spawn(watching.run(changes));
    Source::new(loaded_receiver, rejected_receiver)
}

struct Watching {
    directory: Arc<Directory>,
    telemetry: Arc<Telemetry>,
    loaded: watch::Sender<Arc<Loaded>>,
    rejected: watch::Sender<Arc<Vec<Problem>>>,
}

impl Watching {
    async fn run(self, mut changes: Changes) {
        loop {
            tokio::select! {
                () = changes.next() => {}
                () = self.loaded.closed() => return,
            }
            let directory = Arc::clone(&self.directory);
            match tokio::task::spawn_blocking(move || directory.load()).await {
                Ok(Ok(loaded)) => self.accept(loaded),
                Ok(Err(problems)) => self.reject(problems),
                Err(error) => {
                    tracing::error!(%error, "the configuration could not be read; the last good one stays");
                }
            }
        }
    }

    fn accept(&self, loaded: Loaded) {
        let was_rejected = !self.rejected.borrow().is_empty();
        let (same, same_findings) = {
            let current = self.loaded.borrow();
            (current.revision == loaded.revision, current.findings == loaded.findings)
        };
        if same && same_findings && !was_rejected {
            return;
        }
        if !same_findings {
            report(&loaded.findings);
        }
        count(&loaded, &self.telemetry);
        self.rejected.send_if_modified(|problems| std::mem::take(problems) != Arc::default());
        self.loaded.send_replace(Arc::new(loaded));
    }

    fn reject(&self, problems: Vec<Problem>) {
        self.telemetry.shared().config.rejected();
        if **self.rejected.borrow() == problems {
            return;
        }
        for problem in &problems {
            tracing::error!("{problem}");
        }
        let revision = self.loaded.borrow().revision.clone();
        tracing::error!(revision, "the configuration has errors; the last good one stays in use");
        self.rejected.send_replace(Arc::new(problems));
    }
}

fn count(loaded: &Loaded, telemetry: &Telemetry) {
    let errors = loaded.findings.iter().filter(|found| found.finding.severity == Severity::Error).count();
    telemetry.shared().config.loaded(&loaded.revision, errors, loaded.findings.len() - errors);
}

fn report(findings: &[LocatedFinding]) {
    for found in findings {
        let reason = &found.finding.reason;
        match found.finding.severity {
            Severity::Error => tracing::error!(reason, "{found}"),
            Severity::Warning => tracing::warn!(reason, "{found}"),
        }
    }
}

#[cfg(test)]
mod tests;
