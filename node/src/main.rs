//! The node's binary. See [`node::command`] for its flags.

use std::process::ExitCode;

fn main() -> ExitCode {
    node::command::main(std::env::args_os())
}
