//! Going on with a sweep that stopped: which of its runs are still to be done.
//!
//! The rows of `sweep.csv` say all of it, since each holds every setting of its run. So there is no second file that
//! could say something else, and a sweep can be extended, too: more repetitions or timeouts are runs that are missing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use super::to_the_second;
use crate::record::Row;
use crate::record::row::{MEASURED, cells};
use crate::spec::plan::Run;

/// What is left of a plan.
#[derive(Debug)]
pub struct Remaining {
    /// The runs to be done, in the plan's order.
    pub runs: Vec<Run>,
    /// How often each of them was tried before.
    pub tried: Vec<u32>,
    /// The runs of the plan that are done.
    pub done: usize,
}

/// What of `plan` is not in `rows` yet. `planned` holds the plan's runs as rows without figures.
///
/// Runs that are repeated or were never reached get the seeds that they would have had without the interruption.
///
/// # Errors
/// If the rows were measured with other settings than the plan's; the message names them.
pub fn remaining(
    plan: &[Run],
    planned: &[Row],
    rows: &[Row],
    seed_given: bool,
    retry_failed: bool,
) -> anyhow::Result<Remaining> {
    refuse_other_settings(planned, rows)?;
    let keys: Vec<Key> = planned.iter().map(key).collect();
    let done: HashMap<Key, &Row> = rows.iter().map(|row| (key(row), row)).collect();
    let shift = seed_shift(plan, &keys, &done, rows.len());
    if seed_given && let Some(shift @ 1..) = shift {
        let seed = plan.first().map_or(0, |run| run.seed);
        bail!(different(&format!("  seed: {} there, {seed} now\n", seed.wrapping_add(shift))));
    }
    let mut next_seed = rows.iter().filter_map(|row| row.seed).max().map_or(0, |seed| seed.wrapping_add(1));
    let mut left = Remaining { runs: Vec::new(), tried: Vec::new(), done: 0 };
    for (run, key) in plan.iter().zip(&keys) {
        let earlier = done.get(key);
        if earlier.is_some_and(|row| row.is_ok() || !retry_failed) {
            left.done += 1;
            continue;
        }
        let mut run = run.clone();
        run.seed = match (shift, earlier.and_then(|row| row.seed)) {
            (_, Some(seed)) => seed,
            (Some(shift), None) => run.seed.wrapping_add(shift),
            (None, None) => {
                next_seed = next_seed.wrapping_add(1);
                next_seed.wrapping_sub(1)
            }
        };
        left.runs.push(run);
        left.tried.push(earlier.map_or(0, |row| row.attempts));
    }
    Ok(left)
}

/// Refuses rows of an older build of `program`, the node: the rest would be measured with another one.
///
/// A build is known by when its file was last modified. What a script starts is not looked at, nor are rows that are to
/// be measured again since they failed and `retry_failed` says so.
///
/// # Errors
/// If the program was modified after the first of the rows was started, or cannot be looked at.
pub fn refuse_rebuilt(program: &Path, rows: &[Row], retry_failed: bool) -> anyhow::Result<()> {
    let stays = |row: &&Row| row.is_ok() || !retry_failed;
    let started = |row: &Row| row.started_at.parse::<Timestamp>().ok();
    let Some(first) = rows.iter().filter(stays).filter_map(started).min() else { return Ok(()) };
    let modified = program.metadata().and_then(|file| file.modified());
    let modified = modified.with_context(|| format!("cannot look at {}", program.display()))?;
    let modified = Timestamp::try_from(modified)?;
    // Rows have whole seconds, rounded down.
    if modified.as_second() <= first.as_second() {
        return Ok(());
    }
    bail!(
        "{} was modified at {}, after the runs there had begun ({}); runs of two builds are not one sweep\nGive \
         another --out or --name to keep what is there, or --force to start anew with the program as it is now",
        program.display(),
        to_the_second(modified),
        to_the_second(first)
    )
}

/// Whether two rows are of the same run.
pub fn same_run(one: &Row, other: &Row) -> bool {
    key(one) == key(other)
}

