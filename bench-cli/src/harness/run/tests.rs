//! Whole runs in virtual time, with nodes of a few lines.

use std::time::Duration;

use node::Time;

use super::{Phase, ProcessAction, Run, SetupError};
use crate::harness::address::{Address, ClientId, NodeId};
use crate::harness::checker::{self, Validity};
use crate::harness::generator::Step;
use crate::harness::history::{Element, Event, Function, History, Kind, Process};
use crate::harness::payload::{Payload, Request, Response, Rpc, Values};
use crate::harness::services::{self, Service};
use crate::harness::targets::Targets;
use crate::spec::settings::{Concurrency, Faults, Latency, LatencyDistribution, Nemesis, Settings};

/// A message of the test's nodes.
#[derive(Clone, Debug, PartialEq)]
enum Message {
    Request { rpc: Rpc, value: Option<u32>, msg_id: u64 },
    Answer { to: u64, response: Response },
    Gossip(u32),
    Timestamp,
    Served(services::Reply),
}

impl Payload for Message {
    fn request(request: &Request<'_>, msg_id: u64) -> Message {
        let value = if let Request::Broadcast(value) = request { Some(*value) } else { None };
        Message::Request { rpc: request.rpc(), value, msg_id }
    }

    fn in_reply_to(&self) -> Option<u64> {
        if let Message::Answer { to, .. } = self { Some(*to) } else { None }
    }

    fn response(self, _to: Rpc) -> Response {
        let Message::Answer { response, .. } = self else {
            panic!("only answers are asked for their response")
        };
        response
    }

    fn service_request(&self) -> services::Request {
        if let Message::Timestamp = self { services::Request::Timestamp } else { services::Request::Unknown }
    }

    fn service_reply(&self, reply: &services::Reply) -> Message {
        Message::Served(reply.clone())
    }
}

/// How the test's nodes behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Sends each value to all others once.
    Good,
    /// Lets its driver keep the values that reads list.
    Recorded,
    /// Tells nobody.
    Lonely,
    /// Never answers reads.
    NoRead,
    /// Never answers broadcasts.
    NoAck,
    /// Answers reads a second after their time-out.
    Late,
    /// Answers broadcasts with this error code.
    Error(i64),
    /// Does not answer `init`.
    Silent,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn settings(nodes: usize) -> Settings {
    Settings {
        node_count: nodes,
        rate: 10.0,
        time_limit: ms(5_000),
        latency: Latency { mean: ms(0), distribution: LatencyDistribution::Constant },
        ..Settings::default()
    }
}

/// Everything that a test asks about.
struct Outcome {
    run: Run<Message>,
    end: Time,
}

impl Outcome {
    fn history(&self) -> &History {
        self.run.history()
    }

    fn events(&self, kind: Kind, function: Function) -> Vec<&Event> {
        let wanted = |event: &&Event| event.kind == kind && event.function == function;
        self.history().events().iter().filter(wanted).collect()
    }
}

/// Runs nodes of this manner to the end.
fn run(settings: Settings, manner: Manner) -> Outcome {
    let nodes = settings.node_count;
    let names = (0..nodes).map(|i| format!("n{i}")).collect();
    let mut run = Run::new(settings, names, 17);
    let mut seen: Vec<Vec<u32>> = vec![Vec::new(); nodes];
    let mut late: Vec<(Time, NodeId, Address, Message)> = Vec::new();
    let mut now = Time::ZERO;
    for node in 0..nodes as u32 {
        run.handle_started(now, NodeId(node));
    }
    while !run.is_over() {
        let due = late.iter().map(|(at, ..)| *at).min();
        let next = [run.next_deadline(), due].into_iter().flatten().min();
        now = next.expect("a run that is not over waits for something");
        run.handle_timeout(now);
        while let Some(delivery) = run.poll_delivery(now) {
            let me = delivery.dest;
            for (dest, message) in react(manner, me, nodes, &mut seen, delivery.src, delivery.payload) {
                if manner == Manner::Recorded {
                    let known = run.recorded_values(me);
                    let fresh: Vec<Element> = seen[me.index()][known..].iter().map(|&v| element(v)).collect();
                    run.record_values(me, fresh);
                }
                let is_late = manner == Manner::Late
                    && matches!(&message, Message::Answer { response: Response::Values(_), .. });
                if is_late {
                    late.push((now + ms(6_000), me, dest, message));
                } else {
                    // The test ignores messages without a receiver.
                    let _ = run.handle_message(now, Address::Node(me), dest, message);
                }
            }
        }
        let ripe = late.extract_if(.., |(at, ..)| *at <= now).collect::<Vec<_>>();
        for (_, me, dest, message) in ripe {
            let _ = run.handle_message(now, Address::Node(me), dest, message);
        }
    }
    Outcome { run, end: now }
}

