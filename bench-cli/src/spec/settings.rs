//! The one definition of a run: what the network, the workload and the faults are, and what runs as a node.
//!
//! Command-line flags, CSV columns and the arguments handed to Maelstrom all come from here. Names follow
//! Maelstrom's own options.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::setting::Setting;

/// Everything that Maelstrom's `test -w broadcast` lets a user set about one run, less the node itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How many nodes run (`n0`, `n1`, …). At least 1.
    pub node_count: usize,
    /// How many clients run.
    pub concurrency: Concurrency,
    /// Operations per second over all clients. Zero means no operations but the final reads.
    pub rate: f64,
    /// How long operations are generated.
    pub time_limit: Duration,
    /// How long a message between two nodes takes.
    pub latency: Latency,
    /// The neighbours that each node is told of in its `topology` message.
    pub topology: Topology,
    /// The faults that are injected.
    pub nemesis: Nemesis,
    /// What happens to single messages between nodes.
    pub message_faults: MessageFaults,
    /// The fraction of requests that must succeed, if any is asked for.
    pub availability: Option<Availability>,
    /// The machine that a simulated run is on.
    pub noise: Noise,
}

impl Default for Settings {
    /// Challenges 3d and 3e: 25 nodes, 100 op/s, 20 s, 100 ms.
    fn default() -> Settings {
        Settings {
            node_count: 25,
            concurrency: Concurrency::PerNode(1),
            rate: 100.0,
            time_limit: Duration::from_secs(20),
            latency: Latency {
                mean: Duration::from_millis(100),
                distribution: LatencyDistribution::Constant,
            },
            topology: Topology::Grid,
            nemesis: Nemesis::default(),
            message_faults: MessageFaults::default(),
            availability: None,
            noise: Noise::Idle,
        }
    }
}

/// Numbers in settings are finite: [`Setting`] refuses others.
impl Eq for Settings {}

impl Hash for Settings {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for setting in Setting::ALL {
            (setting.get)(self).hash(state);
        }
    }
}

impl Settings {
    /// How many clients this run has.
    pub fn client_count(&self) -> usize {
        self.concurrency.among(self.node_count)
    }
}

/// How many clients run: `10`, or `2n` for two a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// A fixed number of clients.
    Clients(usize),
    /// So many clients for each node.
    PerNode(usize),
}

impl Concurrency {
    /// How many clients that is for so many nodes.
    pub fn among(self, node_count: usize) -> usize {
        match self {
            Concurrency::Clients(clients) => clients,
            Concurrency::PerNode(clients) => clients * node_count,
        }
    }
}

/// How long a message from one node to another takes; messages from and to clients take no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The mean of the distribution, a whole number of milliseconds.
    pub mean: Duration,
    /// Its shape.
    pub distribution: LatencyDistribution,
}

/// The shape of the latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencyDistribution {
    /// Always the mean.
    Constant,
    /// Uniform from 0 to twice the mean.
    Uniform,
    /// Exponential with the mean.
    Exponential,
}

/// The neighbours that nodes receive in `topology`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// A roughly square grid, at most 4 neighbours each.
    Grid,
    /// All nodes in a line.
    Line,
    /// A binary tree.
    Tree,
    /// A binary tree (the same as `Tree`).
    Tree2,
    /// A tree with three children a node.
    Tree3,
    /// A tree with four children a node.
    Tree4,
    /// Everyone is everyone's neighbour.
    Total,
}

/// A kind of fault that lasts for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The network loses all messages between some nodes.
    Partition,
    /// Nodes are killed, and started again.
    Kill,
    /// Nodes are stopped, and later resume where they were.
    Pause,
}

/// A set of kinds of faults. As text `none`, or the kinds with commas between: `partition,kill`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Faults(u8);

impl Faults {
    /// No faults.
    pub const NONE: Faults = Faults(0);

