//! Messages in the nodes' format: a line of JSON each.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::edn::Value;
use crate::harness::history::Element;
use crate::harness::payload::{Item, Malformed, Payload, Request, Response, Rpc, Values};

/// A message's body.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Body {
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
pub(super) struct Line<'a> {
    pub(super) src: Cow<'a, str>,
    pub(super) dest: Cow<'a, str>,
    pub(super) body: Body,
}

/// Why a line is not a message.
#[derive(Debug, PartialEq)]
pub(super) enum BadLine {
    NotJson,
    Malformed(String),
}

/// The JSON object of a line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) src: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) dest: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) body: &'a RawValue,
    #[serde(default, rename = "id")]
    _id: Option<i64>,
}

/// Reads a line.
pub(super) fn parse_line(line: &str) -> Result<Line<'_>, BadLine> {
    match serde_json::from_str::<Envelope<'_>>(line) {
        Ok(envelope) if envelope.body.get().starts_with('{') => {
            Ok(Line { src: envelope.src, dest: envelope.dest, body: envelope.body.get().into() })
        }
        Ok(_) => Err(BadLine::Malformed("the body is not an object".to_owned())),
        Err(_) if serde_json::from_str::<serde::de::IgnoredAny>(line).is_err() => Err(BadLine::NotJson),
        Err(error) => Err(BadLine::Malformed(error.to_string())),
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

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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
        serde_json::from_str::<Reply>(&self.text).ok()?.in_reply_to
    }

    fn response(self, to: Rpc) -> Response {
        if let Some(read) = self.read
            && to == Rpc::Read
        {
            return Response::Values(Values::Elements(read.elements));
        }
        let fields = match serde_json::from_str::<Fields<'_>>(&self.text) {
            Ok(fields) => fields,
            // The line was JSON, so only the form of the body is wrong, and it counts as one without fields.
            Err(_) => Fields(Vec::new()),
        };
        if fields.text("type").as_deref() == Some("error") {
            let code = fields.get("code").and_then(|code| code.get().parse().ok());
            return Response::Error {
                code,
                text: fields.get("text").map_or(Value::Nil, |text| edn(text.get())),
            };
        }
        let values = fields.get("messages").filter(|_| to == Rpc::Read).and_then(|list| items(list.get()));
        let errors = fields.errors(to, values.is_some());
        if !errors.is_empty() {
            let errors = Value::Map(errors);
            return Response::Malformed(Box::new(Malformed { body: fields.edn(), errors }));
        }
        values.map_or(Response::Done, Response::Values)
    }
}

/// A body's fields in the order written, their values unread.
struct Fields<'a>(Vec<(Key<'a>, &'a RawValue)>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message's body")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(key, _)| key.0 == name).map(|&(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        serde_json::from_str::<Key<'a>>(self.get(name)?.get()).ok().map(|text| text.0)
    }

    /// The problems of a reply to a request of this kind, by key.
    fn errors(&self, to: Rpc, has_values: bool) -> Vec<(Value, Value)> {
        let symbol = |text: String| Value::Symbol(text);
        let mut errors = Vec::new();
        let expected = format!("{}_ok", to.name());
        if self.text("type").as_deref() != Some(expected.as_str()) {
            let problem = match self.get("type") {
                Some(written) => format!("(not (= {expected:?} {}))", edn(written.get())),
                None => "missing-required-key".to_owned(),
            };
            errors.push((Value::keyword("type"), symbol(problem)));
        }
        if to == Rpc::Init {
            // Real Maelstrom checks only the type here.
            return errors;
        }
        if to == Rpc::Read && !has_values {
            let problem = match self.get("messages") {
                Some(written) => format!("(not (sequential? {}))", edn(written.get())),
                None => "missing-required-key".to_owned(),
            };
            errors.push((Value::keyword("messages"), symbol(problem)));
        }
        for (key, value) in &self.0 {
            match key.0.as_ref() {
                "type" | "in_reply_to" => {}
                "messages" if to == Rpc::Read => {}
                "msg_id" if value.get().parse::<i64>().is_ok() => {}
                "msg_id" => {
                    let problem = format!("(not (integer? {}))", edn(value.get()));
                    errors.push((Value::keyword("msg_id"), symbol(problem)));
                }
                other => errors
                    .push((Value::Keyword(other.to_owned().into()), symbol("disallowed-key".to_owned()))),
            }
        }
        errors
    }

    fn edn(&self) -> Value {
        let entry = |(key, value): &(Key<'_>, &RawValue)| {
            (Value::Keyword(key.0.to_string().into()), edn(value.get()))
        };
        Value::Map(self.0.iter().map(entry).collect())
    }
}

/// The items of a list. `None` if the text is neither a list nor `null`.
fn items(list: &str) -> Option<Values> {
    if list == "null" {
        return Some(Values::Nil);
    }
    let values = serde_json::from_str::<Vec<&RawValue>>(list).ok()?;
    let item = |value: &RawValue| {
        let element = value.get().parse().ok().and_then(Element::from_int).map(Item::Element);
        element.unwrap_or_else(|| Item::Other(edn(value.get()).to_string().into()))
    };
    Some(Values::Items(values.into_iter().map(item).collect()))
}

/// JSON text as EDN. Keys of objects stay strings.
fn edn(json: &str) -> Value {
    fn convert(value: serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::Nil,
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(int) => Value::Int(int),
                None => Value::Number(number.to_string()),
            },
            serde_json::Value::String(text) => Value::Str(text),
            serde_json::Value::Array(items) => Value::Vector(items.into_iter().map(convert).collect()),
            serde_json::Value::Object(entries) => {
                let entry = |(key, value)| (Value::Str(key), convert(value));
                Value::Map(entries.into_iter().map(entry).collect())
            }
        }
    }
    serde_json::from_str(json).map_or_else(|_| Value::Str(json.to_owned()), convert)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(parse_line("this is not json"), Err(BadLine::NotJson));
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
}
