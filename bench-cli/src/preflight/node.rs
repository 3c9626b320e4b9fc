//! The program that is to be a node: does it start, and does it answer `init`?

use std::path::Path;
use std::time::Duration;

use super::Finding;
use crate::harness::run::SetupError;
use crate::runner::RunError;
use crate::runner::probe::{self, Refusal};
use crate::runner::program::Unrunnable;
use crate::spec::settings::NodeCommand;

/// Starts a node once, as the first of `node_count` nodes. Only a node that no run could use is a fault.
pub async fn check(node: &NodeCommand, node_count: usize) -> Finding {
    let names: Vec<String> = (0..node_count.max(1)).map(|number| format!("n{number}")).collect();
    let (probed, all) = (node.clone(), names.clone());
    let outcome = tokio::task::spawn_blocking(move || probe::probe(&probed, &all)).await;
    let bin = node.bin.display();
    match outcome {
        Ok(Ok(took)) => answered(node, took),
        Ok(Err(refusal)) => refused(node, &names, &refusal),
        Err(error) => {
            let text = format!("cannot check {bin}: {error}");
            Finding::fault("node", text, by_hand(node, &names)).softened()
        }
    }
}

fn answered(node: &NodeCommand, took: Duration) -> Finding {
    Finding::fine("node", format!("{} answers init within {} ms", node.bin.display(), took.as_millis()))
}

/// The finding about a node that did not answer as a node does.
fn refused(node: &NodeCommand, names: &[String], refusal: &Refusal) -> Finding {
    let bin = node.bin.display();
    // What the node wrote: a line that is not a message, and the end of its stderr.
    let tail = |stderr: &str| {
        let warning = refusal.warning.as_deref().map(|warning| format!("; {}", shortened(warning)));
        let said = Some(shortened(stderr)).filter(|said| !said.is_empty());
        let said = said.map(|said| format!(", and says: {said}"));
        format!("{}{}", said.unwrap_or_default(), warning.unwrap_or_default())
    };
    let finding = match &refusal.error {
        RunError::Launch { error, .. } => return not_started(&node.bin, error),
        RunError::Node { what, tail: last, .. } => {
            let text = format!("{bin} {what} during init{}", tail(&last.stderr));
            Finding::fault("node", text, by_hand(node, names))
        }
        RunError::SetUp { error: SetupError::Refused { answer, .. }, .. } => {
            let text = format!("{bin} answers init with {}", shortened(answer));
            Finding::fault("node", text, by_hand(node, names))
        }
        RunError::SetUp { error: SetupError::Silent { timeout, .. }, tail: last } => {
            let seconds = timeout.as_secs();
            let text = format!("{bin} does not answer init within {seconds} s{}", tail(&last.stderr));
            Finding::fault("node", text, by_hand(node, names))
        }
        // Nothing is known about the node then.
        RunError::Limit { .. } | RunError::Interrupted(_) | RunError::Io(_) => {
            let text = format!("cannot check {bin}: {}", refusal.error);
            Finding::fault("node", text, by_hand(node, names)).softened()
        }
    };
    if refusal.may_await_others {
        let text = format!("{}; it may wait for other nodes, which were not started here", finding.text);
        return Finding { text, ..finding }.softened();
    }
    finding
}

fn not_started(bin: &Path, error: &std::io::Error) -> Finding {
    match Unrunnable::explain(bin) {
        Some(problem) => Finding::fault("node", format!("{} {problem}", bin.display()), problem.remedy(bin)),
        None => {
            let text = format!("{} cannot be run: {error}", bin.display());
            Finding::fault("node", text, "--bin must name a program for this machine, or a script")
        }
    }
}

