//! What tests of the binaries share.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use bench_cli::record::parameter_columns::ParameterColumns;
use bench_cli::record::{RunRecord, columns, csv_file};
use tempfile::TempDir;

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The folders of recorded runs of real Maelstrom.
pub fn recorded() -> PathBuf {
    fixtures().join("maelstrom")
}

/// A stand-in for Maelstrom that leaves recorded results.
pub fn fake() -> PathBuf {
    fixtures().join("fake-maelstrom")
}

/// A node that answers `init`, which is all that a stand-in for Maelstrom needs of it.
pub fn cat() -> PathBuf {
    fixtures().join("nodes/cat")
}

/// `PATH` with stand-ins for what Maelstrom calls before all else.
pub fn tools() -> OsString {
    let tools = fixtures().join("tools");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&path))).unwrap()
}

/// The program as tests call it.
pub fn called() -> String {
    assert_cmd::cargo::cargo_bin!("bench-cli").display().to_string()
}

pub fn bench_cli() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("bench-cli"))
}

/// The records of the sweep in `folder`.
pub fn records(folder: &Path) -> Vec<RunRecord> {
    csv_file::read(&folder.join("sweep.csv")).unwrap().records
}

/// The same without what the clock says, by seed.
pub fn timeless(folder: &Path) -> Vec<RunRecord> {
    let mut records = records(folder);
    for record in &mut records {
        (record.measured.started_at, record.measured.duration) = (None, Duration::ZERO);
    }
    records.sort_by_key(|record| record.run.seed);
    records
}

/// Writes records as a sweep does.
pub fn write_csv(path: &Path, records: &[RunRecord]) {
    let parameters = ParameterColumns::of(records.iter().map(|record| &record.run));
    let lines = records.iter().flat_map(|record| columns::line(record, &parameters));
    let text: Vec<u8> = (columns::header(&parameters) + "\n").into_bytes().into_iter().chain(lines).collect();
    fs::write(path, text).unwrap();
}

/// The node that was built along with bench-cli.
pub fn built_node() -> PathBuf {
    assert_cmd::cargo::cargo_bin!("bench-cli").with_file_name("node")
}

/// Whether nodes that are written in Python can run. A test that is skipped for lack of it says so.
pub fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: python3 is not installed");
    }
    found
}

/// Whether Python has pandas. A test that is skipped for lack of it says so; with CI_PANDAS=1 it fails.
pub fn has_pandas() -> bool {
    let found = Command::new("python3").args(["-c", "import pandas"]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        assert!(
            std::env::var_os("CI_PANDAS").is_none(),
            "CI_PANDAS is set, but python3 cannot import pandas"
        );
        eprintln!("skipped: python3 cannot import pandas (pip install pandas)");
    }
    found
}

/// The environment variable that says that the tools of a cluster are installed, so that no test may be
/// skipped for lack of them.
pub const CI_SLURM: &str = "CI_SLURM";

/// Whether a tool of a cluster, which was `found` or not, can be used. A test that is skipped says so.
///
/// # Panics
/// If the tool must be there.
pub fn has_cluster_tool(name: &str, found: bool) -> bool {
    assert!(
        found || std::env::var_os(CI_SLURM).is_none(),
        "{name} is not installed, though {CI_SLURM} is set"
    );
    if !found {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// Runs the tool in `folder` to its end, with arguments that have no spaces in them.
pub fn bench(folder: &Path, args: &str) -> Output {
    bench_cli().args(args.split_whitespace()).current_dir(folder).output().unwrap()
}

/// A folder to work in, with a program that stands in for a node.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn bench(&self, args: &[&str]) -> Command {
        let mut command = bench_cli();
        command.current_dir(self.0.path()).env_remove("MAELSTROM").args(args);
        command
    }

    pub fn sweep(&self, args: &[&str]) -> Command {
        let mut command = self.bench(&["sweep", "--out", "out", "--maelstrom"]);
        command.arg(fake()).arg("--bin").arg(cat()).args(args).env("PATH", tools());
        command
    }

    pub fn records(&self) -> Vec<RunRecord> {
        let read = csv_file::read(&self.path("out/sweep.csv")).unwrap();
        assert_eq!(read.torn_line, None);
        read.records
    }
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Whether a process is running (a dead one that nobody has waited for is not).
pub fn is_running(pid: &str) -> bool {
    let output = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = stdout(&output);
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

/// Waits until a process has gone, for some seconds at most.
pub fn is_gone_soon(pid: &str) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(5) {
        if !is_running(pid) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// Writes an executable file.
pub fn program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
