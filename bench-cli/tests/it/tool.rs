//! What makes the tool pleasant: doctor, completions, manual, help that tells the truth, readers that go
//! away.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use crate::common::{bench_cli, program, stderr, stdout};

fn bench(args: &[&str]) -> Command {
    let mut command = bench_cli();
    command.args(args).env_remove("MAELSTROM").stdin(Stdio::null());
    command
}

/// A node that answers `init` and nothing else.
const ANSWERS_INIT: &str = r#"#!/bin/sh
read line
echo '{"src":"n0","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}'
"#;

#[test]
fn doctor_names_missing_tools_and_how_to_install_them() {
    let place = tempfile::tempdir().unwrap();
    let tools = place.path().join("tools");
    fs::create_dir(&tools).unwrap();
    program(&place.path().join("good node"), ANSWERS_INIT);
    program(&place.path().join("bad node"), "#!/bin/sh\necho flag missing >&2\nexit 2\n");
    program(&tools.join("git"), "#!/bin/sh\n");
    program(&tools.join("java"), "#!/bin/sh\necho 'openjdk version \"1.8.0_292\"' >&2\n");
    let doctor = |args: &[&str]| {
        bench(&["doctor"]).args(args).env("PATH", &tools).current_dir(place.path()).output().unwrap()
    };
    // Without Maelstrom nothing needs its tools.
    let healthy = doctor(&["--bin", "good node"]);
    let said = stdout(&healthy);
    assert_eq!(healthy.status.code(), Some(0), "{said}");
    assert!(said.contains("ok    node: ") && said.contains("note  gnuplot: not on PATH"), "{said}");
    assert!(said.ends_with("ready to sweep\n"), "{said}");
    assert!(said.contains("to fix it: curl -LO https://github.com/jepsen-io/maelstrom/releases/"), "{said}");
    assert!(said.contains("ok    timers: ") || said.contains("note  timers: "), "{said}");
    assert!(said.contains("ok    clock: ") || said.contains("note  clock: "), "{said}");
    program(&place.path().join("maelstrom"), "#!/bin/sh\n");
    let ill = doctor(&["--bin", "bad node", "--maelstrom", "maelstrom"]);
    let said = stdout(&ill);
    assert_eq!(ill.status.code(), Some(1), "{said}");
    assert!(said.contains("FAULT node: ") && said.contains("says: flag missing"), "{said}");
    assert!(said.contains("is version 8; Maelstrom needs 11 or newer"), "{said}");
    assert!(said.contains("ok    git: "), "{said}");
    assert!(said.contains("so its version is not known"), "{said}");
    // Each problem comes with its fix.
    for line in said.lines().filter(|line| line.starts_with("FAULT ") || line.starts_with("note ")) {
        let next = said.lines().skip_while(|other| *other != line).nth(1).unwrap();
        assert!(next.starts_with("      to fix it: "), "{line}: {next}");
    }
    let gnuplot = said.split("FAULT gnuplot").nth(1).unwrap().lines().nth(1).unwrap();
    assert!(gnuplot.contains("to fix it: ") && gnuplot.contains("install gnuplot"), "{said}");
    assert!(said.ends_with("4 to fix\n"), "{said}");
}

/// A node that needs arguments answers `init` as it would in the sweep, and flags that cannot be used
/// together are refused.
#[test]
fn doctor_starts_the_node_as_a_sweep_does() {
    let place = tempfile::tempdir().unwrap();
    let needs_arguments = "#!/bin/sh\ntest \"$1 $2 $MODE\" = '--flush 50 quick' || exit 2\n";
    program(&place.path().join("node"), &ANSWERS_INIT.replacen("#!/bin/sh\n", needs_arguments, 1));
    let doctor = |args: &str| {
        let args = shlex::split(args).unwrap();
        let args: Vec<&str> = ["doctor"].into_iter().chain(args.iter().map(String::as_str)).collect();
        bench(&args).env("PATH", "/nowhere:/bin:/usr/bin").current_dir(place.path()).output().unwrap()
    };
    let node = "--bin ./node --node-env MODE=quick --node-args '--flush {batch_timeout_ms}'";
    let healthy = doctor(&format!("{node} --engine embedded"));
    let said = stdout(&healthy);
    assert_eq!(healthy.status.code(), Some(0), "{said}{}", stderr(&healthy));
    assert!(said.contains("ok    node: ") && !said.contains("maelstrom"), "{said}");
    let parameter = doctor("--bin ./node --node-env MODE={mode} --param mode=quick --node-args '--flush 50'");
    assert!(stdout(&parameter).contains("ok    node: "), "{}", stdout(&parameter));
    assert!(stdout(&doctor("--bin ./node")).contains("FAULT node: "));
    let real = doctor(&format!("{node} --engine maelstrom"));
    assert_eq!(real.status.code(), Some(1), "{}", stdout(&real));
    assert!(stdout(&real).contains("FAULT maelstrom: not found"), "{}", stdout(&real));
    for (args, reason) in [
        ("--bin ./node --engine simulated", "runs in real time"),
        ("--engine embedded --maelstrom maelstrom", "--maelstrom has no effect"),
        ("--bin ./node --node-args {fanout}", "--param NAME=LIST adds one"),
    ] {
        let refused = doctor(args);
        assert_eq!(refused.status.code(), Some(2), "{args}");
        assert!(stderr(&refused).contains(reason), "{args}: {}", stderr(&refused));
    }
}

