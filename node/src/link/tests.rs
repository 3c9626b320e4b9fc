use std::ops::Range;

use super::unacknowledged::KEPT_CAPACITY;
use super::*;

const MS: Duration = Duration::from_millis(1);

fn at(ms: u64) -> Time {
    Time::ZERO + MS * ms as u32
}

fn link_with(count: u32) -> Link {
    let mut link = Link::new(Incarnation(0), ACK_DELAY);
    link.push(0..count);
    link
}

fn indices(link: &Link, packet: &Packet) -> Vec<u32> {
    link.log_indices(packet).to_vec()
}

fn ack(count: u64, ack_delay: Option<Duration>) -> Header {
    Header { ack: count, ack_delay: ack_delay.map(Nanos::of), ..Header::default() }
}

#[test]
fn acknowledged_values_are_forgotten_and_the_link_rests() {
    let mut link = link_with(3);
    let packet = link.flush(at(0)).unwrap();
    assert_eq!((packet.header.seq, indices(&link, &packet)), (0, vec![0, 1, 2]));
    link.push([3]);
    let packet = link.flush(at(10)).unwrap();
    assert_eq!((packet.header.seq, indices(&link, &packet)), (3, vec![3]));
    assert!(!link.is_idle());
    let acked = link.on_packet(at(500), &ack(4, Some(MS * 290)), 0);
    assert_eq!(acked.acked, Some(AckedPacket { sent_at: at(10), ack_delay: Nanos::of(MS * 290) }));
    assert_eq!(link.round_trip(), Some(MS * 200));
    assert!(link.is_idle());
    assert_eq!(link.poll(at(500), &mut Rng::new(0)), None);
}

#[test]
fn a_lone_receiver_acknowledges_late_and_a_busy_one_in_passing() {
    let mut link = Link::new(Incarnation(0), ACK_DELAY);
    let mut rng = Rng::new(0);
    link.on_packet(at(0), &Header::default(), 2);
    assert_eq!(link.deadline(), at(3000));
    assert_eq!(link.poll(at(2999), &mut rng), None);
    let packet = link.poll(at(3000), &mut rng).unwrap();
    assert_eq!(
        (packet.header.ack, packet.header.ack_delay, packet.count),
        (2, Some(Nanos::of(MS * 3000)), 0)
    );
    assert!(link.is_idle());

    link.on_packet(at(4000), &Header { seq: 2, ..Header::default() }, 1);
    link.push([9]);
    assert_eq!(link.flush(at(4100)).unwrap().header.ack, 3);
    link.on_packet(at(4300), &ack(1, None), 0);
    assert!(link.is_idle());
}

#[test]
fn a_gap_is_reported_once_it_outlasts_reordering_and_only_it_is_retransmitted() {
    let (mut sender, mut receiver) = (link_with(0), link_with(0));
    let mut rng = Rng::new(0);
    let mut packets = Vec::new();
    for i in 0..4 {
        sender.push([i]);
        packets.push(sender.flush(at(u64::from(i))).unwrap());
    }
    for i in [0, 3] {
        receiver.on_packet(at(100), &packets[i].header, packets[i].count);
        assert_eq!(receiver.poll(at(100), &mut rng), None, "too early to tell");
    }
    let due = receiver.deadline();
    assert_eq!(due, at(600));
    let report = receiver.poll(due, &mut rng).unwrap();
    assert_eq!(report.header.ack, 1);
    assert_eq!(report.header.received.iter().map(|r| (r.start, r.end)).collect::<Vec<_>>(), [(3, 4)]);
    sender.on_packet(at(700), &report.header, 0);
    let again = sender.poll(at(700), &mut rng).unwrap();
    assert_eq!((again.header.seq, indices(&sender, &again)), (1, vec![1, 2]));
    assert_eq!(sender.poll(at(700), &mut rng), None);
    receiver.on_packet(at(800), &again.header, again.count);
    assert_eq!(receiver.receiver.ranges.contiguous, 4);
    assert_eq!(receiver.receiver.gap_at, Time::NEVER);
}

