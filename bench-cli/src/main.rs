//! The benchmark's binary. See [`bench_cli::cli`] for its commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    bench_cli::cli::run()
}