#[test]
fn completions_and_manual_pages_are_readable() {
    for shell in ["bash", "zsh", "fish"] {
        let said = stdout(&bench(&["completions", shell]).output().unwrap());
        assert!(said.contains("batch-timeouts") && said.contains("retry-failed"), "{shell}");
        // A shell that is here reads it without complaint.
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("completions"), said).unwrap();
        let read = Command::new(shell).args(["-n", "completions"]).current_dir(place.path()).output();
        if let Ok(output) = read {
            assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let page = stdout(&bench(&["man", "sweep"]).output().unwrap());
    assert!(page.contains(".TH bench-cli-sweep 1") && page.contains("batch\\-timeouts"), "{page}");
    assert!(stdout(&bench(&["man"]).output().unwrap()).contains(".TH bench-cli 1"));
    assert!(!bench(&["man", "nothing"]).status().unwrap().success());
}

#[test]
fn examples_in_help_can_be_typed() {
    let mut examples = 0;
    let overview = stdout(&bench(&["--help"]).output().unwrap());
    let commands = overview.split_once("Commands:\n").unwrap().1.lines();
    let commands = commands.take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| !["help", "test"].contains(command))
        .collect();
    assert!(commands.len() >= 11, "{overview}");
    for command in commands {
        let help = stdout(&bench(&[command, "--help"]).output().unwrap());
        // A command that was wrapped could not be typed; one with a backslash continues in the next line.
        let help = help.replace("\\\n", "");
        for line in help.lines().filter_map(|line| line.trim().strip_prefix("bench-cli ")) {
            // What follows is the shell's.
            let line = line.split(" > ").next().unwrap();
            let words = shlex::split(line).unwrap();
            // With --help at the end the flags before it are read, and nothing is done.
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let output = bench(&words).arg("--help").output().unwrap();
            assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            examples += 1;
        }
    }
    assert!(examples > 25, "{examples}");
}

#[test]
fn help_groups_have_no_flags_of_others() {
    let group = |command: &str, heading: &str| {
        let help = stdout(&bench(&[command, "--help"]).output().unwrap());
        let group = help.split_once(&format!("\n{heading}:\n")).unwrap().1;
        let group = group.split("\n\n\n").next().unwrap();
        // The next heading, or the text below the flags, begins at the left edge.
        let lines = group.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
        let flags = lines.filter_map(|line| line.trim().strip_prefix("--"));
        flags.map(|flag| flag.split([' ', '=']).next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(group("sweep", "Clusters"), ["on", "shards", "sbatch"]);
    assert_eq!(group("plot", "Figures for a paper"), ["width", "font-size", "no-title"]);
}

#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let place = tempfile::tempdir().unwrap();
    let sweep = ["sweep", "--engine", "simulated", "--time-limit", "1s", "--batch-timeouts", "50,100,200"];
    let (first, second) = ("one/sweep.csv", "two/sweep.csv");
    for (args, status) in [
        (&[&sweep[..], &["--out", "one"]].concat()[..], 0),
        (&[&sweep[..], &["--out", "two", "--format", "json,markdown"]].concat(), 0),
        (&[&sweep[..], &["--out", "three", "--dry-run"]].concat(), 0),
        (&["plot", first], 0),
        (&["compare", first, second], 0),
        (&["parity", "--recorded", first, "--from", second], 1),
        (&["simulate", "--time-limit", "1s"], 0),
        (&["soak", "--runs", "2"], 0),
        (&["tune", "--engine", "simulated", "--out", "tuned", "--time-limit", "1s"], 0),
        (&["completions", "bash"], 0),
        (&["man", "sweep"], 0),
        (&["doctor", "--bin", "/bin/false"], 1),
    ] {
        let mut command = bench(args);
        command.current_dir(place.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        let ended = child.wait().unwrap().code();
        // How near two short sweeps are is not the point here.
        let is_expected = ended == Some(status) || (args[0] == "parity" && ended == Some(0));
        assert!(is_expected, "{args:?}: {ended:?}, {said}");
    }
    assert!(place.path().join("one/report.html").exists() && place.path().join("two/summary.md").exists());
}

#[test]
fn no_home_and_no_terminal_are_needed() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("où ça 测试");
    fs::create_dir(&folder).unwrap();
    let args = ["sweep", "--engine", "simulated", "--repetitions", "1", "--batch-timeouts", "100,200,300"];
    let output = bench(&args)
        .args(["--out", "out put"])
        .env_remove("HOME")
        .env("NO_COLOR", "1")
        .env("COLUMNS", "20")
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains('\u{1b}') && !stdout(&output).contains('\u{1b}'));
    assert!(folder.join("out put/sweep.csv").is_file());
}

