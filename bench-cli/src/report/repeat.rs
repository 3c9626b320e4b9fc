//! The command line that runs a sweep again, from its rows alone: each row holds every setting of its run, so a sweep
//! can be repeated by whoever has the CSV.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use super::distinct;
use crate::record::{Row, Setting};
use crate::spec::settings::Settings;
use crate::spec::template::Template;

/// How to repeat a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// The command, quoted as for a shell.
    pub command: String,
    /// What the command does not say, a sentence each; empty if it repeats the sweep exactly.
    pub caveats: Vec<&'static str>,
}

/// The command that measures `rows` again, or `None` if there are none.
pub fn command(rows: &[Row]) -> Option<Repeat> {
    let rows = planned_order(rows);
    let (mut words, mut caveats) = node(&rows)?;
    let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    flag("batch-timeouts", list(&rows, |row| row.batch_timeout_ms.to_string()));
    flag("repetitions", rows.iter().map(|row| row.repetition).max().unwrap_or(1).to_string());
    let grid = Grid::of(&rows);
    match seed(&rows, &grid) {
        Seed::None => {}
        Seed::First(seed) => flag("seed", seed.to_string()),
        Seed::Mixed(seed) => {
            flag("seed", seed.to_string());
            caveats
                .push("Some runs had other seeds than this command gives them; the CSV has those of each.");
        }
    }
    for (name, value) in settings(&rows) {
        flag(name, value);
    }
    let several = |setting: Value| distinct(rows.iter().copied(), setting).len() > 1;
    let of_one_sweep: [Value; 4] = [
        |row| row.engine.clone(),
        |row| if row.strategy.is_empty() { row.node_bin.clone() } else { String::new() },
        |row| row.nemesis.clone(),
        |row| row.availability.clone(),
    ];
    if of_one_sweep.into_iter().any(several) {
        caveats.push("Several nodes, engines or faults were measured, which takes a sweep for each.");
    } else if !grid.is_full(&rows) {
        caveats
            .push("This command measures every combination of the settings; not all of them were measured.");
    }
    Some(Repeat { command: typed(&words), caveats })
}

/// The command that measures runs like `rows` at other timeouts, or `None` if there are no rows. Arguments of the
/// node that follow no template are left to the user.
pub fn further(rows: &[&Row], timeouts_ms: &[u64], repetitions: usize) -> Option<String> {
    further_words(rows, timeouts_ms, repetitions).map(|words| typed(&words))
}

/// The same, word by word.
pub fn further_words(rows: &[&Row], timeouts_ms: &[u64], repetitions: usize) -> Option<Vec<String>> {
    let (mut words, _) = node(rows)?;
    let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    let timeouts: Vec<String> = timeouts_ms.iter().map(u64::to_string).collect();
    flag("batch-timeouts", timeouts.join(","));
    flag("repetitions", repetitions.to_string());
    for (name, value) in settings(rows) {
        flag(name, value);
    }
    Some(words)
}

/// The command's beginning: engine and node.
fn node(rows: &[&Row]) -> Option<(Vec<String>, Vec<&'static str>)> {
    let first = rows.first()?;
    let mut caveats = Vec::new();
    let mut words: Vec<String> = ["bench-cli", "sweep"].map(String::from).into();
    let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    flag("engine", list(rows, |row| row.engine.clone()));
    if first.strategy.is_empty() {
        flag("bin", list(rows, |row| row.node_bin.clone()));
    } else {
        flag("strategy", list(rows, |row| row.strategy.clone()));
    }
    match node_args(rows) {
        Some(args) if args.is_empty() => {}
        Some(args) => flag("node-args", args),
        None => caveats.push("The node's arguments differ from run to run; the CSV has those of each."),
    }
    Some((words, caveats))
}

/// Words as one would type them.
fn typed(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as it is typed: quoted only if a shell would take it for something else.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:=@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    // Only a NUL cannot be quoted, and no argument that came from a command line has one.
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Cow::into_owned)
}

/// The rows in the order in which they were planned. They are written in the order in which they ended, but seeds
/// are given out in the plan's.
fn planned_order(rows: &[Row]) -> Vec<&Row> {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(|row| (row.repetition, row.seed));
    rows
}

fn list(rows: &[&Row], setting: impl Fn(&Row) -> String) -> String {
    distinct(rows.iter().copied(), setting).join(",")
}

/// What a setting is in a row.
type Value = fn(&Row) -> String;

/// The flags of the settings that are not at their defaults.
fn settings(rows: &[&Row]) -> Vec<(&'static str, String)> {
    let default = Settings::default();
    let used = Setting::ALL.iter().map(|setting| (setting, list(rows, setting.of_row)));
    used.filter(|(setting, value)| *value != (setting.planned)(&default))
        .map(|(setting, value)| (setting.flag, value))
        .collect()
}