#[test]
fn many_gaps_are_closed_by_one_report_and_few_messages() {
    let (mut sender, mut receiver) = (link_with(0), link_with(0));
    let mut rng = Rng::new(0);
    for i in 0..1000 {
        sender.push([i]);
        let packet = sender.flush(at(u64::from(i))).unwrap();
        if i % 5 == 0 || i > 900 {
            receiver.on_packet(at(u64::from(i) + 100), &packet.header, packet.count);
        }
    }
    let mut messages = 0;
    let mut now = at(1100);
    while receiver.receiver.ranges.has_gap() {
        now = now.max(receiver.deadline());
        let report = receiver.poll(now, &mut rng).unwrap();
        sender.on_packet(now + MS * 100, &report.header, 0);
        while let Some(packet) = sender.poll(now + MS * 100, &mut rng) {
            receiver.on_packet(now + MS * 200, &packet.header, packet.count);
            messages += 1;
        }
    }
    assert_eq!((receiver.receiver.ranges.contiguous, messages), (1000, 2));
    assert!(now <= at(2000), "{now:?}");
}

#[test]
fn overtaking_alone_costs_nothing() {
    let mut receiver = Link::new(Incarnation(0), ACK_DELAY);
    receiver.on_packet(at(0), &Header { seq: 1, ..Header::default() }, 1);
    receiver.on_packet(at(100), &Header::default(), 1);
    assert_eq!(receiver.deadline(), at(3000), "only the late ack is due");
}

#[test]
fn a_silent_peer_is_probed_and_then_gets_everything_in_one_message() {
    let mut link = link_with(100);
    let mut rng = Rng::new(3);
    link.flush(at(0));
    assert_eq!(link.deadline(), at(5000));
    let mut now = at(5000);
    for _ in 0..5 {
        let probe = link.poll(now, &mut rng).unwrap();
        assert!(probe.header.ack_requested);
        assert_eq!(probe.count as u64, PROBE_VALUES);
        assert_eq!(link.poll(now, &mut rng), None);
        let wait = link.deadline().saturating_since(now);
        assert!(wait >= PROBE_WAIT.0 && wait <= MS * 2000, "{wait:?}");
        now = now + wait;
    }
    assert!(link.is_suspect());
    link.push([100]);
    assert_eq!(link.flush(now), None);
    // The answer to a probe acknowledges the probe's values; all others follow at once.
    link.on_packet(now, &ack(64, Some(Duration::ZERO)), 0);
    assert_eq!(link.round_trip(), None, "Karn's rule");
    let rest = link.poll(now, &mut rng).unwrap();
    assert_eq!((rest.header.seq, rest.count), (64, 37));
    assert_eq!(link.poll(now, &mut rng), None);
    link.on_packet(now + MS, &ack(101, None), 0);
    assert!(link.is_idle());
}

#[test]
fn a_message_that_was_not_retransmitted_measures_the_round_trip() {
    let mut link = link_with(5);
    link.flush(at(0));
    (5..8).for_each(|i| link.push([i]));
    link.flush(at(400));
    // The first message is lost, the second arrives at 500; the peer reports the gap.
    let report = Header { received: [Range { start: 5, end: 8 }].into(), ..Header::default() };
    link.on_packet(at(1100), &report, 0);
    let again = link.poll(at(1100), &mut Rng::new(0)).unwrap();
    assert_eq!((again.header.seq, again.count), (0, 5));
    assert_eq!(link.deadline(), at(6100), "but the wait for an answer starts again");
    let acked = link.on_packet(at(1400), &ack(8, Some(MS * 800)), 0);
    assert_eq!(acked.acked, Some(AckedPacket { sent_at: at(400), ack_delay: Nanos::of(MS * 800) }));
    assert_eq!(link.round_trip(), Some(MS * 200));
}