#[test]
fn wrong_flags_end_with_2_in_every_command() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("sweep.csv"), "").unwrap();
    for args in [
        "sweep --no-such-flag",
        "sweep --batch-timeouts 50-200",
        "sweep --engine simulated --bin /bin/cat",
        "sweep --engine simulated --node-args x",
        "sweep --engine embedded --maelstrom x",
        "sweep --engine embedded --loss 0.1",
        "sweep --node-args {nothing}",
        "sweep --name a/b",
        "tune --limit 3d,3e",
        "tune --engine simulated --bin /bin/cat",
        "tune --rate 5,x",
        "plot",
        "plot sweep.csv --fail-on-regression",
        "plot sweep.csv sweep.csv --limit 3d",
        "compare sweep.csv",
        "compare sweep.csv sweep.csv --threshold 5",
        "confirm",
        "check",
        "check --no-such-flag x",
        "doctor --no-such-flag",
        "completions tcsh",
        "man nothing",
        "parity --no-such-flag",
        "simulate --rate 5,10",
        "soak --runs 0",
        "serve no-such-folder",
        "serve --bind nowhere",
        "merge --no-such-flag",
        "node --no-such-flag",
        "no-such-command",
    ] {
        let words: Vec<&str> = args.split_whitespace().collect();
        let output = bench(&words).current_dir(place.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args}: {said}");
    }
}

#[test]
fn aliases_are_understood_and_the_last_of_repeated_flags_counts() {
    let place = tempfile::tempdir().unwrap();
    let plan = |args: &str| {
        let common = ["sweep", "--engine", "simulated", "--dry-run", "--seed", "1"];
        let words: Vec<&str> = args.split_whitespace().collect();
        let output = bench(&[&common, words.as_slice()].concat()).current_dir(place.path()).output().unwrap();
        assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
        stdout(&output)
    };
    let plain =
        plan("--batch-timeouts 50,100 --node-count 5 --time-limit 2s --repetitions 2 --strategy tree");
    assert_eq!(plain.lines().count(), 4, "{plain}");
    assert_eq!(plan("--batch-timeout 50,100 --nodes 5 --duration 2s --runs 2 --strategy tree"), plain);
    assert_eq!(plan("--timeouts 50,100 --nodes 5 --duration 2 --runs 2 --strategy tree"), plain);
    let twice = "--strategy hub --batch-timeouts 800 --nodes 9 --seed 7 --repetitions 5";
    let rest = "--batch-timeouts 50,100 --nodes 5 --duration 2s --repetitions 2 --strategy tree --seed 1";
    assert_eq!(plan(&format!("{twice} {rest}")), plain);
    // Those that are meant to be repeated add up.
    let both = ["--engine", "embedded", "--bin", "/bin/cat", "--node-env", "A={a}", "--node-env", "B={b}"];
    let params = ["sweep", "--dry-run", "--param", "a=1,2", "--param", "b=3", "--repetitions", "1"];
    let output = bench(&[&params[..], &both].concat()).current_dir(place.path()).output().unwrap();
    assert_eq!(stdout(&output).lines().count(), 2, "{output:?}");
    assert_eq!(
        plan("--batch-timeout 50,100 --nodes 5 --duration 2s --runs 2 --strategy tree --parallel 1"),
        plain
    );
    let spaced = bench(&["sweep", "--batch-timeouts", "5", "min"]).output().unwrap();
    let said = String::from_utf8_lossy(&spaced.stderr).into_owned();
    assert!(said.contains("tip: lists and durations have no spaces, such as 50,100 or 5min"), "{said}");
    let ranged = bench(&["sweep", "--batch-timeouts", "50-200"]).output().unwrap();
    let said = String::from_utf8_lossy(&ranged.stderr).into_owned();
    assert!(said.contains("the range \"50-200\" should be written as 50..=200:STEP, such as :50"), "{said}");
}
