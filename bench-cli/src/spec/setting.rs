//! The table of settings: each of Maelstrom's options that a sweep can vary, defined once.
//!
//! The flags, the keys of `sweep.toml`, the CSV's columns and the names of series all come from here. A new
//! setting is a field of [`Settings`] and an entry of [`Setting::ALL`]; nothing else has to know of it.

use std::time::Duration;

use super::durations::{DefaultUnit, parse_duration};
use super::list;
use super::settings::{
    Availability, InvalidSetting, LatencyDistribution, Nemesis, Noise, Settings, Topology,
};
use super::value::Value;

/// One setting of a run.
#[derive(Debug)]
pub struct Setting {
    /// Its name in `sweep.toml`; with dashes, its flag.
    pub name: &'static str,
    /// Its column in the CSV.
    pub column: &'static str,
    /// The column's unit.
    pub unit: &'static str,
    /// What the column means.
    pub meaning: &'static str,
    /// What kind of value it has, and so how lists of it are written.
    pub kind: Kind,
    /// The value for which the CSV has an empty field.
    pub left_empty: Option<&'static str>,
    /// The placeholder in its flag's help.
    pub value_name: &'static str,
    /// Its flag's help.
    pub help: &'static str,
    /// The value in a run's settings.
    pub get: fn(&Settings) -> Value,
    /// Sets it to a value, unless that is out of range or of another kind.
    set: fn(&mut Settings, &Value) -> Result<(), &'static str>,
    /// A value as the name of a series shows it.
    label: fn(&str) -> String,
}

/// How a setting's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Count,
    /// A number.
    Number,
    /// A duration; without a unit it is in milliseconds.
    Milliseconds,
    /// A duration; without a unit it is in seconds, as for Maelstrom.
    Seconds,
    /// A word.
    Word,
    /// A set of words with `+` or commas between. So a list of settings has one value of it.
    Set,
}

const NOT_ITS_KIND: &str = "it is not a value of this setting";

