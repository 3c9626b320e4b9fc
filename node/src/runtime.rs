//! Connects a [`Node`] to stdin and stdout under the real clock. It uses plain threads, because timers matter
//! here. A channel's `recv_timeout` wakes 0.1 to 0.2 ms late, and an async runtime's timer wheel more than 1
//! ms. That would bias every latency measured with this node. For a single pipe, blocking reads also cost
//! less than readiness polling. One thread reads stdin and passes whole lines on in chunks. The main thread
//! sleeps until lines or a deadline come, handles everything that is there, and writes all messages of the
//! node at once. A node that keeps a [log](crate::storage) has all new values written there, in one write,
//! before a message that others may count on.
//!
//! **Stalls.** A process that was stopped (SIGSTOP) wakes with its deadlines overdue, messages unread, and
//! requests whose clients have given up. It notices by the clock, since it never sleeps for more than a
//! second. It then reads all that waits before it looks at its deadlines, and answers none of these requests.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::message::{ErrorCode, MAX_BATCH, Reply, ReplyTo, Request, Transmit};
use crate::node::{Node, Recovery, STALL, Start};
use crate::storage::{self, Disk, Log};
use crate::time::Time;
use crate::wire::{Incoming, Wire};

/// The longest line in bytes. The node skips and reports longer ones, so that no input exhausts its memory.
pub const MAX_LINE: usize = 64 << 20;
// A node must be able to read what another sends. The other half is for the message's other fields.
const _: () = assert!(MAX_BATCH <= MAX_LINE / 2);
/// How many bytes to read at once.
const READ_SIZE: usize = 64 << 10;
/// How many chunks may wait. Then the reader stops, and so does the writer at the other end of the pipe.
const CHUNKS: usize = 64;
/// How many bytes of input to handle, or of output to gather, before the output is written.
const BURST: usize = 1 << 20;
/// The longest sleep, so that a longer one shows that the process was stopped.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// After a stall, everything has been read when nothing more comes for this long.
const QUIET: Duration = Duration::from_millis(20);
/// After a stall, everything that had waited has been read by then, even if messages never stop.
const LONGEST_BACKLOG: Duration = Duration::from_millis(200);

/// Serves until `input` ends. By then every accepted request has its answer. Keeps a log on `disk`, if
/// there is one.
///
/// # Errors
/// If `input` cannot be read or `output` cannot be written. An `output` without a reader (a broken
/// pipe) is a normal end.
pub fn run(
    config: Config,
    disk: Option<Disk>,
    input: impl Read + Send + 'static,
    output: impl Write,
) -> io::Result<()> {
    let (sender, chunks) = sync_channel(CHUNKS);
    thread::Builder::new().name("stdin".to_owned()).spawn(move || read_lines(input, &sender))?;
    let mut node = Node::new(config, Time::ZERO, seed());
    // A node with a log recovers when `init` tells its name.
    node.recover(Recovery { incarnation: storage::incarnation_by_clock(), start: Start::Unknown, log: None });
    let server = Server {
        node,
        wire: Wire::default(),
        disk,
        log: None,
        log_failed: false,
        epoch: Instant::now(),
        awake_at: Time::ZERO,
        stalled: false,
        buffer: Vec::new(),
        output,
    };
    match server.serve(&chunks) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// A seed that differs from one process to the next. Only jitter depends on it.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// Whole lines, or the error that ended the input.
type Chunk = io::Result<Vec<u8>>;

/// Reads until the end of input. A rest without a newline counts as a line.
fn read_lines(mut input: impl Read, chunks: &SyncSender<Chunk>) {
    let mut pending = Vec::new();
    let mut skipping = false;
    loop {
        let start = pending.len();
        pending.resize(start + READ_SIZE, 0);
        let count = match input.read(&mut pending[start..]) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                pending.truncate(start);
                continue;
            }
            Err(error) => {
                // This fails only if the main thread has ended, which makes the error irrelevant.
                let _ = chunks.send(Err(error));
                return;
            }
        };
        pending.truncate(start + count);
        if count == 0 {
            if !pending.is_empty() && !skipping {
                let _ = chunks.send(Ok(pending));
            }
            return;
        }
        let newline = pending[start..].iter().rposition(|byte| *byte == b'\n');
        let rest = newline.map_or_else(Vec::new, |at| pending.split_off(start + at + 1));
        if newline.is_some() {
            let mut lines = std::mem::replace(&mut pending, rest);
            if std::mem::take(&mut skipping) {
                let end = lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |at| at + 1);
                lines.drain(..end);
            }
            if chunks.send(Ok(lines)).is_err() {
                return;
            }
        } else if skipping || pending.len() > MAX_LINE {
            if !std::mem::replace(&mut skipping, true) {
                report(format_args!("skipped a line longer than {MAX_LINE} bytes"));
            }
            pending = Vec::new();
        }
    }
}

/// Prints a message for a person on stderr. If stderr is closed, the node keeps serving.
fn report(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "node: {what}");
}

struct Server<W> {
    node: Node,
    wire: Wire,
    disk: Option<Disk>,
    /// Open since `init`, if there is a disk.
    log: Option<Log>,
    /// The last write failed, and the failure was logged.
    log_failed: bool,
    epoch: Instant,
    /// When the main thread last looked for something to do.
    awake_at: Time,
    /// The process was stopped, and what came meanwhile has not all been read.
    stalled: bool,
    buffer: Vec<u8>,
    output: W,
}

