//! Reading the `results.edn` that a run leaves.
//!
//! Strict on purpose: a key that is missing, of another type or out of range is an error that names it, never
//! a zero. Keys that nothing here needs may be missing or new.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{StableLatencies, Validity};
use crate::edn::{self, Value};
use crate::terminal::count;

/// The largest file that is read, in bytes. A challenge run's results take some 30 kB.
const MAX_BYTES: u64 = 64 << 20;

/// The figures of one run, as its checkers computed them.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// The verdict over all checkers.
    pub validity: Validity,
    /// The checkers that were not satisfied, with what they say.
    pub complaints: Vec<String>,
    /// Operations that clients invoked, reads and final reads included.
    pub operations: u64,
    /// Operations that failed for certain.
    pub fail_count: u64,
    /// Operations whose outcome is not known (a time-out, say).
    pub info_count: u64,
    /// The fraction of operations that succeeded.
    pub ok_fraction: Option<f64>,
    /// Messages between nodes for each operation: the figure that the challenges limit. Absent without
    /// operations.
    pub msgs_per_op: Option<f64>,
    /// All messages for each operation, those from and to clients included.
    pub msgs_per_op_all: Option<f64>,
    /// Values whose broadcast was attempted.
    pub attempt_count: u64,
    /// Values that became stable.
    pub stable_count: u64,
    /// Values that were acknowledged or read, and then gone.
    pub lost_count: u64,
    /// Values that no read ever showed.
    pub never_read_count: u64,
    /// How long values took to become stable. Absent if none did.
    pub stable: Option<StableLatencies>,
}

impl Figures {
    /// Why the run is not valid, in one sentence.
    pub(super) fn complaint(&self) -> String {
        let mut parts = Vec::new();
        if self.lost_count > 0 {
            parts.push(format!(
                "{} of {} lost",
                self.lost_count,
                count(self.attempt_count as usize, "value")
            ));
        }
        // Lost values are why the workload is invalid: one reason is enough.
        let is_new = |complaint: &&String| self.lost_count == 0 || *complaint != ":workload is invalid";
        parts.extend(self.complaints.iter().filter(is_new).cloned());
        if parts.is_empty() { "no checker says why".to_owned() } else { parts.join("; ") }
    }
}

/// Why a `results.edn` gives no figures.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is larger than any results are.
    #[error("{} is larger than {} MiB; no results.edn is", path.display(), MAX_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not UTF-8 text.
    #[error("{} is not a results.edn: it is not text (byte {at} is not UTF-8)", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The first byte that is wrong, from 0.
        at: usize,
    },
    /// The file is not EDN.
    #[error("{} is not well-formed EDN: {source}", path.display())]
    NotEdn {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: edn::ReadError,
    },
    /// The file is EDN but not the results of a broadcast run.
    #[error("{} does not hold the results of a broadcast run: {problem}", path.display())]
    NotResults {
        /// The file.
        path: PathBuf,
        /// What is missing or wrong.
        problem: String,
    },
}

/// Reads the figures from the file at `path`.
///
/// # Errors
/// If the file cannot be read, or is anything but the complete results of a broadcast run.
pub fn read(path: &Path) -> Result<Figures, ResultsError> {
    let io = |source| ResultsError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ResultsError::TooLarge { path: path.to_owned() });
    }
    let text = String::from_utf8(bytes).map_err(|error| ResultsError::NotText {
        path: path.to_owned(),
        at: error.utf8_error().valid_up_to(),
    })?;
    let results =
        edn::parse(&text).map_err(|source| ResultsError::NotEdn { path: path.to_owned(), source })?;
    figures(&results).map_err(|problem| ResultsError::NotResults { path: path.to_owned(), problem })
}

