//! Thresholds that fail a sweep, such as `msgs_per_op > 2`: a column of the CSV, a comparison and a value.
//!
//! A threshold is about the median of each point: of the usable runs of one series with one batch timeout.
//! With `every:` in front it is about every run on its own, failed ones included, as far as they have the
//! column.

use std::fmt;
use std::str::FromStr;

use super::Series;
use crate::record::RunRecord;
use crate::record::columns::{self, Cell, Column};
use crate::stats::median::Spread;

/// A threshold. A sweep in which its condition holds anywhere fails.
#[derive(Clone)]
pub struct Threshold {
    scope: Scope,
    column: &'static Column,
    comparison: Comparison,
    value: Value,
}

/// Whether a point's median or every run is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// The median of each point.
    Medians,
    /// Each run.
    EveryRun,
}

/// The prefix of [`Scope::EveryRun`].
const EVERY_RUN: &str = "every:";

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(f64),
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    GreaterOrEqual,
    LessOrEqual,
    Equal,
    Unequal,
    Greater,
    Less,
}

impl Comparison {
    /// Every comparison. Longer signs come first, so that `>` does not match the beginning of `>=`.
    const ALL: [(Comparison, &str); 6] = [
        (Comparison::GreaterOrEqual, ">="),
        (Comparison::LessOrEqual, "<="),
        (Comparison::Equal, "=="),
        (Comparison::Unequal, "!="),
        (Comparison::Greater, ">"),
        (Comparison::Less, "<"),
    ];

    fn holds<T: PartialOrd + ?Sized>(self, one: &T, other: &T) -> bool {
        match self {
            Comparison::GreaterOrEqual => one >= other,
            Comparison::LessOrEqual => one <= other,
            Comparison::Equal => one == other,
            Comparison::Unequal => one != other,
            Comparison::Greater => one > other,
            Comparison::Less => one < other,
        }
    }
}

/// Where a threshold is crossed, in words.
pub type Crossing = String;

impl Threshold {
    /// Everywhere the threshold is crossed. A threshold on a column that no run has is crossed, too: nothing
    /// shows that it holds.
    pub fn crossings(&self, records: &[RunRecord]) -> Vec<Crossing> {
        let mut values = 0;
        let mut crossings = Vec::new();
        for series in Series::group(records) {
            for (name, value) in self.values(&series) {
                values += 1;
                if self.holds(&value) {
                    crossings.push(format!("{name}: {} is {}", self.column.name, shown(&value)));
                }
            }
        }
        if values == 0 {
            crossings.push(format!("no run has a value of {}", self.column.name));
        }
        crossings
    }

    /// What is compared in a series, with the name of each.
    fn values(&self, series: &Series<'_>) -> Vec<(String, Value)> {
        let name = |record: &RunRecord| format!("{}, {}", series.name, series.axis.label(&record.run));
        let value = |record: &RunRecord| match self.column.cell(record) {
            Cell::Empty => None,
            Cell::Count(count) => Some(Value::Number(count as f64)),
            Cell::Number(number) => Some(Value::Number(number)),
            Cell::Flag(flag) => Some(Value::Text(flag.to_string())),
            Cell::Text(text) => Some(Value::Text(text)),
        };
        if self.scope == Scope::EveryRun {
            let run = |record: &&RunRecord| format!("{}, repetition {}", name(record), record.run.repetition);
            return series.records.iter().filter_map(|record| Some((run(record), value(record)?))).collect();
        }
        let x = |record: &RunRecord| series.x(record).and_then(crate::spec::value::Number::new);
        let mut sorted: Vec<&RunRecord> = series.records.clone();
        sorted.sort_by_key(|record| x(record));
        let points = sorted.chunk_by(|one, other| x(one) == x(other));
        let median = |point: &[&RunRecord]| {
            let usable = point.iter().filter(|record| record.is_ok());
            let numbers = usable.filter_map(|record| match value(record) {
                Some(Value::Number(number)) => Some(number),
                _ => None,
            });
            let median = Spread::of(numbers)?.median;
            Some((format!("{}, median", name(point.first()?)), Value::Number(median)))
        };
        points.filter_map(median).collect()
    }

