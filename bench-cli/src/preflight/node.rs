//! The program that is to be a node: is it there, is it for this machine, does it answer?

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::Finding;
use crate::engine::locate::is_executable;
use crate::spec::settings::NodeCommand;
use crate::supervise::process::{Answer, ask};

/// How long a node may take to answer `init`, as in Maelstrom.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a node is asked.
const INIT: &str = concat!(
    r#"{"id":0,"src":"c0","dest":"n0","body":{"type":"init","msg_id":1,"node_id":"n0","node_ids":["n0"]}}"#,
    "\n"
);

/// Looks at a node and starts it once.
pub async fn check(node: &NodeCommand) -> Finding {
    let bin = node.bin.display();
    if !node.bin.exists() {
        return Finding::fault(
            "node",
            format!("{bin} does not exist"),
            "give its path; PATH is not searched",
        );
    }
    if !is_executable(&node.bin) {
        return Finding::fault("node", format!("{bin} is not an executable file"), format!("chmod +x {bin}"));
    }
    if let Some(other) = other_machine(&node.bin) {
        let here = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        return Finding::fault(
            "node",
            format!("{bin} is built for {other}, this is {here}"),
            "build it for this machine (Rust: cargo build --release; Go: go build)",
        );
    }
    match start(node).await {
        Ok(took) => Finding::fine("node", format!("{bin} answers init within {} ms", took.as_millis())),
        Err(problem) => Finding::fault("node", format!("{bin} {problem}"), by_hand(node)),
    }
}

/// Starts the node and has it answer `init`. How long that took, or what it did instead.
async fn start(node: &NodeCommand) -> Result<Duration, String> {
    let mut command = Command::new(&node.bin);
    command
        .args(&node.args)
        .envs(node.env.iter().map(|(name, value)| (name, value)))
        .current_dir(std::env::temp_dir())
        .stderr(Stdio::piped());
    let begun = Instant::now();
    match ask(command, INIT, PATIENCE).await.map_err(|error| format!("cannot be run: {error}"))? {
        Answer::Line(line) if is_init_ok(&line) => Ok(begun.elapsed()),
        Answer::Line(line) => Err(format!("answers init with {:?} and not with init_ok", shortened(&line))),
        Answer::Ended(words) if words.trim().is_empty() => Err("ends without an answer to init".to_owned()),
        Answer::Ended(words) => {
            Err(format!("ends without an answer to init, and says: {}", shortened(words.trim())))
        }
        Answer::Silence => Err(format!("does not answer init within {} s", PATIENCE.as_secs())),
    }
}

fn is_init_ok(line: &str) -> bool {
    let message: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    message["body"]["type"] == "init_ok" && message["body"]["in_reply_to"] == 1
}

/// The command that shows what the node does.
fn by_hand(node: &NodeCommand) -> String {
    let words = std::iter::once(node.bin.display().to_string()).chain(node.args.iter().cloned());
    let words: Vec<String> = words.collect();
    let quoted = |words: &[String]| shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default();
    format!("see what it does: echo {} | {}", quoted(&[INIT.trim().to_owned()]), quoted(&words))
}

fn shortened(text: &str) -> String {
    const SHOWN: usize = 300;
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
}

/// The machine that a program is built for, if its first bytes say that it is not this one.
fn other_machine(bin: &Path) -> Option<&'static str> {
    let mut head = [0; 20];
    File::open(bin).ok()?.read_exact(&mut head).ok()?;
    let built_for = machine(&head)?;
    (built_for != (std::env::consts::OS, std::env::consts::ARCH)).then_some(match built_for {
        ("linux", "x86_64") => "linux x86_64",
        ("linux", "aarch64") => "linux aarch64",
        ("macos", "x86_64") => "macos x86_64",
        ("macos", "aarch64") => "macos aarch64",
        ("windows", _) => "windows",
        _ => "another machine",
    })
}

/// System and architecture by the header of an executable. Scripts and universal binaries are for any.
fn machine(head: &[u8; 20]) -> Option<(&'static str, &'static str)> {
    match head {
        [0x7f, b'E', b'L', b'F', ..] => match u16::from_le_bytes([head[18], head[19]]) {
            62 => Some(("linux", "x86_64")),
            183 => Some(("linux", "aarch64")),
            _ => Some(("linux", "other")),
        },
        [0xcf, 0xfa, 0xed, 0xfe, 0x07, ..] => Some(("macos", "x86_64")),
        [0xcf, 0xfa, 0xed, 0xfe, 0x0c, ..] => Some(("macos", "aarch64")),
        [b'M', b'Z', ..] => Some(("windows", "x86_64")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// What is found of a node with this text.
    async fn found(text: &[u8], mode: u32) -> Finding {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("my node");
        std::fs::write(&bin, text).unwrap();
        std::fs::set_permissions(&bin, std::fs::Permissions::from_mode(mode)).unwrap();
        check(&NodeCommand { bin, args: vec!["two words".to_owned()], env: Vec::new() }).await
    }

    #[tokio::test]
    async fn each_way_to_be_no_node_is_named() {
        let answer = r#"{"src":"n0","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}"#;
        let fine =
            found(format!("#!/bin/sh\nread line\necho '{answer}'\ncat >/dev/null").as_bytes(), 0o755).await;
        assert!(!fine.is_fault(), "{fine}");
        let mut elsewhere = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x15\0".to_vec();
        elsewhere.resize(100, 0);
        for (text, mode, problem) in [
            (&b"#!/bin/sh\nexec cat"[..], 0o755, "and not with init_ok"),
            (b"#!/bin/sh\necho no such flag >&2; exit 2", 0o755, "and says: no such flag"),
            (b"#!/bin/sh\nexit 0", 0o755, "ends without an answer"),
            (b"#!/no/such/interpreter", 0o755, "cannot be run"),
            (b"#!/bin/sh", 0o644, "not an executable file"),
            (&elsewhere, 0o755, "is built for another machine"),
        ] {
            let finding = found(text, mode).await;
            assert!(finding.is_fault() && finding.text.contains(problem), "{problem}: {finding}");
        }
    }

    #[tokio::test]
    async fn the_remedy_can_be_typed() {
        let finding = found(b"#!/bin/sh\necho \"$1\"", 0o755).await;
        let remedy = finding.remedy.unwrap();
        assert!(remedy.ends_with("/my node' 'two words'"), "{remedy}");
    }
}
