//! How many runs passed, in words: one run that failed among many that did not is a finding, not noise.

use std::collections::BTreeMap;

use crate::analysis::Series;
use crate::record::Row;

/// The pass rate over all runs, and that of each point of which not every run passed at the first attempt.
pub fn sentences(series: &[Series<'_>]) -> Vec<String> {
    let all: Vec<&Row> = series.iter().flat_map(|series| series.rows.iter().copied()).collect();
    let mut sentences = vec![format!("pass rate: {}", rate(&all))];
    for series in series {
        let mut points: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
        for row in &series.rows {
            points.entry(row.batch_timeout_ms).or_default().push(row);
        }
        for (timeout_ms, rows) in points {
            if !rows.iter().all(|row| row.is_ok() && row.attempts <= 1) {
                sentences.push(format!("{} {timeout_ms} ms: {}", series.name, rate(&rows)));
            }
        }
    }
    sentences
}

/// `4 of 5 runs ok, 1 of them after more than one attempt`.
fn rate(rows: &[&Row]) -> String {
    let ok: Vec<&&Row> = rows.iter().filter(|row| row.is_ok()).collect();
    let runs = if rows.len() == 1 { "run" } else { "runs" };
    let mut text = format!("{} of {} {runs} ok", ok.len(), rows.len());
    let again = ok.iter().filter(|row| row.attempts > 1).count();
    if again > 0 {
        text.push_str(&format!(", {again} of them after more than one attempt"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Status;
    use crate::record::row::tests::example;

    #[test]
    fn every_point_with_a_failure_or_a_further_attempt_is_told() {
        let lost = Row { status: Status::LostValues, ..example(200, 2) };
        let again = Row { attempts: 2, ..example(300, 1) };
        let rows = [example(100, 1), example(200, 1), lost, again];
        assert_eq!(
            sentences(&Series::group(&rows)),
            [
                "pass rate: 3 of 4 runs ok, 1 of them after more than one attempt",
                "hub 200 ms: 1 of 2 runs ok",
                "hub 300 ms: 1 of 1 run ok, 1 of them after more than one attempt",
            ]
        );
        assert_eq!(sentences(&Series::group(&rows[..2])), ["pass rate: 2 of 2 runs ok"]);
    }
}
