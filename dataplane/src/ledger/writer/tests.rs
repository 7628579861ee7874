use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use aigne_hub_crds::config::PriceSheet;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::*;
use crate::ledger::journal::{self, AppendError, Journal};
use crate::ledger::leases::{Ask, Exchanged};
use crate::ledger::store::StoreError;
use crate::ledger::testing::{intent, outcome};
use crate::ledger::{Intent, Outcome, Status};

const SMALL: journal::Options = journal::Options { segment_bytes: 2_048, ready_segments: 2, max_segments: 4 };

/// A store in memory that can be away.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    away: AtomicBool,
    rows: Mutex<BTreeMap<(Uuid, u32), Row>>,
    tries: Mutex<u64>,
    /// Whoever had rows or was closed, and how often it was.
    holders: Mutex<BTreeMap<Uuid, u32>>,
}

impl Store for Memory {
    async fn insert(&self, holder: Uuid, rows: &[Row]) -> Result<u64, StoreError> {
        *self.0.tries.lock().unwrap() += 1;
        if self.0.away.load(Ordering::Relaxed) {
            return Err(StoreError::Locked);
        }
        self.0.holders.lock().unwrap().entry(holder).or_default();
        let mut kept = self.0.rows.lock().unwrap();
        let before = kept.len();
        for row in rows {
            kept.entry((row.intent.request_id, row.intent.attempt)).or_insert_with(|| row.clone());
        }
        Ok((kept.len() - before) as u64)
    }

