//! Reading segments: behind a living core, and after a dead process.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::record::Record;
use super::segment::{self, HEADER_LEN, Segment};
use super::{Core, record};

/// Follows one core's journal.
///
/// [`read`](Self::read) moves ahead; only [`release`](Self::release) gives segments back to the core, so
/// nothing is lost if the store refuses what was read in between.
#[derive(Debug)]
pub struct Reader {
    core: Arc<Core>,
    sequence: u64,
    offset: u64,
    buffer: Vec<u8>,
}

/// The directory of a process that is no longer alive.
#[derive(Debug)]
pub struct Leftover {
    dir: PathBuf,
    /// So that no other process replays it too.
    _held: File,
}

impl Reader {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, sequence: 0, offset: HEADER_LEN, buffer: Vec::new() }
    }

    /// The core's number.
    pub fn core(&self) -> u32 {
        self.core.number
    }

    /// Hands over what was appended since the last call, oldest first, up to about `limit` bytes (whole
    /// segments' remainders). Returns whether there may be more.
    pub fn read(&mut self, limit: u64, mut each: impl FnMut(Record)) -> io::Result<bool> {
        let mut taken = 0;
        for segment in self.unread() {
            if segment.sequence() > self.sequence {
                (self.sequence, self.offset) = (segment.sequence(), HEADER_LEN);
            }
            if taken >= limit {
                return Ok(true);
            }
            segment.read(self.offset, &mut self.buffer)?;
            let read = for_each(&self.buffer, self.sequence, &mut each);
            if read < self.buffer.len() {
                let (core, sequence) = (self.core.number, self.sequence);
                tracing::error!(core, sequence, offset = self.offset + read as u64, "journal record damaged");
            }
            self.offset += self.buffer.len() as u64;
            taken += self.buffer.len() as u64;
        }
        Ok(false)
    }

    /// Bytes that were appended and not read yet.
    pub fn lag(&self) -> u64 {
        let unread = |segment: Arc<Segment>| {
            let from = if segment.sequence() == self.sequence { self.offset } else { HEADER_LEN };
            segment.written().saturating_sub(from)
        };
        self.unread().into_iter().map(unread).sum()
    }

    /// The sealed segments that have been read to their end.
    pub fn finished(&self) -> Vec<u64> {
        let pool = self.core.pool();
        let finished = |segment: &&Arc<Segment>| {
            let at_end = segment.sequence() == self.sequence && self.offset >= segment.written();
            segment.is_sealed() && (segment.sequence() < self.sequence || at_end)
        };
        pool.segments.iter().take_while(finished).map(|segment| segment.sequence()).collect()
    }

    /// Gives a finished segment back: everything in it is in the store.
    pub fn release(&self, sequence: u64) -> io::Result<()> {
        self.core.release(sequence)
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

    /// Hands over every whole record, core by core, oldest first.
    pub fn read(&self, mut each: impl FnMut(Record)) -> io::Result<()> {
        let mut segments = Vec::new();
        for path in entries(&self.dir)? {
            if path.extension().is_some_and(|extension| extension == "seg")
                && let Some((core, sequence, _)) = segment::load(&path)?
            {
                segments.push((core, sequence, path));
            }
        }
        segments.sort();
        for (_, sequence, path) in segments {
            if let Some((_, _, bytes)) = segment::load(&path)? {
                for_each(&bytes, sequence, &mut each);
            }
        }
        Ok(())
    }

    /// Removes the directory: everything in it is in the store.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_dir_all(&self.dir)
    }
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
            Ok(()) => dead.push(Leftover { dir, _held: held }),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(dead)
}

fn lock_root(root: &Path) -> io::Result<File> {
    let lock = File::create(root.join("lock"))?;
    lock.lock()?;
    Ok(lock)
}

fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.parse().ok()
}

fn entries(dir: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect()
}
