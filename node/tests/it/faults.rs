//! After any faults of the network that end, every node knows every value and falls silent. A failing case
//! prints the whole setting with its seed; add it to `settings_that_once_failed` to reproduce it.

use std::time::Duration;

use crate::props;
use crate::sim::{Dice, Latency, MS, Network, Partition, Sim};
use node::{Config, PeerId, Request, StrategyKind, Target, Time, Value};
use proptest::prelude::*;

/// When the last fault ends.
const HEALED: u64 = 20_000;

#[derive(Clone, Debug)]
struct Setting {
    strategy: StrategyKind,
    window_ms: u32,
    nodes: usize,
    values: usize,
    latency: Latency,
    loss: f64,
    duplication: f64,
    /// How many partitions, one after the other, until the faults end.
    partitions: usize,
    one_way: bool,
    seed: u64,
}

fn settings() -> impl Strategy<Value = Setting> {
    let auto = [
        Target::Latency(MS * 20),
        Target::Latency(MS * 700),
        Target::MsgsPerOp { thousandths: 500 },
        Target::MsgsPerOp { thousandths: 5000 },
    ];
    let strategies = StrategyKind::ALL.into_iter().chain(auto.map(StrategyKind::Auto));
    let strategy = prop::sample::select(strategies.collect::<Vec<_>>());
    let latency = prop_oneof![
        (0u32..300).prop_map(Latency::Constant),
        (1u32..300).prop_map(Latency::Uniform),
        (1u32..300).prop_map(Latency::Exponential),
    ];
    let window = prop_oneof![Just(0), 1u32..50, 50u32..2000];
    let faults = (prop_oneof![Just(0.0), 0.0..0.5], prop_oneof![Just(0.0), 0.0..0.5]);
    (strategy, window, 1usize..=12, 0usize..200, latency, faults, 0usize..4, any::<bool>(), any::<u64>())
        .prop_map(
            |(
                strategy,
                window_ms,
                nodes,
                values,
                latency,
                (loss, duplication),
                partitions,
                one_way,
                seed,
            )| {
                Setting {
                    strategy,
                    window_ms,
                    nodes,
                    values,
                    latency,
                    loss,
                    duplication,
                    partitions,
                    one_way,
                    seed,
                }
            },
        )
}

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

fn network(setting: &Setting, dice: &mut Dice) -> Network {
    let slot = HEALED / setting.partitions.max(1) as u64;
    let partitions = (0..setting.partitions as u64).map(|i| {
        let sides = 2 + dice.below(2);
        let side = (0..setting.nodes).map(|_| dice.below(sides) as u8).collect();
        let from = i * slot + dice.below(slot as usize / 2) as u64;
        Partition { from: at(from), until: at((i + 1) * slot), side, one_way: setting.one_way }
    });
    Network {
        partitions: partitions.collect(),
        latency: setting.latency,
        loss: setting.loss,
        duplication: setting.duplication,
        faults_until: at(HEALED),
        cut: None,
        standstill: None,
    }
}

/// A simulation with all its clients' requests, ready to run.
fn build(setting: &Setting) -> Sim {
    let mut dice = Dice(setting.seed);
    let network = network(setting, &mut dice);
    let config = Config { strategy: setting.strategy, batch_timeout: MS * setting.window_ms };
    let mut sim = Sim::new(config, setting.nodes, network, setting.seed);
    for i in 0..setting.values {
        let when = at(200 + dice.below(HEALED as usize) as u64);
        let node = dice.below(setting.nodes);
        // Now and then a value that was sent before, perhaps to another node.
        let value = if dice.below(10) == 0 { dice.below(i + 1) } else { i };
        sim.request(when, node, Request::Broadcast((value as i64).into()));
    }
    sim
}

