//! A run of real Maelstrom in which no operation succeeded: did the nodes not answer, or did nobody hear them?
//!
//! `:net :clients` counts every message between clients and nodes when it is sent. Each node is sent `init` and
//! `topology` and answers both, or operations would not have begun; each operation is one request. What was sent
//! beyond these are the nodes' answers to operations. If there are some, and yet each operation ended in a time-out,
//! the nodes did their part, and the run says nothing of them. If there are none, the nodes were silent, which is
//! the nodes' own doing or cannot be told from it; such a run is a result like any other, and the pass rate shows it.

use std::path::Path;

use crate::edn::{self, Value};
use crate::harness::history::{Kind, Process};
use crate::harness::history_file;

/// `init`, `topology` and their answers.
const SETUP_MESSAGES: i64 = 4;

/// How many answers of nodes nobody heard, if that is why no operation of the run in `store` succeeded.
pub(super) fn answers(store: &Path, node_count: usize) -> Option<i64> {
    let results = edn::parse(&std::fs::read_to_string(store.join("results.edn")).ok()?).ok()?;
    let count = |path: &[&str]| results.at(path).and_then(Value::as_int);
    let [operations, ok] = [":count", ":ok-count"].map(|key| count(&[":stats", key]));
    if ok? != 0 || operations? == 0 || !all_timed_out(store)? {
        return None;
    }
    let sent = count(&[":net", ":clients", ":send-count"])?;
    let setup = SETUP_MESSAGES * i64::try_from(node_count).ok()?;
    Some(sent - setup - operations?).filter(|&answers| answers > 0)
}

/// Whether every operation ended because its answer did not come.
fn all_timed_out(store: &Path) -> Option<bool> {
    let history = history_file::read_edn(&std::fs::read_to_string(store.join("history.edn")).ok()?).ok()?;
    let of_clients = history.events().iter().filter(|event| event.process != Process::Nemesis);
    let mut ended = of_clients.filter(|event| event.kind != Kind::Invoke);
    Some(ended.all(|event| {
        event.failure.as_ref().is_some_and(|failure| failure.error == Value::keyword("net-timeout"))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// What is made of a run of three nodes and two operations with these counts and this end of the second one.
    fn judged(ok: u32, sent: u32, second: &str) -> Option<i64> {
        let store = tempfile::tempdir().unwrap();
        let results = format!(
            "{{:stats {{:count 2, :ok-count {ok}}}, :net {{:clients {{:send-count {sent}, :recv-count {sent}}}}}}}"
        );
        fs::write(store.path().join("results.edn"), results).unwrap();
        let history = format!(
            "{{:index 0, :time 1, :type :invoke, :process 0, :f :broadcast, :value 0}}\n\
             {{:index 1, :time 2, :type :invoke, :process 1, :f :read, :value nil}}\n\
             {{:index 2, :time 9, :type :info, :process 0, :f :broadcast, :value 0, :error :net-timeout}}\n{second}\n"
        );
        fs::write(store.path().join("history.edn"), history).unwrap();
        answers(store.path(), 3)
    }

    const TIMED_OUT: &str =
        "{:index 3, :time 9, :type :fail, :process 1, :f :read, :value nil, :error :net-timeout}";
    const REFUSED: &str = "{:index 3, :time 9, :type :fail, :process 1, :f :read, :value nil, :error [:temporarily-unavailable \"no\"]}";

    #[test]
    fn only_answers_that_were_sent_and_not_heard_count() {
        assert_eq!(judged(0, 12 + 2 + 2, TIMED_OUT), Some(2));
        assert_eq!(judged(0, 12 + 2, TIMED_OUT), None, "silent nodes");
        assert_eq!(judged(1, 12 + 2 + 2, TIMED_OUT), None, "something was heard");
        assert_eq!(judged(0, 12 + 2 + 2, REFUSED), None, "a node's own error was heard");
    }

    #[test]
    fn recorded_runs_are_none_of_it_and_bear_the_count_out() {
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/maelstrom");
        for (run, nodes) in [("pass", 3), ("fail-noread", 3), ("noack", 3), ("article-T200", 25)] {
            assert_eq!(answers(&recorded.join(run), nodes), None, "{run}");
            let text = fs::read_to_string(recorded.join(run).join("results.edn")).unwrap();
            let results = edn::parse(&text).unwrap();
            let count = |path: &[&str]| results.at(path).and_then(Value::as_int).unwrap();
            let sent = count(&[":net", ":clients", ":send-count"]);
            let answered = sent - SETUP_MESSAGES * nodes as i64 - count(&[":stats", ":count"]);
            assert_eq!(answered, count(&[":stats", ":ok-count"]), "{run}");
        }
    }
}
