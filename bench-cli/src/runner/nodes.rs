//! The nodes' processes, with their pipes in the poller.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::error::RunError;
use super::names::Names;
use super::node_log::LogWrite;
use super::output_tail::OutputTail;
use super::poller::{Poller, Source};
use super::process::{LONGEST_LINE, LineTooLong, Process};
use crate::harness::address::NodeId;

/// The processes of all nodes of a run.
pub(super) struct Nodes {
    /// `None` until the node is launched, and while it is dead.
    processes: Vec<Option<Process>>,
    pub(super) poller: Poller,
    /// Nodes whose stdout is no longer read. The poller does not report their end.
    unread: Vec<NodeId>,
}

impl Nodes {
    /// `count` nodes, none of them launched.
    pub(super) fn new(count: usize) -> io::Result<Nodes> {
        let processes = (0..count).map(|_| None).collect();
        Ok(Nodes { processes, poller: Poller::new()?, unread: Vec::new() })
    }

    /// Adds a launched node.
    pub(super) fn add(&mut self, node: NodeId, process: Process) -> io::Result<()> {
        self.poller.set(Source::Stdout(node), process.stdout())?;
        self.poller.set(Source::Stderr(node), process.stderr())?;
        self.processes[node.index()] = Some(process);
        Ok(())
    }

    /// Kills all nodes. Their exit hooks do not run, as under Maelstrom.
    pub(super) fn kill(&mut self) {
        // Kills all before waiting for any, because ending a process takes the system a millisecond or more.
        self.processes.iter_mut().flatten().for_each(Process::kill);
        self.processes.clear();
    }

    /// Kills some nodes, and waits for their end. Unread output is lost.
    pub(super) fn kill_some(&mut self, nodes: &[NodeId]) -> io::Result<()> {
        nodes.iter().for_each(|&node| self.process(node).kill());
        for &node in nodes {
            for source in [Source::Stdin(node), Source::Stdout(node), Source::Stderr(node)] {
                self.poller.set(source, None)?;
            }
            self.unread.retain(|&unread| unread != node);
            self.processes[node.index()] = None;
        }
        Ok(())
    }

    /// Stops a node.
    pub(super) fn pause(&mut self, node: NodeId) -> io::Result<()> {
        self.process(node).pause()
    }

    /// Resumes a stopped node.
    pub(super) fn resume(&mut self, node: NodeId) -> io::Result<()> {
        self.process(node).resume()
    }

    fn process(&mut self, node: NodeId) -> &mut Process {
        launched(&mut self.processes, node)
    }

    /// Writes a line to the node's stdin. Returns how many bytes wait to be written.
    pub(super) fn send(&mut self, node: NodeId, line: &str) -> io::Result<usize> {
        self.process(node).send(line);
        self.flush(node)
    }

    /// Writes waiting bytes to the node's stdin. Returns how many still wait.
    pub(super) fn flush(&mut self, node: NodeId) -> io::Result<usize> {
        let process = launched(&mut self.processes, node);
        process.flush();
        self.poller.set(Source::Stdin(node), process.congested_stdin())?;
        Ok(process.pending_bytes())
    }

    /// Calls `on_line` with each line on the node's stdout. Stops reading it for good once `on_line` breaks.
    pub(super) fn read_stdout(
        &mut self,
        names: &Names,
        node: NodeId,
        mut on_line: impl FnMut(&str) -> io::Result<ControlFlow<()>>,
    ) -> Result<(), RunError> {
        let mut flow = Ok(ControlFlow::Continue(()));
        let process = launched(&mut self.processes, node);
        let read = process.read_stdout(|line| {
            if matches!(flow, Ok(ControlFlow::Continue(()))) {
                flow = on_line(line);
            }
        });
        if flow?.is_break() {
            process.stop_reading();
        }
        self.poller.set(Source::Stdout(node), process.stdout())?;
        if process.stdout().is_none() && !self.unread.contains(&node) {
            self.unread.push(node);
        }
        read.map_err(|LineTooLong| RunError::Limit {
            what: format!("node {} wrote a line of more than {} MiB", names.of(node), LONGEST_LINE >> 20),
        })
    }

    /// Copies the node's stderr to its log. Calls `on_line` with each line until the log is full.
    pub(super) fn read_stderr(&mut self, node: NodeId, on_line: impl FnMut(&str)) -> io::Result<LogWrite> {
        let process = launched(&mut self.processes, node);
        let write = process.read_stderr(on_line)?;
        self.poller.set(Source::Stderr(node), process.stderr())?;
        Ok(write)
    }

    /// Nodes whose end the poller does not report.
    pub(super) fn unread(&self) -> &[NodeId] {
        &self.unread
    }

    /// How the node ended, if it has.
    pub(super) fn end(&mut self, node: NodeId) -> Option<String> {
        self.process(node).end().map(|end| format!("crashed with {end}"))
    }

    /// An error about the node, with its last lines. `what` says what it did.
    pub(super) fn error(&self, names: &Names, node: NodeId, what: String) -> RunError {
        let process = self.processes[node.index()].as_ref();
        let log = process.map_or_else(PathBuf::new, |process| process.log_path().to_owned());
        RunError::Node { node: names.of(node).to_owned(), what, tail: self.output_tail(node), log }
    }

    /// The node's last lines; empty before its launch.
    pub(super) fn output_tail(&self, node: NodeId) -> OutputTail {
        self.processes[node.index()].as_ref().map(Process::output_tail).unwrap_or_default()
    }
}

fn launched(processes: &mut [Option<Process>], node: NodeId) -> &mut Process {
    processes[node.index()].as_mut().expect("only a launched node is sent messages, or has pipes")
}
