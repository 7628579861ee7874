//! A segment: one preallocated file that is filled from front to back, then shipped, then used again.
//!
//! ```text
//! magic "AHJ1" │ core u32 │ sequence u64 │ crc32 u32 │ zeros up to 64 │ records …
//! ```

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Where records begin.
pub(super) const HEADER_LEN: u64 = HEADER as u64;
const HEADER: usize = 64;
const MAGIC: [u8; 4] = *b"AHJ1";

/// A preallocated file.
#[derive(Debug)]
pub(super) struct Slot {
    path: PathBuf,
    file: File,
    size: u64,
}

/// A slot in use, under one sequence number of one core.
#[derive(Debug)]
pub(super) struct Segment {
    slot: Arc<Slot>,
    sequence: u64,
    /// Up to where records are complete; only the core's journal moves it.
    written: AtomicU64,
    /// No further record comes.
    sealed: AtomicBool,
}

impl Slot {
    /// Makes the file and writes zeros over all of it, so that later writes need no new disk blocks.
    pub(super) fn create(path: PathBuf, size: u64) -> io::Result<Self> {
        let made = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let preallocated = made.and_then(|file| zero(&file, size).map(|()| file));
        match preallocated {
            Ok(file) => Ok(Self { path, file, size }),
            Err(error) => {
                let text = format!("cannot preallocate {size} bytes for {}: {error}", path.display());
                // What could be written of it is of no use, and may be what fills the disk.
                let _ = std::fs::remove_file(&path);
                Err(io::Error::new(error.kind(), text))
            }
        }
    }

    /// Nothing in it is read again.
    pub(super) fn clear(&self) -> io::Result<()> {
        self.file.write_all_at(&[0; HEADER], 0)
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

impl Segment {
    /// Starts to use a slot.
    pub(super) fn start(slot: Arc<Slot>, core: u32, sequence: u64) -> io::Result<Self> {
        slot.file.write_all_at(&header(core, sequence), 0)?;
        Ok(Self { slot, sequence, written: AtomicU64::new(HEADER_LEN), sealed: AtomicBool::new(false) })
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// Bytes that are still free.
    pub(super) fn room(&self) -> u64 {
        self.slot.size.saturating_sub(self.written())
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    pub(super) fn seal(&self) {
        self.sealed.store(true, Ordering::Release);
    }

    /// Appends a sealed record. There is only one who appends, and it has checked that there is room.
    pub(super) fn append(&self, record: &[u8]) -> io::Result<()> {
        let at = self.written.load(Ordering::Relaxed);
        // After an error the same place is written again: what lies beyond `written` is never read.
        self.slot.file.write_all_at(record, at)?;
        self.written.store(at + record.len() as u64, Ordering::Release);
        Ok(())
    }

    /// At most `limit` of the bytes from `from` up to what is written now.
    pub(super) fn read(&self, from: u64, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        let length = self.written().saturating_sub(from).min(limit);
        into.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
        self.slot.file.read_exact_at(into, from)
    }
}

/// Replaces a file by a segment that holds just these records, sealed for the sequence number.
pub(super) fn replace(path: &Path, core: u32, sequence: u64, records: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, [&header(core, sequence), records].concat())?;
    std::fs::rename(new, path)
}

/// The core and the sequence number of a segment file; none where the slot was not in use.
pub(super) fn identify(path: &Path) -> io::Result<Option<(u32, u64)>> {
    let mut bytes = [0; HEADER];
    match File::open(path)?.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok(read_header(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// The bytes of a segment file's records.
pub(super) fn load(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = std::fs::read(path)?;
    bytes.drain(..HEADER.min(bytes.len()));
    Ok(bytes)
}

fn zero(file: &File, size: u64) -> io::Result<()> {
    let zeros = vec![0; 1 << 18];
    let mut at = 0;
    while at < size {
        let length = usize::try_from(size - at).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all_at(&zeros[..length], at)?;
        at += length as u64;
    }
    Ok(())
}

fn header(core: u32, sequence: u64) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..8].copy_from_slice(&core.to_le_bytes());
    bytes[8..16].copy_from_slice(&sequence.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..16]);
    bytes[16..20].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn read_header(bytes: &[u8; HEADER]) -> Option<(u32, u64)> {
    let core = u32::from_le_bytes(bytes[4..8].try_into().ok()?);
    let sequence = u64::from_le_bytes(bytes[8..16].try_into().ok()?);
    (*bytes == header(core, sequence)).then_some((core, sequence))
}
