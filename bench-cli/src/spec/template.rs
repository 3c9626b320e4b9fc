//! Text with placeholders for a run's parameters: `--flush-every {batch_timeout_ms}`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::value::Value;

/// The parameters of one run, for placeholders: each name with its value and the value as it was typed.
pub type Bindings<'a> = [(&'a str, Value, String)];

/// The arguments of a program in which placeholders are still open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgsTemplate {
    source: String,
    args: Vec<Template>,
}

/// A variable of a program's environment in whose value placeholders are still open: `NAME=TEMPLATE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvTemplate {
    name: String,
    source: String,
    value: Template,
}

/// One word in which placeholders are still open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Placeholder(String),
}

/// Why a text is not a template, or cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A quote without its partner, or a backslash at the end.
    #[error("{0:?} has a quote that is not closed")]
    Quote(String),
    /// A placeholder that no parameter fills.
    #[error("{{{name}}} is not a placeholder; {known}; --param NAME=LIST adds one; write {{{{ for a brace")]
    Unknown {
        /// The placeholder's name.
        name: String,
        /// Those that would have been filled, in words.
        known: String,
    },
    /// A parameter of the user's that no template mentions.
    #[error(
        "nothing uses the parameter {0}: write {{{0}}} in --node-args or --node-env where the node should find it"
    )]
    Unused(String),
    /// A variable without a name.
    #[error("{0:?} does not set a variable; write NAME=VALUE")]
    Variable(String),
    /// A brace without its partner.
    #[error("{0:?} has a brace without its partner; write {{{{ or }}}} for a brace")]
    Brace(String),
}

impl ArgsTemplate {
    /// Reads a template. Words are split as a shell splits them, but no shell is run: `$x` and `*` are plain
    /// text.
    ///
    /// # Errors
    /// If a quote or brace is not closed.
    pub fn parse(text: &str) -> Result<ArgsTemplate, TemplateError> {
        let words = shlex::split(text).ok_or_else(|| TemplateError::Quote(text.to_owned()))?;
        let args = words.iter().map(|word| Template::parse(word)).collect::<Result<_, _>>()?;
        Ok(ArgsTemplate { source: text.to_owned(), args })
    }

    /// The template that always gives these arguments.
    pub fn literal(args: &[String]) -> ArgsTemplate {
        let escaped = |arg: &String| arg.replace('{', "{{").replace('}', "}}");
        let args: Vec<String> = args.iter().map(escaped).collect();
        ArgsTemplate::parse(&super::shell::join(&args)).unwrap_or_default()
    }

    /// The arguments of one run.
    ///
    /// # Errors
    /// If no parameter fills a placeholder.
    pub fn fill(&self, bindings: &Bindings<'_>) -> Result<Vec<String>, TemplateError> {
        self.args.iter().map(|arg| arg.fill(bindings)).collect()
    }

    /// Whether it mentions a parameter.
    pub fn uses(&self, parameter: &str) -> bool {
        self.args.iter().any(|arg| arg.uses(parameter))
    }

    /// Whether it gives no arguments.
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }
}

impl EnvTemplate {
    /// The variable for one run.
    ///
    /// # Errors
    /// If no parameter fills a placeholder.
    pub fn fill(&self, bindings: &Bindings<'_>) -> Result<(String, String), TemplateError> {
        Ok((self.name.clone(), self.value.fill(bindings)?))
    }

    /// Whether it mentions a parameter.
    pub fn uses(&self, parameter: &str) -> bool {
        self.value.uses(parameter)
    }
}

impl FromStr for EnvTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<EnvTemplate, TemplateError> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && !name.contains('\0') => Ok(EnvTemplate {
                name: name.to_owned(),
                source: value.to_owned(),
                value: Template::parse(value)?,
            }),
            _ => Err(TemplateError::Variable(text.to_owned())),
        }
    }
}

impl fmt::Display for EnvTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.source)
    }
}

impl Template {
    /// Reads a template of one word.
    ///
    /// # Errors
    /// If a brace is not closed.
    pub fn parse(word: &str) -> Result<Template, TemplateError> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = word;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let tail = &rest[at..];
            if let Some(after) = tail.strip_prefix("{{").or_else(|| tail.strip_prefix("}}")) {
                text.push_str(&tail[..1]);
                rest = after;
                continue;
            }
            let brace = || TemplateError::Brace(word.to_owned());
            let (name, after) =
                tail.strip_prefix('{').and_then(|tail| tail.split_once('}')).ok_or_else(brace)?;
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Placeholder(name.to_owned()));
            rest = after;
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text));
        Ok(Template { pieces })
    }

    /// Whether it mentions a parameter.
    fn uses(&self, parameter: &str) -> bool {
        let names =
            |name: &str| name.strip_prefix(parameter).is_some_and(|unit| ["", "_ms", "_s"].contains(&unit));
        self.pieces.iter().any(|piece| matches!(piece, Piece::Placeholder(name) if names(name)))
    }

    /// The word for one run.
    ///
    /// # Errors
    /// If no parameter fills a placeholder.
    pub fn fill(&self, bindings: &Bindings<'_>) -> Result<String, TemplateError> {
        let fill = |piece: &Piece| match piece {
            Piece::Text(text) => Ok(text.clone()),
            Piece::Placeholder(name) => filled(name, bindings).ok_or_else(|| unknown(name, bindings)),
        };
        self.pieces.iter().map(fill).collect()
    }
}

