//! Who the pod is to AWS, for providers without credentials of their own: found in the pod's environment, fetched ahead of
//! need and refreshed before it ends. Requests read it and never wait for it.
//!
//! ```text
//! environment ─► Source ─► fetch (STS, the Pod Identity agent) ─► current ─► upstream::sign::aws
//!                             ▲ the control runtime, by the clock
//! ```

mod fetch;
mod source;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use tokio::{sync::watch, time::sleep};

use super::sign::aws::Identity;
use crate::{clock::Clock, environment::Environment};
use source::{NoSource, Source};

/// An identity is replaced so long before it ends, or at half its life where that is shorter: there is time for several
/// tries.
const AHEAD: Duration = Duration::from_mins(10);
/// Until the next try after one that failed.
const AGAIN: Duration = Duration::from_secs(15);
/// Nothing is fetched more often.
const LEAST: Duration = Duration::from_secs(5);

/// Who the pod is to AWS.
#[derive(Debug)]
pub struct Workload {
    source: Result<Source, NoSource>,
    current: ArcSwapOption<Identity>,
    wanted: watch::Sender<bool>,
    clock: Clock,
}

impl Default for Workload {
    /// Nobody.
    fn default() -> Self {
        Self::new(&Environment::Fixed(std::collections::BTreeMap::new()), Clock::default())
    }
}

impl Workload {
    /// Looks at the environment; nothing is fetched before it is [wanted](Self::want).
    pub fn new(environment: &Environment, clock: Clock) -> Self {
        Self {
            source: Source::of(environment),
            current: ArcSwapOption::empty(),
            wanted: watch::Sender::new(false),
            clock,
        }
    }

    /// Some provider needs it.
    pub fn want(&self) {
        self.wanted.send_if_modified(|wanted| !std::mem::replace(wanted, true));
    }

    /// The last one that was fetched; it may have ended.
    pub fn current(&self) -> Option<Arc<Identity>> {
        self.current.load_full()
    }

    /// Fetches the identity once it is wanted, and keeps it fresh.
    pub async fn follow(self: Arc<Self>) {
        if self.wanted.subscribe().wait_for(|wanted| *wanted).await.is_err() {
            return;
        }
        let source = match &self.source {
            Ok(source) => source,
            Err(error) => {
                tracing::error!(%error, "providers that need the pod's AWS identity cannot be called");
                return;
            }
        };
        let fetcher = match fetch::Fetcher::new() {
            Ok(fetcher) => fetcher,
            Err(error) => {
                tracing::error!(%error, "providers that need the pod's AWS identity cannot be called");
                return;
            }
        };
        let mut failed = false;
        loop {
            match fetcher.fetch(source).await {
                Ok(identity) => {
                    if failed || self.current.load().is_none() {
                        tracing::info!(%source, "the pod's AWS identity is in use");
                    }
                    failed = false;
                    let wait = identity.ends().map(|ends| until_next(ends, self.now()));
                    self.current.store(Some(Arc::new(identity)));
                    match wait {
                        Some(wait) => sleep(wait).await,
                        None => return,
                    }
                }
                Err(error) => {
                    let has_one = self.current.load().as_ref().and_then(|identity| identity.ends());
                    let has_one = has_one.is_some_and(|ends| ends > self.now());
                    if has_one {
                        tracing::warn!(%source, %error, "the pod's AWS identity could not be refreshed yet; the last one is used");
                    } else {
                        tracing::error!(%source, %error, "the pod's AWS identity could not be had: requests that need it fail");
                    }
                    failed = true;
                    sleep(AGAIN).await;
                }
            }
        }
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(self.clock.now_ms()).unwrap_or_default())
    }
}

/// How long until an identity is replaced.
fn until_next(ends: SystemTime, now: SystemTime) -> Duration {
    let left = ends.duration_since(now).unwrap_or_default();
    left.saturating_sub(AHEAD.min(left / 2)).max(LEAST)
}
