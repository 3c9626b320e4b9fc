//! `bench-cli tune` as a user runs it.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::common::{self, bench, bench_cli, stdout};
use bench_cli::record::{Quantile, RunRecord};
use node::StrategyKind;

fn tune(directory: &Path, args: &[&str]) -> Output {
    bench_cli()
        .current_dir(directory)
        .args(["tune", "--engine", "simulated", "--strategy", "hub", "--out", "out"])
        .args(["--node-count", "5", "--rate", "50", "--time-limit", "5s", "--latency", "20ms"])
        .args(args)
        .output()
        .unwrap()
}

fn recommended_ms(said: &str) -> u64 {
    said.split("--batch-timeout ").nth(1).unwrap().split("ms").next().unwrap().parse().unwrap()
}

#[test]
fn it_ends_with_a_setting_and_its_evidence() {
    let place = tempfile::tempdir().unwrap();
    let output = tune(place.path(), &["--max-latency", "500ms", "--quiet"]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let said = stdout(&output);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("recommended: --strategy hub --batch-timeout "), "{said}");
    assert!(
        said.contains(&format!(
            "to repeat it: {} sweep --engine simulated --strategy hub --batch-timeouts ",
            common::called()
        )),
        "{said}"
    );
    // It tried timeouts between the first coarse ones.
    let rows = common::records(&place.path().join("out"));
    let timeout = recommended_ms(&said);
    assert!((200..500).contains(&timeout), "{said}");
    let recommended = rows.iter().filter(|row| row.batch_timeout_ms().unwrap() == timeout);
    assert!(recommended.clone().count() >= 5);
    assert!(recommended.clone().all(|row| row.latency(Quantile::Max).unwrap() < Duration::from_millis(500)));
}

/// Limits on latency say how long a timeout is worth a try.
#[test]
fn it_looks_as_far_as_the_limits_allow() {
    let place = tempfile::tempdir().unwrap();
    let output = tune(place.path(), &["--max-latency", "2s"]);
    let said = stdout(&output);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(recommended_ms(&said) > 1600, "{said}");
}

/// The whole gap between what meets and what misses is searched, with the best strategy alone, and fresh runs
/// check the answer.
#[test]
fn it_continues_until_nothing_is_left_to_learn() {
    let place = tempfile::tempdir().unwrap();
    let output = bench(
        place.path(),
        "tune --engine simulated --limit 3d --strategy hub,direct --time-limit 5s --seed 1 --out out",
    );
    let said = stdout(&output);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!((430..=500).contains(&recommended_ms(&said)), "{said}");
    assert!(said.contains("ended: no further run would find a better setting"), "{said}");
    let rows = common::records(&place.path().join("out"));
    let fine = rows.iter().filter(|row| (401..580).contains(&row.batch_timeout_ms().unwrap()));
    // The other strategy is tried next to the leaders alone, once each.
    let others = fine.clone().filter(|row| row.strategy() != Some(StrategyKind::Hub)).count();
    assert!(4 * others < fine.clone().count(), "{others}");
    let timeouts: BTreeSet<_> = fine.map(|row| row.batch_timeout_ms()).collect();
    assert!(timeouts.len() >= 3, "{timeouts:?}");
    // A check ends with the first run that misses a limit, and the next one takes a shorter timeout.
    let checks = (1..).map(|number| place.path().join(format!("out/check-{number}")));
    let checks: Vec<_> =
        checks.take_while(|check| check.is_dir()).map(|check| common::records(&check)).collect();
    assert_eq!(checks.last().map(Vec::len), Some(19));
    assert!(checks.iter().flatten().all(|check| rows.iter().all(|row| row.run.seed != check.run.seed)));
    // Plots and a report of all runs.
    for product in ["report.html", "frontier.png", "latency-fit.svg"] {
        assert!(place.path().join("out").join(product).is_file(), "{product}");
    }
    assert!(std::fs::read_to_string(place.path().join("out/sweep.toml")).unwrap().contains("tune chose"));
}

/// At 478 ms one run of a thousand is late, and this search makes it. Longer timeouts pass all the same.
#[test]
fn a_late_run_does_not_end_the_search_for_longer_timeouts() {
    let place = tempfile::tempdir().unwrap();
    let output =
        bench(place.path(), "tune --engine simulated --limit 3d --strategy hub --seed 1 --out out --quiet");
    let said = stdout(&output);
    assert!(output.status.success(), "{said}{}", common::stderr(&output));
    let recommended = recommended_ms(&said);
    assert!((484..=488).contains(&recommended), "{said}");
    let over = |row: &RunRecord| row.latency(Quantile::Max).unwrap() >= Duration::from_millis(600);
    let rows = common::records(&place.path().join("out"));
    let late: BTreeSet<u64> =
        rows.iter().filter(|row| over(row)).filter_map(RunRecord::batch_timeout_ms).collect();
    assert!(late.first().is_some_and(|&late| late < recommended - 3), "{late:?}");
    // The recommended setting has no run over a limit, neither of the search nor of its check.
    assert!(!late.contains(&recommended), "{late:?}");
}

