//! Messages between nodes.

use std::ops::Range;
use std::time::Duration;

use serde_json::value::RawValue;

use super::Body;
use super::json::{field, json, push_field, push_list, push_number, push_values};
use crate::link::Header;
use crate::message::{Announcement, Batch, Incarnation, LinkMessage, PeerId, PeerMessage, Plan};
use crate::time::Nanos;
use crate::values::Value;

/// The message, or why its fields are invalid. `None` if nodes do not use this type among themselves.
pub(super) fn parse_peer(kind: Option<&str>, body: &Body<'_>) -> Option<Result<PeerMessage, String>> {
    match kind? {
        "batch" => Some(parse_link(body).map(|link| PeerMessage::Link(Box::new(link)))),
        "broadcast_internal" => Some(parse_tree_batch(body)),
        "broadcast_internal_ok" => Some(
            body.in_reply_to
                .and_then(json)
                .map(|in_reply_to| PeerMessage::TreeAck { in_reply_to })
                .ok_or("in_reply_to is missing or not an integer".to_owned()),
        ),
        _ => None,
    }
}

fn parse_tree_batch(body: &Body<'_>) -> Result<PeerMessage, String> {
    let msg_id = body.msg_id.and_then(json).ok_or("msg_id is missing or not an integer")?;
    let values = parse_values(body.messages.ok_or("messages are missing")?, "messages")?;
    Ok(PeerMessage::TreeBatch { msg_id, values })
}

fn parse_link(body: &Body<'_>) -> Result<LinkMessage, String> {
    let received: Vec<(u64, u64)> = field(body.received, "received")?;
    let header = Header {
        from: Incarnation(field(body.incarnation, "inc")?),
        to: field::<Option<u64>>(body.to_incarnation, "to_inc")?.map(Incarnation),
        seq: field(body.seq, "seq")?,
        ack: field(body.ack, "ack")?,
        ack_delay: field::<Option<u64>>(body.ack_delay, "delay")?
            .map(|us| Nanos::of(Duration::from_micros(us))),
        ack_requested: field(body.ack_requested, "ack_requested")?,
        retransmission: field(body.retransmission, "rtx")?,
        retransmissions_received: field(body.retransmissions_received, "rtx_ack")?,
        received: received.into_iter().map(|(start, end)| start..end).collect(),
    };
    let values = body.values.map_or_else(|| Ok(Batch::default()), |raw| parse_values(raw, "values"))?;
    Ok(LinkMessage {
        header,
        values,
        wants_phase: field(body.wants_phase, "wants_phase")?,
        hub_unreachable: field(body.hub_unreachable, "hub_unreachable")?,
        direct: field(body.direct, "direct")?,
        announcement: parse_announcement(body)?.shared(),
    })
}

fn parse_announcement(body: &Body<'_>) -> Result<Announcement, String> {
    let unreachable: Vec<u32> = field(body.unreachable, "unreachable")?;
    Ok(Announcement {
        next: field::<Option<u64>>(body.next, "next")?.map(Duration::from_micros),
        jitter: field::<Option<u64>>(body.jitter, "jitter")?.map(Duration::from_micros),
        plan: parse_plan(body)?,
        unreachable: unreachable.into_iter().map(PeerId).collect(),
    })
}

fn parse_plan(body: &Body<'_>) -> Result<Option<Plan>, String> {
    let period = field::<Option<u64>>(body.period, "period")?.map(Duration::from_micros);
    let window = field::<Option<u64>>(body.window, "window")?.map(Duration::from_micros);
    Ok(period.map(Plan::Hub).or(window.map(Plan::Direct)))
}

fn parse_values(raw: &RawValue, name: &str) -> Result<Batch, String> {
    // Nearly all batches hold integers only: one pass, without a look at each element's text.
    if let Ok(ints) = serde_json::from_str::<Vec<i64>>(raw.get())
        && !raw.get().contains("-0")
    {
        return Ok(ints.into_iter().map(Value::Int).collect());
    }
    let items: Vec<&RawValue> = json(raw).ok_or_else(|| format!("{name} is not an array"))?;
    let values: Result<Batch, _> = items.into_iter().map(|item| Value::from_json(item.get())).collect();
    values.map_err(|why| format!("{name} hold a value that is {why}"))
}

pub(super) fn encode_peer(message: &PeerMessage, out: &mut Vec<u8>) {
    match message {
        PeerMessage::TreeBatch { msg_id, values } => {
            out.extend_from_slice(b"\"type\":\"broadcast_internal\"");
            push_field("msg_id", *msg_id, out);
            push_values(",\"messages\":[", values, out);
        }
        PeerMessage::TreeAck { in_reply_to } => {
            out.extend_from_slice(b"\"type\":\"broadcast_internal_ok\"");
            push_field("in_reply_to", *in_reply_to, out);
        }
        PeerMessage::Link(message) => encode_link(message, out),
    }
}

fn encode_link(message: &LinkMessage, out: &mut Vec<u8>) {
    let header = &message.header;
    out.extend_from_slice(b"\"type\":\"batch\"");
    if header.from != Incarnation::default() {
        push_field("inc", header.from.0, out);
    }
    if let Some(Incarnation(to)) = header.to {
        push_field("to_inc", to, out);
    }
    if !message.values.is_empty() {
        push_field("seq", header.seq, out);
        push_values(",\"values\":[", &message.values, out);
    }
    if header.ack > 0 {
        push_field("ack", header.ack, out);
    }
    if let Some(ack_delay) = header.ack_delay {
        push_field("delay", ack_delay.get() / 1_000, out);
    }
    if header.ack_requested {
        out.extend_from_slice(b",\"ack_requested\":true");
    }
    if header.retransmission > 0 {
        push_field("rtx", header.retransmission, out);
    }
    if header.retransmissions_received > 0 {
        push_field("rtx_ack", header.retransmissions_received, out);
    }
    if !header.received.is_empty() {
        push_list(",\"received\":[", &header.received, out, push_range);
    }
    if message.wants_phase {
        out.extend_from_slice(b",\"wants_phase\":true");
    }
    if message.hub_unreachable {
        out.extend_from_slice(b",\"hub_unreachable\":true");
    }
    if message.direct {
        out.extend_from_slice(b",\"direct\":true");
    }
    if let Some(announcement) = &message.announcement {
        encode_announcement(announcement, out);
    }
}

fn encode_announcement(announcement: &Announcement, out: &mut Vec<u8>) {
    if let Some(next) = announcement.next {
        push_field("next", micros(next), out);
    }
    if let Some(jitter) = announcement.jitter {
        push_field("jitter", micros(jitter), out);
    }
    match announcement.plan {
        Some(Plan::Hub(period)) => push_field("period", micros(period), out),
        Some(Plan::Direct(window)) => push_field("window", micros(window), out),
        None => {}
    }
    if !announcement.unreachable.is_empty() {
        let push = |peer: &PeerId, out: &mut Vec<u8>| push_number(u64::from(peer.0), out);
        push_list(",\"unreachable\":[", &announcement.unreachable, out, push);
    }
}

fn push_range(range: &Range<u64>, out: &mut Vec<u8>) {
    out.push(b'[');
    push_number(range.start, out);
    out.push(b',');
    push_number(range.end, out);
    out.push(b']');
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
