//! The event loop: moves messages between the nodes' pipes and the harness, at the times that the harness asks for.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use node::Time;
use rustc_hash::FxHashMap;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::Spec;
use super::diagnosis::LastWords;
use super::json::{self, BadLine, Body};
use super::lateness::{Lateness, Recorder};
use super::log::Log;
use super::picture::Picture;
use super::process::{LineTooLong, Process, describe};
use super::store::Store;
use crate::harness::history::History;
use crate::harness::history_file;
use crate::harness::launch;
use crate::harness::network::{Address, ClientId, Delivery, MessageCounts, NodeId, Timing};
use crate::harness::run::{Phase, Run, SetupError};

/// A node that has not read this much of what it was given gets nothing more until it reads.
const CONGESTION: usize = 1 << 20;
/// How often nodes that have closed stdout are asked whether they are alive.
const REAP_INTERVAL: Duration = Duration::from_millis(20);

/// A run that came to its end.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) history: History,
    pub(super) counts: MessageCounts,
    pub(super) lateness: Lateness,
    /// From the first node's launch to the last one's.
    pub(super) launch_spread: Duration,
    /// From the first node's launch to the first operation.
    pub(super) set_up: Duration,
    /// The processor time that this process used for the run, its nodes' not counted.
    pub(super) cpu: Duration,
    /// What each node wrote last, in the nodes' order.
    pub(super) last_words: Vec<LastWords>,
    /// Its first messages.
    pub(super) picture: Picture,
}

impl Ran {
    /// The runner's processor time for each message, clients' messages included.
    pub(super) fn cpu_per_message(&self) -> Duration {
        let messages = self.counts.clients.sent + self.counts.servers.sent;
        self.cpu.checked_div(u32::try_from(messages).unwrap_or(u32::MAX)).unwrap_or_default()
    }
}

/// A run that did not, with what happened until then.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: RunError,
    pub(super) history: History,
}

/// A signal that ends a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// SIGINT (Ctrl-C).
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    Hangup,
}

impl Interrupted {
    const ALL: [(i32, Interrupted); 3] =
        [(SIGINT, Interrupted::Interrupt), (SIGTERM, Interrupted::Terminate), (SIGHUP, Interrupted::Hangup)];

    /// The exit status of a process that such a signal ended: 128 and the signal's number.
    pub fn exit_status(self) -> u8 {
        let signal =
            Self::ALL.iter().find(|(_, interrupted)| *interrupted == self).map_or(0, |(signal, _)| *signal);
        128 + signal as u8
    }
}

/// Why a run has no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The node's program cannot be run.
    #[error("cannot run {} as a node: {error}\n--bin must name an executable file; PATH is not searched.", .bin.display())]
    Launch {
        /// The program.
        bin: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A node ended, or did something that no run can go on from.
    #[error("Node {node} {what}. Before that, it wrote to STDOUT:\n\n{stdout}\n\nAnd to STDERR:\n\n{stderr}\n\nFull STDERR logs are available in {}", .log.display())]
    Node {
        /// The node.
        node: String,
        /// What it did.
        what: String,
        /// The last lines that it wrote on stdout.
        stdout: String,
        /// The last lines that it wrote on stderr.
        stderr: String,
        /// All that it wrote on stderr.
        log: PathBuf,
    },
    /// A node could not be set up.
    #[error("{error}. Until then, it wrote to STDOUT:\n\n{stdout}\n\nAnd to STDERR:\n\n{stderr}")]
    SetUp {
        /// What happened.
        error: SetupError,
        /// The last lines that it wrote on stdout.
        stdout: String,
        /// The last lines that it wrote on stderr.
        stderr: String,
    },
    /// The run was told to stop.
    #[error("interrupted")]
    Interrupted(Interrupted),
    /// A file or the operating system.
    #[error("{0}")]
    Io(io::Error),
}

