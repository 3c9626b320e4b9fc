//! `bench-cli check`: checks a recorded history as Maelstrom does.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::edn::{self, Value};
use crate::harness::history::History;
use crate::harness::{checker, history_file, results};
use crate::spec::settings::Availability;
use crate::terminal;

/// The exit status for a file that is not a history of broadcasts, as Maelstrom has it for bad arguments.
const BAD_ARGUMENTS: u8 = 254;

/// Check a recorded history as Maelstrom does, and print the results as EDN
///
/// The results are those that follow from the history alone: :workload, :stats, :availability and an overall
/// :valid?. The message counts under :net are not in a history.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Exit status:
  0    The history is valid
  1    It is not valid
  2    The history does not decide whether it is valid
  254  The file is not a history of the broadcast workload")]
pub struct CheckArgs {
    /// The history: a history.edn, or a directory that holds one
    pub history: PathBuf,
    /// The fraction of requests that must succeed: a number from 0 to 1, or `total`
    #[arg(long)]
    pub availability: Option<Availability>,
}

/// Runs the command. The exit status is the one of Maelstrom after a run with this history.
///
/// # Errors
/// If the results cannot be printed.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let history = match read(&args.history) {
        Ok(history) => history,
        Err(error) => {
            eprintln!("error: {error:#}");
            return Ok(ExitCode::from(BAD_ARGUMENTS));
        }
    };
    let report = checker::check(&history, args.availability);
    let text = format!("{}\n", results::from_history(&history, &report).pretty());
    terminal::write_to_stdout(text.as_bytes()).context("cannot print the results")?;
    Ok(ExitCode::from(report.validity().exit_status()))
}

fn read(path: &Path) -> anyhow::Result<History> {
    let file = if path.is_dir() { path.join("history.edn") } else { path.to_owned() };
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    history_file::read_edn(&text).map_err(|error| match Misfit::of(&text) {
        Some(misfit) => anyhow::anyhow!("{} {}", file.display(), misfit.explained(&file)),
        None => anyhow::Error::new(error).context(format!("{} is not a history", file.display())),
    })
}

/// Another file that people give to `check`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Misfit {
    /// The results of a run.
    Results,
    /// The history of another workload, which has this operation.
    OtherWorkload { workload: &'static str, operation: String },
}

/// The operations of Maelstrom's other workloads.
const OPERATIONS: [(&str, &str); 12] = [
    ("echo", "echo"),
    ("generate", "unique-ids"),
    ("add", "g-set, g-counter or pn-counter"),
    ("write", "lin-kv"),
    ("cas", "lin-kv"),
    ("txn", "txn-list-append or txn-rw-register"),
    ("send", "kafka"),
    ("poll", "kafka"),
    ("assign", "kafka"),
    ("subscribe", "kafka"),
    ("crash", "kafka"),
    ("debug-topic-partitions", "kafka"),
];

impl Misfit {
    fn of(text: &str) -> Option<Misfit> {
        if edn::parse(text).is_ok_and(|value| value.get(":valid?").is_some()) {
            return Some(Misfit::Results);
        }
        let operations = text.lines().filter_map(|line| match edn::parse(line).ok()?.get(":f")? {
            Value::Keyword(operation) => Some(operation.to_string()),
            _ => None,
        });
        operations.into_iter().find_map(|operation| {
            let (_, workload) = OPERATIONS.into_iter().find(|(name, _)| *name == operation)?;
            Some(Misfit::OtherWorkload { workload, operation })
        })
    }

    /// A predicate about the file, such as "is …", and what to do instead.
    fn explained(&self, file: &Path) -> String {
        match self {
            Misfit::Results => {
                let history = file.with_file_name("history.edn");
                let advice = if history.exists() {
                    format!("check the history next to it: {}", history.display())
                } else {
                    "check the history.edn of that run".to_owned()
                };
                format!("{self}; {advice}")
            }
            Misfit::OtherWorkload { .. } => format!("{self}; only broadcast histories can be checked"),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfit::Results => f.write_str("is the results of a run, not a history"),
            Misfit::OtherWorkload { workload, operation } => {
                write!(f, "is a history of another workload: the operation :{operation} is of {workload}")
            }
        }
    }
}
