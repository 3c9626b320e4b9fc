//! Starting a node's program as Maelstrom starts it, and explaining why it does not start.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::Errno;

/// How much of a program's beginning is looked at.
const HEAD_BYTES: u64 = 256;

/// The directory in which nodes run, as under Maelstrom.
pub fn working_directory() -> PathBuf {
    std::env::temp_dir()
}

/// The command that runs a script without `#!`, if `error` says that the system cannot run it. Java and
/// shells do the same.
pub(super) fn shell_command(bin: &Path, error: &io::Error) -> Option<Command> {
    let is_no_format = error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error());
    if !is_no_format || machine(&head(bin)?).is_some() {
        return None;
    }
    let mut shell = Command::new("/bin/sh");
    shell.arg(bin);
    Some(shell)
}

/// Why a program cannot be run as a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unrunnable {
    /// There is no such file.
    Missing,
    /// It is a directory.
    Directory,
    /// It is not marked as executable.
    NotExecutable,
    /// It is built for this other system or processor.
    OtherMachine(&'static str),
    /// Its first line ends with a carriage return, as in files from Windows.
    CarriageReturn,
    /// The interpreter in its first line is missing.
    NoInterpreter(String),
    /// The loader of a binary is missing.
    NoLoader,
    /// The directory in which nodes run is missing.
    NoWorkingDirectory(PathBuf),
}

impl Unrunnable {
    /// Why no system can run this file, whatever its content.
    pub fn of_file(bin: &Path) -> Option<Unrunnable> {
        match std::fs::metadata(bin) {
            Err(_) => Some(Unrunnable::Missing),
            Ok(metadata) if metadata.is_dir() => Some(Unrunnable::Directory),
            Ok(_) => (!is_executable(bin)).then_some(Unrunnable::NotExecutable),
        }
    }

    /// The reason why this program did not start, if its file shows one.
    pub fn explain(bin: &Path) -> Option<Unrunnable> {
        let problem = Unrunnable::of_file(bin);
        if problem.is_some() {
            return problem;
        }
        let directory = working_directory();
        if !directory.is_dir() {
            return Some(Unrunnable::NoWorkingDirectory(directory));
        }
        let head = head(bin)?;
        match machine(&head) {
            Some(built_for) if built_for != (std::env::consts::OS, std::env::consts::ARCH) => {
                Some(Unrunnable::OtherMachine(name(built_for)))
            }
            Some(_) => loader(bin).filter(|loader| !loader.exists()).map(|_| Unrunnable::NoLoader),
            None => script(&head),
        }
    }

    /// What the user can do, as a command where there is one.
    pub fn remedy(&self, bin: &Path) -> String {
        let quoted = bin.to_string_lossy();
        let bin = shlex::try_quote(&quoted).unwrap_or_else(|_| quoted.clone());
        match self {
            Unrunnable::Missing => {
                "--bin must name an executable file by its path; PATH is not searched".to_owned()
            }
            Unrunnable::Directory => format!("name the program in it: --bin {bin}/PROGRAM"),
            Unrunnable::NotExecutable => format!("chmod +x {bin}"),
            Unrunnable::OtherMachine(_) => {
                "build it for this machine (Rust: cargo build --release; Go: go build)".to_owned()
            }
            Unrunnable::CarriageReturn => format!("sed -i 's/\\r$//' {bin}"),
            Unrunnable::NoInterpreter(interpreter) => {
                format!("install {interpreter}, or name another interpreter in the first line of {bin}")
            }
            Unrunnable::NoLoader => {
                "build it on this machine, or link it statically (Go: CGO_ENABLED=0 go build)".to_owned()
            }
            Unrunnable::NoWorkingDirectory(directory) => {
                let directory = directory.to_string_lossy();
                format!("mkdir -p {}", shlex::try_quote(&directory).unwrap_or_else(|_| directory.clone()))
            }
        }
    }
}