/// Runs the nodes and the harness until the run is over. No process of the run is left when this returns.
pub(super) fn drive(spec: &Spec, store: &Store, log: &mut Log) -> Result<Ran, Box<Failed>> {
    let run = Run::new(spec.settings.clone(), spec.names.clone(), spec.seed, Timing::REAL);
    let mut driver = match Driver::new(spec, run, log) {
        Ok(driver) => driver,
        Err(error) => return Err(Box::new(Failed { error, history: History::new() })),
    };
    let cpu = cpu_time();
    let outcome = driver.launch(spec, store).and_then(|()| driver.turn());
    let cpu = cpu_time().saturating_sub(cpu);
    let last_words = driver.all_last_words();
    // Nodes are killed before anything else is done; no exit hook of theirs runs, as under Maelstrom.
    driver.processes.clear();
    let Driver { run, lateness, launched, picture, .. } = driver;
    let counts = run.message_counts();
    let history = run.into_history();
    match outcome {
        Ok(set_up) => {
            let (first, last) = (launched.iter().min(), launched.iter().max());
            let launch_spread = match (first, last) {
                (Some(&first), Some(&last)) => last.saturating_since(first),
                _ => Duration::ZERO,
            };
            Ok(Ran {
                history,
                counts,
                lateness: lateness.summary(),
                launch_spread,
                set_up,
                cpu,
                last_words,
                picture,
            })
        }
        Err(error) => Err(Box::new(Failed { error, history })),
    }
}

struct Driver<'a> {
    run: Run<Body>,
    clock: Instant,
    names: Vec<String>,
    by_name: FxHashMap<String, NodeId>,
    processes: Vec<Process>,
    /// When to launch which node; processes are numbered in this order.
    launches: Vec<(Duration, NodeId)>,
    /// The process of each node.
    process_of: Vec<usize>,
    launched: Vec<Time>,
    signals: Vec<(UnixStream, Interrupted)>,
    lateness: Recorder,
    picture: Picture,
    log: &'a mut Log,
    /// How many events of the history have been logged.
    logged: usize,
    line: String,
}