/// The command that shows what the node does when it is started as nodes are: in the directory for temporary
/// files, where names of files that are relative mean others than in a shell.
fn by_hand(node: &NodeCommand, names: &[String]) -> String {
    let quoted =
        |word: &str| shlex::try_quote(word).map_or_else(|_| word.to_owned(), |word| word.into_owned());
    let variables = node.env.iter().map(|(name, value)| format!("{name}={} ", quoted(value)));
    let bin = node.bin.display().to_string();
    let words: Vec<String> = std::iter::once(&bin).chain(&node.args).map(|word| quoted(word)).collect();
    format!(
        "run it by hand where nodes run, in the folder for temporary files: (cd \"${{TMPDIR:-/tmp}}\" && printf '%s\\n' {} | \
         {}{})",
        quoted(&probe::init_line(names)),
        variables.collect::<String>(),
        words.join(" ")
    )
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 300;
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Verdict;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    use std::process::Command;

    /// A node with this text, in a folder that must outlive it.
    fn node(text: &[u8], mode: u32) -> (tempfile::TempDir, NodeCommand) {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("my node");
        std::fs::write(&bin, text).unwrap();
        std::fs::set_permissions(&bin, std::fs::Permissions::from_mode(mode)).unwrap();
        (folder, NodeCommand { bin, args: vec!["two words".to_owned()], env: Vec::new() })
    }

    /// What is found of a node with this text.
    async fn found(text: &[u8], mode: u32) -> Finding {
        let (_folder, node) = node(text, mode);
        check(&node, 3).await
    }

    const INIT_OK: &str = r#"{"src":"n0","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}"#;

    #[tokio::test]
    async fn nodes_that_answer_init_are_fine_whatever_else_they_write() {
        let hello = r#"{"src":"n0","dest":"n0","body":{"type":"hello"}}"#;
        for text in [
            format!("#!/bin/sh\nread line\necho '{INIT_OK}'\ncat >/dev/null"),
            format!("read line\necho '{INIT_OK}'\ncat >/dev/null"),
            format!("#!/bin/sh\nread line\necho '{hello}'\necho '{INIT_OK},'\ncat >/dev/null"),
            format!("#!/bin/sh\nread line\nsleep 1\necho '{INIT_OK}'\necho log\ncat >/dev/null"),
        ] {
            let finding = found(text.as_bytes(), 0o755).await;
            assert_eq!(finding.verdict, Verdict::Fine, "{text}: {finding}");
        }
    }

    #[tokio::test]
    async fn a_node_may_ask_a_service_before_it_answers() {
        let ask = r#"{"src":"n0","dest":"lin-kv","body":{"type":"write","key":"k","value":1,"msg_id":1}}"#;
        let text = format!("#!/bin/sh\nread line\necho '{ask}'\nread line\necho '{INIT_OK}'\ncat >/dev/null");
        let finding = found(text.as_bytes(), 0o755).await;
        assert_eq!(finding.verdict, Verdict::Fine, "{finding}");
    }

    #[tokio::test]
    async fn each_way_to_be_no_node_is_named() {
        let mut elsewhere = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x15\0".to_vec();
        elsewhere.resize(100, 0);
        let error =
            r#"{"src":"n0","dest":"c0","body":{"type":"error","in_reply_to":1,"code":10,"text":"no"}}"#;
        let error = format!("#!/bin/sh\nread line\necho '{error}'\ncat >/dev/null");
        for (text, mode, problem) in [
            (error.as_bytes(), 0o755, "answers init with an error (code 10)"),
            (
                b"#!/bin/sh\necho no such flag >&2; exit 2",
                0o755,
                "exit status 2 during init, and says: no such flag",
            ),
            (b"#!/bin/sh\nexit 0", 0o755, "crashed with exit status 0 during init"),
            (b"#!/no/such/interpreter", 0o755, "names the interpreter /no/such/interpreter"),
            (b"#!/usr/bin/env no-such-python\n", 0o755, "names the interpreter no-such-python"),
            (b"#!/bin/sh\r\nexit\r\n", 0o755, "carriage return"),
            (b"#!/usr/bin/env sh\r\nexit\r\n", 0o755, "carriage return"),
            (b"#!/bin/sh", 0o644, "not an executable file"),
            (&elsewhere, 0o755, "is built for another machine"),
        ] {
            let finding = found(text, mode).await;
            assert!(finding.is_fault() && finding.text.contains(problem), "{problem}: {finding}");
        }
        let directory = NodeCommand { bin: PathBuf::from("/"), args: Vec::new(), env: Vec::new() };
        let finding = check(&directory, 1).await;
        assert!(finding.is_fault() && finding.text.contains("is a directory"), "{finding}");
        assert!(!finding.remedy.unwrap().contains("chmod"));
    }

    #[tokio::test]
    async fn a_node_that_waits_for_others_is_only_noted() {
        let ask = r#"{"src":"n0","dest":"n1","body":{"type":"hello"}}"#;
        let text = format!("#!/bin/sh\nread line\necho '{ask}'\nsleep 0.2\nexit 1");
        let finding = found(text.as_bytes(), 0o755).await;
        assert!(
            finding.verdict == Verdict::Note && finding.text.contains("wait for other nodes"),
            "{finding}"
        );
    }

    /// Runs the command that a finding suggests. Returns its exit status and output.
    fn paste(finding: &Finding) -> (Option<i32>, String) {
        let remedy = finding.remedy.as_deref().unwrap();
        let command = remedy.split_once("files: ").unwrap().1;
        let output = Command::new("sh").args(["-c", command]).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    #[tokio::test]
    async fn the_remedy_can_be_pasted_and_repeats_the_run() {
        let (_folder, mut node) = node(b"#!/bin/sh\nread -r line; echo \"$1 $A $line\"; pwd; exit 7", 0o755);
        node.env = vec![("A".to_owned(), "b c".to_owned())];
        let (status, text) = paste(&check(&node, 2).await);
        assert_eq!(status, Some(7), "{text}");
        let names = ["n0".to_owned(), "n1".to_owned()];
        assert!(text.starts_with(&format!("two words b c {}\n", probe::init_line(&names))), "{text}");
        assert_eq!(Path::new(text.lines().last().unwrap()), std::env::temp_dir().canonicalize().unwrap());
        // A name that is relative to the shell's folder fails when pasted as it does in a run.
        std::fs::write(node.bin.with_file_name("main.sh"), "echo main").unwrap();
        std::fs::write(&node.bin, "#!/bin/sh\nexec sh main.sh\n").unwrap();
        let finding = check(&node, 2).await;
        let (status, text) = paste(&finding);
        assert!(finding.is_fault() && status != Some(0) && !text.contains("main\n"), "{text}");
        assert!(finding.text.contains("main.sh"), "{finding}");
    }
}