/// What the rows' seeds say.
enum Seed {
    /// The engine took none.
    None,
    /// Each run has the one that it gets from the plan if the first has this one.
    First(u64),
    /// They are not those of one plan.
    Mixed(u64),
}

fn seed(rows: &[&Row], grid: &Grid) -> Seed {
    let Some(first) = rows.iter().filter_map(|row| row.seed).min() else { return Seed::None };
    let planned = |row: &Row| {
        let round = u64::from(row.repetition.saturating_sub(1)).checked_mul(grid.points())?;
        first.checked_add(round)?.checked_add(grid.place(row)?)
    };
    let as_planned = rows.iter().all(|row| row.seed.is_some() && row.seed == planned(row));
    if as_planned { Seed::First(first) } else { Seed::Mixed(first) }
}

/// Every combination of the values that rows have, in the order in which a sweep goes through them.
struct Grid {
    /// What each flag is in a row, and its values; the last flag's change fastest.
    values: Vec<(Value, Vec<String>)>,
}

impl Grid {
    fn of(rows: &[&Row]) -> Grid {
        let flags = Setting::ALL.into_iter().map(|setting| setting.of_row);
        let last: [Value; 2] = [|row| row.strategy.clone(), |row| row.batch_timeout_ms.to_string()];
        let values = flags.chain(last).map(|value| (value, distinct(rows.iter().copied(), value)));
        Grid { values: values.collect() }
    }

    /// How many combinations there are.
    fn points(&self) -> u64 {
        self.values.iter().map(|(_, values)| values.len() as u64).product()
    }

    /// The place of a row's combination among all.
    fn place(&self, row: &Row) -> Option<u64> {
        self.values.iter().try_fold(0, |place, (value, values)| {
            let own = value(row);
            let index = values.iter().position(|one| *one == own)?;
            Some(place * values.len() as u64 + index as u64)
        })
    }

    /// Whether the rows have every combination.
    fn is_full(&self, rows: &[&Row]) -> bool {
        let places: BTreeSet<_> = rows.iter().filter_map(|row| self.place(row)).collect();
        places.len() as u64 == self.points()
    }
}

/// What `--node-args` was: the rows hold the arguments with the timeout filled in.
fn node_args(rows: &[&Row]) -> Option<String> {
    let runs: Vec<(&Row, Vec<String>)> =
        rows.iter().map(|row| Some((*row, own_words(row)?))).collect::<Option<_>>()?;
    let (first, words) = runs.first()?;
    if runs.iter().any(|(_, other)| other.len() != words.len()) {
        return None;
    }
    let template = |place: usize| {
        let fits = |candidate: &String| {
            let Ok(template) = Template::parse(candidate) else { return false };
            runs.iter().all(|(row, words)| {
                template.fill(Duration::from_millis(row.batch_timeout_ms)) == [words[place].as_str()]
            })
        };
        candidates(&words[place], first.batch_timeout_ms).into_iter().find(fits)
    };
    Some((0..words.len()).map(template).collect::<Option<Vec<_>>>()?.join(" "))
}

/// The arguments that the user gave; those for timeout and strategy, which this program gives its own node, are left
/// out.
fn own_words(row: &Row) -> Option<Vec<String>> {
    const GIVEN: [&str; 2] = ["--batch-timeout", "--strategy"];
    let words = shlex::split(&row.node_args)?;
    let ours =
        !row.strategy.is_empty() && [words.first(), words.get(2)].map(|w| w.map_or("", |w| w)) == GIVEN;
    Some(if ours { words[2 * GIVEN.len()..].to_vec() } else { words })
}

