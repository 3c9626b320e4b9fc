//! Which node a sweep runs.

use std::fmt;
use std::path::{Path, PathBuf};

/// What runs as a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// This repository's node.
    #[default]
    Bundled,
    /// Any other program, as the user gave it; a relative path is relative to the working directory.
    Program(PathBuf),
}

impl Node {
    /// Its name in the CSV and in names of series, without the strategy.
    pub fn shown(&self) -> String {
        match self {
            Node::Bundled => "node".to_owned(),
            Node::Program(program) => program.display().to_string(),
        }
    }

    /// The file name of the program without its extension.
    pub fn program_name(&self) -> String {
        match self {
            Node::Bundled => self.shown(),
            Node::Program(program) => {
                let stem = Path::new(program).file_stem();
                stem.map_or_else(|| self.shown(), |stem| stem.to_string_lossy().into_owned())
            }
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}
