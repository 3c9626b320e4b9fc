//! Records for tests.

use std::time::Duration;

use node::StrategyKind;

use crate::record::tests::example;
use crate::record::{RunRecord, Status};
use crate::spec::Node;
use crate::spec::settings::Faults;

/// A run of the hub whose maximum stable latency is `max_ms`.
pub(crate) fn with_max(batch_timeout_ms: u64, repetition: u32, max_ms: u64) -> RunRecord {
    example(batch_timeout_ms, repetition)
        .with(|record| record.stable_mut().max = Duration::from_millis(max_ms))
}

/// A run that failed.
pub(crate) fn failed(batch_timeout_ms: u64, repetition: u32, status: Status) -> RunRecord {
    example(batch_timeout_ms, repetition).with(|record| record.measured.status = status)
}

/// A run of this strategy.
pub(crate) fn of_strategy(strategy: StrategyKind, batch_timeout_ms: u64) -> RunRecord {
    example(batch_timeout_ms, 1).with(|record| record.run.strategy = Some(strategy))
}

/// A run of another program.
pub(crate) fn of_program(program: &str, batch_timeout_ms: u64) -> RunRecord {
    example(batch_timeout_ms, 1).with(|record| {
        record.run.strategy = None;
        record.run.node = Node::Program(program.into());
    })
}

/// A run with so many nodes.
pub(crate) fn with_nodes(node_count: usize, batch_timeout_ms: u64, repetition: u32) -> RunRecord {
    example(batch_timeout_ms, repetition).with(|record| record.run.settings.node_count = node_count)
}

/// A run on a machine that was too busy to deliver messages in time.
pub(crate) fn late(batch_timeout_ms: u64, repetition: u32) -> RunRecord {
    example(batch_timeout_ms, repetition).with(|record| {
        record.measured.timer_p99 = Some(Duration::from_millis(5));
        record.measured.late = Some(true);
    })
}

/// A run with partitions.
pub(crate) fn with_partitions(batch_timeout_ms: u64) -> RunRecord {
    example(batch_timeout_ms, 1).with(|record| record.run.settings.nemesis.faults = Faults::partition())
}

/// A run in which a tenth of the messages between nodes got lost.
pub(crate) fn with_loss(batch_timeout_ms: u64) -> RunRecord {
    example(batch_timeout_ms, 1).with(|record| record.run.settings.message_faults.loss = 0.1)
}
