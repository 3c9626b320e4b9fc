//! Handling of the lines that nodes write to stdout.

use std::io;
use std::ops::ControlFlow;

use node::Time;

use super::json::{self, BadLine};
use super::log::Log;
use super::message_diagram::MessageDiagram;
use super::names::Names;
use super::read_ok::LastReads;
use crate::harness::address::{Address, NodeId};
use crate::harness::run::Run;

/// The destinations of one node's lines.
pub(super) struct NodeOutput<'a> {
    pub(super) run: &'a mut Run<json::Body>,
    pub(super) names: &'a Names,
    pub(super) log: &'a mut Log,
    pub(super) diagram: &'a mut MessageDiagram,
    pub(super) reads: &'a mut LastReads,
    pub(super) node: NodeId,
    pub(super) now: Time,
}

impl NodeOutput<'_> {
    /// Sends a line that the node wrote over the network. Breaks after a line that cannot be sent: as in real
    /// Maelstrom, nothing more is read from the node then, because the thread that reads its stdout loses its
    /// place.
    pub(super) fn on_line(&mut self, line: &str) -> io::Result<ControlFlow<()>> {
        let node = self.names.of(self.node);
        if line.trim().is_empty() {
            return self.refuse(&format!("Node {node} printed an empty line to STDOUT"));
        }
        let message = match self.reads.parse(self.node, line).map_or_else(|| json::parse_line(line), Ok) {
            Ok(message) => message,
            Err(problem) => return self.refuse(&unusable(node, line, &problem)),
        };
        if self.log.verbosity.sends {
            self.log.line(&format!(":send {}", shortened(line)))?;
        }
        let Some(src) = self.names.address(&message.src) else {
            let src = &message.src;
            return self
                .refuse(&format!("Node {node} sent a message as {src:?}, which is not on the network"));
        };
        let Some(dest) = self.names.address(&message.dest) else {
            let (dest, line) = (&message.dest, shortened(line));
            return self.refuse(&format!(
                "Node {node} sent a message to {dest:?}, which is not on the network: {line}"
            ));
        };
        if let Address::Client(_) = dest
            && self.diagram.has_room(self.run.phase())
        {
            let dest = message.dest.to_string();
            self.diagram.add(node.to_owned(), dest, message.body.text.clone(), self.now, self.now);
        }
        match self.run.handle_message(self.now, src, dest, message.body) {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) => {
                let line = shortened(line);
                self.refuse(&format!("Node {node} sent a message that nobody receives: {error}: {line}"))
            }
        }
    }

    /// Warns about a line and breaks.
    fn refuse(&mut self, problem: &str) -> io::Result<ControlFlow<()>> {
        let consequence = "As under Maelstrom, nothing more is read from this node's STDOUT.";
        self.log.warn(&format!("{problem}\n{consequence}"))?;
        Ok(ControlFlow::Break(()))
    }
}

/// The warning about a line that is not a message.
fn unusable(node: &str, line: &str, problem: &BadLine) -> String {
    let line = shortened(line);
    match problem {
        BadLine::NotJson(_) => format!(
            "Node {node} printed a line to STDOUT which was not well-formed JSON:\n{line}\n\
             Did you mean to encode this line as JSON? Or was this line intended for STDERR?"
        ),
        BadLine::Malformed(problem) => format!(
            "Malformed network message. Node {node} tried to send the following message via STDOUT:\n{line}\n\
             This is malformed because: {problem}"
        ),
    }
}

/// A line for the log, cut if it is long.
fn shortened(line: &str) -> String {
    const SHOWN: usize = 500;
    match line.char_indices().nth(SHOWN) {
        None => line.to_owned(),
        Some((end, _)) => format!("{} … ({} bytes)", &line[..end], line.len()),
    }
}
