//! One node's process: its pipes, its log, the last lines it wrote.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;

use rustix::buffer::spare_capacity;
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, Signal, kill_process_group};

use super::node_log::{LogWrite, NodeLog};
use crate::spec::settings::NodeCommand;
use crate::supervise::{guard, orphans};

/// How many of the last lines are kept of each stream, as in Maelstrom.
const KEPT_LINES: usize = 32;
/// How much of a kept line is kept.
const KEPT_BYTES: usize = 2_000;
/// The longest line that is read as a message. A read of ten million values fits.
pub(super) const LONGEST_LINE: usize = 128 << 20;

/// How much is read at once: what a pipe holds.
const READ_BYTES: usize = 64 << 10;
/// How many bytes of one stream are read before the other streams have their turn.
const TURN_BYTES: usize = 1 << 20;

/// A running node.
pub(super) struct Process {
    child: Child,
    /// Absent once the node has closed it.
    stdin: Option<Rc<OwnedFd>>,
    stdout: Option<Rc<OwnedFd>>,
    /// Kept open and not read any more.
    unread_stdout: Option<Rc<OwnedFd>>,
    stderr: Option<Rc<OwnedFd>>,
    log: NodeLog,
    /// What waits to be written to stdin, from `written` on.
    outgoing: Vec<u8>,
    written: usize,
    /// What was read of a line that has not ended.
    incoming: Vec<u8>,
    /// How much of `incoming` is known to have no line end.
    searched: usize,
    last_stdout: VecDeque<String>,
    last_stderr: VecDeque<String>,
    unfinished_stderr: Vec<u8>,
}

impl Process {
    /// Starts a node whose stderr goes to the file `log_path`.
    pub(super) fn start(node: &NodeCommand, bin: &Path, log_path: PathBuf) -> io::Result<Process> {
        // The run's directory is the store's, which the node's log is in.
        let mark = orphans::mark(&log_path);
        let log = NodeLog::create(log_path)?;
        let mut child = Command::new(bin)
            .args(&node.args)
            .envs(node.env.iter().map(|(name, value)| (name, value)))
            .envs(mark)
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        if let Some(group) = group(&child) {
            guard::watch(group);
            log::debug!(
                "started node {bin}, process {group}",
                bin = bin.display(),
                group = group.as_raw_nonzero()
            );
        }
        let process = Process {
            stdin: child.stdin.take().map(|pipe| Rc::new(pipe.into())),
            stdout: child.stdout.take().map(|pipe| Rc::new(pipe.into())),
            unread_stdout: None,
            stderr: child.stderr.take().map(|pipe| Rc::new(pipe.into())),
            child,
            log,
            outgoing: Vec::new(),
            written: 0,
            incoming: Vec::new(),
            searched: 0,
            last_stdout: VecDeque::new(),
            last_stderr: VecDeque::new(),
            unfinished_stderr: Vec::new(),
        };
        for pipe in [&process.stdin, &process.stdout, &process.stderr].into_iter().flatten() {
            ioctl_fionbio(pipe, true)?;
        }
        Ok(process)
    }

    /// The node's stdin, if something waits to be written to it.
    pub(super) fn congested_stdin(&self) -> Option<&Rc<OwnedFd>> {
        self.stdin.as_ref().filter(|_| self.is_congested())
    }

    /// The node's stdout, while it is read.
    pub(super) fn stdout(&self) -> Option<&Rc<OwnedFd>> {
        self.stdout.as_ref()
    }

    /// The node's stderr, until the node closes it.
    pub(super) fn stderr(&self) -> Option<&Rc<OwnedFd>> {
        self.stderr.as_ref()
    }

    /// Queues text for the node's stdin.
    pub(super) fn send(&mut self, text: &str) {
        if self.stdin.is_some() {
            self.outgoing.extend_from_slice(text.as_bytes());
        }
    }

    /// Whether something waits to be written.
    pub(super) fn is_congested(&self) -> bool {
        self.written < self.outgoing.len()
    }

    /// How many bytes wait to be written.
    pub(super) fn pending_bytes(&self) -> usize {
        self.outgoing.len() - self.written
    }

    /// Writes as much as the node takes. A node that has closed its stdin takes everything, and loses it.
    pub(super) fn flush(&mut self) {
        let Some(stdin) = &self.stdin else { return };
        while self.written < self.outgoing.len() {
            match rustix::io::write(stdin, &self.outgoing[self.written..]) {
                Ok(bytes) => self.written += bytes,
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(_) => {
                    self.stdin = None;
                    break;
                }
            }
        }
        self.outgoing.clear();
        self.written = 0;
    }