fn element(value: u32) -> Element {
    Element::from_int(i64::from(value)).expect("a small number")
}

/// What a node sends when it is given a message.
fn react(
    manner: Manner,
    me: NodeId,
    nodes: usize,
    seen: &mut [Vec<u32>],
    src: Address,
    message: Message,
) -> Vec<(Address, Message)> {
    let (rpc, value, msg_id) = match message {
        Message::Gossip(value) => {
            seen[me.index()].push(value);
            return Vec::new();
        }
        Message::Answer { .. } | Message::Timestamp | Message::Served(_) => panic!("nodes ask nothing"),
        Message::Request { rpc, value, msg_id } => (rpc, value, msg_id),
    };
    let mut out = Vec::new();
    if let (Some(value), false) = (value, matches!(manner, Manner::Error(_))) {
        seen[me.index()].push(value);
        let others = (0..nodes as u32).map(NodeId).filter(|&other| other != me && manner != Manner::Lonely);
        out.extend(others.map(|other| (Address::Node(other), Message::Gossip(value))));
    }
    let mine = &seen[me.index()];
    let response = match (rpc, manner) {
        (Rpc::Init, Manner::Silent) | (Rpc::Read, Manner::NoRead) | (Rpc::Broadcast, Manner::NoAck) => {
            return out;
        }
        (Rpc::Broadcast, Manner::Error(code)) => {
            Response::Error { code: Some(code), text: crate::edn::Value::Str("no".into()) }
        }
        (Rpc::Read, Manner::Recorded) => Response::Values(Values::Recorded(mine.len() as u32)),
        (Rpc::Read, _) => Response::Values(Values::Elements(mine.iter().map(|&v| element(v)).collect())),
        _ => Response::Done,
    };
    out.push((src, Message::Answer { to: msg_id, response }));
    out
}

#[test]
fn a_good_node_passes_in_time() {
    let outcome = run(settings(3), Manner::Good);
    assert_eq!(*outcome.run.phase(), Phase::Done);
    let report = checker::check(outcome.history(), None);
    assert_eq!(report.validity(), Validity::Valid);
    assert_eq!(report.workload.stable, report.workload.attempts);
    assert!((40..60).contains(&report.stats.all().count()), "{:?}", report.stats);
    // The time limit and the recovery, as nothing else takes time here.
    assert!(outcome.end > Time::ZERO + ms(14_500) && outcome.end <= Time::ZERO + ms(15_000));
    let finals: Vec<&Event> =
        outcome.events(Kind::Ok, Function::Read).into_iter().filter(|event| event.is_final).collect();
    assert_eq!(finals.len(), 3);
}

#[test]
fn every_message_is_counted_once() {
    let outcome = run(settings(3), Manner::Good);
    let operations = checker::check(outcome.history(), None).stats.invocations;
    let broadcasts = outcome.events(Kind::Ok, Function::Broadcast).len() as u64;
    let counts = outcome.run.message_counts();
    // A request and an answer for each operation, and for `init` and `topology` on each node.
    assert_eq!((counts.clients.sent, counts.clients.received), (2 * (operations + 6), 2 * (operations + 6)));
    assert_eq!((counts.servers.sent, counts.servers.received), (2 * broadcasts, 2 * broadcasts));
}

