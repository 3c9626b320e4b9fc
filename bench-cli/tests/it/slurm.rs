//! A sweep on a Slurm cluster: a private one on the loopback address with two nodes, and stand-ins for a
//! cluster that refuses.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bench_cli::record::{Quantile, RunRecord};
use tempfile::TempDir;

use crate::common::{bench_cli, has_cluster_tool, program, records, stderr, stdout};

/// Two points, two repetitions; a run takes 13 s, most of which is Maelstrom's wait at its end. Low latency
/// and a high rate make its values differ by only a few percent between repetitions.
const SWEEP: &str = "sweep --engine embedded --batch-timeouts 50,100 --repetitions 2 --node-count 3 --time-limit 3s \
                     --latency 20 --rate 300 --jobs 1 --out out --on slurm --shards 2";
const NODES: [&str; 2] = ["sim1", "sim2"];

/// A Slurm of its own: controller, two nodes, and their authentication, which end with it.
struct Cluster {
    place: TempDir,
    guard: Child,
    munged: Child,
    controller: Child,
    nodes: Vec<Child>,
}

/// Kills every process that has this folder in its environment, and removes the folder, once its stdin ends.
/// That happens when the test ends, and also when somebody kills it.
const GUARD: &str = r#"
cat >/dev/null
while pids=$(grep -lsF "$1" /proc/[0-9]*/environ | cut -d / -f 3 | grep .); do kill -KILL $pids; done
rm -rf "$1"
"#;

