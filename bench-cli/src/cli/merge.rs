//! `bench-cli merge`: merges the shards of a sweep.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::artifacts;
use super::limits::LimitArgs;
use super::output::{self, Extent, FormatArgs};
use super::typed;
use crate::campaign::merge::{self, Missing};
use crate::campaign::sweep::Ended;
use crate::record::RunRecord;
use crate::spec::file::SPEC_FILE;
use crate::spec::shell;
use crate::terminal::count;

/// Merge the shards of a sweep
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli merge results/mine
  bench-cli merge results/mine host1/shards/1-of-2 host2/shards/2-of-2

merge refuses shards of another sweep, and shards that another build of bench-cli or the node made. If a run has \
several records, it keeps one that is ok. If there are more, or none, it prefers one from a shard, and then the \
one that began first. \
The result is a folder like that of any sweep. Merge again after further runs. Logs stay with their shards.

Exit status: 0 if every run is there and ok, else 1.")]
pub struct MergeArgs {
    /// Output folder of the whole sweep
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Folders of shards [default: those in OUT/shards]
    #[arg(value_name = "SHARD")]
    shards: Vec<PathBuf>,
    /// Replace the rows in OUT instead of adding to them
    #[arg(long)]
    force: bool,
    /// Print all tables, warnings and recommendations
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    formats: FormatArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command.
///
/// # Errors
/// If the shards are not of one sweep and one build, or something cannot be read or written.
pub fn run(args: &MergeArgs) -> anyhow::Result<ExitCode> {
    let out = &args.out;
    let shards = if args.shards.is_empty() { merge::shards_in(out)? } else { args.shards.clone() };
    if args.force {
        artifacts::remove(out)?;
    } else {
        artifacts::refuse_strangers(out)?;
    }
    let merged = merge::merge(out, &shards, args.force)?;
    for (csv, line) in &merged.torn {
        eprintln!("warning: line {line} of {} is cut off and left out", csv.display());
    }
    let complete = merged.missing.is_empty();
    let ok = merged.records.iter().all(RunRecord::is_ok);
    let ended =
        Ended { spec: merged.spec, records: merged.records, planned: merged.planned, stopped: !complete };
    output::conclude(&ended, out, Extent::of(args.verbose), &args.limits, &args.formats)?;
    println!("merged {}: {} of {} runs", count(shards.len(), "shard"), ended.records.len(), ended.planned);
    if merged.doubled > 0 {
        println!("left out {} of runs that have another one", count(merged.doubled, "record"));
    }
    for missing in &merged.missing {
        println!("{}", describe(missing, out));
    }
    if !complete {
        println!("then merge again; to execute all missing runs here instead:\n  {}", command(out, ""));
    }
    Ok(if complete && ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is missing, and the command that runs it.
fn describe(Missing { shard, runs }: &Missing, out: &Path) -> String {
    const SHOWN: usize = 5;
    let mut names = runs.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if runs.len() > SHOWN {
        names.push_str(", …");
    }
    let lacking = count(runs.len(), "run");
    match shard {
        Some(shard) => {
            let command = command(out, &format!(" --shard {shard}"));
            format!("shard {shard} lacks {lacking}: {names}; to execute the rest of it:\n  {command}")
        }
        None => format!("{lacking} missing: {names}"),
    }
}

/// The command that resumes a part of the sweep in `out`.
fn command(out: &Path, shard: &str) -> String {
    let spec = shell::quote(&out.join(SPEC_FILE).display().to_string()).into_owned();
    let out = shell::quote(&out.display().to_string()).into_owned();
    format!("{} sweep --spec {spec} --out {out}{shard}", typed::program())
}
