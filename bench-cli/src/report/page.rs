//! `report.html`: a whole sweep in one file, which fetches nothing and can be mailed, kept and printed.

use std::fmt::Write as _;

use super::advice::{self, Answer};
use super::html::{self, escape};
use super::{Report, distinct, repeat, summary};
use crate::analysis::{Names, Series};
use crate::record::Row;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// From this many runs on, the table of runs is folded up until it is asked for.
const MANY_RUNS: usize = 100;
/// What the page may load: its own style and script, and nothing from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The page.
pub fn page(report: &Report<'_>) -> String {
    let title = escape(report.title);
    let sections = [
        ("run", "What was run", Some(run(report.rows))),
        ("advice", "Advice", advice(report)),
        ("pictures", "Pictures", pictures(report)),
        ("figures", "Figures", Some(figures(report.rows))),
        ("failed", "Runs that failed", failed(report.rows)),
        ("runs", "All runs", Some(runs(report.rows, report.csv))),
    ];
    let present = || sections.iter().filter_map(|(id, name, body)| Some((id, name, body.as_ref()?)));
    let links: String = present().map(|(id, name, _)| format!("<a href=\"#{id}\">{name}</a>\n")).collect();
    let body: String = present()
        .map(|(id, name, body)| {
            format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{name}</h2>\n{body}</section>\n")
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} – batch timeout sweep</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n<p class=\"lead\">{}</p>\n<nav aria-label=\"Sections\">\n{links}</nav>\n</header>\n\
         <main>\n{body}</main>\n<div id=\"hover\" role=\"status\" hidden></div>\n\
         <footer class=\"note\">Written by bench-cli {}. The rows are in {}.</footer>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        escape(&lead(report.rows)),
        env!("CARGO_PKG_VERSION"),
        html::file_link(report.csv, report.csv),
    )
}

/// The sweep in one sentence.
fn lead(rows: &[Row]) -> String {
    let ok = rows.iter().filter(|row| row.is_ok()).count();
    let runs = match rows.len() {
        1 => "1 run".to_owned(),
        all => format!("{all} runs"),
    };
    let outcome = if ok == rows.len() { "all ok".to_owned() } else { format!("{ok} ok") };
    format!("Broadcast with batching: stable latency and messages against batch timeout. {runs}, {outcome}.")
}

/// The settings of all runs, several values where they differ.
pub(super) fn settings(rows: &[Row]) -> Vec<(&'static str, String)> {
    let of = |setting: &dyn Fn(&Row) -> String| distinct(rows, setting).join(" / ");
    let or = |text: &str, instead: &str| if text.is_empty() { instead.to_owned() } else { text.to_owned() };
    let faults = |row: &Row| match row.nemesis.as_str() {
        "none" => "none".to_owned(),
        fault => format!("{fault} every {} s", row.nemesis_interval_s),
    };
    let per_message = |row: &Row| match (row.message_loss, row.message_duplication) {
        (0.0, 0.0) => "none".to_owned(),
        (loss, duplication) => format!("{loss} lost, {duplication} doubled"),
    };
    vec![
        ("Nodes", of(&|row| row.node_count.to_string())),
        ("Clients", of(&|row| row.concurrency.clone())),
        ("Operations", of(&|row| format!("{} a second for {} s", row.rate, row.time_limit_s))),
        ("Latency", of(&|row| format!("{} ms, {}", row.latency_ms, row.latency_dist))),
        ("Topology", of(&|row| row.topology.clone())),
        ("Faults", of(&faults)),
        ("Message faults", of(&per_message)),
        ("Availability asked for", of(&|row| or(&row.availability, "none"))),
    ]
}

