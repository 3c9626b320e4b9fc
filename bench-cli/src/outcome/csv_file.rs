//! `sweep.csv` on disk: a row is there to stay before the next run starts.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::Row;

/// An open `sweep.csv` that rows are appended to.
#[derive(Debug)]
pub struct CsvFile {
    path: PathBuf,
    file: File,
    header_written: bool,
    durable: bool,
}

impl CsvFile {
    /// Creates the file. An existing one is an error unless `replace` says to start it anew. With `durable`, each row
    /// is forced onto the disk; without, only [`CsvFile::sync`] does that.
    ///
    /// # Errors
    /// If the file exists or cannot be created.
    pub fn create(path: &Path, replace: bool, durable: bool) -> anyhow::Result<CsvFile> {
        let mut options = OpenOptions::new();
        options.write(true);
        if replace {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => bail!(
                "{} holds an earlier sweep; give another --out or --name, or --force to replace it",
                path.display()
            ),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot create {}", path.display()));
            }
        };
        Ok(CsvFile { path: path.to_owned(), file, header_written: false, durable })
    }

    /// Appends a row, and returns when it is on disk (if the file is durable).
    ///
    /// # Errors
    /// If it cannot be written (a full disk, say).
    pub fn append(&mut self, row: &Row) -> anyhow::Result<()> {
        let mut writer = csv::WriterBuilder::new().has_headers(!self.header_written).from_writer(Vec::new());
        writer.serialize(one_line(row))?;
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        // One write, so that a crash leaves at most one torn line, the last.
        self.file
            .write_all(&bytes)
            .and_then(|()| if self.durable { self.file.sync_data() } else { Ok(()) })
            .with_context(|| format!("cannot write to {}", self.path.display()))?;
        self.header_written = true;
        Ok(())
    }

    /// Returns when every row is on disk.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn sync(&self) -> anyhow::Result<()> {
        self.file.sync_data().with_context(|| format!("cannot write to {}", self.path.display()))
    }
}

/// The row with nothing in it that would break its line, so that a line is a row and a torn one is seen.
fn one_line(row: &Row) -> Row {
    let flat = |text: &str| {
        text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    Row {
        node_bin: flat(&row.node_bin),
        node_args: flat(&row.node_args),
        engine_version: flat(&row.engine_version),
        reason: flat(&row.reason),
        log: flat(&row.log),
        ..row.clone()
    }
}

/// The rows of a file, and whether its last line was torn.
#[derive(Debug)]
pub struct Rows {
    /// The complete rows, in the file's order.
    pub rows: Vec<Row>,
    /// The number of a last line that does not end (a power cut, say); it is no row.
    pub torn_line: Option<usize>,
}

/// Reads a `sweep.csv` back.
///
/// # Errors
/// If the file cannot be read, is no `sweep.csv`, or has a line that is no row; the message names the line.
pub fn read(path: &Path) -> anyhow::Result<Rows> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| anyhow::anyhow!("{} is no sweep.csv: it is not text", path.display()))?;
    parse(text).with_context(|| format!("{} is no sweep.csv that can be read", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Rows> {
    let complete = text.rfind('\n').map_or(0, |end| end + 1);
    let torn_line = (complete < text.len()).then(|| text[..complete].lines().count() + 1);
    let text = &text[..complete];
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().context("its header cannot be read")?.clone();
    if header.is_empty() {
        bail!("it is empty; a sweep that ended before its first run leaves such a file");
    }
    for column in ["batch_timeout_ms", "status", "stable_p50_ms"] {
        if !header.iter().any(|name| name == column) {
            bail!("its first line has no column {column:?}");
        }
    }
    let mut rows = Vec::new();
    for record in reader.deserialize() {
        rows.push(record.map_err(|error| explain(&error, &header))?);
    }
    Ok(Rows { rows, torn_line })
}

/// Says which line and column a row's fault is in.
fn explain(error: &csv::Error, header: &csv::StringRecord) -> anyhow::Error {
    match error.kind() {
        csv::ErrorKind::Deserialize { pos, err } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            let column = err.field().and_then(|field| header.get(field as usize));
            let column = column.map(|name| format!(", column {name}")).unwrap_or_default();
            anyhow::anyhow!("line {line}{column}: {}", err.kind())
        }
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
    use crate::outcome::row::tests::example;

    fn written(rows: &[Row]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sweep.csv");
        let mut file = CsvFile::create(&path, false, true).unwrap();
        rows.iter().for_each(|row| file.append(row).unwrap());
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn rows_read_back_as_they_were() {
        let failed = Row { status: crate::outcome::Status::Crashed, stable_p50_ms: None, ..example(100, 2) };
        let rows = vec![example(50, 1), failed];
        let read = parse(&written(&rows)).unwrap();
        assert_eq!(read.rows, rows);
        assert_eq!(read.torn_line, None);
    }

    #[test]
    fn a_torn_last_line_is_no_row() {
        let text = written(&[example(50, 1), example(100, 1)]);
        for cut in 1..40 {
            let read = parse(&text[..text.len() - cut]).unwrap();
            assert_eq!(read.rows, [example(50, 1)]);
            assert_eq!(read.torn_line, Some(3));
        }
    }

    #[test]
    fn a_reason_of_several_lines_stays_on_one() {
        let row = Row { reason: "first\nsecond\r\n\u{1b}third".to_owned(), ..example(50, 1) };
        let text = written(&[row]);
        assert_eq!(text.lines().count(), 2);
        assert_eq!(parse(&text).unwrap().rows[0].reason, "first second third");
    }

    #[test]
    fn what_is_no_sweep_is_refused_with_its_fault() {
        let message = |text: &str| format!("{:#}", parse(text).unwrap_err());
        assert!(message("").contains("it is empty"));
        assert!(message("a,b\n1,2\n").contains("no column \"batch_timeout_ms\""));
        let broken = written(&[example(50, 1)]).replace(",50,1,ok,", ",fifty,1,ok,");
        let said = message(&broken);
        assert!(said.contains("line 2, column batch_timeout_ms: invalid digit"), "{said}");
    }

    #[test]
    fn an_existing_sweep_is_kept_unless_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sweep.csv");
        std::fs::write(&path, "kept").unwrap();
        let refused = CsvFile::create(&path, false, true).unwrap_err().to_string();
        assert!(refused.contains("--force"), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept");
        CsvFile::create(&path, true, true).unwrap();
    }
}
