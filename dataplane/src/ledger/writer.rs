//! Moves usage from the journals into the store.
//!
//! The journal is the queue: the writer polls what the cores appended, pairs intents with outcomes, and inserts
//! the rows in batches. It never holds up a core: while the store is away it keeps trying and the segments
//! stay, until the journal's bound is reached and cores are told [`Full`](super::journal::AppendError::Full).
//!
//! Nothing is lost: a segment is given back only when all its rows are in the store. Nothing counts twice: the
//! store knows each (`request_id`, attempt), so reading a segment again does no harm.

mod metrics;
mod pairing;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

pub use self::metrics::Metrics;
use self::pairing::Pairing;
use super::Row;
use super::journal::{Journals, Leftover, Reader};
use super::leases::Leases;
use super::store::{Store, StoreError};

/// How eager the writer is.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Between two looks at the journals; also how soon a core gets its next segment.
    pub poll: Duration,
    /// After the first failure of the store; doubles with each further one.
    pub retry: Duration,
    /// The longest wait between two tries.
    pub max_retry: Duration,
    /// Most rows in a transaction of a replay.
    pub replay_rows: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(50),
            retry: Duration::from_millis(100),
            max_retry: Duration::from_secs(5),
            replay_rows: 2_000,
        }
    }
}

/// Runs on the background runtime.
#[derive(Debug)]
pub struct Writer<S> {
    journals: Journals,
    store: S,
    options: Options,
    requests: mpsc::Receiver<Request>,
    metrics: Arc<Metrics>,
}

/// Talks to a running [`Writer`].
#[derive(Clone, Debug)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
    journals: Journals,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
enum Request {
    /// Answered once everything appended until now is in the store.
    Flush(oneshot::Sender<()>),
    /// The same, and then the writer ends.
    Close(oneshot::Sender<()>),
}

/// One core's journal, as far as the writer has come.
struct Source {
    reader: Reader,
    pairing: Pairing,
}

impl Handle {
    /// Waits until every outcome appended before this call is in the store; as long as the store is away.
    pub async fn flush(&self) {
        self.ask(Request::Flush).await;
    }

    /// Flushes and ends the writer. With every journal dropped before and no attempt open, it also removes the
    /// process's journal directory; what it leaves is replayed at the next start.
    pub async fn close(self) {
        self.ask(Request::Close).await;
    }

    /// What the writer counts.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Bytes in the journals that are not in the store yet.
    pub fn lag_bytes(&self) -> u64 {
        self.journals.lag_bytes()
    }

    async fn ask(&self, request: impl FnOnce(oneshot::Sender<()>) -> Request) {
        let (done, answer) = oneshot::channel();
        // A writer that has ended has nothing more to do.
        if self.requests.send(request(done)).await.is_ok() {
            let _ = answer.await;
        }
    }
}

impl<S: Store + Leases> Writer<S> {
    /// A writer for all journals of this process, those opened later too.
    pub fn new(journals: Journals, store: S, options: Options) -> (Self, Handle) {
        let (sender, requests) = mpsc::channel(16);
        let metrics = Arc::<Metrics>::default();
        let handle = Handle { requests: sender, journals: journals.clone(), metrics: metrics.clone() };
        (Self { journals, store, options, requests, metrics }, handle)
    }

    /// Replays what dead processes left behind, then ships until [`Handle::close`] or until no handle is left.
    pub async fn run(mut self) {
        let provision = provision(self.journals.clone(), self.options.poll);
        tokio::select! {
            () = self.ship_all() => {}
            () = provision => {}
        }
    }

    async fn ship_all(&mut self) {
        self.replay().await;
        let mut sources = Vec::new();
        let mut rows = Vec::new();
        let mut waiting = Vec::new();
        let mut closing = false;
        loop {
            self.ship(&mut sources, &mut rows).await;
            if closing {
                self.end(&sources).await;
            }
            waiting.drain(..).for_each(answer);
            if closing {
                return;
            }
            // The sleep ends early for a request: only what is appended before the next look must be shipped.
            let request = tokio::select! {
                request = self.requests.recv() => Some(request),
                () = tokio::time::sleep(self.options.poll) => None,
            };
            match request {
                Some(Some(Request::Flush(done))) => waiting.push(done),
                Some(Some(Request::Close(done))) => {
                    waiting.push(done);
                    closing = true;
                }
                Some(None) => closing = true,
                None => {}
            }
        }
    }

