//! Usage errors, which have the exit status of an unknown flag.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::campaign::sweep::Impossible;
use crate::campaign::tune::TooLittle;
use crate::plot::UnknownFormat;

/// The exit status of a command that cannot be executed as it was typed.
const WRONG_USAGE: u8 = 2;

/// A command that cannot be executed as it was typed; the text says how to type it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct UsageError(String);

impl UsageError {
    pub(super) fn new(text: impl Into<String>) -> UsageError {
        UsageError(text.into())
    }

    /// The same error as a usage error.
    pub(super) fn caused_by(error: &anyhow::Error) -> UsageError {
        UsageError(format!("{error:#}"))
    }
}

/// The same error with a tip, if an argument that nothing takes may be the rest of a value with a space.
pub(super) fn with_tip(mut error: clap::Error) -> clap::Error {
    let stray = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => !argument.starts_with('-'),
        _ => false,
    };
    if stray && error.kind() == ErrorKind::UnknownArgument {
        let tip = "lists and durations have no spaces, such as 50,100 or 5min; quote other values that have";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// The exit status of a command that failed.
pub(super) fn exit_status(error: &anyhow::Error) -> ExitCode {
    let is_usage = error.is::<UsageError>()
        || error.is::<Impossible>()
        || error.is::<UnknownFormat>()
        || error.is::<TooLittle>();
    if is_usage { ExitCode::from(WRONG_USAGE) } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_usage_error_is_recognized_below_its_context() {
        let typed: anyhow::Result<()> = Err(UsageError::new("--x is not --y").into());
        let error = typed.context("while reading").unwrap_err();
        assert_eq!(format!("{:?}", exit_status(&error)), format!("{:?}", ExitCode::from(2)));
        assert_eq!(format!("{error:#}"), "while reading: --x is not --y");
    }
}