impl<'a> Driver<'a> {
    fn new(spec: &Spec, run: Run<Body>, log: &'a mut Log) -> Result<Driver<'a>, RunError> {
        let names = spec.names.clone();
        let by_name = names.iter().enumerate().map(|(i, name)| (name.clone(), NodeId(i as u32))).collect();
        let launches = launch::schedule(names.len(), spec.seed);
        let mut process_of = vec![0; names.len()];
        for (process, (_, node)) in launches.iter().enumerate() {
            process_of[node.index()] = process;
        }
        Ok(Driver {
            run,
            clock: Instant::now(),
            names,
            by_name,
            processes: Vec::new(),
            launches,
            process_of,
            launched: Vec::new(),
            signals: catch_signals()?,
            lateness: Recorder::default(),
            picture: Picture::default(),
            log,
            logged: 0,
            line: String::new(),
        })
    }

    fn now(&self) -> Time {
        Time::ZERO + self.clock.elapsed()
    }

    fn launch(&mut self, spec: &Spec, store: &Store) -> Result<(), RunError> {
        let bin = std::fs::canonicalize(&spec.node.bin)
            .map_err(|error| RunError::Launch { bin: spec.node.bin.clone(), error })?;
        let start = self.now();
        for (after, node) in self.launches.clone() {
            while self.now() < start + after {
                let now = self.now();
                self.run.handle_timeout(now);
                self.deliver(now);
                self.wait(Some(start + after))?;
            }
            let log_path = store.file("node-logs").join(format!("{}.log", self.names[node.index()]));
            let process = Process::start(&spec.node, &bin, log_path)
                .map_err(|error| RunError::Launch { bin: bin.clone(), error })?;
            self.processes.push(process);
            let now = self.now();
            self.launched.push(now);
            self.run.handle_started(now, node);
            self.deliver(now);
        }
        Ok(())
    }

    /// Turns until the run is over. Returns how long the set-up took.
    fn turn(&mut self) -> Result<Duration, RunError> {
        let mut set_up = None;
        let mut announced = false;
        loop {
            let now = self.now();
            self.run.handle_timeout(now);
            self.deliver(now);
            self.log_events()?;
            match self.run.phase() {
                Phase::Done => break,
                Phase::Failed(error) => {
                    let error = error.clone();
                    return Err(self.set_up_error(error));
                }
                Phase::Main if set_up.is_none() => {
                    let first = self.launched.iter().min().copied().unwrap_or(now);
                    set_up = Some(now.saturating_since(first));
                    self.log.line("All nodes are set up; operations begin")?;
                }
                Phase::Recovery(_) if !announced => {
                    announced = true;
                    self.log.line("Waiting for recovery...")?;
                }
                _ => {}
            }
            self.wait(None)?;
        }
        // Whoever died unnoticed in the last moments counts as crashed, too.
        for process in 0..self.processes.len() {
            self.check_alive(process)?;
        }
        Ok(set_up.unwrap_or_default())
    }

    /// Hands nodes what is due.
    fn deliver(&mut self, now: Time) {
        let mut touched = false;
        while let Some(delivery) = self.run.poll_delivery(now) {
            let Delivery { id, src, dest, payload, sent, due } = delivery;
            if due > sent {
                self.lateness.record(self.now().saturating_since(due));
            }
            let mut line = std::mem::take(&mut self.line);
            line.clear();
            let name = &self.names[dest.index()];
            match src {
                Address::Client(client) => {
                    json::write_line(&mut line, id, format_args!("c{}", client.0), name, &payload);
                }
                Address::Node(node) => {
                    json::write_line(
                        &mut line,
                        id,
                        format_args!("{}", self.names[node.index()]),
                        name,
                        &payload,
                    );
                }
            }
            if self.log.verbosity.receives {
                let _ = self.log.line(&format!(":recv {}", line.trim_end()));
            }
            let process = &mut self.processes[self.process_of[dest.index()]];
            process.send(&line);
            // At once, and not after the others, so that none waits for another one's pipe.
            process.flush();
            if process.pending_bytes() > CONGESTION {
                self.run.pause(dest);
            }
            self.line = line;
            if is_drawn(self.run.phase()) && self.picture.has_room() {
                let src = match src {
                    Address::Client(client) => format!("c{}", client.0),
                    Address::Node(node) => self.names[node.index()].clone(),
                };
                self.picture.add(src, self.names[dest.index()].clone(), payload.0, sent, now);
            }
            touched = true;
        }
        if touched {
            self.line.shrink_to(1 << 16);
        }
    }

    /// Waits for the next deadline, the time `limit` or something to read, and reads.
    fn wait(&mut self, limit: Option<Time>) -> Result<(), RunError> {
        let ready = self.poll(limit)?;
        for (source, process) in ready {
            match source {
                Source::Signal => return Err(self.interrupted()),
                Source::Stdin => self.unblock(process),
                Source::Stdout => self.read_stdout(process)?,
                Source::Stderr => self.read_stderr(process)?,
            }
        }
        for process in 0..self.processes.len() {
            if self.processes[process].stdout().is_none() {
                self.check_alive(process)?;
            }
        }
        Ok(())
    }

    fn poll(&mut self, limit: Option<Time>) -> Result<Vec<(Source, usize)>, RunError> {
        let now = self.now();
        let mut deadline = [self.run.next_deadline(), limit].into_iter().flatten().min();
        if self.processes.iter().any(|process| process.stdout().is_none()) {
            deadline = Some(deadline.map_or(now + REAP_INTERVAL, |at| at.min(now + REAP_INTERVAL)));
        }
        let mut sources = Vec::with_capacity(2 * self.processes.len() + 4);
        let mut fds = Vec::with_capacity(sources.capacity());
        for (signal, (pipe, _)) in self.signals.iter().enumerate() {
            sources.push((Source::Signal, signal));
            fds.push(PollFd::new(pipe, PollFlags::IN));
        }
        for (number, process) in self.processes.iter().enumerate() {
            if let Some(stdin) = process.stdin() {
                sources.push((Source::Stdin, number));
                fds.push(PollFd::new(stdin, PollFlags::OUT));
            }
            if let Some(stdout) = process.stdout() {
                sources.push((Source::Stdout, number));
                fds.push(PollFd::new(stdout, PollFlags::IN));
            }
            if let Some(stderr) = process.stderr() {
                sources.push((Source::Stderr, number));
                fds.push(PollFd::new(stderr, PollFlags::IN));
            }
        }
        wait_until(&mut fds, deadline.map(|at| at.saturating_since(now)))?;
        let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        Ok(sources.into_iter().zip(&fds).filter(|(_, fd)| is_ready(fd)).map(|(source, _)| source).collect())
    }

    fn interrupted(&self) -> RunError {
        let mut byte = [0];
        let caught = self.signals.iter().find(|(pipe, _)| {
            let mut pipe: &UnixStream = pipe;
            matches!(io::Read::read(&mut pipe, &mut byte), Ok(1))
        });
        RunError::Interrupted(caught.map_or(Interrupted::Terminate, |&(_, interrupted)| interrupted))
    }

    fn unblock(&mut self, process: usize) {
        self.processes[process].flush();
        if !self.processes[process].is_congested() {
            let now = self.now();
            self.run.resume(now, self.launches[process].1);
        }
    }

    fn read_stdout(&mut self, process: usize) -> Result<(), RunError> {
        let now = self.now();
        let node = &self.names[self.launches[process].1.index()];
        let (run, log, by_name) = (&mut self.run, &mut *self.log, &self.by_name);
        let picture = &mut self.picture;
        let mut reading = Ok(Reading::GoesOn);
        let read = self.processes[process].read_stdout(|line| {
            if matches!(reading, Ok(Reading::GoesOn)) {
                reading = accept(run, log, picture, by_name, now, node, line);
            }
        });
        if reading? == Reading::Ends {
            self.processes[process].stop_reading();
        }
        match read {
            Ok(()) => Ok(()),
            Err(LineTooLong) => {
                let limit = super::process::LONGEST_LINE >> 20;
                Err(self.node_error(process, format!("wrote a line of more than {limit} MiB")))
            }
        }
    }

    fn read_stderr(&mut self, process: usize) -> Result<(), RunError> {
        let node = &self.names[self.launches[process].1.index()];
        let log = &mut *self.log;
        let show = log.verbosity.stderr;
        self.processes[process].read_stderr(|line| {
            if show {
                let _ = log.line(&format!("{node} stderr: {line}"));
            }
        })?;
        Ok(())
    }

    fn check_alive(&mut self, process: usize) -> Result<(), RunError> {
        let Some(status) = self.processes[process].exit_status() else { return Ok(()) };
        // What it wrote last may still be in the pipes.
        self.read_stdout(process)?;
        self.read_stderr(process)?;
        Err(self.node_error(process, format!("crashed with {}", describe(status))))
    }

    fn node_error(&self, process: usize, what: String) -> RunError {
        let (stdout, stderr) = self.processes[process].last_lines();
        let node = self.names[self.launches[process].1.index()].clone();
        RunError::Node { node, what, stdout, stderr, log: self.processes[process].log_path.clone() }
    }

    /// The error with the last lines of the node that it is about.
    fn set_up_error(&self, error: SetupError) -> RunError {
        let (SetupError::Silent { node, .. } | SetupError::Refused { node, .. }) = &error;
        let of = self.all_last_words().into_iter().find(|words| words.node == *node);
        let (stdout, stderr) = of.map_or_else(Default::default, |words| (words.stdout, words.stderr));
        RunError::SetUp { error, stdout, stderr }
    }

    fn all_last_words(&self) -> Vec<LastWords> {
        let nodes = self.names.iter().zip(&self.process_of);
        nodes
            .filter_map(|(node, &process)| {
                let (stdout, stderr) = self.processes.get(process)?.last_lines();
                Some(LastWords { node: node.clone(), stdout, stderr })
            })
            .collect()
    }

    fn log_events(&mut self) -> Result<(), RunError> {
        let history = self.run.history();
        for event in &history.events()[self.logged..] {
            self.log.quiet_line(&history_file::text(history, event))?;
        }
        self.logged = history.events().len();
        Ok(())
    }
}

/// What has become ready.
#[derive(Clone, Copy, Debug)]
enum Source {
    Signal,
    Stdin,
    Stdout,
    Stderr,
}

/// Whether messages are part of the picture: those of the set-up are the same in every run.
fn is_drawn(phase: &Phase) -> bool {
    !matches!(phase, Phase::Init(_) | Phase::Topology(_))
}

/// What becomes of a node's stdout after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    GoesOn,
    Ends,
}

