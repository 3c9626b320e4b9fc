//! Messages in the nodes' format: a line of JSON each.
//!
//! Most lines are plain: serde reads their envelope at once and leaves the body as it is. Other lines go to
//! [`crate::json`], which reads what Maelstrom reads. Both agree on plain lines.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::edn::Value;
use crate::harness::history::Element;
use crate::harness::payload::{Item, Malformed, Payload, Request, Response, Rpc, Values};
use crate::harness::services;
use crate::json::{Json, MAX_DEPTH, first_value, quoted};

/// A message's body.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// The text of a JSON object, passed on unchanged.
    pub(super) text: Box<str>,
    /// The parsed content, if the body is a reply to a read that [`super::read_ok`] has parsed.
    pub(super) read: Option<Box<ReadOk>>,
}

/// A reply to a read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReadOk {
    pub(super) in_reply_to: u64,
    pub(super) elements: Vec<Element>,
}

impl From<&str> for Body {
    fn from(text: &str) -> Body {
        Body { text: text.into(), read: None }
    }
}

/// A message that a node wrote.
#[derive(Debug, PartialEq)]
pub struct Line<'a> {
    /// The name of the sender, as the message has it.
    pub src: Cow<'a, str>,
    /// The name of the receiver.
    pub dest: Cow<'a, str>,
    /// The content.
    pub body: Body,
}

/// Why a line is not a message.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum BadLine {
    /// It does not begin with a JSON value.
    #[error("not well-formed JSON: {0}")]
    NotJson(#[from] crate::json::NotJson),
    /// Its value does not have a message's form.
    #[error("{0}")]
    Malformed(String),
}

/// The JSON object of a plain line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) src: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) dest: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) body: &'a RawValue,
    /// Not an `Option`: Maelstrom does not take `null` for an id.
    #[serde(default, rename = "id")]
    _id: i64,
}

/// Reads a line.
///
/// # Errors
/// If Maelstrom would not take the line for a message.
pub fn parse_line(line: &str) -> Result<Line<'_>, BadLine> {
    if !may_nest_too_deep(line)
        && let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(line)
        && envelope.body.get().starts_with('{')
    {
        return Ok(Line { src: envelope.src, dest: envelope.dest, body: envelope.body.get().into() });
    }
    let Json::Object(fields) = first_value(line)? else {
        return Err(BadLine::Malformed("the message is not an object".to_owned()));
    };
    from_fields(fields)
}

/// A cheap test that only lines with many brackets fail.
fn may_nest_too_deep(line: &str) -> bool {
    line.len() > 2 * MAX_DEPTH && memchr::memchr2_iter(b'[', b'{', line.as_bytes()).count() > MAX_DEPTH
}

/// The message with these fields.
fn from_fields(fields: Vec<(String, Json)>) -> Result<Line<'static>, BadLine> {
    let (mut src, mut dest, mut body) = (None, None, Json::Null);
    let mut problems = Vec::new();
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("src", Json::Str(name)) => src = Some(name),
            ("dest", Json::Str(name)) => dest = Some(name),
            ("body", value) => body = value,
            ("id", Json::Int(_) | Json::BigInt(_)) => {}
            ("src" | "dest", value) => problems.push(format!("{key} is {value}, which is not a string")),
            ("id", value) => problems.push(format!("id is {value}, which is not an integer")),
            _ => problems.push(format!("the key {key:?} is not allowed")),
        }
    }
    let is_named = |key: &str| problems.iter().any(|problem| problem.starts_with(key));
    let missing = [("src", &src), ("dest", &dest)];
    let missing = missing.into_iter().filter(|(key, value)| value.is_none() && !is_named(key));
    let missing: Vec<String> = missing.map(|(key, _)| format!("the key \"{key}\" is missing")).collect();
    problems.extend(missing);
    let text = match body {
        Json::Object(_) => body.to_string(),
        // Maelstrom reads all these as a body without fields.
        Json::Null => "{}".to_owned(),
        Json::Str(text) if text.is_empty() => "{}".to_owned(),
        Json::Array(items) if items.is_empty() => "{}".to_owned(),
        other => {
            problems.push(format!("body is {other}, which is not an object"));
            String::new()
        }
    };
    match (src, dest) {
        (Some(src), Some(dest)) if problems.is_empty() => {
            Ok(Line { src: src.into(), dest: dest.into(), body: text.as_str().into() })
        }
        _ => Err(BadLine::Malformed(problems.join("; "))),
    }
}