/// A message every 200 ms in each direction; how often the first end suspected the other in the last 10 of
/// `seconds`.
fn suspicions(ends: &mut [Link; 2], start: Time, latency: Duration, seconds: u32) -> usize {
    let [link, peer] = ends;
    let mut rng = Rng::new(0);
    let mut there: Vec<(Time, Packet)> = Vec::new();
    let mut back: Vec<(Time, Packet)> = Vec::new();
    let mut count = 0;
    for tick in 0..seconds * 100 {
        let now = start + MS * 10 * tick;
        for (_, packet) in there.extract_if(.., |(due, _)| *due <= now) {
            peer.on_packet(now, &packet.header, packet.count);
        }
        if tick % 20 == 10 {
            back.push((now + latency, peer.acknowledge(now)));
        }
        while let Some(packet) = peer.poll(now, &mut rng) {
            back.push((now + latency, packet));
        }
        for (_, packet) in back.extract_if(.., |(due, _)| *due <= now) {
            link.on_packet(now, &packet.header, packet.count);
        }
        let was_suspect = link.is_suspect();
        if tick % 20 == 0 {
            link.push([tick]);
            there.extend(link.flush(now).map(|packet| (now + latency, packet)));
        }
        while let Some(packet) = link.poll(now, &mut rng) {
            there.push((now + latency, packet));
        }
        count += usize::from(link.is_suspect() && !was_suspect && tick + 1000 >= seconds * 100);
    }
    count
}

#[test]
fn a_queue_that_grew_in_a_partition_gives_its_memory_back() {
    let mut link = link_with(100_000);
    link.flush(at(0));
    link.on_packet(at(1), &ack(99_999, None), 0);
    link.on_packet(at(2), &ack(100_000, None), 0);
    assert!(link.sender.queue_capacity() <= KEPT_CAPACITY, "{}", link.sender.queue_capacity());
}

#[test]
fn a_long_latency_is_learned_and_so_is_a_longer_one() {
    let ends = || [(); 2].map(|()| Link::new(Incarnation(0), MS * 200));
    assert_eq!(suspicions(&mut ends(), at(0), MS * 1500, 60), 0);
    let mut ends = ends();
    assert_eq!(suspicions(&mut ends, at(0), MS * 20, 20), 0);
    assert_eq!(suspicions(&mut ends, at(20_000), MS * 1500, 60), 0);
}

#[test]
fn a_probe_is_answered_at_once() {
    let mut link = Link::new(Incarnation(0), ACK_DELAY);
    link.on_packet(at(0), &Header { ack_requested: true, ..Header::default() }, 5);
    let answer = link.poll(at(0), &mut Rng::new(0)).unwrap();
    assert_eq!((answer.header.ack, answer.count), (5, 0));
    assert!(link.is_idle());
}

#[test]
fn nonsense_from_a_peer_is_harmless() {
    let mut link = link_with(2);
    link.flush(at(0));
    let backwards = Range { start: 5, end: 3 };
    let received = vec![u64::MAX - 1..u64::MAX, backwards, 0..u64::MAX];
    let header = Header {
        seq: u64::MAX,
        ack: 99,
        ack_delay: Some(Nanos::of(Duration::MAX)),
        ack_requested: true,
        received: received.into(),
        ..Header::default()
    };
    assert_eq!(link.on_packet(at(1), &header, 2), Heard::default());
    while link.poll(at(1), &mut Rng::new(0)).is_some() {}
    assert_eq!(link.unacknowledged().len(), 2);
    let mut link = link_with(20);
    link.flush(at(0));
    let received = vec![Range { start: 5, end: 3 }, 8..9];
    link.on_packet(at(1), &Header { received: received.into(), ..Header::default() }, 0);
    let packet = link.poll(at(1), &mut Rng::new(0)).unwrap();
    assert_eq!((packet.header.seq, packet.count), (0, 8));
    link.on_packet(at(2), &Header { seq: u64::MAX - 9, ..Header::default() }, 3);
    assert_eq!(link.receiver.ranges.contiguous, 0);
}

/// A link to a peer that knows this end as `local`, and the packets that it wants to send now.
fn polled(link: &mut Link, now: Time) -> Vec<Packet> {
    std::iter::from_fn(|| link.poll(now, &mut Rng::new(0))).collect()
}

