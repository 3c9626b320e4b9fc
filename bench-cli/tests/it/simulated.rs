//! The simulated engine as a user meets it: `simulate`, `soak` and `sweep --engine simulated`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use bench_cli::engine::simulated;
use bench_cli::spec::settings::Settings;
use node::StrategyKind;
use predicates::prelude::*;

fn bench_cli() -> Command {
    Command::cargo_bin("bench-cli").expect("the binary")
}

fn simulate(seed: u64, out: &Path) -> String {
    let seed = seed.to_string();
    bench_cli()
        .args([
            "simulate",
            "--strategy",
            "hub",
            "--batch-timeout",
            "200ms",
            "--node-count",
            "7",
            "--time-limit",
            "3s",
            "--seed",
            &seed,
        ])
        .args(["--latency-dist", "exponential", "--nemesis", "partition", "--nemesis-interval", "1s"])
        .args(["--loss", "0.05", "--duplication", "0.05", "--out"])
        .arg(out)
        .assert()
        .success();
    fs::read_to_string(out.join("history.edn")).expect("a history")
}

#[test]
fn a_seed_gives_the_same_history_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let [first, again, other] =
        [("a", 7), ("b", 7), ("c", 8)].map(|(name, seed)| simulate(seed, &folder.path().join(name)));
    assert!(first.lines().count() > 300, "{first}");
    assert_eq!(first, again);
    assert_ne!(first, other);
}

/// The fingerprint of one history. A change that is meant to change simulated runs changes it, too: the
/// failing test says to what.
const PINNED: u64 = 0x7a24_f21f_5e8b_b568;

/// FNV-1a, which needs no library to stay the same.
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn a_seed_gives_the_history_that_other_builds_and_platforms_give() {
    let folder = tempfile::tempdir().unwrap();
    let found = fingerprint(&simulate(7, folder.path()));
    assert_eq!(found, PINNED, "the fingerprint is now {found:#018x}");
}

/// A recorded run of Maelstrom at this latency had a mean of 34.7 ms and a maximum of 99.8 ms, with a node
/// that sends other messages than this one.
#[test]
fn clients_requests_wait_behind_messages_between_nodes() {
    let config = node::Config { strategy: StrategyKind::Tree, batch_timeout: Duration::from_millis(200) };
    let finished = simulated::run(&Settings::default(), config, 1).unwrap();
    let delays = finished.counts.request_delays;
    assert!(delays.count > 1_500, "{delays:?}");
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    assert!((15.0..60.0).contains(&ms(delays.mean())), "{delays:?}");
    assert!((90.0..105.0).contains(&ms(delays.max())), "{delays:?}");
}

#[test]
fn check_agrees_with_simulate() {
    let folder = tempfile::tempdir().unwrap();
    simulate(9, folder.path());
    let results = fs::read_to_string(folder.path().join("results.edn")).unwrap();
    let checked = bench_cli().arg("check").arg(folder.path()).output().unwrap();
    assert!(checked.status.success());
    let checked = String::from_utf8(checked.stdout).unwrap();
    let read = |text: &str| bench_cli::edn::parse(text).unwrap();
    for section in [":workload", ":stats", ":availability"] {
        assert_eq!(read(&checked).get(section), read(&results).get(section), "{section}");
    }
}

#[test]
fn a_simulation_is_summed_up_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let simulate = |more: &[&str]| {
        let mut command = bench_cli();
        command.args(["simulate", "--node-count", "3", "--time-limit", "2s", "--seed", "7"]).args(more);
        String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
    };
    let said = simulate(&["--out", folder.path().join("out").to_str().unwrap()]);
    assert!(said.starts_with("hub, batch timeout 300 ms, 3 nodes, seed 7: valid\n"), "{said}");
    assert!(said.lines().count() <= 10 && said.contains("  stable latency  median "), "{said}");
    let drawn = fs::read_to_string(folder.path().join("out/messages.svg")).unwrap();
    for part in [">n2</text>", ">c", "broadcast ", "batch ["] {
        assert!(drawn.contains(part), "{part}");
    }
    let edn = simulate(&["--edn"]);
    assert_eq!(edn, fs::read_to_string(folder.path().join("out/results.edn")).unwrap() + "\n");
}

