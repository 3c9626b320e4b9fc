//! `messages.svg`, a sequence diagram of the first messages, for debugging a protocol.
//!
//! Each node and client has a vertical line. Time runs downwards, one step for each sending and delivery, so
//! a quiet interval takes no room. Each message is an arrow from its sending to its delivery. The diagram
//! shows only the first messages after set-up, because more would be neither legible nor cheap.

use std::fmt::Write as _;

use node::Time;

use crate::harness::run::Phase;
use crate::markup::escape;
use crate::spec::durations::milliseconds;

/// How many messages are drawn.
const DRAWN: usize = 1_000;
/// The distance between lanes, in pixels; wide enough for most labels.
const LANE: usize = 130;
/// The distance between events, in pixels.
const STEP: usize = 16;
/// The space above for the lanes' names, in pixels.
const TOP: usize = 50;
/// The space on the left for times, in pixels.
const LEFT: usize = 150;
/// How many characters of a label are shown.
const LABEL: usize = 24;
/// How many characters of a message its tooltip shows.
const TOOLTIP: usize = 400;

/// The first [`DRAWN`] messages of a run.
#[derive(Debug, Default)]
pub struct MessageDiagram {
    messages: Vec<Message>,
    left_out: usize,
}

#[derive(Debug)]
struct Message {
    src: String,
    dest: String,
    body: Box<str>,
    sent: Time,
    delivered: Time,
}

impl MessageDiagram {
    /// Whether the diagram shows a message of this phase. Counts the message if the diagram is full. The
    /// messages of the set-up are the same in every run and are not shown.
    pub fn has_room(&mut self, phase: &Phase) -> bool {
        if matches!(phase, Phase::Init(_) | Phase::Topology(_)) {
            return false;
        }
        let is_free = self.messages.len() < DRAWN;
        self.left_out += usize::from(!is_free);
        is_free
    }

    /// Adds a message that has been delivered.
    pub fn add(&mut self, src: String, dest: String, body: Box<str>, sent: Time, delivered: Time) {
        self.messages.push(Message { src, dest, body, sent, delivered });
    }

