//! One node's process: its pipes, its log, its last lines.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;

use rustix::buffer::spare_capacity;
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, Signal, kill_process_group};

use super::lines::LineSplitter;
use super::node_log::{LogWrite, NodeLog};
use super::output_tail::{KEPT_BYTES, LastLines, OutputTail};
use super::program::{self, Unrunnable};
use crate::spec::settings::NodeCommand;
use crate::supervise::{guard, orphans};

/// The longest line that is read as a message, in bytes. A read of ten million values fits.
pub(super) const LONGEST_LINE: usize = 128 << 20;

/// How many bytes are read at once: the capacity of a pipe.
const READ_BYTES: usize = 64 << 10;
/// How many bytes of one stream are read before the other streams have their turn.
const TURN_BYTES: usize = 1 << 20;

/// A running node.
pub(super) struct Process {
    child: Child,
    bin: PathBuf,
    /// `None` once the node has closed it.
    stdin: Option<Rc<OwnedFd>>,
    stdout: Option<Rc<OwnedFd>>,
    /// Kept open, but no longer read.
    unread_stdout: Option<Rc<OwnedFd>>,
    stderr: Option<Rc<OwnedFd>>,
    log: NodeLog,
    /// Bytes for stdin; those from `written` on are not written yet.
    outgoing: Vec<u8>,
    written: usize,
    stdout_lines: LineSplitter,
    last_stdout: LastLines,
    last_stderr: LastLines,
    unfinished_stderr: Vec<u8>,
}

