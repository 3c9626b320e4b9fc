//! The command line that measures again what rows say.

use std::time::Duration;

use crate::outcome::Row;
use crate::settings::Settings;

/// The flags of `bench-cli sweep` that make a run like `row`, less timeouts and repetitions. The arguments
/// of a node that is not this repository's are left to the user, since they hold the batch timeout.
pub fn flags(row: &Row) -> Vec<String> {
    let default = Settings::default();
    let mut flags: Vec<String> = vec!["--engine".to_owned(), row.engine.clone()];
    let mut set = |flag: &str, value: String| flags.extend([flag.to_owned(), value]);
    if row.strategy.is_empty() {
        set("--bin", row.node_bin.clone());
    } else {
        set("--strategy", row.strategy.clone());
    }
    let seconds = |duration: Duration| duration.as_secs_f64();
    let differing = [
        ("--node-count", row.node_count.to_string(), row.node_count != default.node_count),
        ("--concurrency", row.concurrency.clone(), row.concurrency != default.concurrency.to_string()),
        ("--rate", row.rate.to_string(), row.rate != default.rate),
        ("--time-limit", format!("{}s", row.time_limit_s), row.time_limit_s != seconds(default.time_limit)),
        (
            "--latency",
            format!("{}ms", row.latency_ms),
            u128::from(row.latency_ms) != default.latency.mean.as_millis(),
        ),
        (
            "--latency-dist",
            row.latency_dist.clone(),
            row.latency_dist != default.latency.distribution.to_string(),
        ),
        ("--topology", row.topology.clone(), row.topology != default.topology.to_string()),
        ("--nemesis", row.nemesis.clone(), row.nemesis != "none"),
        (
            "--nemesis-interval",
            format!("{}s", row.nemesis_interval_s),
            row.nemesis_interval_s != seconds(default.nemesis.interval),
        ),
        ("--loss", row.message_loss.to_string(), row.message_loss != 0.0),
        ("--duplication", row.message_duplication.to_string(), row.message_duplication != 0.0),
        ("--availability", row.availability.clone(), !row.availability.is_empty()),
    ];
    for (flag, value, differs) in differing {
        if differs {
            set(flag, value);
        }
    }
    flags
}

/// The whole command that measures runs like `row` at these timeouts, as one would type it.
pub fn sweep(row: &Row, timeouts_ms: &[u64], repetitions: usize) -> String {
    let mut words = vec!["bench-cli".to_owned(), "sweep".to_owned()];
    words.extend(flags(row));
    let timeouts: Vec<String> = timeouts_ms.iter().map(u64::to_string).collect();
    words.extend(["--batch-timeouts".to_owned(), timeouts.join(",")]);
    words.extend(["--repetitions".to_owned(), repetitions.to_string()]);
    let command = typed(&words);
    match row.strategy.as_str() {
        "" => format!("{command} --node-args …"),
        _ => command,
    }
}

/// Words as one would type them into a shell.
pub fn typed(words: &[String]) -> String {
    // Lists stay readable: a comma needs no quotes.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,/=:+".contains(c);
    let quoted = |word: &String| match shlex::try_quote(word) {
        Ok(quoted) if !word.chars().all(plain) => quoted.into_owned(),
        _ => word.clone(),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::row::tests::example;

    #[test]
    fn only_what_differs_from_the_challenge_is_said() {
        assert_eq!(
            sweep(&example(50, 1), &[400, 450], 5),
            "bench-cli sweep --engine embedded --strategy hub --batch-timeouts 400,450 --repetitions 5"
        );
        let other = Row {
            strategy: String::new(),
            node_bin: "my nodes/a.py".to_owned(),
            latency_ms: 10,
            nemesis: "partition".to_owned(),
            ..example(50, 1)
        };
        assert_eq!(
            sweep(&other, &[50], 3),
            "bench-cli sweep --engine embedded --bin 'my nodes/a.py' --latency 10ms --nemesis partition \
             --batch-timeouts 50 --repetitions 3 --node-args …"
        );
    }
}
