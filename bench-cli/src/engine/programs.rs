//! Where the programs are that a sweep starts.

use std::io;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};

use super::locate::{Launcher, Places};
use crate::runner::program::{Unrunnable, is_executable};
use crate::spec::settings::NodeCommand;
use crate::spec::{Node, RunSpec};

/// The command of this program that runs this repository's node. Maelstrom's `--bin` takes a program without
/// arguments, so it is the first of the node's own.
pub const NODE_COMMAND: &str = "node";

/// The programs that a sweep may start, in addition to the user's node.
#[derive(Clone, Debug)]
pub struct Programs {
    /// This program, whose `test` is the embedded runner.
    pub bench_cli: PathBuf,
    /// This repository's node, where it is a program of its own.
    pub node: PathBuf,
    /// Where the user says that Maelstrom is.
    pub maelstrom: Option<PathBuf>,
}

impl Programs {
    /// This process's program, and the node next to it, if there is one.
    ///
    /// # Errors
    /// If the path of this program is not known.
    pub fn of_process() -> io::Result<Programs> {
        let bench_cli = std::env::current_exe()?;
        let node = bench_cli.with_file_name(format!("node{}", std::env::consts::EXE_SUFFIX));
        Ok(Programs { bench_cli, node, maelstrom: None })
    }

    /// The same with the path of Maelstrom that the user gave.
    #[must_use]
    pub fn with_maelstrom(self, maelstrom: Option<PathBuf>) -> Programs {
        Programs { maelstrom, ..self }
    }

    /// Real Maelstrom.
    ///
    /// # Errors
    /// If it is not found.
    pub fn maelstrom(&self) -> anyhow::Result<Launcher> {
        Places::of_process(self.maelstrom.clone()).find()?.context(
            "Maelstrom was found neither by MAELSTROM, nor on PATH, nor as ./maelstrom/maelstrom; give --maelstrom PATH, \
             or --engine embedded, which needs nothing",
        )
    }

    /// What to start as a node for a run.
    ///
    /// # Errors
    /// If there is no such program.
    pub fn node_command(&self, run: &RunSpec) -> anyhow::Result<NodeCommand> {
        if let Node::Program(program) = &run.node
            && let Some(problem) = Unrunnable::of_file(program)
        {
            let error = anyhow!("{} {problem}; {}", program.display(), problem.remedy(program));
            return Err(error.context("--bin"));
        }
        Ok(self.unchecked_node_command(run)?)
    }

    /// What to start as a node of a run, whether or not it can be started.
    ///
    /// # Errors
    /// If the system does not say where relative paths start.
    pub fn unchecked_node_command(&self, run: &RunSpec) -> io::Result<NodeCommand> {
        let mut command = match &run.node {
            Node::Bundled => self.bundled(),
            Node::Program(program) => {
                // Links are not followed: a program may look at the name that it is called by.
                NodeCommand { bin: std::path::absolute(program)?, args: Vec::new(), env: Vec::new() }
            }
        };
        command.args.extend(run.args.iter().cloned());
        command.env = run.environment();
        Ok(command)
    }

    /// This repository's node, without arguments of its own: the program `node` next to this one, and where
    /// there is none, this one itself.
    pub fn bundled(&self) -> NodeCommand {
        let (bin, args) = if is_executable(&self.node) {
            (self.node.clone(), Vec::new())
        } else {
            (self.bench_cli.clone(), vec![NODE_COMMAND.to_owned()])
        };
        NodeCommand { bin, args, env: Vec::new() }
    }
}
