//! Disk, cores and clocks.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::{Finding, Verdict};
use crate::terminal::count;

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
            let text = format!("cannot find out how much space {shown} has: {error}");
            return Finding::fault("disk", text, format!("df -h {shown}")).softened();
        }
    };
    let needed = BYTES_A_RUN.saturating_mul(runs as u64);
    let need = if runs == 1 { "needs" } else { "need" };
    let runs = count(runs, "run");
    let text = format!("{} MB free for {shown}; {runs} {need} up to {} MB", free >> 20, needed >> 20);
    if free < needed {
        Finding::fault("disk", text, "free some space, or use another --out or --keep failed")
    } else {
        Finding::fine("disk", text)
    }
}

/// Checks that the machine has a core for each parallel run.
pub fn cores(jobs: NonZeroUsize) -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    if jobs.get() > cores {
        let text =
            format!("{} for {jobs} parallel runs, which would slow each other down", count(cores, "core"));
        Finding::fault("cores", text, format!("--jobs {cores}")).softened()
    } else {
        Finding::fine("cores", format!("{cores} for {}", count(jobs.get(), "parallel run")))
    }
}

/// Looks how late timers are.
pub fn timers() -> Finding {
    const ASLEEP: Duration = Duration::from_millis(1);
    let late = || {
        let begun = Instant::now();
        std::thread::sleep(ASLEEP);
        begun.elapsed().saturating_sub(ASLEEP)
    };
    let mut lateness: Vec<Duration> = (0..21).map(|_| late()).collect();
    lateness.sort_unstable();
    assess_timers(lateness[lateness.len() / 2])
}

fn assess_timers(median: Duration) -> Finding {
    let text = format!("timers are {} µs late (median)", median.as_micros());
    if median <= LATE {
        return Finding::fine("timers", text);
    }
    let text = format!("{text}; measured latencies include that delay");
    let remedy = "stop other programs on this machine, or use --engine simulated";
    Finding { verdict: Verdict::Note, ..Finding::fault("timers", text, remedy) }
}

/// Looks whether the wall clock goes as fast as the monotonic one, by which latencies are measured, and shows
/// a time that can be. Rows and logs are dated by it.
pub fn clock() -> Finding {
    const WATCHED: Duration = Duration::from_millis(100);
    let (begun, wall) = (Instant::now(), SystemTime::now());
    std::thread::sleep(WATCHED);
    // One after the other: a process that has to wait in between sees a difference that is none.
    let (now, elapsed) = (SystemTime::now(), begun.elapsed());
    assess_clock(elapsed, now.duration_since(wall).ok(), now)
}

/// A finding about a clock that advanced by `wall` (`None`: backwards) while `elapsed` passed, and shows
/// `now`.
fn assess_clock(elapsed: Duration, wall: Option<Duration>, now: SystemTime) -> Finding {
    /// A clock that is being adjusted gently differs by far less.
    const APART: Duration = Duration::from_millis(10);
    /// The year 2025 (UTC): older than this program.
    const OLDEST: Duration = Duration::from_secs(1_735_689_600);
    let remedy = "sudo timedatectl set-ntp true";
    let fault = |text: String| Finding::fault("clock", text, remedy).softened();
    if now.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since| since < OLDEST) {
        return fault("the wall clock shows a time before 2025; logs will have wrong dates".to_owned());
    }
    match wall {
        Some(wall) if wall.abs_diff(elapsed) <= APART => {
            Finding::fine("clock", "the wall clock is as fast as the monotonic clock".to_owned())
        }
        wall => {
            let went = wall
                .map_or("went backwards".to_owned(), |wall| format!("advanced by {} ms", wall.as_millis()));
            fault(format!(
                "the wall clock {went} while {} ms passed; latencies are right, since the monotonic clock \
                 measures them, but the times in logs are not",
                elapsed.as_millis()
            ))
        }
    }
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
        assert_eq!(assess_timers(Duration::from_micros(150)).verdict, Verdict::Fine);
        assert_eq!(assess_timers(Duration::from_millis(15)).verdict, Verdict::Note);
    }

    #[test]
    fn a_clock_that_jumps_or_is_not_set_is_noted_with_the_fix() {
        let ms = Duration::from_millis;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert_eq!(assess_clock(ms(100), Some(ms(101)), now).verdict, Verdict::Fine);
        for (wall, now, said) in [
            (Some(ms(3_600_100)), now, "advanced by 3600100 ms while 100 ms passed"),
            (Some(ms(0)), now, "advanced by 0 ms"),
            (None, now, "went backwards"),
            (Some(ms(100)), SystemTime::UNIX_EPOCH, "before 2025"),
        ] {
            let finding = assess_clock(ms(100), wall, now);
            assert!(finding.verdict == Verdict::Note && finding.text.contains(said), "{finding}");
            assert!(finding.remedy.unwrap().contains("timedatectl"));
        }
    }
}