#[test]
fn turns_go_round_over_clients_and_one_more() {
    let outcome = run(settings(3), Manner::Good);
    let invoked = outcome.history().events().iter().filter(|event| event.kind == Kind::Invoke);
    let processes: Vec<Process> =
        invoked.filter(|event| !event.is_final).map(|event| event.process).take(9).collect();
    // As in the recorded histories: the nemesis's turn falls to the first client.
    assert_eq!(processes, [0, 1, 2, 0, 0, 1, 2, 0, 0].map(Process::Client));
}

/// The history as lines of `history.edn`.
fn edn(history: &History) -> String {
    let mut text = Vec::new();
    crate::harness::history_file::write_edn(history, &mut text).expect("a written history");
    String::from_utf8(text).expect("UTF-8")
}

#[test]
fn reads_listed_and_reads_recorded_give_the_same_history() {
    let latency = Latency { mean: ms(100), distribution: LatencyDistribution::Uniform };
    let settings = Settings { latency, rate: 100.0, ..settings(5) };
    let listed = run(settings.clone(), Manner::Good);
    let recorded = run(settings, Manner::Recorded);
    assert_eq!(edn(listed.history()), edn(recorded.history()));
    let report = |outcome: &Outcome| checker::check(outcome.history(), None);
    assert_eq!(report(&listed), report(&recorded));
    assert!(report(&listed).workload.stable_latencies.expect("stable values").max > 0);
}

#[test]
fn a_history_reads_back_as_it_was_written() {
    let latency = Latency { mean: ms(100), distribution: LatencyDistribution::Exponential };
    let nemesis = Nemesis { faults: Faults::partition(), interval: ms(1_000) };
    let outcome = run(Settings { latency, nemesis, rate: 50.0, ..settings(4) }, Manner::Good);
    let read = crate::harness::history_file::read_edn(&edn(outcome.history())).expect("a readable history");
    assert_eq!(checker::check(&read, None), checker::check(outcome.history(), None));
}

#[test]
fn a_node_that_sends_nothing_loses_values() {
    let report = checker::check(run(settings(3), Manner::Lonely).history(), None);
    assert_eq!(report.workload.validity, Validity::Invalid);
    assert!(!report.workload.lost.is_empty());
}

#[test]
fn reads_time_out_after_five_seconds_and_fail() {
    let outcome = run(settings(3), Manner::NoRead);
    let failed = outcome.events(Kind::Fail, Function::Read);
    assert!(failed.len() >= 6, "3 reads that block their clients, and 3 final ones");
    for event in failed {
        let invoked = &outcome.history().events()[event.invocation as usize];
        assert_eq!(event.time - invoked.time, 5_000_000_000);
        assert_eq!(event.process, invoked.process);
    }
    // The reads that time out keep the run from continuing.
    assert!(outcome.end > Time::ZERO + ms(20_000));
    assert_eq!(checker::check(outcome.history(), None).stats.validity(), Validity::Invalid);
}

#[test]
fn broadcasts_that_time_out_crash_their_process() {
    let outcome = run(settings(3), Manner::NoAck);
    let unknown = outcome.events(Kind::Info, Function::Broadcast);
    assert!(unknown.len() >= 3);
    // The process that follows number p on the same thread is p + 3, with a client of its own.
    let next = outcome.history().events().iter().map(|event| event.process).max();
    assert!(next >= Some(Process::Client(3)), "{next:?}");
    assert_eq!(checker::check(outcome.history(), None).stats.broadcast.info, unknown.len() as u64);
}

#[test]
fn answers_after_the_time_out_are_ignored_but_counted() {
    let outcome = run(settings(3), Manner::Late);
    assert!(outcome.events(Kind::Ok, Function::Read).is_empty());
    let counts = outcome.run.message_counts().clients;
    let unanswered = outcome.events(Kind::Fail, Function::Read).iter().filter(|event| event.is_final).count();
    // Final reads are answered after the run.
    let operations = checker::check(outcome.history(), None).stats.invocations;
    assert_eq!(counts.sent, 2 * (operations + 6) - unanswered as u64);
    assert!(counts.received <= counts.sent && counts.received + 3 >= counts.sent);
}

