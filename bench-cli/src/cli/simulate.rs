//! `bench-cli simulate`: one run in virtual time, with its history.

use std::cell::LazyCell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use node::StrategyKind;

use super::output::prose_width;
use super::settings::{SettingsArgs, milliseconds};
use crate::campaign::soak::{Case, Failure};
use crate::campaign::sweep::CSV_FILE;
use crate::engine::simulated::{Finished, Storage, figures};
use crate::harness::checker::{self, Validity};
use crate::harness::{history_file, results};
use crate::record::StableLatencies;
use crate::report::brief;
use crate::spec::file;
use crate::terminal::count;

/// The files of a run.
const HISTORY: &str = "history.edn";
const RESULTS: &str = "results.edn";
const DIAGRAM: &str = "messages.svg";

/// Run this repository's node once in virtual time; equal seeds give equal histories
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli simulate --strategy tree --batch-timeout 200ms --seed 7
  bench-cli simulate --nemesis partition --nemesis-interval 3s --loss 0.05 --out /tmp/run
  bench-cli simulate --nemesis kill,pause --nemesis-interval 2s --check

Exit status: 0 if the run is valid; 1 if it is not, if --check finds a fault, or if the run cannot be executed; 2 if it is \
unknown whether the run is valid, or if the flags are wrong.")]
pub struct SimulateArgs {
    /// The node's strategy: tree, hub or direct
    #[arg(long, value_name = "NAME", default_value = "hub", value_parser = file::strategy)]
    strategy: StrategyKind,
    /// The node's batch timeout
    #[arg(long, aliases = ["batch-timeouts", "timeout"], value_name = "TIME", default_value = "300ms", value_parser = milliseconds)]
    batch_timeout: Duration,
    /// Seed of all random choices
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Let killed nodes forget everything, as this repository's node does without --data-dir
    #[arg(long)]
    no_log: bool,
    /// Output folder for history.edn, results.edn and messages.svg, a diagram of the first messages
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the results as EDN instead of a summary
    #[arg(long)]
    edn: bool,
    /// Replace the files of an earlier run in the same folder
    #[arg(long, requires = "out")]
    force: bool,
    /// Also check that every final read has every value, that nodes fall silent, and that messages are few
    /// (as soak does)
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl SimulateArgs {
    /// The run that is asked for.
    fn case(&self) -> anyhow::Result<Case> {
        let config = node::Config { strategy: self.strategy, batch_timeout: self.batch_timeout };
        let storage = if self.no_log { Storage::Memory } else { Storage::Log };
        Ok(Case { settings: self.settings.one()?, config, storage, seed: self.seed, budget: None })
    }
}

/// Runs the command. The exit status is Maelstrom's: 0 valid, 1 invalid, 2 unknown; 1 also if
/// `--check` finds a fault.
///
/// # Errors
/// If a node does not start, or the files cannot be written or would replace others.
pub fn run(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    if let Some(out) = args.out.as_ref().filter(|_| !args.force) {
        refuse_taken(out)?;
    }
    let case = args.case()?;
    // Equal seeds give equal runs, so the run whose files are written is the one that is checked.
    let checked = if args.check { case.check().map(|_| ()) } else { Ok(()) };
    if let Err(failure @ Failure::Panicked(_)) = checked {
        bail!("{failure}");
    }
    // Without files, nobody sees the diagram or the results' text. They take a seventh of a hub run's
    // instructions.
    let finished = if args.out.is_some() { case.simulate_with_diagram()? } else { case.simulate()? };
    let results = LazyCell::new(|| {
        results::results(&finished.history, finished.counts, &finished.report, results::Plots::Skipped)
            .pretty()
    });
    if let Some(out) = &args.out {
        std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
        let write = |name: &str, content: &[u8]| {
            let path = out.join(name);
            std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
        };
        let mut history = Vec::new();
        history_file::write_edn(&finished.history, &mut history)?;
        write(HISTORY, &history)?;
        write(RESULTS, results.as_bytes())?;
        if let Some(diagram) = &finished.diagram {
            write(DIAGRAM, diagram.svg(&case.node_names()).as_bytes())?;
        }
    }
    if args.edn {
        println!("{}", *results);
    } else {
        print!("{}", summary(&case, &finished));
        if let Some(out) = &args.out {
            println!("wrote {HISTORY}, {RESULTS} and {DIAGRAM} into {}", out.display());
        }
    }
    if let Err(failure) = checked {
        bail!("{failure}");
    }
    Ok(ExitCode::from(finished.report.validity().exit_status()))
}

/// The run in a few lines.
fn summary(case: &Case, finished: &Finished) -> String {
    let Case { settings, config, seed, .. } = case;
    let figures = figures::of(finished);
    let mut lines = vec![format!(
        "{}, batch timeout {} ms, {}, seed {seed}: {}",
        config.strategy.name(),
        config.batch_timeout.as_millis(),
        count(settings.node_count, "node"),
        match figures.validity {
            Validity::Valid => "valid",
            Validity::Invalid => "invalid",
            Validity::Unknown => "unknown",
        }
    )];
    let number = |ratio: Option<f64>| ratio.map_or_else(|| "no".to_owned(), |ratio| format!("{ratio:.2}"));
    lines.push(format!(
        "  messages        {} per operation between nodes, {} with clients",
        number(figures.msgs_per_op),
        number(figures.msgs_per_op_all)
    ));
    lines.push(match figures.stable {
        Some(StableLatencies { p50, p95, p99, max, .. }) => {
            let [p50, p95, p99, max] = [p50, p95, p99, max].map(|latency| latency.as_millis());
            format!("  stable latency  median {p50} ms, p95 {p95} ms, p99 {p99} ms, max {max} ms")
        }
        None => "  stable latency  none: no value became stable".to_owned(),
    });
    lines.push(format!(
        "  operations      {}, {} failed for certain, {} with unknown outcome",
        figures.operations, figures.fail_count, figures.info_count
    ));
    lines.push(format!(
        "  values          {} broadcast, {} stable, {} lost, {} never read",
        figures.attempt_count, figures.stable_count, figures.lost_count, figures.never_read_count
    ));
    let missing = checker::missing_values(&finished.history, settings.client_count(), settings.node_count);
    let missing =
        missing.map(|missing| brief::wrapped(&format!("  missing         {missing}"), prose_width()));
    lines.join("\n") + "\n" + &missing.unwrap_or_default()
}

/// Refuses a folder that holds a sweep or an earlier run.
fn refuse_taken(folder: &Path) -> anyhow::Result<()> {
    match [HISTORY, RESULTS, CSV_FILE].into_iter().find(|name| folder.join(name).exists()) {
        None => Ok(()),
        Some(name) => bail!(
            "there is {} already; give another --out, or --force to write there and replace an earlier run",
            folder.join(name).display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::settings::{Faults, Nemesis};
    use clap::Parser;

    #[derive(Parser)]
    struct Probe {
        #[command(flatten)]
        simulate: SimulateArgs,
    }

    #[test]
    fn the_command_that_a_soak_prints_repeats_and_checks_its_case() {
        for number in 0..200 {
            let mut case = Case::draw(number, &StrategyKind::ALL);
            let command = case.command();
            let words = command.split_whitespace().skip(1);
            let args = Probe::try_parse_from(words).unwrap().simulate;
            if case.settings.nemesis.faults.is_empty() {
                // Nobody asks how often nothing is partitioned.
                case.settings.nemesis =
                    Nemesis { faults: Faults::NONE, ..args.settings.one().unwrap().nemesis };
            }
            assert_eq!(args.case().unwrap(), case, "{command}");
            assert!(args.check);
        }
    }
}