/// Every setting of a run.
type Key = Vec<String>;

fn key(row: &Row) -> Key {
    cells(row).into_iter().filter(|(name, _)| !MEASURED.contains(name)).map(|(_, cell)| cell).collect()
}

/// By how much the seeds of the rows exceed those of the plan, which was given another first one. `None` if the rows
/// are those of another plan, so that seeds that follow the plan could be seeds of other runs.
fn seed_shift(plan: &[Run], keys: &[Key], done: &HashMap<Key, &Row>, row_count: usize) -> Option<u64> {
    let seeded: Vec<(&Run, &Row)> =
        plan.iter().zip(keys).filter_map(|(run, key)| Some((run, *done.get(key)?))).collect();
    if seeded.len() < row_count {
        return None;
    }
    let mut shifts = seeded.iter().filter_map(|(run, row)| Some(row.seed?.wrapping_sub(run.seed)));
    let first = shifts.next().unwrap_or(0);
    shifts.all(|shift| shift == first).then_some(first)
}

/// Refuses rows whose settings are none of the plan's. Timeouts and repetitions may differ: a sweep may be extended,
/// and what is no longer asked for stays where it is.
fn refuse_other_settings(planned: &[Row], rows: &[Row]) -> anyhow::Result<()> {
    let mut asked: BTreeMap<(&str, u64), BTreeSet<String>> = BTreeMap::new();
    for row in planned {
        for (name, cell) in cells(row) {
            asked.entry((name, scope(name, row))).or_default().insert(cell);
        }
    }
    let mut differing: BTreeMap<&str, (BTreeSet<String>, &BTreeSet<String>)> = BTreeMap::new();
    for row in rows {
        for (name, cell) in cells(row) {
            if MEASURED.contains(&name) || ["batch_timeout_ms", "repetition"].contains(&name) {
                continue;
            }
            let Some(now) = asked.get(&(name, scope(name, row))) else { continue };
            if !now.contains(&cell) {
                differing.entry(name).or_insert_with(|| (BTreeSet::new(), now)).0.insert(cell);
            }
        }
    }
    if differing.is_empty() {
        return Ok(());
    }
    let mut list = String::new();
    for (name, (there, now)) in &differing {
        let _ = writeln!(list, "  {name}: {} there, {} now", shown(there), shown(now));
    }
    bail!(different(&list))
}

/// Arguments hold the batch timeout, so they can be compared only with those of the same timeout.
fn scope(column: &str, row: &Row) -> u64 {
    if column == "node_args" { row.batch_timeout_ms } else { 0 }
}

fn different(list: &str) -> String {
    format!(
        "it was measured with other settings:\n{list}Give the same settings to go on, another --out or --name for a \
         sweep of its own, or --force to replace it"
    )
}

