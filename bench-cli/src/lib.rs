//! A parameter-sweep benchmark for batched broadcast: how long should a node batch?
//!
//! # How data flows
//!
//! ```text
//! flags, sweep.toml ─► SweepSpec ─► RunSpec … ─► scheduler ─► Engine ─► Outcome ─► RunRecord ─► sweep.csv
//!           kept in the folder │                                                   │
//!                              └─ resume, confirm and tune                         └─► Series ─► fits,
//!                                 compare and derive specs                             advice, plots, report
//! ```
//!
//! A [`SweepSpec`](spec::SweepSpec) describes a sweep once: engine, node, the values of each parameter,
//! repetitions, seed. It expands to a [`RunSpec`](spec::RunSpec) for each run. [`campaign::sweep::run`] hands
//! those to an [`Engine`](engine::Engine) and writes a [`RunRecord`](record::RunRecord) to disk as soon as a
//! run has ended. Everything else reads records: [`analysis`] fits and compares them, [`plot`] and [`report`]
//! show them.
//!
//! ```
//! use std::time::Duration;
//!
//! use bench_cli::analysis::{Fit, Series};
//! use bench_cli::campaign::sweep::{self, Options};
//! use bench_cli::record::Quantile;
//! use bench_cli::spec::{EngineKind, SweepSpec};
//! use node::StrategyKind;
//!
//! # fn main() -> anyhow::Result<()> {
//! let folder = tempfile::tempdir()?;
//! let timeouts = [400, 600, 800].map(Duration::from_millis);
//! let spec = SweepSpec::bundled(EngineKind::Simulated, &[StrategyKind::Hub], &timeouts);
//! let ended = sweep::run(&spec, &Options::new(folder.path())?, &mut ())?;
//! let line = Fit::of(&Series::group(&ended.records)[0], Quantile::Max)?.line;
//! // The slowest value waits for the hub's next flush, and takes two hops of 100 ms at most.
//! assert!((0.9..1.1).contains(&line.slope) && (50.0..200.0).contains(&line.intercept));
//! # Ok(())
//! # }
//! ```
//!
//! # The modules, from the top down
//!
//! | module | what it is |
//! |---|---|
//! | [`cli`] | flags to specs, one file for each command; what is printed; exit statuses |
//! | [`campaign`] | sweep, merge, tune, confirm, parity, soak: each runs sweeps |
//! | [`preflight`] | the checks before a sweep, and of `doctor` |
//! | [`report`] | the page, the tables, and recommendations in words |
//! | [`plot`] | plots |
//! | [`analysis`] | series, fits, recommendations, comparisons |
//! | [`model`] | models of messages and latency |
//! | [`engine`] | executes a run: as a child process (real Maelstrom or the runner), or simulated |
//! | [`runner`] | `bench-cli test`: the harness driven by real processes and the real clock |
//! | [`supervise`] | starts and ends processes, and those that outlived their run |
//! | [`record`] | the measurements of a run; reading `results.edn`; the CSV |
//! | [`harness`] | a run as Maelstrom conducts it: network, clients, faults, history, checker; no I/O, no clock |
//! | [`spec`] | descriptions: sweep, run, settings, templates, names |
//! | [`stats`] | least squares, intervals, tests, quantiles |
//! | [`json`] | JSON by the rules of Maelstrom's reader |
//! | [`edn`] | one value, one reader, one writer |
//! | `markup`, `wrap`, `logging`, `terminal` | text in XML and HTML, line breaks, `RUST_LOG`, all printing |
//!
//! # Rules, which `tests/it/tidy` checks
//!
//! - Modules import downwards only, and without circles.
//! - `harness` knows no process and no wall clock; `runner` and `engine` know no CSV, plot or analysis;
//!   `stats` imports no other module.
//! - Nothing below `cli` knows clap, or prints.
//! - No name of an engine, strategy or fault is compared as text outside parsing and printing.
//! - A setting is defined once, in [`spec::setting`].

#[macro_use]
mod terminal;

/// The allocator of every program that uses this library. A simulated run makes and frees thousands of
/// messages. A sweep of 400 hub runs takes 1.17 times as long with glibc's allocator. If glibc never returns
/// memory to the system, which is the most that reusing memory between runs could save, it takes 1.06 times
/// as long.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod analysis;
pub mod campaign;
pub mod cli;
pub mod edn;
pub mod engine;
pub mod harness;
pub mod json;
mod logging;
mod markup;
pub mod model;
pub mod plot;
pub mod preflight;
#[cfg(test)]
#[path = "../../node/tests/it/props.rs"]
mod props;
pub mod record;
pub mod report;
pub mod runner;
pub mod spec;
pub mod stats;
pub mod supervise;
mod wrap;
