//! How many runs passed. One failed run among many is a finding, not noise.

use crate::analysis::Series;
use crate::analysis::series::Point;
use crate::record::RunRecord;
use crate::terminal::count;

/// The pass rate over all runs, and that of each point of which not every run passed at the first attempt.
pub fn sentences(series: &[Series<'_>]) -> Vec<String> {
    let all: Vec<&RunRecord> = series.iter().flat_map(|series| series.records.iter().copied()).collect();
    let mut sentences = vec![format!("pass rate: {}", rate(&all))];
    for series in series {
        for Point { x, label, .. } in series.by_x() {
            let records: Vec<&RunRecord> = series.at(x).collect();
            if !records.iter().all(|record| record.is_ok() && record.measured.attempts <= 1) {
                sentences.push(format!("{} {label}: {}", series.name, rate(&records)));
            }
        }
    }
    sentences
}

/// `4 of 5 runs ok, 1 of them after more than one attempt`.
fn rate(records: &[&RunRecord]) -> String {
    let ok: Vec<&&RunRecord> = records.iter().filter(|record| record.is_ok()).collect();
    let mut text = format!("{} of {} ok", ok.len(), count(records.len(), "run"));
    let again = ok.iter().filter(|record| record.measured.attempts > 1).count();
    if again > 0 {
        text.push_str(&format!(", {again} of them after more than one attempt"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::failed;
    use crate::record::Status;
    use crate::record::tests::example;

    #[test]
    fn every_point_with_a_failure_or_a_further_attempt_is_shown() {
        let lost = failed(200, 2, Status::LostValues);
        let again = example(300, 1).with(|record| record.measured.attempts = 2);
        let records = [example(100, 1), example(200, 1), lost, again];
        assert_eq!(
            sentences(&Series::group(&records)),
            [
                "pass rate: 3 of 4 runs ok, 1 of them after more than one attempt",
                "hub 200 ms: 1 of 2 runs ok",
                "hub 300 ms: 1 of 1 run ok, 1 of them after more than one attempt",
            ]
        );
        assert_eq!(sentences(&Series::group(&records[..2])), ["pass rate: 2 of 2 runs ok"]);
    }
}
