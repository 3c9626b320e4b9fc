//! The progress of a sweep: bars on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::artifacts;
use super::live::LiveReport;
use crate::campaign::sweep::{CSV_FILE, Observer, Plan};
use crate::engine::Phase;
use crate::preflight::Finding;
use crate::record::RunRecord;
use crate::terminal::{self, are, count};

/// How much progress to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// No progress.
    Quiet,
    /// Each run's end.
    #[default]
    Runs,
    /// Also each run's phases, unless bars show them.
    Phases,
}

/// The terminal as a sweep's observer.
pub struct Screen {
    detail: Detail,
    progress: Option<Progress>,
    live: Option<LiveReport>,
    begun: bool,
}

impl Screen {
    /// A screen that shows this much.
    pub fn new(detail: Detail) -> Screen {
        Screen { detail, progress: None, live: None, begun: false }
    }

    /// The same, with a report that is kept up to date.
    pub(super) fn with_report(self, live: LiveReport) -> Screen {
        Screen { live: Some(live), ..self }
    }

    /// Brings the report up to date. If that fails the sweep continues, and writes one at its end.
    fn update_report(&mut self) {
        if let Some(live) = &mut self.live
            && let Err(error) = live.update()
        {
            log::warn!("the report is not up to date: {error:#}");
        }
    }

    /// Whether a sweep has started, so that its folder may have files.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Prints a line, unless the user wants no progress.
    pub fn note(&self, text: &str) {
        if self.detail != Detail::Quiet {
            eprintln!("{text}");
        }
    }

    /// Prints how many runs are about to start, and how long they take.
    fn announce(&self, plan: &Plan<'_>) {
        let Plan { runs, done, jobs, .. } = *plan;
        let directory = plan.directory.display();
        if runs == 0 {
            let all = if done == 1 { "the only run is".to_owned() } else { format!("all {done} runs are") };
            self.note(&format!("{all} done already, in {directory}; --force starts over"));
            return;
        }
        if done > 0 {
            self.note(&format!("{done} of {} runs {} done already", done + runs, are(done)));
        }
        let all = rounded(plan.duration());
        let at_once = match plan.first_alone && runs > 1 {
            true => "the first one alone, to see how many can run in parallel".to_owned(),
            false => format!("{jobs} at a time, about {all}"),
        };
        self.note(&format!("{}, {at_once}; into {directory}", count(runs, "run")));
    }
}

impl Observer for Screen {
    fn noted(&mut self, finding: &Finding) {
        self.note(&finding.to_string());
    }

    fn planned(&mut self, plan: &Plan<'_>) -> anyhow::Result<()> {
        if let Some(line) = plan.torn_line {
            let csv = plan.directory.join(CSV_FILE);
            eprintln!("line {line} of {} was cut off in the writing; that run is repeated", csv.display());
        }
        for message in plan.orphans.messages(plan.directory) {
            eprintln!("{message}");
        }
        if plan.replaced {
            artifacts::remove(plan.directory)?;
        }
        self.begun = true;
        self.announce(plan);
        if let Some(live) = &mut self.live {
            live.planned(plan.done + plan.runs);
        }
        self.progress = Some(Progress::new(plan.runs, plan.jobs, plan.expected, self.detail));
        Ok(())
    }

    fn started(&mut self, index: usize, name: &str) {
        if let Some(progress) = &mut self.progress {
            progress.started(index, name);
        }
    }

    fn entered(&mut self, index: usize, phase: Phase) {
        if let Some(progress) = &mut self.progress {
            progress.entered(index, phase);
        }
    }

    fn measured_cost(&mut self, cores: f64, jobs: NonZeroUsize) {
        if let Some(progress) = &mut self.progress {
            progress.with_estimate(|estimate| estimate.jobs = jobs.get());
            if progress.total > 1 {
                let how_many = format!("{jobs} at a time from now on; --jobs sets another number");
                self.note(&format!("the first run took {cores:.2} cores: {how_many}"));
            }
        }
    }

