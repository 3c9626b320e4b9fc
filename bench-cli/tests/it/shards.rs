//! Parts of a sweep on several machines, and how they are put together.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use bench_cli::record::RunRecord;
use bench_cli::record::csv_file::CsvFile;
use bench_cli::record::parameter_columns::ParameterColumns;

use crate::common::{bench, bench_cli, called, records, stderr, stdout, timeless};
use tempfile::TempDir;

/// Two points, three repetitions.
const SWEEP: &str = "sweep --engine simulated --strategy hub --batch-timeouts 100,200 --repetitions 3 \
                     --node-count 3 --time-limit 1s -q";

fn done(folder: &Path, args: &str) -> Output {
    let output = bench(folder, args);
    assert!(output.status.success(), "{args}: {}{}", stdout(&output), stderr(&output));
    output
}

fn refused(folder: &Path, args: &str) -> String {
    let output = bench(folder, args);
    assert_eq!(output.status.code(), Some(1), "{args}: {}", stdout(&output));
    stderr(&output)
}

/// A folder with `out` in which all shards but one have been executed.
fn without_the_second() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    for shard in ["1/3", "3/3"] {
        done(place.path(), &format!("{SWEEP} --seed 7 --out out --shard {shard}"));
    }
    place
}

#[test]
fn shards_merge_to_the_rows_of_the_whole_sweep() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    done(folder, &format!("{SWEEP} --seed 7 --out whole"));
    for shard in ["1/4", "2/4", "3/4", "4/4"] {
        let mut sweep = bench_cli();
        sweep.args(SWEEP.split_whitespace()).args(["--seed", "7", "--out", "out", "--shard", "auto/4"]);
        let (index, _) = shard.split_once('/').unwrap();
        let index: u32 = index.parse().unwrap();
        // As Kubernetes tells its indexed jobs.
        sweep.env("JOB_COMPLETION_INDEX", (index - 1).to_string()).env("SLURMD_NODENAME", shard);
        assert!(sweep.current_dir(folder).status().unwrap().success());
    }
    let said = stdout(&done(folder, "merge out"));
    assert!(said.contains("merged 4 shards: 6 of 6 runs"), "{said}");
    let mut merged = timeless(&folder.join("out"));
    let mut hosts: Vec<String> =
        merged.iter_mut().map(|record| std::mem::take(&mut record.measured.host)).collect();
    hosts.sort();
    hosts.dedup();
    assert_eq!(hosts, ["1/4", "2/4", "3/4", "4/4"]);
    let mut whole = timeless(&folder.join("whole"));
    whole.iter_mut().for_each(|record| record.measured.host.clear());
    assert_eq!(merged, whole);
    for file in ["report.html", "latency-fit.svg", "summary.md", "sweep.toml"] {
        assert!(folder.join("out").join(file).is_file(), "{file}");
    }
    // The whole distribution of latencies is merged, too.
    let file = |sweep: &str, name: &str| fs::read_to_string(folder.join(sweep).join(name)).unwrap();
    let distributions = |sweep| {
        // Runs end in any order.
        file(sweep, "latencies.csv").lines().map(str::to_owned).collect::<BTreeSet<String>>()
    };
    assert_eq!(distributions("out"), distributions("whole"));
    assert_eq!(file("out", "latency-distribution.svg"), file("whole", "latency-distribution.svg"));
    // A shard has its rows and what says which ones they are.
    let shard = folder.join("out/shards/1-of-4");
    assert!(["origin.toml", "sweep.csv", "sweep.toml"].iter().all(|file| shard.join(file).is_file()));
    assert!(!shard.join("report.html").exists());
    // It is a folder like any other: it can be plotted, resumed and extended.
    done(folder, "plot out");
    let again = done(folder, &SWEEP.replace(" -q", " --out out"));
    assert!(stderr(&again).contains("all 6 runs are done already"), "{}", stderr(&again));
}

