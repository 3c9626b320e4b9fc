//! What a run without faults costs, against theory: 25 nodes, 100 operations/s (half of them broadcasts), 100
//! ms.

use std::time::Duration;

use crate::sim::{Latency, MS, Network, Sim};
use node::cost_model::{self, Poisson};
use node::{Config, PeerMessage, Plan, Request, StrategyKind, Target, Time};

const NODES: usize = 25;
const SECONDS: u32 = 20;

struct Outcome {
    /// Values that clients sent.
    values: usize,
    /// Messages per operation, as Maelstrom counts.
    per_op: f64,
    /// Messages that carry values for the first time.
    data: usize,
    /// All others.
    extra: usize,
    median: Duration,
    max: Duration,
}

/// Who sends when.
#[derive(Clone, Copy, PartialEq)]
enum Load {
    /// As the cost model assumes: independent of each other, at any node.
    Poisson,
    /// As Maelstrom does: uniform in 0..2/rate after the last, round robin over the nodes.
    Maelstrom,
}

fn run(strategy: StrategyKind, batch_timeout: Duration, load: Load, seed: u64) -> Outcome {
    let config = Config { strategy, batch_timeout };
    let mut sim = Sim::new(config, NODES, Network::perfect(Latency::Constant(100)), seed);
    let start = sim.now + MS * 300;
    let (mut at, mut op, mut value) = (start, 0usize, 0i64);
    while at < start + MS * 1000 * SECONDS {
        if sim.dice.unit() < 0.5 {
            let node = if load == Load::Maelstrom { op % NODES } else { sim.dice.below(NODES) };
            sim.request(at, node, Request::Broadcast(value.into()));
            value += 1;
        }
        op += 1;
        let gap = sim.dice.unit();
        at = at
            + if load == Load::Maelstrom {
                (MS * 20).mul_f64(gap)
            } else {
                (MS * 10).mul_f64(-(1.0 - gap).ln())
            };
    }
    assert!(sim.run(start + MS * 1000 * 60), "no rest: still busy 40 s after the last operation");
    assert_eq!(sim.complaint(), None, "seed {seed}");
    let times = sim.delivery_times();
    let bare = |message: &PeerMessage| match message {
        PeerMessage::Link(link) => link.values.is_empty(),
        PeerMessage::TreeAck { .. } => true,
        PeerMessage::TreeBatch { .. } => false,
    };
    let extra = sim.sent.iter().filter(|(.., message)| bare(message)).count();
    Outcome {
        values: value as usize,
        per_op: sim.sent.len() as f64 / op as f64,
        data: sim.sent.len() - extra,
        extra,
        median: times[times.len() / 2],
        max: *times.last().expect("some values"),
    }
}

fn print(name: &str, w: u32, o: &Outcome) {
    println!(
        "{name} W={w}: {:.3} msgs/op, {} data + {} extra ({:.1} %), median {:?}, max {:?}",
        o.per_op,
        o.data,
        o.extra,
        100.0 * o.extra as f64 / o.data as f64,
        o.median,
        o.max
    );
}

#[test]
fn direct_costs_one_message_a_node_and_hardly_an_acknowledgement() {
    for seed in 0..3 {
        let o = run(StrategyKind::Direct, Duration::ZERO, Load::Maelstrom, seed);
        print("direct", 0, &o);
        assert_eq!(o.data, 24 * o.values, "every value once to every other node, nothing twice");
        assert!(o.extra * 100 <= 3 * o.data, "{} acks for {}", o.extra, o.data);
        assert_eq!(o.max, MS * 100);
    }
    for w in [50, 400, 1500] {
        let o = run(StrategyKind::Direct, MS * w, Load::Poisson, 1);
        print("direct", w, &o);
        assert_eq!(o.max.as_millis(), u128::from(w + 100));
    }
}

fn arrivals(values: usize) -> Poisson {
    Poisson { nodes: NODES as u32, values_per_second: values as f64 / f64::from(SECONDS) }
}

/// Messages in a run of `values` that the cost model predicts for a common period.
fn with_common_period(w: Duration, values: usize) -> f64 {
    // The last values wait for a flush after the end.
    cost_model::two_hops_on_a_period(&arrivals(values), w) * (f64::from(SECONDS) + w.as_secs_f64())
}

/// The same for leaves that send at once, and windows that the first value opens.
fn with_windows(w: Duration, values: usize) -> f64 {
    cost_model::two_hops_on_first_values(&arrivals(values), Duration::ZERO, w) * f64::from(SECONDS)
}