impl Setting {
    /// Every setting, in the order in which a sweep varies them and names say them.
    pub const ALL: &[Setting] = &[
        Setting {
            name: "node_count",
            column: "node_count",
            unit: "number",
            meaning: "Number of nodes.",
            kind: Kind::Count,
            left_empty: None,
            value_name: "N",
            help: "Number of nodes",
            get: |settings| Value::count(settings.node_count),
            set: |settings, value| {
                let count = value.as_count().filter(|&count| count > 0);
                settings.node_count = count.ok_or("give a whole number of at least 1")?;
                Ok(())
            },
            label: |text| format!("{text} nodes"),
        },
        Setting {
            name: "concurrency",
            column: "concurrency",
            unit: "text",
            meaning: "Number of clients, or `2n` for two per node.",
            kind: Kind::Word,
            left_empty: None,
            value_name: "N",
            help: "Number of clients, or clients per node (2n)",
            get: |settings| Value::word(settings.concurrency),
            set: |settings, value| {
                settings.concurrency =
                    named(value, "give a number of clients such as 10, or 2n for two per node")?;
                Ok(())
            },
            label: |text| format!("{text} clients"),
        },
        Setting {
            name: "rate",
            column: "rate",
            unit: "1/s",
            meaning: "Requested operations per second.",
            kind: Kind::Number,
            left_empty: None,
            value_name: "RATE",
            help: "Operations per second over all clients",
            get: |settings| Value::number(settings.rate),
            set: |settings, value| {
                let rate = value.as_number().filter(|&rate| rate >= 0.0);
                settings.rate =
                    rate.ok_or("give operations per second as a number of at least 0, such as 100")?;
                Ok(())
            },
            label: |text| format!("{text} op/s"),
        },
        Setting {
            name: "time_limit",
            column: "time_limit_s",
            unit: "s",
            meaning: "How long clients sent operations.",
            kind: Kind::Seconds,
            left_empty: None,
            value_name: "TIME",
            help: "How long clients send operations, in whole seconds",
            get: |settings| Value::Duration(settings.time_limit),
            set: |settings, value| {
                let limit = positive(value)?;
                if limit.subsec_nanos() != 0 {
                    return Err("Maelstrom takes whole seconds only, such as 20s");
                }
                settings.time_limit = limit;
                Ok(())
            },
            label: spaced,
        },
        Setting {
            name: "latency",
            column: "latency_ms",
            unit: "ms",
            meaning: "The mean latency between nodes.",
            kind: Kind::Milliseconds,
            left_empty: None,
            value_name: "TIME",
            help: "Mean latency from one node to another",
            get: |settings| Value::Duration(settings.latency.mean),
            set: |settings, value| {
                settings.latency.mean = value.as_duration().ok_or(NOT_ITS_KIND)?;
                Ok(())
            },
            label: |text| format!("latency {}", spaced(text)),
        },
        Setting {
            name: "latency_dist",
            column: "latency_dist",
            unit: "text",
            meaning: "The latency's distribution.",
            kind: Kind::Word,
            left_empty: None,
            value_name: "NAME",
            help: "Distribution of the latency: constant, uniform or exponential",
            get: |settings| Value::word(settings.latency.distribution),
            set: |settings, value| {
                settings.latency.distribution =
                    named::<LatencyDistribution>(value, "choose one of constant, uniform, exponential")?;
                Ok(())
            },
            label: str::to_owned,
        },
        Setting {
            name: "topology",
            column: "topology",
            unit: "text",
            meaning: "The topology that was sent to the nodes.",
            kind: Kind::Word,
            left_empty: None,
            value_name: "NAME",
            help: "Neighbours that nodes are told of: grid, line, tree, tree2, tree3, tree4 or total",
            get: |settings| Value::word(settings.topology),
            set: |settings, value| {
                settings.topology =
                    named::<Topology>(value, "choose one of grid, line, tree, tree2, tree3, tree4, total")?;
                Ok(())
            },
            label: str::to_owned,
        },
        Setting {
            name: "nemesis",
            column: "nemesis",
            unit: "text",
            meaning: "`none`, or the kinds of fault with `+` between: `partition`, `kill`, `pause`.",
            kind: Kind::Set,
            left_empty: None,
            value_name: "FAULTS",
            help: "Faults to inject: any of partition, kill and pause with commas between, or none; Maelstrom v0.2.4 has \
                   only partition",
            get: |settings| Value::word(settings.nemesis.faults.cell()),
            set: |settings, value| {
                let faults = value.as_word().and_then(|word| word.parse().ok());
                settings.nemesis.faults = faults.ok_or("choose from partition, kill and pause, or none")?;
                Ok(())
            },
            label: |text| if text == "none" { "no faults" } else { text }.to_owned(),
        },
        Setting {
            name: "nemesis_interval",
            column: "nemesis_interval_s",
            unit: "s",
            meaning: "Mean time between fault operations.",
            kind: Kind::Seconds,
            left_empty: None,
            value_name: "TIME",
            help: "Mean time between fault operations",
            get: |settings| Value::Duration(settings.nemesis.interval),
            set: |settings, value| {
                settings.nemesis = Nemesis { interval: positive(value)?, ..settings.nemesis };
                Ok(())
            },
            label: |text| format!("faults every {}", spaced(text)),
        },
        Setting {
            name: "availability",
            column: "availability",
            unit: "text",
            meaning: "Required availability; empty if none.",
            kind: Kind::Word,
            left_empty: Some("none"),
            value_name: "FRACTION",
            help: "Fraction of requests that must succeed: 0 to 1, total, or none",
            get: |settings| {
                Value::Word(settings.availability.map_or_else(|| "none".to_owned(), |one| one.to_string()))
            },
            set: |settings, value| {
                settings.availability = match value.as_word() {
                    Some("none" | "") => None,
                    _ => Some(named::<Availability>(value, "give total, none, or a number between 0 and 1")?),
                };
                Ok(())
            },
            label: |text| {
                if text == "none" { "any availability".to_owned() } else { format!("availability {text}") }
            },
        },
        Setting {
            name: "loss",
            column: "message_loss",
            unit: "ratio",
            meaning: "The fraction of messages between nodes that were lost at random.",
            kind: Kind::Number,
            left_empty: None,
            value_name: "FRACTION",
            help: "Fraction of messages between nodes that get lost (simulated engine only)",
            get: |settings| Value::number(settings.message_faults.loss),
            set: |settings, value| {
                settings.message_faults.loss = fraction(value)?;
                Ok(())
            },
            label: |text| format!("loss {text}"),
        },
        Setting {
            name: "duplication",
            column: "message_duplication",
            unit: "ratio",
            meaning: "The fraction of messages between nodes that arrived twice.",
            kind: Kind::Number,
            left_empty: None,
            value_name: "FRACTION",
            help: "Fraction of messages between nodes that arrive twice (simulated engine only)",
            get: |settings| Value::number(settings.message_faults.duplication),
            set: |settings, value| {
                settings.message_faults.duplication = fraction(value)?;
                Ok(())
            },
            label: |text| format!("duplication {text}"),
        },
        Setting {
            name: "noise",
            column: "noise",
            unit: "text",
            meaning: "`busy` if the simulated machine had other work on each core; else empty.",
            kind: Kind::Word,
            left_empty: Some("idle"),
            value_name: "NAME",
            help: "Machine that runs are simulated on: idle, or busy with other programs (simulated engine only)",
            get: |settings| Value::word(settings.noise),
            set: |settings, value| {
                settings.noise = named::<Noise>(value, "choose idle or busy")?;
                Ok(())
            },
            label: |text| format!("{text} machine"),
        },
    ];

