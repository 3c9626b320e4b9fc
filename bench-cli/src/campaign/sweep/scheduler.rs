//! Executes runs in parallel, and hands each result on before it starts the next run.
//!
//! It knows no file format and no terminal: [`Events`] does what is to be done with results.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use crate::engine::{Execute, Finished, Interrupted, Phase, Progress, Request};
use crate::record::{Outcome, Status};
use crate::spec::RunSpec;
use crate::spec::settings::NodeCommand;
use crate::supervise::process::children_cpu;
use crate::supervise::stop::{Stop, StopSignal};

/// How often a run is tried that something other than its node breaks.
const MAX_ATTEMPTS: u32 = 3;

/// A run that ended, and when it ran.
#[derive(Clone, Debug)]
pub(super) struct Completed {
    /// What the engine gave back.
    pub finished: Finished,
    /// The wall-clock time of its start.
    pub started_at: jiff::Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// How often it was tried.
    pub attempts: u32,
}

/// A run that is to be executed.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The run.
    pub run: RunSpec,
    /// What to start as a node.
    pub node: NodeCommand,
    /// Its name, unique in the sweep.
    pub name: String,
    /// Its directory, empty when it starts.
    pub directory: PathBuf,
}

/// What happens to jobs as they go. Jobs are named by their place in the list.
pub(super) trait Events {
    /// The run begins.
    fn started(&mut self, index: usize, job: &Job);

    /// The run has entered a phase.
    fn entered(&mut self, index: usize, phase: Phase);

    /// The run has ended. The next one starts when this returns.
    ///
    /// # Errors
    /// If its result cannot be kept; the sweep ends then.
    fn completed(&mut self, index: usize, job: &Job, completed: &Completed) -> anyhow::Result<()>;

    /// The run was stopped on request and has no result.
    fn abandoned(&mut self, index: usize);

    /// The first run used this many cores, so from now on `jobs` runs execute in parallel.
    fn measured_cost(&mut self, cores: f64, jobs: NonZeroUsize);
}

/// How many runs execute in parallel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Jobs {
    /// Always this number.
    Fixed(NonZeroUsize),
    /// As many as their nodes leave room for, at most so many: the first run is alone, to see what it costs.
    ByCost(NonZeroUsize),
}

impl Jobs {
    /// The most runs to execute in parallel.
    pub(super) const fn most(self) -> NonZeroUsize {
        match self {
            Jobs::Fixed(jobs) | Jobs::ByCost(jobs) => jobs,
        }
    }
}

/// How much of the machine runs may take on average. Nodes work in bursts, and one that finds all cores busy
/// is late.
const SHARE: f64 = 0.5;

/// How many runs may execute in parallel on `available` cores if each uses this many.
fn affordable(cores: f64, available: f64, most: NonZeroUsize) -> NonZeroUsize {
    let jobs = (SHARE * available / cores).min(most.get() as f64).max(1.0);
    NonZeroUsize::new(jobs as usize).unwrap_or(NonZeroUsize::MIN)
}

/// How runs are executed.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    /// How many runs execute in parallel.
    pub jobs: Jobs,
    /// When a run is given up; `None` to derive it from its settings.
    pub deadline: Option<Duration>,
}

/// Executes `jobs` in order. Returns when all have ended, or when those that ran have stopped after `stop`.
///
/// # Errors
/// If a run's directory cannot be made or its result not be kept. Runs that are still going are killed.
pub(super) async fn execute<E: Execute>(
    engine: &Arc<E>,
    jobs: &[Job],
    schedule: &Schedule,
    stop: StopSignal,
    events: &mut impl Events,
) -> anyhow::Result<()> {
    let (sender, mut phases) = mpsc::unbounded_channel();
    let mut queue = jobs.iter().enumerate();
    let mut scheduler = Scheduler {
        engine: engine.clone(),
        schedule,
        stop,
        phases: sender,
        tasks: JoinSet::new(),
        running: HashMap::new(),
        free_from: tokio::time::Instant::now(),
        at_once: match schedule.jobs {
            Jobs::Fixed(jobs) => Some(jobs),
            Jobs::ByCost(_) => None,
        },
        cpu_before: children_cpu(),
    };
    loop {
        while scheduler.has_room() {
            let Some((index, job)) = queue.next() else { break };
            scheduler.start(index, job, events)?;
        }
        tokio::select! {
            biased;
            Some((index, phase)) = phases.recv() => events.entered(index, phase),
            ended = scheduler.tasks.join_next_with_id() => match ended {
                Some(ended) => scheduler.ended(ended, jobs, events)?,
                None => return Ok(()),
            }
        }
    }
}

