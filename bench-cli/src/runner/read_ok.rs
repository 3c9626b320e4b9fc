//! Incremental parsing of replies to reads.
//!
//! A node's reply to a read lists all values that it knows. So most of the nodes' output is the same list
//! again, each time a little longer. If a list begins with exactly the text of the node's previous one, only
//! the rest is parsed. Anything but a plain reply to a read of small whole numbers is left to
//! [`json::parse_line`](super::json::parse_line).

use memchr::memmem::Finder;
use serde::Deserialize;

use super::json::{Body, Envelope, Line, ReadOk};
use crate::harness::address::NodeId;
use crate::harness::history::Element;

/// Lists of more bytes are not remembered, and are parsed as a whole each time.
const LONGEST: usize = 1 << 20;
/// The key before the list.
const KEY: &str = "\"messages\":";

/// Each node's last reply to a read.
pub(super) struct LastReads {
    reads: Vec<LastRead>,
    key: Finder<'static>,
    /// The line without the known part of the list.
    short: String,
}

/// A list: the text between its brackets, and its parsed values.
#[derive(Clone, Default)]
struct LastRead {
    text: String,
    elements: Vec<Element>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(rename = "type")]
    _type: Type,
    in_reply_to: u64,
    #[serde(default, rename = "msg_id")]
    _msg_id: i64,
    messages: Vec<i64>,
}

#[derive(Deserialize)]
enum Type {
    #[serde(rename = "read_ok")]
    ReadOk,
}

impl LastReads {
    /// For `nodes` nodes, none of which has replied yet.
    pub(super) fn new(nodes: usize) -> LastReads {
        LastReads { reads: vec![LastRead::default(); nodes], key: Finder::new(KEY), short: String::new() }
    }

    /// Parses a line from `node` if it is a plain reply to a read.
    pub(super) fn parse(&mut self, node: NodeId, line: &str) -> Option<Line<'static>> {
        let start = self.list_start(line)?;
        let last = &mut self.reads[node.index()];
        let (known, rest) = last.split(&line[start..]);
        let rest_end = memchr::memchr(b']', rest.as_bytes())?;
        // After the known values, either the list ends or a comma and another value follow.
        let new = match rest.strip_prefix(',') {
            Some(new) if known > 0 && new.trim_start().starts_with(|c: char| c.is_ascii_digit()) => new,
            Some(_) => return None,
            None => rest,
        };
        self.short.clear();
        self.short.push_str(&line[..start]);
        self.short.push_str(new);
        let envelope: Envelope<'_> = serde_json::from_str(&self.short).ok()?;
        let answer: Answer = serde_json::from_str(envelope.body.get()).ok()?;
        let (src, dest) = (envelope.src.into_owned(), envelope.dest.into_owned());
        // The list is inside the body, so the body is shorter by the same text.
        let body_start = envelope.body.get().as_ptr().addr() - self.short.as_ptr().addr();
        let body_end = body_start + envelope.body.get().len() + line.len() - self.short.len();
        let new: Vec<Element> = answer.messages.into_iter().map(Element::from_int).collect::<Option<_>>()?;
        last.elements.truncate(known);
        last.elements.extend(new);
        if known == 0 {
            last.text.clear();
        }
        last.text.push_str(&rest[..rest_end]);
        let elements = last.elements.clone();
        if last.text.len() > LONGEST {
            *last = LastRead::default();
        }
        let read = ReadOk { in_reply_to: answer.in_reply_to, elements };
        let body = Body { text: line[body_start..body_end].into(), read: Some(Box::new(read)) };
        Some(Line { src: src.into(), dest: dest.into(), body })
    }

    /// The position in `line` where the list's values begin, if there is a list.
    fn list_start(&self, line: &str) -> Option<usize> {
        let key = self.key.find(line.as_bytes())?;
        // Inside a string, both quotes would have backslashes before them. So this is a key, but its name may
        // be longer.
        if line[..key].ends_with('\\') {
            return None;
        }
        let after = line[key + KEY.len()..].trim_start_matches(' ');
        after.starts_with('[').then(|| line.len() - after.len() + 1)
    }
}