#[test]
fn an_earlier_run_or_a_sweep_is_replaced_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let run = |out: &Path, more: &[&str]| {
        let mut command = bench_cli();
        command.args(["simulate", "--node-count", "3", "--time-limit", "1s", "--out"]).arg(out).args(more);
        command.assert()
    };
    let [earlier, sweep] = ["earlier", "sweep"].map(|name| folder.path().join(name));
    run(&earlier, &["--seed", "1"]).success();
    let history = || fs::read(earlier.join("history.edn")).unwrap();
    let first = history();
    run(&earlier, &["--seed", "2"])
        .code(1)
        .stdout("")
        .stderr(predicate::str::contains("history.edn already; give another --out, or --force"));
    assert_eq!(history(), first);
    run(&earlier, &["--seed", "2", "--force"]).success();
    assert_ne!(history(), first);
    fs::create_dir(&sweep).unwrap();
    fs::write(sweep.join("sweep.csv"), "").unwrap();
    run(&sweep, &[]).code(1).stderr(predicate::str::contains("sweep.csv already"));
    assert!(!sweep.join("history.edn").exists());
}

/// Its values come when the last reads are over, and the one read that the checker goes by has what it is
/// asked for.
#[test]
fn simulate_fails_where_the_soak_sees_a_fault_and_the_checker_none() {
    let simulate = |more: &[&str]| {
        let mut command = bench_cli();
        command.args(["simulate", "--strategy", "direct", "--batch-timeout", "30s", "--seed", "2"]);
        command.args(["--node-count", "2", "--rate", "1", "--time-limit", "1s"]).args(more).assert()
    };
    simulate(&[]).success();
    let late = "1 value was still missing from final reads";
    simulate(&["--check"]).code(1).stderr(predicate::str::contains(late));
}

#[test]
fn a_soak_of_no_runs_is_refused() {
    bench_cli().args(["soak", "--runs", "0"]).assert().code(2).stderr(predicate::str::contains("--runs"));
}

#[test]
fn a_soak_says_how_many_runs_were_clean() {
    bench_cli()
        .args(["soak", "--runs", "30", "--strategy", "direct"])
        .assert()
        .success()
        .stdout(predicate::str::contains("30 runs clean"));
}

#[test]
fn a_sweep_in_virtual_time_leaves_rows_and_pictures_but_no_run_folders() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sweep");
    bench_cli()
        .args(["sweep", "--engine", "simulated", "--strategy", "hub", "--batch-timeouts", "100,200,400"])
        .args(["--repetitions", "3", "--seed", "1", "--time-limit", "5s", "--out"])
        .arg(&out)
        .assert()
        .success();
    let csv = fs::read_to_string(out.join("sweep.csv")).unwrap();
    assert_eq!(csv.lines().count(), 10, "{csv}");
    assert!(out.join("latency-fit.svg").exists() && out.join("latency-fit.png").exists());
    assert!(!out.join("runs").exists());
}

