//! `bench-cli sweep` and `plot` as a user runs them, on a stand-in for Maelstrom that leaves recorded
//! results.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::common::{self, Place, bench, cat, fake, stderr, stdout};
use bench_cli::record::columns::to_the_second;
use bench_cli::record::{RunRecord, StableLatencies, Status, Validity};

#[test]
fn a_sweep_leaves_rows_pictures_and_a_summary() {
    let place = Place::new();
    let output = place
        .sweep(&["--batch-timeouts", "50,100,200..=800:200", "--repetitions", "2", "--jobs", "2"])
        .args(["--node-args", "--flush {batch_timeout_ms} 'two words'", "--latency", "100"])
        .args(["--node-env", "FLUSH={batch_timeout_s}", "--node-env", "A=b c"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let rows = place.records();
    assert_eq!(rows.len(), 12);
    let row =
        rows.iter().find(|row| (row.batch_timeout_ms().unwrap(), row.run.repetition) == (200, 2)).unwrap();
    let figures = row.figures().unwrap();
    assert_eq!(
        (row.measured.status, figures.validity, figures.operations),
        (Status::Ok, Validity::Valid, 1967)
    );
    assert_eq!((figures.msgs_per_op, figures.msgs_per_op_all), (Some(3.4560244), Some(5.506863)));
    let ms = Duration::from_millis;
    let latencies = StableLatencies { p0: ms(0), p50: ms(812), p95: ms(988), p99: ms(1026), max: ms(1110) };
    assert_eq!(figures.stable, Some(latencies));
    assert_eq!(row.run.args_shown(), "--flush 200 'two words'");
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(row.run.env, [variable("FLUSH", "0.2"), variable("A", "b c")]);
    // What the engine was really called with.
    let run = place.path("out").join(Path::new(&row.measured.log).parent().unwrap());
    let arguments = fs::read_to_string(run.join("arguments")).unwrap();
    let last: Vec<&str> = arguments.lines().rev().take(6).collect();
    assert_eq!(last, ["two words", "200", "--flush", "--", cat().to_str().unwrap(), "--bin"]);
    for name in ["latency-fit.svg", "latency-fit.png"] {
        assert!(fs::metadata(place.path("out").join(name)).unwrap().len() > 10_000, "{name}");
    }
    let said = stdout(&output);
    assert!(said.contains("max = (4.542 ± ") && said.contains(" · timeout + 342 ms"), "{said}");
    assert!(said.lines().count() < 24 && said.lines().all(|line| line.chars().count() <= 100), "{said}");
    let said = stdout(&place.bench(&["plot", "out", "-v"]).output().unwrap());
    // The line through these maxima as Python's statistics.linear_regression gives it.
    let max = said.lines().rfind(|line| line.split_whitespace().nth(1) == Some("max")).unwrap();
    assert!(max.contains("4.542 ±") && max.contains("342 ±") && max.contains("0.9951"), "{max}");
    // Standard error is not a terminal here: progress is one line for each run.
    assert_eq!(stderr(&output).lines().filter(|line| line.starts_with('[')).count(), 12);
}

#[test]
fn runs_that_fail_are_recorded_and_left_out() {
    let place = Place::new();
    let output = place
        .sweep(&["--batch-timeouts", "25,50,100,200,300,350,400,600,800", "--repetitions", "1"])
        .env("FAKE_25", "crash")
        .env("FAKE_100", "fail-lost")
        .env("FAKE_300", "no-gnuplot")
        .env("FAKE_350", "bad-flag")
        .env("FAKE_800", "partition")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let rows = place.records();
    let ended: Vec<(u64, Status)> =
        rows.iter().map(|row| (row.batch_timeout_ms().unwrap(), row.measured.status)).collect();
    assert_eq!(
        ended,
        [
            (25, Status::Crashed),
            (50, Status::Ok),
            (100, Status::Invalid),
            (200, Status::Ok),
            (300, Status::Unknown),
            (350, Status::BadArguments),
            (400, Status::Ok),
            (600, Status::Ok),
            (800, Status::Invalid),
        ]
    );
    let crashed = "exit status 255: Node n1 crashed with exit status 3. It wrote to stderr: dying";
    assert_eq!(rows[0].measured.reason, crashed);
    assert_eq!(rows[2].measured.reason, "15 of 21 values lost");
    assert_eq!(rows[5].measured.reason, "Unknown option: \"--no-such-flag\"");
    for row in &rows {
        assert!(place.path("out").join(&row.measured.log).is_file(), "{}", row.measured.log);
    }
    // All that the other runs measured is there.
    assert!(place.path("out/report.html").is_file() && place.path("out/latency-fit.svg").is_file());
    // In one line, however wide the screen is.
    let said = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("5 of 9 runs are not ok") && said.contains(crashed), "{said}");
}

#[test]
fn a_sweep_without_any_ok_run_fails_but_keeps_its_rows() {
    let place = Place::new();
    let output = place
        .sweep(&["--batch-timeouts", "50", "--repetitions", "1"])
        .env("FAKE_50", "crash")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(place.records().len(), 1);
    assert!(!place.path("out/latency-fit.svg").exists());
}

#[test]
fn an_earlier_sweep_is_replaced_only_by_force() {
    let place = Place::new();
    let args = ["--batch-timeouts", "50", "--repetitions", "3"];
    assert!(place.sweep(&args).status().unwrap().success());
    let before = fs::read(place.path("out/sweep.csv")).unwrap();
    let again = place.sweep(&args).output().unwrap();
    assert!(again.status.success());
    assert!(stderr(&again).contains("all 3 runs are done already"), "{}", stderr(&again));
    let refused = place.sweep(&args).args(["--rate", "50"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("rate: 100 there, 50 now"), "{}", stderr(&refused));
    assert_eq!(fs::read(place.path("out/sweep.csv")).unwrap(), before);
    assert!(
        place
            .sweep(&["--batch-timeouts", "100", "--repetitions", "1", "--force"])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(place.records().len(), 1);
    assert!(!place.path("out/runs/cat-50ms-r1").exists());
}

#[test]
fn a_stopped_sweep_is_resumed() {
    let place = Place::new();
    let args = ["--batch-timeouts", "50,200", "--repetitions", "2"];
    let failed = place.sweep(&args).env("FAKE_200", "crash").output().unwrap();
    assert_eq!(failed.status.code(), Some(1), "{}", stderr(&failed));
    // A power cut in the middle of the third row.
    let csv = place.path("out/sweep.csv");
    let text = fs::read_to_string(&csv).unwrap();
    let third = text.match_indices('\n').nth(3).unwrap().0;
    fs::write(&csv, &text[..third - 20]).unwrap();
    let output = place.sweep(&args).output().unwrap();
    // Nothing failed this time, but not every row is ok.
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("line 4 of out/sweep.csv was cut off"), "{said}");
    assert!(said.contains("2 of 4 runs are done already"), "{said}");
    let ended = |place: &Place| {
        let rows = place.records();
        rows.iter()
            .map(|row| {
                (
                    row.batch_timeout_ms().unwrap(),
                    row.run.repetition,
                    row.measured.status,
                    row.measured.attempts,
                )
            })
            .collect::<Vec<_>>()
    };
    let (ok, crashed) = (Status::Ok, Status::Crashed);
    assert_eq!(ended(&place), [(50, 1, ok, 1), (200, 1, crashed, 1), (50, 2, ok, 1), (200, 2, ok, 1)]);
    assert!(place.sweep(&args).arg("--retry-failed").status().unwrap().success());
    assert_eq!(ended(&place), [(50, 1, ok, 1), (50, 2, ok, 1), (200, 2, ok, 1), (200, 1, ok, 2)]);
}

#[test]
fn runs_of_two_builds_are_not_one_sweep() {
    let place = Place::new();
    let node = place.path("node");
    fs::copy(cat(), &node).unwrap();
    let sweep = |more: &[&str]| {
        let mut command =
            place.bench(&["sweep", "--out", "out", "--bin", "./node", "--batch-timeouts", "50,200"]);
        command
            .args(["--repetitions", "1", "--maelstrom"])
            .arg(fake())
            .args(more)
            .env("PATH", common::tools());
        command
    };
    let built = |time: SystemTime| fs::File::options().write(true).open(&node).unwrap().set_modified(time);
    let later = SystemTime::now() + Duration::from_secs(3600);
    assert_eq!(sweep(&[]).env("FAKE_200", "crash").status().unwrap().code(), Some(1));
    let before = fs::read(place.path("out/sweep.csv")).unwrap();
    built(later).unwrap();
    for more in [&[][..], &["--retry-failed"]] {
        let refused = sweep(more).output().unwrap();
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("node was modified at") && said.contains("--force to start over"), "{said}");
        // The command that does so can be pasted.
        let restart = said.trim_end().lines().last().unwrap().trim_start();
        assert!(
            restart.starts_with(&format!("{} sweep --out out --bin ./node ", common::called())),
            "{said}"
        );
        assert!(restart.ends_with(" --force") && !restart.contains("--retry-failed"), "{said}");
    }
    assert_eq!(fs::read(place.path("out/sweep.csv")).unwrap(), before);
    built(SystemTime::UNIX_EPOCH).unwrap();
    let same = sweep(&[]).output().unwrap();
    assert!(stderr(&same).contains("all 2 runs are done already"), "{}", stderr(&same));
    built(later).unwrap();
    assert!(sweep(&["--force"]).status().unwrap().success());
    assert!(place.records().iter().all(RunRecord::is_ok));
}

#[test]
fn in_virtual_time_the_build_of_bench_cli_counts() {
    let place = Place::new();
    let args =
        ["sweep", "--engine", "simulated", "--out", "out", "--time-limit", "1s", "--batch-timeouts", "50"];
    let sweep = || place.bench(&args).args(["--repetitions", "1"]).output().unwrap();
    assert!(sweep().status.success());
    assert!(stderr(&sweep()).contains("the only run is done already"));
    let csv = place.path("out/sweep.csv");
    let text = fs::read_to_string(&csv)
        .unwrap()
        .replace(&to_the_second(place.records()[0].measured.started_at.unwrap()), "2001-02-03T04:05:06Z");
    fs::write(&csv, text).unwrap();
    let refused = sweep();
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("bench-cli was modified at"), "{}", stderr(&refused));
}