    /// The set of these kinds.
    pub fn of(kinds: impl IntoIterator<Item = Fault>) -> Faults {
        Faults(kinds.into_iter().fold(0, |set, kind| set | 1 << kind as u8))
    }

    /// The set of partitions alone.
    pub const fn partition() -> Faults {
        Faults(1 << Fault::Partition as u8)
    }

    /// Whether `kind` is one of them.
    pub const fn contains(self, kind: Fault) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// The set without `kind`.
    pub const fn without(self, kind: Fault) -> Faults {
        Faults(self.0 & !(1 << kind as u8))
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds in the set.
    pub fn kinds(self) -> impl Iterator<Item = Fault> {
        Fault::ALL.iter().copied().filter(move |kind| self.contains(*kind))
    }

    /// The set as a CSV cell, where a comma would need quotes: `partition+kill`, or `none`.
    pub fn cell(self) -> String {
        self.joined("+")
    }

    fn joined(self, separator: &str) -> String {
        let names: Vec<&str> = self.kinds().map(Fault::name).collect();
        if names.is_empty() { NO_FAULTS.to_owned() } else { names.join(separator) }
    }
}

/// The empty set of faults as text.
const NO_FAULTS: &str = "none";

/// The faults that are injected while operations run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nemesis {
    /// Which kinds of faults start and end.
    pub faults: Faults,
    /// The mean time from one fault operation to the next.
    pub interval: Duration,
}

impl Default for Nemesis {
    /// No faults; Maelstrom's interval of 10 s.
    fn default() -> Nemesis {
        Nemesis { faults: Faults::NONE, interval: Duration::from_secs(10) }
    }
}

/// What happens to single messages between nodes all the time, in addition to partitions. Maelstrom has no
/// such options, so only the simulated engine takes anything but zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MessageFaults {
    /// The fraction that gets lost, from 0 to 1.
    pub loss: f64,
    /// The fraction that arrives twice, from 0 to 1.
    pub duplication: f64,
}

impl MessageFaults {
    /// Whether there are any.
    pub fn any(&self) -> bool {
        *self != MessageFaults::default()
    }
}

/// How much else the machine of a simulated run has to do: how late processes wake and timers expire. Any
/// other engine has a real machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// No other programs.
    Idle,
    /// Another program uses each core all the time.
    Busy,
}

/// The value of `--availability`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Availability {
    /// Every request must succeed.
    Total,
    /// At least this fraction, from 0 to 1.
    Fraction(f64),
}

/// What is run as a node: a program, its arguments, and what is added to its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCommand {
    /// The program, resolved against the caller's directory; `PATH` is not searched.
    pub bin: PathBuf,
    /// Its arguments, passed as a vector and never through a shell.
    pub args: Vec<String>,
    /// Variables added to the inherited environment.
    pub env: Vec<(String, String)>,
}

/// A value that cannot be read as the setting it was given for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidSetting(pub(crate) String);

/// Implements `FromStr`, `Display` and an `ALL` list for an enum from one table of its names.
macro_rules! named {
    ($type:ty, $what:literal, $($variant:ident => $name:literal),+ $(,)?) => {
        impl $type {
            /// Every choice, in the order in which help texts list them.
            pub const ALL: &[$type] = &[$(<$type>::$variant),+];

            /// The name that flags, CSV and Maelstrom use.
            pub const fn name(self) -> &'static str {
                match self { $(<$type>::$variant => $name),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::spec::settings::InvalidSetting;

            fn from_str(text: &str) -> Result<$type, Self::Err> {
                <$type>::ALL.iter().copied().find(|choice| choice.name() == text).ok_or_else(|| {
                    let names: Vec<&str> = <$type>::ALL.iter().map(|choice| choice.name()).collect();
                    $crate::spec::settings::InvalidSetting(format!(
                        "no {} is called {text:?}; choose one of {}", $what, names.join(", ")
                    ))
                })
            }
        }
    };
}

pub(crate) use named;

named!(LatencyDistribution, "latency distribution",
    Constant => "constant", Uniform => "uniform", Exponential => "exponential");
named!(Noise, "noise", Idle => "idle", Busy => "busy");
named!(Fault, "fault", Partition => "partition", Kill => "kill", Pause => "pause");
named!(Topology, "topology",
    Grid => "grid", Line => "line", Tree => "tree", Tree2 => "tree2", Tree3 => "tree3", Tree4 => "tree4",
    Total => "total");

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.joined(","))
    }
}

