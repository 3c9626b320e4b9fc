//! From a grid of timeouts, strategies and repetitions to the list of runs.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use node::StrategyKind;

use crate::record::Setting;
use crate::record::row::program_name;
use crate::spec::settings::{NodeCommand, Settings};
use crate::spec::template::Template;

/// Which node is swept.
#[derive(Clone, Debug)]
pub enum NodeChoice {
    /// This repository's, with each of these strategies.
    Ours {
        /// The binary.
        bin: PathBuf,
        /// The strategies to sweep.
        strategies: Vec<StrategyKind>,
        /// Arguments after those for strategy and timeout.
        extra: Template,
    },
    /// Any other program.
    Other {
        /// The program, absolute, since runs have directories of their own.
        bin: PathBuf,
        /// The program as the user gave it.
        given: String,
        /// Its arguments.
        args: Template,
    },
}

/// What a sweep varies, and what it keeps.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Network, workload and faults: every combination that is swept.
    pub settings: Vec<Settings>,
    /// What is swept.
    pub node: NodeChoice,
    /// The batch timeouts, whole milliseconds.
    pub timeouts: Vec<Duration>,
    /// How often each point is measured.
    pub repetitions: u32,
    /// The first run's seed; each run after it has the next one.
    pub seed: u64,
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What sets its settings apart from those of the sweep's other runs; empty if all have the same.
    pub variant: String,
    /// The strategy, if the node is this repository's.
    pub strategy: Option<StrategyKind>,
    /// The node's program for the user to read.
    pub node_shown: String,
    /// How long the node batches.
    pub batch_timeout: Duration,
    /// Which repetition of this point, from 1.
    pub repetition: u32,
    /// Network, workload and faults.
    pub settings: Settings,
    /// What runs as a node.
    pub node: NodeCommand,
    /// The seed, for engines that take one.
    pub seed: u64,
}

impl Grid {
    /// The runs in the order in which they are executed: the whole grid once, then again for each repetition. So a
    /// sweep that is stopped early has every point, and a machine that gets slower does not look like an effect
    /// of the timeout.
    pub fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        let seeds = self.seed..;
        let variants = variants(&self.settings);
        for repetition in 1..=self.repetitions {
            for (settings, variant) in self.settings.iter().zip(&variants) {
                for strategy in self.strategies() {
                    let run = |&timeout| self.run(settings, variant, strategy, timeout, repetition);
                    runs.extend(self.timeouts.iter().map(run));
                }
            }
        }
        for (run, seed) in runs.iter_mut().zip(seeds) {
            run.seed = seed;
        }
        runs
    }

    fn strategies(&self) -> Vec<Option<StrategyKind>> {
        match &self.node {
            NodeChoice::Ours { strategies, .. } => strategies.iter().copied().map(Some).collect(),
            NodeChoice::Other { .. } => vec![None],
        }
    }

    fn run(
        &self,
        settings: &Settings,
        variant: &str,
        strategy: Option<StrategyKind>,
        batch_timeout: Duration,
        repetition: u32,
    ) -> Run {
        let ms = batch_timeout.as_millis().to_string();
        let (bin, node_shown, args) = match &self.node {
            NodeChoice::Ours { bin, extra, .. } => {
                let mut args = vec!["--batch-timeout".to_owned(), format!("{ms}ms")];
                args.extend(strategy.iter().flat_map(|s| ["--strategy".to_owned(), s.name().to_owned()]));
                args.extend(extra.fill(batch_timeout));
                (bin, "node".to_owned(), args)
            }
            NodeChoice::Other { bin, given, args } => (bin, given.clone(), args.fill(batch_timeout)),
        };
        let env = vec![("BATCH_TIMEOUT_MS".to_owned(), ms)];
        let node = NodeCommand { bin: bin.clone(), args, env };
        let (settings, variant) = (settings.clone(), variant.to_owned());
        Run { variant, strategy, node_shown, batch_timeout, repetition, settings, node, seed: 0 }
    }
}

/// What sets each of some settings apart from the others: those that differ, as `5 nodes, latency 10 ms`.
fn variants(all: &[Settings]) -> Vec<String> {
    let differ = |setting: &Setting| all.iter().map(setting.planned).collect::<BTreeSet<_>>().len() > 1;
    let differing: Vec<Setting> = Setting::ALL.into_iter().filter(differ).collect();
    let name = |one| differing.iter().map(|setting| setting.name_planned(one)).collect::<Vec<_>>().join(", ");
    all.iter().map(name).collect()
}