/// Takes the figures from parsed results.
fn figures(results: &Value) -> Result<Figures, String> {
    let Value::Map(_) = results else { return Err("it is not a map".to_owned()) };
    let validity = Field::of(results, &[":valid?"]).validity()?;
    let count = |path: &[&str]| Field::of(results, path).count();
    let ratio = |path: &[&str]| Field::of(results, path).optional(Field::ratio);
    // Without its verdict the workload's other figures would be those of something else.
    Field::of(results, &[":workload", ":valid?"]).validity()?;
    let figures = Figures {
        validity,
        complaints: complaints(results),
        operations: count(&[":stats", ":count"])?,
        fail_count: count(&[":stats", ":fail-count"])?,
        info_count: count(&[":stats", ":info-count"])?,
        ok_fraction: ratio(&[":availability", ":ok-fraction"])?,
        msgs_per_op: ratio(&[":net", ":servers", ":msgs-per-op"])?,
        msgs_per_op_all: ratio(&[":net", ":all", ":msgs-per-op"])?,
        attempt_count: count(&[":workload", ":attempt-count"])?,
        stable_count: count(&[":workload", ":stable-count"])?,
        lost_count: count(&[":workload", ":lost-count"])?,
        never_read_count: count(&[":workload", ":never-read-count"])?,
        stable: Field::of(results, &[":workload", ":stable-latencies"]).optional(Field::latencies)?,
    };
    // The figures that everything else rests on must agree with each other.
    if figures.stable.is_some() != (figures.stable_count > 0) {
        return Err(":stable-latencies and :stable-count in :workload contradict each other".to_owned());
    }
    if figures.operations > 0 && figures.msgs_per_op.is_none() {
        return Err(":net :servers has no :msgs-per-op although there were operations".to_owned());
    }
    Ok(figures)
}

/// A value and the path of keys that led to it, for messages.
struct Field<'a> {
    path: String,
    value: Option<&'a Value>,
}

