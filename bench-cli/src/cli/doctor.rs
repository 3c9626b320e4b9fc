//! `bench-cli doctor`: does this machine have everything a sweep needs?

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use super::description::{ParameterArgs, ProgramArgs};
use super::engine::{EngineArgs, EngineChoice, engine_help};
use super::usage::UsageError;
use crate::campaign::sweep::refuse_impossible;
use crate::engine::locate::Places;
use crate::engine::programs::Programs;
use crate::preflight::{Finding, machine, maelstrom, node, tools};
use crate::spec::file::SpecFile;
use crate::spec::{EngineKind, RunSpec};

/// Check that this machine has everything a sweep needs, and say how to fix what is missing
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  bench-cli doctor
  bench-cli doctor --bin ./my-node --jobs 2
  bench-cli doctor --bin ./my-node --node-args '--flush-every {batch_timeout_ms}' --engine embedded

doctor starts the node once, as the first run of a sweep with the same flags would.

Exit status: 0 if a sweep can run, even if there are notes; 1 if something must be fixed; 2 if the flags are wrong.")]
#[command(mut_arg("engine", |arg| arg.help(engine_help("auto"))))]
pub struct DoctorArgs {
    #[command(flatten)]
    program: ProgramArgs,
    #[command(flatten)]
    parameters: ParameterArgs,
    #[command(flatten)]
    engine: EngineArgs,
    /// Number of parallel runs
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    jobs: NonZeroUsize,
    /// Output folder of a sweep
    #[arg(long, value_name = "DIR", default_value = "results")]
    out: PathBuf,
}

/// Runs the command. The exit status is 1 if there is a fault.
///
/// # Errors
/// If processes cannot be watched, or the flags contradict each other.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    /// As many as a sweep has by default.
    const RUNS: usize = 18;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let engine = args.engine.engine.and_then(EngineChoice::kind);
    let run = args.first_run(engine.unwrap_or(EngineKind::Embedded))?;
    let mut findings = vec![runtime.block_on(check_node(run))];
    findings.extend(check_maelstrom(&args.engine, engine)?);
    findings.extend([machine::disk(&args.out, RUNS), machine::cores(args.jobs)]);
    findings.extend([machine::timers(), machine::clock()]);
    for finding in &findings {
        println!("{finding}");
    }
    let faults = findings.iter().filter(|finding| finding.is_fault()).count();
    if faults > 0 {
        println!("\n{faults} to fix");
        return Ok(ExitCode::FAILURE);
    }
    println!("\nready to sweep");
    Ok(ExitCode::SUCCESS)
}

impl DoctorArgs {
    /// The first run of a sweep with these flags.
    ///
    /// # Errors
    /// If a placeholder has no value, or the engine cannot run the node.
    fn first_run(&self, engine: EngineKind) -> anyhow::Result<RunSpec> {
        let file = SpecFile {
            node: self.program.node(None),
            parameters: self.parameters.parameters.iter().cloned().collect(),
            ..SpecFile::default()
        };
        let spec = file.resolve(engine, 0).map_err(|error| UsageError::caused_by(&error))?;
        refuse_impossible(&spec)?;
        Ok(spec.first_run()?)
    }
}

async fn check_node(run: RunSpec) -> Finding {
    let command = Programs::of_process().context("cannot find the program bench-cli");
    match command.and_then(|programs| Ok(programs.unchecked_node_command(&run)?)) {
        Ok(command) => node::check(&command, run.settings.node_count).await,
        Err(error) => Finding::fault("node", format!("{error:#}"), "--bin PATH"),
    }
}

/// Maelstrom and what it calls. The other engines do without. If no engine was named, what is missing matters
/// only if Maelstrom is there.
fn check_maelstrom(args: &EngineArgs, engine: Option<EngineKind>) -> anyhow::Result<Vec<Finding>> {
    if let Some(EngineKind::Embedded | EngineKind::Simulated) = engine {
        // It refuses a --maelstrom that has no effect.
        return args.choose(None).map(|_| Vec::new());
    }
    let found = Places::of_process(args.maelstrom.clone()).find();
    let tools = tools::check();
    Ok(match found {
        Ok(Some(launcher)) => {
            let mut findings = vec![maelstrom::check(&launcher)];
            findings.extend(tools);
            findings
        }
        Ok(None) if engine == Some(EngineKind::Maelstrom) => {
            let text = "not found in MAELSTROM, on PATH or in ./maelstrom";
            let mut findings = vec![Finding::fault("maelstrom", text, maelstrom::download())];
            findings.extend(tools);
            findings
        }
        Ok(None) => {
            let text = "not found in MAELSTROM, on PATH or in ./maelstrom; sweeps use the embedded runner";
            let mut findings = vec![Finding::fault("maelstrom", text, maelstrom::download()).softened()];
            findings.extend(tools.into_iter().map(Finding::softened));
            findings
        }
        Err(error) => {
            let remedy = "--maelstrom PATH, or unset MAELSTROM";
            vec![Finding::fault("maelstrom", error.to_string(), remedy)]
        }
    })
}
