//! `bench-cli test`: one run on the embedded runner, with `maelstrom test`'s flags, messages and exit
//! statuses.

mod flags;

use std::ffi::OsString;
use std::process::ExitCode;

use self::flags::{Parsed, Request};
use crate::harness::checker::Validity;
use crate::harness::latency;
use crate::harness::results::Plots;
use crate::plot;
use crate::runner::{self, FAILED_STATUS, RunError, Spec};
use crate::spec::settings::Latency;
use crate::supervise::orphans;

/// The exit status for arguments that cannot be used.
const BAD_ARGUMENTS: u8 = 254;
/// The exit status of a run that broke.
const CRASHED: u8 = 255;

/// Runs the command with what follows its name on the command line.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let request = match flags::parse(arguments) {
        Ok(Parsed::Help) => {
            println!("{}", flags::help());
            return ExitCode::SUCCESS;
        }
        Ok(Parsed::Run(request)) => *request,
        Err(errors) => {
            println!("{}", errors.join("\n"));
            return ExitCode::from(BAD_ARGUMENTS);
        }
    };
    let Request { mut spec, count } = request;
    let Latency { distribution, .. } = spec.settings.latency;
    if !latency::is_maelstroms(spec.settings.latency) {
        println!(
            "The run broke: there is no {distribution} distribution with a mean of 0; give --latency, or \
             --latency-dist constant"
        );
        return ExitCode::from(CRASHED);
    }
    // Within a sweep that has been done already.
    if !orphans::is_marked() {
        for message in orphans::end(&spec.directory).messages(&spec.directory) {
            eprintln!("{message}");
        }
    }
    for _ in 0..count {
        if let Some(status) = run_once(&spec) {
            return ExitCode::from(status);
        }
        // Each repetition has another seed, as in Maelstrom.
        spec.seed = spec.seed.wrapping_add(1);
    }
    ExitCode::SUCCESS
}

/// Runs once; the exit status if that ends the command.
fn run_once(spec: &Spec) -> Option<u8> {
    let finished = match runner::run(spec) {
        Ok(finished) => finished,
        Err(RunError::Interrupted(signal)) => {
            println!("Interrupted; the nodes were killed and there are no results.");
            return Some(signal.exit_status());
        }
        Err(error) => {
            println!("The run broke: {error}");
            return Some(if error.is_runners() { FAILED_STATUS } else { CRASHED });
        }
    };
    if spec.plots == Plots::Drawn
        && let Err(error) = plot::store::write(&finished.history, "broadcast", &finished.directory)
    {
        println!("WARN There are no plots of this run: {error:#}");
    }
    println!("{}", finished.results.pretty());
    let verdict = match finished.validity {
        Validity::Valid => "Everything looks good! ヽ(‘ー`)ノ",
        Validity::Unknown => "Errors occurred during analysis, but no anomalies found. ಠ~ಠ",
        Validity::Invalid => "Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻",
    };
    if !finished.diagnosis.is_empty() {
        println!("\n{}", finished.diagnosis.trim_end());
    }
    if let Some(warning) = finished.lateness.warning(spec.settings.latency.mean) {
        println!("\n{warning}");
    }
    println!("\n\n{verdict}");
    Some(finished.validity.exit_status()).filter(|_| finished.validity != Validity::Valid)
}
