//! The reader: the guard's plain form, read by `edn-rs`.

use edn_rs::Edn;

use super::Value;
use super::guard::{MAP, ReadError, SET, plain_form};

/// Reads the one EDN value that `text` holds. Drops tags: `#jepsen.history.Op{…}` reads as its map.
///
/// # Errors
/// If `text` is empty, holds more than one value, is cut off, or uses forms that Maelstrom never writes
/// (`#_`, `##NaN`, metadata, a map with a key twice).
pub fn parse(text: &str) -> Result<Value, ReadError> {
    let plain = plain_form(text)?;
    let edn = plain.parse::<Edn>().map_err(|error| refused(format!("{error:?}")))?;
    value(edn)
}

/// An error of `edn-rs`, which names no place.
fn refused(problem: String) -> ReadError {
    ReadError { line: 1, column: 1, problem: format!("the EDN reader refused it: {problem}") }
}

/// Our own value from `edn-rs`'s, of a text in the guard's plain form.
fn value(edn: Edn) -> Result<Value, ReadError> {
    Ok(match edn {
        Edn::Nil => Value::Nil,
        Edn::Bool(value) => Value::Bool(value),
        Edn::Int(int) => Value::Int(int),
        Edn::UInt(int) => i64::try_from(int).map_or_else(|_| Value::Number(int.to_string()), Value::Int),
        Edn::Double(_) => Value::Float(edn.to_float().unwrap_or(f64::NAN)),
        Edn::Rational(ratio) => Value::Number(ratio),
        Edn::Char(character) => Value::Char(character),
        Edn::Str(text) => Value::Str(text),
        Edn::Key(name) => Value::Keyword(name.trim_start_matches(':').to_owned().into()),
        Edn::Symbol(name) => Value::Symbol(name),
        Edn::List(list) => Value::List(values(list.to_vec())?),
        Edn::Vector(vector) => Value::Vector(values(vector.to_vec())?),
        Edn::Tagged(tag, content) => match (tag.as_str(), *content) {
            (MAP, Edn::Vector(vector)) => Value::Map(entries(vector.to_vec())?),
            (SET, Edn::Vector(vector)) => Value::Set(values(vector.to_vec())?),
            (tag, content) => return Err(refused(format!("#{tag} {content}"))),
        },
        other => return Err(refused(other.to_string())),
    })
}

fn values(items: Vec<Edn>) -> Result<Vec<Value>, ReadError> {
    items.into_iter().map(value).collect()
}

fn entries(keys_and_values: Vec<Edn>) -> Result<Vec<(Value, Value)>, ReadError> {
    let mut rest = keys_and_values.into_iter();
    let mut entries = Vec::with_capacity(rest.len() / 2);
    while let (Some(key), Some(of_key)) = (rest.next(), rest.next()) {
        entries.push((value(key)?, value(of_key)?));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::super::guard::MAX_DEPTH;
    use super::*;

    fn problem(text: &str) -> String {
        parse(text).expect_err(text).to_string()
    }

    #[test]
    fn a_tag_without_a_space_swallows_nothing() {
        let text =
            "{:workload {:valid? false, :op #jepsen.history.Op{:index 1, :f :x}, :n 2}, :valid? false}";
        let edn = parse(text).unwrap();
        assert_eq!(edn.get(":valid?"), Some(&Value::Bool(false)));
        assert_eq!(edn.at(&[":workload", ":n"]), Some(&Value::Int(2)));
        assert_eq!(edn.at(&[":workload", ":op", ":index"]), Some(&Value::Int(1)));
    }

    #[test]
    fn numbers_keep_their_values() {
        use Value::{Float, Int};
        let expected = [Int(1), Float(1.5), Int(-2), Int(3), Float(4.25), Float(1000.0)];
        assert_eq!(parse("[1N 1.5M -2 +3 4.25 1e3]").unwrap(), Value::Vector(expected.into()));
        let large = Value::Number(u64::MAX.to_string());
        assert_eq!(parse(&u64::MAX.to_string()).unwrap(), large);
        assert_eq!(parse("-1/3").unwrap(), Value::Number("-1/3".to_owned()));
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let edn = parse("{:a \"}] #x{ ; \\\" \" ; } \n, :b 1}").unwrap();
        assert_eq!(edn.get(":b"), Some(&Value::Int(1)));
    }

    #[test]
    fn broken_text_is_refused_with_its_place() {
        assert_eq!(problem(""), "line 1, column 1: no value at all; the text is empty");
        assert_eq!(
            problem("{:a 1\n :b [2"),
            "line 2, column 5: opened here and never closed by ']'; the text is cut off"
        );
        assert_eq!(problem("{:a 1)"), "line 1, column 6: ')' where '}' should close");
        assert_eq!(problem("{:a}"), "line 1, column 4: a map with a key that has no value");
        assert_eq!(problem("{:a 1, :a 2}"), "line 1, column 8: the key :a for the second time in one map");
        assert_eq!(problem("{} {}"), "line 1, column 4: a second value where the text should end");
        assert_eq!(problem("[##NaN 1]"), "line 1, column 2: a '#' form that Maelstrom does not write");
        assert_eq!(problem("[1Kr5]"), "line 1, column 2: \"1Kr5\" is not an EDN value");
        assert_eq!(problem("\"abc"), "line 1, column 1: a string that never ends; the text is cut off");
        assert!(problem(&"[".repeat(1_000)).contains("nested more than"));
    }

    #[test]
    fn long_runs_of_blanks_and_comments_do_no_harm() {
        let text =
            format!("{}{}{{:a{}1}}", " ".repeat(100_000), "; x\n".repeat(20_000), "\n".repeat(100_000));
        assert_eq!(parse(&text).unwrap().get(":a"), Some(&Value::Int(1)));
    }

    #[test]
    fn values_print_as_they_were_written() {
        for text in [
            r#"{:b 1, "é\"\n" [nil true], 0.5 (x/y :k), #{2 1} \a, {} \newline}"#,
            "[1.0 -1.0E-5 1.2345678E7 1/2 \\space]",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        let deep = "{:a ".repeat(MAX_DEPTH) + "1" + &"}".repeat(MAX_DEPTH);
        assert_eq!(parse(&deep).unwrap().to_string(), deep);
    }

    #[test]
    fn a_key_is_found_by_its_text() {
        let map = parse("{:a 1, 0.5 2, \":a\" 3}").unwrap();
        assert_eq!(
            [":a", "0.5", "\":a\"", "a"].map(|key| map.get(key).and_then(Value::as_int)),
            [Some(1), Some(2), Some(3), None]
        );
    }
}
