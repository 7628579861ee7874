//! Reading segments: behind a living core, and after a dead process.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::record::{self, Record};
use super::segment::{self, HEADER_LEN, Segment};
use super::{Core, Intent};

/// The sequence number of `c00-open.seg`, before those of all segments.
pub(super) const OPEN_SEQUENCE: u64 = 0;

/// The file that has the process's name towards the ledger's leases.
pub(super) const HOLDER: &str = "holder";

/// Most bytes that one read takes from one core. Half of it is more than the longest record, whose eight
/// strings are 64 KiB at most, and whose draws are a handful of names that are bounded far below that.
const CHUNK: u64 = 2 << 20;

/// Follows one core's journal.
///
/// [`read`](Self::read) moves ahead; only [`shipped`](Self::shipped) gives segments back to the core, so
/// nothing is lost if the process ends in between.
#[derive(Debug)]
pub struct Reader {
    core: Arc<Core>,
    sequence: u64,
    offset: u64,
    /// Bytes of records, in all.
    read: u64,
    buffer: Vec<u8>,
}

/// The directory of a process that is no longer alive.
#[derive(Debug)]
pub struct Leftover {
    dir: PathBuf,
    holder: Uuid,
    /// So that no other process replays it too.
    _held: File,
}

/// One segment that a process left behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftSegment {
    core: u32,
    sequence: u64,
    path: PathBuf,
}

impl Reader {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, sequence: OPEN_SEQUENCE, offset: HEADER_LEN, read: 0, buffer: Vec::new() }
    }

    /// The core's number.
    pub fn core(&self) -> u32 {
        self.core.number
    }

    /// Hands over what was appended since the last call, oldest first, up to about two mebibytes. Returns
    /// whether there is more.
    pub fn read(&mut self, mut each: impl FnMut(Record)) -> io::Result<bool> {
        let mut left = CHUNK;
        for segment in self.unread() {
            if segment.sequence() > self.sequence {
                (self.sequence, self.offset) = (segment.sequence(), HEADER_LEN);
            }
            while self.offset < segment.written() {
                if left < CHUNK / 2 {
                    return Ok(true);
                }
                segment.read(self.offset, left, &mut self.buffer)?;
                let read = self.parse(&mut each);
                self.offset += read;
                self.read += read;
                left = left.saturating_sub(read);
            }
        }
        Ok(false)
    }

    /// Hands over the records in the buffer; returns how many of its bytes are done with.
    fn parse(&self, each: &mut impl FnMut(Record)) -> u64 {
        let (read, all) = (for_each(&self.buffer, self.sequence, each) as u64, self.buffer.len() as u64);
        // The last record of a full buffer may be cut off: it is read with the next one.
        if read == all || (read > 0 && all >= CHUNK / 2) {
            return read;
        }
        let (core, sequence, offset) = (self.core.number, self.sequence, self.offset + read);
        tracing::error!(core, sequence, offset, lost_bytes = all - read, "the journal is damaged");
        all
    }

    /// Everything that was read is in the store, but for the `open` intents. Gives finished segments back to
    /// the core, once those intents are safe in a file of their own.
    pub fn shipped<'a>(&mut self, open: impl Iterator<Item = &'a Intent>) -> io::Result<()> {
        self.core.shipped.store(self.read, Ordering::Release);
        let finished = self.finished();
        if finished.is_empty() {
            return Ok(());
        }
        let (mut records, mut one) = (Vec::new(), Vec::new());
        for intent in open {
            record::encode_intent(&mut one, intent);
            record::seal(&mut one, OPEN_SEQUENCE);
            records.extend_from_slice(&one);
        }
        let path = self.core.dir.join(format!("c{:02}-open.seg", self.core.number));
        segment::replace(&path, self.core.number, OPEN_SEQUENCE, &records)?;
        finished.into_iter().try_for_each(|sequence| self.core.release(sequence))
    }

    /// The sealed segments that have been read to their end.
    fn finished(&self) -> Vec<u64> {
        let pool = self.core.pool();
        let finished = |segment: &&Arc<Segment>| {
            let at_end = segment.sequence() == self.sequence && self.offset >= segment.written();
            segment.is_sealed() && (segment.sequence() < self.sequence || at_end)
        };
        pool.segments.iter().take_while(finished).map(|segment| segment.sequence()).collect()
    }

    fn unread(&self) -> Vec<Arc<Segment>> {
        let pool = self.core.pool();
        pool.segments.iter().filter(|segment| segment.sequence() >= self.sequence).cloned().collect()
    }
}