fn check(setting: &Setting) -> Result<(), String> {
    let mut sim = build(setting);
    // Ten seconds after healing Maelstrom reads: everything must be everywhere by then. Its network loses
    // nothing at random; where up to half of all messages were lost, probes and answers too, the last link to
    // recover may take longer (5 of 9,000 such settings did).
    let recovery_s = if setting.loss > 0.0 { 20 } else { 10 };
    sim.run(at(HEALED + recovery_s * 1000));
    let known: Vec<_> = sim.nodes.iter().map(|node| node.values().len()).collect();
    if known.iter().any(|known| *known != sim.accepted.len()) {
        let accepted = sim.accepted.len();
        return Err(format!("{recovery_s} s after healing, of {accepted} values the nodes know {known:?}"));
    }
    if !sim.run(at(HEALED + 120_000)) {
        return Err("two minutes after healing there is still traffic".to_owned());
    }
    sim.complaint().map_or(Ok(()), Err)
}

proptest! {
    #![proptest_config(props::config(400))]

    #[test]
    fn everyone_ends_with_everything_and_falls_silent(setting in settings()) {
        if let Err(complaint) = check(&setting) {
            return Err(TestCaseError::fail(format!("{complaint}\nsetting: {setting:?}")));
        }
    }
}

#[test]
fn settings_that_once_failed() {
    // A few very late answers made the retransmission timeout longer than recovery may take.
    let late_answers = Setting {
        strategy: StrategyKind::Hub,
        window_ms: 0,
        nodes: 9,
        values: 116,
        latency: Latency::Exponential(158),
        loss: 0.37442773782492245,
        duplication: 0.0,
        partitions: 0,
        one_way: false,
        seed: 15728723624984609038,
    };
    assert_eq!(check(&late_answers), Ok(()), "{late_answers:?}");
    // Values queued for every node were stuck when the plan changed back to the hub.
    let changed_plan = Setting {
        strategy: StrategyKind::Auto(Target::Latency(MS * 700)),
        window_ms: 0,
        nodes: 8,
        values: 27,
        latency: Latency::Constant(73),
        loss: 0.0,
        duplication: 0.0,
        partitions: 2,
        one_way: false,
        seed: 774810325861776582,
    };
    assert_eq!(check(&changed_plan), Ok(()), "{changed_plan:?}");
}

#[test]
fn equal_seeds_give_equal_runs() {
    let setting = Setting {
        strategy: StrategyKind::Hub,
        window_ms: 100,
        nodes: 7,
        values: 100,
        latency: Latency::Exponential(80),
        loss: 0.2,
        duplication: 0.2,
        partitions: 2,
        one_way: false,
        seed: 11,
    };
    let trace = |seed| {
        let mut sim = build(&Setting { seed, ..setting.clone() });
        sim.run(at(60_000));
        sim.sent
    };
    assert!(trace(11) == trace(11));
    assert!(trace(11) != trace(12));
}

/// A network of 9 nodes whose hub is cut off from 2 s to 12 s.
fn hub_cut_off() -> Sim {
    let side = (0..9).map(|i| u8::from(i == 0)).collect();
    let partition = Partition { from: at(2000), until: at(12_000), side, one_way: false };
    let network = Network { partitions: vec![partition], ..Network::perfect(Latency::Constant(50)) };
    Sim::new(Config { strategy: StrategyKind::Hub, batch_timeout: MS * 200 }, 9, network, 3)
}

#[test]
fn values_spread_while_the_hub_is_unreachable() {
    let mut sim = hub_cut_off();
    for i in 0..300u64 {
        sim.request(at(200 + 50 * i), (i % 9) as usize, Request::Broadcast((i as i64).into()));
    }
    // Long before healing, all leaves know every value that a leaf accepted at least a second ago.
    sim.run(at(10_000));
    let old: Vec<i64> = sim.accepted.iter().filter(|(_, t)| **t < at(9000)).map(|(int, _)| *int).collect();
    for leaf in 1..9 {
        for int in old.iter().filter(|int| **int % 9 != 0 || sim.accepted[*int] < at(1500)) {
            assert!(sim.nodes[leaf].values().contains(&(*int).into()), "n{leaf} lacks {int}");
        }
    }
    // Three seconds after healing the hub knows everything too, and every node knows the values of the hub.
    sim.run(at(15_000));
    for (i, node) in sim.nodes.iter().enumerate() {
        for (int, _) in sim.accepted.iter().filter(|(_, t)| **t < at(12_000)) {
            assert!(node.values().contains(&(*int).into()), "n{i} lacks {int}");
        }
    }
    assert!(sim.run(at(60_000)));
    assert_eq!(sim.complaint(), None);
}