    /// Until nothing is unread. `rows` is empty before and after: its memory is kept from one look to the next, as
    /// getting it anew from the system costs more than filling it.
    async fn ship(&self, sources: &mut Vec<Source>, rows: &mut Vec<Row>) {
        let opened = self.journals.readers(sources.len()).into_iter();
        sources.extend(opened.map(|reader| Source { reader, pairing: Pairing::default() }));
        let mut more = true;
        while more {
            more = false;
            for Source { reader, pairing } in &mut *sources {
                match reader.read(|record| rows.extend(pairing.take(record))) {
                    Ok(unread) => more |= unread,
                    Err(error) => tracing::error!(%error, "the journal cannot be read"),
                }
            }
            self.insert(self.journals.holder(), rows).await;
            rows.clear();
            for Source { reader, pairing } in &mut *sources {
                let unmatched = pairing.take_unmatched();
                if unmatched > 0 {
                    Metrics::add(&self.metrics.unmatched, unmatched);
                    tracing::error!(core = reader.core(), unmatched, "outcomes without an intent");
                }
                if let Err(error) = reader.shipped(pairing.open()) {
                    tracing::error!(%error, "journal segments cannot be given back");
                }
            }
        }
    }

    /// Tries until the store has taken the rows.
    async fn insert(&self, holder: Uuid, rows: &[Row]) {
        if rows.is_empty() {
            return;
        }
        let new = self.persist(|| self.store.insert(holder, rows)).await;
        Metrics::add(&self.metrics.rows, new);
        Metrics::add(&self.metrics.duplicates, (rows.len() as u64).saturating_sub(new));
    }

    /// Tries until the store has done it.
    async fn persist<T, F: Future<Output = Result<T, StoreError>>>(&self, work: impl Fn() -> F) -> T {
        let mut wait = self.options.retry;
        loop {
            match work().await {
                Ok(done) => {
                    if self.metrics.away.swap(false, Ordering::Relaxed) {
                        tracing::info!("the ledger's store is back");
                    }
                    return done;
                }
                Err(error) => {
                    Metrics::add(&self.metrics.errors, 1);
                    if !self.metrics.away.swap(true, Ordering::Relaxed) {
                        tracing::warn!(%error, "the ledger's store is away; usage stays in the journal");
                    }
                }
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2).min(self.options.max_retry);
        }
    }

    async fn replay(&self) {
        let journals = self.journals.clone();
        let leftovers = match blocking(move || journals.leftovers()).await {
            Ok(leftovers) => leftovers,
            Err(error) => {
                return tracing::error!(%error, "journals of earlier processes cannot be looked for");
            }
        };
        for leftover in leftovers {
            let path = leftover.path().to_owned();
            match self.replay_one(leftover).await {
                Ok((rows, interrupted)) => {
                    tracing::info!(path = %path.display(), rows, interrupted, "journal replayed");
                }
                // It stays for the next start.
                Err(error) => tracing::error!(path = %path.display(), %error, "journal cannot be replayed"),
            }
        }
    }

    /// Returns the attempts that were found, and those of them that have no outcome.
    async fn replay_one(&self, leftover: Leftover) -> io::Result<(usize, usize)> {
        let mut pairing = Pairing::default();
        let (holder, mut count) = (leftover.holder(), 0);
        for segment in leftover.segments()? {
            let records = blocking(move || segment.read()).await?;
            let rows: Vec<_> = records.into_iter().filter_map(|record| pairing.take(record)).collect();
            count += rows.len();
            self.insert_in_parts(holder, &rows).await;
        }
        let interrupted = pairing.interrupted();
        self.insert_in_parts(holder, &interrupted).await;
        Metrics::add(&self.metrics.interrupted, interrupted.len() as u64);
        // It spends nothing more, and all that it spent is in: what it held and did not spend goes back.
        self.persist(|| self.store.close(holder)).await;
        blocking(move || leftover.remove()).await?;
        Ok((count + interrupted.len(), interrupted.len()))
    }

    async fn insert_in_parts(&self, holder: Uuid, rows: &[Row]) {
        for part in rows.chunks(self.options.replay_rows.max(1)) {
            self.insert(holder, part).await;
        }
    }

    /// Gives back what the process holds, and removes its directory: nobody asks for leases any more. What cannot be done
    /// is left to the next start.
    async fn end(&self, sources: &[Source]) {
        let open = sources.iter().any(|source| source.pairing.open().next().is_some());
        if open || !self.journals.is_done() {
            return;
        }
        if let Err(error) = self.store.close(self.journals.holder()).await {
            return tracing::warn!(%error, "what this process held is given back at the next start");
        }
        if let Err(error) = self.journals.remove() {
            tracing::warn!(%error, "the journal's directory cannot be removed");
        }
    }
}

/// Keeps a segment ready for each core, also while the store is away. Never ends.
async fn provision(journals: Journals, poll: Duration) {
    let mut failing = false;
    loop {
        let made = if journals.wants_provision() {
            let journals = journals.clone();
            blocking(move || journals.provision()).await
        } else {
            Ok(())
        };
        if let Err(error) = &made
            && !failing
        {
            tracing::error!(%error, "no further journal segments");
        } else if made.is_ok() && failing {
            tracing::info!("journal segments can be made again");
        }
        failing = made.is_err();
        tokio::time::sleep(poll).await;
    }
}

fn answer(done: oneshot::Sender<()>) {
    // Who asked may have given up.
    let _ = done.send(());
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests;