/// Whether Slurm can be used here; where it must be, it can.
fn has_slurm() -> bool {
    // Without a cluster's configuration some of them fail even at that.
    let has = |tool: &str| Command::new(tool).arg("-V").output().is_ok();
    has_cluster_tool("Slurm", ["slurmctld", "slurmd", "sbatch", "munged"].into_iter().all(has))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a daemon of the cluster with this configuration, by which the guard knows it.
fn daemon(name: &str, args: &[&str], conf: &str) -> Child {
    let mut daemon = Command::new(name);
    daemon.args(args).env("SLURM_CONF", conf);
    daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    daemon.spawn().unwrap()
}

fn guard(place: &Path) -> Child {
    let mut guard = Command::new("sh");
    guard.args(["-c", GUARD, "guard"]).arg(place).process_group(0).stdin(Stdio::piped());
    guard.spawn().unwrap()
}

impl Cluster {
    /// Starts it, and waits until both nodes can be used.
    fn start() -> Cluster {
        let place = tempfile::tempdir().unwrap();
        let guard = guard(place.path());
        let folder = place.path().display().to_string();
        let file = format!("{folder}/slurm.conf");
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["state", "log", "spoolsim1", "spoolsim2", "munge"] {
            fs::create_dir(place.path().join(name)).unwrap();
        }
        let key = place.path().join("munge/key");
        fs::write(&key, [7; 128]).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let files = ["socket", "key-file", "pid-file", "log-file", "seed-file"]
            .map(|name| format!("--{name}={folder}/munge/{}", name.trim_end_matches("-file")));
        let munged = daemon(
            "munged",
            &[&["--foreground", "--force"][..], &files.iter().map(String::as_str).collect::<Vec<_>>()]
                .concat(),
            &file,
        );
        let host = stdout(&Command::new("hostname").output().unwrap()).trim().to_owned();
        let [controller, one, two] = [free_port(), free_port(), free_port()];
        let conf = format!(
            "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser=root\nSlurmctldPort={controller}\n\
             AuthType=auth/munge\nAuthInfo=socket={folder}/munge/socket\nStateSaveLocation={folder}/state\n\
             SlurmdSpoolDir={folder}/spool%n\nSlurmctldPidFile={folder}/slurmctld.pid\n\
             SlurmdPidFile={folder}/slurmd.%n.pid\nSlurmctldLogFile={folder}/log/slurmctld.log\n\
             SlurmdLogFile={folder}/log/slurmd.%n.log\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nReturnToService=2\n\
             SchedulerType=sched/backfill\n\
             NodeName=sim1 NodeHostname={host} NodeAddr=127.0.0.1 Port={one} CPUs=1 RealMemory=500 State=UNKNOWN\n\
             NodeName=sim2 NodeHostname={host} NodeAddr=127.0.0.1 Port={two} CPUs=1 RealMemory=500 State=UNKNOWN\n\
             PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n"
        );
        fs::write(&file, conf).unwrap();
        let controller = daemon("slurmctld", &["-D"], &file);
        let nodes = NODES.map(|node| daemon("slurmd", &["-D", "-N", node], &file)).into();
        let cluster = Cluster { place, guard, munged, controller, nodes };
        cluster.wait_until("both nodes are idle", |cluster| {
            let said = cluster.run("sinfo", &["--noheader", "--format=%T %D"]);
            stdout(&said).trim() == "idle 2"
        });
        cluster
    }

    fn conf(&self) -> String {
        self.place.path().join("slurm.conf").display().to_string()
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        Command::new(program).args(args).env("SLURM_CONF", self.conf()).output().unwrap()
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&Cluster) -> bool) {
        let begin = Instant::now();
        while !is_so(self) {
            assert!(begin.elapsed() < Duration::from_secs(60), "waiting until {what}: {}", self.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log/slurmctld.log")).unwrap_or_default()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = bench_cli();
        command.args(line.split_whitespace()).env("SLURM_CONF", self.conf());
        command.env_remove("MAELSTROM").current_dir(self.place.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts a sweep, and returns it with its stderr once its shards run.
    fn sweeping(&self) -> (Child, BufReader<ChildStderr>) {
        let mut sweep = self.command(SWEEP).spawn().unwrap();
        let mut said = BufReader::new(sweep.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("submitted 2 shards as job ") {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it submits nothing");
        }
        self.wait_until("both tasks run", |cluster| {
            stdout(&cluster.run("squeue", &["--noheader", "--states=RUNNING"])).lines().count() == 2
        });
        self.wait_until("both shards have begun", |cluster| {
            let begun =
                |shard: &str| cluster.place.path().join("out/shards").join(shard).join("sweep.csv").exists();
            begun("1-of-2") && begun("2-of-2")
        });
        (sweep, said)
    }

    /// That every run was executed once.
    fn check_rows(&self) -> Vec<RunRecord> {
        let rows = records(&self.place.path().join("out"));
        let runs: BTreeSet<(Option<u64>, u32)> =
            rows.iter().map(|row| (row.batch_timeout_ms(), row.run.repetition)).collect();
        assert_eq!(runs, BTreeSet::from([(Some(50), 1), (Some(50), 2), (Some(100), 1), (Some(100), 2)]));
        assert_eq!((rows.len(), rows.iter().all(RunRecord::is_ok)), (4, true));
        rows
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let daemons = [&mut self.guard, &mut self.controller, &mut self.munged];
        for process in daemons.into_iter().chain(&mut self.nodes) {
            let _ = process.wait();
        }
    }
}

/// Kills what a node of the cluster in `place` has started.
fn kill_tasks(place: &Path, node: &str) {
    let (place, node) = (place.display().to_string(), format!("SLURMD_NODENAME={node}"));
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment);
        if environment.contains(&node) && environment.contains(&place) {
            let pid = process.file_name().into_string().unwrap();
            let _ = Command::new("kill").args(["-KILL", &pid]).stderr(Stdio::null()).status();
        }
    }
}

/// Checks that two sweeps have as many rows, and at each point the same messages per operation and the same
/// 95th percentile of latencies within 25 %. On a busy machine messages differ by up to 15 %, and the median
/// of latencies by more than 25 %.
fn check_agreement(one: &[RunRecord], other: &[RunRecord]) {
    assert_eq!(one.len(), other.len());
    for timeout in [50, 100] {
        let mean = |rows: &[RunRecord], value: fn(&RunRecord) -> f64| {
            let values = rows.iter().filter(|row| row.batch_timeout_ms() == Some(timeout)).map(value);
            values.clone().sum::<f64>() / values.count() as f64
        };
        let agree = |name: &str, value: fn(&RunRecord) -> f64, limit: f64| {
            let (one, other) = (mean(one, value), mean(other, value));
            assert!((one / other - 1.0).abs() < limit, "{name} at {timeout} ms: {one} and {other}");
        };
        agree("messages per operation", |row| row.msgs_per_op().unwrap(), 0.25);
        agree("p95 of latencies", |row| row.latency(Quantile::P95).unwrap().as_secs_f64(), 0.25);
    }
}

fn rest(mut said: BufReader<ChildStderr>) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut said, &mut text).unwrap();
    text
}

#[test]
fn two_nodes_execute_a_sweep_while_the_controller_restarts() {
    if !has_slurm() {
        return;
    }
    let mut cluster = Cluster::start();
    // The same sweep on this machine alone.
    let (alone, _) = SWEEP.split_once(" --jobs 1 ").unwrap();
    let alone = cluster.command(&format!("{alone} --jobs 4 --out alone")).spawn().unwrap();
    let (sweep, said) = cluster.sweeping();
    cluster.controller.kill().unwrap();
    cluster.controller.wait().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    cluster.controller = daemon("slurmctld", &["-D"], &cluster.conf());
    let said = rest(said);
    let output = sweep.wait_with_output().unwrap();
    assert!(output.status.success(), "{said}{}", cluster.log());
    assert!(said.contains("[4/4] hub "), "{said}");
    assert!(stdout(&output).contains("pass rate: 4 of 4 runs ok"), "{}", stdout(&output));
    let rows = cluster.check_rows();
    let hosts: BTreeSet<&str> = rows.iter().map(|row| row.measured.host.as_str()).collect();
    assert_eq!(hosts, BTreeSet::from(NODES));
    let alone = alone.wait_with_output().unwrap();
    assert!(alone.status.success(), "{}", stderr(&alone));
    check_agreement(&rows, &records(&cluster.place.path().join("alone")));
    assert!(cluster.place.path().join("out/report.html").is_file());
    // The same command has nothing left to do.
    let again = cluster.command(SWEEP).output().unwrap();
    assert!(again.status.success(), "{}", stderr(&again));
    assert!(!stderr(&again).contains("submitted"), "{}", stderr(&again));
    let dry = stderr(&cluster.command(&format!("{SWEEP} --dry-run")).output().unwrap());
    assert!(dry.contains("all runs are done already; nothing would be submitted"), "{dry}");
}

#[test]
fn a_node_that_dies_costs_no_run_and_doubles_none() {
    if !has_slurm() {
        return;
    }
    let mut cluster = Cluster::start();
    let (sweep, said) = cluster.sweeping();
    // It looks at the queue every four seconds, and is to name the node.
    std::thread::sleep(Duration::from_secs(6));
    let mut dead = cluster.nodes.pop().unwrap();
    dead.kill().unwrap();
    dead.wait().unwrap();
    // The step that outlives its daemon must not report the end of a task that Slurm does not know to be
    // lost.
    cluster.run("scontrol", &["update", "nodename=sim2", "state=down", "reason=test"]);
    kill_tasks(cluster.place.path(), "sim2");
    // Slurm waits two minutes before it starts such a task again.
    cluster.wait_until("the task is requeued", |cluster| {
        let waiting = cluster.run("squeue", &["--noheader", "--states=PENDING", "--array", "--format=%i %r"]);
        let waiting = stdout(&waiting);
        let Some(task) = waiting.lines().find_map(|line| line.strip_suffix(" BeginTime")) else {
            return false;
        };
        let job = format!("jobid={}", task.trim());
        cluster.run("scontrol", &["update", &job, "starttime=now"]).status.success()
    });
    let said = rest(said);
    let output = sweep.wait_with_output().unwrap();
    assert!(output.status.success(), "{said}{}", cluster.log());
    assert!(
        said.contains("task ") && said.contains(" was requeued after leaving sim2 (restart 1)"),
        "{said}"
    );
    cluster.check_rows();
}

#[test]
fn ctrl_c_detaches_and_the_same_command_attaches_or_submits_the_rest() {
    if !has_slurm() {
        return;
    }
    let cluster = Cluster::start();
    let (sweep, said) = cluster.sweeping();
    assert!(Command::new("kill").args(["-INT", &sweep.id().to_string()]).status().unwrap().success());
    let said = rest(said);
    assert_eq!(sweep.wait_with_output().unwrap().status.code(), Some(130), "{said}");
    let jobs = said.lines().find_map(|line| line.trim().strip_prefix("scancel ")).expect("how to cancel");
    assert!(said.contains("To attach again:") && said.contains("--on slurm --shards 2"), "{said}");
    let dry = stderr(&cluster.command(&format!("{SWEEP} --dry-run")).output().unwrap());
    assert!(dry.contains(&format!("jobs {jobs} execute the sweep now")), "{dry}");
    // Somebody cancels one task; whoever comes back is told.
    let array = jobs.split(' ').next().unwrap();
    let mut again = cluster.command(SWEEP).spawn().unwrap();
    let mut attached = BufReader::new(again.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("runs, ") {
        line.clear();
        assert_ne!(attached.read_line(&mut line).unwrap(), 0, "it attaches to nothing");
    }
    assert!(cluster.run("scancel", &[&format!("{array}_2")]).status.success());
    let said = rest(attached);
    let output = again.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("task 2 was cancelled"), "{said}");
    assert!(said.contains("missing: ") && said.contains(" of 4 runs; to submit again:"), "{said}");
    let last = cluster.command(SWEEP).output().unwrap();
    assert!(last.status.success(), "{}", stderr(&last));
    assert!(stderr(&last).contains("submitted 1 shard as job "), "{}", stderr(&last));
    cluster.check_rows();
}

/// A cluster of shell scripts: `sbatch` and `squeue` do and say this.
fn pretending(sbatch: &str, squeue: &str) -> (TempDir, Output) {
    let place = tempfile::tempdir().unwrap();
    for (name, text) in [("sbatch", sbatch), ("squeue", squeue), ("scancel", "echo $1 >>\"$CANCELLED\"")] {
        program(&place.path().join(name), &format!("#!/bin/sh\n{text}\n"));
    }
    let mut sweep = bench_cli();
    sweep.args(SWEEP.split_whitespace()).args(["--shards", "2"]).current_dir(place.path());
    let path = std::env::join_paths([place.path(), Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let output = sweep.env("PATH", path).env("CANCELLED", place.path().join("cancelled")).output().unwrap();
    (place, output)
}

#[test]
fn a_cluster_that_refuses_is_quoted_with_the_fix() {
    let array = "sbatch: error: Batch job submission failed: Invalid job array specification";
    let (_, output) = pretending(&format!("echo '{array}' >&2; exit 1"), "exit 0");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("sbatch refuses: Batch job submission failed: Invalid job array"), "{said}");
    assert!(said.contains("give fewer --shards"), "{said}");

    // The array without its merge is of no use.
    let second = "case \"$*\" in *merge.sh*) echo 'sbatch: error: no' >&2; exit 1;; esac; echo 7";
    let (place, output) = pretending(second, "exit 0");
    assert!(stderr(&output).contains("sbatch refuses: no"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(place.path().join("cancelled")).unwrap(), "7\n");
}

#[test]
fn a_folder_that_nodes_do_not_see_is_suspected() {
    let failed = "printf '7|8|1|FAILED|0|n1|NonZeroExitCode|\\n7|9|2|FAILED|0|n1|NonZeroExitCode|\\n'";
    let (_, output) = pretending("echo 7", failed);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("tasks 1-2 failed on n1 (FAILED)\n  it wrote no log: does n1 see "), "{said}");
    assert!(said.contains("missing: 4 of 4 runs; to submit again:"), "{said}");
}

#[test]
fn without_slurm_the_scripts_can_be_read_and_the_error_says_what_else_works() {
    let place = tempfile::tempdir().unwrap();
    let run = |flags: &str| {
        let line = format!("{SWEEP} {flags}");
        bench_cli().args(line.split_whitespace()).env("PATH", "").current_dir(place.path()).output().unwrap()
    };
    let scripts = stdout(&run("--sbatch=--time=10 --dry-run"));
    assert!(
        scripts.contains("#SBATCH --array=1-2\n") && scripts.contains("#SBATCH --time=10\n"),
        "{scripts}"
    );
    assert!(scripts.contains("/out --shard \"$SLURM_ARRAY_TASK_ID/2\"\n"), "{scripts}");
    assert!(!place.path().join("out").exists());
    let said = stderr(&run(""));
    assert!(said.contains("sbatch is not on PATH") && said.contains("--shard I/N"), "{said}");
    let many = stderr(&run("--shards 5"));
    assert!(many.contains("the sweep has 4 runs, too few for 5 shards"), "{many}");
    let own = stderr(&run("--sbatch=--array=1-9"));
    assert!(own.contains("the sweep sets --array itself"), "{own}");
}

#[test]
fn a_sweep_that_cannot_be_submitted_replaces_none() {
    let place = tempfile::tempdir().unwrap();
    let earlier = "sweep --engine simulated --batch-timeouts 50 --repetitions 1 --node-count 3 --time-limit 1s --out out";
    let earlier = bench_cli().args(earlier.split_whitespace()).current_dir(place.path()).output().unwrap();
    assert!(earlier.status.success(), "{}", stderr(&earlier));
    program(&place.path().join("sbatch"), "#!/bin/sh\necho slurm 23.11\n");
    let path = std::env::join_paths([place.path(), Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    for (path, flags, problem) in [
        (path.clone(), vec!["--shards", "5"], "the sweep has 4 runs, too few for 5 shards"),
        (path, vec!["--build", "false"], "--build"),
        ("/nowhere".into(), vec![], "sbatch is not on PATH"),
    ] {
        let mut sweep = bench_cli();
        sweep.args(SWEEP.split_whitespace()).arg("--force").args(flags).current_dir(place.path());
        let output = sweep.env("PATH", path).output().unwrap();
        assert!(!output.status.success() && stderr(&output).contains(problem), "{}", stderr(&output));
        assert_eq!(records(&place.path().join("out")).len(), 1, "{problem}");
    }
}
