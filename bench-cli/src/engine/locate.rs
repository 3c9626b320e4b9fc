//! Finding real Maelstrom on this machine.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::runner::program::is_executable;

/// The command that starts Maelstrom, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// The arguments before `test`.
    pub leading_args: Vec<OsString>,
    /// A description for the user.
    pub shown: String,
}

/// The reason why a path from the user is not Maelstrom.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// The path does not exist.
    #[error(
        "{0} names {path}, which does not exist; give Maelstrom's wrapper script, its folder, or maelstrom.jar",
        path = .1.display()
    )]
    Missing(&'static str, PathBuf),
    /// A folder without Maelstrom in it.
    #[error("{0} names the folder {path}, which holds neither maelstrom nor lib/maelstrom.jar", path = .1.display())]
    EmptyFolder(&'static str, PathBuf),
    /// A script that may not be executed.
    #[error("{0} names {path}, which is not executable; run: chmod +x {path}", path = .1.display())]
    NotExecutable(&'static str, PathBuf),
    /// A jar without a Java to run it.
    #[error("{0} names {path}, but there is no java on PATH; install Java 11 or newer", path = .1.display())]
    NoJava(&'static str, PathBuf),
}

/// The places to search, in this order.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The value of `--maelstrom`.
    pub flag: Option<PathBuf>,
    /// `MAELSTROM` in the environment.
    pub variable: Option<PathBuf>,
    /// The value of `PATH`.
    pub path: Option<OsString>,
    /// The folder to search for `./maelstrom/maelstrom`.
    pub current: PathBuf,
}

impl Places {
    /// The places of this process, with this value of the flag.
    pub fn of_process(flag: Option<PathBuf>) -> Places {
        Places {
            flag,
            variable: env::var_os("MAELSTROM").filter(|value| !value.is_empty()).map(PathBuf::from),
            path: env::var_os("PATH"),
            current: env::current_dir().unwrap_or_default(),
        }
    }

    /// Searches the places. `None` if Maelstrom is in none of them.
    ///
    /// # Errors
    /// If a path from the user is not Maelstrom. The search stops there, because another Maelstrom is not
    /// what the user wants.
    pub fn find(&self) -> Result<Option<Launcher>, LocateError> {
        if let Some(path) = &self.flag {
            return self.resolve("--maelstrom", path).map(Some);
        }
        if let Some(path) = &self.variable {
            return self.resolve("MAELSTROM", path).map(Some);
        }
        let local = self.current.join("maelstrom/maelstrom");
        if let Some(program) = self.on_path("maelstrom") {
            return Ok(Some(script(program, "on PATH")));
        }
        Ok(is_executable(&local).then(|| script(local, "in this folder")))
    }

    /// The launcher for a script, a folder or a jar.
    fn resolve(&self, origin: &'static str, given: &Path) -> Result<Launcher, LocateError> {
        let path = self.current.join(given);
        if path.is_dir() {
            let inside = ["maelstrom", "lib/maelstrom.jar", "maelstrom/maelstrom"];
            return match inside.map(|name| path.join(name)).into_iter().find(|inner| inner.is_file()) {
                Some(inner) => self.resolve(origin, &inner),
                None => Err(LocateError::EmptyFolder(origin, given.to_owned())),
            };
        }
        if !path.is_file() {
            return Err(LocateError::Missing(origin, given.to_owned()));
        }
        if path.extension().is_some_and(|extension| extension == "jar") {
            let java = self.on_path("java").ok_or_else(|| LocateError::NoJava(origin, given.to_owned()))?;
            let shown = format!("{}, from {origin}", path.display());
            let leading_args = vec!["-Djava.awt.headless=true".into(), "-jar".into(), path.into()];
            return Ok(Launcher { program: java, leading_args, shown });
        }
        if !is_executable(&path) {
            return Err(LocateError::NotExecutable(origin, given.to_owned()));
        }
        Ok(script(path, &format!("from {origin}")))
    }

    fn on_path(&self, name: &str) -> Option<PathBuf> {
        let folders = self.path.as_ref()?;
        let mut candidates = env::split_paths(folders).map(|folder| self.current.join(folder).join(name));
        candidates.find(|candidate| is_executable(candidate))
    }
}

fn script(program: PathBuf, origin: &str) -> Launcher {
    let shown = format!("{}, {origin}", program.display());
    Launcher { program, leading_args: Vec::new(), shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn put(path: PathBuf, mode: u32) -> PathBuf {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn places(current: &Path) -> Places {
        Places { current: current.to_owned(), ..Places::default() }
    }

    #[test]
    fn the_places_are_searched_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(places(root).find(), Ok(None));
        let local = put(root.join("maelstrom/maelstrom"), 0o755);
        assert_eq!(places(root).find().unwrap().unwrap().program, local);
        let on_path = put(root.join("bin/maelstrom"), 0o755);
        let with_path = Places { path: Some(root.join("bin").into()), ..places(root) };
        assert_eq!(with_path.find().unwrap().unwrap().program, on_path);
        let named = put(root.join("elsewhere/run-it"), 0o755);
        let with_variable = Places { variable: Some("elsewhere/run-it".into()), ..with_path.clone() };
        assert_eq!(with_variable.find().unwrap().unwrap().program, named);
        let with_flag = Places { flag: Some("maelstrom".into()), ..with_variable };
        assert_eq!(with_flag.find().unwrap().unwrap().program, local);
    }

    #[test]
    fn a_jar_runs_under_java() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let jar = put(root.join("m/lib/maelstrom.jar"), 0o644);
        let without = Places { flag: Some("m".into()), ..places(root) };
        assert!(matches!(without.find(), Err(LocateError::NoJava("--maelstrom", _))));
        let java = put(root.join("bin/java"), 0o755);
        let launcher = Places { path: Some(root.join("bin").into()), ..without }.find().unwrap().unwrap();
        assert_eq!(launcher.program, java);
        assert_eq!(launcher.leading_args.last().unwrap(), jar.as_os_str());
    }

    #[test]
    fn a_path_that_is_not_maelstrom_is_an_error_not_a_fallback() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        put(root.join("maelstrom/maelstrom"), 0o755);
        put(root.join("plain"), 0o644);
        fs::create_dir(root.join("empty")).unwrap();
        let error = |path: &str| Places { flag: Some(path.into()), ..places(root) }.find().unwrap_err();
        assert!(matches!(error("nowhere"), LocateError::Missing(..)));
        assert!(matches!(error("empty"), LocateError::EmptyFolder(..)));
        assert_eq!(
            error("plain").to_string(),
            "--maelstrom names plain, which is not executable; run: chmod +x plain"
        );
    }
}