#[test]
fn definite_errors_fail_and_others_leave_it_open() {
    let definite = run(settings(3), Manner::Error(11));
    assert!(!definite.events(Kind::Fail, Function::Broadcast).is_empty());
    let failure = definite.events(Kind::Fail, Function::Broadcast)[0].failure.clone();
    assert_eq!(failure.expect("a failure").error.to_string(), "[:temporarily-unavailable \"no\"]");
    let indefinite = run(settings(3), Manner::Error(13));
    assert!(indefinite.events(Kind::Fail, Function::Broadcast).is_empty());
    assert!(!indefinite.events(Kind::Info, Function::Broadcast).is_empty());
}

#[test]
fn a_node_that_does_not_initialise_ends_the_run() {
    let outcome = run(settings(3), Manner::Silent);
    assert_eq!(outcome.end, Time::ZERO + ms(10_000));
    let Phase::Failed(error @ SetupError::Silent { .. }) = outcome.run.phase() else {
        panic!("{:?}", outcome.run.phase())
    };
    assert_eq!(
        error.to_string(),
        "expected node n0 to respond to an init message, but it did not within 10s"
    );
}

#[test]
fn without_a_rate_there_are_only_final_reads() {
    let outcome = run(Settings { rate: 0.0, ..settings(3) }, Manner::Good);
    assert_eq!(outcome.end, Time::ZERO + ms(15_000));
    assert_eq!(outcome.history().events().len(), 6);
    let report = checker::check(outcome.history(), None);
    assert_eq!((report.validity(), report.workload.attempts), (Validity::Unknown, 0));
}

#[test]
fn partitions_heal_before_the_final_reads() {
    let nemesis = Nemesis { faults: Faults::partition(), interval: ms(1_000) };
    let outcome = run(Settings { nemesis, ..settings(5) }, Manner::Good);
    let faults: Vec<&Event> =
        outcome.history().events().iter().filter(|event| event.process == Process::Nemesis).collect();
    assert!(faults.len() >= 4, "{faults:?}");
    assert_eq!(faults.len() % 2, 0, "each fault is recorded when it is asked for and when it is done");
    let last = faults.last().expect("faults");
    assert_eq!(last.function, Function::StopPartition);
    let first_final = outcome.events(Kind::Invoke, Function::Read).into_iter().find(|event| event.is_final);
    let quiet = first_final.expect("final reads").time - last.time;
    assert_eq!(quiet, 10_000_000_000);
    let counts = outcome.run.message_counts().servers;
    assert!(counts.received < counts.sent, "partitions drop messages: {counts:?}");
}

#[test]
fn more_clients_than_nodes_share_the_nodes() {
    let settings = Settings { concurrency: Concurrency::PerNode(2), rate: 100.0, ..settings(3) };
    let outcome = run(settings, Manner::Recorded);
    let processes: std::collections::BTreeSet<Process> =
        outcome.history().events().iter().map(|event| event.process).collect();
    assert_eq!(processes, (0..6).map(Process::Client).collect());
    assert_eq!(checker::check(outcome.history(), None).validity(), Validity::Valid);
}

#[test]
fn a_seed_repeats_a_run() {
    let events = || run(settings(3), Manner::Good).history().events().to_vec();
    assert_eq!(events(), events());
}