fn run(rows: &[Row]) -> String {
    let of = |setting: &dyn Fn(&Row) -> String| distinct(rows, setting).join(" / ");
    let mut timeouts = distinct(rows, |row| row.batch_timeout_ms);
    timeouts.sort_unstable();
    let timeouts: Vec<String> = timeouts.iter().map(u64::to_string).collect();
    let times = || rows.iter().map(|row| row.started_at.as_str());
    let mut pairs = vec![
        ("Node", of(&|row| row.node_bin.clone())),
        ("Series", of(&|row| row.series())),
        ("Batch timeouts", format!("{} ms", timeouts.join(", "))),
        ("Engine", of(&|row| format!("{} {}", row.engine, row.engine_version).trim_end().to_owned())),
        ("bench-cli", of(&|row| row.bench_version.clone())),
        ("First run began", times().min().unwrap_or_default().to_owned()),
        ("Last run began", times().max().unwrap_or_default().to_owned()),
        ("Runs took together", format!("{:.0} s", rows.iter().map(|row| row.duration_s).sum::<f64>())),
    ];
    pairs.extend(settings(rows));
    let mut html = html::definitions(&pairs);
    if let Some(repeat::Repeat { command, caveats }) = repeat::command(rows) {
        let _ = writeln!(html, "<h3>To repeat it</h3>\n<pre><code>{}</code></pre>", escape(&command));
        for caveat in caveats {
            let _ = writeln!(html, "<p class=\"note\">{}</p>", escape(caveat));
        }
    }
    html
}

fn figures(rows: &[Row]) -> String {
    let series = Series::group(rows);
    let mut html = html::table("Medians over repetitions", &summary::points(&series));
    let _ = writeln!(html, "<p class=\"note\">{}</p>", escape(&summary::points_legend(&series)));
    let limits = summary::challenge_limits(&series);
    if !limits.is_empty() {
        let items: String = limits.iter().map(|limits| format!("<li>{}</li>\n", escape(limits))).collect();
        let _ = writeln!(html, "<ul class=\"note\">\n{items}</ul>");
    }
    html.push_str("<h3>Fits</h3>\n");
    let fits = summary::fits(&series);
    if !fits.rows.is_empty() {
        html.push_str(&html::table(summary::FITS_LEGEND, &fits));
    }
    html.push_str("<ul class=\"note\">\n");
    for remark in summary::remarks(&series) {
        let _ = writeln!(html, "<li>{}</li>", escape(&remark));
    }
    html.push_str("</ul>\n");
    html
}

fn advice(report: &Report<'_>) -> Option<String> {
    let answers = advice::answers(&Series::group(report.rows), report.limits);
    let mut html = String::new();
    for Answer { question, findings, next } in &answers {
        let _ = writeln!(html, "<h3>{}</h3>\n<ul>", escape(question));
        for finding in findings {
            let _ = writeln!(html, "<li>{}</li>", escape(finding));
        }
        html.push_str("</ul>\n");
        for (aim, command) in next {
            let (aim, command) = (escape(aim), escape(command));
            let _ = writeln!(html, "<p>{aim}:</p>\n<pre><code>{command}</code></pre>");
        }
    }
    (!answers.is_empty()).then_some(html)
}

fn pictures(report: &Report<'_>) -> Option<String> {
    if report.pictures.is_empty() {
        return None;
    }
    let hint = "<p class=\"note\">Point at a run to see its figures; click to find it in the table.</p>\n";
    let pictures = report.pictures.iter().map(html::picture);
    Some(format!("{hint}<div class=\"pictures\">\n{}</div>\n", pictures.collect::<String>()))
}

fn failed(rows: &[Row]) -> Option<String> {
    let failed: Vec<&Row> = rows.iter().filter(|row| !row.is_ok()).collect();
    if failed.is_empty() {
        return None;
    }
    let caption =
        format!("{} of {} runs are not ok and left out of medians and fits", failed.len(), rows.len());
    let names = Names::among(rows);
    let mut html = html::open(&caption, "", &["run", "status", "reason", "log"].map(|name| (name, true)));
    for row in failed {
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{}</th><td class=\"text bad\">{}</td><td class=\"text prose\">{}</td><td class=\"text\">{}</td></tr>",
            escape(&names.run(row)),
            row.status,
            escape(&row.reason),
            log(row, &row.log)
        );
    }
    Some(html + html::CLOSE)
}

/// A link to the run's log, if it left one.
fn log(row: &Row, label: &str) -> String {
    if row.log.is_empty() { String::new() } else { html::file_link(&row.log, label) }
}

/// A column of the table of runs.
struct Column {
    name: &'static str,
    is_text: bool,
    /// What its cells hold, as HTML.
    cell: fn(&Row) -> String,
}

