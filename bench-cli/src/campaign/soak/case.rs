//! One random run: how it is drawn, made smaller, and repeated by hand.

use std::time::Duration;

use node::StrategyKind;

use crate::engine::simulated::{Finished, Simulation, Storage};
use crate::harness::rng_streams::{Purpose, RngStream};
use crate::harness::run::SetupError;
use crate::spec::command::{PROGRAM, setting_flags};
use crate::spec::settings::{
    Concurrency, Fault, Faults, Latency, LatencyDistribution, MessageFaults, Nemesis, Noise, Settings,
    Topology,
};

/// A run to be checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Network, workload and faults.
    pub settings: Settings,
    /// Strategy and batch timeout of every node.
    pub config: node::Config,
    /// What a killed node still has.
    pub storage: Storage,
    /// The run's seed.
    pub seed: u64,
    /// The messages between nodes that it may take; `None` for what the protocol should need.
    pub budget: Option<u64>,
}

impl Case {
    /// The case of this number.
    pub fn draw(number: u64, strategies: &[StrategyKind]) -> Case {
        let mut rng = RngStream::new(number, Purpose::Soak);
        let strategy = strategies[rng.index(strategies.len())];
        let batch_timeout = Duration::from_millis(one_of(&mut rng, &[0, 1, 10, 50, 100, 200, 450, 1_000]));
        let most = one_of(&mut rng, &[3, 10, 50]);
        let node_count = 1 + rng.index(most);
        let mut settings = Settings {
            node_count,
            concurrency: Concurrency::Clients(1 + rng.index(2 * node_count)),
            rate: one_of(&mut rng, &[1.0, 10.0, 100.0, 500.0]),
            time_limit: Duration::from_secs(one_of(&mut rng, &[1, 3, 10])),
            latency: Latency {
                mean: Duration::from_millis(one_of(&mut rng, &[0, 1, 10, 100, 200])),
                distribution: one_of(&mut rng, LatencyDistribution::ALL),
            },
            topology: one_of(&mut rng, Topology::ALL),
            nemesis: Nemesis {
                faults: one_of(&mut rng, &[Faults::NONE, Faults::partition()]),
                interval: Duration::from_millis(one_of(&mut rng, &[300, 1_000, 3_000])),
            },
            message_faults: MessageFaults {
                loss: one_of(&mut rng, &[0.0, 0.0, 0.02, 0.2]),
                duplication: one_of(&mut rng, &[0.0, 0.0, 0.1]),
            },
            availability: None,
            noise: Noise::Idle,
        };
        let process_faults = [Fault::Kill, Fault::Pause].into_iter().filter(|_| rng.chance(0.4));
        settings.nemesis.faults = Faults::of(settings.nemesis.faults.kinds().chain(process_faults));
        settings.noise = one_of(&mut rng, Noise::ALL);
        let config = node::Config { strategy, batch_timeout };
        Case { settings, config, storage: Storage::Log, seed: number, budget: None }
    }

    /// Executes the run.
    ///
    /// # Errors
    /// If a node does not answer during set-up.
    pub fn simulate(&self) -> Result<Finished, SetupError> {
        self.execute(self.simulation())
    }

    /// Executes the run, and keeps its first messages to be drawn.
    ///
    /// # Errors
    /// If a node does not answer during set-up.
    pub fn simulate_with_diagram(&self) -> Result<Finished, SetupError> {
        self.execute(self.simulation().with_diagram())
    }

    fn execute(&self, mut simulation: Simulation) -> Result<Finished, SetupError> {
        simulation.run_to_end()?;
        Ok(simulation.finish(&self.settings))
    }

    /// The nodes' names.
    pub fn node_names(&self) -> Vec<String> {
        (0..self.settings.node_count).map(|node| format!("n{node}")).collect()
    }

    /// The run before it begins.
    pub(super) fn simulation(&self) -> Simulation {
        Simulation::new(&self.settings, self.config, self.seed).with_storage(self.storage)
    }

    /// Cases with one thing less, the largest steps first.
    pub(super) fn simpler(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let mut with = |change: &dyn Fn(&mut Case)| {
            let mut case = self.clone();
            change(&mut case);
            if case != *self {
                cases.push(case);
            }
        };
        for &fault in Fault::ALL {
            with(&|case| case.settings.nemesis.faults = case.settings.nemesis.faults.without(fault));
        }
        with(&|case| case.settings.message_faults.loss = 0.0);
        with(&|case| case.settings.message_faults.duplication = 0.0);
        with(&|case| case.settings.noise = Noise::Idle);
        with(&|case| case.settings.latency.distribution = LatencyDistribution::Constant);
        with(&|case| case.settings.node_count = case.settings.node_count.div_ceil(2));
        // One node less, but at least two: a single node sends no messages.
        with(&|case| case.settings.node_count -= usize::from(case.settings.node_count > 2));
        with(&|case| case.settings.concurrency = Concurrency::PerNode(1));
        with(&|case| case.settings.time_limit = Duration::from_secs(1));
        with(&|case| case.settings.rate = 1.0_f64.max((case.settings.rate / 2.0).floor()));
        with(&|case| case.settings.topology = Topology::Grid);
        cases
    }

    /// The command that repeats and checks it.
    pub fn command(&self) -> String {
        let Case { settings, config, seed, .. } = self;
        let words = [
            format!("{PROGRAM} simulate --check --strategy {}", config.strategy.name()),
            format!("--batch-timeout {}ms --seed {seed}", config.batch_timeout.as_millis()),
        ];
        let storage = (self.storage == Storage::Memory).then(|| "--no-log".to_owned());
        words.into_iter().chain(setting_flags(settings)).chain(storage).collect::<Vec<_>>().join(" ")
    }
}

fn one_of<T: Copy>(rng: &mut RngStream, choices: &[T]) -> T {
    choices[rng.index(choices.len())]
}
