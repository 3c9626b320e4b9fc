//! What a sweep needs of this machine, looked at before it starts: a fault found now costs seconds, one found
//! by the first run of a night costs the night.
//!
//! [`node`] checks the node's program, [`maelstrom`] real Maelstrom, [`tools`] the programs that it calls,
//! and [`machine`] disk, cores and clocks. Each gives [`Finding`]s; whoever asks decides what to print and
//! whether to continue.

pub mod machine;
pub mod maelstrom;
pub mod node;
pub mod tools;

use std::fmt;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// Whether a sweep would work.
    pub verdict: Verdict,
    /// What was seen, in one sentence.
    pub text: String,
    /// How to fix it, a command where there is one.
    pub remedy: Option<String>,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// Good to know; a sweep works all the same.
    Note,
    /// A sweep would fail, or measure something else than it says.
    Fault,
}

impl Finding {
    /// Something that is as it should be.
    pub fn fine(subject: impl Into<String>, text: impl Into<String>) -> Finding {
        Finding { subject: subject.into(), verdict: Verdict::Fine, text: text.into(), remedy: None }
    }

    /// Something that is not, and how to fix it.
    pub fn fault(subject: impl Into<String>, text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding {
            subject: subject.into(),
            verdict: Verdict::Fault,
            text: text.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// The same as a note, where nothing depends on it.
    #[must_use]
    pub fn softened(self) -> Finding {
        Finding { verdict: self.verdict.min(Verdict::Note), ..self }
    }

    /// Whether a sweep should not start.
    pub fn is_fault(&self) -> bool {
        self.verdict == Verdict::Fault
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Fine => "ok",
            Verdict::Note => "note",
            Verdict::Fault => "FAULT",
        };
        write!(f, "{verdict:5} {}: {}", self.subject, self.text)?;
        match &self.remedy {
            Some(remedy) if self.verdict != Verdict::Fine => write!(f, "\n      to fix it: {remedy}"),
            _ => Ok(()),
        }
    }
}