/// `{name}` is the value as it was typed; `{name_ms}` and `{name_s}` are a duration as a number.
fn filled(name: &str, bindings: &Bindings<'_>) -> Option<String> {
    let of = |name: &str| bindings.iter().find(|(bound, ..)| *bound == name);
    let duration = |name: &str| of(name)?.1.as_duration();
    let in_unit = || {
        if let Some(name) = name.strip_suffix("_ms") {
            return Some(duration(name)?.as_millis().to_string());
        }
        Some(duration(name.strip_suffix("_s")?)?.as_secs_f64().to_string())
    };
    of(name).map(|(_, _, text)| text.clone()).or_else(in_unit)
}

fn unknown(name: &str, bindings: &Bindings<'_>) -> TemplateError {
    let known = bindings.iter().flat_map(|(bound, value, text)| match value.as_duration() {
        Some(duration) => vec![
            format!("{{{bound}_ms}} (as in {})", duration.as_millis()),
            format!("{{{bound}_s}} (as in {})", duration.as_secs_f64()),
            format!("{{{bound}}} (as in {text})"),
        ],
        None => vec![format!("{{{bound}}} (as in {text})")],
    });
    let known: Vec<String> = known.collect();
    let known = if known.is_empty() {
        "the node has no parameters".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    };
    TemplateError::Unknown { name: name.to_owned(), known }
}

impl fmt::Display for ArgsTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl FromStr for ArgsTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<ArgsTemplate, TemplateError> {
        ArgsTemplate::parse(text)
    }
}

/// Writes and reads a template as its text.
macro_rules! as_text {
    ($template:ty) => {
        impl Serialize for $template {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $template {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$template, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(ArgsTemplate);
as_text!(EnvTemplate);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn fill(text: &str) -> Result<Vec<String>, TemplateError> {
        let timeout = Value::Duration(Duration::from_millis(1500));
        ArgsTemplate::parse(text)?.fill(&[("batch_timeout", timeout, "1500ms".to_owned())])
    }

    fn filled(text: &str) -> Vec<String> {
        fill(text).unwrap()
    }

    #[test]
    fn placeholders_are_filled_and_words_split_without_a_shell() {
        assert_eq!(filled("--flush {batch_timeout_ms} -t={batch_timeout}"), ["--flush", "1500", "-t=1500ms"]);
        assert_eq!(filled("--seconds {batch_timeout_s}"), ["--seconds", "1.5"]);
        assert_eq!(filled("'two words' $HOME *"), ["two words", "$HOME", "*"]);
        assert_eq!(filled("'{{\"ms\": {batch_timeout_ms}}}'"), ["{\"ms\": 1500}"]);
        assert_eq!(filled(""), Vec::<String>::new());
        assert_eq!(filled("''"), [""]);
    }

    #[test]
    fn slips_are_named() {
        let error = |text| fill(text).unwrap_err();
        assert_eq!(error("'open"), TemplateError::Quote("'open".to_owned()));
        assert_eq!(error("a}"), TemplateError::Brace("a}".to_owned()));
        assert_eq!(error("{a"), TemplateError::Brace("{a".to_owned()));
        let unknown = error("{timeout}");
        assert!(matches!(&unknown, TemplateError::Unknown { name, .. } if name == "timeout"));
        assert!(unknown.to_string().contains("{batch_timeout_ms} (as in 1500)"), "{unknown}");
    }

    #[test]
    fn a_variable_is_a_name_and_a_template() {
        let timeout = Value::Duration(Duration::from_millis(1500));
        let variable: EnvTemplate = "FLUSH=every {batch_timeout_s}=x".parse().unwrap();
        let filled = variable.fill(&[("batch_timeout", timeout, "1500ms".to_owned())]).unwrap();
        assert_eq!(filled, ("FLUSH".to_owned(), "every 1.5=x".to_owned()));
        assert_eq!(variable.to_string(), "FLUSH=every {batch_timeout_s}=x");
        assert!("=5".parse::<EnvTemplate>().unwrap_err().to_string().contains("write NAME=VALUE"));
        assert!("FLUSH".parse::<EnvTemplate>().is_err());
    }

    #[test]
    fn a_literal_stays_unchanged() {
        let args = ["{x}".to_owned(), "a b".to_owned(), "'".to_owned()];
        assert_eq!(ArgsTemplate::literal(&args).fill(&[]).unwrap(), args);
    }
}
