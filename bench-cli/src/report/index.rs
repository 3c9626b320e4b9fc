//! The page that lists all sweeps of a folder.

use std::fmt::Write as _;

use super::Progress;
use super::html::{self, escape};
use super::page::{Heading, POLICY, STYLE, progress};
use crate::record::RunRecord;
use crate::terminal::count;

/// A sweep in the list.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// Its folder, relative to the page.
    pub folder: String,
    /// Its runs so far, or why they cannot be read.
    pub records: Result<&'a [RunRecord], &'a str>,
    /// How many runs it will have, if known.
    pub planned: Option<usize>,
    /// Whether it is being measured now.
    pub is_running: bool,
    /// The names of files in its folder that are worth a link.
    pub files: Vec<String>,
}

/// The page of all sweeps below `root`, the newest first. It loads itself again every few seconds.
pub fn page(root: &str, mut sweeps: Vec<Listed<'_>>) -> String {
    // Running sweeps first, then the newest.
    let newest = |listed: &Listed<'_>| {
        let records = listed.records.unwrap_or_default();
        records.iter().filter_map(|record| record.measured.started_at).max()
    };
    sweeps.sort_by_key(|listed| std::cmp::Reverse((listed.is_running, newest(listed))));
    let body = match sweeps.as_slice() {
        [] => "<p>There is no sweep here yet. Start one with bench-cli sweep; it appears by itself.</p>\n"
            .to_owned(),
        sweeps => sweeps.iter().map(entry).collect(),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta http-equiv=\"refresh\" content=\"5\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Sweeps in {0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>Sweeps in {0}</h1>\n</header>\n<main class=\"sweeps\">\n{body}</main>\n</body>\n</html>\n",
        escape(root)
    )
}

/// The page of a folder: links to what is in it. `path` is its own, with or without a slash at its end.
pub fn folder(shown: &str, path: &str, names: &[String]) -> String {
    // Links are relative to the last slash.
    let prefix = match path.trim_end_matches('/').rsplit_once('/') {
        Some((_, last)) if !path.ends_with('/') => format!("{last}/"),
        _ => String::new(),
    };
    let link = |name: &String| {
        let target = html::file_link(name, name);
        format!("<li>{}</li>\n", target.replacen("\"./", &format!("\"./{prefix}"), 1))
    };
    let items: String = names.iter().map(link).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{0}</h1>\n<nav><a href=\"/\">all sweeps</a></nav>\n</header>\n\
         <main>\n<ul>\n{items}</ul>\n</main>\n</body>\n</html>\n",
        escape(shown)
    )
}

fn entry(listed: &Listed<'_>) -> String {
    let Listed { folder, records, planned, is_running, files } = listed;
    let below = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let shown = if folder.is_empty() { "this folder" } else { folder.as_str() };
    let mut html = "<article>\n".to_owned();
    let name = match files.iter().find(|name| name.ends_with(".html")) {
        Some(report) => html::file_link(&below(report), shown),
        None => escape(shown),
    };
    let _ = writeln!(html, "<h2>{name}</h2>");
    match records {
        Err(problem) => {
            let _ = writeln!(html, "<p class=\"bad\">{}</p>", escape(problem));
        }
        Ok(records) => {
            if !records.is_empty() {
                let _ = writeln!(html, "<p>{}</p>", Heading::of(records).html());
            }
            html.push_str(&state(records, *planned, *is_running));
        }
    }
    let links: Vec<String> = files.iter().map(|name| html::file_link(&below(name), name)).collect();
    let _ = writeln!(html, "<p class=\"note\">{}</p>\n</article>", links.join(" · "));
    html
}

/// How far a sweep has come, and how many of its runs are ok.
fn state(records: &[RunRecord], planned: Option<usize>, is_running: bool) -> String {
    let ok = records.iter().filter(|record| record.is_ok()).count();
    let failed = records.len() - ok;
    let failed = match failed {
        0 => String::new(),
        failed => format!(", <span class=\"bad\">{failed} failed</span>"),
    };
    let planned = planned.unwrap_or(records.len());
    if is_running {
        let so_far = progress(Progress { done: records.len(), planned });
        return format!("{so_far}<p>{ok} ok{failed}</p>\n");
    }
    let missing = match planned.saturating_sub(records.len()) {
        0 => String::new(),
        missing => format!(", {missing} not run yet"),
    };
    format!("<p>{}: {ok} ok{failed}{missing}</p>\n", count(records.len(), "run"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::failed;
    use crate::record::Status;
    use crate::record::tests::example;

    #[test]
    fn a_list_shows_running_sweeps_first_with_their_progress() {
        let done = [example(50, 1), failed(100, 1, Status::Crashed)];
        let running = [example(50, 1)];
        let listed = |folder: &str, records, planned, is_running| Listed {
            folder: folder.to_owned(),
            records: Ok(records),
            planned,
            is_running,
            files: vec!["report.html".to_owned(), "sweep.csv".to_owned()],
        };
        let sweeps = vec![
            listed("a <b>", &done[..], Some(6), false),
            listed("live/x", &running[..], Some(18), true),
            Listed { records: Err("no <columns>"), ..listed("", &[], None, false) },
        ];
        let page = page("results", sweeps);
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}\n{page}"));
        assert!(
            at("running: 1 of 18 runs")
                < at("2 runs: 1 ok, <span class=\"bad\">1 failed</span>, 4 not run yet")
        );
        for part in [
            "<a href=\"./a%20%3Cb%3E/report.html\">a &lt;b&gt;</a>",
            "<a href=\"./live/x/sweep.csv\">sweep.csv</a>",
            "<p class=\"bad\">no &lt;columns&gt;</p>",
            "<p>hub · embedded · <time datetime=\"2026-01-01T00:00Z\">2026-01-01 00:00 UTC</time></p>",
            "http-equiv=\"refresh\"",
        ] {
            at(part);
        }
        assert!(super::page("x", Vec::new()).contains("There is no sweep here yet"));
    }
}
