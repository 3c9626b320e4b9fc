//! Replies that real Maelstrom lost, which explain a run in which no operation succeeded.
//!
//! `:net :clients` counts every message between clients and nodes when it is sent. Each node receives `init`
//! and `topology` and replies to both; otherwise operations would not have begun. Each operation is one
//! request. All other messages are the nodes' replies to operations.
//!
//! If there were replies and yet each operation timed out, Maelstrom lost the replies. Then the run says
//! nothing about the nodes. If there were no replies, the nodes were silent. That may be the nodes' fault, so
//! such a run is a result like any other and counts in the pass rate.

use std::path::Path;

use crate::edn::{self, Value};
use crate::harness::history::{Kind, Process};
use crate::harness::history_file;

/// Messages for each node during set-up: `init`, `topology` and their replies.
const SETUP_MESSAGES: i64 = 4;

/// The number of lost replies, if they are why no operation of the run in `store` succeeded.
pub(super) fn count(store: &Path, node_count: usize) -> Option<i64> {
    let results = edn::parse(&std::fs::read_to_string(store.join("results.edn")).ok()?).ok()?;
    let int = |path: &[&str]| results.at(path).and_then(Value::as_int);
    let [operations, ok] = [":count", ":ok-count"].map(|key| int(&[":stats", key]));
    if ok? != 0 || operations? == 0 || !all_timed_out(store)? {
        return None;
    }
    let sent = int(&[":net", ":clients", ":send-count"])?;
    let setup = SETUP_MESSAGES * i64::try_from(node_count).ok()?;
    Some(sent - setup - operations?).filter(|&replies| replies > 0)
}

/// Whether every operation timed out.
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

    /// The lost replies of a run of three nodes and two operations, with these counts and this end of the
    /// second one.
    fn lost_replies(ok: u32, sent: u32, second: &str) -> Option<i64> {
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
        count(store.path(), 3)
    }

    const TIMED_OUT: &str =
        "{:index 3, :time 9, :type :fail, :process 1, :f :read, :value nil, :error :net-timeout}";
    const REFUSED: &str = "{:index 3, :time 9, :type :fail, :process 1, :f :read, :value nil, :error [:temporarily-unavailable \"no\"]}";

    #[test]
    fn only_replies_that_were_sent_and_lost_count() {
        assert_eq!(lost_replies(0, 12 + 2 + 2, TIMED_OUT), Some(2));
        assert_eq!(lost_replies(0, 12 + 2, TIMED_OUT), None, "silent nodes");
        assert_eq!(lost_replies(1, 12 + 2 + 2, TIMED_OUT), None, "an operation succeeded");
        assert_eq!(lost_replies(0, 12 + 2 + 2, REFUSED), None, "a node's own error arrived");
    }

    #[test]
    fn recorded_runs_lost_no_replies_and_their_counts_add_up() {
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/maelstrom");
        for (run, nodes) in [("pass", 3), ("fail-noread", 3), ("noack", 3), ("article-T200", 25)] {
            assert_eq!(count(&recorded.join(run), nodes), None, "{run}");
            let text = fs::read_to_string(recorded.join(run).join("results.edn")).unwrap();
            let results = edn::parse(&text).unwrap();
            let int = |path: &[&str]| results.at(path).and_then(Value::as_int).unwrap();
            let sent = int(&[":net", ":clients", ":send-count"]);
            let replies = sent - SETUP_MESSAGES * nodes as i64 - int(&[":stats", ":count"]);
            assert_eq!(replies, int(&[":stats", ":ok-count"]), "{run}");
        }
    }
}
