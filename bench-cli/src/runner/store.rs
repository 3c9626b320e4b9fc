//! The directory with a run's files, `store/broadcast/<time>/`, and the links to the latest one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::ZonedDateTime;

/// One run's directory.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
    /// The run's directory, named after its start.
    path: PathBuf,
    name: String,
}

impl Store {
    /// Creates the directory of a run that starts now, and points `store/current` and `latest` at it, as
    /// Maelstrom does when a run starts.
    pub(super) fn create(directory: &Path) -> io::Result<Store> {
        let root = std::path::absolute(directory.join("store"))?;
        let runs = root.join("broadcast");
        fs::create_dir_all(&runs).map_err(|error| explain("create", &runs, &error))?;
        // A second run in the same millisecond waits for the next one.
        let (name, path) = loop {
            let name = ZonedDateTime::now().strftime("%Y%m%dT%H%M%S%.3f%z").to_string();
            let path = runs.join(&name);
            match fs::create_dir(&path) {
                Ok(()) => break (name, path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                Err(error) => return Err(explain("create", &path, &error)),
            }
        };
        let store = Store { root, path, name };
        fs::create_dir(store.file("node-logs"))?;
        store.link("current")?;
        store.link_latest()?;
        Ok(store)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Points `store/latest` and `store/broadcast/latest` at this run.
    pub(super) fn link_latest(&self) -> io::Result<()> {
        self.link("latest")?;
        replace_link(Path::new(&self.name), &self.root.join("broadcast").join("latest"))
    }

    fn link(&self, name: &str) -> io::Result<()> {
        replace_link(&Path::new("broadcast").join(&self.name), &self.root.join(name))
    }

    /// Writes a text and a newline.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        self.write_with(name, |out| writeln!(out, "{text}"))
    }

    /// Writes a file under a temporary name and renames it, so that a file under its final name is always
    /// complete.
    pub(super) fn write_with(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<()> {
        let partial = self.file(&format!("{name}.partial"));
        let result = File::create(&partial).map(BufWriter::new).and_then(|mut out| {
            write(&mut out)?;
            out.flush()
        });
        result
            .and_then(|()| fs::rename(&partial, self.file(name)))
            .map_err(|error| explain("write", &self.file(name), &error))
    }
}

/// Makes `link` point at `target`, and replaces an older link.
fn replace_link(target: &Path, link: &Path) -> io::Result<()> {
    let fresh = link.with_extension(format!("{}.new", std::process::id()));
    std::os::unix::fs::symlink(target, &fresh)
        .and_then(|()| fs::rename(&fresh, link))
        .map_err(|error| explain("link", link, &error))
}

/// The error with the action and the path that it concerns.
pub(super) fn explain(action: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("could not {action} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_newest_run() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let first = Store::create(directory.path()).expect("a store");
        let second = Store::create(directory.path()).expect("a second store");
        assert_ne!(first.path(), second.path());
        second.write("results.edn", "{}").expect("a written file");
        for link in ["store/latest", "store/current", "store/broadcast/latest"] {
            let text = fs::read_to_string(directory.path().join(link).join("results.edn"));
            assert_eq!(text.expect("a file behind the link"), "{}\n");
        }
    }
}
