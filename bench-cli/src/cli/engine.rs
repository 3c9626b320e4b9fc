//! The flags that choose the engine.

use std::io;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::usage::UsageError;
use crate::engine::locate::Places;
use crate::engine::programs::Programs;
use crate::spec::EngineKind;

/// The flags that choose the engine.
#[derive(Clone, Debug, Args)]
pub struct EngineArgs {
    /// The engine. A command with another default changes this help.
    #[arg(long, value_enum, help = engine_help("that of --spec, else auto"))]
    pub(super) engine: Option<EngineChoice>,
    /// Maelstrom's script, folder or jar [default: MAELSTROM, then PATH, then ./maelstrom/maelstrom]
    #[arg(long, value_name = "PATH")]
    pub(super) maelstrom: Option<PathBuf>,
}

/// The help of `--engine` for a command with this default.
pub(super) fn engine_help(default: &str) -> String {
    format!(
        "Engine of the runs: Maelstrom, the embedded runner, or a simulation of this repository's node in virtual \
         time; auto is Maelstrom if it is found, else the embedded runner [default: {default}]"
    )
}

/// The values of `--engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum EngineChoice {
    Auto,
    Maelstrom,
    Embedded,
    Simulated,
}

impl EngineChoice {
    /// The engine, unless it is to be looked for.
    pub(super) const fn kind(self) -> Option<EngineKind> {
        match self {
            EngineChoice::Auto => None,
            EngineChoice::Maelstrom => Some(EngineKind::Maelstrom),
            EngineChoice::Embedded => Some(EngineKind::Embedded),
            EngineChoice::Simulated => Some(EngineKind::Simulated),
        }
    }
}

impl EngineArgs {
    /// The engine, and why it is this one. `described` is what a description says where no flag says
    /// otherwise.
    ///
    /// # Errors
    /// If it is Maelstrom, and that is not found, or `--maelstrom` names what the engine does not use.
    pub(super) fn choose(&self, described: Option<EngineKind>) -> anyhow::Result<(EngineKind, String)> {
        let asked = match self.engine {
            Some(choice) => choice.kind(),
            None => described,
        };
        let why = if self.engine.is_some() { "as --engine says" } else { "as the description says" };
        match asked {
            Some(kind @ (EngineKind::Embedded | EngineKind::Simulated)) => {
                if self.maelstrom.is_some() {
                    bail!(UsageError::new(format!(
                        "--maelstrom has no effect with --engine {kind}; leave it out"
                    )));
                }
                return Ok((kind, why.to_owned()));
            }
            Some(EngineKind::Maelstrom) | None => {}
        }
        match Places::of_process(self.maelstrom.clone()).find()? {
            Some(launcher) => Ok((EngineKind::Maelstrom, launcher.shown)),
            None if asked.is_some() || self.maelstrom.is_some() => {
                // Says what is missing, and where it was looked for.
                self.programs()?.maelstrom().map(|launcher| (EngineKind::Maelstrom, launcher.shown))
            }
            None => {
                let why = "there is no Maelstrom in MAELSTROM, on PATH or in ./maelstrom";
                Ok((EngineKind::Embedded, why.to_owned()))
            }
        }
    }

    /// The flag that says where Maelstrom is, as a process in another directory takes it.
    pub(super) fn place_of_maelstrom(&self) -> io::Result<Vec<String>> {
        let absolute = self.maelstrom.as_ref().map(std::path::absolute).transpose()?;
        let words = |path: PathBuf| vec!["--maelstrom".to_owned(), path.display().to_string()];
        Ok(absolute.map(words).unwrap_or_default())
    }

    /// The programs that runs start.
    ///
    /// # Errors
    /// If the path of this program is not known.
    pub(super) fn programs(&self) -> anyhow::Result<Programs> {
        Ok(Programs::of_process()?.with_maelstrom(self.maelstrom.clone()))
    }
}