impl Leftover {
    /// For messages.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The process's name towards the ledger's leases; nil where it had none: an earlier version's.
    pub fn holder(&self) -> Uuid {
        self.holder
    }

    /// Core by core, oldest first.
    pub fn segments(&self) -> io::Result<Vec<LeftSegment>> {
        let mut segments = segments_of(&self.dir)?;
        segments.sort();
        Ok(segments)
    }

    /// Removes the directory: everything in it is in the store.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_dir_all(&self.dir)
    }
}

impl LeftSegment {
    pub(super) fn core(&self) -> u32 {
        self.core
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Its whole records.
    pub fn read(&self) -> io::Result<Vec<Record>> {
        let mut records = Vec::new();
        for_each(&segment::load(&self.path)?, self.sequence, &mut |record| records.push(record));
        Ok(records)
    }
}

/// The segments in use of a process's directory, in no order.
pub(super) fn segments_of(dir: &Path) -> io::Result<Vec<LeftSegment>> {
    let mut segments = Vec::new();
    for path in entries(dir)? {
        if path.extension().is_some_and(|extension| extension == "seg")
            && let Some((core, sequence)) = segment::identify(&path)?
        {
            segments.push(LeftSegment { core, sequence, path });
        }
    }
    Ok(segments)
}

/// Reads records up to the first that is not whole; returns the bytes read.
fn for_each(bytes: &[u8], sequence: u64, each: &mut impl FnMut(Record)) -> usize {
    let mut at = 0;
    while let Some((body, length)) = bytes.get(at..).and_then(|rest| record::unseal(rest, sequence)) {
        if let Some(record) = record::decode(body) {
            each(record);
        } else {
            tracing::error!(sequence, offset = at, "journal record of an unknown kind");
        }
        at += length;
    }
    at
}

/// Makes the next numbered directory and takes hold of it.
pub(super) fn claim_new(root: &Path) -> io::Result<(PathBuf, File)> {
    let _root = lock_root(root)?;
    let last = entries(root)?.iter().filter_map(|path| number(path)).max().unwrap_or(0);
    let dir = root.join(format!("{:010}", last + 1));
    DirBuilder::new().create(&dir)?;
    let alive = File::create(dir.join("lock"))?;
    alive.lock()?;
    Ok((dir, alive))
}

/// Takes hold of the directories that nobody holds, but for `own`.
pub(super) fn claim_dead(root: &Path, own: &Path) -> io::Result<Vec<Leftover>> {
    let _root = lock_root(root)?;
    let mut dirs: Vec<_> =
        entries(root)?.into_iter().filter(|path| path != own && number(path).is_some()).collect();
    dirs.sort();
    let mut dead = Vec::new();
    for dir in dirs {
        let held = File::create(dir.join("lock"))?;
        match held.try_lock() {
            Ok(()) => dead.push(Leftover { holder: holder(&dir)?, dir, _held: held }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(dead)
}

/// Nil also where the process was killed while it wrote its name: it can have done nothing yet.
fn holder(dir: &Path) -> io::Result<Uuid> {
    match std::fs::read_to_string(dir.join(HOLDER)) {
        Ok(text) => Ok(text.parse().unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Uuid::nil()),
        Err(error) => Err(error),
    }
}

fn lock_root(root: &Path) -> io::Result<File> {
    let lock = File::create(root.join("lock"))?;
    lock.lock()?;
    Ok(lock)
}

pub(super) fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.parse().ok()
}

pub(super) fn entries(dir: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect()
}
