//! The write-ahead log: what a node still knows after it was killed.
//!
//! # What is promised
//!
//! A value is in the log before the node acknowledges it to a client or a node, and before the node sends it.
//! So a value that a client knows of survives `kill -9` of any number of nodes, all of them at once included.
//! The operating system keeps what a killed process has written. Only a power failure or a crash of the
//! system loses it, unless each write also waits for the disk (`--fsync`).
//!
//! # How a value gets there
//!
//! ```text
//! stdin ─► a burst of lines ─► Node: messages wait ─► one record with all new values ─► write (fsync)
//!                                   │                                                      │
//! stdout ◄─ read_ok ◄───────────────┘                                                      │
//! stdout ◄─ one write with all other messages ◄────────────────────────────── on_logged ◄──┘
//! ```
//!
//! [`Node`](crate::Node) does no I/O: it says when values must be written
//! ([`Node::awaits_log`](crate::Node::awaits_log)) and continues when they are. The [runtime](crate::runtime)
//! then writes all new values at once. A burst causes a `write` if it has a client's new value, or if it
//! sends a message to a peer while a peer's values are unwritten. The write has all unwritten values.
//!
//! # Why a read need not wait
//!
//! A read may show a peer's value that is not in this node's log yet. If the node is killed then, it forgets
//! a value that a client has seen. Nothing is lost all the same:
//!
//! 1. The origin of a value logs it before it does anything else with it. So what a read shows is in the log
//!    of its origin at least, and the node's own values are in its own log.
//! 2. A node sends a value only after it has logged it, because every message to a peer waits for all values
//!    that the node knows. So whoever sent the value here has it in its log.
//! 3. Every acknowledgement is a message to a peer too. So this node has acknowledged only what is in its
//!    log. To the sender, a node that forgot the rest is a node that never received it: the sender's
//!    [link](crate::link) still owes the value. It sends it again when the new [incarnation](Incarnation)
//!    answers, or after a restart of its own, as if the first message had been lost.
//!
//! A read moves no number of any link, so what links guarantee does not depend on reads. It does depend on
//! acknowledgements, so these wait. If they did not, `tree` would lose values, as `bench-cli soak` finds.
//! With `hub` and `direct`, restarted nodes and their peers send each other everything, and 2,500 runs of
//! each lost nothing.
//!
//! # What it costs
//!
//! A dense stream of broadcasts costs 3.3 % more instructions with a log (callgrind, 50,000 lines). A lone
//! broadcast costs a `write` of its own, since its client waits for the answer. The nodes of the challenge
//! (hub, 25 nodes, 100 op/s) take 1.2 % more CPU time: the median of 8 runs of both at the same time on ext4,
//! from the 4th to the 24th second. The sums differ by 2.9 %. Nodes that are woken in turn, by four batches
//! for each broadcast and each read, take 3.1 % more (600 times 25 wake-ups). When reads waited too, the
//! last three were 7.3, 9.7 and 5.9 %.
//!
//! Appending a line takes 0.7 to 1.6 µs on ext4 if the code is in the processor's caches. Overwriting a part
//! of a file that was extended before takes 1.2 to 1.3 µs if that part is a hole, and 6 to 9 if it was
//! written as zeros. So the log is not extended in advance.
//!
//! # The file
//!
//! One file per node, `DIR/n3.log`, of lines that a person can read ([`record`]):
//!
//! ```text
//! 5a0b9a05 life 1764230000123
//! 0f7d1c52 values [1000,1001,"any JSON"]
//! ```
//!
//! Each start of the process adds a `life` line with its [incarnation](Incarnation), each write a `values`
//! line. The checksum before a line covers that line and the checksum before it, and with that everything up
//! to here.
//!
//! # After a crash
//!
//! The last line may be torn, and a broken disk may return anything. The file is read up to the first line
//! that is incomplete, or whose checksum is wrong. The rest is cut off, with a message. What is left is a
//! prefix of what was written. A torn line was never acknowledged, because the write of it did not return.
//!
//! # Incarnations
//!
//! Peers must recognise a restarted node even if its disk is gone or its clock was set back. A new
//! incarnation is therefore the wall clock in milliseconds, but at least one more than the last in the log.
//!
//! # When the log cannot be written
//!
//! On a full disk the node removes the part of the line that was written, accepts nothing new, and says so to
//! its clients. It still answers reads. It works again when there is room. After a failed fsync the content
//! of the disk is unknown, so the node then accepts nothing until it is restarted.