const fn number(name: &'static str, cell: fn(&Row) -> String) -> Column {
    Column { name, is_text: false, cell }
}

const fn text(name: &'static str, cell: fn(&Row) -> String) -> Column {
    Column { name, is_text: true, cell }
}

fn shown<T: ToString>(figure: Option<T>) -> String {
    figure.map_or_else(String::new, |figure| figure.to_string())
}

/// The figures of every run, and the settings that may differ from one run to another.
const COLUMNS: [Column; 30] = [
    text("series", |row| escape(&row.series())),
    number("timeout (ms)", |row| row.batch_timeout_ms.to_string()),
    number("repetition", |row| row.repetition.to_string()),
    text("status", |row| row.status.to_string()),
    number("msgs/op", |row| row.msgs_per_op.map_or_else(String::new, |msgs| format!("{msgs:.2}"))),
    number("p50 (ms)", |row| shown(row.stable_p50_ms)),
    number("p95 (ms)", |row| shown(row.stable_p95_ms)),
    number("p99 (ms)", |row| shown(row.stable_p99_ms)),
    number("max (ms)", |row| shown(row.stable_max_ms)),
    number("operations", |row| shown(row.operations)),
    number("lost", |row| shown(row.lost_count)),
    number("ok fraction", |row| row.ok_fraction.map_or_else(String::new, |ok| format!("{ok:.4}"))),
    number("timers late p99 (µs)", |row| shown(row.timer_p99_us)),
    text("late", |row| shown(row.late)),
    number("attempts", |row| row.attempts.to_string()),
    number("seed", |row| shown(row.seed)),
    number("took (s)", |row| format!("{:.1}", row.duration_s)),
    text("engine", |row| escape(&row.engine)),
    number("nodes", |row| row.node_count.to_string()),
    text("clients", |row| escape(&row.concurrency)),
    number("op/s", |row| row.rate.to_string()),
    number("time limit (s)", |row| row.time_limit_s.to_string()),
    number("latency (ms)", |row| row.latency_ms.to_string()),
    text("distribution", |row| escape(&row.latency_dist)),
    text("topology", |row| escape(&row.topology)),
    text("faults", |row| escape(&row.nemesis)),
    number("faults every (s)", |row| row.nemesis_interval_s.to_string()),
    number("lost messages", |row| row.message_loss.to_string()),
    number("doubled messages", |row| row.message_duplication.to_string()),
    text("log", |row| log(row, "log")),
];
/// Up to here columns are shown always, and those behind, the log aside, if they differ.
const ALWAYS: usize = 9;

