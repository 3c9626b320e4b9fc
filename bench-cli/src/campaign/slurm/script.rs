//! The batch scripts of a sweep.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Layout;
use crate::spec::shell;

/// What the scripts of a sweep say.
#[derive(Clone, Debug)]
pub struct Scripts {
    /// The folder of the whole sweep, absolute.
    pub folder: PathBuf,
    /// The directory that relative paths in the description start from.
    pub working_directory: PathBuf,
    /// The absolute path of bench-cli.
    pub program: PathBuf,
    /// The number of shards.
    pub shards: u32,
    /// Options of `sbatch` for both jobs, each with its value.
    pub options: Vec<Vec<String>>,
    /// Flags of `sweep` in addition to its description and its shard.
    pub sweep_flags: Vec<String>,
    /// Flags for `bench-cli merge`.
    pub merge_flags: Vec<String>,
}

impl Scripts {
    /// The script of an array that executes the shards of these numbers.
    pub fn array(&self, numbers: &[u32]) -> String {
        let layout = Layout(&self.folder);
        let mut text = self.head(
            "Each task executes one shard. A task that Slurm starts again resumes its shard where it stopped.",
            "sweep",
            &layout.log_pattern(),
        );
        let _ = writeln!(text, "#SBATCH --array={}", ranges(numbers));
        text.push_str("#SBATCH --requeue\n");
        let spec = layout.spec().display().to_string();
        let folder = self.folder.display().to_string();
        let words = [vec!["sweep".to_owned(), "--spec".to_owned(), spec], self.sweep_flags.clone()].concat();
        let _ = writeln!(
            text,
            "\nexec {} {} --out {} --shard \"$SLURM_ARRAY_TASK_ID/{}\"",
            quoted(&self.program),
            shell::join(&words),
            shell::quote(&folder),
            self.shards
        );
        text
    }

    /// The script that merges the shards.
    pub fn merge(&self) -> String {
        let layout = Layout(&self.folder);
        let mut text =
            self.head("Merges the shards after all tasks have ended.", "merge", &layout.merge_log());
        let words = [vec!["merge".to_owned(), self.folder.display().to_string()], self.merge_flags.clone()];
        let _ = writeln!(text, "\nexec {} {}", quoted(&self.program), shell::join(&words.concat()));
        text
    }

    fn head(&self, purpose: &str, job: &str, log: &Path) -> String {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut text = format!("#!/bin/bash\n# Written by bench-cli sweep --on slurm. {purpose}\n");
        let own = [
            format!("--job-name={job}-{name}"),
            format!("--chdir={}", self.working_directory.display()),
            format!("--output={}", log.display()),
            "--open-mode=append".to_owned(),
        ];
        let own = own.into_iter().map(|option| vec![option]);
        for option in own.chain(self.options.iter().cloned()) {
            let _ = writeln!(text, "#SBATCH {}", shell::join(&option));
        }
        text
    }
}

fn quoted(path: &Path) -> String {
    shell::quote(&path.display().to_string()).into_owned()
}

/// Numbers in ascending order as `--array` takes them: `1-3,7`.
pub fn ranges(numbers: &[u32]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b);
    let shown = runs.map(|run| match run {
        [only] => only.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    shown.collect::<Vec<_>>().join(",")
}

/// The options in the words of `--sbatch`: each begins with a hyphen, and may be followed by its value.
///
/// # Errors
/// If the quotes are not closed, the first word is not an option, or an option is one that the sweep sets.
pub fn options(text: &str) -> Result<Vec<Vec<String>>, String> {
    const OWN: [&str; 7] = ["--array", "-a", "--dependency", "-d", "--output", "-o", "--chdir"];
    let words = shlex::split(text).ok_or_else(|| format!("{text:?} has a quote that is not closed"))?;
    let mut options: Vec<Vec<String>> = Vec::new();
    for word in words {
        match options.last_mut() {
            _ if word.starts_with('-') => options.push(vec![word]),
            Some(option) => option.push(word),
            None => {
                return Err(format!("{word:?} is not an option; use --NAME=VALUE, such as --time=2:00:00"));
            }
        }
    }
    let name = |option: &Vec<String>| option[0].split('=').next().unwrap_or_default().to_owned();
    match options.iter().map(name).find(|name| OWN.contains(&name.as_str())) {
        Some(own) => Err(format!("the sweep sets {own} itself; leave it out")),
        None => Ok(options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_readable_and_complete() {
        let scripts = Scripts {
            folder: "/data/my sweep".into(),
            working_directory: "/data".into(),
            program: "/opt/bench-cli".into(),
            shards: 16,
            options: options("--partition=short -t 2:00:00").unwrap(),
            sweep_flags: vec!["--keep".to_owned(), "failed".to_owned()],
            merge_flags: Vec::new(),
        };
        assert_eq!(
            scripts.array(&[1, 2, 3, 7]),
            "#!/bin/bash\n\
             # Written by bench-cli sweep --on slurm. Each task executes one shard. A task that Slurm starts again resumes \
             its shard where it stopped.\n\
             #SBATCH '--job-name=sweep-my sweep'\n\
             #SBATCH --chdir=/data\n\
             #SBATCH '--output=/data/my sweep/slurm/shard-%a.log'\n\
             #SBATCH --open-mode=append\n\
             #SBATCH --partition=short\n\
             #SBATCH -t 2:00:00\n\
             #SBATCH --array=1-3,7\n\
             #SBATCH --requeue\n\
             \n\
             exec /opt/bench-cli sweep --spec '/data/my sweep/sweep.toml' --keep failed --out '/data/my sweep' --shard \
             \"$SLURM_ARRAY_TASK_ID/16\"\n"
        );
        assert!(scripts.merge().ends_with("\nexec /opt/bench-cli merge '/data/my sweep'\n"));
    }

    #[test]
    fn options_are_the_users_except_those_of_the_sweep() {
        assert!(options("--array=1-4").unwrap_err().contains("the sweep sets --array itself"));
        assert!(options("short").unwrap_err().contains("\"short\" is not an option"));
        assert!(options("--comment='a").unwrap_err().contains("not closed"));
        assert_eq!(options("").unwrap(), Vec::<Vec<String>>::new());
    }
}