/// A larger budget resumes the search, and comes to the same answer as if it had been there from the start.
#[test]
fn a_budget_ends_the_search_and_a_larger_one_resumes_it() {
    let place = tempfile::tempdir().unwrap();
    let within = |args: &str, out: &str| {
        let settings =
            "--engine simulated --strategy hub --node-count 5 --rate 50 --time-limit 5s --latency 20ms";
        let command =
            format!("tune {settings} --max-latency 500ms --seed 7 --repetitions 4 --out {out} {args}");
        let output = bench(place.path(), &command);
        assert!(output.status.code().is_some_and(|code| code < 2), "{}", common::stderr(&output));
        (stdout(&output), common::timeless(&place.path().join(out)))
    };
    let (said, first) = within("--budget 12", "one");
    assert!(said.contains("ended: the budget is used up"), "{said}");
    assert!(first.len() <= 12 - 4, "{}", first.len());
    let (_, resumed) = within("--budget 1h", "one");
    assert!(first.iter().all(|record| resumed.contains(record)));
    let (said, whole) = within("", "two");
    assert!(said.contains("ended: no further run"), "{said}");
    assert!(whole.len() > first.len() && whole.iter().all(|record| resumed.contains(record)));
}

/// The new search has a seed and checks of its own, and nothing of the earlier one is left.
#[test]
fn an_earlier_search_is_replaced_only_by_force() {
    let place = tempfile::tempdir().unwrap();
    let within = |limit: &str, args: &[&str]| {
        let output = tune(place.path(), &[&["--max-latency", limit, "--repetitions", "4"], args].concat());
        assert!(output.status.success(), "{}{}", stdout(&output), common::stderr(&output));
        let out = place.path().join("out");
        (common::timeless(&out), common::timeless(&out.join("check-1")))
    };
    let (searched, checked) = within("500ms", &["--seed", "1"]);
    assert_eq!(within("500ms", &["--seed", "1"]), (searched.clone(), checked.clone()));
    let (afresh, checked_afresh) = within("200ms", &["--force", "--seed", "3"]);
    assert!(afresh.iter().all(|record| !searched.contains(record)));
    assert!(afresh.iter().all(|record| record.batch_timeout_ms().unwrap() < 400), "{afresh:?}");
    assert!(checked_afresh.iter().all(|record| !checked.contains(record)));
    assert!(!place.path().join("out/check-2").exists());
}