#[test]
fn the_challenges_are_met_with_few_messages() {
    // Simulated without Maelstrom's head-of-line effect; 3d asks for a median below 400 and a maximum below
    // 600 ms.
    for (w, per_op, max) in [(385, 1.06, 600), (1700, 0.31, 1930)] {
        let mut runs: Vec<f64> = Vec::new();
        for seed in 0..5 {
            let o = run(StrategyKind::Hub, MS * w, Load::Maelstrom, seed);
            print("hub, round robin,", w, &o);
            assert!(o.max < MS * max, "{:?}", o.max);
            runs.push(o.per_op);
        }
        runs.sort_by(f64::total_cmp);
        assert!(runs[2] <= per_op, "{runs:?}");
    }
}

#[test]
fn the_hub_keeps_to_the_limit_from_the_first_value_on() {
    for (w, more) in [(300, 1.03), (450, 1.03), (1000, 1.05), (1500, 1.03)] {
        for seed in 0..3 {
            let o = run(StrategyKind::Hub, MS * w, Load::Poisson, seed);
            print("hub", w, &o);
            let limit = with_common_period(MS * w, o.values);
            let total = (o.data + o.extra) as f64;
            println!("  limit {limit:.0}, measured {total} ({:+.1} %)", 100.0 * (total / limit - 1.0));
            assert!(total <= limit * more, "{total} messages, limit {limit:.0}");
            // The leaves' margin is a part of the period; and a flush waits up to 8 ms if batches seem to be
            // missing.
            assert!(o.max <= MS * (w + 200 + w / 100 + 10), "max {:?}", o.max);
        }
    }
}

#[test]
fn short_windows_are_no_dearer_than_leaves_that_send_at_once() {
    for w in [0, 20, 50, 100, 150, 200] {
        let o = run(StrategyKind::Hub, MS * w, Load::Poisson, 1);
        print("hub", w, &o);
        let limit = with_windows(MS * w, o.values);
        let total = (o.data + o.extra) as f64;
        println!("  limit {limit:.0}, measured {total} ({:+.1} %)", 100.0 * (total / limit - 1.0));
        assert!(total <= limit * 1.08, "{total} messages, limit {limit:.0}");
        assert!(o.max <= MS * (w + 200 + 10), "max {:?}", o.max);
    }
}

#[test]
fn the_tree_costs_what_the_tutorial_measured() {
    let o = run(StrategyKind::Tree, MS * 200, Load::Maelstrom, 1);
    print("tree", 200, &o);
    // Published and recorded runs: 3.39 to 3.46 messages per operation, maxima about 1,000 to 1,200 ms.
    assert!((3.1..3.8).contains(&o.per_op), "{}", o.per_op);
    // Up to the leader, then four hops down, each waiting for a tick.
    assert!(o.max <= MS * 5 * 300 && o.max >= MS * 800, "{:?}", o.max);
    assert_eq!(o.data, o.extra, "each batch is acknowledged once");
}

#[test]
fn a_period_has_at_most_one_message_each_way() {
    let config = Config { strategy: StrategyKind::Hub, batch_timeout: MS * 500 };
    let mut sim = Sim::new(config, 10, Network::perfect(Latency::Constant(50)), 5);
    for i in 0..2000 {
        sim.request(
            Time::ZERO + MS * 200 + MS * 5 * i,
            (i % 10) as usize,
            Request::Broadcast(i64::from(i).into()),
        );
    }
    sim.run(Time::ZERO + MS * 5000);
    let before = sim.sent.len();
    sim.run(Time::ZERO + MS * 10_000);
    let periods = 10;
    let sent = sim.sent.len() - before;
    assert!(sent <= 2 * 9 * (periods + 1), "{sent} messages in {periods} periods");
}

#[test]
fn a_standstill_at_the_hubs_flush_does_not_cost_a_period() {
    let config = Config { strategy: StrategyKind::Hub, batch_timeout: MS * 500 };
    let network = Network::perfect(Latency::Constant(100));
    let mut sim = Sim::new(config, NODES, network, 1);
    let start = Time::ZERO + MS * 300;
    // Nothing at the hub itself, so that only the leaves' batches tell it that there is something to flush.
    for i in 0..400u32 {
        sim.request(
            start + MS * 10 * i,
            1 + i as usize % (NODES - 1),
            Request::Broadcast(i64::from(i).into()),
        );
    }
    // The first value reaches the hub at 400 ms, and is flushed 500 ms later, as are others every 500 ms.
    let flush = Time::ZERO + MS * 2400;
    sim.network.standstill = Some((flush - MS * 20, flush + MS * 20));
    assert!(sim.run(start + MS * 60_000));
    assert_eq!(sim.complaint(), None);
    let longest = *sim.delivery_times().last().unwrap();
    assert!(longest <= MS * (500 + 200 + 40), "{longest:?}");
}

