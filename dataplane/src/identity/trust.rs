//! The cluster's keys, kept fresh: by the clock, and when a token shows up that is signed with an unknown one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};

use super::{KeySource, Unfetched, Verifier};

/// The source is not asked more often, whatever tokens come.
const APART: Duration = Duration::from_secs(10);
/// A request with an unknown key waits for an answer that is on its way, so long at most: after a rotation a pod's
/// first request then succeeds instead of failing. It waits only while the source may be asked; strangers with
/// made-up keys cause one question in ten seconds and are refused at once for the rest of them.
const WORTH_WAITING: Duration = Duration::from_secs(2);

/// Whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the keys come from.
    pub source: KeySource,
    /// What tokens must be made for.
    pub audience: String,
}

/// The keys in use. The last good ones stay while the source is away.
#[derive(Debug)]
pub struct Trust {
    options: Options,
    verifier: ArcSwapOption<Verifier>,
    wanted: Notify,
    /// Whether the source may be asked again.
    open: AtomicBool,
    /// Counts answers, good or bad.
    answers: watch::Sender<u64>,
}

impl Trust {
    /// Without keys yet: [`Self::refresh`] gets the first ones.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            verifier: ArcSwapOption::empty(),
            wanted: Notify::new(),
            open: true.into(),
            answers: watch::Sender::new(0),
        }
    }

    /// What tokens are checked against; none before the first answer.
    pub fn verifier(&self) -> Option<Arc<Verifier>> {
        self.verifier.load_full()
    }

    /// Asks the source now.
    pub async fn refresh(&self) -> Result<(), Unfetched> {
        let fetched = self.options.source.fetch(&self.options.audience).await;
        let result = fetched.map(|verifier| {
            let same = self.verifier.load().as_ref().is_some_and(|current| current.is_same(&verifier));
            // Equal keys stay in place, so that what was verified with them is remembered.
            if !same {
                self.verifier.store(Some(Arc::new(verifier)));
                tracing::info!("the keys of ServiceAccount tokens are in use");
            }
        });
        self.open.store(false, SeqCst);
        self.answers.send_modify(|answers| *answers += 1);
        result
    }

    /// Keeps the keys fresh, as long as it is asked. The first refresh has been made.
    pub async fn follow(self: Arc<Self>) {
        loop {
            let asked = Instant::now();
            sleep_until(asked + APART).await;
            self.open.store(true, SeqCst);
            // Without keys, everyone waits for them.
            let every =
                if self.verifier.load().is_some() { self.options.source.refresh_every() } else { APART };
            let rest = every.saturating_sub(APART);
            let _ = timeout(rest, self.wanted.notified()).await;
            if let Err(error) = self.refresh().await {
                tracing::warn!(%error, "the keys of ServiceAccount tokens could not be refreshed; the last ones stay");
            }
        }
    }

    /// Waits for newer keys, where they can be had soon.
    pub async fn fresher(&self) {
        let mut answers = self.answers.subscribe();
        if self.open.load(SeqCst) {
            self.wanted.notify_one();
            let _ = timeout(WORTH_WAITING, answers.changed()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::identity::testing::{self, Signer};

    #[tokio::test(start_paused = true)]
    async fn an_unknown_key_is_waited_for_once_and_the_last_good_keys_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwks.json");
        let (old, new) = (Signer::p256("old"), Signer::p256("new"));
        fs::write(&path, testing::published(&[&old])).unwrap();
        let source = KeySource::File { path: path.clone(), issuer: testing::ISSUER.into() };
        let trust = Arc::new(Trust::new(Options { source, audience: testing::AUDIENCE.into() }));
        trust.refresh().await.unwrap();
        let first = trust.verifier().unwrap();
        tokio::spawn(Arc::clone(&trust).follow());

        // It was asked just now: nobody waits.
        let asked = Instant::now();
        trust.fresher().await;
        assert_eq!(asked.elapsed(), Duration::ZERO);

        tokio::time::sleep(APART * 2).await;
        assert!(Arc::ptr_eq(&first, &trust.verifier().unwrap()), "equal keys stay in place");

        fs::write(&path, testing::published(&[&old, &new])).unwrap();
        let token = new.token(&testing::claims());
        while trust.verifier().unwrap().verify(token.as_bytes(), testing::NOW_MS).is_err() {
            trust.fresher().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(asked.elapsed() < APART * 5, "never");
        }

        fs::write(&path, "{}").unwrap();
        assert!(trust.refresh().await.is_err());
        assert!(trust.verifier().unwrap().verify(token.as_bytes(), testing::NOW_MS).is_ok());
    }
}