    /// The setting of this name.
    pub fn named(name: &str) -> Option<&'static Setting> {
        Setting::ALL.iter().find(|setting| setting.name == name)
    }

    /// Its flag, without the dashes in front.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// A value as it is typed.
    pub fn text(&self, value: &Value) -> String {
        match (value, self.kind) {
            (Value::Duration(duration), Kind::Seconds) => format!("{}s", duration.as_secs_f64()),
            (Value::Duration(duration), _) => format!("{}ms", duration.as_millis()),
            (Value::Number(number), _) => number.to_string(),
            (Value::Word(word), _) => word.clone(),
        }
    }

    /// The value in some settings, as it is typed.
    pub fn text_of(&self, settings: &Settings) -> String {
        self.text(&(self.get)(settings))
    }

    /// Its form in the name of a series.
    pub fn label_of(&self, settings: &Settings) -> String {
        (self.label)(&self.text_of(settings))
    }

    /// Reads a list of values: `5,25`, and for numbers and durations ranges, too: `5..=25:5`.
    ///
    /// # Errors
    /// If a part cannot be read or is out of range.
    pub fn parse_list(&self, text: &str) -> Result<Vec<Value>, InvalidSetting> {
        let values: Vec<Value> = match self.kind {
            Kind::Word => text.split(',').map(|word| Value::word(word.trim())).collect(),
            Kind::Set => vec![Value::word(text.replace(',', "+"))],
            Kind::Count | Kind::Number => list::numbers(text)
                .map_err(|error| InvalidSetting(error.to_string()))?
                .iter()
                .map(|number| number.parse().map_or_else(|()| Value::word(number), Value::Number))
                .collect(),
            Kind::Milliseconds | Kind::Seconds => {
                let list = list::durations(text, self.default_unit())
                    .map_err(|error| InvalidSetting(error.to_string()))?;
                list.into_iter().map(Value::Duration).collect()
            }
        };
        let mut probe = Settings::default();
        values.iter().try_for_each(|value| self.apply(&mut probe, value))?;
        // As the typed value shows it, so that `1.0` and `1` are one value.
        Ok(values)
    }

    /// Reads one value as the CSV has it.
    ///
    /// # Errors
    /// If it is not a value of this setting.
    pub fn apply_cell(&self, settings: &mut Settings, cell: &str) -> Result<(), InvalidSetting> {
        let value = match self.kind {
            Kind::Word | Kind::Set => Value::word(cell),
            Kind::Count | Kind::Number => cell.parse().map_or_else(|()| Value::word(cell), Value::Number),
            Kind::Milliseconds | Kind::Seconds => {
                let duration = parse_duration(cell, self.default_unit());
                Value::Duration(duration.map_err(|error| InvalidSetting(error.to_string()))?)
            }
        };
        self.apply(settings, &value)
    }

    /// Whether its values are whole numbers.
    pub fn is_count(&self) -> bool {
        self.kind == Kind::Count
    }

    /// Whether its column is in seconds.
    pub fn is_in_seconds(&self) -> bool {
        self.kind == Kind::Seconds
    }

    /// Sets it to a value.
    ///
    /// # Errors
    /// If the value is out of range or of another kind.
    pub fn apply(&self, settings: &mut Settings, value: &Value) -> Result<(), InvalidSetting> {
        (self.set)(settings, value).map_err(|problem| {
            InvalidSetting(format!("{:?} is not a valid {}; {problem}", self.text(value), self.flag()))
        })
    }

    const fn default_unit(&self) -> DefaultUnit {
        match self.kind {
            Kind::Seconds => DefaultUnit::Seconds,
            _ => DefaultUnit::Milliseconds,
        }
    }
}