impl<'a> Field<'a> {
    fn of(root: &'a Value, path: &[&str]) -> Field<'a> {
        Field { path: path.join(" "), value: root.at(path) }
    }

    fn wrong(&self, expected: &str) -> String {
        match self.value {
            None => format!("{} is missing", self.path),
            Some(value) => {
                let shown: String = value.to_string().chars().take(40).collect();
                format!("{} should be {expected}, not {shown}", self.path)
            }
        }
    }

    /// `read` if the field is there and not nil.
    fn optional<T>(self, read: impl FnOnce(Self) -> Result<T, String>) -> Result<Option<T>, String> {
        match self.value {
            None | Some(Value::Nil) => Ok(None),
            Some(_) => read(self).map(Some),
        }
    }

    fn validity(self) -> Result<Validity, String> {
        match self.value {
            Some(Value::Bool(true)) => Ok(Validity::Valid),
            Some(Value::Bool(false)) => Ok(Validity::Invalid),
            Some(Value::Keyword(key)) if key == "unknown" => Ok(Validity::Unknown),
            _ => Err(self.wrong("true, false or :unknown")),
        }
    }

    fn count(self) -> Result<u64, String> {
        self.value.and_then(whole).ok_or_else(|| self.wrong("a count"))
    }

    fn ratio(self) -> Result<f64, String> {
        // A 32-bit float in the file: reading its digits as a 64-bit one keeps what the user sees there.
        self.value
            .and_then(Value::as_float)
            .filter(|r| r.is_finite() && *r >= 0.0)
            .ok_or_else(|| self.wrong("a number of at least 0"))
    }

    fn latencies(self) -> Result<StableLatencies, String> {
        let quantile = |keys: [&str; 2]| {
            let value = self.value.and_then(|map| keys.iter().find_map(|&key| map.get(key)));
            let field = Field { path: format!("{} {}", self.path, keys[0]), value };
            field.count().map(Duration::from_millis)
        };
        let latencies = StableLatencies {
            p0: quantile(["0", "0.0"])?,
            p50: quantile(["0.5", "1/2"])?,
            p95: quantile(["0.95", "19/20"])?,
            p99: quantile(["0.99", "99/100"])?,
            max: quantile(["1", "1.0"])?,
        };
        let StableLatencies { p0, p50, p95, p99, max } = latencies;
        if [p0, p50, p95, p99, max].is_sorted() { Ok(latencies) } else { Err(self.wrong("in rising order")) }
    }
}

/// The number, if it is a whole one of at least 0.
fn whole(value: &Value) -> Option<u64> {
    value.as_int().and_then(|number| u64::try_from(number).ok())
}

/// The checkers at the top level that did not say `true`.
fn complaints(results: &Value) -> Vec<String> {
    let checkers = results.entries().unwrap_or_default().iter();
    let mut complaints: Vec<String> = checkers
        .filter_map(|(name, result)| {
            let verdict = match result.get(":valid?")? {
                Value::Bool(true) => return None,
                Value::Bool(false) => "invalid",
                _ => "unknown",
            };
            let detail = first_message(result).map(|text| format!(" ({text})")).unwrap_or_default();
            Some(format!("{name} is {verdict}{detail}"))
        })
        .collect();
    // Independent of the order in the file.
    complaints.sort_unstable();
    complaints
}

/// The first error message inside a checker's result, on one line and shortened.
fn first_message(value: &Value) -> Option<String> {
    const LONGEST: usize = 160;
    if let Some(Value::Str(text)) = value.get(":message").or_else(|| value.get(":error")) {
        return Some(text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect());
    }
    match value {
        Value::Map(entries) => entries.iter().find_map(|(_, inner)| first_message(inner)),
        Value::List(items) | Value::Vector(items) => items.iter().find_map(first_message),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Figures, String> {
        figures(&edn::parse(text).unwrap())
    }

    const COMPLETE: &str = "{:stats {:count 10 :fail-count 1 :info-count 0} :availability {:ok-fraction 0.9}
        :net {:all {:msgs-per-op 3.5} :servers {:msgs-per-op 1}}
        :workload {:valid? true :attempt-count 5 :stable-count 5 :lost-count 0 :never-read-count 0
                   :stable-latencies {0 0, 0.5 10, 0.95 20, 0.99 30, 1 40}}
        :valid? true}";

    #[test]
    fn complete_results_give_every_figure() {
        let figures = parse(COMPLETE).unwrap();
        assert_eq!(figures.validity, Validity::Valid);
        assert_eq!((figures.operations, figures.fail_count), (10, 1));
        assert_eq!((figures.msgs_per_op, figures.msgs_per_op_all), (Some(1.0), Some(3.5)));
        assert_eq!(figures.stable.unwrap().p95, Duration::from_millis(20));
    }

    #[test]
    fn a_missing_or_wrong_figure_is_named() {
        for (from, to, problem) in [
            ("        :valid? true}", "}", ":valid? is missing"),
            (":valid? true}", ":valid? :maybe}", ":valid? should be true, false or :unknown, not :maybe"),
            (":lost-count 0", "", ":workload :lost-count is missing"),
            (":lost-count 0", ":lost-count \"0\"", ":workload :lost-count should be a count, not \"0\""),
            (":count 10", ":count 9.6", ":stats :count should be a count, not 9.6"),
            (":count 10", ":count -1", ":stats :count should be a count, not -1"),
            (" 0.95 20,", "", ":workload :stable-latencies 0.95 is missing"),
            (
                "{:msgs-per-op 1}",
                "{:msgs-per-op -1.0}",
                ":net :servers :msgs-per-op should be a number of at least 0, not -1.0",
            ),
            ("{:msgs-per-op 1}", "{}", ":net :servers has no :msgs-per-op although there were operations"),
            (
                ":stable-count 5",
                ":stable-count 0",
                ":stable-latencies and :stable-count in :workload contradict each other",
            ),
        ] {
            assert!(COMPLETE.contains(from), "{from}");
            assert_eq!(parse(&COMPLETE.replace(from, to)).unwrap_err(), problem);
        }
        assert!(parse(&COMPLETE.replace("0.95 20", "0.95 50")).unwrap_err().contains("in rising order"));
        assert_eq!(parse("[1 2]").unwrap_err(), "it is not a map");
    }
}