#[test]
fn a_dry_run_prints_its_plan_and_does_nothing() {
    let place = tempfile::tempdir().unwrap();
    let output = tune(place.path(), &["--dry-run", "--budget", "30m", "--topology", "grid,line"]);
    let said = stdout(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("search: 10 first settings of 18 in the grid, once each"), "{said}");
    assert!(said.contains("race: up to 30m") && said.contains("check: 19 fresh runs"), "{said}");
    assert!(!place.path().join("out").exists());
    // A preset's limits count as those of --limit do: timeouts up to them are worth a try.
    let grid = |args: &[&str]| stdout(&tune(place.path(), &[&["--dry-run"], args].concat()));
    assert_eq!(grid(&["--preset", "3d"]), grid(&["--limit", "3d"]));
    assert_ne!(grid(&["--preset", "3d"]), grid(&["--preset", "3e"]));
    let refused = tune(place.path(), &["--budget", "0"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("at least 1 run"));
}

/// The gossip node over two parameters, with short runs.
fn tune_gossip(place: &Path, args: &[&str]) -> Command {
    let mut tune = bench_cli();
    tune.current_dir(place).args(["tune", "--engine", "embedded", "--out", "out", "--bin"]);
    tune.arg(common::fixtures().join("nodes/gossip.py"));
    tune.args([
        "--param",
        "fanout=1..=3",
        "--param",
        "period=20ms,100ms,300ms",
        "--node-args",
        "{fanout} {period_ms} 500",
    ]);
    // With other seeds, one run in a thousand has no broadcast among its ten operations.
    tune.args("--node-count 4 --rate 10 --time-limit 1s --latency 10ms --seed 1".split_whitespace());
    tune.args(["--max-latency", "2s", "--repetitions", "2", "--keep", "failed"]).args(args);
    tune
}

#[test]
fn a_node_is_tuned_over_two_parameters_of_its_own() {
    if !common::has_python() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let output = tune_gossip(place.path(), &["--budget", "30", "--jobs", "8"]).output().unwrap();
    let said = stdout(&output);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let rows = common::records(&place.path().join("out"));
    let checked = common::records(&place.path().join("out/check-1"));
    assert!(rows.len() + checked.len() <= 30 && checked.len() == 2, "{} {}", rows.len(), checked.len());
    let settings =
        |rows: &[RunRecord]| -> BTreeSet<_> { rows.iter().map(|row| row.run.args.clone()).collect() };
    assert!(settings(&rows).len() >= 9);
    let chosen = checked[0].run.args_shown();
    let (fanout, period) = (chosen.split(' ').next().unwrap(), chosen.split(' ').nth(1).unwrap());
    assert!(said.contains(&format!(" with fanout={fanout}, period={period}ms\n")), "{chosen}: {said}");
    assert!(said.contains("--param fanout=") && said.contains("tried "), "{said}");
    assert!(place.path().join("out/report.html").is_file());
}

/// Rows are on disk before the next run starts, so that the same command resumes.
#[test]
fn an_interrupted_search_is_resumed_by_the_same_command() {
    if !common::has_python() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let csv = place.path().join("out/sweep.csv");
    let rows = || std::fs::read_to_string(&csv).map_or(0, |text| text.lines().count().saturating_sub(1));
    let args = ["--budget", "14", "--jobs", "2", "--quiet"];
    let mut interrupted = tune_gossip(place.path(), &args).stderr(Stdio::piped()).spawn().unwrap();
    while rows() < 2 && interrupted.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = interrupted.id().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    let output = interrupted.wait_with_output().unwrap();
    assert!(killed.success(), "{}", common::stderr(&output));
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stderr).contains("to resume:\n  "));
    let before = common::records(&place.path().join("out"));
    assert!(!place.path().join("out/check-1").exists());
    let output = tune_gossip(place.path(), &args).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
    let after = common::records(&place.path().join("out"));
    assert!(before.len() >= 2 && before.len() < after.len() && after.starts_with(&before));
    let distinct: HashSet<_> = after.iter().map(|row| row.run.identity()).collect();
    assert_eq!(distinct.len(), after.len());
}

/// What would fail after the search fails before it.
#[test]
fn an_engine_that_is_not_there_ends_it_at_once() {
    let place = tempfile::tempdir().unwrap();
    let refused = |args: &str, code: i32, why: &str| {
        let output = bench(place.path(), args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(why) && !said.contains("error: error"), "{said}");
        assert!(!place.path().join("out").exists());
    };
    refused("tune --out out --engine embeded", 2, "invalid value 'embeded'");
    refused("tune --out out --strategy star", 2, "choose from tree, hub, direct");
    refused("tune --out out --jobs none", 2, "invalid value 'none'");
    refused("tune --out out --engine maelstrom --maelstrom /nope", 1, "/nope");
    refused("confirm x.csv --engine embeded --out out", 2, "invalid value 'embeded'");
}