/// Shards of the extended sweep keep their runs, and execute only the new ones.
#[test]
fn a_sweep_in_shards_is_extended_to_the_rows_of_one_that_was_extended_whole() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let more = SWEEP.replace("100,200", "100,150,200").replace("--repetitions 3", "--repetitions 4");
    for sweep in [SWEEP, &more] {
        done(folder, &format!("{sweep} --seed 7 --out whole"));
    }
    for shard in ["1/3", "2/3", "3/3"] {
        done(folder, &format!("{SWEEP} --seed 7 --out out --shard {shard}"));
    }
    done(folder, "merge out");
    let before: Vec<Vec<RunRecord>> =
        (1..=3).map(|shard| records(&folder.join(format!("out/shards/{shard}-of-3")))).collect();
    for shard in ["1/3", "2/3", "3/3"] {
        done(folder, &format!("{more} --seed 7 --out out --shard {shard}"));
    }
    let said = stdout(&done(folder, "merge out"));
    assert!(said.contains("merged 3 shards: 12 of 12 runs"), "{said}");
    assert_eq!(timeless(&folder.join("out")), timeless(&folder.join("whole")));
    for (shard, before) in (1..).zip(before) {
        let after = records(&folder.join(format!("out/shards/{shard}-of-3")));
        assert_eq!((after.len(), &after[..before.len()]), (4, &before[..]), "shard {shard}");
    }
    let text = |sweep: &str| fs::read_to_string(folder.join(sweep).join("sweep.toml")).unwrap();
    assert_eq!(text("out"), text("whole"));
}

#[test]
fn merged_runs_have_their_label() {
    let place = tempfile::tempdir().unwrap();
    for shard in ["1/2", "2/2"] {
        done(place.path(), &format!("{SWEEP} --label mine --out out --shard {shard}"));
    }
    let said = stdout(&done(place.path(), "merge out"));
    assert!(said.lines().any(|line| line.starts_with(" mine ")), "{said}");
}

#[test]
fn a_missing_shard_is_named_with_the_command_that_runs_it() {
    let place = without_the_second();
    let output = bench(place.path(), "merge out");
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("merged 2 shards: 4 of 6 runs"), "{said}");
    // One repetition of each point.
    assert!(
        said.contains("shard 2/3 lacks 2 runs: hub 100 ms #2, hub 200 ms #2; to execute the rest of it:"),
        "{said}"
    );
    let command = said.lines().skip_while(|line| !line.starts_with("shard 2/3")).nth(1).unwrap().trim();
    assert!(command.ends_with("sweep --spec out/sweep.toml --out out --shard 2/3"), "{command}");
    let run = Command::new("sh").args(["-c", command]).current_dir(place.path()).output().unwrap();
    assert!(run.status.success(), "{}", stderr(&run));
    assert!(stdout(&done(place.path(), "merge out")).contains("merged 3 shards: 6 of 6 runs"));
    // The rest can also be executed in one place.
    let place = without_the_second();
    let unmerged = refused(place.path(), &format!("{SWEEP} --seed 7 --out out"));
    assert!(unmerged.contains("merge out puts them together, then this command"), "{unmerged}");
    assert!(!bench(place.path(), "merge out").status.success());
    done(place.path(), "sweep --spec out/sweep.toml --out out");
    assert_eq!(timeless(&place.path().join("out")).len(), 6);
}

#[test]
fn a_doubled_shard_counts_once() {
    let place = without_the_second();
    let folder = place.path();
    let copy = folder.join("out/shards/copy-of-1");
    fs::create_dir(&copy).unwrap();
    for file in ["sweep.csv", "sweep.toml", "origin.toml"] {
        fs::copy(folder.join("out/shards/1-of-3").join(file), copy.join(file)).unwrap();
    }
    done(folder, &format!("{SWEEP} --seed 7 --out out --shard 2/3"));
    let said = stdout(&done(folder, "merge out"));
    assert!(said.contains("merged 4 shards: 6 of 6 runs"), "{said}");
    assert!(said.contains("left out 2 records of runs that have another one"), "{said}");
    assert_eq!(timeless(&folder.join("out")).len(), 6);
    // Merging again changes nothing.
    let before = fs::read(folder.join("out/sweep.csv")).unwrap();
    done(folder, "merge out");
    assert_eq!(fs::read(folder.join("out/sweep.csv")).unwrap(), before);
}

