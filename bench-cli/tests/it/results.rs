//! Every recorded `results.edn` gives the right figures, and nothing else gives any.

use std::path::{Path, PathBuf};

use bench_cli::record::results::{self, Figures};
use bench_cli::record::{Outcome, Status, Validity};
use clojure_reader::edn::{Edn, read_string};

use crate::common;

fn recorded() -> Vec<(String, PathBuf)> {
    let mut runs: Vec<(String, PathBuf)> = std::fs::read_dir(common::recorded())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path().join("results.edn")))
        .filter(|(_, path)| path.exists())
        .collect();
    runs.sort();
    assert!(runs.len() >= 20, "only {} recorded results", runs.len());
    runs
}

fn get<'a>(edn: &'a Edn<'a>, path: &[&'static str]) -> Option<&'a Edn<'a>> {
    path.iter().try_fold(edn, |value, key| match value {
        Edn::Map(map) => map.get(&Edn::Key((*key).into())),
        _ => None,
    })
}

fn count(edn: &Edn<'_>, path: &[&'static str]) -> u64 {
    match get(edn, path) {
        Some(Edn::Int(number)) => u64::try_from(*number).unwrap(),
        other => panic!("{path:?} is {other:?}"),
    }
}

fn float(edn: &Edn<'_>, path: &[&'static str]) -> Option<f64> {
    get(edn, path).map(|value| match value {
        Edn::Double(float) => f64::from(*float),
        other => panic!("{path:?} is {other:?}"),
    })
}

/// The stable latencies in the order of their quantiles, in ms.
fn latencies(edn: &Edn<'_>) -> Option<Vec<u64>> {
    let Edn::Map(map) = get(edn, &["workload", "stable-latencies"])? else { panic!("no map") };
    let mut pairs: Vec<(f64, u64)> = map
        .iter()
        .map(|(key, value)| {
            let Edn::Int(value) = value else { panic!("{value:?}") };
            let key = match key {
                Edn::Int(key) => *key as f64,
                Edn::Double(key) => f64::from(*key),
                other => panic!("{other:?}"),
            };
            (key, u64::try_from(*value).unwrap())
        })
        .collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some(pairs.into_iter().map(|(_, value)| value).collect())
}

