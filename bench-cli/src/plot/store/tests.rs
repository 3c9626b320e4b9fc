//! The plots of recorded runs.

use super::*;
use crate::harness::history_file::read_edn;

fn recorded(run: &str) -> History {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/maelstrom").join(run);
    read_edn(&fs::read_to_string(path.join("history.edn")).expect("a recorded history")).expect("a history")
}

#[test]
fn faults_are_shaded_while_they_last() {
    let operations = Operations::of(&recorded("partition"));
    let [fault] = operations.faults.as_slice() else { panic!("{:?}", operations.faults) };
    assert_eq!(fault.kind.name, "partition");
    assert!(!fault.intervals.is_empty() && fault.intervals.iter().all(|(from, to)| from < to));
    assert!(fault.intervals.is_sorted_by(|one, other| one.1 <= other.0));
    let svg = rate(&operations, "broadcast");
    assert_eq!(svg.matches("fill-opacity=\"0.6\"").count(), fault.intervals.len());
    assert!(svg.contains("#E9DCA0") && svg.contains(">partition</text>"));
    assert!(Operations::of(&recorded("pass")).faults.is_empty());
}

#[test]
fn each_outcome_has_its_points() {
    let history = recorded("error");
    let operations = Operations::of(&history);
    let svg = latency_raw(&operations, "broadcast");
    for outcome in ["broadcast ok", "broadcast fail", "read ok"] {
        assert!(svg.contains(&format!(">{outcome}</text>")), "{outcome}");
    }
    // A line of the legend for each of the three kinds has a mark, too.
    let marks = svg.matches("<circle").count() + svg.matches("width=\"5\"").count();
    assert_eq!(marks, operations.completed().count() + 3);
    let quantiles = latency_quantiles(&operations, "broadcast");
    assert!(quantiles.contains(">read 0.99</text>"));
}

#[test]
fn quantiles_are_those_of_jepsen() {
    let values: Vec<f64> = (1..=100).map(f64::from).collect();
    let of = |quantile| nearest_rank(&values, quantile);
    assert_eq!([of(0.0), of(0.5), of(0.99), of(1.0)], [1.0, 51.0, 100.0, 100.0]);
    let windows = windows(&[(0.1, 5.0), (0.9, 3.0), (2.5, 1.0)], 1.0);
    assert_eq!(windows, [(0.5, vec![3.0, 5.0]), (2.5, vec![1.0])]);
}

#[test]
fn a_timeline_has_a_box_for_each_operation_and_escapes_values() {
    let history = recorded("partition");
    let operations = Operations::of(&history);
    let page = timeline::page(&history, &operations, "broadcast <25>");
    let faults = history.events().iter().filter(|event| event.function.name().contains("partition")).count();
    assert_eq!(page.matches("<a class=\"op").count(), operations.clients.len() + faults);
    assert!(page.contains("broadcast &lt;25&gt;") && page.contains("nemesis start-partition"));
}

#[test]
fn all_plots_are_written_whatever_the_history() {
    for history in [History::new(), recorded("crash"), recorded("rate0"), recorded("pass")] {
        let store = tempfile::tempdir().expect("a folder");
        write(&history, "broadcast", store.path()).expect("plots");
        for name in ["latency-raw.png", "latency-quantiles.png", "rate.png", "timeline.html"] {
            let bytes = fs::read(store.path().join(name)).expect("a plot");
            assert!(bytes.starts_with(if name.ends_with("png") { b"\x89PNG" } else { b"<!DO" }), "{name}");
        }
    }
}
