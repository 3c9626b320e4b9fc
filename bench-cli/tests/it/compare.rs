//! Whether comparisons and advice are right: on simulated runs, whose scatter is the node's own. A comparison
//! finds a slowdown and keeps silent where there is none; what advice promises of one more run holds.

use std::path::Path;
use std::time::Duration;

use crate::common::{self, bench};
use bench_cli::analysis::compare::{Difference, Question, compare};
use bench_cli::analysis::{Advice, Series};
use bench_cli::record::RunRecord;
use bench_cli::spec::Limits;

/// Batch timeouts of the honest sweep, and its latency, all in ms.
const TIMEOUTS: [u64; 4] = [100, 200, 400, 800];
const LATENCY: u64 = 100;
/// Repetitions of a user's sweep, and how many such sweeps are compared.
const REPETITIONS: u32 = 3;
const SWEEPS: u32 = 8;

/// Many sweeps at once: their repetitions are those of one long sweep. All of its time is stretched by
/// `percent`.
fn measure(folder: &Path, name: &str, seed: u32, percent: u64) -> Vec<RunRecord> {
    let stretched = |ms: u64| format!("{}ms", ms * percent / 100);
    let timeouts = TIMEOUTS.map(stretched).join(",");
    let (latency, repetitions) = (stretched(LATENCY), REPETITIONS * SWEEPS);
    let args = format!(
        "sweep --engine simulated --strategy hub,direct --batch-timeouts {timeouts} --latency {latency} \
         --time-limit 10s --repetitions {repetitions} --seed {seed} --out {name} -q"
    );
    let output = bench(folder, &args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    common::records(&folder.join(name))
}

/// The rows of a node that takes a tenth longer for everything, but is asked for the same timeouts in the
/// same network.
fn as_asked(mut record: RunRecord) -> RunRecord {
    let batch_timeout_ms = record.batch_timeout_ms().unwrap() * 100 / 110;
    assert!(TIMEOUTS.contains(&batch_timeout_ms));
    record.run.batch_timeout = Some(Duration::from_millis(batch_timeout_ms));
    record.run.settings.latency.mean = Duration::from_millis(LATENCY);
    record
}

/// One of the sweeps.
fn sweep(rows: &[RunRecord], number: u32) -> Vec<RunRecord> {
    let own = |row: &&RunRecord| (row.run.repetition - 1) / REPETITIONS == number;
    rows.iter().filter(own).cloned().collect()
}

fn regressions(before: &[RunRecord], after: &[RunRecord]) -> Vec<Difference> {
    let differences =
        compare(&Question::default(), &Series::group(before), &[Series::group(after)]).remove(0);
    assert!(differences.len() > 30, "{differences:?}");
    differences.into_iter().filter(Difference::is_regression).collect()
}

/// Of the runs that other sweeps made at timeouts of which a sweep said that one more run would meet a limit,
/// at least 95 % do.
fn advice_holds(rows: &[RunRecord]) {
    // hub and direct reach about 500 ms at 400 ms, some runs a little more.
    let limit = Limits { max: Some(Duration::from_millis(502)), ..Limits::default() };
    let (mut promised, mut kept) = (0, 0);
    for number in 0..SWEEPS {
        let own = sweep(rows, number);
        for one in Advice::on(&Series::group(&own), limit.clone()).meeting() {
            let like_it = |row: &&RunRecord| {
                (row.series(), row.batch_timeout_ms().unwrap()) == (one.series.clone(), one.timeout_ms())
            };
            let others =
                rows.iter().filter(like_it).filter(|row| (row.run.repetition - 1) / REPETITIONS != number);
            let outcomes: Vec<bool> = others.map(|row| limit.are_met_by(row)).collect();
            promised += outcomes.len();
            kept += outcomes.iter().filter(|&&met| met).count();
        }
    }
    println!("{kept} of {promised}");
    assert!(promised > 300 && kept as f64 >= 0.95 * promised as f64, "{kept} of {promised}");
}

fn write(folder: &Path, name: &str, rows: &[RunRecord]) {
    common::write_csv(&folder.join(name), rows);
}

#[test]
fn a_node_that_is_a_tenth_slower_is_found_the_same_node_is_not_and_advice_holds() {
    let place = tempfile::tempdir().unwrap();
    let honest = measure(place.path(), "honest", 1, 100);
    let slow: Vec<RunRecord> =
        measure(place.path(), "slow", 100_001, 110).into_iter().map(as_asked).collect();

    for number in 0..SWEEPS {
        let found = regressions(&sweep(&honest, number), &sweep(&slow, number));
        assert!(!found.is_empty(), "the slowdown between the sweeps {number} was not found");
    }
    let pairs = (0..SWEEPS).map(|number| (number, (number + 1) % SWEEPS));
    let alarms: Vec<Vec<Difference>> = pairs
        .map(|(one, other)| regressions(&sweep(&honest, one), &sweep(&honest, other)))
        .filter(|found| !found.is_empty())
        .collect();
    // One false alarm in a hundred comparisons is what the test may give.
    assert!(alarms.len() <= 1, "{alarms:?}");

    advice_holds(&honest);

    write(place.path(), "before.csv", &sweep(&honest, 0));
    write(place.path(), "same.csv", &sweep(&honest, 1));
    write(place.path(), "slow.csv", &sweep(&slow, 0));
    let status = |args: &str| bench(place.path(), args).status.code();
    assert_eq!(status("compare before.csv same.csv --fail-on-regression"), Some(0));
    assert_eq!(status("compare before.csv slow.csv --fail-on-regression"), Some(3));
    assert_eq!(status("compare before.csv slow.csv"), Some(0));
    assert_eq!(status("plot before.csv same.csv slow.csv --fail-on-regression"), Some(3));
    assert!(place.path().join("comparison.svg").is_file());
}

#[test]
fn each_sweep_is_compared_with_the_first() {
    let place = tempfile::tempdir().unwrap();
    let args = "--engine simulated --node-count 5 --time-limit 3s --batch-timeouts 50,100 --repetitions 2 -q";
    for (seed, (name, strategy)) in (1..).zip([("a", "hub"), ("b", "hub"), ("c", "direct")]) {
        let flags = format!("--strategy {strategy} --seed {seed} --out {name}");
        let output = bench(place.path(), &format!("sweep {args} {flags}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let output = bench(place.path(), "compare a/sweep.csv b c -o all.png");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    for words in ["a → b\n", "a → c\n", " hub → direct ", "  hub → direct: ", "drew all.png"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(said.matches(" of 3 primary differences ").count(), 2);
    assert!(place.path().join("all.png").is_file());
    let other = bench(
        place.path(),
        &format!("sweep {args} --strategy hub --latency 50ms --batch-timeouts 200 --out d").replacen(
            "--batch-timeouts 50,100 ",
            "",
            1,
        ),
    );
    assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stderr));
    let apart = bench(place.path(), "compare a d");
    let said = String::from_utf8_lossy(&apart.stderr).into_owned();
    assert_eq!(apart.status.code(), Some(1), "{said}");
    assert!(
        said.contains("\n  a: latency 100 ms; d: latency 50 ms\n  a: 50 ms, 100 ms; d: 200 ms"),
        "{said}"
    );
    let lonely = bench(place.path(), "compare a/sweep.csv");
    assert_eq!(lonely.status.code(), Some(2));
}