    /// The diagram as SVG. The lanes of `nodes` come first.
    pub fn svg(&self, nodes: &[String]) -> String {
        let lanes = self.lanes(nodes);
        let rows = self.rows();
        let events: usize = rows.iter().flat_map(|&(sent, delivered)| [sent, delivered]).max().unwrap_or(0);
        let (width, height) = (LEFT + LANE * lanes.len(), TOP + STEP * (events + 3));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             font-family=\"sans-serif\" font-size=\"11\">\n\
             <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"context-stroke\"/></marker></defs>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        for (lane, name) in lanes.iter().enumerate() {
            let x = x(lane);
            let _ = writeln!(
                svg,
                "<text x=\"{x}\" y=\"30\" text-anchor=\"middle\" font-weight=\"bold\">{}</text>\
                 <path d=\"M{x} {TOP}V{}\" stroke=\"#bbb\"/>",
                escape(name),
                height - STEP
            );
        }
        for (message, &(sent, delivered)) in self.messages.iter().zip(&rows) {
            let lane = |name: &str| lanes.iter().position(|lane| *lane == name).unwrap_or(0);
            self.arrow(&mut svg, message, (lane(&message.src), sent), (lane(&message.dest), delivered));
        }
        if self.left_out > 0 {
            let _ = writeln!(
                svg,
                "<text x=\"10\" y=\"{}\">{} more messages are not drawn</text>",
                height - 4,
                self.left_out
            );
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// The nodes, and the clients that took part.
    fn lanes<'a>(&'a self, nodes: &'a [String]) -> Vec<&'a str> {
        let mut lanes: Vec<&str> = nodes.iter().map(String::as_str).collect();
        for name in self.messages.iter().flat_map(|message| [&message.src, &message.dest]) {
            if !lanes.contains(&name.as_str()) {
                lanes.push(name);
            }
        }
        lanes
    }

    /// The steps of each message's sending and delivery.
    fn rows(&self) -> Vec<(usize, usize)> {
        let mut events: Vec<(Time, usize, bool)> = self
            .messages
            .iter()
            .enumerate()
            .flat_map(|(i, message)| [(message.sent, i, false), (message.delivered, i, true)])
            .collect();
        events.sort_unstable();
        let mut rows = vec![(0, 0); self.messages.len()];
        for (row, &(_, message, is_delivery)) in events.iter().enumerate() {
            if is_delivery {
                rows[message].1 = row;
            } else {
                rows[message].0 = row;
            }
        }
        rows
    }

    /// Draws a message between two (lane, step) positions.
    fn arrow(&self, svg: &mut String, message: &Message, from: (usize, usize), to: (usize, usize)) {
        let ((x1, y1), (x2, y2)) = ((x(from.0), y(from.1)), (x(to.0), y(to.1)));
        let is_clients = message.src.starts_with('c') || message.dest.starts_with('c');
        let colour = if is_clients { "#4477aa" } else { "#aa3355" };
        let first = self.messages.first().map_or(Time::ZERO, |message| message.sent);
        let ms = |at: Time| milliseconds(at.saturating_since(first));
        let delay = message.delivered.saturating_since(message.sent);
        let tooltip: String = message.body.chars().take(TOOLTIP).collect();
        let _ = writeln!(
            svg,
            "<g><title>{} → {}, sent at {:.1} ms, took {:.1} ms: {}</title>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#777\">{:.1} ms</text>\
             <path d=\"M{x1} {y1}L{x2} {y2}\" stroke=\"{colour}\" marker-end=\"url(#tip)\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"{colour}\">{}</text></g>",
            escape(&message.src),
            escape(&message.dest),
            ms(message.sent),
            milliseconds(delay),
            escape(&tooltip),
            LEFT - 75,
            y1 + 4,
            ms(message.sent),
            // Near the sender's end, where arrows have not crossed yet.
            (2 * x1 + x2) / 3,
            (2 * y1 + y2) / 3 - 3,
            escape(&label(&message.body)),
        );
    }
}

fn x(lane: usize) -> usize {
    LEFT + LANE * lane
}

fn y(row: usize) -> usize {
    TOP + STEP * (row + 1)
}

/// A message's type and its content, cut to [`LABEL`] characters.
fn label(body: &str) -> String {
    let Ok(serde_json::Value::Object(body)) = serde_json::from_str(body) else { return "?".to_owned() };
    let kind = body.get("type").and_then(serde_json::Value::as_str).unwrap_or("?").to_owned();
    let content =
        ["message", "messages", "values"].iter().find_map(|key| body.get(*key)).map(ToString::to_string);
    let whole = match content {
        Some(content) => format!("{kind} {content}"),
        None => kind,
    };
    match whole.char_indices().nth(LABEL) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    fn diagram(messages: usize) -> MessageDiagram {
        let mut diagram = MessageDiagram::default();
        for i in 0..messages as u64 {
            if diagram.has_room(&Phase::Main) {
                let body = r#"{"type":"gossip","message":"<7>"}"#.into();
                diagram.add("n0".to_owned(), "n1".to_owned(), body, at(i), at(i + 100));
            }
        }
        diagram
    }

    #[test]
    fn each_message_is_an_arrow_with_a_label() {
        let mut diagram = diagram(2);
        diagram.add("c3".to_owned(), "n0".to_owned(), r#"{"type":"read"}"#.into(), at(5), at(6));
        let svg = diagram.svg(&["n0".to_owned(), "n1".to_owned()]);
        assert_eq!(svg.matches("marker-end").count(), 3);
        assert!(svg.contains(">c3</text>") && svg.contains("gossip &quot;&lt;7&gt;&quot;"), "{svg}");
        assert!(svg.contains("took 100.0 ms") && !svg.contains("not drawn"));
    }

    #[test]
    fn steps_follow_the_order_of_events() {
        assert_eq!(diagram(2).rows(), [(0, 2), (1, 3)]);
    }

    #[test]
    fn messages_beyond_the_limit_are_counted() {
        let diagram = diagram(DRAWN + 7);
        assert_eq!(diagram.messages.len(), DRAWN);
        assert!(diagram.svg(&[]).contains("7 more messages are not drawn"));
    }
}
