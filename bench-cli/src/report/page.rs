//! `report.html`: a whole sweep in one file, which fetches nothing and can be mailed, kept and printed.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::advice::{self, Answer, Described};
use super::failures::{self, Failure};
use super::html::{self, escape, prose};
use super::{Picture, Progress, Report, distinct, runs, summary};
use crate::analysis::hosts::{Host, HostEffect};
use crate::analysis::{Series, Warning};
use crate::record::RunRecord;
use crate::record::columns;
use crate::spec::command::PROGRAM;
use crate::spec::settings::{Faults, Settings};
use crate::spec::{Parameter, SweepSpec};
use crate::terminal::count;

pub(super) const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// What the page may load: its own style and script, and nothing from anywhere.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The first plot of the page.
const FIRST_PICTURE: &str = "frontier";
/// After so many seconds the page of a sweep that is running is loaded again.
const REFRESH: u32 = 3;

/// The page.
pub fn page(report: &Report<'_>) -> String {
    let heading = Heading::of(report.records);
    let (first, others): (Vec<&Picture>, Vec<&Picture>) =
        report.pictures.iter().partition(|picture| picture.name.ends_with(FIRST_PICTURE));
    let sections = [
        ("failed", "Failed runs", failed(report.records)),
        ("advice", "Recommendation", advice(report)),
        ("frontier", "Messages against latency", pictures(&first)),
        ("figures", "Measurements", Some(figures(report))),
        ("pictures", "Plots", pictures(&others)),
        ("hosts", "Hosts", hosts(report.records)),
        ("runs", "All runs", Some(runs::table(report.records, report.csv))),
        ("run", "What was run", Some(run(report.records, report.spec))),
    ];
    let present = || sections.iter().filter_map(|(id, name, body)| Some((id, name, body.as_ref()?)));
    let links: String = present().map(|(id, name, _)| format!("<a href=\"#{id}\">{name}</a>\n")).collect();
    let body: String = present()
        .map(|(id, name, body)| {
            format!("<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{name}</h2>\n{body}</section>\n")
        })
        .collect();
    let refresh = match report.progress {
        Some(_) => format!("<meta http-equiv=\"refresh\" content=\"{REFRESH}\">\n"),
        None => String::new(),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n{refresh}\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{} – {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n{}<nav aria-label=\"Sections\">\n{links}</nav>\n</header>\n\
         <main>\n{body}</main>\n<div id=\"hover\" role=\"status\" hidden></div>\n\
         <footer class=\"note\">Written by bench-cli {}. The runs are in {}.</footer>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        escape(&heading.text()),
        escape(report.title),
        heading.html(),
        escape(&lead(report)),
        report.progress.map(progress).unwrap_or_default(),
        env!("CARGO_PKG_VERSION"),
        html::file_link(report.csv, report.csv),
    )
}

/// The series, engine and time of a sweep: a name that tells sweeps apart whatever their folders' names.
pub(super) struct Heading {
    subjects: String,
    engines: String,
    began: Option<Timestamp>,
}

impl Heading {
    pub(super) fn of(records: &[RunRecord]) -> Heading {
        const SHOWN: usize = 4;
        let mut subjects = distinct(records, RunRecord::series);
        if subjects.len() > SHOWN {
            let more = subjects.len() - SHOWN;
            subjects.truncate(SHOWN);
            subjects.push(format!("{more} more"));
        }
        Heading {
            subjects: subjects.join(", "),
            engines: distinct(records, |record| record.run.engine.to_string()).join(", "),
            began: records.iter().filter_map(|record| record.measured.started_at).min(),
        }
    }

    /// The heading in one line.
    pub(super) fn text(&self) -> String {
        self.parts(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
    }

    /// The heading as HTML, whose time does not break.
    pub(super) fn html(&self) -> String {
        let escaped = Heading { subjects: escape(&self.subjects), engines: escape(&self.engines), ..*self };
        escaped.parts(|at| {
            at.strftime("<time datetime=\"%Y-%m-%dT%H:%MZ\">%Y-%m-%d %H:%M UTC</time>").to_string()
        })
    }

    fn parts(&self, time: impl Fn(&Timestamp) -> String) -> String {
        let began = self.began.as_ref().map(time).unwrap_or_default();
        let parts = [self.subjects.as_str(), &self.engines, &began];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

/// How far a sweep has come, as a bar.
pub(super) fn progress(Progress { done, planned }: Progress) -> String {
    format!(
        "<p class=\"progress\"><progress value=\"{done}\" max=\"{}\"></progress> running: {done} of {}</p>\n",
        planned.max(1),
        count(planned, "run")
    )
}

/// The sweep in one sentence.
fn lead(Report { records, axis, .. }: &Report<'_>) -> String {
    let ok = records.iter().filter(|record| record.is_ok()).count();
    let runs = count(records.len(), "run");
    let outcome = if ok == records.len() { "all ok".to_owned() } else { format!("{ok} ok") };
    let default = || Parameter::default_axis(records.iter().map(|record| &record.run));
    let axis = axis.cloned().unwrap_or_else(default).words();
    format!("Broadcast: stable latency and messages against {axis}. {runs}, {outcome}.")
}

/// The settings of all runs, several values where they differ.
pub(super) fn settings(records: &[RunRecord]) -> Vec<(&'static str, String)> {
    let of =
        |text: &dyn Fn(&Settings) -> String| distinct(records, |record| text(record.settings())).join(" / ");
    let faults = |settings: &Settings| match settings.nemesis.faults {
        Faults::NONE => Faults::NONE.to_string(),
        faults => format!("{faults} every {} s", settings.nemesis.interval.as_secs_f64()),
    };
    let per_message = |settings: &Settings| {
        let faults = settings.message_faults;
        if faults.any() {
            format!("{} lost, {} doubled", faults.loss, faults.duplication)
        } else {
            "none".to_owned()
        }
    };
    let availability =
        |settings: &Settings| settings.availability.map_or_else(|| "none".to_owned(), |one| one.to_string());
    vec![
        ("Nodes", of(&|settings| settings.node_count.to_string())),
        ("Clients", of(&|settings| settings.concurrency.to_string())),
        (
            "Operations",
            of(&|settings| {
                format!("{} per second for {} s", settings.rate, settings.time_limit.as_secs_f64())
            }),
        ),
        (
            "Latency",
            of(&|settings| {
                format!("{} ms, {}", settings.latency.mean.as_millis(), settings.latency.distribution)
            }),
        ),
        ("Topology", of(&|settings| settings.topology.to_string())),
        ("Faults", of(&faults)),
        ("Message faults", of(&per_message)),
        ("Availability asked for", of(&availability)),
    ]
}

/// The numbers that runs have for a parameter, in rising order.
fn values(records: &[RunRecord], parameter: &Parameter) -> String {
    let mut values: Vec<f64> = records.iter().filter_map(|record| parameter.number(&record.run)).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")
}

/// The user's parameters and their values.
fn users(records: &[RunRecord]) -> String {
    let all = Parameter::all(records.iter().map(|record| &record.run));
    let users = all.iter().filter(|parameter| matches!(parameter, Parameter::User(_)));
    let shown = users.map(|parameter| {
        let shown = distinct(records, |record| parameter.shown(&record.run)).join(", ");
        format!("{}: {shown}", parameter.name())
    });
    shown.collect::<Vec<_>>().join("; ")
}

fn run(records: &[RunRecord], spec: Option<&SweepSpec>) -> String {
    let of = |text: &dyn Fn(&RunRecord) -> String| distinct(records, text).join(" / ");
    let timeouts = values(records, &Parameter::BatchTimeout);
    let began = || records.iter().filter_map(|record| record.measured.started_at);
    let time = |at: Option<_>| at.map(columns::to_the_second).unwrap_or_default();
    let took: f64 = records.iter().map(|record| record.measured.duration.as_secs_f64()).sum();
    let mut pairs = vec![
        ("Node", of(&|record| record.run.node.shown())),
        ("Series", of(&RunRecord::series)),
        ("Batch timeouts", if timeouts.is_empty() { "none".to_owned() } else { format!("{timeouts} ms") }),
        (
            "Engine",
            of(&|record| {
                format!("{} {}", record.run.engine, record.measured.engine_version).trim_end().to_owned()
            }),
        ),
        ("bench-cli", of(&|record| record.measured.bench_version.clone())),
        ("First run began", time(began().min())),
        ("Last run began", time(began().max())),
        ("Runs took together", format!("{took:.0} s")),
    ];
    if let Some(sampled) = spec.and_then(SweepSpec::sampled) {
        pairs.push(("Sample of the grid", sampled));
    }
    let users = users(records);
    if !users.is_empty() {
        pairs.push(("Parameters", users));
    }
    pairs.extend(settings(records));
    html::definitions(&pairs) + &repeat(spec)
}

/// How to run the sweep again.
fn repeat(spec: Option<&SweepSpec>) -> String {
    let heading = "<h3>To repeat it</h3>\n";
    let Some(spec) = spec else {
        return format!(
            "{heading}<p class=\"note\">There is no sweep.toml next to the runs, so the command that made them is not \
             known. The CSV has the settings of each run.</p>\n"
        );
    };
    // No flags give an extended sweep its seeds, but its description does.
    let command = spec.command().unwrap_or_else(|| format!("{PROGRAM} sweep --spec sweep.toml"));
    format!("{heading}<pre><code>{}</code></pre>\n", escape(&command))
}

fn figures(report: &Report<'_>) -> String {
    let series = Series::group_on(report.axis, report.records);
    let limits = report.limits;
    let mut html = html::table("Medians over repetitions", &summary::points(&series, limits));
    let _ = writeln!(html, "<p class=\"note\">{}</p>", prose(&summary::points_legend(limits)));
    if !limits.is_empty() {
        let items: String =
            limits.iter().map(|limits| format!("<li>{}</li>\n", prose(&limits.to_string()))).collect();
        let _ = writeln!(html, "<ul class=\"note\">\n{items}</ul>");
    }
    if let Some(front) = summary::front(&series) {
        html.push_str("<h3>Pareto front</h3>\n");
        html.push_str(&html::table("Settings that no other beats", &front));
        let _ = writeln!(html, "<p class=\"note\">{}</p>", prose(&summary::front_legend(&series)));
    }
    if let Some(effects) = summary::effects(&series) {
        html.push_str("<h3>Effects</h3>\n");
        html.push_str(&html::table("Which parameters matter", &effects));
        let _ = writeln!(html, "<p class=\"note\">{}</p>", prose(summary::EFFECTS_LEGEND));
    }
    html.push_str("<h3>Fits</h3>\n");
    let fits = summary::fits(&series);
    if !fits.rows.is_empty() {
        html.push_str(&html::table(&summary::fits_legend(&series), &fits));
    }
    html.push_str("<ul class=\"note\">\n");
    for warning in Warning::on(&series) {
        let _ = writeln!(html, "<li>{}</li>", prose(&summary::sentence(&warning)));
    }
    html.push_str("</ul>\n");
    html
}

/// The machines, if there are several.
fn hosts(records: &[RunRecord]) -> Option<String> {
    let series = Series::group(records);
    let hosts = Host::all(&series);
    if hosts.len() < 2 {
        return None;
    }
    let effect = match HostEffect::among(&series) {
        Some(effect) => summary::sentence(&Warning::Host(effect)),
        None => "No difference in latency between hosts is significant, or too few runs are comparable."
            .to_owned(),
    };
    let caption = format!("{} hosts", hosts.len());
    Some(
        html::table(&caption, &summary::hosts(&hosts))
            + &format!("<p class=\"note\">{}</p>\n", prose(&effect)),
    )
}

fn advice(report: &Report<'_>) -> Option<String> {
    let sweep = report.spec.map(|spec| Described { spec, folder: Some(report.title) });
    let answers = advice::answers(&Series::group(report.records), report.limits, sweep);
    let mut html = String::new();
    for Answer { question, findings, next } in &answers {
        let _ = writeln!(html, "<h3>{}</h3>\n<ul>", prose(question));
        for finding in findings {
            let _ = writeln!(html, "<li>{}</li>", prose(finding));
        }
        html.push_str("</ul>\n");
        for (aim, command) in next {
            let (aim, command) = (escape(aim), escape(command));
            let _ = writeln!(html, "<p>{aim}:</p>\n<pre><code>{command}</code></pre>");
        }
    }
    (!answers.is_empty()).then_some(html)
}

fn pictures(pictures: &[&Picture]) -> Option<String> {
    if pictures.is_empty() {
        return None;
    }
    let hint = "<p class=\"note\">Point at a run to see its values; click it to find it in the table.</p>\n";
    let pictures: String = pictures.iter().map(|picture| html::picture(picture)).collect();
    Some(format!("{hint}<div class=\"pictures\">\n{pictures}</div>\n"))
}

fn failed(records: &[RunRecord]) -> Option<String> {
    let failures = failures::by_reason(records);
    if failures.is_empty() {
        return None;
    }
    let header = ["status", "reason", "runs"].map(|name| (name, true));
    let mut html = html::open(&failures::headline(records), "", &header);
    for Failure { status, reason, runs } in failures {
        let runs: Vec<String> =
            runs.iter().map(|(name, record)| runs::log(&record.measured.log, name)).collect();
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\" class=\"bad\">{status}</th><td class=\"text prose\">{}</td>\
             <td class=\"text prose\">{}</td></tr>",
            prose(reason),
            runs.join(", ")
        );
    }
    html.push_str(html::CLOSE);
    // The likely reason of all of them.
    for warning in Warning::on(&Series::group(records)) {
        if let Warning::Unit { .. } | Warning::LongTimeout { .. } = warning {
            let _ = writeln!(html, "<p class=\"bad\">{}</p>", prose(&summary::sentence(&warning)));
        }
    }
    Some(html)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use node::StrategyKind;

    use super::*;
    use crate::analysis::examples::{failed, of_program, with_nodes};
    use crate::record::Status;
    use crate::record::tests::example;
    use crate::spec::limits::Challenge;
    use crate::spec::{EngineKind, Limits};

    fn report<'a>(records: &'a [RunRecord]) -> Report<'a> {
        Report {
            title: "a <sweep>",
            csv: "half.csv",
            records,
            spec: None,
            axis: None,
            limits: &[],
            pictures: &[],
            progress: None,
        }
    }

    #[test]
    fn a_page_has_every_figure_picture_and_run() {
        let records = [example(100, 1), example(200, 1), example(400, 1)];
        let svg = "<svg width=\"1\"></svg>".to_owned();
        let picture = Picture { name: "fit-a b".to_owned(), caption: "One & all".to_owned(), svg };
        let timeouts = [100, 200, 400].map(Duration::from_millis);
        let mut spec = SweepSpec::bundled(EngineKind::Embedded, &[StrategyKind::Hub], &timeouts);
        spec.grid.repetitions = 1;
        let limits = [Challenge::ALL[1].into()];
        let report = Report { spec: Some(&spec), limits: &limits, pictures: &[picture], ..report(&records) };
        let page = page(&report);
        for part in [
            "<h1>hub · embedded · <time datetime=\"2026-01-01T00:00Z\">2026-01-01 00:00 UTC</time></h1>",
            "<title>hub · embedded · 2026-01-01 00:00 UTC – a &lt;sweep&gt;</title>",
            "<code>bench-cli sweep --engine embedded --strategy hub ",
            " --batch-timeouts 100,200,400 --repetitions 1 ",
            "<svg role=\"img\" aria-label=\"One &amp; all\" width=\"1\">",
            "<a href=\"./fit-a%20b.svg\">",
            "<tr data-run=\"hub 200 ms #1\">",
            "<li>3e (msgs/op &lt; 20.00, ",
            "0.500 ± 0.000",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(!page.contains("Failed runs") && !page.contains("http-equiv=\"refresh\""));
    }

    #[test]
    fn without_a_description_the_page_says_that_the_command_is_unknown() {
        let page = page(&report(&[example(100, 1)]));
        assert!(page.contains("There is no sweep.toml") && !page.contains("<code>bench-cli sweep"), "{page}");
    }

    #[test]
    fn the_advice_is_that_of_the_terminal() {
        let records = [(100, 1), (100, 2), (200, 1), (200, 2)].map(|(timeout, run)| {
            example(timeout, run).with(|record| {
                record.run.args = ["--batch-timeout", &format!("{timeout}ms"), "--strategy", "hub"]
                    .map(String::from)
                    .into();
            })
        });
        let limits = [Challenge::ALL[0].into()];
        let page = page(&Report { limits: &limits, ..report(&records) });
        let said = advice::answers(&Series::group(&records), &limits, None).remove(0);
        assert!(!said.findings.is_empty() && !said.next.is_empty());
        let commands = said.next.iter().map(|(_, command)| command);
        let findings = said.findings.iter().map(|words| prose(words));
        for words in findings.chain(commands.map(|words| escape(words))) {
            assert!(page.contains(&words), "{words}\n{page}");
        }
        assert!(page.contains("<h3>What meets 3d"), "{page}");
        assert!(!super::page(&report(&records)).contains("Recommendation"));
    }

    #[test]
    fn runs_of_a_grid_have_names_of_their_own() {
        let with = |node_count, loss| {
            with_nodes(node_count, 100, 1).with(|record| record.run.settings.message_faults.loss = loss)
        };
        let page = page(&report(&[with(5, 0.1), with(25, 0.1), with(5, 0.0)]));
        for part in ["hub 100 ms #1 (5 nodes, loss 0.1)", ">loss</th>", ">node count</th>"] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(!page.contains(">topology</th>"), "{page}");
    }

    #[test]
    fn nothing_that_a_node_says_becomes_markup() {
        let attack = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";
        let record = of_program(attack, 100).with(|record| {
            record.run.args = vec![attack.to_owned()];
            let measured = &mut record.measured;
            measured.status = Status::Crashed;
            for text in [
                &mut measured.reason,
                &mut measured.log,
                &mut measured.engine_version,
                &mut measured.bench_version,
            ] {
                attack.clone_into(text);
            }
        });
        let records = [record, example(200, 1)];
        let limits = [Limits { name: attack.to_owned(), msgs_per_op: Some(1.0), median: None, max: None }];
        let page = page(&Report { title: attack, csv: attack, limits: &limits, ..report(&records) });
        assert!(page.contains("&lt;script&gt;alert"));
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
        assert_eq!(page.matches("<script>").count(), 1);
    }

    #[test]
    fn a_failed_run_shows_its_reason_and_log() {
        let failed =
            failed(100, 2, Status::TimedOut).with(|record| record.measured.reason = "killed".to_owned());
        let page = page(&report(&[example(100, 1), failed]));
        assert!(
            page.contains("1 of 2 runs is not ok") && page.contains("<td class=\"text prose\">killed</td>")
        );
        assert!(page.contains("href=\"./runs/hub-50ms-r1/log.txt\""));
        assert!(page.contains("<li>Warning: no line for hub: a fit needs at least 3 usable runs"), "{page}");
    }

    #[test]
    fn the_page_opens_with_failures_the_recommendation_and_the_frontier() {
        let failed = failed(100, 2, Status::TimedOut);
        let records = [example(100, 1), failed, example(200, 1)];
        let picture = |name: &str| Picture {
            name: name.to_owned(),
            caption: name.to_owned(),
            svg: "<svg width=\"1\"></svg>".to_owned(),
        };
        let pictures = ["latency-fit", "frontier"].map(picture);
        let limits = [Challenge::ALL[0].into()];
        let page = page(&Report { limits: &limits, pictures: &pictures, ..report(&records) });
        let places: Vec<usize> = ["failed", "advice", "frontier", "figures", "pictures", "runs", "run"]
            .iter()
            .map(|id| page.find(&format!("<h2 id=\"{id}\">")).unwrap())
            .collect();
        assert!(places.is_sorted(), "{places:?}");
        for link in [
            "<a href=\"./runs/hub-50ms-r1/log.txt\">log</a>",
            "<a href=\"./runs/hub-50ms-r1/store/latest/messages.svg\">messages</a>",
            "<a href=\"./runs/hub-50ms-r1/store/latest/history.edn\">history</a>",
        ] {
            assert!(page.contains(link), "{link}\n{page}");
        }
    }

    #[test]
    fn the_page_of_a_running_sweep_loads_itself_again() {
        let progress = Some(Progress { done: 1, planned: 18 });
        let page = page(&Report { progress, ..report(&[example(100, 1)]) });
        assert!(page.contains("<meta http-equiv=\"refresh\" content=\"3\">"), "{page}");
        assert!(page.contains("running: 1 of 18 runs"), "{page}");
    }

    #[test]
    fn the_page_names_no_other_host() {
        let page = page(&report(&[example(100, 1)]));
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("@import"), "{page}");
    }
}