impl<W: Write> Server<W> {
    fn serve(mut self, chunks: &Receiver<Chunk>) -> io::Result<()> {
        loop {
            let first = self.wait(chunks);
            self.note_stall();
            let mut open = match first {
                Ok(chunk) => {
                    self.take_chunk(&chunk?)?;
                    self.take_waiting(chunks)?
                }
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => false,
            };
            if self.stalled {
                open = open && self.take_backlog(chunks)?;
                self.stalled = false;
            }
            self.write_log()?;
            // Also at the end of input, so that messages that are due still go out.
            let now = self.now();
            if self.node.next_deadline().is_some_and(|deadline| deadline <= now) {
                self.node.on_timeout(now);
                self.write_log()?;
                self.encode()?;
            }
            self.write()?;
            if !open {
                return self.append_to_log();
            }
        }
    }

    fn wait(&mut self, chunks: &Receiver<Chunk>) -> Result<Chunk, RecvTimeoutError> {
        let deadline = self.node.next_deadline().map(|deadline| deadline.saturating_since(self.now()));
        chunks.recv_timeout(deadline.map_or(LONGEST_SLEEP, |left| left.min(LONGEST_SLEEP)))
    }

    /// Notices that the process did not run for a while.
    fn note_stall(&mut self) {
        let now = self.now();
        if now.saturating_since(self.awake_at) > LONGEST_SLEEP + STALL {
            self.stalled = true;
            self.node.on_stall(now);
        }
        self.awake_at = now;
    }

    /// Handles all that came while the process did not run. False at the end of input.
    fn take_backlog(&mut self, chunks: &Receiver<Chunk>) -> io::Result<bool> {
        let until = Instant::now() + LONGEST_BACKLOG;
        loop {
            match chunks.recv_timeout(QUIET) {
                Ok(chunk) => {
                    self.take_chunk(&chunk?)?;
                    // A busy node is never quiet.
                    if Instant::now() >= until {
                        return Ok(true);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Ok(true),
                Err(RecvTimeoutError::Disconnected) => return Ok(false),
            }
        }
    }

    /// Writes the new values to the log if anything waits for that.
    fn write_log(&mut self) -> io::Result<()> {
        if self.node.awaits_log() { self.append_to_log() } else { Ok(()) }
    }

    /// Writes the new values to the log, so that what depends on them may leave.
    fn append_to_log(&mut self) -> io::Result<()> {
        let now = self.now();
        if self.node.unlogged().is_empty() {
            return Ok(());
        }
        let Some(log) = &mut self.log else { return Ok(()) };
        match log.append(self.node.unlogged()) {
            Ok(()) => {
                self.node.on_logged(now);
                self.log_failed = false;
            }
            Err(error) => {
                self.node.on_log_failed(now, &error.to_string());
                if !std::mem::replace(&mut self.log_failed, true) {
                    report(format_args!("{error}; no new value is accepted until that works"));
                }
            }
        }
        self.encode()
    }

    /// Opens the log of the node that `request` names, if it is the first `init`. The error to answer if that
    /// fails.
    fn open_log(&mut self, request: &Request) -> Result<(), Reply> {
        let (Request::Init { .. }, Some(disk), None) = (request, &self.disk, &self.log) else {
            return Ok(());
        };
        let Some(id) = self.wire.me() else { return Ok(()) };
        let opened = Log::open(disk, id).map_err(|error| {
            report(format_args!("{error}"));
            Reply::Error { code: ErrorCode::TemporarilyUnavailable, text: error.to_string().into() }
        })?;
        if let Some(notice) = opened.notice {
            report(format_args!("{notice}"));
        }
        self.node.recover(opened.recovery);
        self.log = Some(opened.log);
        Ok(())
    }

    fn on_request(&mut self, now: Time, from: ReplyTo, request: Request) {
        if let Err(reply) = self.open_log(&request) {
            self.wire.encode(&Transmit::ToClient { to: from, reply }, self.node.values(), &mut self.buffer);
        } else if self.stalled && matches!(request, Request::Broadcast(_) | Request::Read) {
            self.node.on_late_request(now, request);
        } else {
            self.node.on_request(now, from, request);
        }
    }

    /// Handles the chunks that have arrived meanwhile, up to a bound, so that a flood delays neither timers
    /// nor replies for long. Returns false at the end of input.
    fn take_waiting(&mut self, chunks: &Receiver<Chunk>) -> io::Result<bool> {
        let mut handled = 0;
        while handled < BURST {
            match chunks.try_recv() {
                Ok(chunk) => {
                    let chunk = chunk?;
                    handled += chunk.len();
                    self.take_chunk(&chunk)?;
                }
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
        Ok(true)
    }

    fn take_chunk(&mut self, chunk: &[u8]) -> io::Result<()> {
        for line in chunk.split(|byte| *byte == b'\n') {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.take_line(line);
            self.encode()?;
        }
        Ok(())
    }

    fn take_line(&mut self, line: &[u8]) {
        let now = self.now();
        match self.wire.parse(line) {
            Ok(Incoming::Request(from, request)) => self.on_request(now, from, request),
            Ok(Incoming::Peer(from, message)) => self.node.on_message(now, from, message),
            Ok(Incoming::Rejected(to, reply)) => {
                let transmit = Transmit::ToClient { to, reply };
                self.wire.encode(&transmit, self.node.values(), &mut self.buffer);
            }
            Err(why) => {
                let shown = &line[..line.len().min(200)];
                report(format_args!("{why}; the line: {}", String::from_utf8_lossy(shown).escape_debug()));
            }
        }
    }

    fn encode(&mut self) -> io::Result<()> {
        while let Some(transmit) = self.node.poll_transmit() {
            self.wire.encode(&transmit, self.node.values(), &mut self.buffer);
        }
        for notice in self.node.take_notices() {
            report(format_args!("{notice}"));
        }
        if self.buffer.len() >= BURST { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.output.write_all(&self.buffer)?;
            self.output.flush()?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn now(&self) -> Time {
        Time::ZERO + Duration::from_nanos(self.epoch.elapsed().as_nanos() as u64)
    }
}