#[test]
fn leaves_trust_a_hub_that_is_far_away() {
    // An answer takes longer than a leaf waits for the first one.
    let config = Config { strategy: StrategyKind::Hub, batch_timeout: MS * 200 };
    let mut sim = Sim::new(config, 9, Network::perfect(Latency::Constant(1500)), 1);
    for i in 0..600u32 {
        let value = i64::from(i).into();
        sim.request(Time::ZERO + MS * (300 + 50 * i), i as usize % 9, Request::Broadcast(value));
    }
    sim.run(Time::ZERO + MS * 30_000);
    let late = sim.sent.iter().filter(|(at, ..)| *at > Time::ZERO + MS * 20_000);
    assert_eq!(late.filter(|(_, from, to, _)| from.0 > 0 && to.0 > 0).count(), 0, "leaves go around the hub");
    assert!(sim.run(Time::ZERO + MS * 90_000));
    assert_eq!(sim.complaint(), None);
}

#[test]
fn leaves_trust_a_hub_that_stood_still_for_a_moment() {
    for still in [60, 150, 300] {
        let config = Config { strategy: StrategyKind::Hub, batch_timeout: MS * 200 };
        let mut sim = Sim::new(config, 9, Network::perfect(Latency::Constant(1)), 1);
        for i in 0..200u32 {
            let value = i64::from(i).into();
            sim.request(Time::ZERO + MS * (300 + 50 * i), i as usize % 9, Request::Broadcast(value));
        }
        let from = Time::ZERO + MS * 5100;
        sim.network.standstill = Some((from, from + MS * still));
        assert!(sim.run(Time::ZERO + MS * 60_000));
        let around = sim.sent.iter().filter(|(_, from, to, _)| from.0 > 0 && to.0 > 0).count();
        assert_eq!(around, 0, "leaves go around the hub after {still} ms");
        assert_eq!(sim.complaint(), None);
    }
}

/// A run with a target; how many messages an operation costs from the fifth second on, and which plan was
/// made.
fn run_auto(target: Target) -> (f64, Vec<Plan>, Duration) {
    let config = Config { strategy: StrategyKind::Auto(target), batch_timeout: MS * 200 };
    let mut sim = Sim::new(config, NODES, Network::perfect(Latency::Constant(100)), 1);
    let start = Time::ZERO + MS * 300;
    for i in 0..2000u32 {
        let request =
            if sim.dice.unit() < 0.5 { Request::Broadcast(i64::from(i).into()) } else { Request::Read };
        sim.request(start + MS * 10 * i, i as usize % NODES, request);
    }
    assert!(sim.run(start + MS * 60_000), "still busy 40 s after the last operation");
    assert_eq!(sim.complaint(), None);
    let plans = sim.sent.iter().filter_map(|(.., message)| match message {
        PeerMessage::Link(link) => link.announcement().plan,
        _ => None,
    });
    let mut plans: Vec<Plan> = plans.collect();
    plans.dedup();
    let settled = sim.sent.iter().filter(|(at, ..)| *at >= start + MS * 5000 && *at < start + MS * 20_000);
    (settled.count() as f64 / 1500.0, plans, *sim.delivery_times().last().expect("some values"))
}

#[test]
fn auto_meets_its_targets() {
    let (per_op, plans, max) = run_auto(Target::Latency(MS * 600));
    println!("600 ms: {plans:?}, {per_op:.3} msgs/op, max {max:?}");
    assert!(matches!(plans[..], [Plan::Hub(period)] if period > MS * 380 && period < MS * 420), "{plans:?}");
    assert!(per_op < 1.1 && max < MS * 630);

    let (per_op, plans, max) = run_auto(Target::MsgsPerOp { thousandths: 500 });
    println!("0.5 msgs/op: {plans:?}, {per_op:.3} msgs/op, max {max:?}");
    assert!(plans.iter().all(|plan| matches!(plan, Plan::Hub(_))), "{plans:?}");
    assert!(per_op > 0.4 && per_op < 0.55);

    let (per_op, plans, max) = run_auto(Target::Latency(MS * 120));
    println!("120 ms: {plans:?}, {per_op:.3} msgs/op, max {max:?}");
    assert!(matches!(plans[..], [Plan::Direct(window)] if window < MS * 30), "{plans:?}");
    assert!(per_op > 8.0 && per_op < 13.0);
}