    fn completed(&mut self, index: usize, name: &str, record: &RunRecord) {
        if let Some(progress) = &mut self.progress {
            progress.completed(index, name, record);
        }
        self.update_report();
    }

    fn abandoned(&mut self, index: usize) {
        if let Some(progress) = &mut self.progress {
            progress.abandoned(index);
        }
    }

    fn ended(&mut self) {
        if let Some(mut progress) = self.progress.take() {
            progress.end();
        }
    }
}

/// Shows a sweep's progress on stderr.
struct Progress {
    total: usize,
    done: usize,
    estimate: Arc<Mutex<Estimate>>,
    display: Display,
}

enum Display {
    Bars { sweep: ProgressBar, runs: BTreeMap<usize, ProgressBar> },
    Lines { running: BTreeMap<usize, String>, phases: bool },
    Nothing,
}

impl Progress {
    /// For `total` runs, `jobs` at a time, each of which should take about `expected`.
    fn new(total: usize, jobs: usize, expected: Duration, detail: Detail) -> Progress {
        let estimate = Arc::new(Mutex::new(Estimate {
            expected,
            jobs: jobs.min(total.max(1)),
            queued: total,
            running: BTreeMap::new(),
            finished: Vec::new(),
        }));
        // Without a terminal indicatif prints nothing, so lines are printed here.
        let display = if detail == Detail::Quiet {
            Display::Nothing
        } else if terminal::bars().is_hidden() {
            Display::Lines { running: BTreeMap::new(), phases: detail == Detail::Phases }
        } else {
            let sweep = ProgressBar::new(total as u64).with_style(sweep_style(estimate.clone()));
            let sweep = terminal::bars().add(sweep);
            sweep.enable_steady_tick(Duration::from_millis(500));
            Display::Bars { sweep, runs: BTreeMap::new() }
        };
        Progress { total, done: 0, estimate, display }
    }

    /// A run begins.
    fn started(&mut self, index: usize, run: &str) {
        self.with_estimate(|estimate| estimate.start(index, Instant::now()));
        match &mut self.display {
            Display::Bars { sweep, runs } => {
                let bar = ProgressBar::new_spinner().with_style(run_style());
                let bar = terminal::bars().insert_before(sweep, bar);
                bar.set_prefix(run.to_owned());
                bar.set_message(Phase::Starting.to_string());
                bar.enable_steady_tick(Duration::from_millis(100));
                runs.insert(index, bar);
            }
            Display::Lines { running, .. } => drop(running.insert(index, run.to_owned())),
            Display::Nothing => {}
        }
    }

    /// A run has entered a phase.
    fn entered(&mut self, index: usize, phase: Phase) {
        match &self.display {
            Display::Bars { runs, .. } => {
                if let Some(bar) = runs.get(&index) {
                    bar.set_message(phase.to_string());
                }
            }
            Display::Lines { running, phases: true } => {
                if let Some(run) = running.get(&index) {
                    eprintln!("{run}: {phase}");
                }
            }
            Display::Lines { .. } | Display::Nothing => {}
        }
    }

    /// A run has ended.
    fn completed(&mut self, index: usize, run: &str, record: &RunRecord) {
        self.done += 1;
        self.with_estimate(|estimate| estimate.finish(index, record.measured.duration));
        let result = describe(record);
        let seconds = record.measured.duration.as_secs_f64();
        match &mut self.display {
            Display::Bars { sweep, runs } => {
                remove(runs, index);
                sweep.println(terminal::plain(&format!("{run}: {result} ({seconds:.0} s)")));
                sweep.inc(1);
            }
            Display::Nothing => {}
            Display::Lines { running, .. } => {
                running.remove(&index);
                let mut line = format!("[{}/{}] {run}: {result} ({seconds:.0} s", self.done, self.total);
                let left = self.estimate.lock().unwrap_or_else(PoisonError::into_inner).left(Instant::now());
                // Less than a second may be left of several runs in flight, which is not worth showing.
                if left >= Duration::from_secs(1) {
                    let _ = write!(line, "; about {} left", rounded(left));
                }
                eprintln!("{line})");
            }
        }
    }