    /// Reads what the node has written on stdout and gives each whole line to `each`.
    ///
    /// # Errors
    /// If a line exceeds [`LONGEST_LINE`].
    pub(super) fn read_stdout(&mut self, mut each: impl FnMut(&str)) -> Result<(), LineTooLong> {
        let Some(stdout) = &self.stdout else { return Ok(()) };
        if !read_available(stdout, &mut self.incoming) {
            self.stdout = None;
        }
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &self.incoming[self.searched..]) {
            let end = self.searched + length;
            let line = String::from_utf8_lossy(&self.incoming[start..end]);
            keep(&mut self.last_stdout, &line);
            each(&line);
            start = end + 1;
            self.searched = start;
        }
        self.incoming.drain(..start);
        self.searched = self.incoming.len();
        if self.incoming.len() > LONGEST_LINE {
            return Err(LineTooLong);
        }
        Ok(())
    }

    /// Reads nothing more from stdout. The pipe stays open: the node can write until it is full, and then blocks.
    pub(super) fn stop_reading(&mut self) {
        self.unread_stdout = self.stdout.take();
    }

    /// Where its log is.
    pub(super) fn log_path(&self) -> &Path {
        self.log.path()
    }

    /// Copies what the node has written on stderr to its log, and gives each whole line to `each` while the log takes
    /// more.
    pub(super) fn read_stderr(&mut self, mut each: impl FnMut(&str)) -> io::Result<LogWrite> {
        let Some(stderr) = &self.stderr else { return Ok(LogWrite::Complete) };
        let mut chunk = Vec::new();
        if !read_available(stderr, &mut chunk) {
            self.stderr = None;
        }
        let taken = self.log.write(&chunk)?;
        self.unfinished_stderr.extend_from_slice(&chunk);
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &self.unfinished_stderr[start..]) {
            let line = String::from_utf8_lossy(&self.unfinished_stderr[start..start + length]);
            keep(&mut self.last_stderr, &line);
            if taken == LogWrite::Complete {
                each(&line);
            }
            start += length + 1;
        }
        self.unfinished_stderr.drain(..start);
        if self.unfinished_stderr.len() > 4 * KEPT_BYTES {
            // A line without end is in the log; nobody needs more than its beginning here.
            self.unfinished_stderr.truncate(KEPT_BYTES);
        }
        Ok(taken)
    }

    /// The node's exit status, if it has ended.
    pub(super) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The last lines of stdout and stderr.
    pub(super) fn last_lines(&self) -> (String, String) {
        let join = |lines: &VecDeque<String>| lines.iter().cloned().collect::<Vec<_>>().join("\n");
        (join(&self.last_stdout), join(&self.last_stderr))
    }

    /// Kills the node and all that it has started, without waiting for their end.
    pub(super) fn kill(&mut self) {
        let Some(group) = group(&self.child) else { return };
        match kill_process_group(group, Signal::KILL) {
            // There is nobody left, or nobody left that may be killed: the latter is how macOS says the former.
            Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
            Err(_) => {
                let _ = self.child.kill();
            }
        }
    }
}

/// The process group that a node leads.
fn group(node: &Child) -> Option<Pid> {
    i32::try_from(node.id()).ok().and_then(Pid::from_raw)
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
        if let Some(group) = group(&self.child) {
            log::debug!("ended node, process {}", group.as_raw_nonzero());
            guard::forget(group);
        }
    }
}

/// A node wrote a line that is longer than any message may be.
#[derive(Debug)]
pub(super) struct LineTooLong;

/// How a process ended, in words.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// Appends what can be read without waiting, [`TURN_BYTES`] or little more. Whether there may come more.
fn read_available(from: &OwnedFd, into: &mut Vec<u8>) -> bool {
    let enough = into.len() + TURN_BYTES;
    while into.len() < enough {
        into.reserve(READ_BYTES);
        let room = into.capacity() - into.len();
        match rustix::io::read(from, spare_capacity(into)) {
            Ok(0) => return false,
            // A pipe that was not drained to the last byte is ready again at once.
            Ok(bytes) if bytes < room.min(READ_BYTES) => return true,
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return true,
            Err(_) => return false,
        }
    }
    true
}

/// Keeps a line as the last one, cut if it is long.
fn keep(lines: &mut VecDeque<String>, line: &str) {
    // The oldest line's memory serves again.
    let mut kept = if lines.len() == KEPT_LINES { lines.pop_front() } else { None }.unwrap_or_default();
    kept.clear();
    let shown = &line[..line.floor_char_boundary(KEPT_BYTES)];
    kept.push_str(shown);
    if shown.len() < line.len() {
        kept.push_str(" …");
    }
    lines.push_back(kept);
}