impl Process {
    /// Starts a node whose stderr goes to the file `log_path`.
    pub(super) fn start(node: &NodeCommand, bin: &Path, log_path: PathBuf) -> io::Result<Process> {
        // The mark names the run by a path inside its store.
        let mark = orphans::mark(&log_path);
        let log = NodeLog::open(log_path)?;
        let spawn = |mut command: Command| {
            command
                .args(&node.args)
                .envs(node.env.iter().map(|(name, value)| (name, value)))
                .envs(mark.clone())
                .current_dir(program::working_directory())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .process_group(0)
                .spawn()
        };
        let mut child =
            spawn(Command::new(bin)).or_else(|error| match program::shell_command(bin, &error) {
                Some(shell) => spawn(shell),
                None => Err(error),
            })?;
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
            bin: bin.to_owned(),
            log,
            outgoing: Vec::new(),
            written: 0,
            stdout_lines: LineSplitter::default(),
            last_stdout: LastLines::default(),
            last_stderr: LastLines::default(),
            unfinished_stderr: Vec::new(),
        };
        for pipe in [&process.stdin, &process.stdout, &process.stderr].into_iter().flatten() {
            ioctl_fionbio(pipe, true)?;
        }
        Ok(process)
    }

    /// The node's stdin, if bytes wait to be written to it.
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

    /// Whether bytes wait to be written.
    pub(super) fn is_congested(&self) -> bool {
        self.written < self.outgoing.len()
    }

    /// How many bytes wait to be written.
    pub(super) fn pending_bytes(&self) -> usize {
        self.outgoing.len() - self.written
    }

    /// Writes as much as the pipe accepts. If the node has closed its stdin, drops everything.
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

    /// Reads the node's stdout and calls `on_line` with each whole line.
    ///
    /// # Errors
    /// If a line exceeds [`LONGEST_LINE`].
    pub(super) fn read_stdout(&mut self, mut on_line: impl FnMut(&str)) -> Result<(), LineTooLong> {
        let Some(stdout) = &self.stdout else { return Ok(()) };
        let may_continue = read_available(stdout, self.stdout_lines.buffer());
        let mut on_line = |line: &str| {
            self.last_stdout.push(line);
            on_line(line);
        };
        self.stdout_lines.split(&mut on_line);
        if !may_continue {
            self.stdout = None;
            self.stdout_lines.finish(on_line);
        }
        if self.stdout_lines.unfinished() > LONGEST_LINE {
            return Err(LineTooLong);
        }
        Ok(())
    }

    /// Stops reading stdout. The pipe stays open, so the node can write until the pipe is full, and then
    /// blocks.
    pub(super) fn stop_reading(&mut self) {
        self.unread_stdout = self.stdout.take();
    }

    /// The path of its log.
    pub(super) fn log_path(&self) -> &Path {
        self.log.path()
    }

    /// Copies the node's stderr to its log. Calls `on_line` with each whole line until the log is full.
    pub(super) fn read_stderr(&mut self, mut on_line: impl FnMut(&str)) -> io::Result<LogWrite> {
        let Some(stderr) = &self.stderr else { return Ok(LogWrite::Complete) };
        let mut chunk = Vec::new();
        if !read_available(stderr, &mut chunk) {
            self.stderr = None;
        }
        let write = self.log.write(&chunk)?;
        self.unfinished_stderr.extend_from_slice(&chunk);
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &self.unfinished_stderr[start..]) {
            let line = String::from_utf8_lossy(&self.unfinished_stderr[start..start + length]);
            self.last_stderr.push(&line);
            if write == LogWrite::Complete {
                on_line(&line);
            }
            start += length + 1;
        }
        self.unfinished_stderr.drain(..start);
        if self.unfinished_stderr.len() > 4 * KEPT_BYTES {
            // The log has the whole line; its beginning is enough here.
            self.unfinished_stderr.truncate(KEPT_BYTES);
        }
        Ok(write)
    }

    /// The node's exit status, if it has ended.
    pub(super) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// How the node ended, if it has, with the reason if its program shows one.
    pub(super) fn end(&mut self) -> Option<String> {
        /// With these, `env` and shells say that they could not run a program.
        const NOT_RUN: [i32; 2] = [126, 127];
        let status = self.exit_status()?;
        let not_run = status.code().is_some_and(|code| NOT_RUN.contains(&code));
        let reason = Unrunnable::explain(&self.bin).filter(|_| not_run);
        let reason = reason.map(|reason| format!(": its program {reason}; {}", reason.remedy(&self.bin)));
        Some(format!("{}{}", describe(status), reason.unwrap_or_default()))
    }

    /// The last lines of stdout and stderr.
    pub(super) fn output_tail(&self) -> OutputTail {
        OutputTail { stdout: self.last_stdout.join(), stderr: self.last_stderr.join() }
    }

    /// Kills the node and its child processes, without waiting for their end.
    pub(super) fn kill(&mut self) {
        let Some(group) = group(&self.child) else { return };
        match kill_process_group(group, Signal::KILL) {
            // No process is left. macOS reports that as "not permitted".
            Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
            Err(_) => {
                let _ = self.child.kill();
            }
        }
    }
}

impl Process {
    /// Stops the node and its child processes where they are.
    pub(super) fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Resumes the node.
    pub(super) fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        match group(&self.child).map(|group| kill_process_group(group, signal)) {
            // A node that has just ended is noticed elsewhere.
            None | Some(Ok(()) | Err(Errno::SRCH | Errno::PERM)) => Ok(()),
            Some(Err(error)) => Err(error.into()),
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

/// A node wrote a line of more than [`LONGEST_LINE`] bytes.
#[derive(Debug)]
pub(super) struct LineTooLong;

/// How a process ended, in words.
fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// Appends the bytes that can be read without waiting, up to about [`TURN_BYTES`]. Returns false at the end
/// of the stream.
fn read_available(from: &OwnedFd, into: &mut Vec<u8>) -> bool {
    let enough = into.len() + TURN_BYTES;
    while into.len() < enough {
        into.reserve(READ_BYTES);
        let room = into.capacity() - into.len();
        match rustix::io::read(from, spare_capacity(into)) {
            Ok(0) => return false,
            // If the pipe holds more, it is ready again at once.
            Ok(bytes) if bytes < room.min(READ_BYTES) => return true,
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return true,
            Err(_) => return false,
        }
    }
    true
}
