//! Which node a sweep runs: this repository's, with its strategies, or another program.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use node::StrategyKind;

use crate::engine::locate::is_executable;
use crate::spec::plan::NodeChoice;
use crate::spec::template::Template;

/// The flags that say what runs as a node.
#[derive(Clone, Debug, Args)]
pub struct NodeArgs {
    /// Strategies of this repository's node: a list of tree, hub and direct [default: hub]
    #[arg(long, value_name = "LIST", conflicts_with = "bin", value_delimiter = ',', value_parser = strategy)]
    pub(in crate::cli) strategy: Vec<StrategyKind>,
    /// Another node: a program that speaks Maelstrom's protocol
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) bin: Option<PathBuf>,
    /// Arguments for the node; {batch_timeout_ms} becomes 50 and {batch_timeout} becomes 50ms
    #[arg(
        long,
        value_name = "ARGS",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(in crate::cli) node_args: String,
}

impl NodeArgs {
    /// The node, and what it is given.
    ///
    /// # Errors
    /// If it is not there, or its arguments have a fault.
    pub(super) fn choice(&self) -> anyhow::Result<NodeChoice> {
        let template = Template::parse(&self.node_args).context("--node-args")?;
        if let Some(bin) = &self.bin {
            let given = bin.display().to_string();
            return Ok(NodeChoice::Other { given, bin: executable(bin).context("--bin")?, args: template });
        }
        let mut strategies = self.strategy.clone();
        if strategies.is_empty() {
            strategies.push(StrategyKind::default());
        }
        Ok(NodeChoice::Ours { bin: our_node()?, strategies, extra: template })
    }
}

/// This repository's node, which is built beside this program.
pub(in crate::cli) fn our_node() -> anyhow::Result<PathBuf> {
    let name = format!("node{}", std::env::consts::EXE_SUFFIX);
    let node = std::env::current_exe()?.with_file_name(name);
    if !is_executable(&node) {
        bail!(
            "this repository's node is not built: there is no {}; run: cargo build --release (or give --bin)",
            node.display()
        );
    }
    Ok(node)
}

/// The absolute path of a program, without following links: a program may look at the name that it is called by.
fn executable(bin: &Path) -> anyhow::Result<PathBuf> {
    if !bin.exists() {
        bail!("{} does not exist; give a path, PATH is not searched", bin.display());
    }
    if !is_executable(bin) {
        bail!("{0} is not an executable file; run: chmod +x {0}", bin.display());
    }
    Ok(std::path::absolute(bin)?)
}

/// The strategy of this name, for a flag.
pub(in crate::cli) fn strategy(text: &str) -> Result<StrategyKind, String> {
    StrategyKind::ALL.into_iter().find(|strategy| strategy.name() == text).ok_or_else(|| {
        format!(
            "choose from {}; other nodes take --bin",
            StrategyKind::ALL.map(StrategyKind::name).join(", ")
        )
    })
}
