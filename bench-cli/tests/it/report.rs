//! What a sweep leaves for its readers: the report in a real browser, the command that repeats it, other
//! formats.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bench_cli::analysis::names::describe;
use bench_cli::record::{Status, columns};
use bench_cli::spec::{Parameter, names};

use crate::common::{self, bench_cli};

fn bench(args: &[&str], folder: &Path) -> Output {
    let output = bench_cli().args(args).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A small sweep in virtual time, in a folder of its own, with unusual settings.
fn sweep(folder: &Path, strategies: &str) {
    let args = "sweep --engine simulated --batch-timeouts 200,50,100 --repetitions 2 --seed 11 \
                --node-count 5 --time-limit 3s --latency 20ms --latency-dist exponential --loss 0.01 --out out";
    let args = format!("{args} --strategy {strategies}");
    bench(&args.split_whitespace().collect::<Vec<_>>(), folder);
}

/// The text between two others.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

#[test]
fn the_command_in_the_report_measures_the_same_again() {
    let place = tempfile::tempdir().unwrap();
    sweep(place.path(), "tree,hub");
    let report = fs::read_to_string(place.path().join("out/report.html")).unwrap();
    let command = between(&report, "<pre><code>bench-cli ", "</code></pre>");
    let again = format!("{command} --out again");
    bench(&again.split_whitespace().collect::<Vec<_>>(), place.path());
    let timeless = |name: &str| common::timeless(&place.path().join(name));
    assert_eq!(timeless("out").len(), 12);
    assert_eq!(timeless("out"), timeless("again"));
}

#[test]
fn other_formats_hold_the_same_rows() {
    let place = tempfile::tempdir().unwrap();
    sweep(place.path(), "tree");
    bench(&["plot", "out/sweep.csv", "--format", "json,markdown"], place.path());
    let out = place.path().join("out");
    let json = fs::read_to_string(out.join("sweep.json")).unwrap();
    let json: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&json).unwrap();
    let records = common::records(&out);
    assert_eq!(json.len(), records.len());
    for (object, record) in json.iter().zip(&records) {
        // Their order is checked next to the code that writes them.
        assert_eq!(object.len(), columns::all().len());
        for column in columns::all() {
            let written = match &object[column.name] {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(written, column.cell(record).text(), "{}", column.name);
        }
    }
    let markdown = fs::read_to_string(out.join("summary.md")).unwrap();
    assert_eq!(
        markdown.lines().filter(|line| line.starts_with("| tree | ")).count(),
        3 + 4 + 3,
        "medians, fits, front"
    );
}

#[test]
fn a_plot_from_within_the_folder_writes_the_report_there() {
    let place = tempfile::tempdir().unwrap();
    sweep(place.path(), "hub");
    let out = place.path().join("out");
    let first = fs::read_to_string(out.join("report.html")).unwrap();
    fs::remove_file(out.join("report.html")).unwrap();
    bench(&["plot", "sweep.csv"], &out);
    assert_eq!(fs::read_to_string(out.join("report.html")).unwrap(), first);
}

/// Chromium, if this machine has one.
pub fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

/// Opens a page in a headless browser; returns the resulting document and the lines of the console.
pub fn opened(chromium: &Path, url: &str) -> (String, Vec<String>) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .output()
        .unwrap();
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    let console = said.lines().filter(|line| line.contains("CONSOLE")).map(String::from).collect();
    (String::from_utf8(output.stdout).unwrap(), console)
}

/// Does what a reader does, and leaves in the document what the reader sees.
const READER: &str = r##"<script>
const seen = {};
const over = (element) => element.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
const spot = document.querySelector("circle[data-run]");
over(spot);
seen.hover = hover.hidden ? "" : hover.textContent;
seen.run = spot.dataset.run;
seen.marked = document.querySelectorAll("tr.on").length;
spot.dispatchEvent(new MouseEvent("click", { bubbles: true }));
over(document.body);
seen.left = hover.hidden && document.querySelector(".on") === null;
const table = document.querySelector("table.sortable");
const column = (n) => [...table.tBodies[0].rows].map((row) => row.cells[n].textContent);
const sorted = (n) => { table.tHead.rows[0].cells[n].querySelector("button").click(); return column(n); };
seen.sorted = [sorted(1), sorted(1), sorted(0)];
seen.scripts = document.scripts.length;
seen.wider = document.documentElement.scrollWidth > innerWidth;
seen.drawn = [...document.querySelectorAll("svg")].map((svg) => svg.getBoundingClientRect().width > 200);
document.body.dataset.seen = JSON.stringify(seen);
</script></body>"##;

#[test]
fn a_browser_shows_the_report_without_complaint() {
    let Some(chromium) = chromium() else {
        eprintln!("skipped: there is no Chromium on PATH");
        return;
    };
    let place = tempfile::tempdir().unwrap();
    sweep(place.path(), "tree,hub");
    let out = place.path().join("out");
    // One run fails, and says something that would be markup.
    let mut with_failure = common::records(&out);
    let attack = "<script>document.title = 'taken'</script>";
    let mut failed = with_failure.remove(0);
    failed.measured.status = Status::Crashed;
    failed.measured.reason = attack.to_owned();
    failed.measured.log = "runs/a b/log.txt".to_owned();
    common::write_csv(&out.join("sweep.csv"), &[with_failure.clone(), vec![failed]].concat());
    bench(&["plot", "out/sweep.csv"], place.path());

    let report = fs::read_to_string(out.join("report.html")).unwrap();
    let read = out.join("read.html");
    fs::write(&read, report.replace("</body>", READER)).unwrap();
    let (document, console) = opened(&chromium, &format!("file://{}", read.display()));
    assert_eq!(console, Vec::<String>::new());
    assert!(
        document.contains("data-ready")
            && document.contains("<title>tree, hub · simulated · ")
            && document.contains(" UTC – out</title>")
    );
    assert!(document.contains("&lt;script&gt;document.title"), "{document}");

    let seen = between(&document, "data-seen=\"", "\"").replace("&quot;", "\"");
    let seen: serde_json::Value = serde_json::from_str(&seen).unwrap();
    let run = seen["run"].as_str().unwrap();
    let axis = Parameter::BatchTimeout;
    let row =
        with_failure.iter().find(|row| names::run_name(&axis, &row.series(), "", &row.run) == run).unwrap();
    assert!(seen["hover"].as_str().unwrap().ends_with(&describe("", row)), "{seen}");
    assert_eq!(
        (&seen["marked"], &seen["left"], &seen["scripts"]),
        (&1.into(), &true.into(), &2.into()),
        "{seen}"
    );
    let mut timeouts: Vec<u64> =
        common::records(&out).iter().map(|row| row.batch_timeout_ms().unwrap()).collect();
    timeouts.sort_unstable();
    let texts = |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>();
    assert_eq!(seen["sorted"][0], serde_json::json!(texts(&timeouts)));
    timeouts.reverse();
    assert_eq!(seen["sorted"][1], serde_json::json!(texts(&timeouts)));
    assert_eq!(seen["sorted"][2][0], "hub");
    assert_eq!(seen["wider"], false, "the page scrolls sideways");
    assert_eq!(seen["drawn"], serde_json::json!(vec![true; 7]));
}
