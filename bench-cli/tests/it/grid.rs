//! Grids of settings: every combination is a series with a name of its own, can be resumed, and can be
//! repeated.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::common::{bench, timeless};
use bench_cli::analysis::Series;

const GRID: &str = "sweep --engine simulated --strategy hub,direct --batch-timeouts 50,100,200 --repetitions 2 \
                    --node-count 5,3 --latency 20ms,10ms --loss 0,0.01 --time-limit 2s -q";
/// Two strategies, two sizes, two latencies, two losses.
const SERIES: usize = 16;
const RUNS: usize = SERIES * 3 * 2;

fn done(folder: &Path, args: &str) -> String {
    let output = bench(folder, args);
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_grid_is_named_resumed_and_repeated() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    done(place, &format!("{GRID} --seed 40 --out whole"));
    let whole = timeless(&place.join("whole"));
    assert_eq!((whole.len(), Series::group(&whole).len()), (RUNS, SERIES));

    // Stopped after a few runs, and resumed by the same command, which names no seed.
    let csv = fs::read_to_string(place.join("whole/sweep.csv")).unwrap();
    let begun: Vec<&str> = csv.lines().take(1 + 17).collect();
    fs::create_dir(place.join("stopped")).unwrap();
    fs::write(place.join("stopped/sweep.csv"), begun.join("\n") + "\n").unwrap();
    fs::copy(place.join("whole/sweep.toml"), place.join("stopped/sweep.toml")).unwrap();
    done(place, &format!("{GRID} --out stopped"));
    assert_eq!(timeless(&place.join("stopped")), whole);

    // A smaller grid is another sweep, and is refused by the name of what differs.
    let smaller =
        bench(place, &format!("{} --out stopped", GRID.replace("--latency 20ms,10ms", "--latency 20ms")));
    let said = String::from_utf8_lossy(&smaller.stderr).into_owned();
    assert!(!smaller.status.success() && said.contains("latency: 10ms there, 20ms now"), "{said}");

    // Every run has a name of its own, in pictures and in the table.
    let report = fs::read_to_string(place.join("whole/report.html")).unwrap();
    let marked = |start: &str| -> Vec<String> {
        report.split(start).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    };
    let table: BTreeSet<String> = marked("<tr data-run=\"").into_iter().collect();
    assert_eq!(table.len(), RUNS);
    let in_pictures: BTreeSet<String> = marked("class=\"note\" data-run=\"").into_iter().collect();
    assert_eq!(in_pictures, table);
    assert!(report.contains("hub, 50 ms, repetition 1\n5 nodes, latency 10 ms, loss 0\n"));

    // The report's own command measures the same again.
    let command = report.split("<pre><code>bench-cli ").nth(1).unwrap().split("</code>").next().unwrap();
    done(place, &format!("{command} --out again"));
    assert_eq!(timeless(&place.join("again")), whole);
}

#[test]
fn a_sample_of_a_grid_names_its_size_and_can_be_resumed_and_enlarged() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let planned = bench(place, &format!("{GRID} --seed 40 --sample 10 --dry-run --out none"));
    let said = String::from_utf8_lossy(&planned.stderr).into_owned();
    assert!(said.contains("sample: 10 of 48 settings, spread evenly; 38 are left out\n20 runs, "), "{said}");
    done(place, &format!("{GRID} --seed 40 --sample 10 --out whole"));
    let whole = timeless(&place.join("whole"));
    assert_eq!(whole.len(), 20);

    let csv = fs::read_to_string(place.join("whole/sweep.csv")).unwrap();
    let begun: Vec<&str> = csv.lines().take(1 + 7).collect();
    fs::create_dir(place.join("stopped")).unwrap();
    fs::write(place.join("stopped/sweep.csv"), begun.join("\n") + "\n").unwrap();
    fs::copy(place.join("whole/sweep.toml"), place.join("stopped/sweep.toml")).unwrap();
    done(place, &format!("{GRID} --sample 10 --out stopped"));
    assert_eq!(timeless(&place.join("stopped")), whole);

    // A larger sample holds the smaller one, and the whole grid holds both.
    done(place, &format!("{GRID} --sample 12 --out stopped"));
    let larger = timeless(&place.join("stopped"));
    assert_eq!((larger.len(), whole.iter().all(|record| larger.contains(record))), (24, true));
    done(place, &format!("{GRID} --out stopped"));
    assert_eq!(timeless(&place.join("stopped")).len(), RUNS);

    // The report's own command measures the same sample again.
    let report = fs::read_to_string(place.join("whole/report.html")).unwrap();
    assert!(report.contains("10 of 48 settings, spread evenly"), "{report}");
    let command = report.split("<pre><code>bench-cli ").nth(1).unwrap().split("</code>").next().unwrap();
    done(place, &format!("{command} --out again"));
    assert_eq!(timeless(&place.join("again")), whole);
}

#[test]
fn a_preset_is_the_challenges_cluster_and_limits_and_flags_override_it() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let sweep = "sweep --engine simulated --batch-timeouts 400 --repetitions 1 --seed 1 -q";
    let said = done(place, &format!("{sweep} --preset 3e --time-limit 2s --out out"));
    assert!(said.contains("3e: ") && !said.contains("3d: "), "{said}");
    let spec = fs::read_to_string(place.join("out/sweep.toml")).unwrap();
    for line in ["node_count = [25]", "rate = [100]", "time_limit = [\"2s\"]", "challenge = \"3e\""] {
        assert!(spec.contains(line), "{line}\n{spec}");
    }
    let output = bench(place, &format!("{sweep} --preset 3f --out none"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("choose 3d or 3e"), "{said}");
}

#[test]
fn limits_are_advised_on_for_each_combination() {
    let place = tempfile::tempdir().unwrap();
    done(place.path(), &format!("{GRID} --seed 1 --out out --max-latency 150ms"));
    let said = done(place.path(), "plot out -v");
    let asked: Vec<&str> =
        said.lines().filter(|line| line.starts_with("What meets max < 150 ms at ")).collect();
    assert_eq!(asked.len(), SERIES / 2, "{said}");
    assert!(asked[0].contains("at 3 nodes, latency 10 ms, loss 0,"), "{asked:?}");
    let report = fs::read_to_string(place.path().join("out/report.html")).unwrap();
    assert_eq!(report.matches("<h3>What meets max &lt; 150\u{a0}ms at ").count(), asked.len());
}
