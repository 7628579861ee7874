//! The journal: what a killed process leaves behind.
//!
//! Each core appends to its own segment files with one positional write a record: no lock, no wait for another
//! thread, no fsync (the page cache survives SIGKILL; a lost node does not give it back). The journal is also
//! the queue: the [writer](super::writer) reads behind the core and gives back segments that it has shipped.
//!
//! ```text
//! ROOT/lock                     held while a process's directory is made or looked for
//! ROOT/0000000007/lock          held by the process that uses the directory
//! ROOT/0000000007/holder        the name of that process towards the ledger's leases: a UUID
//! ROOT/0000000007/c00-s01.seg   slot 1 of core 0
//! ROOT/0000000007/c00-open.seg  intents of core 0 whose segment was given back before their outcome came
//! ```
//!
//! An intent is accepted only if there is room for its outcome, and outcomes of all that are open, in the
//! same segment: once an attempt has begun, its outcome can be written.

mod look;
mod reader;
mod record;
mod segment;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

pub use self::look::{Seen, look};
pub use self::reader::{LeftSegment, Leftover, Reader};
pub use self::record::Record;
use self::segment::{HEADER_LEN, Segment, Slot};
use super::{Intent, Outcome};

/// Its folder within a gateway's data.
pub const FOLDER: &str = "journal";

/// How much the journal may hold.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of a segment. An attempt takes about 500.
    pub segment_bytes: u64,
    /// Segments that a core has from the start, and keeps free beside the one being written.
    pub ready_segments: usize,
    /// Most segments a core may have while the store does not take any.
    pub max_segments: usize,
}

impl Default for Options {
    /// 64 MiB a core: about 160,000 attempts with the store away.
    fn default() -> Self {
        Self { segment_bytes: 8 << 20, ready_segments: 2, max_segments: 8 }
    }
}

/// Why a record was not written.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Every segment is full and none has been shipped yet: the store is away or too slow. Nothing was
    /// written; it may work again once the writer has caught up.
    #[error("the journal is full")]
    Full,
    /// The disk failed. Nothing was written.
    #[error("the journal cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// All journals of this process, in a directory of their own. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Journals(Arc<Directory>);

#[derive(Debug)]
struct Directory {
    root: PathBuf,
    dir: PathBuf,
    holder: Uuid,
    options: Options,
    cores: Mutex<Vec<Arc<Core>>>,
    /// Tells others that the process lives; the kernel lets go of it when the process dies.
    _alive: File,
}

/// What a core's journal and the writer share.
#[derive(Debug)]
struct Core {
    number: u32,
    dir: PathBuf,
    options: Options,
    /// Locked at rotation, and by the writer at each poll; never for a record.
    pool: Mutex<Pool>,
    /// Bytes of records that were appended; only the journal adds.
    appended: AtomicU64,
    /// Bytes of records that are in the store; only the reader adds.
    shipped: AtomicU64,
}

#[derive(Debug, Default)]
struct Pool {
    /// In use or not yet shipped, oldest first; the last one is being written.
    segments: VecDeque<Arc<Segment>>,
    free: Vec<Arc<Slot>>,
    /// Slots that exist.
    slots: usize,
    /// Names given to slots so far.
    named: usize,
}

/// One core's journal: belongs to the thread of that core.
#[derive(Debug)]
pub struct Journal {
    core: Arc<Core>,
    current: Arc<Segment>,
    /// Intents whose outcome has not been written.
    open: u64,
    buffer: Vec<u8>,
}

impl Journals {
    /// Makes a new directory for this process under `root` and takes hold of it.
    pub fn create(root: &Path, options: Options) -> io::Result<Self> {
        std::fs::create_dir_all(root)?;
        let (dir, alive) = reader::claim_new(root)?;
        let holder = Uuid::now_v7();
        std::fs::write(dir.join(reader::HOLDER), holder.to_string())?;
        let cores = Mutex::default();
        Ok(Self(Arc::new(Directory { root: root.into(), dir, holder, options, cores, _alive: alive })))
    }

    /// The name of this process towards the ledger's leases. It is the directory's: whoever replays that finds it.
    pub fn holder(&self) -> Uuid {
        self.0.holder
    }

    /// Makes a journal with its first segments preallocated. Each core number is opened once.
    pub fn open(&self, core: usize) -> io::Result<Journal> {
        let number = u32::try_from(core).map_err(io::Error::other)?;
        let Directory { dir, options, .. } = &*self.0;
        let core = Arc::new(Core {
            number,
            dir: dir.clone(),
            options: *options,
            pool: Mutex::default(),
            appended: AtomicU64::new(0),
            shipped: AtomicU64::new(0),
        });
        for _ in 0..options.ready_segments.max(1) {
            core.add_slot()?;
        }
        let current =
            core.start_next(reader::OPEN_SEQUENCE + 1)?.ok_or_else(|| io::Error::other("no segment"))?;
        lock(&self.0.cores).push(core.clone());
        Ok(Journal { core, current, open: 0, buffer: Vec::with_capacity(1024) })
    }

    /// Gives each core without a free segment one more, within the bound. The writer calls this as it polls,
    /// so that a core finds the next segment ready and never preallocates itself.
    pub fn provision(&self) -> io::Result<()> {
        self.cores().iter().filter(|core| core.wants_slot()).try_for_each(|core| core.add_slot())
    }

    /// Whether [`provision`](Self::provision) has anything to do: it blocks, this does not.
    pub fn wants_provision(&self) -> bool {
        self.cores().iter().any(|core| core.wants_slot())
    }