/// How a task ended: with a result and how often it was tried, or interrupted.
type Attempted = Result<(Finished, u32), Interrupted>;

/// The runs that are going.
struct Scheduler<'a, E> {
    engine: Arc<E>,
    schedule: &'a Schedule,
    stop: StopSignal,
    phases: mpsc::UnboundedSender<(usize, Phase)>,
    tasks: JoinSet<Attempted>,
    running: HashMap<Id, Started>,
    /// The earliest time at which another run may start.
    free_from: tokio::time::Instant,
    /// How many may execute in parallel; `None` until the first run has shown what one costs.
    at_once: Option<NonZeroUsize>,
    /// What children had used before a run that is alone.
    cpu_before: Duration,
}

impl<E: Execute> Scheduler<'_, E> {
    fn has_room(&self) -> bool {
        self.tasks.len() < self.at_once.map_or(1, NonZeroUsize::get) && self.stop.current() == Stop::No
    }

    fn start(&mut self, index: usize, job: &Job, events: &mut impl Events) -> anyhow::Result<()> {
        let request = prepare(job, self.schedule, self.engine.as_ref())?;
        log::info!("run {} starts", job.name);
        events.started(index, job);
        let now = tokio::time::Instant::now();
        let start = self.free_from.max(now);
        let wait = start - now;
        self.free_from = start + self.engine.start_interval();
        let (engine, stop) = (self.engine.clone(), self.stop.clone());
        let progress = Progress::new(index, self.phases.clone());
        let task = self.tasks.spawn(async move {
            // A timer takes a millisecond to say that it is due already, longer than some simulated runs.
            if !wait.is_zero() {
                tokio::time::sleep_until(start).await;
            }
            attempt(engine, request, progress, stop).await
        });
        let started = Started { index, at: jiff::Timestamp::now() + wait, clock: Instant::now() + wait };
        self.running.insert(task.id(), started);
        Ok(())
    }

    fn ended(
        &mut self,
        ended: Result<(Id, Attempted), JoinError>,
        jobs: &[Job],
        events: &mut impl Events,
    ) -> anyhow::Result<()> {
        let (id, ended) = match ended {
            Ok(ended) => ended,
            // A defect of this program should cost one run, not the night's sweep.
            Err(error) => {
                let reason = format!("bench-cli itself failed: {error}");
                (error.id(), Ok((Outcome::failed(Status::Crashed, reason).into(), 1)))
            }
        };
        let started = self.running.remove(&id).expect("every task was entered when it was spawned");
        let job = &jobs[started.index];
        let Ok((finished, attempts)) = ended else {
            log::info!("run {} was stopped", job.name);
            events.abandoned(started.index);
            return Ok(());
        };
        let (status, reason) = (finished.outcome.status(), finished.outcome.reason());
        log::info!("run {} has ended, attempts: {attempts}, {status} {reason}", job.name);
        let duration = started.clock.elapsed();
        if self.at_once.is_none() {
            // A run that ended early, or was repeated, says nothing about the cost of others.
            let was_whole =
                matches!(status, Status::Ok | Status::Invalid | Status::Unknown | Status::LostValues);
            if was_whole && attempts == 1 {
                self.measure_cost(job, events);
            }
            self.cpu_before = children_cpu();
        }
        let completed = Completed { finished, started_at: started.at, duration, attempts };
        events.completed(started.index, job, &completed)
    }

    /// Decides how many runs execute in parallel, from the CPU time of the first one.
    fn measure_cost(&mut self, job: &Job, events: &mut impl Events) {
        // Nodes use most of their CPU time while clients send operations.
        let busy = job.run.settings.time_limit;
        let cores = (children_cpu() - self.cpu_before).as_secs_f64() / busy.as_secs_f64();
        let available = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let chosen = affordable(cores, available, self.schedule.jobs.most());
        events.measured_cost(cores, chosen);
        self.at_once = Some(chosen);
    }
}