/// What a word may have looked like before the timeout was filled in, quoted as for a shell.
fn candidates(word: &str, timeout_ms: u64) -> [String; 3] {
    let plain = word.replace('{', "{{").replace('}', "}}");
    let filled = |place: &str, value: &str| plain.replace(value, place);
    [
        plain.clone(),
        filled("{batch_timeout}", &format!("{timeout_ms}ms")),
        filled("{batch_timeout_ms}", &timeout_ms.to_string()),
    ]
    .map(|text| quoted(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::row::tests::example;

    fn command_of(rows: &[Row]) -> String {
        let Repeat { command, caveats } = command(rows).unwrap();
        assert_eq!(caveats, Vec::<&str>::new());
        command
    }

    fn seeded(strategy: &str, timeout: u64, repetition: u32, seed: u64) -> Row {
        let node_args = format!("--batch-timeout {timeout}ms --strategy {strategy}");
        let strategy = strategy.to_owned();
        Row { strategy, node_args, seed: Some(seed), ..example(timeout, repetition) }
    }

    #[test]
    fn the_plan_is_found_behind_rows_in_any_order() {
        let mut rows = vec![
            seeded("tree", 400, 1, 7),
            seeded("tree", 50, 1, 8),
            seeded("hub", 400, 1, 9),
            seeded("hub", 50, 1, 10),
            seeded("tree", 400, 2, 11),
            seeded("hub", 50, 2, 14),
        ];
        let expected = "bench-cli sweep --engine embedded --strategy tree,hub --batch-timeouts 400,50 \
                        --repetitions 2 --seed 7";
        assert_eq!(command_of(&rows), expected);
        rows.reverse();
        assert_eq!(command_of(&rows), expected);
        rows[0].seed = Some(99);
        let Repeat { command, caveats } = command(&rows).unwrap();
        assert_eq!((command.as_str(), caveats.len()), (expected, 1));
    }

    #[test]
    fn settings_are_said_where_they_are_not_the_default() {
        let row = Row {
            node_count: 5,
            rate: 12.5,
            latency_ms: 20,
            nemesis: "partition".to_owned(),
            availability: "total".to_owned(),
            message_loss: 0.05,
            seed: None,
            ..seeded("hub", 50, 1, 0)
        };
        assert_eq!(
            command_of(&[row]),
            "bench-cli sweep --engine embedded --strategy hub --batch-timeouts 50 --repetitions 1 --node-count 5 \
             --rate 12.5 --latency 20ms --nemesis partition --availability total --loss 0.05"
        );
    }

    /// The rows that a sweep of two latencies and two sizes leaves, in the plan's order.
    fn settings_grid() -> Vec<Row> {
        let mut seeds = 7..;
        let mut rows = Vec::new();
        for repetition in 1..=2 {
            for (node_count, latency_ms) in [(25, 50), (25, 10), (5, 50), (5, 10)] {
                for timeout in [50, 100] {
                    let seed = seeds.next().unwrap();
                    rows.push(Row { node_count, latency_ms, ..seeded("hub", timeout, repetition, seed) });
                }
            }
        }
        rows
    }

    #[test]
    fn a_grid_of_settings_is_one_command_with_one_seed() {
        let mut rows = settings_grid();
        rows.reverse();
        assert_eq!(
            command_of(&rows),
            "bench-cli sweep --engine embedded --strategy hub --batch-timeouts 50,100 --repetitions 2 --seed 7 \
             --node-count 25,5 --latency 50ms,10ms"
        );
    }

    #[test]
    fn combinations_that_were_not_measured_are_told() {
        let mut rows = settings_grid();
        rows.retain(|row| (row.node_count, row.latency_ms) != (5, 10));
        let Repeat { caveats, .. } = command(&rows).unwrap();
        assert!(caveats.iter().any(|caveat| caveat.contains("not all of them")), "{caveats:?}");
    }

    fn other(timeout: u64, args: &str) -> Row {
        let strategy = String::new();
        Row {
            strategy,
            node_bin: "my node.py".into(),
            node_args: args.into(),
            seed: None,
            ..example(timeout, 1)
        }
    }

    #[test]
    fn arguments_become_the_template_they_were() {
        let rows = [other(50, "--ms 50 --for 50ms 'a b {x'"), other(100, "--ms 100 --for 100ms 'a b {x'")];
        let said = command_of(&rows);
        let words = shlex::split(&said).unwrap();
        let args = &words[words.iter().position(|word| word == "--node-args").unwrap() + 1];
        let template = Template::parse(args).unwrap();
        assert_eq!(template.fill(Duration::from_millis(70)), ["--ms", "70", "--for", "70ms", "a b {x"]);
        assert!(said.contains("--bin 'my node.py'"), "{said}");
    }

    #[test]
    fn arguments_that_follow_no_template_are_not_invented() {
        let Repeat { command, caveats } = command(&[other(50, "--x 1"), other(100, "--x 2")]).unwrap();
        assert!(!command.contains("--node-args") && caveats.len() == 1, "{command}");
    }

    #[test]
    fn no_rows_are_no_sweep() {
        assert_eq!(command(&[]), None);
    }

    #[test]
    fn further_timeouts_keep_everything_else() {
        let rows = [50, 100].map(|timeout| Row { latency_ms: 10, ..seeded("hub", timeout, 1, 7) });
        let rows: Vec<&Row> = rows.iter().collect();
        assert_eq!(
            further(&rows, &[400, 450], 5).unwrap(),
            "bench-cli sweep --engine embedded --strategy hub --batch-timeouts 400,450 --repetitions 5 --latency 10ms"
        );
    }
}
