//! Which version of Maelstrom is there. It has no option that prints it, but its jar carries what built it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::Finding;
use crate::engine::locate::Launcher;
use crate::spec::settings::{Fault, Faults};

/// The version that this tool's figures were compared with.
pub const EXPECTED: &str = "0.2.4";

/// Where its build leaves the version in the jar.
const PROPERTIES: &str = "META-INF/maven/maelstrom/maelstrom/pom.properties";

/// Looks at the Maelstrom that `launcher` starts.
pub fn check(launcher: &Launcher) -> Finding {
    let shown = &launcher.shown;
    let another = download();
    let Some(jar) = jar(launcher) else {
        let text = format!("{shown}; there is no lib/maelstrom.jar next to it, so its version is not known");
        return Finding::fault("maelstrom", text, another).softened();
    };
    match version(&jar) {
        Ok(Some(version)) if version == EXPECTED => {
            Finding::fine("maelstrom", format!("v{version}, {shown}"))
        }
        Ok(Some(version)) => {
            let text = format!("v{version}, {shown}; this tool was compared with v{EXPECTED}");
            Finding::fault("maelstrom", text, another).softened()
        }
        Ok(None) => {
            let text = format!("{shown}; {} does not say its version", jar.display());
            Finding::fault("maelstrom", text, another).softened()
        }
        Err(error) => {
            let text = format!("{shown}; {} is not a readable jar: {error}", jar.display());
            Finding::fault("maelstrom", text, another)
        }
    }
}

/// What is wrong if this Maelstrom is to inject `faults`: up to v0.2.4 it knows only partitions. `None` if
/// its version is not known.
pub fn lacks(launcher: &Launcher, faults: Faults) -> Option<Finding> {
    let others = faults.without(Fault::Partition);
    let version = version(&jar(launcher)?).ok()??;
    let is_old = numbers(&version) <= numbers(LAST_WITHOUT_KILLS);
    (is_old && !others.is_empty()).then(|| {
        let text =
            format!("v{version}, {}, has no --nemesis {others}; only later versions have", launcher.shown);
        Finding::fault(
            "maelstrom",
            text,
            "use --engine embedded or simulated, or a later Maelstrom".to_owned(),
        )
    })
}

/// The last version that knows only partitions.
const LAST_WITHOUT_KILLS: &str = "0.2.4";

/// The numbers of a version, so that versions can be compared.
fn numbers(version: &str) -> Vec<u64> {
    version.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// The command that puts the version that is expected into this folder.
pub fn download() -> String {
    let archive = "maelstrom.tar.bz2";
    let release = format!("https://github.com/jepsen-io/maelstrom/releases/download/v{EXPECTED}/{archive}");
    format!("curl -LO {release} && tar xf {archive}")
}

/// The jar that a launcher runs: the one that it names, or the one next to its script.
fn jar(launcher: &Launcher) -> Option<PathBuf> {
    let named = launcher.leading_args.iter().map(Path::new);
    let named = named.filter(|path| path.extension().is_some_and(|extension| extension == "jar"));
    let script = launcher.program.canonicalize().ok();
    let neighbour = script.and_then(|script| Some(script.parent()?.join("lib/maelstrom.jar")));
    named.map(Path::to_owned).next_back().or(neighbour).filter(|jar| jar.is_file())
}

/// The version that a jar says it is, if it does.
fn version(jar: &Path) -> io::Result<Option<String>> {
    /// A comment, a date and three short lines.
    const LONGEST: u64 = 4 << 10;
    let mut archive = ZipArchive::new(File::open(jar)?)?;
    let properties = match archive.by_name(PROPERTIES) {
        Ok(properties) => properties,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut text = String::new();
    properties.take(LONGEST).read_to_string(&mut text)?;
    Ok(text.lines().find_map(|line| line.strip_prefix("version=")).map(|version| version.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Verdict;
    use std::fs;
    use std::io::Write as _;
    use zip::write::SimpleFileOptions;

    /// What is found of a distribution whose jar holds these files.
    fn found(files: &[(&str, &str)]) -> Finding {
        with_jar(files, of)
    }

    /// Calls `ask` with the folder of a distribution whose jar holds these files.
    fn with_jar<T>(files: &[(&str, &str)], ask: impl FnOnce(&Path) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("lib")).unwrap();
        let mut jar = zip::ZipWriter::new(File::create(folder.path().join("lib/maelstrom.jar")).unwrap());
        for (name, text) in files {
            jar.start_file(*name, SimpleFileOptions::default()).unwrap();
            jar.write_all(text.as_bytes()).unwrap();
        }
        jar.finish().unwrap();
        ask(folder.path())
    }

    fn of(folder: &Path) -> Finding {
        check(&launcher(folder))
    }

    fn launcher(folder: &Path) -> Launcher {
        let script = folder.join("maelstrom");
        fs::write(&script, "").unwrap();
        let link = folder.join("link");
        std::os::unix::fs::symlink(&script, &link).unwrap();
        Launcher { program: link, leading_args: Vec::new(), shown: "m".to_owned() }
    }

    #[test]
    fn kills_need_a_version_that_knows_them() {
        let all = Faults::of(Fault::ALL.iter().copied());
        for (version, faults, refused) in [
            ("0.2.4", all, true),
            ("0.2.3-SNAPSHOT", Faults::of([Fault::Pause]), true),
            ("0.2.5-SNAPSHOT", all, false),
            ("0.10.0", all, false),
            ("0.2.4", Faults::partition(), false),
        ] {
            let properties = format!("version={version}\n");
            let lacks = |folder: &Path| lacks(&launcher(folder), faults);
            let finding = with_jar(&[(PROPERTIES, &properties)], lacks);
            assert_eq!(finding.as_ref().is_some_and(Finding::is_fault), refused, "{version} {faults}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(lacks(&launcher(folder.path()), all).is_none(), "nobody knows");
    }

    #[test]
    fn a_jar_says_its_version() {
        let properties = |version| format!("#Leiningen\ngroupId=maelstrom\nversion={version}\r\n");
        let right = found(&[("a", "b"), (PROPERTIES, &properties("0.2.4"))]);
        assert_eq!((right.verdict, right.text.as_str()), (Verdict::Fine, "v0.2.4, m"));
        let other = found(&[(PROPERTIES, &properties("0.2.3"))]);
        assert_eq!(other.verdict, Verdict::Note);
        assert!(other.text.starts_with("v0.2.3, m; this tool was compared with v0.2.4"), "{other}");
        assert!(other.remedy.unwrap().contains("/v0.2.4/maelstrom.tar.bz2"));
        assert!(found(&[("a", "b")]).text.contains("does not say its version"));
    }

    #[test]
    fn an_unreadable_jar_is_a_fault_and_a_missing_one_a_note() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(of(folder.path()).verdict, Verdict::Note);
        fs::remove_file(folder.path().join("link")).unwrap();
        fs::create_dir(folder.path().join("lib")).unwrap();
        fs::write(folder.path().join("lib/maelstrom.jar"), "<html>404</html>").unwrap();
        let broken = of(folder.path());
        assert!(broken.is_fault() && broken.text.contains("not a readable jar"), "{broken}");
    }
}