/// Executes a run, again if it was broken by something other than its node. How often is part of the answer:
/// what a node did is a result and never tried again in the hope of a better one.
async fn attempt<E: Execute>(
    engine: Arc<E>,
    request: Request,
    progress: Progress,
    stop: StopSignal,
) -> Attempted {
    let mut attempts = 1;
    loop {
        let finished = engine.run(request.clone(), progress.clone(), stop.clone()).await?;
        if !finished.outcome.is_transient() || attempts == MAX_ATTEMPTS {
            return Ok((finished, attempts));
        }
        if engine.kind().leaves_files()
            && let Err(error) = make_empty(&request.directory)
        {
            log::warn!("no other attempt: cannot empty {}: {error}", request.directory.display());
            return Ok((finished, attempts));
        }
        attempts += 1;
        log::warn!(
            "attempt {attempts} of {MAX_ATTEMPTS} in {}: {}",
            request.directory.display(),
            finished.outcome.reason()
        );
    }
}

struct Started {
    index: usize,
    at: jiff::Timestamp,
    clock: Instant,
}

/// Makes the run's directory, empty, and its request.
fn prepare(job: &Job, schedule: &Schedule, engine: &impl Execute) -> anyhow::Result<Request> {
    let Job { run, node, directory, .. } = job;
    if engine.kind().leaves_files() {
        make_empty(directory)
            .with_context(|| format!("cannot make the run's directory {}", directory.display()))?;
    }
    Ok(Request {
        run: run.clone(),
        node: node.clone(),
        // It becomes a working directory, in which a relative path would mean something else.
        directory: std::path::absolute(directory)?,
        deadline: schedule.deadline.unwrap_or_else(|| engine.default_deadline(&run.settings)),
        is_alone: schedule.jobs.most() == NonZeroUsize::MIN,
    })
}

