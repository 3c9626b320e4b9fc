//! What a run was made with, setting by setting: the one table for all who name settings, ask in which runs differ, or
//! say how to make such runs again.

use std::time::Duration;

use super::Row;
use crate::spec::settings::Settings;

/// One setting of a run.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The flag that sets it, without dashes.
    pub flag: &'static str,
    /// The flag's value for a run that was made.
    pub of_row: fn(&Row) -> String,
    /// The same for a run that is planned.
    pub planned: fn(&Settings) -> String,
    /// How a name shows a value.
    name: fn(&str) -> String,
}

impl Setting {
    /// Every setting, in the order in which a sweep varies them and names say them.
    pub const ALL: [Setting; 12] = [
        Setting {
            flag: "node-count",
            of_row: |row| row.node_count.to_string(),
            planned: |settings| settings.node_count.to_string(),
            name: |value| format!("{value} nodes"),
        },
        Setting {
            flag: "concurrency",
            of_row: |row| row.concurrency.clone(),
            planned: |settings| settings.concurrency.to_string(),
            name: |value| format!("{value} clients"),
        },
        Setting {
            flag: "rate",
            of_row: |row| row.rate.to_string(),
            planned: |settings| settings.rate.to_string(),
            name: |value| format!("{value} op/s"),
        },
        Setting {
            flag: "time-limit",
            of_row: |row| format!("{}s", row.time_limit_s),
            planned: |settings| seconds(settings.time_limit),
            name: spaced,
        },
        Setting {
            flag: "latency",
            of_row: |row| format!("{}ms", row.latency_ms),
            planned: |settings| format!("{}ms", settings.latency.mean.as_millis()),
            name: |value| format!("latency {}", spaced(value)),
        },
        Setting {
            flag: "latency-dist",
            of_row: |row| row.latency_dist.clone(),
            planned: |settings| settings.latency.distribution.to_string(),
            name: str::to_owned,
        },
        Setting {
            flag: "topology",
            of_row: |row| row.topology.clone(),
            planned: |settings| settings.topology.to_string(),
            name: str::to_owned,
        },
        Setting {
            flag: "nemesis",
            of_row: |row| row.nemesis.clone(),
            planned: |settings| settings.nemesis.faults.cell(),
            name: |value| if value == "none" { "no faults" } else { value }.to_owned(),
        },
        Setting {
            flag: "nemesis-interval",
            of_row: |row| format!("{}s", row.nemesis_interval_s),
            planned: |settings| seconds(settings.nemesis.interval),
            name: |value| format!("faults every {}", spaced(value)),
        },
        Setting {
            flag: "availability",
            of_row: |row| row.availability.clone(),
            planned: |settings| settings.availability.map(|one| one.to_string()).unwrap_or_default(),
            name: |value| {
                if value.is_empty() { "any availability".to_owned() } else { format!("availability {value}") }
            },
        },
        Setting {
            flag: "loss",
            of_row: |row| row.message_loss.to_string(),
            planned: |settings| settings.message_faults.loss.to_string(),
            name: |value| format!("loss {value}"),
        },
        Setting {
            flag: "duplication",
            of_row: |row| row.message_duplication.to_string(),
            planned: |settings| settings.message_faults.duplication.to_string(),
            name: |value| format!("duplication {value}"),
        },
    ];

    /// What a name says of a run that was made.
    pub fn name_of(&self, row: &Row) -> String {
        (self.name)(&(self.of_row)(row))
    }

    /// What a name says of a run that is planned.
    pub fn name_planned(&self, settings: &Settings) -> String {
        (self.name)(&(self.planned)(settings))
    }
}

fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

/// A number apart from its unit.
fn spaced(value: &str) -> String {
    let number = value.trim_end_matches(char::is_alphabetic);
    format!("{number} {}", &value[number.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::row::tests::example;

    #[test]
    fn the_default_settings_are_those_of_their_runs() {
        for setting in Setting::ALL {
            assert_eq!(
                (setting.of_row)(&example(50, 1)),
                (setting.planned)(&Settings::default()),
                "{}",
                setting.flag
            );
        }
    }

    #[test]
    fn names_are_for_people() {
        let names: Vec<String> =
            Setting::ALL.iter().map(|setting| setting.name_of(&example(50, 1))).collect();
        let said = "25 nodes, 1n clients, 100 op/s, 20 s, latency 100 ms, constant, grid, no faults, faults every 10 s, \
                    any availability, loss 0, duplication 0";
        assert_eq!(names.join(", "), said);
    }
}