    async fn record_sheets(&self, _: &[PriceSheet]) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Leases for Memory {
    async fn exchange(&self, _: Uuid, _: Duration, _: &[Ask]) -> Result<Exchanged, StoreError> {
        Err(StoreError::Locked)
    }

    async fn close(&self, holder: Uuid) -> Result<(), StoreError> {
        if self.0.away.load(Ordering::Relaxed) {
            return Err(StoreError::Locked);
        }
        *self.0.holders.lock().unwrap().entry(holder).or_default() += 1;
        Ok(())
    }

    async fn tidy(&self, _: Duration) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Memory {
    fn closed(&self, holder: Uuid) -> Option<u32> {
        self.0.holders.lock().unwrap().get(&holder).copied()
    }

    fn set_away(&self, away: bool) {
        self.0.away.store(away, Ordering::Relaxed);
    }

    fn statuses(&self) -> BTreeMap<(u128, u32), Status> {
        let rows = self.0.rows.lock().unwrap();
        rows.iter().map(|((id, attempt), row)| ((id.as_u128(), *attempt), row.outcome.status)).collect()
    }

    fn count(&self) -> usize {
        self.0.rows.lock().unwrap().len()
    }
}

/// One life of a gateway process.
struct Process {
    journals: Journals,
    handle: Handle,
    task: JoinHandle<()>,
}

impl Process {
    fn start(root: &Path, store: &Memory) -> Self {
        let journals = Journals::create(root, SMALL).unwrap();
        let (writer, handle) = Writer::new(journals.clone(), store.clone(), Options::default());
        let task = tokio::spawn(writer.run());
        Self { journals, handle, task }
    }

    /// As SIGKILL does: nothing is said goodbye to. The journals must have been dropped.
    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        // What blocks cannot be aborted: on the only thread for such work, it has ended when this ends.
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).max_blocking_threads(1).build().unwrap().block_on(test)
}

fn attempt(journal: &mut Journal, number: u128) {
    journal.intent(&intent(number, 1)).unwrap();
    journal.outcome(&outcome(number, 1)).unwrap();
}

fn directories(root: &Path) -> usize {
    fs::read_dir(root).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
}

#[test]
fn a_flush_covers_everything_appended_before() {
    run(async {
        let (root, store) = (TempDir::new().unwrap(), Memory::default());
        let process = Process::start(root.path(), &store);
        let mut first = process.journals.open(0).unwrap();
        attempt(&mut first, 1);
        process.handle.flush().await;
        assert_eq!(store.statuses(), [((1, 1), Status::Completed)].into());

        // A core that is opened later, and an attempt that is still open.
        let mut second = process.journals.open(1).unwrap();
        attempt(&mut second, 2);
        second.intent(&intent(3, 1)).unwrap();
        process.handle.flush().await;
        assert_eq!(store.count(), 2);
        assert_eq!(process.handle.lag_bytes(), 0);
        second.outcome(&outcome(3, 1)).unwrap();
        process.handle.flush().await;
        assert_eq!(store.count(), 3);
        assert_eq!(process.handle.metrics().rows.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn without_being_asked_it_ships_at_each_poll() {
    run(async {
        let (root, store) = (TempDir::new().unwrap(), Memory::default());
        let process = Process::start(root.path(), &store);
        let mut journal = process.journals.open(0).unwrap();
        attempt(&mut journal, 1);
        while store.count() == 0 {
            tokio::time::sleep(Options::default().poll).await;
        }
    });
}

#[test]
fn an_outcome_without_an_intent_is_counted_and_harmless() {
    run(async {
        let (root, store) = (TempDir::new().unwrap(), Memory::default());
        let process = Process::start(root.path(), &store);
        let mut journal = process.journals.open(0).unwrap();
        attempt(&mut journal, 1);
        journal.outcome(&outcome(1, 1)).unwrap();
        journal.outcome(&outcome(2, 1)).unwrap();
        attempt(&mut journal, 3);
        process.handle.flush().await;
        assert_eq!(store.count(), 2);
        assert_eq!(process.handle.metrics().unmatched.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_clean_end_leaves_nothing_behind() {
    run(async {
        let (root, store) = (TempDir::new().unwrap(), Memory::default());
        let process = Process::start(root.path(), &store);
        let mut journal = process.journals.open(0).unwrap();
        attempt(&mut journal, 1);
        drop(journal);
        process.handle.close().await;
        process.task.await.unwrap();
        assert_eq!((store.count(), directories(root.path())), (1, 0));
        assert_eq!(store.closed(process.journals.holder()), Some(1));
    });
}

#[test]
fn who_cannot_give_back_what_it_holds_leaves_that_to_the_next_start() {
    run(async {
        let (root, store) = (TempDir::new().unwrap(), Memory::default());
        let process = Process::start(root.path(), &store);
        attempt(&mut process.journals.open(0).unwrap(), 1);
        process.handle.flush().await;
        store.set_away(true);
        process.handle.close().await;
        process.task.await.unwrap();
        let holder = process.journals.holder();
        assert_eq!((store.closed(holder), directories(root.path())), (Some(0), 1));
        drop(process.journals);
        let next = Process::start(root.path(), &store);
        tokio::time::sleep(Options::default().max_retry).await;
        assert_eq!((store.closed(holder), directories(root.path())), (Some(0), 2));
        store.set_away(false);
        next.handle.flush().await;
        assert_eq!((store.closed(holder), directories(root.path())), (Some(1), 1));
        assert_eq!(store.closed(next.journals.holder()), None, "it lives");
    });
}

#[test]
fn an_end_with_open_attempts_leaves_them_to_the_next_start() {
    run(async {
        let (root, store) = (TempDir::new().unwrap(), Memory::default());
        let process = Process::start(root.path(), &store);
        let mut journal = process.journals.open(0).unwrap();
        attempt(&mut journal, 1);
        journal.intent(&intent(2, 1)).unwrap();
        drop(journal);
        process.handle.close().await;
        assert_eq!((store.count(), directories(root.path())), (1, 1));
        let holder = process.journals.holder();
        assert_eq!(store.closed(holder), Some(0), "what it holds is needed until the open attempt is known");
        drop(process.journals);

        let next = Process::start(root.path(), &store);
        next.handle.flush().await;
        assert_eq!(store.statuses(), [((1, 1), Status::Completed), ((2, 1), Status::Interrupted)].into());
        assert_eq!(directories(root.path()), 1, "only its own");
        assert_eq!(store.closed(holder), Some(1));
        let metrics = next.handle.metrics();
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        assert_eq!(
            (count(&metrics.rows), count(&metrics.duplicates), count(&metrics.interrupted)),
            (1, 0, 1)
        );
    });
}

#[test]
fn a_long_attempt_holds_no_segment_and_pairs_in_the_end() {
    run(async {
        let (root, store) = (TempDir::new().unwrap(), Memory::default());
        let process = Process::start(root.path(), &store);
        let mut journal = process.journals.open(0).unwrap();
        let long = Intent { user: Some("the long one".into()), ..intent(1_000, 1) };
        journal.intent(&long).unwrap();
        journal.intent(&intent(1_001, 1)).unwrap();
        // Many times what all segments can hold.
        for number in 0..200 {
            attempt(&mut journal, number);
            process.handle.flush().await;
        }
        journal.outcome(&outcome(1_000, 1)).unwrap();
        process.handle.flush().await;
        assert_eq!(store.count(), 201);
        let paired = store.0.rows.lock().unwrap()[&(Uuid::from_u128(1_000), 1)].clone();
        assert_eq!((paired.intent, paired.outcome.status), (long, Status::Completed));

        drop(journal);
        process.kill().await;
        let next = Process::start(root.path(), &store);
        next.handle.flush().await;
        let statuses = store.statuses();
        assert_eq!(statuses.len(), 202);
        assert_eq!(statuses[&(1_001, 1)], Status::Interrupted);
        assert_eq!(statuses.values().filter(|status| **status == Status::Completed).count(), 201);
    });
}

#[test]
fn a_store_that_is_away_costs_no_row() {
    run(async {
        let (root, store) = (TempDir::new().unwrap(), Memory::default());
        store.set_away(true);
        let process = Process::start(root.path(), &store);
        let mut journal = process.journals.open(0).unwrap();
        let mut accepted = 0;
        // Until the bound: the writer goes on making segments ready though the store takes nothing.
        loop {
            match journal.intent(&intent(accepted, 1)) {
                Ok(()) => {
                    journal.outcome(&outcome(accepted, 1)).unwrap();
                    accepted += 1;
                }
                Err(AppendError::Full) if segments(root.path()).len() == SMALL.max_segments => break,
                Err(AppendError::Full) => tokio::time::sleep(Options::default().poll).await,
                Err(AppendError::Io(error)) => panic!("{error}"),
            }
        }
        while store.0.tries.lock().unwrap().le(&5) {
            tokio::time::sleep(Options::default().poll).await;
        }
        assert!(process.handle.metrics().away.load(Ordering::Relaxed));
        assert!(process.handle.lag_bytes() > SMALL.segment_bytes * 3);
        assert_eq!(store.count(), 0);
        store.set_away(false);
        process.handle.flush().await;
        assert_eq!(store.count() as u128, accepted);
        assert!(!process.handle.metrics().away.load(Ordering::Relaxed));
        attempt(&mut journal, accepted);
        process.handle.flush().await;
        assert_eq!(store.count() as u128, accepted + 1);
    });
}

#[test]
fn killed_while_the_store_is_away_it_is_replayed() {
    run(async {
        let (root, store) = (TempDir::new().unwrap(), Memory::default());
        store.set_away(true);
        for life in 0..3 {
            let process = Process::start(root.path(), &store);
            let mut journal = process.journals.open(0).unwrap();
            attempt(&mut journal, life);
            tokio::time::sleep(Options::default().max_retry).await;
            drop(journal);
            process.kill().await;
        }
        assert_eq!((store.count(), directories(root.path())), (0, 3));
        store.set_away(false);
        Process::start(root.path(), &store).handle.flush().await;
        assert_eq!((store.count(), directories(root.path())), (3, 1));
    });
}

fn segments(root: &Path) -> Vec<PathBuf> {
    let files = |dir: PathBuf| fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path());
    let dirs = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    dirs.flat_map(files).filter(|path| path.to_string_lossy().contains("-s")).collect()
}

#[test]
fn a_segment_cut_at_any_byte_gives_whole_rows() {
    run(async {
        let root = TempDir::new().unwrap();
        let journals = Journals::create(root.path(), SMALL).unwrap();
        let mut journal = journals.open(0).unwrap();
        attempt(&mut journal, 1);
        attempt(&mut journal, 2);
        drop((journal, journals));
        let used = |path: &PathBuf| fs::read(path).unwrap().starts_with(b"AHJ1");
        let path = segments(root.path()).into_iter().find(used).unwrap();
        let whole = fs::read(&path).unwrap();
        let dir = path.parent().unwrap();
        let mut seen = Vec::new();
        for cut in 0..=whole.len() {
            fs::create_dir_all(dir).unwrap();
            fs::write(&path, [&whole[..cut], &[0xA5; 40]].concat()).unwrap();
            let store = Memory::default();
            let process = Process::start(root.path(), &store);
            process.handle.flush().await;
            assert!(!dir.exists());
            seen.push(store.statuses().into_values().collect::<Vec<_>>());
            process.handle.close().await;
        }
        seen.dedup();
        let (ended, open) = (Status::Completed, Status::Interrupted);
        assert_eq!(seen, [vec![], vec![open], vec![ended], vec![ended, open], vec![ended, ended]]);
    });
}

#[derive(Clone, Debug)]
enum Step {
    Begin { core: usize },
    Retry { which: usize },
    End { which: usize },
    Flush,
    Provision,
    Away(bool),
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3_usize).prop_map(|core| Step::Begin { core }),
        2 => any::<usize>().prop_map(|which| Step::Retry { which }),
        8 => any::<usize>().prop_map(|which| Step::End { which }),
        3 => Just(Step::Flush),
        2 => Just(Step::Provision),
        1 => any::<bool>().prop_map(Step::Away),
        1 => Just(Step::Kill),
    ]
}

/// What has happened, and what must be in the store in the end.
struct World {
    root: TempDir,
    store: Memory,
    process: Option<(Process, Vec<Journal>)>,
    open: Vec<(usize, u128, u32)>,
    expected: BTreeMap<(u128, u32), Status>,
    next: u128,
}

impl World {
    fn start(&mut self) {
        let process = Process::start(self.root.path(), &self.store);
        let journals = (0..3).map(|core| process.journals.open(core).unwrap()).collect();
        self.process = Some((process, journals));
    }

    fn begin(&mut self, core: usize, number: u128, attempt: u32) {
        let Some((_, journals)) = &mut self.process else { return };
        if journals[core].intent(&intent(number, attempt)).is_ok() {
            self.open.push((core, number, attempt));
            self.expected.insert((number, attempt), Status::Interrupted);
        }
    }

    fn end(&mut self, which: usize) -> Option<(usize, u128, u32)> {
        let (_, journals) = self.process.as_mut()?;
        let which = which.checked_rem(self.open.len())?;
        let (core, number, attempt) = self.open.swap_remove(which);
        let status = if which.is_multiple_of(2) { Status::Completed } else { Status::Broken };
        journals[core].outcome(&Outcome { status, ..outcome(number, attempt) }).unwrap();
        self.expected.insert((number, attempt), status);
        Some((core, number, attempt))
    }

    async fn kill(&mut self) {
        if let Some((process, journals)) = self.process.take() {
            drop(journals);
            process.kill().await;
        }
        self.open.clear();
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Begin { core } => {
                self.next += 1;
                self.begin(core, self.next, 1);
            }
            Step::Retry { which } => {
                if let Some((core, number, attempt)) = self.end(which) {
                    self.begin(core, number, attempt + 1);
                }
            }
            Step::End { which } => drop(self.end(which)),
            Step::Flush => {
                let Some((process, _)) = &self.process else { return };
                if self.store.0.away.load(Ordering::Relaxed) {
                    tokio::time::sleep(Options::default().max_retry).await;
                } else {
                    process.handle.flush().await;
                }
            }
            Step::Provision => tokio::time::sleep(Options::default().poll * 2).await,
            Step::Away(away) => self.store.set_away(away),
            Step::Kill => {
                self.kill().await;
                self.start();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any interleaving of cores, attempts, rotations, outages and kills ships each attempt exactly once, with
    /// its own outcome if it had one.
    #[test]
    fn every_attempt_becomes_one_row(steps in proptest::collection::vec(step(), 1..200)) {
        let (found, expected) = run(async {
            let mut world = World {
                root: TempDir::new().unwrap(),
                store: Memory::default(),
                process: None,
                open: Vec::new(),
                expected: BTreeMap::new(),
                next: 0,
            };
            world.start();
            for step in steps {
                world.take(step).await;
            }
            world.kill().await;
            world.store.set_away(false);
            world.start();
            world.process.as_ref().unwrap().0.handle.flush().await;
            world.kill().await;
            (world.store.statuses(), world.expected)
        });
        prop_assert_eq!(found, expected);
    }
}