    fn holds(&self, value: &Value) -> bool {
        match (value, &self.value) {
            (Value::Number(one), Value::Number(other)) => self.comparison.holds(one, other),
            (Value::Text(one), Value::Text(other)) => self.comparison.holds(one.as_str(), other.as_str()),
            // Of a column with numbers, some runs may have a text, and the other way round.
            _ => self.comparison == Comparison::Unequal,
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Threshold, String> {
        let example = "a threshold is COLUMN COMPARISON VALUE, such as 'msgs_per_op > 2'";
        let (scope, rest) = match text.trim().strip_prefix(EVERY_RUN) {
            Some(rest) => (Scope::EveryRun, rest),
            None => (Scope::Medians, text.trim()),
        };
        let at = rest
            .find(['<', '>', '=', '!'])
            .ok_or_else(|| format!("{example}; {text:?} has no comparison"))?;
        let (name, rest) = (rest[..at].trim(), &rest[at..]);
        let (comparison, value) = Comparison::ALL
            .into_iter()
            .find_map(|(comparison, sign)| Some((comparison, rest.strip_prefix(sign)?.trim())))
            .ok_or_else(|| format!("{example}; comparisons are > >= < <= == !="))?;
        let column = columns::all().iter().find(|column| column.name == name).ok_or_else(|| {
            let names: Vec<&str> = columns::all().iter().map(|column| column.name).collect();
            format!("{name:?} is not a column of sweep.csv; columns are {}", names.join(", "))
        })?;
        let value = match value.parse::<f64>() {
            Ok(number) if number.is_finite() && column.is_number() => Value::Number(number),
            _ if column.is_number() => {
                return Err(format!("{value:?} is not a number, which {name} is compared with; {example}"));
            }
            _ if scope == Scope::Medians => {
                return Err(format!(
                    "{name} has no median; compare every run: '{EVERY_RUN}{name} != {value}'"
                ));
            }
            _ => Value::Text(value.to_owned()),
        };
        Ok(Threshold { scope, column, comparison, value })
    }
}

/// The threshold as it is parsed.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = if self.scope == Scope::EveryRun { EVERY_RUN } else { "" };
        let sign =
            Comparison::ALL.into_iter().find(|(one, _)| *one == self.comparison).map_or("", |(_, sign)| sign);
        write!(f, "{scope}{} {sign} {}", self.column.name, shown(&self.value))
    }
}

impl fmt::Debug for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threshold({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::failed;
    use crate::record::Status;
    use crate::record::tests::example;

    fn parsed(text: &str) -> Threshold {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// A run with this many messages per operation.
    fn run(timeout: u64, repetition: u32, msgs_per_op: f64) -> RunRecord {
        example(timeout, repetition).with(|record| {
            if let Some(figures) = &mut record.measured.figures {
                figures.msgs_per_op = Some(msgs_per_op);
            }
        })
    }

    #[test]
    fn thresholds_are_read_and_shown() {
        for (text, shown) in [
            ("msgs_per_op > 2", "msgs_per_op > 2"),
            ("msgs_per_op>=2.5", "msgs_per_op >= 2.5"),
            (" every: stable_max_ms  <=600 ", "every:stable_max_ms <= 600"),
            ("every:status != ok", "every:status != ok"),
            ("fail_count != 0", "fail_count != 0"),
        ] {
            assert_eq!(parsed(text).to_string(), shown);
        }
        for (text, problem) in [
            ("msgs_per_op", "no comparison"),
            ("msgs > 2", "\"msgs\" is not a column of sweep.csv; columns are engine, strategy"),
            ("msgs_per_op > two", "\"two\" is not a number"),
            ("msgs_per_op > NaN", "\"NaN\" is not a number"),
            ("msgs_per_op = 2", "comparisons are"),
            ("status != ok", "compare every run: 'every:status != ok'"),
            ("", "no comparison"),
        ] {
            let error = text.parse::<Threshold>().expect_err(text);
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn medians_of_points_are_compared_unless_every_run_is() {
        let records = [run(50, 1, 1.0), run(50, 2, 3.0), run(50, 3, 1.5), run(100, 1, 2.5)];
        let crossings = parsed("msgs_per_op > 2").crossings(&records);
        assert_eq!(crossings.len(), 1, "{crossings:?}");
        assert!(crossings[0].ends_with("100 ms, median: msgs_per_op is 2.5"), "{crossings:?}");
        let crossings = parsed("every:msgs_per_op > 2").crossings(&records);
        assert_eq!(crossings.len(), 2, "{crossings:?}");
        assert!(crossings[0].ends_with("50 ms, repetition 2: msgs_per_op is 3"), "{crossings:?}");
        assert!(parsed("msgs_per_op > 2.5").crossings(&records).is_empty());
        assert_eq!(parsed("msgs_per_op >= 2.5").crossings(&records).len(), 1);
    }

    #[test]
    fn failed_runs_count_only_among_every_run() {
        let records = [run(50, 1, 1.0), failed(50, 2, Status::Crashed)];
        assert!(parsed("msgs_per_op > 2").crossings(&records).is_empty());
        let crossings = parsed("every:status != ok").crossings(&records);
        assert!(crossings.len() == 1 && crossings[0].ends_with("status is crashed"), "{crossings:?}");
    }

    #[test]
    fn a_column_without_values_does_not_pass() {
        let records = [failed(50, 1, Status::Crashed)];
        assert_eq!(parsed("msgs_per_op > 2").crossings(&records), ["no run has a value of msgs_per_op"]);
    }
}