fn shown(cells: &BTreeSet<String>) -> String {
    let cell = |cell: &String| if cell.is_empty() { "none".to_owned() } else { cell.clone() };
    cells.iter().map(cell).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::record::Status;
    use crate::record::row::tests::example;
    use crate::spec::plan::tests::grid;

    /// The hub's runs of a plan, as runs and as rows.
    fn plan(timeouts: &[u64], repetitions: u32, seed: u64) -> (Vec<Run>, Vec<Row>) {
        let mut grid = grid(timeouts, repetitions);
        grid.seed = seed;
        let runs: Vec<Run> = grid.runs().into_iter().filter(|run| run.series() == "hub").collect();
        let row = |run: &Run| Row {
            seed: Some(run.seed),
            ..example(run.batch_timeout.as_millis() as u64, run.repetition)
        };
        let rows = runs.iter().map(row).collect();
        (runs, rows)
    }

    fn left(plan: &(Vec<Run>, Vec<Row>), rows: &[Row]) -> Vec<(u128, u32, u64)> {
        let left = remaining(&plan.0, &plan.1, rows, false, false).unwrap();
        let run = |run: &Run| (run.batch_timeout.as_millis(), run.repetition, run.seed);
        left.runs.iter().map(run).collect()
    }

    #[test]
    fn what_is_missing_keeps_its_seed_though_another_was_drawn() {
        let (_, rows) = plan(&[50, 100], 2, 1000);
        let again = plan(&[50, 100], 2, 77);
        assert_eq!(left(&again, &rows[..1]), [(100, 1, 1001), (50, 2, 1004), (100, 2, 1005)]);
        assert_eq!(left(&again, &[rows[3].clone(), rows[0].clone()]), [(100, 1, 1001), (50, 2, 1004)]);
        assert!(left(&again, &rows).is_empty());
        assert_eq!(left(&again, &[]).len(), 4);
    }

    #[test]
    fn a_sweep_can_be_extended_and_no_seed_comes_twice() {
        let (_, rows) = plan(&[50, 100], 2, 1000);
        assert_eq!(left(&plan(&[50, 75, 100], 2, 77), &rows), [(75, 1, 1006), (75, 2, 1007)]);
        assert_eq!(left(&plan(&[50], 3, 77), &rows), [(50, 3, 1006)]);
    }

    #[test]
    fn failed_runs_are_repeated_only_on_request_and_say_so() {
        let (runs, mut rows) = plan(&[50, 100], 1, 1000);
        let planned = rows.clone();
        rows[1] = Row { status: Status::TimedOut, attempts: 2, ..rows[1].clone() };
        let retry = |retry| remaining(&runs, &planned, &rows, false, retry).unwrap();
        assert_eq!((retry(false).runs.len(), retry(false).done), (0, 2));
        assert_eq!(
            (retry(true).runs, retry(true).tried, retry(true).done),
            (vec![runs[1].clone()], vec![2], 1)
        );
    }

    #[test]
    fn rows_of_an_older_build_are_refused_unless_all_of_them_are_repeated() {
        let program = tempfile::NamedTempFile::new().unwrap();
        let first = "2026-01-02T03:04:05Z";
        let at = |started_at: &str, repetition| Row {
            started_at: started_at.to_owned(),
            ..example(50, repetition)
        };
        let rows = [at("2026-01-02T03:04:25Z", 2), at(first, 1)];
        let failed = rows.clone().map(|row| Row { status: Status::Crashed, ..row });
        let modified = |millis: i64, rows: &[Row], retry_failed| {
            let time = first.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_millis(millis);
            program.as_file().set_modified(SystemTime::try_from(time).unwrap()).unwrap();
            refuse_rebuilt(program.path(), rows, retry_failed).map_err(|error| error.to_string())
        };
        // Built in the second in which the first run was started.
        assert_eq!(modified(900, &rows, false), Ok(()));
        let error = modified(1000, &rows, false).unwrap_err();
        assert!(
            error.contains("was modified at 2026-01-02T03:04:06Z, after the runs there had begun"),
            "{error}"
        );
        assert!(error.contains("--force") && error.contains("another --out"), "{error}");
        assert!(modified(1000, &rows, true).is_err());
        assert!(modified(1000, &failed, false).is_err());
        assert_eq!(modified(1000, &failed, true), Ok(()));
        assert_eq!(modified(1000, &[], false), Ok(()));
    }

    #[test]
    fn other_settings_are_refused_by_name() {
        let (runs, rows) = plan(&[50, 100], 1, 1000);
        let other = |change: fn(&mut Row)| {
            let mut there = rows.clone();
            there.iter_mut().for_each(change);
            remaining(&runs, &rows, &there, true, false).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(other(|_| {}), Ok(()));
        assert!(other(|row| row.rate = 50.0).unwrap_err().contains("\n  rate: 50.0 there, 100.0 now\n"));
        let both =
            other(|row| (row.strategy, row.availability) = ("tree".into(), "total".into())).unwrap_err();
        assert!(
            both.contains("  availability: total there, none now\n  strategy: tree there, hub now\n"),
            "{both}"
        );
        assert!(other(|row| row.node_args.push('x')).unwrap_err().contains("node_args"));
        let seed = other(|row| row.seed = row.seed.map(|seed| seed + 5)).unwrap_err();
        assert!(seed.contains("  seed: 1005 there, 1000 now\n"), "{seed}");
    }
}