/// An older store in a run's directory could be taken for the run's own.
fn make_empty(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir_all(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{EngineKind, SweepSpec};
    use node::StrategyKind;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::watch;

    /// Takes as many (virtual) milliseconds for a run as its batch timeout says.
    #[derive(Default)]
    struct Mock {
        running: Mutex<(usize, usize)>,
        starts: Mutex<Vec<tokio::time::Instant>>,
        deadlines: Mutex<Vec<Duration>>,
        tries: AtomicU32,
    }

    impl Execute for Mock {
        fn kind(&self) -> EngineKind {
            EngineKind::Embedded
        }

        fn default_deadline(&self, settings: &crate::spec::settings::Settings) -> Duration {
            settings.time_limit + Duration::from_millis(7)
        }

        fn start_interval(&self) -> Duration {
            Duration::from_millis(5)
        }

        async fn run(
            &self,
            request: Request,
            progress: Progress,
            mut stop: StopSignal,
        ) -> Result<Finished, Interrupted> {
            self.starts.lock().unwrap().push(tokio::time::Instant::now());
            {
                let mut running = self.running.lock().unwrap();
                running.0 += 1;
                running.1 = running.1.max(running.0);
            }
            progress.enter(Phase::Operations);
            self.deadlines.lock().unwrap().push(request.deadline);
            let ms = request.run.batch_timeout_ms().unwrap();
            assert_ne!(ms, 13, "the test's panic");
            if ms % 10 == 7 {
                // The directory of a run that is tried again is empty.
                let tries = self.tries.fetch_add(1, Ordering::Relaxed) + 1;
                self.running.lock().unwrap().0 -= 1;
                fs::write(request.directory.join("left"), "").unwrap();
                assert_eq!(fs::read_dir(&request.directory).unwrap().count(), 1);
                return Ok(match (ms, tries) {
                    (17, 2) => Outcome::failed(Status::Invalid, "the node's fault"),
                    _ => Outcome::failed(Status::Crashed, "the harness's fault").transient(),
                }
                .into());
            }
            let ended = tokio::select! {
                () = stop.at_least(Stop::Soon) => Err(Interrupted),
                () = tokio::time::sleep(Duration::from_millis(ms)) => {
                    Ok(Outcome::failed(Status::Invalid, format!("seed {:?}", request.run.seed)).into())
                }
            };
            self.running.lock().unwrap().0 -= 1;
            ended
        }
    }

    #[derive(Default)]
    struct Log {
        lines: Vec<String>,
        attempts: Vec<u32>,
        fail_at: Option<usize>,
        stop_at: Option<(usize, watch::Sender<Stop>)>,
    }

    impl Events for Log {
        fn started(&mut self, index: usize, _: &Job) {
            self.lines.push(format!("start {index}"));
        }

        fn entered(&mut self, _: usize, phase: Phase) {
            assert_eq!(phase, Phase::Operations);
        }

        fn completed(&mut self, index: usize, job: &Job, completed: &Completed) -> anyhow::Result<()> {
            let outcome = &completed.finished.outcome;
            self.lines.push(format!("end {index} {}", outcome.status()));
            self.attempts.push(completed.attempts);
            if outcome.reason().starts_with("seed") {
                assert_eq!(outcome.reason(), format!("seed {:?}", job.run.seed));
            }
            if let Some((at, sender)) = &self.stop_at
                && *at == index
            {
                sender.send(Stop::Soon).unwrap();
            }
            anyhow::ensure!(self.fail_at != Some(index), "the disk is full");
            Ok(())
        }

        fn abandoned(&mut self, index: usize) {
            self.lines.push(format!("abandon {index}"));
        }

        fn measured_cost(&mut self, cores: f64, jobs: NonZeroUsize) {
            assert!(cores < 0.1, "a mock starts no process");
            self.lines.push(format!("{jobs} at a time"));
        }
    }

    /// A job for each timeout, with its directory in `folder`.
    fn jobs(timeouts: &[u64], folder: &Path) -> Vec<Job> {
        let spec = |&ms| {
            let timeouts = [Duration::from_millis(ms)];
            SweepSpec::bundled(EngineKind::Embedded, &[StrategyKind::Hub], &timeouts)
                .runs()
                .unwrap()
                .remove(0)
        };
        let job = |(index, run): (usize, RunSpec)| Job {
            node: NodeCommand { bin: "/bin/node".into(), args: Vec::new(), env: Vec::new() },
            name: index.to_string(),
            directory: folder.join(index.to_string()),
            run,
        };
        timeouts.iter().map(spec).enumerate().map(job).collect()
    }

    struct Bench {
        mock: Arc<Mock>,
        log: Log,
        result: anyhow::Result<()>,
    }

    async fn bench(timeouts: &[u64], at_once: usize, log: Log) -> Bench {
        let jobs = Jobs::Fixed(NonZeroUsize::new(at_once).unwrap());
        bench_with(timeouts, jobs, log).await
    }

    async fn bench_with(timeouts: &[u64], at_once: Jobs, mut log: Log) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let schedule = Schedule { jobs: at_once, deadline: None };
        let (sender, receiver) = watch::channel(Stop::No);
        if let Some((_, stop)) = &mut log.stop_at {
            *stop = sender;
        }
        let mock = Arc::new(Mock::default());
        let result =
            execute(&mock, &jobs(timeouts, folder.path()), &schedule, StopSignal::new(receiver), &mut log)
                .await;
        Bench { mock, log, result }
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_is_handed_on_before_the_next_run_starts() {
        let bench = bench(&[10, 20, 30], 1, Log::default()).await;
        bench.result.unwrap();
        assert_eq!(
            bench.log.lines,
            ["start 0", "end 0 invalid", "start 1", "end 1 invalid", "start 2", "end 2 invalid"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_run_at_a_time_as_asked_for() {
        let bench = bench(&[10, 20, 30, 40, 50], 2, Log::default()).await;
        assert_eq!(bench.mock.running.lock().unwrap().1, 2);
        assert_eq!(bench.log.lines[..4], ["start 0", "start 1", "end 0 invalid", "start 2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_run_of_unknown_nodes_is_alone_and_says_how_many_follow() {
        let two = Jobs::ByCost(NonZeroUsize::new(2).unwrap());
        let bench = bench_with(&[10, 20, 30], two, Log::default()).await;
        assert_eq!(
            bench.log.lines[..5],
            ["start 0", "2 at a time", "end 0 invalid", "start 1", "start 2"],
            "{:?}",
            bench.log.lines
        );
        let of = |cores, available| affordable(cores, available, NonZeroUsize::new(8).unwrap()).get();
        // Half of two cores: eight cheap runs, three that take a third of a core each, one that takes all.
        assert_eq!([of(0.0, 2.0), of(0.1, 2.0), of(0.3, 2.0), of(1.9, 2.0)], [8, 8, 3, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn runs_start_one_after_another() {
        let bench = bench(&[50, 50, 50, 50], 3, Log::default()).await;
        let starts = bench.mock.starts.lock().unwrap();
        let after_ms: Vec<u128> = starts.iter().map(|start| (*start - starts[0]).as_millis()).collect();
        assert_eq!(after_ms, [0, 5, 10, 50]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_engine_says_when_a_run_is_given_up_unless_the_user_does() {
        let bench = bench(&[10], 1, Log::default()).await;
        let of_engine = crate::spec::settings::Settings::default().time_limit + Duration::from_millis(7);
        assert_eq!(*bench.mock.deadlines.lock().unwrap(), [of_engine]);
        let schedule =
            Schedule { jobs: Jobs::Fixed(NonZeroUsize::MIN), deadline: Some(Duration::from_secs(1)) };
        let folder = tempfile::tempdir().unwrap();
        let job = &jobs(&[10], folder.path())[0];
        let request = prepare(job, &schedule, &Mock::default()).unwrap();
        assert_eq!(request.deadline, Duration::from_secs(1));
    }

    #[test]
    fn a_run_knows_whether_it_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let job = &jobs(&[10], folder.path())[0];
        let is_alone = |at_once| {
            let jobs = Jobs::Fixed(NonZeroUsize::new(at_once).unwrap());
            prepare(job, &Schedule { jobs, deadline: None }, &Mock::default()).unwrap().is_alone
        };
        assert_eq!([1, 2].map(is_alone), [true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_costs_one_run() {
        let bench = bench(&[10, 13, 20], 1, Log::default()).await;
        bench.result.unwrap();
        assert_eq!(bench.log.lines[2..4], ["start 1", "end 1 crashed"]);
        assert_eq!(bench.log.lines[5], "end 2 invalid");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_of_the_harness_are_retried_and_those_of_the_node_are_not() {
        let until_the_node_fails = bench(&[17, 20], 1, Log::default()).await.log;
        assert_eq!(until_the_node_fails.lines[..2], ["start 0", "end 0 invalid"]);
        assert_eq!(until_the_node_fails.attempts, [2, 1]);
        let for_ever = bench(&[27], 1, Log::default()).await.log;
        assert_eq!((for_ever.lines[1].as_str(), for_ever.attempts), ("end 0 crashed", vec![MAX_ATTEMPTS]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_running_runs_and_starts_none() {
        let (sender, _) = watch::channel(Stop::No);
        let log = Log { stop_at: Some((0, sender)), ..Log::default() };
        let bench = bench(&[10, 1000, 2000], 2, log).await;
        bench.result.unwrap();
        assert_eq!(bench.log.lines, ["start 0", "start 1", "end 0 invalid", "abandon 1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_that_cannot_be_kept_ends_the_sweep() {
        let bench = bench(&[10, 20, 30], 1, Log { fail_at: Some(1), ..Log::default() }).await;
        assert_eq!(bench.result.unwrap_err().to_string(), "the disk is full");
        assert_eq!(bench.log.lines.last().unwrap(), "end 1 invalid");
    }
}