#[test]
fn a_second_reader_finds_the_same_figures() {
    for (name, path) in recorded() {
        let figures = results::read(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let edn = read_string(&text).unwrap();
        let validity = match get(&edn, &["valid?"]) {
            Some(Edn::Bool(true)) => Validity::Valid,
            Some(Edn::Bool(false)) => Validity::Invalid,
            Some(Edn::Key(key)) if key == "unknown" => Validity::Unknown,
            other => panic!("{name}: {other:?}"),
        };
        let stable = figures
            .stable
            .map(|s| [s.p0, s.p50, s.p95, s.p99, s.max].map(|latency| latency.as_millis() as u64).to_vec());
        assert_eq!(figures.validity, validity, "{name}");
        assert_eq!(stable, latencies(&edn), "{name}");
        assert_eq!(figures.msgs_per_op, float(&edn, &["net", "servers", "msgs-per-op"]), "{name}");
        assert_eq!(figures.msgs_per_op_all, float(&edn, &["net", "all", "msgs-per-op"]), "{name}");
        assert_eq!(figures.ok_fraction, float(&edn, &["availability", "ok-fraction"]), "{name}");
        for (figure, path) in [
            (figures.operations, ["stats", "count"]),
            (figures.fail_count, ["stats", "fail-count"]),
            (figures.info_count, ["stats", "info-count"]),
            (figures.attempt_count, ["workload", "attempt-count"]),
            (figures.stable_count, ["workload", "stable-count"]),
            (figures.lost_count, ["workload", "lost-count"]),
            (figures.never_read_count, ["workload", "never-read-count"]),
        ] {
            assert_eq!(figure, count(&edn, &path), "{name} {path:?}");
        }
    }
}

#[test]
fn recorded_runs_have_the_status_with_which_they_ended() {
    let outcome = |name: &str| {
        let path = recorded().into_iter().find(|run| run.0 == name).unwrap().1;
        Outcome::of(results::read(&path).unwrap(), || None)
    };
    assert_eq!(outcome("article-T200").status(), Status::Ok);
    assert_eq!(outcome("article-T200").reason(), "");
    for (name, status, reason) in [
        ("fail-lost", Status::Invalid, "15 of 21 values lost"),
        ("fail-noread", Status::Invalid, ":stats is invalid; :workload is unknown"),
        ("availability", Status::Invalid, ":availability is invalid"),
        ("rate0", Status::Unknown, ":workload is unknown"),
        (
            "no-gnuplot",
            Status::Unknown,
            ":perf is unknown (Error rendering plot, verify gnuplot is installed and reachable)",
        ),
    ] {
        let outcome = outcome(name);
        assert_eq!((outcome.status(), outcome.reason()), (status, reason), "{name}");
    }
}

#[test]
fn values_that_only_final_reads_miss_are_lost() {
    let path = recorded().into_iter().find(|run| run.0 == "article-T800").unwrap().1;
    let figures = results::read(&path).unwrap();
    let stable = figures.stable.unwrap();
    let at = |max| Figures {
        stable: Some(bench_cli::record::StableLatencies { max, ..stable }),
        ..figures.clone()
    };
    let ten = std::time::Duration::from_secs(10);
    assert_eq!(Outcome::of(at(ten), || None).status(), Status::LostValues);
    assert_eq!(Outcome::of(at(ten), || Some(3)).status(), Status::LostValues);
    // A partition held it up for that long, and the final reads saw it.
    assert_eq!(Outcome::of(at(ten), || Some(0)).status(), Status::Ok);
    assert_eq!(Outcome::of(at(ten - std::time::Duration::from_millis(1)), || None).status(), Status::Ok);
}

fn error_for(content: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("results.edn");
    std::fs::write(&path, content).unwrap();
    let error = results::read(&path).unwrap_err().to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
    error
}

#[test]
fn a_file_cut_anywhere_gives_no_figures() {
    let path = recorded().into_iter().find(|run| run.0 == "pass").unwrap().1;
    let text = std::fs::read_to_string(path).unwrap();
    let end = text.trim_end().len();
    for cut in (0..end).step_by(7) {
        assert!(error_for(&text.as_bytes()[..cut]).contains("EDN"), "cut at {cut}");
    }
}

#[test]
fn other_files_than_results_are_refused() {
    assert!(error_for(b"").contains("the text is empty"));
    assert!(error_for(b"\xff\xfe\x00binary").contains("it is not text (byte 0"));
    assert!(error_for(b"{:a 1}").contains(":valid? is missing"));
    assert!(error_for(b"{:valid? true}").contains(":workload :valid? is missing"));
    assert!(error_for(b"engine,strategy\nembedded,hub\n").contains("not well-formed EDN"));
    let huge = vec![b' '; (64 << 20) + 1];
    assert!(error_for(&huge).contains("larger than 64 MiB"));
    let missing = results::read(Path::new("no/such/results.edn")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read no/such/results.edn"), "{missing}");
}

#[test]
fn fifty_megabytes_give_the_right_figures() {
    let path = recorded().into_iter().find(|run| run.0 == "article-T200").unwrap().1;
    let text = std::fs::read_to_string(&path).unwrap();
    let many: String = (0..6_500_000).map(|n| format!("{n} ")).collect();
    let grown = text.replacen(":never-read ()", &format!(":never-read ({many})"), 1);
    assert!(grown.len() > 50_000_000);
    let directory = tempfile::tempdir().unwrap();
    let large = directory.path().join("results.edn");
    std::fs::write(&large, grown).unwrap();
    assert_eq!(results::read(&large).unwrap(), results::read(&path).unwrap());
}
