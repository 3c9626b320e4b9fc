//! What is looked at before the first run: a fault that would make every run fail.

use anyhow::bail;

use super::{Keep, Options};
use crate::engine::Engine;
use crate::preflight::{self, Finding, Verdict, machine, maelstrom, tools};
use crate::spec::durations::{DefaultUnit, parse_duration};
use crate::spec::parameter::UserParameter;
use crate::spec::settings::Faults;
use crate::spec::{EngineKind, Node, RunSpec, SweepSpec};

/// Faults that would make every run fail.
#[derive(Debug, thiserror::Error)]
#[error("every run would fail (bench-cli doctor checks everything; --skip-preflight starts the runs anyway):\n{}", shown(.0))]
pub struct WouldFail(pub Vec<Finding>);

fn shown(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
}

/// What no engine, or not the one asked for, can do; the text says what to ask for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Impossible(pub &'static str);

/// Refuses what an engine cannot do.
///
/// # Errors
/// If the sweep needs it.
pub fn refuse_impossible(spec: &SweepSpec) -> anyhow::Result<()> {
    if spec.engine != EngineKind::Simulated {
        return Ok(());
    }
    if let Node::Program(_) = spec.node {
        bail!(Impossible(
            "--engine simulated runs this repository's node inside bench-cli, in virtual time; a program given by --bin \
             runs in real time: use --engine embedded or maelstrom"
        ));
    }
    if !spec.args.is_empty() || !spec.env.is_empty() {
        bail!(Impossible(
            "--engine simulated starts no process that could be given --node-args or --node-env; use --engine embedded"
        ));
    }
    Ok(())
}

/// A note on a parameter whose list has durations next to words.
fn mixed(parameter: &UserParameter) -> Option<Finding> {
    let duration = parameter.values.iter().find(|choice| {
        let is_duration = parse_duration(&choice.text, DefaultUnit::Milliseconds).is_ok();
        choice.value.as_word().is_some() && is_duration
    })?;
    let (name, text) = (&parameter.name, &duration.text);
    Some(Finding {
        subject: format!("--param {name}"),
        verdict: Verdict::Note,
        text: format!("its list has words, so {text} is a word, too, and {name} cannot be an axis"),
        remedy: Some(format!("give only durations, if {{{name}_ms}} or an axis is needed")),
    })
}

/// Looks at what would make every run fail, before the first one starts. Returns what is only good to know.
///
/// # Errors
/// If something would make every run fail.
pub(super) async fn check(
    spec: &SweepSpec,
    runs: &[RunSpec],
    engine: &Engine,
    options: &Options,
) -> anyhow::Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = spec.grid.parameters.iter().filter_map(mixed).collect();
    if spec.engine == EngineKind::Maelstrom {
        findings.extend(tools::check());
        let kept =
            if options.keep == Keep::All { runs.len() } else { options.most_jobs(engine, &spec.node).get() };
        let faults = Faults::of(runs.iter().flat_map(|run| run.settings.nemesis.faults.kinds()));
        findings.extend(maelstrom::lacks(&options.programs.maelstrom()?, faults));
        findings.push(machine::disk(&options.directory, kept));
    }
    if spec.engine.leaves_files()
        && let Some(run) = runs.first()
    {
        let node = options.programs.node_command(run)?;
        findings.push(preflight::node::check(&node, run.settings.node_count).await);
    }
    let (faults, mut others): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(Finding::is_fault);
    if !faults.is_empty() {
        return Err(WouldFail(faults).into());
    }
    others.retain(|finding| finding.verdict == Verdict::Note);
    Ok(others)
}
