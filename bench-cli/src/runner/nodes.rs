//! The nodes' processes, and which of their pipes are watched.

use std::io;
use std::path::PathBuf;

use super::diagnosis::OutputTail;
use super::error::RunError;
use super::names::Names;
use super::node_log::LogWrite;
use super::poller::{Poller, Source};
use super::process::{LONGEST_LINE, LineTooLong, Process, describe};
use crate::harness::address::NodeId;

/// All nodes' processes.
pub(super) struct Nodes {
    /// Absent until the node is launched.
    processes: Vec<Option<Process>>,
    pub(super) poller: Poller,
    /// Nodes whose stdout is not read any more, so that nothing there would tell of their end.
    silent: Vec<NodeId>,
}

/// What becomes of a node's stdout after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The next line is read.
    GoesOn,
    /// Nothing more is.
    Ends,
}

impl Nodes {
    /// So many nodes, none of them launched.
    pub(super) fn new(count: usize) -> io::Result<Nodes> {
        let processes = (0..count).map(|_| None).collect();
        Ok(Nodes { processes, poller: Poller::new()?, silent: Vec::new() })
    }

    /// A node has been launched.
    pub(super) fn add(&mut self, node: NodeId, process: Process) -> io::Result<()> {
        self.poller.set(Source::Stdout(node), process.stdout())?;
        self.poller.set(Source::Stderr(node), process.stderr())?;
        self.processes[node.index()] = Some(process);
        Ok(())
    }

    /// Kills them all. No exit hook of theirs runs, as under Maelstrom.
    pub(super) fn kill(&mut self) {
        // All at once, and only then waited for: ending a process takes the system a millisecond or more.
        self.processes.iter_mut().flatten().for_each(Process::kill);
        self.processes.clear();
    }

    fn process(&mut self, node: NodeId) -> &mut Process {
        self.processes[node.index()].as_mut().expect("only a launched node is talked to, or has pipes")
    }

    /// Writes a line to the node's stdin. Returns how many bytes the node has not taken yet.
    pub(super) fn send(&mut self, node: NodeId, line: &str) -> io::Result<usize> {
        self.process(node).send(line);
        self.flush(node)
    }

    /// Writes what waits to be written, as far as the node takes it. Returns how much is left.
    pub(super) fn flush(&mut self, node: NodeId) -> io::Result<usize> {
        let process = self.processes[node.index()].as_mut().expect("only a launched node is talked to");
        process.flush();
        self.poller.set(Source::Stdin(node), process.congested_stdin())?;
        Ok(process.pending_bytes())
    }

    /// Gives each line that the node has written on stdout to `each`, until that wants no more.
    pub(super) fn read_stdout(
        &mut self,
        names: &Names,
        node: NodeId,
        mut each: impl FnMut(&str) -> io::Result<Reading>,
    ) -> Result<(), RunError> {
        let mut reading = Ok(Reading::GoesOn);
        let process = self.process(node);
        let read = process.read_stdout(|line| {
            if matches!(reading, Ok(Reading::GoesOn)) {
                reading = each(line);
            }
        });
        if reading? == Reading::Ends {
            process.stop_reading();
        }
        let process = self.processes[node.index()].as_ref().expect("it has just been read from");
        self.poller.set(Source::Stdout(node), process.stdout())?;
        if process.stdout().is_none() && !self.silent.contains(&node) {
            self.silent.push(node);
        }
        let too_long = format!("wrote a line of more than {} MiB", LONGEST_LINE >> 20);
        read.map_err(|LineTooLong| self.error(names, node, too_long))
    }

    /// Copies what the node has written on stderr to its log, and gives each line to `each` while the log takes more.
    pub(super) fn read_stderr(&mut self, node: NodeId, each: impl FnMut(&str)) -> io::Result<LogWrite> {
        let process = self.processes[node.index()].as_mut().expect("only a launched node has pipes");
        let taken = process.read_stderr(each)?;
        self.poller.set(Source::Stderr(node), process.stderr())?;
        Ok(taken)
    }

    /// Nodes that may have ended without anything telling so.
    pub(super) fn silent(&self) -> &[NodeId] {
        &self.silent
    }

    /// How the node ended, if it has.
    pub(super) fn end(&mut self, node: NodeId) -> Option<String> {
        self.process(node).exit_status().map(|status| format!("crashed with {}", describe(status)))
    }

    /// What the node did, as an error with its last words.
    pub(super) fn error(&self, names: &Names, node: NodeId, what: String) -> RunError {
        let process = self.processes[node.index()].as_ref();
        let OutputTail { node, stdout, stderr } = output_tails(names, node, process);
        let log = process.map_or_else(PathBuf::new, |process| process.log_path().to_owned());
        RunError::Node { node, what, stdout, stderr, log }
    }

    /// What each node wrote last, in the nodes' order.
    pub(super) fn output_tails(&self, names: &Names) -> Vec<OutputTail> {
        let nodes = names.nodes().zip(&self.processes);
        nodes.map(|(node, process)| output_tails(names, node, process.as_ref())).collect()
    }
}

fn output_tails(names: &Names, node: NodeId, process: Option<&Process>) -> OutputTail {
    let (stdout, stderr) = process.map(Process::last_lines).unwrap_or_default();
    OutputTail { node: names.of(node).to_owned(), stdout, stderr }
}
