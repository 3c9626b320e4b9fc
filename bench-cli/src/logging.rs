//! `RUST_LOG`: a log of runs and processes on stderr, in addition to what `-v` and `-q` show.
//!
//! `RUST_LOG=info` tells of runs that start, end and are tried again, and of what is stopped and why; `debug`
//! of every process that is started and killed, too. Without it nothing is logged.

use std::io::{self, Write};

use env_logger::{Builder, Env, Target};

/// Starts the log of this process.
pub fn start() {
    let started = Builder::from_env(Env::default().default_filter_or("off"))
        .format(|out, record| {
            let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
            writeln!(out, "{time} {:5} {}: {}", record.level(), record.target(), record.args())
        })
        .target(Target::Pipe(Box::new(AboveBars)))
        .try_init();
    // A log exists already only if one process starts twice, as tests do.
    drop(started);
}

/// Writes whole records to stderr without breaking the progress bars.
struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        crate::terminal::to_stderr(format_args!("{}", String::from_utf8_lossy(record)));
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
