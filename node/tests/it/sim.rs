//! A simulated network for nodes: virtual time, seeded latencies, loss, duplication, partitions that heal.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use node::{
    Config, Incarnation, Node, PeerId, PeerMessage, Recovery, Reply, ReplyTo, Request, Start, Time, Transmit,
    Value,
};

pub const MS: Duration = Duration::from_millis(1);

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    Constant(u32),
    Uniform(u32),
    Exponential(u32),
}

impl Latency {
    /// The means are in ms.
    fn draw(self, dice: &mut Dice) -> Duration {
        match self {
            Latency::Constant(ms) => MS * ms,
            Latency::Uniform(ms) => MS.mul_f64(dice.unit() * 2.0 * f64::from(ms)),
            Latency::Exponential(ms) => MS.mul_f64(-(1.0 - dice.unit()).ln() * f64::from(ms)),
        }
    }
}

/// From `from` to `until`, messages between nodes on different sides are dropped on arrival.
#[derive(Clone, Debug)]
pub struct Partition {
    pub from: Time,
    pub until: Time,
    pub side: Vec<u8>,
    /// Only messages from a smaller to a larger side are dropped.
    pub one_way: bool,
}

#[derive(Clone, Debug)]
pub struct Network {
    pub latency: Latency,
    /// Chances for each message, until `faults_until`.
    pub loss: f64,
    pub duplication: f64,
    pub faults_until: Time,
    pub partitions: Vec<Partition>,
    /// Two nodes that cannot reach each other, from when until when.
    pub cut: Option<(PeerId, PeerId, Time, Time)>,
    /// From when until when nothing arrives; then all comes that was due.
    pub standstill: Option<(Time, Time)>,
}

impl Network {
    pub fn perfect(latency: Latency) -> Network {
        Network {
            latency,
            loss: 0.0,
            duplication: 0.0,
            faults_until: Time::ZERO,
            partitions: Vec::new(),
            cut: None,
            standstill: None,
        }
    }

    fn drops(&self, now: Time, from: PeerId, to: PeerId) -> bool {
        let cut = self.cut.is_some_and(|(a, b, start, end)| {
            ((a, b) == (from, to) || (b, a) == (from, to)) && now >= start && now < end
        });
        cut || self.partitions.iter().any(|p| {
            let (a, b) = (p.side[from.index()], p.side[to.index()]);
            now >= p.from && now < p.until && if p.one_way { a < b } else { a != b }
        })
    }
}

enum Event {
    Client(usize, Request),
    Arrival { from: PeerId, to: PeerId, message: PeerMessage },
    Timer(usize),
}

/// How far apart the nodes of a loaded machine learned the topology from real Maelstrom.
const TOPOLOGY_SKEW_MS: f64 = 70.0;

pub struct Sim {
    pub now: Time,
    pub nodes: Vec<Node>,
    pub network: Network,
    pub dice: Dice,
    events: BinaryHeap<Reverse<(Time, u64)>>,
    pending: BTreeMap<u64, Event>,
    last: u64,
    timers: Vec<Option<Time>>,
    /// When a client's broadcast was accepted.
    pub accepted: BTreeMap<i64, Time>,
    /// When each value came to each node.
    pub arrived: Vec<Vec<Time>>,
    /// Messages between nodes, with when they were sent.
    pub sent: Vec<(Time, PeerId, PeerId, PeerMessage)>,
    pub wakeups: u64,
}

impl Sim {
    /// All nodes are initialised at once, and learn the topology soon after.
    pub fn new(config: Config, nodes: usize, network: Network, seed: u64) -> Sim {
        let mut dice = Dice(seed);
        let start = |dice: &mut Dice| Time::ZERO + MS.mul_f64(dice.unit() * 60.0);
        let nodes: Vec<Node> =
            (0..nodes).map(|i| Node::new(config, start(&mut dice), seed ^ (i as u64) << 32)).collect();
        let count = nodes.len();
        let mut sim = Sim {
            now: Time::ZERO + MS * 100,
            nodes,
            network,
            dice,
            events: BinaryHeap::new(),
            pending: BTreeMap::new(),
            last: 0,
            timers: vec![None; count],
            accepted: BTreeMap::new(),
            arrived: vec![Vec::new(); count],
            sent: Vec::new(),
            wakeups: 0,
        };
        for i in 0..count {
            sim.request(sim.now, i, Request::Init { me: PeerId(i as u32), nodes: count as u32 });
            let learns = sim.now + MS.mul_f64(sim.dice.unit() * TOPOLOGY_SKEW_MS);
            sim.request(learns, i, Request::Topology);
        }
        sim
    }

    pub fn request(&mut self, at: Time, node: usize, request: Request) {
        self.push(at, Event::Client(node, request));
    }