#[test]
fn messages_sent_before_a_launch_wait_for_the_node() {
    let mut run: Run<Message> = Run::new(settings(2), vec!["a".into(), "b".into()], 1);
    run.handle_started(Time::ZERO, NodeId(0));
    assert!(run.poll_delivery(Time::ZERO).is_some(), "the first node is asked to initialise");
    let [sent, launched] = [Time::ZERO + ms(1), Time::ZERO + ms(5)];
    let (src, dest) = (Address::Node(NodeId(0)), Address::Node(NodeId(1)));
    run.handle_message(sent, src, dest, Message::Gossip(7)).expect("the node is on the network");
    assert_eq!(run.poll_delivery(launched), None, "nobody is there to read it");
    run.handle_started(launched, NodeId(1));
    let given: Vec<Message> =
        std::iter::from_fn(|| run.poll_delivery(launched)).map(|delivery| delivery.payload).collect();
    let init = Message::Request { rpc: Rpc::Init, value: None, msg_id: 1 };
    assert_eq!(given, [Message::Gossip(7), init]);
}

#[test]
fn clients_have_their_numbers_in_order_of_use() {
    let mut run: Run<Message> = Run::new(settings(2), vec!["a".into(), "b".into()], 1);
    run.handle_started(Time::ZERO, NodeId(1));
    run.handle_started(Time::ZERO, NodeId(0));
    let first = run.poll_delivery(Time::ZERO).expect("an init message");
    assert_eq!((first.src, first.dest), (Address::Client(ClientId(0)), NodeId(1)));
    let stranger = run.handle_message(
        Time::ZERO,
        Address::Node(NodeId(1)),
        Address::Client(ClientId(9)),
        Message::Gossip(1),
    );
    assert_eq!(
        stranger.expect_err("nobody is called c9").to_string(),
        "client c9 is not (or no longer) on the network"
    );
    assert_eq!(run.message_counts().clients.sent, 2);
}

/// Node 0, cut off from all other nodes, asks `lin-tso` at 0 ms.
#[test]
fn services_answer_over_the_network_and_through_partitions() {
    let latency = Latency { mean: ms(100), distribution: LatencyDistribution::Constant };
    let mut run: Run<Message> =
        Run::new(Settings { latency, ..settings(2) }, vec!["n0".to_owned(), "n1".to_owned()], 17);
    let (me, service) = (Address::Node(NodeId(0)), Address::Service(Service::LinTso));
    run.network.resume(Time::ZERO, NodeId(0));
    run.network.partitions_mut().cut(NodeId(1), NodeId(0));
    for message in [Message::Timestamp, Message::Gossip(1), Message::Timestamp] {
        assert_eq!(run.handle_message(Time::ZERO, me, service, message), Ok(()));
    }
    let (mut answers, mut unanswered) = (Vec::new(), 0);
    while let Some(now) = run.next_deadline().filter(|&at| at < Time::ZERO + ms(1_000)) {
        while let Some(served) = run.poll_service(now) {
            unanswered += usize::from(served.answer.is_none());
        }
        while let Some(delivery) = run.poll_delivery(now) {
            assert_eq!((delivery.src, delivery.dest), (service, NodeId(0)));
            let took = now.saturating_since(Time::ZERO);
            assert!((ms(195)..=ms(205)).contains(&took), "{took:?}");
            answers.push(delivery.payload);
        }
    }
    let timestamp = |number| Message::Served(services::Reply::Timestamp(number));
    assert_eq!(answers, [timestamp(0), timestamp(1)]);
    assert_eq!(unanswered, 1);
    let counts = run.message_counts();
    assert_eq!((counts.servers.sent, counts.servers.received), (5, 5));
    assert_eq!((counts.clients.sent, counts.clients.received), (0, 0));
}

/// Performs one step of the nemesis on two good nodes. Returns what their processes suffer.
fn inject(run: &mut Run<Message>, step: Step) -> Vec<ProcessAction> {
    let mut actions = Vec::new();
    run.inject(Time::ZERO, step);
    while let Some((node, action)) = run.poll_process_action() {
        actions.push(action);
        if action == ProcessAction::Start {
            run.handle_started(Time::ZERO, node);
        }
    }
    answer(run);
    actions
}

