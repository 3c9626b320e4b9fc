//! The node's own CPU time, without processes and pipes: to parse a line, to handle it, to write the answers.
//! A read is measured next to a plain copy of the same bytes, which is what it should cost for any number of
//! values.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use node::wire::{Incoming, Wire};
use node::{Config, Node, StrategyKind, Time};

/// As many values as a batch has at 100 op/s and a second's window, or at 1,000 op/s and 100 ms.
const BATCH: u64 = 100;

/// A node that knows who it is, as the runtime drives it.
struct Driven {
    node: Node,
    wire: Wire,
    now: Time,
    sent: Vec<u8>,
}

impl Driven {
    /// `n1` of 25 nodes; the hub is `n0`.
    fn new(strategy: StrategyKind) -> Driven {
        let config = Config { strategy, batch_timeout: Duration::from_millis(200) };
        let node = Node::new(config, Time::ZERO, 1);
        let mut driven = Driven { node, wire: Wire::default(), now: Time::ZERO, sent: Vec::new() };
        let names: Vec<String> = (0..25).map(|n| format!("\"n{n}\"")).collect();
        driven.take(&format!(
            r#"{{"src":"c0","dest":"n1","body":{{"type":"init","msg_id":1,"node_id":"n1","node_ids":[{}]}}}}"#,
            names.join(",")
        ));
        driven
    }

    /// A node that knows this many values.
    fn knowing(values: u64) -> Driven {
        let mut driven = Driven::new(StrategyKind::Hub);
        (0..values).for_each(|value| driven.take(&broadcast(value)));
        driven
    }

    /// Handles a line, and writes what the node wants sent.
    fn take(&mut self, line: &str) {
        self.sent.clear();
        self.now = self.now + Duration::from_micros(10);
        match self.wire.parse(line.as_bytes()) {
            Ok(Incoming::Request(from, request)) => self.node.on_request(self.now, from, request),
            Ok(Incoming::Peer(from, message)) => self.node.on_message(self.now, from, message),
            other => panic!("{line}: {other:?}"),
        }
        while let Some(transmit) = self.node.poll_transmit() {
            self.wire.encode(&transmit, self.node.values(), &mut self.sent);
        }
    }
}

fn broadcast(value: u64) -> String {
    format!(r#"{{"src":"c7","dest":"n1","body":{{"type":"broadcast","message":{value},"msg_id":{value}}}}}"#)
}

/// The hub's batch of values from number `seq` on.
fn batch(seq: u64) -> String {
    let values: Vec<String> = (seq..seq + BATCH).map(|value| value.to_string()).collect();
    let values = values.join(",");
    format!(r#"{{"src":"n0","dest":"n1","body":{{"type":"batch","seq":{seq},"values":[{values}],"ack":0}}}}"#)
}

fn broadcasts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("broadcast");
    for known in [0, 100_000] {
        let mut driven = Driven::knowing(known);
        let mut value = known;
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("one value, {known} known"), |bencher| {
            bencher.iter_batched(
                || {
                    value += 1;
                    broadcast(value)
                },
                |line| driven.take(&line),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn batches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a peer's batch of 100 values");
    group.throughput(Throughput::Elements(BATCH));
    let mut driven = Driven::new(StrategyKind::Hub);
    let mut seq = 0;
    group.bench_function("new", |bencher| {
        bencher.iter_batched(
            || {
                seq += BATCH;
                batch(seq - BATCH)
            },
            |line| driven.take(&line),
            BatchSize::SmallInput,
        );
    });
    // The same batch again, as after a lost acknowledgement: each value is looked up.
    let known = batch(0);
    group.bench_function("sent again", |bencher| bencher.iter(|| driven.take(&known)));
    // The same in the tree's protocol, which acknowledges each batch.
    let mut driven = Driven::new(StrategyKind::Tree);
    let values: Vec<String> = (0..BATCH).map(|value| value.to_string()).collect();
    let known = format!(
        r#"{{"src":"n0","dest":"n1","body":{{"type":"broadcast_internal","msg_id":1,"messages":[{}]}}}}"#,
        values.join(",")
    );
    group.bench_function("known values, tree", |bencher| bencher.iter(|| driven.take(&known)));
    group.finish();
}

fn reads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    let read = r#"{"src":"c7","dest":"n1","body":{"type":"read","msg_id":1}}"#;
    for values in [1_000, 100_000] {
        let mut driven = Driven::knowing(values);
        driven.take(read);
        let answer = driven.sent.clone();
        group.throughput(Throughput::Bytes(answer.len() as u64));
        group.bench_function(format!("{values} values"), |bencher| bencher.iter(|| driven.take(read)));
        let mut copy = Vec::with_capacity(answer.len());
        group.bench_function(format!("{values} values, a plain copy of the answer"), |bencher| {
            bencher.iter(|| {
                copy.clear();
                copy.extend_from_slice(black_box(&answer));
                black_box(copy.len())
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(Duration::from_secs(3));
    targets = broadcasts, batches, reads
}
criterion_main!(benches);