#[test]
fn a_picture_that_cannot_be_drawn_costs_nothing_else() {
    let place = Place::new();
    // One node has nobody to send to, and a read that follows a broadcast has its value: 0 messages, 0 ms.
    let args =
        ["sweep", "--engine", "simulated", "--out", "out", "--node-count", "1", "--batch-timeouts", "50"];
    let output = place.bench(&args).args(["--time-limit", "1s"]).output().unwrap();
    let said = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        said.contains("left out frontier: there is nothing to draw: none of the 3 ok runs has"),
        "{said}"
    );
    assert!(place.path("out/report.html").is_file() && place.path("out/latency-fit.svg").is_file());
}

#[test]
fn plot_leaves_files_of_other_rows_alone() {
    let place = Place::new();
    assert!(place.sweep(&["--batch-timeouts", "50,200", "--repetitions", "2"]).status().unwrap().success());
    let text = fs::read_to_string(place.path("out/sweep.csv")).unwrap();
    let files = || {
        let entries = fs::read_dir(place.path("out")).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap()));
        files.collect::<BTreeMap<_, _>>()
    };
    fs::write(place.path("out/none.csv"), text.lines().next().unwrap().to_owned() + "\n").unwrap();
    let before = files();
    let refused = place.bench(&["plot", "out/none.csv"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("no run in out/none.csv is ok"), "{}", stderr(&refused));
    assert!(files() == before);

    fs::write(place.path("out/half.csv"), text.lines().take(3).collect::<Vec<_>>().join("\n") + "\n")
        .unwrap();
    let before = files();
    assert!(place.bench(&["plot", "out/half.csv", "--format", "json,markdown"]).status().unwrap().success());
    let after = files();
    assert!(before.iter().all(|(path, bytes)| after[path] == *bytes));
    let new = after.keys().filter(|path| !before.contains_key(*path));
    let new: Vec<String> = new.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    for name in ["half-report.html", "half-latency-fit.svg", "half-sweep.json", "half-summary.md"] {
        assert!(new.iter().any(|other| other == name), "{name}: {new:?}");
    }
    assert!(new.iter().all(|name| name.starts_with("half-")), "{new:?}");
    let report = fs::read_to_string(place.path("out/half-report.html")).unwrap();
    assert!(report.contains("half.csv</a>") && !report.contains("sweep.csv"));
}