fn runs(rows: &[Row], csv: &str) -> String {
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| COLUMNS.iter().map(|c| (c.cell)(row)).collect()).collect();
    let differs = |column: usize| cells.iter().any(|row| row[column] != cells[0][column]);
    let columns: Vec<usize> =
        (0..COLUMNS.len()).filter(|&column| column < ALWAYS || differs(column)).collect();
    let header: Vec<(&str, bool)> = columns.iter().map(|&c| (COLUMNS[c].name, COLUMNS[c].is_text)).collect();
    let open = if rows.len() < MANY_RUNS { " open" } else { "" };
    let mut html =
        format!("<details{open}><summary>{} runs, in the order in which they ended</summary>\n", rows.len());
    html.push_str(&html::open(
        &format!("Columns without differences are left out; {csv} has all"),
        "sortable",
        &header,
    ));
    let names = Names::among(rows);
    for (row, cells) in rows.iter().zip(&cells) {
        let _ = write!(html, "<tr data-run=\"{}\">", escape(&names.run(row)));
        for &column in &columns {
            let class = match (COLUMNS[column].name, COLUMNS[column].is_text) {
                ("status", _) if !row.is_ok() => " class=\"text bad\"",
                (_, true) => " class=\"text\"",
                (_, false) => "",
            };
            let _ = write!(html, "<td{class}>{}</td>", cells[column]);
        }
        html.push_str("</tr>\n");
    }
    html + html::CLOSE + "</details>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Challenge, Envelope};
    use crate::record::Status;
    use crate::record::row::tests::example;
    use crate::report::Picture;

    fn page_of(rows: &[Row], pictures: &[Picture]) -> String {
        page(&Report { title: "a <sweep>", csv: "half.csv", rows, limits: &[], pictures })
    }

    #[test]
    fn a_page_has_every_figure_picture_and_run() {
        let rows = [example(100, 1), example(200, 1), example(400, 1)];
        let svg = "<svg width=\"1\"></svg>".to_owned();
        let picture = Picture { name: "fit-a b".to_owned(), caption: "One & all".to_owned(), svg };
        let page = page_of(&rows, &[picture]);
        for part in [
            "<h1>a &lt;sweep&gt;</h1>",
            "<code>bench-cli sweep --engine embedded --strategy hub ",
            " --batch-timeouts 100,200,400 --repetitions 1 ",
            "<svg role=\"img\" aria-label=\"One &amp; all\" width=\"1\">",
            "<a href=\"./fit-a%20b.svg\">",
            "<tr data-run=\"hub 200 ms #1\">",
            "3e: &lt; 20 msgs/op",
            "0.500 ± 0.000",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(!page.contains("Runs that failed"));
    }

    #[test]
    fn the_advice_is_that_of_the_terminal() {
        let rows = [(100, 1), (100, 2), (200, 1), (200, 2)].map(|(timeout, run)| example(timeout, run));
        let limits = [Challenge::ALL[0].into()];
        let page =
            page(&Report { title: "x", csv: "sweep.csv", rows: &rows, limits: &limits, pictures: &[] });
        let said = advice::answers(&Series::group(&rows), &limits).remove(0);
        assert!(!said.findings.is_empty());
        let commands = said.next.iter().map(|(_, command)| command);
        for words in said.findings.iter().chain(commands) {
            assert!(page.contains(&escape(words)), "{words}\n{page}");
        }
        assert!(page.contains("<h3>What meets 3d"), "{page}");
        assert!(!page_of(&rows, &[]).contains("Advice"));
    }

    #[test]
    fn runs_of_a_grid_have_names_of_their_own() {
        let rows = [5, 25].map(|node_count| Row { node_count, message_loss: 0.1, ..example(100, 1) });
        let lossless = Row { message_loss: 0.0, ..rows[0].clone() };
        let page = page_of(&[rows[0].clone(), rows[1].clone(), lossless], &[]);
        for part in ["hub 100 ms #1 (5 nodes, loss 0.1)", ">lost messages</th>", ">nodes</th>"] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }

    #[test]
    fn nothing_that_a_node_says_becomes_markup() {
        let attack = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";
        let row = Row {
            strategy: String::new(),
            status: Status::Crashed,
            node_bin: attack.to_owned(),
            node_args: attack.to_owned(),
            reason: attack.to_owned(),
            log: attack.to_owned(),
            engine: attack.to_owned(),
            engine_version: attack.to_owned(),
            concurrency: attack.to_owned(),
            topology: attack.to_owned(),
            latency_dist: attack.to_owned(),
            nemesis: attack.to_owned(),
            availability: attack.to_owned(),
            started_at: attack.to_owned(),
            bench_version: attack.to_owned(),
            ..example(100, 1)
        };
        let rows = [row, example(200, 1)];
        let limits = [Envelope { name: attack.to_owned(), msgs_per_op: Some(1.0), median: None, max: None }];
        let page = page(&Report { title: attack, csv: attack, rows: &rows, limits: &limits, pictures: &[] });
        assert!(page.contains("&lt;script&gt;alert"));
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
        assert_eq!(page.matches("<script>").count(), 1);
    }

    #[test]
    fn a_failed_run_shows_its_reason_and_log() {
        let failed = Row { status: Status::TimedOut, reason: "killed".to_owned(), ..example(100, 2) };
        let page = page_of(&[example(100, 1), failed], &[]);
        assert!(
            page.contains("1 of 2 runs are not ok") && page.contains("<td class=\"text prose\">killed</td>")
        );
        assert!(page.contains("href=\"./runs/hub-50ms-r1/log.txt\""));
        assert!(page.contains("No line for hub: a fit needs at least 3 usable runs"));
    }

    #[test]
    fn the_page_names_no_other_host() {
        let page = page_of(&[example(100, 1)], &[]);
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("@import"), "{page}");
    }
}