#[test]
fn limits_that_cannot_be_met_are_reported() {
    let place = tempfile::tempdir().unwrap();
    let output = tune(place.path(), &["--max-latency", "1ms"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("no setting reliably meets max < 1 ms"), "{}", stdout(&output));
    let two = tune(place.path(), &["--limit", "3d,3e"]);
    assert!(String::from_utf8_lossy(&two.stderr).contains("give one limit"));
}

#[test]
fn recommended_settings_are_run_again() {
    let place = tempfile::tempdir().unwrap();
    let sweep = "sweep --engine simulated --strategy hub,direct --node-count 5 --time-limit 5s --latency 20ms \
                 --batch-timeouts 0,100,400 --repetitions 5 --seed 1 --out out -q";
    assert!(bench(place.path(), sweep).status.success());
    let confirm = "confirm out/sweep.csv --max-latency 300ms --repetitions 4";
    let output = bench(place.path(), confirm);
    let said = stdout(&output);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<&str> = said.lines().skip(2).take(3).map(str::trim_start).collect();
    for (row, start) in rows.iter().zip(["max < 300 ms, fewest messages:", "hub at 100 ms ", "4 of 4 runs"]) {
        assert!(row.starts_with(start), "{said}");
    }
    assert!(said.lines().take(8).all(|line| line.chars().count() <= 80), "{said}");
    assert!(said.ends_with("confirmed\n"), "{said}");
    let table = std::fs::read_to_string(place.path().join("out/confirm/confirm.md")).unwrap();
    assert!(table.contains("| max \\< 300 ms | lowest latency | direct at 0 ms |"), "{table}");
    assert!(table.contains(&format!("bench-cli {confirm} --out out/confirm\n")), "{table}");
    // On the terminal a command begins as the program was called.
    let none = bench(place.path(), "confirm out/sweep.csv --max-latency 1ms");
    let plot = format!("reliably meets the limits; {} plot out/sweep.csv says", common::called());
    assert!(String::from_utf8_lossy(&none.stderr).contains(&plot));
    let advice = stdout(&bench(place.path(), "plot out -v --max-latency 200ms"));
    let next = format!("\n    {} sweep --spec out --out out ", common::called());
    assert!(advice.contains(&next), "{advice}");
    let report = std::fs::read_to_string(place.path().join("out/report.html")).unwrap();
    assert!(report.contains("<code>bench-cli sweep --engine simulated "));
    assert!(report.contains("<code>bench-cli sweep --spec out --out out "));
    assert!(!report.contains(&common::called()));
    // Runs of their own, with what was recommended and nothing else.
    let rows = common::records(&place.path().join("out/confirm"));
    assert_eq!(rows.len(), 2 * 2 * 4);
    assert!(
        rows.iter()
            .all(|row| row.settings().node_count == 5 && [0, 100].contains(&row.batch_timeout_ms().unwrap()))
    );

    // A network that is worse than the one that was asked about makes the advice wrong, and the exit status
    // says so.
    let worse = std::fs::read_to_string(place.path().join("out/sweep.csv"))
        .unwrap()
        .replace(",20,constant,", ",250,constant,");
    std::fs::write(place.path().join("worse.csv"), worse).unwrap();
    let output = bench(place.path(), "confirm worse.csv --max-latency 300ms --repetitions 2 --out worse");
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains("0 of 2 runs"), "{}", stdout(&output));
}

#[test]
fn a_suggested_sweep_extends_the_folder_that_is_there() {
    let place = tempfile::tempdir().unwrap();
    let sweep = "sweep --engine simulated --strategy hub,direct --node-count 5 --time-limit 5s --latency 20ms \
                 --batch-timeouts 100,400 --repetitions 3 --seed 1 --max-latency 300ms --out out -q";
    assert!(bench(place.path(), sweep).status.success());
    let said = stdout(&bench(place.path(), "plot out -v"));
    let command = said.split(&format!("{} ", common::called())).nth(1).unwrap().lines().next().unwrap();
    assert!(command.starts_with("sweep --spec out --out out --strategy "), "{command}");
    let again = bench(place.path(), command);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let rows = common::records(&place.path().join("out"));
    assert!(rows.len() > 12 && rows[..12].iter().all(|row| row.run.repetition <= 3), "{}", rows.len());
    // The limits are still known, and the seeds are the sweep's own.
    assert!(stdout(&again).contains("max < 300 ms"), "{}", stdout(&again));
    let seeds: std::collections::BTreeSet<_> = rows.iter().map(|row| row.run.seed).collect();
    assert_eq!(seeds.len(), rows.len());
}

