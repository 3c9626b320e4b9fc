//! Where the programs are that a sweep starts.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::locate::{Launcher, Places};
use crate::runner::program::{Unrunnable, is_executable};
use crate::spec::settings::NodeCommand;
use crate::spec::{EngineKind, Node, RunSpec};

/// The programs that a sweep may start, besides a node of the user's.
#[derive(Clone, Debug)]
pub struct Programs {
    /// This program, whose `test` is the embedded runner.
    pub bench_cli: PathBuf,
    /// This repository's node.
    pub node: PathBuf,
    /// Where the user says that Maelstrom is.
    pub maelstrom: Option<PathBuf>,
}

impl Programs {
    /// This process's program, and the node that is built next to it.
    ///
    /// # Errors
    /// If the system does not say where this program is.
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
        let bin = match &run.node {
            // The simulation has the node in it.
            Node::Bundled if run.engine == EngineKind::Simulated => self.node.clone(),
            Node::Bundled => self.bundled()?,
            Node::Program(program) => executable(program).context("--bin")?,
        };
        Ok(NodeCommand { bin, args: run.args.clone(), env: run.environment() })
    }

    /// This repository's node.
    ///
    /// # Errors
    /// If it is not built.
    pub fn bundled(&self) -> anyhow::Result<PathBuf> {
        if !is_executable(&self.node) {
            bail!(
                "this repository's node is not built: there is no {}; run: cargo build --release (or give --bin)",
                self.node.display()
            );
        }
        Ok(self.node.clone())
    }
}

/// The absolute path of a program, without following links: a program may look at the name that it is called
/// by.
fn executable(bin: &Path) -> anyhow::Result<PathBuf> {
    if let Some(problem) = Unrunnable::of_file(bin) {
        bail!("{} {problem}; {}", bin.display(), problem.remedy(bin));
    }
    Ok(std::path::absolute(bin)?)
}
