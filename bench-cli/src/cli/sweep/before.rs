//! What happens before the first run: the plan is shown, and what would make every run fail is looked for.

use std::process::ExitCode;

use anyhow::bail;

use super::Prepared;
use crate::campaign::sweep::progress::rounded;
use crate::campaign::sweep::{Keep, Options, RUNS_FOLDER, Sweep};
use crate::cli::called;
use crate::engine::{AnyEngine, Engine as _};
use crate::preflight::{self, Finding, machine, tools};
use crate::spec::plan::Run;

/// Prints what a sweep would execute.
pub(super) fn print_plan(Prepared { runs, engine, options, .. }: &Prepared) -> ExitCode {
    for run in runs {
        let directory = options.directory.join(RUNS_FOLDER).join(run.directory_name());
        match engine.command_line(&run.settings, &run.node, run.seed, &directory) {
            Some(command) => println!("{command}"),
            None => println!("{run}: in virtual time, without a process, with the seed {}", run.seed),
        }
    }
    let each = runs.first().map(|run| engine.expected_duration(&run.settings)).unwrap_or_default();
    let all = each * runs.len().div_ceil(options.jobs.get()) as u32;
    eprintln!(
        "{} runs, {} at a time, would take about {}; nothing was done",
        runs.len(),
        options.jobs,
        rounded(all)
    );
    ExitCode::SUCCESS
}

/// Looks at what would make every run fail, before the first one starts.
///
/// # Errors
/// If there is such a thing.
pub(super) async fn check(engine: &AnyEngine, runs: &[Run], options: &Options) -> anyhow::Result<()> {
    let mut findings = Vec::new();
    if engine.name() == "maelstrom" {
        findings.extend(tools::check());
        let kept = if options.keep == Keep::All { runs.len() } else { options.jobs.get() };
        findings.push(machine::disk(&options.directory, kept));
    }
    if engine.leaves_files()
        && let Some(run) = runs.first()
    {
        findings.push(preflight::node::check(&run.node).await);
    }
    let faults: Vec<String> =
        findings.iter().filter(|finding| finding.is_fault()).map(Finding::to_string).collect();
    if faults.is_empty() {
        return Ok(());
    }
    bail!("every run would fail ({} doctor looks at everything):\n{}", called::program(), faults.join("\n"))
}

/// Says what is about to happen, and for how long.
pub(super) fn announce(engine: &AnyEngine, sweep: &Sweep<AnyEngine>, options: &Options) {
    let (runs, jobs) = (sweep.runs(), options.jobs.get());
    let directory = options.directory.display();
    if runs.is_empty() {
        eprintln!("all {} runs are done already, in {directory}; --force starts anew", sweep.done());
        return;
    }
    if sweep.done() > 0 {
        eprintln!("{} of {} runs are done already", sweep.done(), sweep.done() + runs.len());
    }
    let each = runs.first().map(|run| engine.expected_duration(&run.settings)).unwrap_or_default();
    let all = each * runs.len().div_ceil(jobs) as u32;
    eprintln!("{} runs, {jobs} at a time, about {}; into {directory}", runs.len(), rounded(all));
}