impl LastRead {
    /// The number of known values at the beginning of `list`, and the text after them.
    fn split<'a>(&self, list: &'a str) -> (usize, &'a str) {
        match list.strip_prefix(self.text.as_str()) {
            Some(rest) if !self.elements.is_empty() && rest.starts_with([',', ']']) => {
                (self.elements.len(), rest)
            }
            _ => (0, list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;
    use crate::harness::payload::{Item, Payload as _, Response, Rpc, Values};
    use proptest::prelude::*;

    /// The content of a line as a reply to a read, in a form that does not depend on how it was parsed.
    fn response(line: Line<'_>) -> (String, String, Option<u64>, Response) {
        let answers = line.body.in_reply_to();
        let response = match line.body.response(Rpc::Read) {
            Response::Values(Values::Elements(elements)) => {
                Response::Values(Values::Items(elements.into_iter().map(Item::Element).collect()))
            }
            other => other,
        };
        (line.src.into_owned(), line.dest.into_owned(), answers, response)
    }

    fn parse(reads: &mut LastReads, line: &str) -> Option<Vec<Element>> {
        let read = reads.parse(NodeId(0), line)?;
        let general = json::parse_line(line).expect("what is read quickly is well-formed");
        assert_eq!(read.body.text, general.body.text);
        let elements = read.body.read.as_ref().expect("an answer to a read").elements.clone();
        assert_eq!(response(read), response(general));
        Some(elements)
    }

    fn line(list: &str) -> String {
        format!(r#"{{"src":"n0","dest":"c1","body":{{"in_reply_to":7,"type":"read_ok","messages":{list}}}}}"#)
    }

    fn elements(values: &[i64]) -> Option<Vec<Element>> {
        values.iter().map(|&value| Element::from_int(value)).collect()
    }

    #[test]
    fn lists_may_grow_shrink_and_change() {
        let mut reads = LastReads::new(1);
        for (list, values) in [
            ("[]", &[][..]),
            ("[1]", &[1]),
            ("[1,2,3]", &[1, 2, 3]),
            ("[1,2,3]", &[1, 2, 3]),
            ("[1,2,34]", &[1, 2, 34]),
            ("[1,2]", &[1, 2]),
            ("[1, 2, 3]", &[1, 2, 3]),
            ("[1, 2, 3, 4]", &[1, 2, 3, 4]),
            (" [4,3]", &[4, 3]),
            ("[]", &[]),
        ] {
            assert_eq!(parse(&mut reads, &line(list)), elements(values), "{list}");
        }
    }

    #[test]
    fn anything_but_a_plain_reply_to_a_read_is_left_to_the_general_parser() {
        for list in
            ["[1,2,]", "[1,2,,3]", "[1,2 3]", "[1,2", "[1,2,3.5]", "[1,2,-3]", "[1,2,\"]\"]", "[[1]]", "5"]
        {
            let mut reads = LastReads::new(1);
            assert_eq!(parse(&mut reads, &line("[1,2]")), elements(&[1, 2]));
            assert_eq!(parse(&mut reads, &line(list)), None, "{list}");
            assert_eq!(parse(&mut reads, &line("[1,2,3]")), elements(&[1, 2, 3]), "after {list}");
        }
        let mut reads = LastReads::new(1);
        for other in [
            r#"{"src":"n0","dest":"c1","body":{"type":"read_ok","in_reply_to":7}}"#,
            r#"{"src":"n0","dest":"c1","body":{"type":"gossip","in_reply_to":7,"messages":[1]}}"#,
            r#"{"src":"n0","dest":"c1","body":{"type":"read_ok","messages":[1]}}"#,
            r#"{"src":"n0","dest":"c1","body":{"type":"read_ok","in_reply_to":7,"more":1,"messages":[1]}}"#,
            r#"{"src":"n0","dest":"c1","body":{"type":"read_ok","in_reply_to":7,"msg_id":null,"messages":[1]}}"#,
            r#"{"src":"n0","dest":"c1","body":{"type":"read_ok","in_reply_to":7,"x\"messages":[1]}}"#,
            r#"{"src":"n0","dest":"c1","messages":[1],"body":{"type":"read_ok","in_reply_to":7}}"#,
        ] {
            assert_eq!(parse(&mut reads, other), None, "{other}");
        }
    }

    #[test]
    fn long_lists_are_not_remembered() {
        let mut reads = LastReads::new(1);
        let list = format!("[{}1]", "1000000000,".repeat(LONGEST / 11 + 1));
        assert_eq!(parse(&mut reads, &line(&list)).map(|read| read.len()), Some(LONGEST / 11 + 2));
        assert!(reads.reads[0].text.is_empty());
    }

    proptest! {
        #![proptest_config(crate::props::config(256))]

        #[test]
        fn every_line_has_the_same_meaning_without_memory(
            lists in prop::collection::vec(r"\[((1|12|, ?|,3|-4|\]| )){0,9}\]", 1..20)
        ) {
            let mut reads = LastReads::new(1);
            for list in lists {
                parse(&mut reads, &line(&list));
            }
        }
    }
}
