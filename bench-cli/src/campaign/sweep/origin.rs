//! `origin.toml`: which build of the programs made the runs of a folder, and which shard they are. A shard's
//! folder has one, and so has what shards are merged into.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::folder::replace_file;
use crate::spec::shard::Shard;

/// The file of a shard's folder that says which shard it is.
pub const ORIGIN_FILE: &str = "origin.toml";

/// Where the runs of a folder come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// A digest of the programs that made them: bench-cli and the node. Whoever rebuilds one of them has
    /// another.
    pub build: String,
    /// Which shard it is; none if it is all of a sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

impl Origin {
    /// Of runs that these programs make.
    ///
    /// # Errors
    /// If a program cannot be read.
    pub fn of(programs: &[&Path], shard: Option<Shard>) -> anyhow::Result<Origin> {
        let mut digest = DefaultHasher::new();
        for program in programs {
            add(program, &mut digest).with_context(|| format!("cannot read {}", program.display()))?;
        }
        Ok(Origin { build: format!("{:016x}", digest.finish()), shard })
    }

    /// The one in a folder, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(folder: &Path) -> anyhow::Result<Option<Origin>> {
        let path = folder.join(ORIGIN_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map(Some).with_context(|| unreadable(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| unreadable(&path)),
        }
    }

    /// Writes it into a folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        replace_file(&folder.join(ORIGIN_FILE), &toml::to_string(self)?)
    }

    /// Refuses to add runs of `now` to those that a folder has of this origin.
    ///
    /// # Errors
    /// If they are of another shard, or of another build.
    pub(super) fn refuse_other(&self, now: &Origin) -> anyhow::Result<()> {
        let shown = |shard: Option<Shard>| match shard {
            Some(shard) => format!("the shard {shard}"),
            None => "all of a sweep".to_owned(),
        };
        if self.shard != now.shard {
            bail!("its runs are {} there, {} now; give another --out", shown(self.shard), shown(now.shard));
        }
        if self.build != now.build {
            bail!(
                "bench-cli or the node was built again since its first run (build {} there, {} now); runs of two \
                 builds are not one sweep\nGive another --out to keep what is there, or --force to start over",
                self.build,
                now.build
            );
        }
        Ok(())
    }
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}

/// Adds a file's bytes to a digest.
fn add(program: &Path, digest: &mut DefaultHasher) -> io::Result<()> {
    let mut file = File::open(program)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            count => digest.write(&buffer[..count]),
        }
    }
}