pub mod record;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use self::record::Checksum;
use crate::message::Incarnation;
use crate::node::{Recovery, Start};
use crate::values::Value;

/// Where a node keeps its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The directory. Nodes may share it, since each has a file of its own.
    pub directory: PathBuf,
    /// Whether each write waits until the disk has it.
    pub fsync: bool,
}

/// A failed access to the log.
#[derive(Debug, thiserror::Error)]
#[error("{} {}: {error}", .action, .path.display())]
pub struct LogError {
    action: &'static str,
    path: PathBuf,
    error: io::Error,
}

/// An open log.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    fsync: bool,
    /// The length of all complete lines, and the checksum of the last.
    length: u64,
    checksum: Checksum,
    /// A write failed, and a part of it may be behind `length`.
    is_torn: bool,
    /// An fsync failed.
    is_broken: bool,
    line: Vec<u8>,
}

/// A log that was opened, and what it held.
#[derive(Debug)]
pub struct Opened {
    /// The log, ready for more.
    pub log: Log,
    /// What to begin with.
    pub recovery: Recovery,
    /// What a person should know, such as that a torn line was cut off.
    pub notice: Option<String>,
}

/// The incarnation of a process that starts now and kept no log.
pub fn incarnation_by_clock() -> Incarnation {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Incarnation(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Log {
    /// Opens the log of the node called `id`, cuts off what is torn, and begins a new incarnation in it.
    ///
    /// # Errors
    /// If the file cannot be read or written, or if another process has it open.
    pub fn open(disk: &Disk, id: &str) -> Result<Opened, LogError> {
        let path = disk.directory.join(file_name(id));
        let failed = |action| {
            let path = path.clone();
            move |error| LogError { action, path, error }
        };
        fs::create_dir_all(&disk.directory).map_err(failed("cannot make the directory of"))?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let mut file = file.map_err(failed("cannot open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let error = io::Error::other(
                    "another process has it open; each cluster needs a directory of its own",
                );
                return Err(failed("cannot lock")(error));
            }
            Err(TryLockError::Error(error)) => return Err(failed("cannot lock")(error)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed("cannot read"))?;
        let held = record::read(&bytes);
        let torn = bytes.len() - held.length;
        let notice = (torn > 0).then(|| {
            format!(
                "cut {torn} bytes off {}, which are torn or corrupt; it holds {} values",
                path.display(),
                held.values.len()
            )
        });
        let mut log = Log {
            file,
            fsync: disk.fsync,
            length: held.length as u64,
            checksum: held.checksum,
            is_torn: torn > 0,
            is_broken: false,
            line: Vec::new(),
            path,
        };
        let start = if held.incarnation.is_some() { Start::Restarted } else { Start::Unknown };
        let after_last = held.incarnation.map_or(0, |Incarnation(last)| last.saturating_add(1));
        let incarnation = incarnation_by_clock().max(Incarnation(after_last));
        log.append_line(|line| record::write_life(incarnation, line))?;
        if disk.fsync {
            // A file is safe only if its directory is.
            File::open(&disk.directory)
                .and_then(|directory| directory.sync_all())
                .map_err(|error| log.error("cannot sync the directory of", error))?;
        }
        Ok(Opened { log, recovery: Recovery { incarnation, start, log: Some(held.values) }, notice })
    }

    /// Adds values. They are in the log when this returns.
    ///
    /// # Errors
    /// If the log cannot be written. Then none of the values is in it.
    pub fn append(&mut self, values: &[Value]) -> Result<(), LogError> {
        self.append_line(|line| record::write_values(values, line))
    }

    fn append_line(&mut self, body: impl FnOnce(&mut Vec<u8>)) -> Result<(), LogError> {
        if self.is_broken {
            return Err(
                self.error("cannot write", io::Error::other("an earlier fsync failed; restart the node"))
            );
        }
        if self.is_torn {
            self.file.set_len(self.length).map_err(|error| self.error("cannot truncate", error))?;
            self.is_torn = false;
        }
        self.line.clear();
        let checksum = record::write_line(self.checksum, &mut self.line, body);
        if let Err(error) = self.file.write_all(&self.line) {
            self.is_torn = self.file.set_len(self.length).is_err();
            return Err(self.error("cannot write", error));
        }
        if self.fsync
            && let Err(error) = self.file.sync_data()
        {
            self.is_broken = true;
            // The client is told that the value is not there, so it should not come back after a restart.
            let _ = self.file.set_len(self.length);
            return Err(self.error("cannot sync", error));
        }
        self.length += self.line.len() as u64;
        self.checksum = checksum;
        Ok(())
    }

    /// The path of the log.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn error(&self, action: &'static str, error: io::Error) -> LogError {
        LogError { action, path: self.path.clone(), error }
    }
}

/// The node's file: its id, with unusual characters as `%` and their hexadecimal code.
fn file_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len() + 4);
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    name + ".log"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(directory: &Path) -> Disk {
        Disk { directory: directory.to_owned(), fsync: false }
    }

    fn known(opened: &Opened) -> Vec<Value> {
        opened.recovery.log.as_ref().map_or_else(Vec::new, |values| values.as_slice().to_vec())
    }

    #[test]
    fn a_log_is_read_back_and_each_life_has_a_higher_incarnation() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk { fsync: true, ..disk(folder.path()) };
        let mut first = Log::open(&disk, "n0").unwrap();
        assert_eq!((first.recovery.start, known(&first)), (Start::Unknown, vec![]));
        first.log.append(&[Value::Int(5), Value::from_json("\"a\\nb\"").unwrap()]).unwrap();
        first.log.append(&[Value::Int(6)]).unwrap();
        let (before, path) = (first.recovery.incarnation, first.log.path().to_owned());
        drop(first);
        let again = Log::open(&disk, "n0").unwrap();
        assert_eq!(again.recovery.start, Start::Restarted);
        assert!(again.recovery.incarnation > before && again.notice.is_none());
        assert_eq!(known(&again), [Value::Int(5), Value::from_json("\"a\\nb\"").unwrap(), Value::Int(6)]);
        assert_eq!(path, folder.path().join("n0.log"));
    }

    #[test]
    fn a_torn_line_is_cut_off_and_the_log_continues_after_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let disk = disk(folder.path());
        let mut opened = Log::open(&disk, "n0").unwrap();
        opened.log.append(&[Value::Int(1)]).unwrap();
        opened.log.append(&[Value::Int(2)]).unwrap();
        let path = opened.log.path().to_owned();
        drop(opened);
        let length = fs::metadata(&path).unwrap().len();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 3).unwrap();
        let mut opened = Log::open(&disk, "n0").unwrap();
        assert_eq!(known(&opened), [Value::Int(1)]);
        assert!(
            opened.notice.as_deref().is_some_and(|notice| notice.contains("torn")),
            "{:?}",
            opened.notice
        );
        opened.log.append(&[Value::Int(3)]).unwrap();
        drop(opened);
        let opened = Log::open(&disk, "n0").unwrap();
        assert_eq!((known(&opened), opened.notice), (vec![Value::Int(1), Value::Int(3)], None));
    }

    #[test]
    fn a_log_has_one_owner_and_a_file_name_that_stays_in_its_directory() {
        let folder = tempfile::tempdir().unwrap();
        let disk = disk(folder.path());
        let first = Log::open(&disk, "../n 0").unwrap();
        assert_eq!(first.log.path(), folder.path().join("%2e%2e%2fn%200.log"));
        let error = Log::open(&disk, "../n 0").unwrap_err().to_string();
        assert!(error.contains("another process has it open"), "{error}");
    }
}