impl FromStr for Faults {
    type Err = InvalidSetting;

    /// Reads the form of a flag and that of a CSV cell.
    fn from_str(text: &str) -> Result<Faults, InvalidSetting> {
        if text == NO_FAULTS {
            return Ok(Faults::NONE);
        }
        let kinds: Result<Vec<Fault>, _> = text.split([',', '+']).map(|kind| kind.trim().parse()).collect();
        kinds.map(Faults::of)
    }
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Concurrency::Clients(clients) => write!(f, "{clients}"),
            Concurrency::PerNode(clients) => write!(f, "{clients}n"),
        }
    }
}

impl FromStr for Concurrency {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Concurrency, InvalidSetting> {
        let (digits, per_node) = match text.strip_suffix('n') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        match digits.parse::<usize>() {
            Ok(clients) if clients > 0 && per_node => Ok(Concurrency::PerNode(clients)),
            Ok(clients) if clients > 0 => Ok(Concurrency::Clients(clients)),
            _ => Err(InvalidSetting(format!(
                "{text:?} is not a valid concurrency; give a number of clients such as 10, or clients per node such as 2n"
            ))),
        }
    }
}

impl fmt::Display for Availability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Availability::Total => f.write_str("total"),
            Availability::Fraction(fraction) => write!(f, "{fraction}"),
        }
    }
}

impl FromStr for Availability {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Availability, InvalidSetting> {
        if text == "total" {
            return Ok(Availability::Total);
        }
        match text.parse::<f64>() {
            Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(Availability::Fraction(fraction)),
            _ => Err(InvalidSetting(format!("{text:?} must be either 'total' or a number between 0 and 1"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for &topology in Topology::ALL {
            assert_eq!(topology.to_string().parse(), Ok(topology));
        }
        for &distribution in LatencyDistribution::ALL {
            assert_eq!(distribution.to_string().parse(), Ok(distribution));
        }
    }

    #[test]
    fn faults_are_a_set() {
        for (text, cell) in
            [("none", "none"), ("kill", "kill"), ("partition,kill,pause", "partition+kill+pause")]
        {
            let faults: Faults = text.parse().unwrap();
            assert_eq!((faults.to_string(), faults.cell()), (text.to_owned(), cell.to_owned()));
            assert_eq!(cell.parse(), Ok(faults));
        }
        assert_eq!("pause, kill".parse(), Ok(Faults::of([Fault::Kill, Fault::Pause])));
        assert_eq!(Faults::partition().without(Fault::Partition), Faults::NONE);
        let error = "kill,flood".parse::<Faults>().unwrap_err().to_string();
        assert!(error.contains("flood") && error.contains("partition, kill, pause"), "{error}");
    }

    #[test]
    fn concurrency_is_a_number_or_so_many_a_node() {
        assert_eq!("10".parse(), Ok(Concurrency::Clients(10)));
        assert_eq!("2n".parse(), Ok(Concurrency::PerNode(2)));
        assert!("0".parse::<Concurrency>().is_err());
        assert!("n".parse::<Concurrency>().is_err());
        assert_eq!(
            Settings { concurrency: Concurrency::PerNode(2), ..Settings::default() }.client_count(),
            50
        );
    }

    #[test]
    fn a_wrong_name_lists_the_right_ones() {
        let error = "ring".parse::<Topology>().unwrap_err().to_string();
        assert_eq!(
            error,
            r#"no topology is called "ring"; choose one of grid, line, tree, tree2, tree3, tree4, total"#
        );
    }
}