/// Neither a sweep's own runs nor those that were made to confirm an earlier one confirm it.
#[test]
fn a_sweep_is_confirmed_by_newer_runs_alone() {
    let place = tempfile::tempdir().unwrap();
    let sweep = "sweep --engine simulated --strategy hub --node-count 5 --time-limit 5s --latency 20ms \
                 --batch-timeouts 0,100,400 --repetitions 5 --seed 1 --out out -q";
    assert!(bench(place.path(), sweep).status.success());
    let said = |args: &str| {
        let output = bench(place.path(), &format!("confirm out --max-latency 300ms --repetitions 2 {args}"));
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for same in ["out", "./out", "out/../out"] {
        let (success, refused) = said(&format!("--out {same}"));
        assert!(!success && refused.contains("cannot confirm itself"), "{refused}");
    }
    assert!(said("").0 && said("").0, "a search resumes its own runs");
    assert_eq!(said("--quiet --keep none --run-timeout 1min"), (true, String::new()));

    // The sweep is redone, so the runs that confirmed it are older.
    let csv = place.path().join("out/sweep.csv");
    let redone = std::fs::read_to_string(&csv).unwrap();
    let started = common::records(&place.path().join("out"))[0].measured.started_at.unwrap();
    let year = format!("{}-", started.strftime("%Y"));
    std::fs::write(&csv, redone.replace(&format!(",{year}"), ",9999-")).unwrap();
    let (success, refused) = said("");
    assert!(!success && refused.contains("4 runs in out/confirm/sweep.csv are older"), "{refused}");
    // Replaced runs would not be newer than that year either; a folder of their own is none of the question.
    assert!(said("--force").0 && said("--out other").0);
}

/// A program in another language, in real time. Nothing else is to be tuned, so it is its batch timeout.
#[test]
fn any_node_can_be_tuned() {
    let place = tempfile::tempdir().unwrap();
    let node = common::fixtures().join("nodes/batching.py");
    let output = bench_cli()
        .current_dir(place.path())
        .args(["tune", "--engine", "embedded", "--out", "out", "--max-latency", "3s", "--repetitions", "2"])
        .args(["--node-count", "2", "--rate", "20", "--time-limit", "2s", "--latency", "500ms"])
        .args(["--jobs", "8", "--keep", "failed", "--minimize", "max", "--budget", "20", "--bin"])
        .arg(&node)
        .output()
        .unwrap();
    let said = stdout(&output);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("recommended: {} with a batch timeout of ", node.display())), "{said}");
    assert!(said.contains("  embedded: batching at "), "{said}");
    let again = format!("to repeat it: {} sweep --engine embedded --bin ", common::called());
    assert!(said.contains(&again), "{said}");
    let searched = common::records(&place.path().join("out"));
    let ms: u64 =
        said.split("with a batch timeout of ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let recommended = searched.iter().filter(|row| row.batch_timeout_ms() == Some(ms));
    assert!(recommended.count() >= 2);
    let kept = std::fs::read_dir(place.path().join("out/runs")).unwrap().count();
    assert_eq!(kept, searched.iter().filter(|row| !row.is_ok()).count());
    let virtual_time = bench_cli()
        .current_dir(place.path())
        .args(["tune", "--engine", "simulated", "--bin"])
        .arg(&node)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&virtual_time.stderr).contains("runs in real time"));
}

/// 10¹² settings, of which a search tries some and a sample measures some.
#[test]
fn a_grid_too_large_for_memory_is_searched_and_sampled() {
    const GRID: &str = "--engine simulated --strategy hub --batch-timeouts 1..=100:1 --node-count 3..=102 --rate 1..=100 \
                        --latency 1..=100:1 --loss 0..=0.099:0.001 --duplication 0..=0.099:0.001 --time-limit 1s --seed 1";
    let place = tempfile::tempdir().unwrap();
    let sampled = bench(place.path(), &format!("sweep {GRID} --sample 5 --repetitions 1 --out sample -q"));
    assert!(sampled.status.success(), "{}", common::stderr(&sampled));
    assert_eq!(common::records(&place.path().join("sample")).len(), 5);
    let dry = bench(place.path(), &format!("tune {GRID} --limit 3e --budget 100 --dry-run"));
    let said = stdout(&dry);
    assert!(said.contains("of 1000000000000 in the grid"), "{said}{}", common::stderr(&dry));
    let tuned =
        bench(place.path(), &format!("tune {GRID} --limit 3e --budget 60 --repetitions 4 --out tuned -q"));
    assert!(matches!(tuned.status.code(), Some(0 | 1)), "{}", common::stderr(&tuned));
    let both = bench(place.path(), &format!("tune {GRID} --limit 3e --sample 5 --out tuned"));
    assert_eq!(both.status.code(), Some(2));
    assert!(common::stderr(&both).contains("leave --sample out"), "{}", common::stderr(&both));
    assert!(common::records(&place.path().join("tuned")).len() <= 60);
    let whole = bench(place.path(), &format!("sweep {GRID} --out whole"));
    let said = common::stderr(&whole);
    assert!(said.contains("the sweep has more than 1000000 runs; give fewer values, or --sample"), "{said}");
    assert!(!place.path().join("whole").exists());
}

#[test]
fn a_budget_without_a_run_for_the_search_replaces_nothing() {
    let place = tempfile::tempdir().unwrap();
    let first = tune(place.path(), &["--max-latency", "500ms", "--quiet"]);
    assert!(first.status.success(), "{}", common::stderr(&first));
    let csv = place.path().join("out/sweep.csv");
    let before = std::fs::read(&csv).unwrap();
    let small = tune(place.path(), &["--max-latency", "500ms", "--force", "--budget", "38"]);
    let said = common::stderr(&small);
    assert_eq!(small.status.code(), Some(2), "{said}");
    assert!(
        said.contains("2 checks of 19 runs each are kept back; give a budget of more than 38 runs"),
        "{said}"
    );
    assert_eq!(std::fs::read(&csv).unwrap(), before);
}