/// A predicate, such as "does not exist".
impl fmt::Display for Unrunnable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unrunnable::Missing => f.write_str("does not exist"),
            Unrunnable::Directory => f.write_str("is a directory"),
            Unrunnable::NotExecutable => f.write_str("is not an executable file"),
            Unrunnable::OtherMachine(other) => {
                write!(
                    f,
                    "is built for {other}, this is {}",
                    name((std::env::consts::OS, std::env::consts::ARCH))
                )
            }
            Unrunnable::CarriageReturn => {
                f.write_str("has a carriage return at the end of its first line, as files from Windows have")
            }
            Unrunnable::NoInterpreter(interpreter) => {
                write!(f, "names the interpreter {interpreter} in its first line, which does not exist")
            }
            Unrunnable::NoLoader => {
                f.write_str("needs a program loader that does not exist: it is built for another C library")
            }
            Unrunnable::NoWorkingDirectory(directory) => {
                write!(f, "cannot run in {}, which does not exist (nodes run in TMPDIR)", directory.display())
            }
        }
    }
}

/// Whether `path` is an executable file.
pub fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The executable file with this name on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| is_executable(path))
}

/// The first bytes of a file.
fn head(bin: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    File::open(bin).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    Some(head)
}

/// What keeps a script from running, by its first line.
fn script(head: &[u8]) -> Option<Unrunnable> {
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    if line.ends_with(b"\r") {
        return Some(Unrunnable::CarriageReturn);
    }
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    let interpreter = words.next()?;
    if !Path::new(interpreter).exists() {
        return Some(Unrunnable::NoInterpreter(interpreter.to_owned()));
    }
    if Path::new(interpreter).file_name()? != "env" {
        return None;
    }
    let program = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    let exists = if program.contains('/') { Path::new(program).exists() } else { on_path(program).is_some() };
    (!exists).then(|| Unrunnable::NoInterpreter(program.to_owned()))
}

/// System and architecture by the header of an executable. Scripts and universal binaries are for any.
fn machine(head: &[u8]) -> Option<(&'static str, &'static str)> {
    match head {
        [0x7f, b'E', b'L', b'F', ..] => match head.get(18..20) {
            Some([62, 0]) => Some(("linux", "x86_64")),
            Some([183, 0]) => Some(("linux", "aarch64")),
            _ => Some(("linux", "other")),
        },
        [0xcf, 0xfa, 0xed, 0xfe, 0x07, ..] => Some(("macos", "x86_64")),
        [0xcf, 0xfa, 0xed, 0xfe, 0x0c, ..] => Some(("macos", "aarch64")),
        [b'M', b'Z', ..] => Some(("windows", "x86_64")),
        _ => None,
    }
}

fn name(machine: (&str, &str)) -> &'static str {
    match machine {
        ("linux", "x86_64") => "linux x86_64",
        ("linux", "aarch64") => "linux aarch64",
        ("macos", "x86_64") => "macos x86_64",
        ("macos", "aarch64") => "macos aarch64",
        ("windows", _) => "windows",
        _ => "another machine",
    }
}

