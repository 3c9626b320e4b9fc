//! The programs that real Maelstrom calls.

use std::process::{Command, Stdio};

use super::Finding;
use crate::runner::program::on_path;

/// The oldest Java that Maelstrom runs on.
const OLDEST_JAVA: u32 = 11;

/// Looks at everything that Maelstrom needs on `PATH`.
pub fn check() -> Vec<Finding> {
    let lack = |program, consequence| match on_path(program) {
        Some(path) => Finding::fine(program, path.display().to_string()),
        None => Finding::fault(program, format!("not on PATH; {consequence}"), install(program)),
    };
    vec![
        java(),
        lack("git", "Maelstrom ends every run with a crash without it"),
        lack("gnuplot", "Maelstrom calls every run unknown without it"),
        lack("dot", "Maelstrom draws no plots without it"),
    ]
}

fn java() -> Finding {
    let Some(path) = on_path("java") else {
        return Finding::fault("java", "not on PATH; Maelstrom runs on it", install("java"));
    };
    let asked = Command::new(&path).arg("-version").stdin(Stdio::null()).output();
    let said = match asked {
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => {
            return Finding::fault(
                "java",
                format!("cannot run {}: {error}", path.display()),
                install("java"),
            );
        }
    };
    match java_version(&said) {
        Some(version) if version >= OLDEST_JAVA => {
            Finding::fine("java", format!("version {version}, {}", path.display()))
        }
        Some(version) => Finding::fault(
            "java",
            format!("{} is version {version}; Maelstrom needs {OLDEST_JAVA} or newer", path.display()),
            install("java"),
        ),
        None => {
            let first: String = said.lines().next().unwrap_or("nothing").chars().take(100).collect();
            let text = format!("{} -version says no version but {first:?}", path.display());
            Finding::fault("java", text, install("java"))
        }
    }
}

/// The feature release in what `java -version` prints: 17 for `"17.0.15"`, 8 for `"1.8.0_292"`.
fn java_version(said: &str) -> Option<u32> {
    let quoted = said.split('"').nth(1)?;
    let mut parts = quoted.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (parts.next()?.ok()?, parts.next()) {
        (1, Some(Ok(version))) => Some(version),
        (version, _) => Some(version),
    }
}

/// What installs a program.
fn install(program: &str) -> String {
    let (debian, brew) = match program {
        "java" => ("default-jre-headless", "openjdk"),
        "dot" => ("graphviz", "graphviz"),
        other => (other, other),
    };
    if cfg!(target_os = "macos") {
        format!("brew install {brew}")
    } else {
        format!("sudo apt-get install {debian}   (or your system's package of that name)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_say_their_versions_in_several_ways() {
        for (said, version) in [
            ("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime", Some(17)),
            ("java version \"1.8.0_292\"", Some(8)),
            ("openjdk version \"21\" 2023-09-19", Some(21)),
            ("openjdk version \"11-ea\"", Some(11)),
            ("The operation couldn’t be completed. Unable to locate a Java Runtime.", None),
            ("", None),
        ] {
            assert_eq!(java_version(said), version, "{said}");
        }
    }
}
