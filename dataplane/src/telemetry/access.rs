//! The access log: one JSON line a request.
//!
//! Each core writes lines into its own buffer and hands it over whole, when it is full or a tick comes. One thread
//! writes the buffers, each with one write, so lines never interleave, and a reader that is too slow for the log
//! (a full pipe) never holds up a request: lines are dropped then, and counted.

use std::{
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc,
        atomic::Ordering::Relaxed,
        mpsc::{self, SyncSender, TrySendError},
    },
    thread,
    time::Duration,
};

use super::{Telemetry, series::Cores};

mod line;

pub use line::AccessLine;

/// A buffer is handed over when it holds this many bytes. A pipe takes as much at once.
const FULL: usize = 32 * 1024;
/// Buffers on their way to the thread: 4 MiB at most.
const QUEUE: usize = 128;
/// How often a core should call [`AccessLog::flush`].
pub const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// How long the end of the process waits for a reader that is stuck.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// Appended to a file (rotate it by copy and truncate).
    File(PathBuf),
}

impl FromStr for Destination {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "off" => Self::Off,
            "stdout" | "-" => Self::Stdout,
            path => Self::File(path.into()),
        })
    }
}

/// The thread that writes. One for the process.
pub struct AccessWriter {
    sender: Option<SyncSender<Message>>,
    done: mpsc::Receiver<()>,
    cores: Arc<Cores>,
}

enum Message {
    /// Whole lines, and how many.
    Lines(Vec<u8>, u64),
    End,
}

impl AccessWriter {
    /// Opens the destination and starts the thread.
    pub fn start(destination: &Destination, telemetry: &Telemetry) -> io::Result<Self> {
        let cores = Arc::clone(&telemetry.cores);
        let (ended, done) = mpsc::sync_channel(1);
        let Some(mut file) = open(destination)? else {
            return Ok(Self { sender: None, done, cores });
        };
        let (sender, messages) = mpsc::sync_channel(QUEUE);
        let counters = Arc::clone(&cores);
        thread::Builder::new().name("access-log".into()).spawn(move || {
            let mut failing = false;
            while let Ok(Message::Lines(bytes, lines)) = messages.recv() {
                let written = file.write_all(&bytes);
                if let Err(error) = &written {
                    counters.access_log_dropped.fetch_add(lines, Relaxed);
                    if !failing {
                        tracing::error!(%error, "the access log cannot be written; requests go on");
                    }
                }
                failing = written.is_err();
            }
            let _ = ended.send(());
        })?;
        Ok(Self { sender: Some(sender), done, cores })
    }

    /// A core's own log.
    pub fn log(&self) -> AccessLog {
        AccessLog {
            sender: self.sender.clone(),
            buffer: Vec::new(),
            lines: 0,
            clock: line::SecondCache::default(),
            cores: Arc::clone(&self.cores),
        }
    }

    /// Waits until everything that was handed over is written. Call it after the cores have ended.
    pub fn finish(mut self) {
        let Some(sender) = self.sender.take() else { return };
        // Where the queue is full, the thread ends when the last sender is gone.
        let _ = sender.try_send(Message::End);
        drop(sender);
        let _ = self.done.recv_timeout(PATIENCE);
    }
}

fn open(destination: &Destination) -> io::Result<Option<File>> {
    use std::os::fd::AsFd as _;
    match destination {
        Destination::Off => Ok(None),
        // Not through `Stdout`: its lock and its buffer would cut lines in two.
        Destination::Stdout => Ok(Some(io::stdout().as_fd().try_clone_to_owned()?.into())),
        Destination::File(path) => Ok(Some(File::options().create(true).append(true).open(path)?)),
    }
}

/// One core's lines. What is left is handed over when it is dropped.
pub struct AccessLog {
    sender: Option<SyncSender<Message>>,
    buffer: Vec<u8>,
    lines: u64,
    clock: line::SecondCache,
    cores: Arc<Cores>,
}

impl AccessLog {
    /// Appends a line. Takes no lock and never blocks.
    pub fn write(&mut self, line: &AccessLine<'_>) {
        if self.sender.is_none() {
            return;
        }
        line.write(&mut self.clock, &mut self.buffer);
        self.lines += 1;
        if self.buffer.len() >= FULL {
            self.flush();
        }
    }

    /// Hands over what there is; call it every [`FLUSH_EVERY`].
    pub fn flush(&mut self) {
        let Some(sender) = self.sender.as_ref().filter(|_| self.lines > 0) else { return };
        // The next buffer will be about as long as this one.
        let next = Vec::with_capacity(self.buffer.len());
        let message = Message::Lines(std::mem::replace(&mut self.buffer, next), self.lines);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = sender.try_send(message) {
            self.cores.access_log_dropped.fetch_add(self.lines, Relaxed);
        }
        self.lines = 0;
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests;