    /// A reader for each core but the first `known`, in the order in which they were opened.
    pub fn readers(&self, known: usize) -> Vec<Reader> {
        self.cores().into_iter().skip(known).map(Reader::new).collect()
    }

    /// What processes that are no longer alive left behind, oldest first. Each is held until it is dropped.
    pub fn leftovers(&self) -> io::Result<Vec<Leftover>> {
        reader::claim_dead(&self.0.root, &self.0.dir)
    }

    /// Bytes of records that were appended and are not in the store yet.
    pub fn lag_bytes(&self) -> u64 {
        let lag = |core: &Arc<Core>| {
            // In this order: what is shipped has been appended.
            let shipped = core.shipped.load(Ordering::Acquire);
            core.appended.load(Ordering::Acquire).saturating_sub(shipped)
        };
        self.cores().iter().map(lag).sum()
    }

    /// Whether every journal was dropped and everything in them is in the store.
    pub fn is_done(&self) -> bool {
        let sealed = |core: &Arc<Core>| core.pool().segments.iter().all(|segment| segment.is_sealed());
        self.cores().iter().all(sealed) && self.lag_bytes() == 0
    }

    /// Removes this process's directory, which holds nothing more that is needed.
    pub fn remove(&self) -> io::Result<()> {
        std::fs::remove_dir_all(&self.0.dir)
    }

    fn cores(&self) -> Vec<Arc<Core>> {
        lock(&self.0.cores).clone()
    }
}

impl Journal {
    /// Appends an intent and keeps room for its outcome. Whoever calls this owes an [`outcome`](Self::outcome),
    /// also when the request is dropped: until then the attempt counts as open, and after the end of the
    /// process as interrupted.
    pub fn intent(&mut self, intent: &Intent) -> Result<(), AppendError> {
        record::encode_intent(&mut self.buffer, intent);
        let need = self.buffer.len() as u64 + (self.open + 1) * record::OUTCOME_LEN;
        if self.current.room() < need {
            self.rotate(need)?;
        }
        self.append()?;
        self.open += 1;
        Ok(())
    }

    /// Appends an outcome, for which its intent has kept room: it is never [`AppendError::Full`]. For the name of a job
    /// none was kept: where there is none left, the outcome is written without.
    pub fn outcome(&mut self, outcome: &Outcome) -> Result<(), AppendError> {
        record::encode_outcome(&mut self.buffer, outcome);
        if outcome.job.is_some() {
            let others = self.open.saturating_sub(1) * record::OUTCOME_LEN;
            let need = self.buffer.len() as u64 + others;
            if self.current.room() < need && self.rotate(need).is_err() {
                record::encode_outcome(&mut self.buffer, &Outcome { job: None, ..outcome.clone() });
            }
        }
        let need = self.buffer.len() as u64;
        if self.current.room() < need {
            // Only without an intent of its own.
            self.rotate(need)?;
        }
        self.append()?;
        self.open = self.open.saturating_sub(1);
        Ok(())
    }

    /// Attempts that have begun and not ended.
    pub fn open_attempts(&self) -> u64 {
        self.open
    }

    fn append(&mut self) -> io::Result<()> {
        record::seal(&mut self.buffer, self.current.sequence());
        self.current.append(&self.buffer)?;
        let appended = self.core.appended.load(Ordering::Relaxed) + self.buffer.len() as u64;
        self.core.appended.store(appended, Ordering::Release);
        Ok(())
    }

    fn rotate(&mut self, need: u64) -> Result<(), AppendError> {
        if need > self.core.options.segment_bytes.saturating_sub(HEADER_LEN) {
            return Err(AppendError::Full);
        }
        let next = self.core.start_next(self.current.sequence() + 1)?.ok_or(AppendError::Full)?;
        self.current.seal();
        self.current = next;
        Ok(())
    }
}

impl Drop for Journal {
    /// Nothing follows: the writer may ship and free the last segment too.
    fn drop(&mut self) {
        self.current.seal();
    }
}

impl Core {
    fn add_slot(&self) -> io::Result<()> {
        let name = {
            let mut pool = self.pool();
            pool.named += 1;
            format!("c{:02}-s{:02}.seg", self.number, pool.named)
        };
        let slot = Slot::create(self.dir.join(name), self.options.segment_bytes)?;
        let mut pool = self.pool();
        pool.slots += 1;
        pool.free.push(Arc::new(slot));
        Ok(())
    }

    fn wants_slot(&self) -> bool {
        let pool = self.pool();
        pool.free.is_empty() && pool.slots < self.options.max_segments
    }

    fn start_next(&self, sequence: u64) -> io::Result<Option<Arc<Segment>>> {
        let mut pool = self.pool();
        let Some(slot) = pool.free.pop() else { return Ok(None) };
        match Segment::start(slot.clone(), self.number, sequence) {
            Ok(segment) => {
                let segment = Arc::new(segment);
                pool.segments.push_back(segment.clone());
                Ok(Some(segment))
            }
            Err(error) => {
                pool.free.push(slot);
                Err(error)
            }
        }
    }

    /// Takes back the oldest segment, which has been shipped.
    fn release(&self, sequence: u64) -> io::Result<()> {
        let mut pool = self.pool();
        let Some(segment) = pool.segments.pop_front_if(|segment| segment.sequence() == sequence) else {
            return Ok(());
        };
        // Used again, not made anew: only what piled up while the store was away is removed.
        if pool.free.len() >= self.options.ready_segments.max(1) {
            pool.slots -= 1;
            return segment.slot().remove();
        }
        pool.free.push(segment.slot().clone());
        segment.slot().clear()
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        lock(&self.pool)
    }
}

/// No code panics while it holds one of these, and if it did, each change is whole by itself.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
