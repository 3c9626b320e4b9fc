//! What becomes of the lines that nodes write.

use std::io;

use node::Time;

use super::json::{self, BadLine};
use super::log::Log;
use super::message_diagram::MessageDiagram;
use super::names::Names;
use super::nodes::Reading;
use super::read_ok::LastReads;
use crate::harness::address::{Address, NodeId};
use crate::harness::run::Run;

/// What Maelstrom has on the network besides nodes and clients.
const SERVICES: [&str; 4] = ["lww-kv", "seq-kv", "lin-kv", "lin-tso"];

/// Where the lines of one node go.
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
    /// Puts a line that the node wrote on the network. A line that cannot go there is the last one that is read, as
    /// in real Maelstrom: the thread that reads the node's stdout survives the error, but has lost its place.
    pub(super) fn accept(&mut self, line: &str) -> io::Result<Reading> {
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
            let why = if SERVICES.contains(&dest.as_ref()) {
                "a service of Maelstrom's; this runner has no services"
            } else {
                "which is not on the network"
            };
            return self.refuse(&format!("Node {node} sent a message to {dest:?}, {why}: {line}"));
        };
        if let Address::Client(_) = dest
            && self.diagram.takes(self.run.phase())
        {
            let dest = message.dest.to_string();
            self.diagram.add(node.to_owned(), dest, message.body.text.clone(), self.now, self.now);
        }
        match self.run.handle_message(self.now, src, dest, message.body) {
            Ok(()) => Ok(Reading::GoesOn),
            Err(error) => {
                let line = shortened(line);
                self.refuse(&format!("Node {node} sent a message that nobody receives: {error}: {line}"))
            }
        }
    }

    /// Says what is wrong with a line, and what follows from it.
    fn refuse(&mut self, problem: &str) -> io::Result<Reading> {
        let follows = "As under Maelstrom, nothing more is read from this node's STDOUT.";
        self.log.warn(&format!("{problem}\n{follows}"))?;
        Ok(Reading::Ends)
    }
}

fn unusable(node: &str, line: &str, problem: &BadLine) -> String {
    let line = shortened(line);
    match problem {
        BadLine::NotJson => format!(
            "Node {node} printed a line to STDOUT which was not well-formed JSON:\n{line}\n\
             Did you mean to encode this line as JSON? Or was this line intended for STDERR?"
        ),
        BadLine::Malformed(problem) => format!(
            "Malformed network message. Node {node} tried to send the following message via STDOUT:\n{line}\n\
             This is malformed because: {problem}"
        ),
    }
}

/// A line for people to read.
fn shortened(line: &str) -> String {
    const SHOWN: usize = 500;
    match line.char_indices().nth(SHOWN) {
        None => line.to_owned(),
        Some((end, _)) => format!("{} … ({} bytes)", &line[..end], line.len()),
    }
}
