//! The log of a run: everything goes to `jepsen.log`, the important lines also to the terminal.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::harness::history::{Event, History};
use crate::harness::history_file;

/// What the terminal shows in addition to phases and warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verbosity {
    /// Lines that nodes write to stderr.
    pub stderr: bool,
    /// Messages as they are sent.
    pub sends: bool,
    /// Messages as they are received.
    pub receives: bool,
}

/// How many warnings of one run the terminal shows; the log has them all.
const WARNINGS_SHOWN: usize = 20;

/// How many values of a read the log shows; `history.txt` has them all. Values are most of a run's output,
/// and the runner writes the log while it measures.
const VALUES_SHOWN: usize = 100;

/// The log of one run.
pub(super) struct Log {
    file: BufWriter<File>,
    pub(super) verbosity: Verbosity,
    clock: WallClock,
    warnings: usize,
    last_warning: Option<String>,
    /// Whether the terminal shows lines.
    is_shown: bool,
}

impl Log {
    pub(super) fn create(path: &Path, verbosity: Verbosity) -> io::Result<Log> {
        Ok(Log {
            file: BufWriter::new(File::create(path)?),
            verbosity,
            clock: WallClock::default(),
            warnings: 0,
            last_warning: None,
            is_shown: true,
        })
    }

    /// A log of which the terminal shows nothing.
    pub(super) fn create_hidden(path: &Path) -> io::Result<Log> {
        Ok(Log { is_shown: false, ..Log::create(path, Verbosity::default())? })
    }

    /// The last warning, if there was one.
    pub(super) fn last_warning(&self) -> Option<&str> {
        self.last_warning.as_deref()
    }

    /// Writes a line to the log and the terminal.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        self.shown("INFO", text)
    }

    /// Writes a line to the log only.
    pub(super) fn quiet_line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.file, "INFO [{}] {text}", self.clock.now())
    }

    /// Writes an event of the history to the log only.
    pub(super) fn event(&mut self, history: &History, event: &Event) -> io::Result<()> {
        write!(self.file, "INFO [{}] ", self.clock.now())?;
        history_file::write_event(history, event, VALUES_SHOWN, &mut self.file)?;
        writeln!(self.file)
    }

    /// Writes a warning to the log. The terminal shows the first [`WARNINGS_SHOWN`].
    pub(super) fn warn(&mut self, text: &str) -> io::Result<()> {
        self.warnings += 1;
        self.last_warning = Some(text.to_owned());
        match self.warnings {
            ..=WARNINGS_SHOWN => self.shown("WARN", text),
            _ => {
                if self.is_shown && self.warnings == WARNINGS_SHOWN + 1 {
                    println!("WARN further warnings are only in jepsen.log");
                }
                writeln!(self.file, "WARN [{}] {text}", self.clock.now())
            }
        }
    }

    fn shown(&mut self, level: &str, text: &str) -> io::Result<()> {
        let line = format!("{level} [{}] {text}", self.clock.now());
        if self.is_shown {
            println!("{line}");
        }
        writeln!(self.file, "{line}")
    }
}

/// The local time of day as text.
///
/// It formats each second once, because a run has many events per second. Looking up the time zone and
/// formatting the date for each was 7 % of the runner's processor time in sparse runs.
#[derive(Default)]
struct WallClock {
    second: i64,
    /// The date and the time of `second`, without its fraction.
    text: String,
}

impl WallClock {
    fn now(&mut self) -> String {
        self.at(Timestamp::now(), TimeZone::system)
    }

    fn at(&mut self, now: Timestamp, zone: impl FnOnce() -> TimeZone) -> String {
        if self.text.is_empty() || now.as_second() != self.second {
            self.second = now.as_second();
            self.text = now.to_zoned_datetime(zone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        }
        format!("{},{:03}", self.text, now.subsec_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::offset;

    use super::*;

    #[test]
    fn times_are_local_and_have_milliseconds() {
        let mut clock = WallClock::default();
        let mut at = |millisecond| {
            let now = Timestamp::from_millisecond(millisecond).unwrap();
            clock.at(now, || TimeZone::fixed(offset(2)))
        };
        assert_eq!(at(0), "1970-01-01 02:00:00,000");
        assert_eq!(at(999), "1970-01-01 02:00:00,999");
        assert_eq!(at(1_001), "1970-01-01 02:00:01,001");
        assert_eq!(at(86_400_000), "1970-01-02 02:00:00,000");
    }
}
