//! The user's settings: the strategy and the batch timeout.

use std::time::Duration;

/// How values spread from the node that accepted them to all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StrategyKind {
    /// The published tutorial's protocol: a leader in the middle of a grid, a free-running ticker on every
    /// node, every internal message acknowledged. It is the baseline for comparisons.
    Tree,
    /// Two hops: every value goes to one hub, and from there, once a period, to all others.
    #[default]
    Hub,
    /// One hop: the origin sends to every other node.
    Direct,
    /// `hub` or `direct`, and how long to collect values. The hub chooses what meets the target best at the
    /// rate and the latency that it measures.
    Auto(Target),
}

/// The limit that [`StrategyKind::Auto`] stays within, while it minimises the other quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The most messages between nodes for each client operation.
    MsgsPerOp {
        /// The number in thousandths.
        thousandths: u32,
    },
    /// The longest time from a value's acceptance until every node has it.
    Latency(Duration),
}

impl StrategyKind {
    /// All strategies that need no target, in the order in which help texts list them.
    pub const ALL: [StrategyKind; 3] = [StrategyKind::Tree, StrategyKind::Hub, StrategyKind::Direct];

    /// The name used on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            StrategyKind::Tree => "tree",
            StrategyKind::Hub => "hub",
            StrategyKind::Direct => "direct",
            StrategyKind::Auto(_) => "auto",
        }
    }
}

/// A node's settings. All nodes of a cluster must have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// To whom values go.
    pub strategy: StrategyKind,
    /// How long the node collects values before it sends them to other nodes. Zero sends at once.
    ///
    /// `tree`: the period of each node's ticker, counted from the process start. `direct`: the length of the
    /// window that the first pending value opens. `hub`: the period of the hub's flush.
    /// `auto`: that period, until the hub has measured enough to choose.
    pub batch_timeout: Duration,
}

/// The longest useful batch timeout. A node shortens longer ones to this.
pub(crate) const MAX_BATCH_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Config {
    /// `hub` at 300 ms: well within challenge 3d (median < 400 ms, maximum < 600 ms) at 100 ms latency. At
    /// twice the latency, 200 ms, the median depends on the phase between flushes and the clients' turns. It
    /// is 130 ms in one run and 260 ms in the next.
    fn default() -> Config {
        Config { strategy: StrategyKind::Hub, batch_timeout: Duration::from_millis(300) }
    }
}
