//! The network with exact timers, and once with real Maelstrom's.

use std::time::Duration;

use super::*;
use crate::harness::message_counts::Count;
use crate::spec::settings::{LatencyDistribution, Noise};

/// Ideal timers: deliveries are early or late only by the rounding to whole milliseconds.
const EXACT: DeliveryTiming = DeliveryTiming { take_delay: Duration::ZERO, overshoot: None };
const CLIENT: Address = Address::Client(ClientId(0));

fn network(timing: DeliveryTiming) -> Network<&'static str> {
    let latency = Latency { mean: Duration::from_millis(100), distribution: LatencyDistribution::Constant };
    Network::new(3, latency, timing, 1)
}

fn micros(us: u64) -> Time {
    Time::from_nanos(us * 1000)
}

fn node(i: u32) -> Address {
    Address::Node(NodeId(i))
}

/// Runs the network until it is empty and lists each delivery: the time in µs and the payload.
fn drain(network: &mut Network<&'static str>) -> Vec<(u64, &'static str)> {
    let mut delivered = Vec::new();
    while network.next_deadline() < Time::NEVER {
        let at = network.next_deadline();
        while let Some(delivery) = network.poll_delivery(at) {
            assert_eq!(delivery.due, at);
            delivered.push((at.as_nanos() / 1000, delivery.payload));
        }
    }
    delivered
}

#[test]
fn a_message_between_nodes_takes_the_latency() {
    let mut network = network(EXACT);
    network.send(micros(5), node(0), NodeId(1), "hello");
    assert_eq!(drain(&mut network), [(100_005, "hello")]);
    assert_eq!(network.counts().servers, Count { sent: 1, received: 1 });
    assert_eq!(network.counts().clients, Count::default());
}

#[test]
fn sleeping_whole_milliseconds_delivers_early() {
    let mut network = network(DeliveryTiming::maelstrom(Noise::Idle));
    network.send(micros(0), node(0), NodeId(1), "hello");
    let delivered = drain(&mut network)[0].0;
    assert!((99_090..99_600).contains(&delivered), "{delivered} µs");
}

#[test]
fn a_clients_request_waits_behind_the_held_message() {
    let mut network = network(EXACT);
    network.send(micros(0), node(0), NodeId(1), "gossip");
    network.send(micros(30_000), CLIENT, NodeId(1), "read");
    network.send(micros(30_000), CLIENT, NodeId(2), "read elsewhere");
    assert_eq!(drain(&mut network), [(30_000, "read elsewhere"), (100_000, "gossip"), (100_000, "read")]);
}

#[test]
fn a_waiting_request_overtakes_waiting_gossip() {
    let mut network = network(EXACT);
    network.send(micros(0), node(0), NodeId(1), "first");
    network.send(micros(10_000), node(2), NodeId(1), "second");
    network.send(micros(20_000), CLIENT, NodeId(1), "read");
    assert_eq!(drain(&mut network), [(100_000, "first"), (100_000, "read"), (110_000, "second")]);
}

#[test]
fn the_rest_of_a_latency_is_rounded_down_when_the_node_is_free() {
    let mut network = network(EXACT);
    network.send(micros(0), node(0), NodeId(1), "first");
    network.send(micros(10_700), node(2), NodeId(1), "second");
    assert_eq!(drain(&mut network), [(100_000, "first"), (110_000, "second")]);
}

#[test]
fn messages_behind_a_late_delivery_are_late_as_well() {
    let mut network = network(EXACT);
    network.send(micros(0), node(0), NodeId(1), "first");
    network.send(micros(10_000), node(2), NodeId(1), "second");
    network.send(micros(20_000), CLIENT, NodeId(1), "read");
    network.send(micros(120_000), CLIENT, NodeId(1), "read of one that was late itself");
    let late = micros(150_000);
    let due: Vec<(u64, &str)> = std::iter::from_fn(|| network.poll_delivery(late))
        .map(|delivery| (delivery.due.as_nanos() / 1000, delivery.payload))
        .collect();
    let expected = [
        (100_000, "first"),
        (100_000, "read"),
        (110_000, "second"),
        (120_000, "read of one that was late itself"),
    ];
    assert_eq!(due, expected);
}

#[test]
fn messages_for_a_node_that_does_not_read_are_not_late() {
    let mut network = network(EXACT);
    network.pause(NodeId(1));
    network.send(micros(0), node(0), NodeId(1), "gossip");
    network.resume(micros(150_000), NodeId(1));
    let delivery = network.poll_delivery(micros(150_000)).expect("a message that is due");
    assert_eq!(delivery.due, micros(150_000));
}

#[test]
fn a_partition_drops_when_the_message_is_taken() {
    let mut network = network(EXACT);
    network.send(micros(0), node(0), NodeId(1), "held before the partition");
    network.send(micros(1_000), node(0), NodeId(1), "taken during the partition");
    network.partitions_mut().cut(NodeId(0), NodeId(1));
    network.send(micros(2_000), node(2), NodeId(1), "from the other side");
    network.send(micros(3_000), node(1), NodeId(0), "the way back is open");
    assert_eq!(
        drain(&mut network),
        [
            (100_000, "held before the partition"),
            (102_000, "from the other side"),
            (103_000, "the way back is open")
        ]
    );
    assert_eq!(network.counts().servers, Count { sent: 4, received: 3 });
}

#[test]
fn a_paused_node_gets_the_rest_when_it_reads_again() {
    let mut network = network(EXACT);
    network.pause(NodeId(1));
    network.send(micros(0), CLIENT, NodeId(1), "read");
    assert_eq!(network.next_deadline(), Time::NEVER);
    network.resume(micros(500), NodeId(1));
    assert_eq!(drain(&mut network), [(500, "read")]);
}

#[test]
fn messages_between_nodes_get_lost_and_doubled_as_often_as_asked() {
    let latency = Latency { mean: Duration::ZERO, distribution: LatencyDistribution::Constant };
    let mut network = Network::new(2, latency, EXACT, 3);
    network.set_message_faults(MessageFaults { loss: 0.2, duplication: 0.1 });
    let (from_node, from_client) = (Address::Node(NodeId(0)), Address::Client(ClientId(0)));
    for _ in 0..10_000 {
        network.send(Time::ZERO, from_node, NodeId(1), ());
        network.send(Time::ZERO, from_client, NodeId(1), ());
    }
    while network.poll_delivery(Time::ZERO).is_some() {}
    let MessageCounts { clients, servers, .. } = network.counts();
    assert_eq!((clients.sent, clients.received, servers.sent), (10_000, 10_000, 10_000));
    // 80 % arrive, of these a tenth twice.
    assert!((8_600..9_000).contains(&servers.received), "{}", servers.received);
}

#[test]
fn a_wake_up_holds_the_largest_time_message_and_node() {
    let last_node = NodeId((1 << WakeUp::NODE_BITS) - 1);
    let before_never = Time::from_nanos(u64::MAX - 1);
    let last = WakeUp::new(before_never, WakeUp::MAX_MESSAGES - 1, last_node);
    assert_eq!((last.at(), last.node()), (before_never, last_node));
    assert!(last < WakeUp::NEVER && WakeUp::new(before_never, 0, last_node) < last);
}

#[test]
#[should_panic(expected = "too large")]
fn a_network_whose_nodes_do_not_fit_into_a_wake_up_is_refused() {
    let latency = Latency { mean: Duration::ZERO, distribution: LatencyDistribution::Constant };
    Network::<()>::new((1 << WakeUp::NODE_BITS) + 1, latency, EXACT, 1);
}