/// Puts a line that a node wrote on the network. A line that cannot go there is the last one that is read, as in
/// real Maelstrom: the thread that reads the node's stdout survives the error, but has lost its place.
fn accept(
    run: &mut Run<Body>,
    log: &mut Log,
    picture: &mut Picture,
    by_name: &FxHashMap<String, NodeId>,
    now: Time,
    node: &str,
    line: &str,
) -> io::Result<Reading> {
    if line.trim().is_empty() {
        return refuse(log, &format!("Node {node} printed an empty line to STDOUT"));
    }
    let message = match json::parse_line(line) {
        Ok(message) => message,
        Err(BadLine::NotJson) => {
            return refuse(
                log,
                &format!(
                    "Node {node} printed a line to STDOUT which was not well-formed JSON:\n{}\n\
                 Did you mean to encode this line as JSON? Or was this line intended for STDERR?",
                    shortened(line)
                ),
            );
        }
        Err(BadLine::Malformed(problem)) => {
            return refuse(
                log,
                &format!(
                    "Malformed network message. Node {node} tried to send the following message via STDOUT:\n{}\n\
                 This is malformed because: {problem}",
                    shortened(line)
                ),
            );
        }
    };
    if log.verbosity.sends {
        log.line(&format!(":send {}", shortened(line)))?;
    }
    let address = |name: &str| by_name.get(name).map(|&node| Address::Node(node)).or_else(|| client(name));
    let Some(src) = address(&message.src) else {
        let src = &message.src;
        return refuse(log, &format!("Node {node} sent a message as {src:?}, which is not on the network"));
    };
    let Some(dest) = address(&message.dest) else {
        return refuse(
            log,
            &format!(
                "Node {node} sent a message to {:?}, which is not on the network: {}",
                message.dest,
                shortened(line)
            ),
        );
    };
    if let Address::Client(_) = dest
        && is_drawn(run.phase())
        && picture.has_room()
    {
        picture.add(node.to_owned(), message.dest.to_string(), message.body.into(), now, now);
    }
    match run.handle_message(now, src, dest, Body(message.body.into())) {
        Ok(()) => Ok(Reading::GoesOn),
        Err(error) => refuse(
            log,
            &format!("Node {node} sent a message that nobody receives: {error}: {}", shortened(line)),
        ),
    }
}

