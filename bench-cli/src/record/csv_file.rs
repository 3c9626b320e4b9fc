//! `sweep.csv` on disk: a row is there to stay before the next run starts.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::parameter_columns::ParameterColumns;
use super::{RunRecord, columns};

/// An open `sweep.csv` that rows are appended to. No other sweep writes to it at the same time.
#[derive(Debug)]
pub struct CsvFile {
    path: PathBuf,
    file: File,
    /// How much of the file is whole rows.
    length: u64,
    durable: bool,
    parameters: ParameterColumns,
}

impl CsvFile {
    /// Opens the file for appending, without a row if `replace` says so, and gives the rows that it has. A
    /// torn last line is cut off. With `durable`, each row is forced onto the disk; without, only
    /// [`CsvFile::sync`] does that. A new file has columns for `parameters`, one with rows keeps its own.
    ///
    /// # Errors
    /// If the file cannot be written, is not a `sweep.csv` of this version, or another sweep is writing to
    /// it.
    pub fn open(
        path: &Path,
        parameters: ParameterColumns,
        replace: bool,
        durable: bool,
    ) -> anyhow::Result<(CsvFile, Rows)> {
        let file = open_locked(path)?;
        let mut csv = CsvFile { path: path.to_owned(), file, length: 0, durable, parameters };
        let rows = if replace { Rows { records: Vec::new(), torn_line: None } } else { csv.read()? };
        csv.cut().with_context(|| format!("cannot write to {}", path.display()))?;
        Ok((csv, rows))
    }

    /// The rows that are there already, and how long they are.
    fn read(&mut self) -> anyhow::Result<Rows> {
        let text = read_text(&self.path)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole == 0 {
            return Ok(Rows { records: Vec::new(), torn_line: (!text.is_empty()).then_some(1) });
        }
        let rows = parse(&text).with_context(|| unreadable(&self.path))?;
        let header = text.lines().next().unwrap_or_default();
        // Column names alone hold nothing, and may be those of another version.
        if !rows.records.is_empty() {
            self.parameters = ParameterColumns::among(header.split(','));
            if columns::header(&self.parameters) != header {
                bail!(
                    "{} has the columns of another version of bench-cli; give another --out or --name, or --force to \
                     replace it",
                    self.path.display()
                );
            }
            self.length = whole as u64;
        }
        Ok(rows)
    }

    /// Cuts off an incomplete last row.
    fn cut(&self) -> io::Result<()> {
        if self.file.metadata()?.len() > self.length { self.file.set_len(self.length) } else { Ok(()) }
    }

    /// Appends a row, and returns when it is on disk (if the file is durable).
    ///
    /// # Errors
    /// If it cannot be written (a full disk, say). The rows before it are safe then.
    pub fn append(&mut self, record: &RunRecord) -> anyhow::Result<()> {
        let bytes = self.lines(std::slice::from_ref(record), self.length == 0);
        // One write, so that a crash leaves at most one torn line, the last.
        let written = self.file.write_all(&bytes);
        let written = written.and_then(|()| if self.durable { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            // What is left if this fails, too, is a torn line, which is found when the file is read.
            let _ = self.cut();
            return Err(error).with_context(|| format!("cannot write to {}", self.path.display()));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Replaces all rows. A crash leaves either the old or the new ones.
    ///
    /// # Errors
    /// If they cannot be written. The old ones are there then.
    pub fn rewrite(&mut self, records: &[RunRecord]) -> anyhow::Result<()> {
        let fresh = self.path.with_extension("csv.new");
        let written = (|| {
            let mut file = File::options().append(true).create(true).truncate(false).open(&fresh)?;
            file.set_len(0)?;
            let bytes = self.lines(records, true);
            file.write_all(&bytes)?;
            file.sync_data()?;
            // Locked before it takes the place of the file that is locked now.
            let _ = file.try_lock();
            fs::rename(&fresh, &self.path)?;
            Ok((file, bytes.len() as u64))
        })();
        match written {
            Ok((file, length)) => {
                (self.file, self.length) = (file, length);
                Ok(())
            }
            Err(error) => {
                let _ = fs::remove_file(&fresh);
                let error: io::Error = error;
                Err(error).with_context(|| format!("cannot write {}", fresh.display()))
            }
        }
    }

    /// Records as lines of the file, below the line of column names `with_header`.
    fn lines(&self, records: &[RunRecord], with_header: bool) -> Vec<u8> {
        let header = if with_header { columns::header(&self.parameters) + "\n" } else { String::new() };
        let lines = records.iter().flat_map(|record| columns::line(record, &self.parameters));
        header.into_bytes().into_iter().chain(lines).collect()
    }

    /// Returns when every row is on disk.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn sync(&self) -> anyhow::Result<()> {
        self.file.sync_data().with_context(|| format!("cannot write to {}", self.path.display()))
    }
}

/// Whether a sweep is writing to the file at `path`.
pub fn is_being_written(path: &Path) -> bool {
    let locked = File::open(path).map(|file| file.try_lock_shared());
    matches!(locked, Ok(Err(TryLockError::WouldBlock)))
}

/// Opens the file, and takes it for this process until it is closed.
fn open_locked(path: &Path) -> anyhow::Result<File> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .with_context(|| format!("cannot create or write {}", path.display()))?;
        lock(&file, path)?;
        // Another process may have replaced the file before it was locked.
        if is_at(&file, path) {
            return Ok(file);
        }
    }
}