impl Run {
    /// What this run is a sample of: its strategy, or the other node's program name.
    pub fn series(&self) -> String {
        self.strategy.map_or_else(|| program_name(&self.node_shown), |strategy| strategy.name().to_owned())
    }

    /// The settings of this repository's node, if that is what runs.
    pub fn config(&self) -> Option<node::Config> {
        let batch_timeout = self.batch_timeout;
        self.strategy.map(|strategy| node::Config { strategy, batch_timeout })
    }

    /// The name of its directory, unique in its sweep.
    pub fn directory_name(&self) -> String {
        let mut name = plain_name(&self.series());
        // Never cut, so that no two combinations get the same name.
        for setting in self.variant.split(", ").filter(|setting| !setting.is_empty()) {
            name.push('-');
            name.push_str(&plain_name(&setting.replace(' ', "")));
        }
        format!("{name}-{}ms-r{}", self.batch_timeout.as_millis(), self.repetition)
    }
}

/// A name as a part of a file name: nothing in it that a file system or a shell would take for something else.
pub fn plain_name(name: &str) -> String {
    const LONGEST: usize = 60;
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    name.chars().map(plain).take(LONGEST).collect()
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ms #{}", self.series(), self.batch_timeout.as_millis(), self.repetition)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, " ({})", self.variant) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn grid(timeouts: &[u64], repetitions: u32) -> Grid {
        Grid {
            settings: vec![Settings::default()],
            node: NodeChoice::Ours {
                bin: "/bin/node".into(),
                strategies: vec![StrategyKind::Hub, StrategyKind::Tree],
                extra: Template::parse("").unwrap(),
            },
            timeouts: timeouts.iter().copied().map(Duration::from_millis).collect(),
            repetitions,
            seed: 100,
        }
    }

    #[test]
    fn the_whole_grid_comes_before_any_repetition() {
        let runs = grid(&[50, 100], 2).runs();
        let names: Vec<String> = runs.iter().map(Run::directory_name).collect();
        assert_eq!(
            names,
            [
                "hub-50ms-r1",
                "hub-100ms-r1",
                "tree-50ms-r1",
                "tree-100ms-r1",
                "hub-50ms-r2",
                "hub-100ms-r2",
                "tree-50ms-r2",
                "tree-100ms-r2"
            ]
        );
        assert_eq!(runs.iter().map(|run| run.seed).collect::<Vec<_>>(), (100..108).collect::<Vec<_>>());
    }

    #[test]
    fn every_combination_of_settings_has_a_directory_of_its_own() {
        let settings = [(5, 0.5), (25, 0.5), (25, 100.0)];
        let settings =
            settings.map(|(node_count, rate)| Settings { node_count, rate, ..Settings::default() });
        let runs = Grid { settings: settings.into(), ..grid(&[50], 1) }.runs();
        let names: Vec<String> = runs.iter().map(Run::directory_name).collect();
        assert_eq!(names[0], "hub-5nodes-0.5op_s-50ms-r1");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 6);
        assert_eq!(runs[0].to_string(), "hub 50 ms #1 (5 nodes, 0.5 op/s)");
    }

    #[test]
    fn a_node_hears_its_timeout_by_flag_and_environment() {
        let run = &grid(&[50], 1).runs()[1];
        assert_eq!(run.node.args, ["--batch-timeout", "50ms", "--strategy", "tree"]);
        assert_eq!(run.node.env, [("BATCH_TIMEOUT_MS".to_owned(), "50".to_owned())]);
        let other = NodeChoice::Other {
            bin: "/home/user/my nodes/batch.py".into(),
            given: "my nodes/batch it.py".to_owned(),
            args: Template::parse("--ms {batch_timeout_ms}").unwrap(),
        };
        let run = &Grid { node: other, ..grid(&[50], 1) }.runs()[0];
        assert_eq!(run.node.args, ["--ms", "50"]);
        assert_eq!(run.node.env, [("BATCH_TIMEOUT_MS".to_owned(), "50".to_owned())]);
        assert_eq!((run.series(), run.directory_name()), ("batch it".into(), "batch_it-50ms-r1".into()));
    }
}