/// Says what is wrong with a line, and what follows from it.
fn refuse(log: &mut Log, problem: &str) -> io::Result<Reading> {
    log.warn(&format!("{problem}\nAs under Maelstrom, nothing more is read from this node's STDOUT."))?;
    Ok(Reading::Ends)
}

/// The client of this name, if it is one: `c7`.
fn client(name: &str) -> Option<Address> {
    let digits = name.strip_prefix('c')?;
    digits.parse().ok().map(|number| Address::Client(ClientId(number)))
}

/// A line for people to read.
fn shortened(line: &str) -> String {
    const SHOWN: usize = 500;
    match line.char_indices().nth(SHOWN) {
        None => line.to_owned(),
        Some((end, _)) => format!("{} … ({} bytes)", &line[..end], line.len()),
    }
}

/// The processor time that this process has used.
fn cpu_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(tv_sec.unsigned_abs(), tv_nsec.unsigned_abs() as u32)
}

/// A pipe for each signal that ends a run; its number tells which one came.
fn catch_signals() -> io::Result<Vec<(UnixStream, Interrupted)>> {
    let catch = |&(signal, interrupted): &(i32, Interrupted)| {
        let (ours, handlers) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(signal, handlers)?;
        Ok((ours, interrupted))
    };
    Interrupted::ALL.iter().map(catch).collect()
}

/// Waits until something is ready, or the time is over.
fn wait_until(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    // Only Linux waits for less than a millisecond in poll; elsewhere the rest is slept.
    let (in_poll, asleep) = match timeout {
        Some(timeout) if cfg!(not(target_os = "linux")) && timeout < Duration::from_millis(1) => {
            (Some(Duration::ZERO), timeout)
        }
        Some(timeout) if cfg!(not(target_os = "linux")) => {
            (Some(Duration::from_millis(timeout.as_millis() as u64)), Duration::ZERO)
        }
        timeout => (timeout, Duration::ZERO),
    };
    let in_poll = in_poll.map(|timeout| Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    });
    match poll(fds, in_poll.as_ref()) {
        Ok(0) if !asleep.is_zero() => std::thread::sleep(asleep),
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
