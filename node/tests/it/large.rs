//! Values so large that a batch of them does not fit into a line that a node reads.

use node::runtime::MAX_LINE;
use node::wire::Wire;
use node::{Config, Node, PeerId, PeerMessage, ReplyTo, Request, StrategyKind, Time, Transmit, Value};

const NODES: u32 = 2;

fn node(strategy: StrategyKind, me: u32) -> Node {
    let mut node = Node::new(Config { strategy, ..Config::default() }, Time::ZERO, 1);
    ask(&mut node, Request::Init { me: PeerId(me), nodes: NODES });
    node
}

fn ask(node: &mut Node, request: Request) {
    node.on_request(Time::ZERO, ReplyTo { client: "c1".into(), msg_id: 1 }, request);
}

/// A wire format that knows both nodes, and is n0.
fn wire() -> Wire {
    let mut wire = Wire::default();
    let init = r#"{"type":"init","msg_id":1,"node_id":"n0","node_ids":["n0","n1"]}"#;
    wire.parse(format!(r#"{{"src":"c0","dest":"n0","body":{init}}}"#).as_bytes()).expect("a request");
    wire
}

fn messages(node: &mut Node) -> Vec<PeerMessage> {
    let transmits = std::iter::from_fn(|| node.poll_transmit());
    let messages = transmits.filter_map(|transmit| match transmit {
        Transmit::ToPeer { message, .. } => Some(message),
        Transmit::ToClient { .. } => None,
    });
    messages.collect()
}

#[test]
fn a_batch_that_is_longer_than_a_line_travels_in_parts() {
    let values: Vec<_> =
        (0..170).filter_map(|i| Value::from_json(&format!("\"{i}{}\"", "x".repeat(400_000))).ok()).collect();
    for strategy in StrategyKind::ALL {
        let (mut sender, mut receiver, mut wire) = (node(strategy, 0), node(strategy, 1), wire());
        values.iter().for_each(|value| ask(&mut sender, Request::Broadcast(*value)));
        let deadline = sender.next_deadline().expect("a batch waits");
        sender.on_timeout(deadline);
        for message in messages(&mut sender) {
            let mut line = Vec::new();
            let transmit = Transmit::ToPeer { to: PeerId(1), message: message.clone() };
            wire.encode(&transmit, sender.values(), &mut line);
            assert!(line.len() <= MAX_LINE, "{strategy:?}: a line of {} bytes", line.len());
            receiver.on_message(Time::ZERO, PeerId(0), message);
        }
        assert_eq!(receiver.values().len(), values.len(), "{strategy:?}");
        // The receiver acknowledges all of it.
        receiver.on_timeout(Time::from_nanos(10_000_000_000));
        for message in messages(&mut receiver) {
            sender.on_message(Time::ZERO, PeerId(1), message);
        }
        assert!(sender.is_idle(), "{strategy:?}");
    }
}