#[test]
fn a_restarted_node_introduces_itself_and_both_ends_start_over() {
    let mut peer = link_with(3);
    let mut first = Link::new(Incarnation(1), ACK_DELAY);
    let packet = peer.flush(at(0)).unwrap();
    first.on_packet(at(100), &packet.header, packet.count);
    let acknowledgement = first.acknowledge(at(100));
    peer.on_packet(at(200), &acknowledgement.header, 0);
    peer.push([3]);
    let in_flight = peer.flush(at(300)).unwrap();
    // The node is killed. Its next life knows two values, and what the peer sent to the first life arrives.
    let mut second = Link::new(Incarnation(2), ACK_DELAY);
    second.resync(2);
    second.reopen(at(350));
    assert_eq!(second.flush(at(350)), None, "nobody knows whether the peer is there");
    let hello = polled(&mut second, at(350));
    assert_eq!((hello.len(), hello[0].count, hello[0].header.ack_requested), (1, 0, true));
    assert_eq!(second.on_packet(at(400), &in_flight.header, in_flight.count), Heard::default());
    assert!(second.is_suspect(), "that message was not for this life");
    let answer = polled(&mut second, at(400));
    assert_eq!((answer[0].header.from, answer[0].header.ack), (Incarnation(2), 0));
    // The peer learns of the restart by whatever comes first, once.
    assert!(peer.on_packet(at(450), &hello[0].header, 0).restarted);
    assert!(!peer.on_packet(at(500), &answer[0].header, 0).restarted);
    peer.resync(4);
    let fill = polled(&mut peer, at(500));
    assert_eq!((fill.len(), fill[0].header.seq, fill[0].count), (1, 0, 4));
    assert_eq!(fill[0].header.to, Some(Incarnation(2)));
    second.on_packet(at(600), &fill[0].header, fill[0].count);
    let own = polled(&mut second, at(600));
    assert_eq!((own.len(), own[0].header.seq, own[0].count, own[0].header.ack), (1, 0, 2, 4));
    peer.on_packet(at(700), &own[0].header, own[0].count);
    let last = peer.acknowledge(at(700));
    second.on_packet(at(800), &last.header, 0);
    assert!(peer.is_idle() && second.is_idle());
}

#[test]
fn acknowledgements_of_an_earlier_life_are_not_believed() {
    let mut peer = link_with(5);
    peer.flush(at(0));
    let of_life =
        |from, to, ack| Header { from: Incarnation(from), to: Some(Incarnation(to)), ..self::ack(ack, None) };
    peer.on_packet(at(100), &of_life(1, 0, 1), 0);
    assert!(peer.on_packet(at(200), &Header { from: Incarnation(2), ..Header::default() }, 0).restarted);
    polled(&mut peer, at(200));
    assert_eq!(peer.unacknowledged().len(), 4);
    // From the first life, and from the second to an earlier life of this node.
    peer.on_packet(at(300), &of_life(1, 0, 4), 0);
    peer.on_packet(at(300), &of_life(2, 9, 4), 0);
    assert_eq!(peer.unacknowledged().len(), 4);
    peer.on_packet(at(400), &of_life(2, 0, 4), 0);
    assert_eq!(peer.unacknowledged().len(), 0);
}

#[test]
fn a_hello_is_repeated_until_the_peer_answers() {
    let mut link = Link::new(Incarnation(7), ACK_DELAY);
    link.reopen(at(0));
    let mut now = at(0);
    for _ in 0..5 {
        let hello = polled(&mut link, now);
        assert!(hello.len() == 1 && hello[0].header.ack_requested && hello[0].header.from == Incarnation(7));
        assert!(!link.is_idle());
        now = link.deadline();
    }
    let header = Header { to: Some(Incarnation(7)), ..Header::default() };
    link.on_packet(now, &header, 0);
    assert!(link.is_idle() && polled(&mut link, now).is_empty());
}

#[test]
fn a_stopped_process_suspects_no_peer_for_its_own_silence() {
    let mut link = link_with(1);
    link.flush(at(0));
    link.on_stall(at(60_000));
    assert!(polled(&mut link, at(60_000)).is_empty());
    assert_eq!(link.deadline(), at(65_000));
    // The answer waited unread, so it measures nothing.
    assert_eq!(link.on_packet(at(60_000), &ack(1, Some(MS)), 0).acked, None);
    assert_eq!(link.round_trip(), None);
    // Nor does this node tell how long it had what it only now read.
    link.on_packet(at(60_050), &Header::default(), 1);
    assert_eq!(link.acknowledge(at(60_060)).header.ack_delay, None);
}