    /// A run was stopped.
    fn abandoned(&mut self, index: usize) {
        if let Display::Bars { runs, .. } = &mut self.display {
            remove(runs, index);
        }
    }

    /// The sweep has ended.
    fn end(&mut self) {
        if let Display::Bars { sweep, .. } = &self.display {
            sweep.finish_and_clear();
            terminal::bars().remove(sweep);
        }
    }

    fn with_estimate(&self, change: impl FnOnce(&mut Estimate)) {
        change(&mut self.estimate.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn remove(runs: &mut BTreeMap<usize, ProgressBar>, index: usize) {
    if let Some(bar) = runs.remove(&index) {
        bar.finish_and_clear();
        terminal::bars().remove(&bar);
    }
}

fn sweep_style(estimate: Arc<Mutex<Estimate>>) -> ProgressStyle {
    let left = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        let left = estimate.lock().unwrap_or_else(PoisonError::into_inner).left(Instant::now());
        let _ = write!(out, "{}", rounded(left));
    };
    ProgressStyle::with_template("{pos}/{len} runs [{wide_bar}] {elapsed} so far, about {left} left")
        .expect("the template is well-formed")
        .progress_chars("=> ")
        .with_key("left", left)
}

fn run_style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix}: {msg} ({elapsed})")
        .expect("the template is well-formed")
}

/// One line on how a run ended.
fn describe(record: &RunRecord) -> String {
    if !record.is_ok() {
        return format!("{}: {}", record.measured.status, record.measured.reason);
    }
    let mut text = "ok".to_owned();
    if let Some(figures) = record.figures() {
        if let Some(msgs) = figures.msgs_per_op {
            let _ = write!(text, ", {msgs:.2} msgs/op");
        }
        if let Some(stable) = figures.stable {
            let _ = write!(text, ", median {} ms, max {} ms", stable.p50.as_millis(), stable.max.as_millis());
        }
    }
    text
}

/// A duration for people: to the second, or above two minutes to the half minute.
pub fn rounded(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    let seconds = if seconds > 120 { seconds.next_multiple_of(30) } else { seconds };
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

/// How long a sweep will still take. Runs of one sweep take nearly the same time, so the mean of those that
/// have ended is a good estimate. A rate of runs would jump whenever a run ends.
struct Estimate {
    expected: Duration,
    jobs: usize,
    queued: usize,
    running: BTreeMap<usize, Instant>,
    finished: Vec<Duration>,
}

impl Estimate {
    fn start(&mut self, index: usize, now: Instant) {
        self.queued = self.queued.saturating_sub(1);
        self.running.insert(index, now);
    }

    fn finish(&mut self, index: usize, took: Duration) {
        self.running.remove(&index);
        self.finished.push(took);
    }

    fn left(&self, now: Instant) -> Duration {
        let each = match u32::try_from(self.finished.len()) {
            Ok(count) if count > 0 => self.finished.iter().sum::<Duration>() / count,
            _ => self.expected,
        };
        let running: Duration = self.running.values().map(|&start| each.saturating_sub(now - start)).sum();
        (running + each * self.queued as u32) / self.jobs as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_the_duration_of_runs() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut estimate = Estimate {
            expected: Duration::from_secs(30),
            jobs: 2,
            queued: 4,
            running: BTreeMap::new(),
            finished: Vec::new(),
        };
        assert_eq!(estimate.left(start), Duration::from_secs(60));
        estimate.start(0, start);
        estimate.start(1, start);
        assert_eq!(estimate.left(after(10)), Duration::from_secs(50));
        estimate.finish(0, Duration::from_secs(40));
        // 40 s each: 0 s left of the other, two more on two places.
        assert_eq!(estimate.left(after(40)), Duration::from_secs(40));
    }

    #[test]
    fn long_times_are_rounded() {
        assert_eq!(rounded(Duration::from_millis(59_700)), "1m");
        assert_eq!(rounded(Duration::from_secs(290)), "5m");
        assert_eq!(rounded(Duration::from_secs(7)), "7s");
    }
}