/// The program loader that a 64-bit little-endian ELF file names, if it names one.
fn loader(bin: &Path) -> Option<PathBuf> {
    /// The type of a program header that names a loader.
    const INTERPRETER: u64 = 3;
    let bytes = std::fs::read(bin).ok()?;
    let number = |at: usize, size: usize| {
        let bytes = bytes.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte)))
    };
    if bytes.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, entry_size, entries) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let headers = (0..entries).map(|entry| table.saturating_add(entry * entry_size));
    let mut headers = headers.filter_map(|header| usize::try_from(header).ok());
    let header = headers.find(|&header| number(header, 4) == Some(INTERPRETER))?;
    let start = usize::try_from(number(header.checked_add(8)?, 8)?).ok()?;
    let path = bytes.get(start..)?.split(|&byte| byte == 0).next()?;
    Some(PathBuf::from(String::from_utf8_lossy(path).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The explanation of a file with this content and mode.
    fn explained(content: &[u8], mode: u32) -> Option<Unrunnable> {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("node");
        std::fs::write(&bin, content).expect("a file");
        std::fs::set_permissions(&bin, std::fs::Permissions::from_mode(mode)).expect("a mode");
        Unrunnable::explain(&bin)
    }

    /// A 64-bit ELF file for this machine that names a loader.
    fn elf(loader: &str) -> Vec<u8> {
        let machine = if cfg!(target_arch = "x86_64") { 62 } else { 183 };
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(64, 0);
        bytes[18] = machine;
        (bytes[32], bytes[54], bytes[56]) = (64, 56, 1);
        bytes.resize(64 + 56, 0);
        (bytes[64], bytes[72]) = (3, 120);
        bytes.extend_from_slice(loader.as_bytes());
        bytes.push(0);
        bytes
    }

    #[test]
    fn each_reason_is_named_and_has_a_remedy() {
        let mut elsewhere = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x15\0".to_vec();
        elsewhere.resize(100, 0);
        let no = |interpreter: &str| Unrunnable::NoInterpreter(interpreter.to_owned());
        for (content, mode, expected) in [
            (&b"#!/bin/sh\n"[..], 0o755, None),
            (b"echo no first line\n", 0o755, None),
            (b"", 0o755, None),
            (b"#!/usr/bin/env -S sh -e\n", 0o755, None),
            (b"#!/bin/sh\n", 0o644, Some(Unrunnable::NotExecutable)),
            (b"#!/bin/sh\r\nexit\r\n", 0o755, Some(Unrunnable::CarriageReturn)),
            (b"#!/usr/bin/env sh\r\n", 0o755, Some(Unrunnable::CarriageReturn)),
            (b"#!/no/such/sh -e\n", 0o755, Some(no("/no/such/sh"))),
            (b"#! /no/such/sh", 0o755, Some(no("/no/such/sh"))),
            (b"#!/usr/bin/env no-such-sh\n", 0o755, Some(no("no-such-sh"))),
            (b"#!/usr/bin/env -S A=b no-such-sh -e\n", 0o755, Some(no("no-such-sh"))),
            (&elsewhere, 0o755, Some(Unrunnable::OtherMachine("another machine"))),
            (b"MZ\x90\0", 0o755, Some(Unrunnable::OtherMachine("windows"))),
            (b"\xcf\xfa\xed\xfe\x0c\0\0\x01", 0o755, Some(Unrunnable::OtherMachine("macos aarch64"))),
        ] {
            let found = explained(content, mode);
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(content));
            if let Some(found) = found {
                assert!(!found.to_string().is_empty() && !found.remedy(Path::new("a node")).is_empty());
            }
        }
        if cfg!(target_os = "linux") {
            assert_eq!(explained(&elf("/no/such/loader"), 0o755), Some(Unrunnable::NoLoader));
            assert_eq!(explained(&elf("/bin/sh"), 0o755), None);
        }
        assert_eq!(Unrunnable::explain(Path::new("/no/such/file")), Some(Unrunnable::Missing));
        assert_eq!(Unrunnable::explain(Path::new("/")), Some(Unrunnable::Directory));
    }

    #[test]
    fn remedies_can_be_pasted() {
        let bin = Path::new("/my nodes/a node");
        assert_eq!(Unrunnable::NotExecutable.remedy(bin), "chmod +x '/my nodes/a node'");
        assert_eq!(Unrunnable::CarriageReturn.remedy(bin), "sed -i 's/\\r$//' '/my nodes/a node'");
    }

    #[test]
    fn only_files_that_the_system_cannot_run_go_to_the_shell() {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("node");
        let no_format = io::Error::from_raw_os_error(Errno::NOEXEC.raw_os_error());
        std::fs::write(&bin, "exit 0\n").expect("a file");
        assert!(shell_command(&bin, &no_format).is_some());
        assert!(shell_command(&bin, &io::Error::from(io::ErrorKind::PermissionDenied)).is_none());
        std::fs::write(&bin, elf("/bin/sh")).expect("a file");
        assert!(shell_command(&bin, &no_format).is_none());
    }
}