fn named<T: std::str::FromStr>(value: &Value, remedy: &'static str) -> Result<T, &'static str> {
    value.as_word().and_then(|word| word.parse().ok()).ok_or(remedy)
}

fn positive(value: &Value) -> Result<Duration, &'static str> {
    let duration = value.as_duration().ok_or(NOT_ITS_KIND)?;
    if duration.is_zero() { Err("it must be more than 0") } else { Ok(duration) }
}

fn fraction(value: &Value) -> Result<f64, &'static str> {
    let fraction = value.as_number().filter(|fraction| (0.0..1.0).contains(fraction));
    fraction.ok_or("give a fraction of at least 0 and less than 1, such as 0.05")
}

/// A number apart from its unit.
fn spaced(text: &str) -> String {
    let number = text.trim_end_matches(char::is_alphabetic);
    format!("{number} {}", &text[number.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_for_people() {
        let settings = Settings::default();
        let names: Vec<String> = Setting::ALL.iter().map(|setting| setting.label_of(&settings)).collect();
        let said = "25 nodes, 1n clients, 100 op/s, 20 s, latency 100 ms, constant, grid, no faults, faults every 10 s, \
                    any availability, loss 0, duplication 0, idle machine";
        assert_eq!(names.join(", "), said);
    }

    #[test]
    fn typed_values_read_back() {
        for setting in Setting::ALL {
            let text = setting.text_of(&Settings::default());
            let values = setting.parse_list(&text).unwrap();
            assert_eq!(values, [(setting.get)(&Settings::default())], "{}", setting.name);
        }
    }

    #[test]
    fn values_out_of_range_are_refused_with_the_right_form() {
        for (name, text, hint) in [
            ("node_count", "0", "at least 1"),
            ("rate", "-1", "at least 0"),
            ("rate", "inf", "at least 0"),
            ("time_limit", "1500ms", "whole seconds only"),
            ("time_limit", "0", "more than 0"),
            ("topology", "ring", "choose one of grid"),
            ("nemesis", "flood", "partition, kill and pause"),
            ("loss", "1", "less than 1"),
            ("concurrency", "n", "2n for two per node"),
            ("availability", "2", "between 0 and 1"),
        ] {
            let error = Setting::named(name).unwrap().parse_list(text).unwrap_err().to_string();
            assert!(error.contains(hint), "{name} {text}: {error}");
        }
    }
}