/// Whether the open file is the one at `path`. A file that cannot be looked at counts as that one.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |of: fs::Metadata| (of.dev(), of.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(own), Ok(there)) => identity(own) == identity(there),
        (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
        (Err(_), _) => true,
    }
}

/// Takes the file for this process, until it is closed.
fn lock(file: &File, path: &Path) -> anyhow::Result<()> {
    /// Whoever looks whether a sweep is running locks the file for a moment.
    const MOMENT: Duration = Duration::from_millis(50);
    let first = file.try_lock();
    let locked = match first {
        Err(TryLockError::WouldBlock) => {
            std::thread::sleep(MOMENT);
            file.try_lock()
        }
        other => other,
    };
    match locked {
        Err(TryLockError::WouldBlock) => bail!(
            "another sweep is writing to {}; wait for it, or give another --out or --name",
            path.display()
        ),
        // Some network file systems have no locks; most sweeps are alone.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// The rows of a file, and whether its last line was torn.
#[derive(Debug)]
pub struct Rows {
    /// The complete rows, in the file's order.
    pub records: Vec<RunRecord>,
    /// The number of a last line that does not end (a power cut, say); it is not a row.
    pub torn_line: Option<usize>,
}

/// Reads a `sweep.csv` back.
///
/// # Errors
/// If the file cannot be read, is not a `sweep.csv`, or has a line that is not a row; the message names the
/// line.
pub fn read(path: &Path) -> anyhow::Result<Rows> {
    parse(&read_text(path)?).with_context(|| unreadable(path))
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("{} is not a sweep.csv: it is not text", path.display()))
}

fn unreadable(path: &Path) -> String {
    format!("{} is not a readable sweep.csv", path.display())
}

/// Reads the text of a `sweep.csv`.
///
/// # Errors
/// If it is not one, or has a line that is not a row; the message names the line.
pub fn parse(text: &str) -> anyhow::Result<Rows> {
    let complete = text.rfind('\n').map_or(0, |end| end + 1);
    let torn_line = (complete < text.len()).then(|| text[..complete].lines().count() + 1);
    let text = &text[..complete];
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().context("its header cannot be read")?.clone();
    if header.is_empty() {
        bail!("it is empty; a sweep that ended before its first run leaves such a file");
    }
    if let Some(column) = columns::missing(&header) {
        bail!("its first line has no column {column:?}");
    }
    let mut records = Vec::new();
    for fields in reader.records() {
        let fields = fields.map_err(|error| explain(&error))?;
        let line = fields.position().map_or(0, csv::Position::line);
        let record = columns::read(header.iter(), fields.iter());
        records.push(record.map_err(|problem| anyhow::anyhow!("line {line}{problem}"))?);
    }
    Ok(Rows { records, torn_line })
}

/// Says which line a fault is in.
fn explain(error: &csv::Error) -> anyhow::Error {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            anyhow::anyhow!("line {line} has {len} fields where the header has {expected_len}")
        }
        _ => anyhow::anyhow!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Status;
    use crate::record::tests::example;

    fn written(rows: &[RunRecord]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sweep.csv");
        let mut file = CsvFile::open(&path, ParameterColumns::default(), false, true).unwrap().0;
        rows.iter().for_each(|row| file.append(row).unwrap());
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn rows_read_back_as_they_were() {
        let failed = example(100, 2).with(|record| {
            record.measured.status = Status::Crashed;
            record.measured.figures = None;
        });
        let rows = vec![example(50, 1), failed];
        let read = parse(&written(&rows)).unwrap();
        assert_eq!(read.records, rows);
        assert_eq!(read.torn_line, None);
    }

    #[test]
    fn a_torn_last_line_is_no_row() {
        let text = written(&[example(50, 1), example(100, 1)]);
        for cut in 1..40 {
            let read = parse(&text[..text.len() - cut]).unwrap();
            assert_eq!(read.records, [example(50, 1)]);
            assert_eq!(read.torn_line, Some(3));
        }
    }

    #[test]
    fn a_reason_of_several_lines_stays_on_one() {
        let reason = "first\nsecond\r\n\u{1b}third".to_owned();
        let row = example(50, 1).with(|record| record.measured.reason = reason);
        let text = written(&[row]);
        assert_eq!(text.lines().count(), 2);
        assert_eq!(parse(&text).unwrap().records[0].measured.reason, "first second third");
    }

    #[test]
    fn other_files_are_refused_with_the_reason() {
        let message = |text: &str| format!("{:#}", parse(text).unwrap_err());
        assert!(message("").contains("it is empty"));
        assert!(message("a,b\n1,2\n").contains("no column \"batch_timeout_ms\""));
        let broken = written(&[example(50, 1)]).replace(",50,1,ok,", ",fifty,1,ok,");
        let said = message(&broken);
        assert!(said.contains("line 2, column batch_timeout_ms: invalid digit"), "{said}");
    }

    fn open(path: &Path) -> anyhow::Result<(CsvFile, Rows)> {
        CsvFile::open(path, ParameterColumns::default(), false, true)
    }

    #[test]
    fn a_file_is_continued_after_its_last_whole_row() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sweep.csv");
        let text = written(&[example(50, 1), example(100, 1)]);
        for cut in [0, 1, 10] {
            fs::write(&path, &text[..text.len() - cut]).unwrap();
            let (mut file, Rows { records: rows, torn_line }) = open(&path).unwrap();
            assert_eq!((rows.len(), torn_line), if cut == 0 { (2, None) } else { (1, Some(3)) });
            file.append(&example(200, 1)).unwrap();
            let read = read(&path).unwrap();
            assert_eq!((read.records.len(), read.torn_line), (rows.len() + 1, None));
            assert_eq!(read.records.last(), Some(&example(200, 1)));
        }
        // A torn header.
        fs::write(&path, &text[..30]).unwrap();
        open(&path).unwrap().0.append(&example(50, 1)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), written(&[example(50, 1)]));
    }

    #[test]
    fn sweeps_of_other_versions_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sweep.csv");
        let other = written(&[example(50, 1)]).replacen("\n", ",more\n", 1);
        let other = other.trim_end().to_owned() + ",1\n";
        for (text, problem) in [("kept\n", "no column"), (other.as_str(), "another version")] {
            fs::write(&path, text).unwrap();
            let refused = format!("{:#}", open(&path).unwrap_err());
            assert!(refused.contains(problem), "{refused}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        CsvFile::open(&path, ParameterColumns::default(), true, true)
            .unwrap()
            .0
            .append(&example(50, 1))
            .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), written(&[example(50, 1)]));
    }

    #[test]
    fn two_sweeps_do_not_write_to_one_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sweep.csv");
        let (mut file, _) = open(&path).unwrap();
        assert!(open(&path).unwrap_err().to_string().starts_with("another sweep is writing to"));
        file.rewrite(&[example(50, 1)]).unwrap();
        file.append(&example(100, 1)).unwrap();
        assert!(open(&path).is_err());
        drop(file);
        assert_eq!(open(&path).unwrap().1.records, [example(50, 1), example(100, 1)]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_was_replaced_is_not_taken_for_the_one_at_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let [path, other] = ["sweep.csv", "other.csv"].map(|name| directory.path().join(name));
        let file = open_locked(&path).unwrap();
        assert!(is_at(&file, &path));
        fs::write(&other, "").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(!is_at(&file, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&file, &path));
        assert!(is_at(&open_locked(&path).unwrap(), &path));
    }
}
