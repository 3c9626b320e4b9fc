//! `--build`: what makes the node, before it is measured.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail};

use super::progress::Screen;

/// Runs a command line in a shell, as it would run if it were typed before the sweep.
///
/// # Errors
/// If there is no shell, or the command fails; then with its output.
pub(super) fn run(command: &str, screen: &Screen) -> anyhow::Result<()> {
    screen.note(&format!("building: {command}"));
    let started = Instant::now();
    // Both pipes are one, so that the lines are in the order in which they were written.
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{{ {command}\n}} 2>&1")]).stdin(Stdio::null());
    let output = shell.output().context("--build: cannot start sh")?;
    if !output.status.success() {
        bail!(
            "--build failed ({}), so nothing was measured: {command}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stdout).trim_end()
        );
    }
    screen.note(&format!("built in {:.1} s", started.elapsed().as_secs_f64()));
    Ok(())
}