#[test]
fn a_lone_value_gets_around_a_silent_hub() {
    let mut sim = hub_cut_off();
    // The first value makes the leaf's phase and round trip known, the second meets the partition.
    sim.request(at(200), 1, Request::Broadcast(1.into()));
    sim.request(at(2500), 1, Request::Broadcast(2.into()));
    sim.run(at(4000));
    assert!((1..9).all(|leaf| sim.nodes[leaf].values().contains(&2.into())));
    assert!(!sim.nodes[0].values().contains(&2.into()));
}

#[test]
fn a_long_period_does_not_make_leaves_wait_longer_for_the_hub() {
    // Both leaves' batches meet a hub that is gone. It would have acknowledged them after 3 s, long before
    // its flush.
    let side = vec![1, 0, 0];
    let partition = Partition { from: at(10_500), until: at(100_000), side, one_way: false };
    let network = Network { partitions: vec![partition], ..Network::perfect(Latency::Constant(50)) };
    let config = Config { strategy: StrategyKind::Hub, batch_timeout: MS * 10_000 };
    let mut sim = Sim::new(config, 3, network, 3);
    // The first makes the phase and the round trip known.
    sim.request(at(200), 1, Request::Broadcast(1.into()));
    sim.request(at(12_000), 1, Request::Broadcast(2.into()));
    let sent =
        |sim: &Sim| sim.sent.iter().filter(|(.., to, _)| *to == PeerId(0)).map(|(t, ..)| *t).next_back();
    sim.run(at(22_000));
    let batch = sent(&sim).expect("the batch");
    sim.run(batch + MS * 4500);
    assert!(sim.nodes[2].values().contains(&2.into()), "{batch:?}");
}

#[test]
fn a_healed_partition_is_no_storm() {
    let mut sim = hub_cut_off();
    for i in 0..300u64 {
        sim.request(at(200 + 50 * i), (i % 9) as usize, Request::Broadcast((i as i64).into()));
    }
    sim.run(at(15_000));
    let sent = |from, until| sim.sent.iter().filter(|(t, ..)| *t >= at(from) && *t < at(until)).count();
    let (during, healing, normal) = (sent(10_000, 12_000), sent(12_000, 14_000), sent(0, 2000));
    println!("in two seconds: {normal} normally, {during} without the hub, {healing} while it heals");
    // Each leaf works without the hub until a probe gets through. Recovery adds a few messages for each.
    assert!(healing <= during + 9 * 4, "{healing} messages after healing, {during} before");
}

/// Messages between leaves for each value in the 10 s after a cluster that was in halves for 5 s has healed.
fn cost_after_halves(nodes: usize) -> f64 {
    let side = (0..nodes).map(|i| (i * 2 / nodes) as u8).collect();
    let partition = Partition { from: at(5000), until: at(10_000), side, one_way: false };
    let network = Network { partitions: vec![partition], ..Network::perfect(Latency::Uniform(100)) };
    let config = Config { strategy: StrategyKind::Hub, batch_timeout: MS * 200 };
    let mut sim = Sim::new(config, nodes, network, 5);
    for i in 0..1000u64 {
        let value = (i as i64).into();
        sim.request(at(200 + 20 * i), (i * 7 % nodes as u64) as usize, Request::Broadcast(value));
    }
    assert!(sim.run(at(100_000)));
    assert_eq!(sim.complaint(), None);
    let after = sim.sent.iter().filter(|(t, ..)| *t >= at(10_000) && *t < at(20_000));
    after.filter(|(_, from, to, _)| from.0 > 0 && to.0 > 0).count() as f64 / 500.0
}