/// Lets two good nodes answer all that they have been asked.
fn answer(run: &mut Run<Message>) {
    let mut seen = [Vec::new(), Vec::new()];
    while let Some(delivery) = run.poll_delivery(Time::ZERO) {
        let me = delivery.dest;
        for (dest, message) in react(Manner::Good, me, 2, &mut seen, delivery.src, delivery.payload) {
            run.handle_message(Time::ZERO, Address::Node(me), dest, message).expect("a client that waits");
        }
    }
}

/// As jepsen v0.3.7 does in `src/jepsen/nemesis/combined.clj`. `db-generators` makes the invocations: their
/// value is the choice of nodes, `nil` for any number of them, and always `:all` for `:start` and `:resume`.
/// `db-nemesis` makes the completions: their value is what `jepsen.control/on-nodes` returns, a map from each
/// node to the result of `kill!`, `start!`, `pause!` or `resume!`. All have the type `:info`.
///
/// The four functions are Maelstrom's, in `src/maelstrom/db.clj` since jepsen-io/maelstrom#102. They return
/// keywords, which no checker reads.
#[test]
fn kills_and_pauses_are_recorded_as_jepsen_does() {
    let names = vec!["n0".to_owned(), "n1".to_owned()];
    let mut run: Run<Message> = Run::new(Settings { rate: 0.0, ..settings(2) }, names, 17);
    (0..2).for_each(|node| run.handle_started(Time::ZERO, NodeId(node)));
    answer(&mut run);
    let mut done = Vec::new();
    for step in [
        Step::Kill(Targets::All),
        Step::Kill(Targets::All),
        Step::Pause(Targets::All),
        Step::Resume,
        Step::Start,
        // No node: a third of two is less than one.
        Step::Pause(Targets::MinorityThird),
        Step::Pause(Targets::All),
        Step::Pause(Targets::All),
        Step::Resume,
        Step::Resume,
        Step::Start,
        Step::Kill(Targets::Some),
    ] {
        done.push(inject(&mut run, step));
    }
    use ProcessAction::{Kill, Pause, Resume, Start};
    let both = |action| vec![action; 2];
    let some = done.pop().expect("the last step");
    assert_eq!(
        done,
        [
            both(Kill),
            vec![],
            vec![],
            vec![],
            both(Start),
            vec![],
            both(Pause),
            vec![],
            both(Resume),
            vec![],
            vec![]
        ]
    );
    let expected = [
        (":kill", ":all"),
        (":kill", r#"{"n0" :killed, "n1" :killed}"#),
        (":kill", ":all"),
        (":kill", r#"{"n0" :not-running, "n1" :not-running}"#),
        (":pause", ":all"),
        (":pause", r#"{"n0" :not-running, "n1" :not-running}"#),
        (":resume", ":all"),
        (":resume", r#"{"n0" :not-running, "n1" :not-running}"#),
        (":start", ":all"),
        (":start", r#"{"n0" :started, "n1" :started}"#),
        (":pause", ":minority-third"),
        (":pause", "{}"),
        (":pause", ":all"),
        (":pause", r#"{"n0" :paused, "n1" :paused}"#),
        (":pause", ":all"),
        (":pause", r#"{"n0" :paused, "n1" :paused}"#),
        (":resume", ":all"),
        (":resume", r#"{"n0" :resumed, "n1" :resumed}"#),
        (":resume", ":all"),
        (":resume", r#"{"n0" :resumed, "n1" :resumed}"#),
        (":start", ":all"),
        (":start", r#"{"n0" :already-running, "n1" :already-running}"#),
        (":kill", "nil"),
    ];
    let text = edn(run.history());
    for (i, ((function, value), line)) in expected.iter().zip(text.lines()).enumerate() {
        let nemesis = format!(":type :info, :process :nemesis, :f {function}, :value {value}");
        assert_eq!(line, format!("{{:index {i}, :time 0, {nemesis}}}"));
    }
    assert_eq!(text.lines().count(), expected.len() + 1, "{text}");
    assert!((1..=2).contains(&some.len()) && some.iter().all(|action| *action == Kill), "{some:?}");
}