#[test]
fn a_foreign_shard_is_refused_by_name() {
    let place = without_the_second();
    let folder = place.path();
    let other = SWEEP.replace("--time-limit 1s", "--time-limit 2s");
    done(folder, &format!("{other} --seed 8 --out other --shard 2/3"));
    let said = refused(folder, "merge out out/shards/1-of-3 other/shards/2-of-3 out/shards/3-of-3");
    assert!(said.contains("other/shards/2-of-3 belongs to another sweep than out/shards/1-of-3"), "{said}");
    assert!(said.contains("seed: 8 and not 7"), "{said}");
    assert!(said.contains("time_limit") && !said.contains("node_count"), "{said}");
    assert!(!folder.join("out/sweep.csv").exists(), "a refused merge writes nothing");

    // Another build: the digest differs.
    let origin = folder.join("out/shards/3-of-3/origin.toml");
    let text = fs::read_to_string(&origin).unwrap();
    let build = text.lines().find(|line| line.starts_with("build")).unwrap();
    fs::write(&origin, text.replace(build, "build = \"0123456789abcdef\"")).unwrap();
    let said = refused(folder, "merge out");
    assert!(said.contains("out/shards/3-of-3 is of another build"), "{said}");
    // Nor does such a shard resume with this build, except to start over.
    let resumed = refused(folder, &format!("{SWEEP} --seed 7 --out out --shard 3/3"));
    assert!(resumed.contains("was built again") && resumed.contains("--force"), "{resumed}");

    // Not a shard at all.
    done(folder, &format!("{SWEEP} --seed 7 --out plain"));
    let said = refused(folder, "merge out plain");
    assert!(said.contains("plain does not name its sweep and build"), "{said}");
    let said = refused(folder, "merge none");
    assert!(said.contains("cannot read none/shards; name the folder of a sweep with shards"), "{said}");
    let said = refused(folder, "merge out none");
    assert!(said.contains("cannot read none/sweep.csv: is that the folder of a shard?"), "{said}");
}

#[test]
fn a_torn_shard_loses_its_torn_line_only() {
    let place = without_the_second();
    let folder = place.path();
    done(folder, &format!("{SWEEP} --seed 7 --out out --shard 2/3"));
    let csv = folder.join("out/shards/2-of-3/sweep.csv");
    let text = fs::read_to_string(&csv).unwrap();
    fs::write(&csv, &text[..text.len() - 10]).unwrap();
    let output = bench(folder, "merge out");
    assert!(
        stderr(&output).contains("line 3 of out/shards/2-of-3/sweep.csv is cut off"),
        "{}",
        stderr(&output)
    );
    assert!(stdout(&output).contains("shard 2/3 lacks 1 run: "), "{}", stdout(&output));
    // The shard resumes, and the merge is complete.
    done(folder, &format!("{SWEEP} --seed 7 --out out --shard 2/3"));
    assert!(stdout(&done(folder, "merge out")).contains("6 of 6 runs"));
    assert_eq!(fs::read_to_string(&csv).unwrap().lines().count(), 3);

    // A shard whose first line is torn has no runs, and one that is empty has not begun.
    fs::write(&csv, &text[..20]).unwrap();
    let output = bench(folder, "merge out --force");
    assert!(stdout(&output).contains("shard 2/3 lacks 2 runs"), "{}", stdout(&output));
}

