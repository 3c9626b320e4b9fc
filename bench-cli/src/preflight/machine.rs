//! Disk, cores and clock.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Finding, Verdict};

/// What one run of real Maelstrom leaves, about.
const BYTES_A_RUN: u64 = 15 << 20;
/// A timer that wakes later than this in the median is too coarse to deliver messages by.
const LATE: Duration = Duration::from_millis(2);

/// Looks whether the disk of `directory`, which need not exist yet, takes what `runs` runs leave.
pub fn disk(directory: &Path, runs: usize) -> Finding {
    let shown = directory.display();
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let existing = directory.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let free = match rustix::fs::statvfs(existing) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(error) => {
            let text = format!("cannot tell how much room is left for {shown}: {error}");
            return Finding::fault("disk", text, format!("df -h {shown}")).softened();
        }
    };
    let needed = BYTES_A_RUN.saturating_mul(runs as u64);
    let text = format!("{} MB free for {shown}; {runs} runs need up to {} MB", free >> 20, needed >> 20);
    if free < needed {
        Finding::fault("disk", text, "make room, give another --out, or --keep failed")
    } else {
        Finding::fine("disk", text)
    }
}

/// Looks whether as many runs at a time leave each its processor.
pub fn cores(jobs: NonZeroUsize) -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    if jobs.get() > cores {
        let text = format!("{cores} cores for {jobs} runs at a time; they would slow each other down");
        Finding::fault("cores", text, format!("--jobs {cores}")).softened()
    } else {
        Finding::fine("cores", format!("{cores} for {jobs} runs at a time"))
    }
}

/// Looks how late timers are.
pub fn clock() -> Finding {
    const ASLEEP: Duration = Duration::from_millis(1);
    let late = || {
        let begun = Instant::now();
        std::thread::sleep(ASLEEP);
        begun.elapsed().saturating_sub(ASLEEP)
    };
    let mut lateness: Vec<Duration> = (0..21).map(|_| late()).collect();
    lateness.sort_unstable();
    judge_clock(lateness[lateness.len() / 2])
}

fn judge_clock(median: Duration) -> Finding {
    let text = format!("timers are {} µs late (median)", median.as_micros());
    if median <= LATE {
        return Finding::fine("clock", text);
    }
    let text = format!("{text}; that much is added to what is measured");
    let remedy = "stop what else runs on this machine, or take --engine simulated";
    Finding { verdict: Verdict::Note, ..Finding::fault("clock", text, remedy) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_too_small_is_found_before_its_folder_exists() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("not/yet");
        assert_eq!(disk(&place, 0).verdict, Verdict::Fine);
        let full = disk(&place, usize::MAX);
        assert!(full.is_fault() && full.remedy.unwrap().contains("--keep failed"));
        assert!(!place.exists());
    }

    #[test]
    fn more_runs_than_cores_and_late_timers_are_noted() {
        assert_eq!(cores(NonZeroUsize::MIN).verdict, Verdict::Fine);
        assert_eq!(cores(NonZeroUsize::MAX).verdict, Verdict::Note);
        assert_eq!(judge_clock(Duration::from_micros(150)).verdict, Verdict::Fine);
        assert_eq!(judge_clock(Duration::from_millis(15)).verdict, Verdict::Note);
    }
}