#[test]
fn leaves_soon_send_through_the_hub_again() {
    // Each leaf has something for each of the other half, and the half without the hub was cut off.
    for (nodes, most) in [(10, 0.75), (25, 4.3), (50, 12.2)] {
        let cost = cost_after_halves(nodes);
        println!("{nodes} nodes: {cost:.2} messages between leaves for each value");
        assert!(cost <= most, "{nodes} nodes: {cost}");
    }
}

#[test]
fn one_cut_off_leaf_still_gets_its_values_out_and_others_in() {
    // n5 and the hub cannot reach each other, but both reach everyone else.
    let cut = (PeerId(0), PeerId(5), at(1000), at(20_000));
    let network = Network { cut: Some(cut), ..Network::perfect(Latency::Constant(50)) };
    let config = Config { strategy: StrategyKind::Hub, batch_timeout: MS * 200 };
    let mut sim = Sim::new(config, 6, network, 4);
    for i in 0..350u64 {
        sim.request(at(200 + 50 * i), (i % 6) as usize, Request::Broadcast((i as i64).into()));
    }
    sim.run(at(18_000));
    for (int, t) in &sim.accepted {
        let origin = int % 6;
        // n5 itself reports that it is cut off, before the hub can know.
        let settled = *t > at(3000) && *t < at(17_000);
        if settled && origin == 5 {
            assert!((1..5).all(|i| sim.nodes[i].values().contains(&(*int).into())), "{int} did not get out");
        }
        if settled && (1..5).contains(&origin) {
            assert!(sim.nodes[5].values().contains(&(*int).into()), "{int} did not get in");
        }
    }
    assert!(sim.run(at(90_000)));
    assert_eq!(sim.complaint(), None);
}

/// A cluster at rest that has 90 values, of which the nodes `restarted` come back with none. One of them then
/// gets a value from a client. Returns the cluster at rest again.
fn restarted_empty(strategy: StrategyKind, restarted: &[usize]) -> Sim {
    let config = Config { strategy, batch_timeout: MS * 200 };
    let mut sim = Sim::new(config, 9, Network::perfect(Latency::Constant(50)), 6);
    for i in 0..90u64 {
        sim.request(at(200 + 20 * i), (i % 9) as usize, Request::Broadcast((i as i64).into()));
    }
    assert!(sim.run(at(20_000)), "{strategy:?} is not at rest");
    assert_eq!(sim.complaint(), None);
    for &i in restarted {
        sim.restart(at(21_000), i, config);
    }
    sim.request(at(22_000), restarted[0], Request::Broadcast(90.into()));
    assert!(sim.run(at(90_000)), "{strategy:?} is not at rest after {restarted:?}");
    sim
}

/// Each node in turn, among them the hub, all nodes but a leaf, and all nodes but the hub.
#[test]
fn nodes_that_come_back_empty_are_filled_by_their_peers() {
    for strategy in [StrategyKind::Hub, StrategyKind::Direct] {
        for restarted in [&[0][..], &[4], &[0, 1, 2, 3, 5, 6, 7, 8], &[1, 2, 3, 4, 5, 6, 7, 8]] {
            let mut sim = restarted_empty(strategy, restarted);
            assert_eq!(sim.complaint(), None, "{strategy:?} after {restarted:?}");
        }
    }
}

/// In the published tutorial a batch that was acknowledged is never sent again. So nobody notices that a node
/// has come back empty, and it gets new values only.
#[test]
fn the_tree_leaves_a_node_empty() {
    let sim = restarted_empty(StrategyKind::Tree, &[8]);
    assert_eq!(sim.nodes[8].values().as_slice(), [Value::Int(90)]);
    assert!(sim.nodes[..8].iter().all(|node| node.values().len() == 91));
}
