//! The runs that are not ok, each reason once.

use crate::record::{RunRecord, Status};
use crate::spec::Names;
use crate::terminal::{are, count};

/// The runs that failed for one reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure<'a> {
    /// Their common status.
    pub status: Status,
    /// Their common reason.
    pub reason: &'a str,
    /// Each with its name, in the order in which they ended.
    pub runs: Vec<(String, &'a RunRecord)>,
}

/// The runs of a sweep that failed, by reason, in the order in which the reasons first appear.
pub fn by_reason(records: &[RunRecord]) -> Vec<Failure<'_>> {
    let names = Names::among(records.iter().map(|record| &record.run));
    let mut failures: Vec<Failure<'_>> = Vec::new();
    for record in records.iter().filter(|record| !record.is_ok()) {
        let (status, reason) = (record.measured.status, record.measured.reason.as_str());
        let run = (names.run(&record.run), record);
        match failures.iter_mut().find(|one| (one.status, one.reason) == (status, reason)) {
            Some(known) => known.runs.push(run),
            None => failures.push(Failure { status, reason, runs: vec![run] }),
        }
    }
    failures
}

/// How many runs failed, in a sentence without its end; empty if none did.
pub fn headline(records: &[RunRecord]) -> String {
    match records.iter().filter(|record| !record.is_ok()).count() {
        0 => String::new(),
        failed => {
            let (runs, are) = (count(records.len(), "run"), are(failed));
            format!("{failed} of {runs} {are} not ok and left out of medians and fits")
        }
    }
}

impl Failure<'_> {
    /// The names of the first runs, and how many others there are.
    pub fn names(&self) -> String {
        const SHOWN: usize = 3;
        let names: Vec<&str> = self.runs.iter().take(SHOWN).map(|(name, _)| name.as_str()).collect();
        let others = self.runs.len() - names.len();
        let more = if others == 0 { String::new() } else { format!(" and {others} more") };
        names.join(", ") + &more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::failed;
    use crate::record::tests::example;

    #[test]
    fn each_reason_is_shown_once_with_its_runs() {
        let crashed = |timeout, repetition| {
            failed(timeout, repetition, Status::Crashed)
                .with(|record| record.measured.reason = "Node n1 crashed.".to_owned())
        };
        let records = [
            crashed(50, 1),
            example(100, 1),
            failed(100, 2, Status::TimedOut),
            crashed(50, 2),
            crashed(50, 3),
            crashed(50, 4),
        ];
        let found = by_reason(&records);
        let shown: Vec<(Status, String)> = found.iter().map(|one| (one.status, one.names())).collect();
        assert_eq!(
            shown,
            [
                (Status::Crashed, "hub 50 ms #1, hub 50 ms #2, hub 50 ms #3 and 1 more".to_owned()),
                (Status::TimedOut, "hub 100 ms #2".to_owned())
            ]
        );
        assert_eq!(headline(&records), "5 of 6 runs are not ok and left out of medians and fits");
        assert_eq!(headline(&records[..2]), "1 of 2 runs is not ok and left out of medians and fits");
        assert_eq!(headline(&records[1..2]), "");
    }
}
