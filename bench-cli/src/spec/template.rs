//! Node arguments with places for the batch timeout: `--flush-every {batch_timeout_ms}`.

use std::time::Duration;

/// Arguments in which placeholders are still open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    args: Vec<Vec<Piece>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `{batch_timeout_ms}`: a number.
    Milliseconds,
    /// `{batch_timeout}`: a number with its unit.
    WithUnit,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A quote without its partner, or a backslash at the end.
    #[error("{0:?} has a quote that is not closed")]
    Quote(String),
    /// A placeholder that does not exist.
    #[error(
        "{{{0}}} is no placeholder; there are {{batch_timeout_ms}} (as in 50) and {{batch_timeout}} (as in \
         50ms); write {{{{ for a brace"
    )]
    Unknown(String),
    /// A brace without its partner.
    #[error("{0:?} has a brace without its partner; write {{{{ or }}}} for a brace")]
    Brace(String),
}

impl Template {
    /// Reads a template. Words are split as a shell splits them, but no shell is run: `$x` and `*` are plain text.
    ///
    /// # Errors
    /// If a quote or brace is not closed, or a placeholder does not exist.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let words = shlex::split(text).ok_or_else(|| TemplateError::Quote(text.to_owned()))?;
        let args = words.iter().map(|word| pieces(word)).collect::<Result<_, _>>()?;
        Ok(Template { args })
    }

    /// The arguments for one batch timeout.
    pub fn fill(&self, batch_timeout: Duration) -> Vec<String> {
        let ms = batch_timeout.as_millis();
        let fill = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Milliseconds => ms.to_string(),
            Piece::WithUnit => format!("{ms}ms"),
        };
        self.args.iter().map(|arg| arg.iter().map(fill).collect()).collect()
    }
}

fn pieces(word: &str) -> Result<Vec<Piece>, TemplateError> {
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
        let (name, after) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')).ok_or_else(brace)?;
        pieces.push(Piece::Text(std::mem::take(&mut text)));
        pieces.push(match name {
            "batch_timeout_ms" => Piece::Milliseconds,
            "batch_timeout" => Piece::WithUnit,
            _ => return Err(TemplateError::Unknown(name.to_owned())),
        });
        rest = after;
    }
    text.push_str(rest);
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Vec<String> {
        Template::parse(text).unwrap().fill(Duration::from_millis(1500))
    }

    #[test]
    fn placeholders_are_filled_and_words_split_without_a_shell() {
        assert_eq!(filled("--flush {batch_timeout_ms} -t={batch_timeout}"), ["--flush", "1500", "-t=1500ms"]);
        assert_eq!(filled("'two words' $HOME *"), ["two words", "$HOME", "*"]);
        assert_eq!(filled("'{{\"ms\": {batch_timeout_ms}}}'"), ["{\"ms\": 1500}"]);
        assert_eq!(filled(""), Vec::<String>::new());
        assert_eq!(filled("''"), [""]);
    }

    #[test]
    fn slips_are_named() {
        let error = |text| Template::parse(text).unwrap_err();
        assert_eq!(error("{timeout}"), TemplateError::Unknown("timeout".to_owned()));
        assert_eq!(error("'open"), TemplateError::Quote("'open".to_owned()));
        assert_eq!(error("a}"), TemplateError::Brace("a}".to_owned()));
        assert_eq!(error("{a"), TemplateError::Brace("{a".to_owned()));
        assert!(error("{timeout}").to_string().contains("{batch_timeout_ms} (as in 50)"));
    }
}