/// Writes the line of a message to a node. `src` and `dest` are JSON strings.
pub(super) fn write_line(
    out: &mut String,
    id: u64,
    src: impl fmt::Display,
    dest: impl fmt::Display,
    body: &Body,
) {
    let _ = write!(out, "{{\"id\":{id},\"src\":{src},\"dest\":{dest},\"body\":");
    out.push_str(&body.text);
    out.push_str("}\n");
}

impl Payload for Body {
    fn request(request: &Request<'_>, msg_id: u64) -> Body {
        let text = match request {
            Request::Init { node, all } => {
                let names: Vec<String> = all.iter().map(|name| quoted(name)).collect();
                let (node, names) = (quoted(node), names.join(","));
                format!(r#"{{"type":"init","node_id":{node},"node_ids":[{names}],"msg_id":{msg_id}}}"#)
            }
            Request::Topology { names, neighbours } => {
                let quoted: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                let of = |(me, others): (usize, &Vec<usize>)| {
                    let others: Vec<&str> = others.iter().map(|&other| quoted[other].as_str()).collect();
                    format!("{}:[{}]", quoted[me], others.join(","))
                };
                let topology: Vec<String> = neighbours.iter().enumerate().map(of).collect();
                let topology = topology.join(",");
                format!(r#"{{"type":"topology","topology":{{{topology}}},"msg_id":{msg_id}}}"#)
            }
            Request::Broadcast(value) => {
                format!(r#"{{"type":"broadcast","message":{value},"msg_id":{msg_id}}}"#)
            }
            Request::Read => format!(r#"{{"type":"read","msg_id":{msg_id}}}"#),
        };
        text.as_str().into()
    }

    fn in_reply_to(&self) -> Option<u64> {
        /// The only field needed here; serde skips the others.
        #[derive(Deserialize)]
        struct Reply {
            in_reply_to: Option<u64>,
        }
        if let Some(read) = &self.read {
            return Some(read.in_reply_to);
        }
        if let Ok(reply) = serde_json::from_str::<Reply>(&self.text) {
            return reply.in_reply_to;
        }
        match parsed(&self.text).get("in_reply_to") {
            Some(Json::Int(id)) => u64::try_from(*id).ok(),
            _ => None,
        }
    }

    fn response(self, to: Rpc) -> Response {
        let Body { text, read } = self;
        if let Some(read) = read
            && to == Rpc::Read
        {
            return Response::Values(Values::Elements(read.elements));
        }
        let body = parsed(&text);
        if body.get("type").and_then(Json::as_str) == Some("error") {
            let code = if let Some(Json::Int(code)) = body.get("code") { Some(*code) } else { None };
            return Response::Error { code, text: body.get("text").map_or(Value::Nil, Json::to_edn) };
        }
        let values = body.get("messages").filter(|_| to == Rpc::Read).and_then(items);
        let errors = errors(&body, to, values.is_some());
        if !errors.is_empty() {
            let errors = Value::Map(errors);
            return Response::Malformed(Box::new(Malformed { body: edn(&body), errors }));
        }
        values.map_or(Response::Done, Response::Values)
    }

    fn service_request(&self) -> services::Request {
        services::Request::from_body(&parsed(&self.text))
    }

    fn service_reply(&self, reply: &services::Reply) -> Body {
        let msg_id = parsed(&self.text).get("msg_id").cloned().unwrap_or(Json::Null);
        reply.to_body(msg_id).to_string().as_str().into()
    }
}

/// The text of a body as JSON. It is an object, unless somebody built another body.
fn parsed(body: &str) -> Json {
    first_value(body).unwrap_or(Json::Null)
}

/// The problems of a reply to a request of this kind, by key.
fn errors(body: &Json, to: Rpc, has_values: bool) -> Vec<(Value, Value)> {
    let symbol = |text: String| Value::Symbol(text);
    let mut errors = Vec::new();
    let expected = format!("{}_ok", to.name());
    if body.get("type").and_then(Json::as_str) != Some(expected.as_str()) {
        let problem = match body.get("type") {
            Some(written) => format!("(not (= {expected:?} {}))", written.to_edn()),
            None => "missing-required-key".to_owned(),
        };
        errors.push((Value::keyword("type"), symbol(problem)));
    }
    if to == Rpc::Init {
        // Real Maelstrom checks only the type here.
        return errors;
    }
    if to == Rpc::Read && !has_values {
        let problem = match body.get("messages") {
            Some(written) => format!("(not (sequential? {}))", written.to_edn()),
            None => "missing-required-key".to_owned(),
        };
        errors.push((Value::keyword("messages"), symbol(problem)));
    }
    let Json::Object(fields) = body else { return errors };
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("type" | "in_reply_to", _) => {}
            ("messages", _) if to == Rpc::Read => {}
            ("msg_id", Json::Int(_) | Json::BigInt(_)) => {}
            ("msg_id", other) => {
                let problem = format!("(not (integer? {}))", other.to_edn());
                errors.push((Value::keyword("msg_id"), symbol(problem)));
            }
            (other, _) => {
                errors.push((Value::Keyword(other.to_owned().into()), symbol("disallowed-key".to_owned())));
            }
        }
    }
    errors
}

/// A body as EDN, with keywords as keys.
fn edn(body: &Json) -> Value {
    let Json::Object(fields) = body else { return body.to_edn() };
    let entry = |(key, value): &(String, Json)| (Value::Keyword(key.clone().into()), value.to_edn());
    Value::Map(fields.iter().map(entry).collect())
}

/// The items of a list. `None` if the value is neither a list nor `null`.
fn items(list: &Json) -> Option<Values> {
    let items = match list {
        Json::Null => return Some(Values::Nil),
        Json::Array(items) => items,
        _ => return None,
    };
    let item = |value: &Json| {
        let element = if let Json::Int(int) = value { Element::from_int(*int) } else { None };
        element.map_or_else(|| Item::Other(value.to_edn().to_string().into()), Item::Element)
    };
    Some(Values::Items(items.iter().map(item).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn response(body: &str, to: Rpc) -> Response {
        Body::from(body).response(to)
    }

    #[test]
    fn a_line_is_a_source_a_destination_and_a_body() {
        let line = parse_line(r#"{"src":"n0","dest":"c1","body":{"type":"x"}}"#);
        let expected = Line { src: "n0".into(), dest: "c1".into(), body: r#"{"type":"x"}"#.into() };
        assert_eq!(line, Ok(expected));
        assert!(parse_line(r#"{"id":3, "src":"n\u0030","dest":"c1","body":{}}"#).is_ok());
    }

    #[test]
    fn lines_that_are_not_messages_are_classified() {
        assert!(matches!(parse_line("this is not json"), Err(BadLine::NotJson(_))));
        for malformed in [
            "3",
            r#"{"src":"n0","body":{}}"#,
            r#"{"src":"n0","dest":7,"body":{}}"#,
            r#"{"src":"n0","dest":"n1","body":{},"more":1}"#,
            r#"{"src":"n0","dest":"n1","body":[1]}"#,
        ] {
            assert!(matches!(parse_line(malformed), Err(BadLine::Malformed(_))), "{malformed}");
        }
    }

    #[test]
    fn reads_may_list_any_values() {
        let element = |int| Item::Element(Element::from_int(int).expect("a small number"));
        let answer = response(r#"{"type":"read_ok","in_reply_to":1,"messages":[1,2]}"#, Rpc::Read);
        assert_eq!(answer, Response::Values(Values::Items(vec![element(1), element(2)])));
        let answer =
            response(r#"{"type":"read_ok","in_reply_to":1,"messages":["a",{"b":[1.5,-3]},7]}"#, Rpc::Read);
        let other = |text: &str| Item::Other(text.into());
        let expected = vec![other("\"a\""), other("{\"b\" [1.5 -3]}"), element(7)];
        assert_eq!(answer, Response::Values(Values::Items(expected)));
    }

    #[test]
    fn a_read_may_list_null() {
        let answer = response(r#"{"type":"read_ok","in_reply_to":1,"messages":null}"#, Rpc::Read);
        assert_eq!(answer, Response::Values(Values::Nil));
    }

    #[test]
    fn errors_carry_code_and_text() {
        let answer = response(r#"{"type":"error","in_reply_to":1,"code":11,"text":"later"}"#, Rpc::Broadcast);
        assert_eq!(answer, Response::Error { code: Some(11), text: Value::Str("later".into()) });
        let answer = response(r#"{"type":"error","in_reply_to":1,"code":"x"}"#, Rpc::Broadcast);
        assert_eq!(answer, Response::Error { code: None, text: Value::Nil });
    }

    #[test]
    fn malformed_replies_name_their_problems() {
        let problems = |body: &str, to| match response(body, to) {
            Response::Malformed(malformed) => malformed.errors.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            problems(r#"{"type":"read_ok","in_reply_to":1}"#, Rpc::Read),
            "{:messages missing-required-key}"
        );
        assert_eq!(
            problems(r#"{"type":"read_ok","messages":5,"msg_id":"a","more":1}"#, Rpc::Read),
            r#"{:messages (not (sequential? 5)), :msg_id (not (integer? "a")), :more disallowed-key}"#
        );
        assert_eq!(
            problems(r#"{"type":"broadcast_no"}"#, Rpc::Broadcast),
            r#"{:type (not (= "broadcast_ok" "broadcast_no"))}"#
        );
    }

    #[test]
    fn in_reply_to_is_found_among_other_fields() {
        let answers = |body: &str| Body::from(body).in_reply_to();
        assert_eq!(answers(r#"{"messages":[1,2],"in_reply_to":7,"type":"read_ok"}"#), Some(7));
        assert_eq!(answers(r#"{"type":"gossip"}"#), None);
        assert_eq!(answers(r#"{"in_reply_to":"7"}"#), None);
    }

    #[test]
    fn requests_are_json() {
        let names = ["n0".to_owned(), "n1".to_owned()];
        let neighbours = [vec![1], vec![0]];
        for (request, expected) in [
            (
                Request::Init { node: "n1", all: &names },
                r#"{"type":"init","node_id":"n1","node_ids":["n0","n1"],"msg_id":1}"#,
            ),
            (
                Request::Topology { names: &names, neighbours: &neighbours },
                r#"{"type":"topology","topology":{"n0":["n1"],"n1":["n0"]},"msg_id":1}"#,
            ),
            (Request::Broadcast(5), r#"{"type":"broadcast","message":5,"msg_id":1}"#),
            (Request::Read, r#"{"type":"read","msg_id":1}"#),
        ] {
            assert_eq!(&*Body::request(&request, 1).text, expected);
        }
    }

    #[test]
    fn a_written_line_reads_back() {
        let mut out = String::new();
        write_line(&mut out, 9, r#""c4""#, r#""n0""#, &r#"{"type":"read"}"#.into());
        assert_eq!(out, "{\"id\":9,\"src\":\"c4\",\"dest\":\"n0\",\"body\":{\"type\":\"read\"}}\n");
        assert!(parse_line(&out).is_ok());
    }

    /// Every line here was given to Maelstrom v0.2.4 or follows from its source.
    #[test]
    fn lines_are_read_as_maelstrom_reads_them() {
        let body = |line: &str| match parse_line(line) {
            Ok(Line { src, dest, body }) => {
                assert_eq!((src.as_ref(), dest.as_ref()), ("n0", "c1"), "{line}");
                body.text.to_string()
            }
            Err(error) => format!("{error}"),
        };
        let plain = r#"{"src":"n0","dest":"c1","body":{"type":"x"}}"#;
        for line in [
            plain.to_owned(),
            format!("{plain},"),
            format!("{plain}{plain}"),
            format!("{plain} and more"),
            format!("\t {plain}\r"),
            r#"{"src":"n1","src":"n0","dest":"c1","body":{"type":"x"}}"#.to_owned(),
            r#"{"src":"n0","dest":"c1","body":{"type":"y"},"body":{"type":"x"}},"#.to_owned(),
            r#"{"src":"n0","dest":"c1","body":{"type":"y","type":"x"}},"#.to_owned(),
            r#"{"id":7,"src":"n0","dest":"c1","body":{"type":"x"}}"#.to_owned(),
            r#"{"id":-123456789012345678901234567890,"src":"n0","dest":"c1","body":{"type":"x"}}"#.to_owned(),
        ] {
            assert_eq!(body(&line), r#"{"type":"x"}"#, "{line}");
        }
        for (line, expected) in [
            ("{\"src\":\"n0\",\"dest\":\"c1\",\"body\":{\"a\":\"b\tc\"}}", r#"{"a":"b\tc"}"#),
            (r#"{"src":"n0","dest":"c1"}"#, "{}"),
            (r#"{"src":"n0","dest":"c1","body":null}"#, "{}"),
            (r#"{"src":"n0","dest":"c1","body":[]}"#, "{}"),
            (r#"{"src":"n0","dest":"c1","body":""}"#, "{}"),
            (r#"{"id":null,"src":"n0","dest":"c1","body":{}}"#, "id is null, which is not an integer"),
            (r#"{"id":1.0,"src":"n0","dest":"c1","body":{}}"#, "id is 1.0, which is not an integer"),
            (r#"{"id":"1","src":"n0","dest":"c1","body":{}}"#, r#"id is "1", which is not an integer"#),
            (r#"{"src":"n0","dest":"c1","body":3}"#, "body is 3, which is not an object"),
            (r#"{"src":null,"body":{}}"#, "src is null, which is not a string; the key \"dest\" is missing"),
            (r#"{"src":"n0","dest":"c1","body":{},"type":"x"}"#, "the key \"type\" is not allowed"),
            ("[]", "the message is not an object"),
            ("NaN", "not well-formed JSON: expected a value at byte 0"),
        ] {
            assert_eq!(body(line), expected, "{line}");
        }
        let deep = format!(
            r#"{{"src":"n0","dest":"c1","body":{{"a":{}{}}}}}"#,
            "[".repeat(1_000),
            "]".repeat(1_000)
        );
        assert!(body(&deep).starts_with("not well-formed JSON: expected less nesting"));
    }

    #[test]
    fn the_last_of_equal_keys_counts_in_replies_too() {
        let body =
            r#"{"type":"x","in_reply_to":1,"in_reply_to":7,"type":"read_ok","messages":[1],"messages":[2]}"#;
        assert_eq!(Body::from(body).in_reply_to(), Some(7));
        let expected = Values::Items(vec![Item::Element(Element::from_int(2).expect("a small number"))]);
        assert_eq!(response(body, Rpc::Read), Response::Values(expected));
    }

    #[test]
    fn integers_of_any_size_are_integers() {
        let body =
            r#"{"type":"read_ok","msg_id":12345678901234567890123,"messages":[12345678901234567890123,-5]}"#;
        let expected = ["12345678901234567890123", "-5"].map(|text| Item::Other(text.into()));
        assert_eq!(response(body, Rpc::Read), Response::Values(Values::Items(expected.to_vec())));
    }

    #[test]
    fn services_are_asked_and_answer_in_json() {
        let ask = Body::from(r#"{"type":"read","key":"k","msg_id":[1]}"#);
        assert_eq!(ask.service_request(), services::Request::from_body(&parsed(&ask.text)));
        let reply = ask.service_reply(&services::Reply::Timestamp(3));
        assert_eq!(&*reply.text, r#"{"type":"ts_ok","ts":3,"in_reply_to":[1]}"#);
        let reply = Body::from("{}").service_reply(&services::Reply::Written);
        assert_eq!(&*reply.text, r#"{"type":"write_ok","in_reply_to":null}"#);
    }

    proptest! {
        #![proptest_config(crate::props::config(1024))]

        /// Whatever a node writes, reading it ends, and plain lines mean what the other reader makes of them.
        #[test]
        fn any_line_is_a_message_or_an_error(line in arbitrary_line()) {
            match parse_line(&line) {
                Ok(Line { src, dest, body }) => {
                    let Ok(Json::Object(fields)) = first_value(&line) else { panic!("{line} is not an object") };
                    let slow = from_fields(fields).expect("a message");
                    prop_assert_eq!((slow.src, slow.dest), (src, dest));
                    prop_assert_eq!(parsed(&slow.body.text), parsed(&body.text));
                    prop_assert_eq!(slow.body.in_reply_to(), body.in_reply_to());
                    for rpc in [Rpc::Init, Rpc::Topology, Rpc::Broadcast, Rpc::Read] {
                        prop_assert_eq!(slow.body.clone().response(rpc), body.clone().response(rpc));
                    }
                    let _ = body.service_reply(&services::Reply::Written);
                }
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }

    /// Lines in the form of messages, with what may be wrong in each place, and any other text.
    fn arbitrary_line() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            Just(r#""n0""#),
            Just(r#""c1""#),
            Just("null"),
            Just("1"),
            Just("1.5"),
            Just("99999999999999999999"),
            Just("-0"),
            Just("[1,2]"),
            Just(r#"{"type":"read_ok","in_reply_to":1,"messages":[1]}"#),
            Just(r#"{"type":"error","code":11}"#),
            Just(r#"{"in_reply_to":1,"in_reply_to":null}"#),
            Just("\"\t\""),
            Just(r#""\ud800""#),
            Just("nan"),
            Just("{}"),
        ];
        let key = prop_oneof![Just("src"), Just("dest"), Just("body"), Just("id"), Just("more")];
        let end = prop_oneof![Just(""), Just(","), Just(" {}"), Just("\r")];
        let message = (prop::collection::vec((key, value), 0..6), end).prop_map(|(fields, end)| {
            let fields: Vec<String> =
                fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!(r#"{{"src":"n0","dest":"c1",{}}}{end}"#, fields.join(","))
        });
        prop_oneof![4 => message, 1 => ".{0,40}", 1 => any::<Vec<u8>>().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())]
    }
}