#[test]
fn a_shard_needs_a_place_and_a_number() {
    let place = tempfile::tempdir().unwrap();
    let said = stderr(&bench(place.path(), &format!("{SWEEP} --shard 1/3")));
    assert!(said.contains("--shard needs --out or --name"), "{said}");
    let said = stderr(&bench(place.path(), &format!("{SWEEP} --out out --shard 4/3")));
    assert!(said.contains("is not a valid shard; use I/N"), "{said}");
    let mut auto = bench_cli();
    auto.args(SWEEP.split_whitespace()).args(["--out", "out", "--shard", "auto"]);
    for variable in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"] {
        auto.env_remove(variable);
    }
    let said = stderr(&auto.current_dir(place.path()).output().unwrap());
    assert!(said.contains("give --shard I/N"), "{said}");
}

/// A task that Slurm starts again while the first one still runs executes only what that one leaves.
#[test]
fn a_task_that_is_started_twice_waits_for_the_first_and_repeats_nothing() {
    let place = tempfile::tempdir().unwrap();
    let shard = format!("{} --seed 7 --out out --shard 1/2", SWEEP.replace(" -q", ""));
    done(place.path(), &shard);
    let folder = place.path().join("out/shards/1-of-2");
    let (rows, expected) = (records(&folder), timeless(&folder));
    // This test is the first task now, and has executed one of three runs.
    let csv = folder.join("sweep.csv");
    let complete = fs::read_to_string(&csv).unwrap();
    fs::write(&csv, complete.split_inclusive('\n').take(2).collect::<String>()).unwrap();
    let (mut file, there) = CsvFile::open(&csv, ParameterColumns::default(), false, true).unwrap();
    assert_eq!((there.records.len(), rows.len()), (1, 3));

    let started_again = || {
        let mut second = bench_cli();
        second.args(shard.split_whitespace()).env("SLURM_JOB_ID", "1").current_dir(place.path());
        let mut second = second.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(second.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("another process executes this shard; waiting until it ends") {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it does not wait");
        }
        (second, said)
    };
    let ended = |(mut second, mut said): (Child, BufReader<ChildStderr>)| {
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        (second.wait().unwrap().code(), rest)
    };

    let cancelled = started_again();
    assert!(Command::new("kill").args(["-INT", &cancelled.0.id().to_string()]).status().unwrap().success());
    let (status, rest) = ended(cancelled);
    assert!(status == Some(130) && !rest.contains("error:"), "{status:?}: {rest}");

    let second = started_again();
    file.append(&rows[1]).unwrap();
    drop(file);
    let (status, rest) = ended(second);
    assert_eq!(status, Some(0), "{rest}");
    assert!(rest.contains("shard 1/2: 3 of 3 runs"), "{rest}");
    assert_eq!(timeless(&folder), expected);
}

/// GNU parallel is all that a sweep on several cores, or over ssh on several machines, needs.
#[test]
fn gnu_parallel_executes_the_documented_line() {
    const LINE: &str =
        "parallel bench-cli sweep --name mine --shard {}/4 ::: 1 2 3 4 && bench-cli merge results/mine";
    const SHORT: &str = "sweep --engine embedded --batch-timeouts 50,100 --repetitions 2 --node-count 3 --time-limit 1s \
                         --jobs 1 -q";
    for document in [include_str!("../../../README.md"), include_str!("../../docs/clusters.md")] {
        assert!(document.contains(LINE));
    }
    if !has_parallel() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let line = LINE.replace("sweep", SHORT).replace("bench-cli", &called());
    let output = Command::new("sh").args(["-c", &line]).current_dir(place.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("merged 4 shards: 4 of 4 runs"), "{}", stdout(&output));
    assert_eq!(timeless(&place.path().join("results/mine")).len(), 4);
}

/// Whether GNU parallel can run; where [`crate::common::CI_SLURM`] says that it is installed, it must.
fn has_parallel() -> bool {
    let is_gnu = |output: Output| stdout(&output).starts_with("GNU parallel");
    crate::common::has_cluster_tool(
        "GNU parallel",
        Command::new("parallel").arg("--version").output().is_ok_and(is_gnu),
    )
}