#[test]
fn artifacts_of_earlier_rows_are_removed_or_written_again() {
    let place = Place::new();
    let sweep = |args: &str| {
        let args = format!(
            "sweep --engine simulated --time-limit 1s --repetitions 1 --seed 1 --out out --batch-timeouts {args}"
        );
        let output = place.bench(&args.split_whitespace().collect::<Vec<_>>()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    };
    let exists = |name: &str| place.path("out").join(name).exists();
    sweep("50,100 --strategy tree,hub --format json,markdown");
    fs::write(place.path("out/notes.md"), "mine").unwrap();
    assert!(exists("latency-fit-tree.png"));
    // More rows, which the summary is of though nobody asked again.
    sweep("50,100,200 --strategy tree,hub");
    let summary = fs::read_to_string(place.path("out/summary.md")).unwrap();
    assert!(summary.contains("| tree | 200 |"), "{summary}");
    assert!(fs::read_to_string(place.path("out/sweep.json")).unwrap().contains("\"batch_timeout_ms\": 200"));
    sweep("50,100 --strategy hub --force");
    for gone in ["latency-fit-tree.png", "latency-fit-hub.svg", "sweep.json"] {
        assert!(!exists(gone), "{gone}");
    }
    let summary = fs::read_to_string(place.path("out/summary.md")).unwrap();
    assert!(!summary.contains("| tree |") && !summary.contains("| 200 |"), "{summary}");
    assert!(exists("notes.md") && exists("latency-fit.png") && exists("report.html"));
}

#[test]
fn a_picture_takes_the_place_of_a_picture_only_and_that_is_known_first() {
    let place = Place::new();
    assert!(place.sweep(&["--batch-timeouts", "50,200", "--repetitions", "2"]).status().unwrap().success());
    fs::write(place.path("notes.svg"), "remember the milk\n").unwrap();
    fs::create_dir(place.path("folder.png")).unwrap();
    for (file, code, reason) in [
        ("plot.gif", 2, "plot.gif should end in .svg, .png or .pdf"),
        ("notes.svg", 1, "notes.svg is not a plot, and a plot does not replace it"),
        ("folder.png", 1, "folder.png is a folder"),
    ] {
        for args in [&["plot", "out/sweep.csv"][..], &["compare", "out", "out/sweep.csv"]] {
            let refused = place.bench(args).args(["-o", file]).output().unwrap();
            assert_eq!(refused.status.code(), Some(code), "{args:?} {file}");
            assert!(stderr(&refused).contains(reason), "{args:?} {file}: {}", stderr(&refused));
            assert_eq!(stdout(&refused), "", "{args:?} {file}");
        }
    }
    assert_eq!(fs::read_to_string(place.path("notes.svg")).unwrap(), "remember the milk\n");
    // A file that mktemp has made is empty.
    fs::write(place.path("new.svg"), "").unwrap();
    for file in ["new.svg", "new.svg", "new.png", "new.png", "new.pdf", "new.pdf"] {
        assert!(place.bench(&["plot", "out/sweep.csv", "-o", file]).status().unwrap().success(), "{file}");
    }
}

#[test]
fn plot_draws_the_same_again() {
    let place = Place::new();
    assert!(
        place.sweep(&["--batch-timeouts", "50,200,800", "--repetitions", "2"]).status().unwrap().success()
    );
    let drawn = |name: &str| fs::read(place.path("out").join(name)).unwrap();
    let (svg, png) = (drawn("latency-fit.svg"), drawn("latency-fit.png"));
    fs::remove_file(place.path("out/latency-fit.svg")).unwrap();
    fs::remove_file(place.path("out/latency-fit.png")).unwrap();
    assert!(place.bench(&["plot", "out/sweep.csv"]).status().unwrap().success());
    assert!(drawn("latency-fit.svg") == svg && drawn("latency-fit.png") == png);
    assert!(place.bench(&["plot", "out/sweep.csv", "-o", "my plot.PNG"]).status().unwrap().success());
    assert!(fs::read(place.path("my plot.PNG")).unwrap() == png);
    let refused = place.bench(&["plot", "out/sweep.csv", "-o", "plot.gif"]).output().unwrap();
    assert!(stderr(&refused).contains("plot.gif should end in .svg, .png or .pdf"));
}

#[test]
fn figures_for_a_paper_have_their_width_and_legible_text() {
    let place = Place::new();
    assert!(
        place.sweep(&["--batch-timeouts", "50,200,800", "--repetitions", "2"]).status().unwrap().success()
    );
    let report = fs::read(place.path("out/report.html")).unwrap();
    let output =
        place.bench(&["plot", "out", "--width", "84mm", "--font-size", "8", "--no-title"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    for name in ["latency-fit", "msgs-per-op", "frontier"] {
        let file = |format: &str| place.path(&format!("out/figures/{name}.{format}"));
        let svg = fs::read_to_string(file("svg")).unwrap();
        let root = svg.split('>').next().unwrap();
        let attribute =
            |name: &str| root.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
        let width: f64 = attribute("width").strip_suffix("mm").unwrap().parse().unwrap();
        assert!((width - 84.0).abs() < 0.2, "{root}");
        // Font sizes are in the drawing's unit.
        let drawn: f64 = attribute("viewBox").split(' ').nth(2).unwrap().parse().unwrap();
        let sizes = svg.split("font-size=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        let points = sizes.map(|size| size.parse::<f64>().unwrap() * width / drawn * 72.0 / 25.4);
        let smallest = points.fold(f64::INFINITY, f64::min);
        assert!((6.0..9.0).contains(&smallest), "{name}: {smallest} pt");
        assert!(fs::read(file("pdf")).unwrap().starts_with(b"%PDF-"), "{name}");
        // 84 mm at 600 dpi.
        let png = fs::read(file("png")).unwrap();
        let pixels = u32::from_be_bytes(png[16..20].try_into().unwrap());
        assert!((1975..2000).contains(&pixels), "{name}: {pixels}");
        assert!(!svg.contains("topology"), "the footer has the settings");
    }
    assert!(fs::read(place.path("out/report.html")).unwrap() == report);
    for (args, reason) in [
        (&["--width", "84"][..], "write 84mm"),
        (&["--width", "84mm", "--font-size", "7"], "use at least 7.7"),
        (&["--font-size", "8"], "--width"),
    ] {
        let refused = place.bench(&["plot", "out"]).args(args).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        assert!(stderr(&refused).contains(reason), "{args:?}: {}", stderr(&refused));
    }
}

#[test]
fn plot_draws_the_one_picture_that_was_asked_for_and_ignores_no_flag() {
    let place = Place::new();
    assert!(place.sweep(&["--batch-timeouts", "50,200", "--repetitions", "2"]).status().unwrap().success());
    for name in ["latency-fit", "msgs-per-op", "frontier"] {
        // The other name is that of earlier versions.
        let flag = if name == "frontier" { "--picture" } else { "--plot" };
        let plot = ["plot", "out", flag, name, "-o", "one.svg"];
        assert!(place.bench(&plot).status().unwrap().success(), "{name}");
        let drawn = |path: &str| fs::read(place.path(path)).unwrap();
        assert!(drawn("one.svg") == drawn(&format!("out/{name}.svg")), "{name}");
    }
    for (args, code, reason) in [
        (&["out", "-o", "one.svg", "--format", "json"][..], 2, "cannot be used with"),
        (&["out", "--plot", "frontier"], 2, "--output <FILE>"),
        (&["out", "--plot", "all", "-o", "one.svg"], 2, "latency-fit, msgs-per-op, frontier"),
        (
            &["out", "out", "--format", "json"],
            2,
            "--plot, --format and figures for a paper apply to one sweep",
        ),
        (
            &["out", "out", "--plot", "frontier", "-o", "one.svg"],
            2,
            "--plot, --format and figures for a paper apply to one sweep",
        ),
    ] {
        let refused = place.bench(&["plot"]).args(args).output().unwrap();
        assert_eq!(refused.status.code(), Some(code), "{args:?}");
        assert!(stderr(&refused).contains(reason), "{args:?}: {}", stderr(&refused));
    }
}

#[test]
fn a_torn_last_row_is_left_out_with_a_warning() {
    let place = Place::new();
    assert!(
        place.sweep(&["--batch-timeouts", "50,200,800", "--repetitions", "2"]).status().unwrap().success()
    );
    let csv = place.path("out/sweep.csv");
    let text = fs::read_to_string(&csv).unwrap();
    fs::write(&csv, &text[..text.len() - 10]).unwrap();
    let output = place.bench(&["plot", "out/sweep.csv"]).output().unwrap();
    assert!(output.status.success());
    assert!(
        stderr(&output).contains("line 7 of out/sweep.csv is cut off and left out"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn wrong_usage_is_refused_before_anything_runs() {
    let place = Place::new();
    for (args, hint) in [
        (vec!["--batch-timeouts", "50,abc"], "\"abc\" is not a duration"),
        (vec!["--node-args", "{timeout}"], "{timeout} is not a placeholder"),
        (vec!["--engine", "embedded"], "--maelstrom has no effect with --engine embedded"),
        (vec!["--strategy", "hub"], "cannot be used with"),
    ] {
        let output = place.sweep(&args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(hint), "{args:?}: {}", stderr(&output));
    }
    for (bin, hint) in [("nowhere", "does not exist"), ("plain", "chmod +x plain")] {
        fs::write(place.path("plain"), "").unwrap();
        let mut command = place.bench(&["sweep", "--out", "out", "--bin", bin, "--maelstrom"]);
        let output = command.arg(fake()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(hint), "{}", stderr(&output));
    }
    assert!(!place.path("out").exists());
}

#[test]
fn faults_that_would_fail_every_run_are_found_before_the_first() {
    let place = Place::new();
    fs::write(place.path("mute"), "#!/bin/sh\necho no such flag >&2\nexit 2\n").unwrap();
    assert!(
        Command::new("chmod").args(["+x", "mute"]).current_dir(place.0.path()).status().unwrap().success()
    );
    let mut command = place.bench(&["sweep", "--out", "out", "--bin", "mute", "--maelstrom"]);
    let output = command.arg(fake()).env("PATH", place.0.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("crashed with exit status 2 during init, and says: no such flag"), "{said}");
    assert!(said.contains("gnuplot: not on PATH; Maelstrom calls every run unknown without it"), "{said}");
    assert!(!place.path("out").exists());
}

#[test]
fn a_dry_run_prints_commands_that_can_be_typed_and_does_nothing() {
    let place = Place::new();
    let args =
        ["--batch-timeouts", "50,200", "--repetitions", "1", "--node-args", "'two words'", "--dry-run"];
    let output = place.sweep(&args).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("2 runs, 1 at a time, would take about 1m"), "{}", stderr(&output));
    assert!(!place.path("out").exists());
    let said = stdout(&output);
    let [_, second] = said.lines().collect::<Vec<_>>()[..] else { panic!("{said}") };
    fs::create_dir_all(place.path("out/runs/cat-200ms-r1")).unwrap();
    assert!(Command::new("sh").args(["-c", second]).current_dir(place.0.path()).status().unwrap().success());
    let arguments = fs::read_to_string(place.path("out/runs/cat-200ms-r1/arguments")).unwrap();
    assert!(arguments.ends_with("--\ntwo words\n"), "{arguments}");
}

#[test]
fn quiet_shows_nothing_and_verbose_shows_phases() {
    let run = |flag| {
        let place = Place::new();
        stderr(&place.sweep(&["--batch-timeouts", "50", "--repetitions", "1", flag]).output().unwrap())
    };
    assert_eq!(run("--quiet"), "");
    assert!(run("-v").contains("cat 50 ms #1: starting\n"));
}

/// What a run measured and what it was, less the time that it took.
fn timeless(place: &Place) -> Vec<RunRecord> {
    common::timeless(&place.path("out"))
}

#[test]
fn a_resumed_grid_is_the_same_as_one_that_never_stopped() {
    let grid = ["sweep", "--engine", "simulated", "--out", "out", "--time-limit", "1s", "--repetitions", "2"];
    let settings =
        ["--batch-timeouts", "50,200", "--node-count", "3,5", "--latency", "10,100", "--rate", "20,40"];
    let whole = Place::new();
    let sweep = |place: &Place, args: &[&str]| place.bench(&grid).args(settings).args(args).output().unwrap();
    assert!(sweep(&whole, &["--seed", "7"]).status.success());
    let rows = timeless(&whole);
    assert_eq!(rows.len(), 32);
    let place = Place::new();
    assert!(sweep(&place, &["--seed", "7"]).status.success());
    // Every third row is missing, and the last one is torn.
    let csv = place.path("out/sweep.csv");
    let text = fs::read_to_string(&csv).unwrap();
    let kept = text.lines().enumerate().filter(|(number, _)| number % 3 != 2);
    let kept: String = kept.map(|(_, line)| format!("{line}\n")).collect();
    fs::write(&csv, &kept[..kept.len() - 9]).unwrap();
    let done = kept.lines().count() - 2;
    let output = sweep(&place, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains(&format!("{done} of 32 runs are done already")), "{}", stderr(&output));
    assert_eq!(timeless(&place), rows);
    // A smaller grid is not what was measured; a larger one extends it.
    let refused = place.bench(&grid).args(&settings[..2]).args(["--node-count", "3,4"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr(&refused);
    for difference in
        ["node_count: 5 there, 3, 4 now", "latency: 10ms there, 100ms now", "rate: 20, 40 there"]
    {
        assert!(said.contains(difference), "{difference}: {said}");
    }
    let larger = ["--node-count", "3,4,5"];
    let larger = place.bench(&grid).args(&settings[..2]).args(larger).args(&settings[4..]).output().unwrap();
    assert!(larger.status.success(), "{}", stderr(&larger));
    let rows = timeless(&place);
    assert_eq!(rows.len(), 48);
    let seeds: std::collections::BTreeSet<_> = rows.iter().map(|row| row.run.seed).collect();
    assert_eq!(seeds.len(), 48, "a seed comes twice");
}

#[test]
fn typed_names_reach_no_shell_and_leave_no_folder() {
    let place = Place::new();
    let hostile = "$(touch pwned); touch 'pw ned' `touch pwned`";
    let bin = place.path("no$(touch pwned)de; touch pwned");
    fs::copy(cat(), &bin).unwrap();
    let output = place
        .bench(&["sweep", "--out", "out", "--repetitions", "1", "--batch-timeouts", "50", "--maelstrom"])
        .arg(fake())
        .arg("--bin")
        .arg(&bin)
        .args(["--node-args", &shlex::try_quote(hostile).unwrap()])
        .env("PATH", common::tools())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let row = &place.records()[0];
    let run = place.path("out").join(Path::new(&row.measured.log).parent().unwrap());
    let arguments = fs::read_to_string(run.join("arguments")).unwrap();
    assert!(arguments.ends_with(&format!("--\n{hostile}\n")), "{arguments}");
    assert_eq!(run.parent().unwrap(), place.path("out/runs"));
    for entry in walk(place.0.path()) {
        assert!(!["pwned", "pw ned"].iter().any(|name| entry.ends_with(&format!("/{name}"))), "{entry}");
    }
    for name in ["../up", "a/b", "..", ".hidden", ""] {
        let refused = place.bench(&["sweep", "--engine", "simulated", "--name", name]).output().unwrap();
        assert!(stderr(&refused).contains("is not a plain folder name"), "{name}: {}", stderr(&refused));
    }
}

/// Every path below a folder.
fn walk(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: std::path::PathBuf| {
        let mut paths = vec![path.display().to_string()];
        if path.is_dir() && !path.is_symlink() {
            paths.extend(walk(&path));
        }
        paths
    };
    entries.flat_map(below).collect()
}

#[test]
fn files_that_are_not_a_sweeps_are_replaced_only_by_force() {
    let place = Place::new();
    fs::create_dir(place.path("out")).unwrap();
    fs::write(place.path("out/report.html"), "mine").unwrap();
    let args = ["--batch-timeouts", "50", "--repetitions", "1"];
    let refused = place.sweep(&args).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("out/report.html exists, but there is no sweep.csv"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(fs::read_to_string(place.path("out/report.html")).unwrap(), "mine");
    assert!(place.sweep(&args).arg("--force").status().unwrap().success());
}

#[test]
fn a_label_names_the_series_everywhere() {
    let place = Place::new();
    let args = ["--batch-timeouts", "50,200", "--repetitions", "2", "--label", "my node, v2"];
    let output = place.sweep(&args).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("\n my node, v2 "), "{}", stdout(&output));
    let text = |name: &str| fs::read_to_string(place.path("out").join(name)).unwrap();
    assert!(text("sweep.toml").contains("label = \"my node, v2\""), "{}", text("sweep.toml"));
    for name in ["report.html", "latency-fit.svg", "frontier.svg"] {
        assert!(text(name).contains("my node, v2"), "{name}");
    }
    // Another label is the same sweep: nothing is run again.
    let again = place.sweep(&["--batch-timeouts", "50,200", "--repetitions", "2"]).output().unwrap();
    assert!(stderr(&again).contains("all 4 runs are done already"), "{}", stderr(&again));
    assert!(stdout(&again).contains("\n cat "), "{}", stdout(&again));
    let labelled = place.sweep(&args).args(["--out", "other"]).output().unwrap();
    assert!(labelled.status.success(), "{}", stderr(&labelled));
    let compared = stdout(&place.bench(&["compare", "out", "other"]).output().unwrap());
    assert!(compared.contains("cat → my node, v2"), "{compared}");
}

#[test]
fn a_node_is_built_before_it_is_measured() {
    let place = Place::new();
    let build = format!("cp '{}' built && echo done", cat().display());
    let sweep = |build: &str, more: &[&str]| {
        let mut sweep = place.bench(&["sweep", "--out", "out", "--maelstrom"]);
        sweep.arg(fake()).args([
            "--bin",
            "built",
            "--batch-timeouts",
            "50",
            "--repetitions",
            "1",
            "--build",
            build,
        ]);
        sweep.args(more).env("PATH", common::tools()).output().unwrap()
    };
    let failed = sweep("echo compiling; echo 'main.go:3: undefined: x' >&2; exit 4", &[]);
    assert_eq!(failed.status.code(), Some(1));
    let said = stderr(&failed);
    let expected = "error: --build failed (exit status: 4), so nothing was measured: echo compiling; ";
    assert!(said.contains(expected) && said.ends_with("\ncompiling\nmain.go:3: undefined: x\n"), "{said}");
    assert!(!place.path("out").exists());
    assert!(!sweep("true", &[]).status.success(), "there is no program yet");
    let built = sweep(&build, &[]);
    assert!(built.status.success() && stderr(&built).contains("built in "), "{}", stderr(&built));
    let plan = sweep("echo >pwned", &["--dry-run"]);
    assert!(stdout(&plan).starts_with("echo >pwned\n") && !place.path("pwned").exists(), "{}", stdout(&plan));
}

#[test]
fn a_refused_resume_leaves_the_folder_as_it_was() {
    let place = Place::new();
    let sweep = "sweep --engine simulated --batch-timeouts 50 --node-count 3 --time-limit 1s --repetitions 1 --out out";
    assert!(bench(place.0.path(), &format!("{sweep} --seed 1")).status.success());
    // Only the description is left.
    let spec = fs::read(place.path("out/sweep.toml")).unwrap();
    fs::remove_dir_all(place.path("out")).unwrap();
    fs::create_dir(place.path("out")).unwrap();
    fs::write(place.path("out/sweep.toml"), &spec).unwrap();
    let refused = bench(place.0.path(), &format!("{sweep} --seed 2"));
    assert!(stderr(&refused).contains("seed: 1 there, 2 now"), "{}", stderr(&refused));
    let files: Vec<_> =
        fs::read_dir(place.path("out")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["sweep.toml"]);
    assert_eq!(fs::read(place.path("out/sweep.toml")).unwrap(), spec);
}
