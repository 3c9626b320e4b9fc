//! A checker's verdict.

use std::fmt;

/// A verdict, ordered from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Validity {
    /// The property holds.
    Valid,
    /// The history does not decide it.
    Unknown,
    /// The property does not hold.
    Invalid,
}

impl Validity {
    /// Valid if the property holds, else invalid.
    pub const fn of(holds: bool) -> Validity {
        if holds { Validity::Valid } else { Validity::Invalid }
    }

    /// The exit status of Maelstrom after a run with this verdict.
    pub const fn exit_status(self) -> u8 {
        match self {
            Validity::Valid => 0,
            Validity::Invalid => 1,
            Validity::Unknown => 2,
        }
    }

    /// The verdict of a Maelstrom run with this exit status. `None` if such a run has no results.
    pub fn of_exit_status(status: i32) -> Option<Validity> {
        let all = [Validity::Valid, Validity::Unknown, Validity::Invalid];
        all.into_iter().find(|validity| i32::from(validity.exit_status()) == status)
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Validity::Valid => "valid",
            Validity::Unknown => "unknown",
            Validity::Invalid => "invalid",
        })
    }
}