#[test]
fn settings_without_virtual_time_are_refused() {
    for (args, reason) in [
        (&["--engine", "simulated", "--bin", "/bin/cat"][..], "a program given by --bin runs in real time"),
        (&["--engine", "simulated", "--node-args", "--x"], "starts no process"),
        (&["--engine", "embedded", "--loss", "0.1"], "use --engine simulated"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        bench_cli()
            .arg("sweep")
            .args(args)
            .arg("--out")
            .arg(folder.path().join("out"))
            .assert()
            .failure()
            .stderr(predicate::str::contains(reason));
    }
}

fn swept(folder: &Path, name: &str, seed: u64, latency: &str) -> std::path::PathBuf {
    let out = folder.join(name);
    bench_cli()
        .args(["sweep", "--engine", "simulated", "--strategy", "direct", "--batch-timeouts", "100,200,400"])
        .args(["--repetitions", "5", "--time-limit", "5s", "--latency", latency])
        .args(["--seed", &seed.to_string(), "--out"])
        .arg(&out)
        .assert()
        .success();
    out.join("sweep.csv")
}

#[test]
fn compare_finds_a_tenth_more_latency_and_is_silent_on_the_same_thing() {
    let folder = tempfile::tempdir().unwrap();
    let before = swept(folder.path(), "before", 1, "300ms");
    let again = swept(folder.path(), "again", 1_000, "300ms");
    let slower = swept(folder.path(), "slower", 2_000, "360ms");
    let compare = |second: &Path| {
        let mut command = bench_cli();
        command.arg("compare").arg(&before).arg(second).arg("--fail-on-regression");
        command
    };
    compare(&again).assert().success();
    let picture = folder.path().join("both.svg");
    compare(&slower).arg("-o").arg(&picture).assert().code(3).stdout(predicate::str::contains("worse"));
    assert!(fs::read_to_string(picture).unwrap().contains("latency 360 ms (slower)"));
}

#[test]
fn parity_compares_every_strategy_of_two_sweeps() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = |name: &str, latency: &str| {
        let out = folder.path().join(name);
        bench_cli()
            .args([
                "sweep",
                "--engine",
                "simulated",
                "--strategy",
                "hub,direct",
                "--batch-timeouts",
                "100,200",
            ])
            .args(["--repetitions", "5", "--time-limit", "5s", "--latency", latency, "--seed", "1", "--out"])
            .arg(&out)
            .assert()
            .success();
        out.join("sweep.csv")
    };
    let (one, slower) = (sweep("one", "100ms"), sweep("slower", "200ms"));
    let parity = |from: &Path| {
        let mut command = bench_cli();
        command.arg("parity").arg("--recorded").arg(&one).arg("--from").arg(from);
        command
    };
    parity(&one).assert().success().stdout(predicate::str::contains("16 of 16 medians within the limits"));
    let out = folder.path().join("parity");
    parity(&slower).arg("--out").arg(&out).assert().code(1).stdout(predicate::str::contains("OUTSIDE"));
    let table = fs::read_to_string(out.join("parity.csv")).unwrap();
    assert_eq!(table.lines().filter(|line| line.contains(",hub,")).count(), 8, "{table}");
}

/// Neither the sweep that is compared with nor an earlier one in the same place is lost.
#[test]
fn parity_replaces_a_sweep_only_by_force() {
    let place = tempfile::tempdir().unwrap();
    let run = |args: &str| {
        let mut command = bench_cli();
        command.args(args.split_whitespace()).current_dir(place.path()).assert()
    };
    let sweep = "sweep --engine simulated --strategy hub --batch-timeouts 100,200 --seed 1 -q --out";
    run(&format!("{sweep} one")).success();
    let rows = |name: &str| fs::read(place.path().join(name).join("sweep.csv")).unwrap();
    let before = rows("one");
    // Folders stand for the CSVs in them.
    let parity = "parity --engine simulated --recorded one --out";
    for same in ["one --force", "one/../one"] {
        run(&format!("{parity} {same}")).failure().stderr(predicate::str::contains(
            "is the folder of the sweep to compare with, which cannot be compared with itself",
        ));
    }
    assert!(rows("one") == before);
    run(&format!("{parity} two")).success().stdout(predicate::str::contains("8 of 8 medians"));
    let first = rows("two");
    run(&format!("{parity} two")).success().stderr(predicate::str::contains("all 6 runs are done already"));
    assert!(rows("two") == first);
    run(&format!("{parity} two --seed 9")).failure().stderr(predicate::str::contains("--seed 9 --force\n"));
    assert!(rows("two") == first);
    run(&format!("{parity} two --seed 9 --force")).stderr(predicate::str::contains("6 runs, "));
    assert!(rows("two") != first);
    run("parity --recorded one --from two/sweep.csv").stdout(predicate::str::contains("of 8 medians"));
    run("parity --recorded one --from two --force").code(2);
}

#[test]
fn parity_compares_the_simulated_tree_with_recorded_runs() {
    bench_cli()
        .args(["parity", "--engine", "simulated", "--repetitions", "3", "--reference", "tree"])
        .assert()
        .stdout(predicate::str::contains("of 28 medians within the limits (latencies 5 %, msgs/op 2 %)"));
    bench_cli()
        .args(["parity", "--engine", "simulated", "--bin", "/bin/cat"])
        .assert()
        .failure()
        .stderr(predicate::str::contains("a program given by --bin runs in real time"));
}