    /// Replaces a node by a later life of it that knows nothing. As in Maelstrom, it gets `init` and no
    /// topology. Call it when no message is on the way.
    pub fn restart(&mut self, at: Time, i: usize, config: Config) {
        let nodes = self.nodes.len() as u32;
        let incarnation = Incarnation(at.saturating_since(Time::ZERO).as_millis() as u64);
        self.nodes[i] = Node::new(config, at, i as u64);
        self.nodes[i].recover(Recovery { incarnation, start: Start::Unknown, log: None });
        self.arrived[i].clear();
        self.timers[i] = None;
        self.request(at, i, Request::Init { me: PeerId(i as u32), nodes });
    }

    fn push(&mut self, at: Time, event: Event) {
        self.last += 1;
        self.events.push(Reverse((at, self.last)));
        self.pending.insert(self.last, event);
    }

    /// Runs until nothing happens any more, or until `end`; whether nothing happens any more.
    pub fn run(&mut self, end: Time) -> bool {
        while let Some(&Reverse((at, id))) = self.events.peek() {
            if at > end {
                return false;
            }
            self.events.pop();
            self.now = at;
            let event = self.pending.remove(&id).expect("each event once");
            self.step(event);
        }
        true
    }

    fn step(&mut self, event: Event) {
        let i = match event {
            Event::Client(i, request) => {
                if let Request::Broadcast(Value::Int(int)) = request {
                    self.accepted.entry(int).or_insert(self.now);
                }
                let from = ReplyTo { client: "c1".into(), msg_id: 1 };
                self.nodes[i].on_request(self.now, from, request);
                i
            }
            Event::Arrival { from, to, message } => {
                if self.network.drops(self.now, from, to) {
                    return;
                }
                self.nodes[to.index()].on_message(self.now, from, message);
                to.index()
            }
            Event::Timer(i) => {
                if self.timers[i] != Some(self.now) {
                    return;
                }
                self.timers[i] = None;
                i
            }
        };
        while self.nodes[i].next_deadline().is_some_and(|deadline| deadline <= self.now) {
            self.wakeups += 1;
            self.nodes[i].on_timeout(self.now);
        }
        self.after(i);
    }

    fn after(&mut self, i: usize) {
        while let Some(transmit) = self.nodes[i].poll_transmit() {
            match transmit {
                Transmit::ToPeer { to, message } => self.send(PeerId(i as u32), to, message),
                Transmit::ToClient { reply, .. } => {
                    assert!(!matches!(reply, Reply::Error { .. }), "{reply:?}")
                }
            }
        }
        let known = self.nodes[i].values().len();
        self.arrived[i].resize(known, self.now);
        let deadline = self.nodes[i].next_deadline();
        if deadline != self.timers[i] {
            self.timers[i] = deadline;
            if let Some(at) = deadline {
                self.push(at, Event::Timer(i));
            }
        }
    }

    fn send(&mut self, from: PeerId, to: PeerId, message: PeerMessage) {
        assert_ne!(from, to, "a node sends to itself");
        let faulty = self.now < self.network.faults_until;
        let copies = match (faulty, self.dice.unit()) {
            (true, roll) if roll < self.network.loss => 0,
            (true, roll) if roll < self.network.loss + self.network.duplication => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let due = self.now + self.network.latency.draw(&mut self.dice);
            let standstill = self.network.standstill.filter(|(from, until)| (*from..*until).contains(&due));
            let at = standstill.map_or(due, |(_, until)| until);
            self.push(at, Event::Arrival { from, to, message: message.clone() });
        }
        self.sent.push((self.now, from, to, message));
    }

    /// From acceptance to arrival on the last node, for each value, sorted.
    pub fn delivery_times(&self) -> Vec<Duration> {
        let mut last: BTreeMap<i64, Time> = BTreeMap::new();
        for (node, times) in self.nodes.iter().zip(&self.arrived) {
            for (value, time) in node.values().as_slice().iter().zip(times) {
                let Value::Int(int) = value else { panic!("{value:?}") };
                let latest = last.entry(*int).or_default();
                *latest = (*latest).max(*time);
            }
        }
        let mut times: Vec<_> =
            self.accepted.iter().map(|(int, at)| last[int].saturating_since(*at)).collect();
        times.sort();
        times
    }

    /// What is wrong at the end, if anything: a value that some node lacks, or a node that is not at rest.
    pub fn complaint(&mut self) -> Option<String> {
        for (i, node) in self.nodes.iter_mut().enumerate() {
            if node.values().len() != self.accepted.len() {
                let missing: Vec<_> =
                    self.accepted.keys().filter(|int| !node.values().contains(&Value::Int(**int))).collect();
                return Some(format!("n{i} lacks {missing:?}"));
            }
            if !node.is_idle() || node.next_deadline().is_some() {
                return Some(format!("n{i} is not at rest: {node:#?}"));
            }
        }
        None
    }
}
