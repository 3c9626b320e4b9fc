//! What is looked at before the first run: a fault that would make every run fail.

use anyhow::bail;

use super::{Keep, Options};
use crate::engine::Engine;
use crate::preflight::{self, Finding, machine, tools};
use crate::spec::{EngineKind, Node, SweepSpec};

/// Faults that would make every run fail.
#[derive(Debug, thiserror::Error)]
#[error("every run would fail (bench-cli doctor looks at everything):\n{}", shown(.0))]
pub struct WouldFail(pub Vec<Finding>);

fn shown(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
}

/// Refuses what an engine cannot do.
pub(super) fn refuse_impossible(spec: &SweepSpec) -> anyhow::Result<()> {
    if spec.engine != EngineKind::Simulated {
        return Ok(());
    }
    if let Node::Program(_) = spec.node {
        bail!(
            "--engine simulated runs this repository's node inside bench-cli, in virtual time; a program given by --bin \
             lives in real time: use --engine embedded or maelstrom"
        );
    }
    if !spec.args.is_empty() || !spec.env.is_empty() {
        bail!(
            "--engine simulated starts no process that could be given --node-args or --node-env; use --engine embedded"
        );
    }
    Ok(())
}

/// Looks at what would make every run fail, before the first one starts.
///
/// # Errors
/// If there is such a thing.
pub(super) async fn check(spec: &SweepSpec, engine: &Engine, options: &Options) -> anyhow::Result<()> {
    let runs = spec.runs_of(options.shard)?;
    let mut findings = Vec::new();
    if spec.engine == EngineKind::Maelstrom {
        findings.extend(tools::check());
        let kept = if options.keep == Keep::All { runs.len() } else { options.jobs_of(engine).get() };
        findings.push(machine::disk(&options.directory, kept));
    }
    if spec.engine.leaves_files()
        && let Some(run) = runs.first()
    {
        findings.push(preflight::node::check(&options.programs.node_command(run)?).await);
    }
    findings.retain(Finding::is_fault);
    if findings.is_empty() { Ok(()) } else { Err(WouldFail(findings).into()) }
}
