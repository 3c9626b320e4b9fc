//! `latencies.csv`: the whole distribution of each run's stable latencies, next to `sweep.csv`, which has
//! five quantiles of it.
//!
//! A line is a run: the columns that say which one, as `sweep.csv` has them, then the percentiles `p0` to
//! `p100` in milliseconds. A run that was repeated has several lines, of which the last one counts.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::parameter_columns::ParameterColumns;
use super::{RunRecord, columns};
use crate::spec::RunSpec;

/// The name of the file in the folder of a sweep.
pub const LATENCIES_FILE: &str = "latencies.csv";
/// The percentiles from the minimum to the maximum.
const PERCENTILES: usize = 101;

/// The percentiles of a run's stable latencies, in milliseconds: the minimum, 99 steps of one percent, the
/// maximum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution(Vec<u64>);

impl Distribution {
    /// The percentiles of these latencies (ms), which are sorted. `None` without any.
    pub fn of(sorted: &[u64]) -> Option<Distribution> {
        let last = sorted.len().checked_sub(1)?;
        let at = |percent: usize| sorted[last.min(sorted.len() * percent / (PERCENTILES - 1))];
        Some(Distribution((0..PERCENTILES).map(at).collect()))
    }

    /// Each percentile in milliseconds, lowest first.
    pub fn percentiles(&self) -> &[u64] {
        &self.0
    }

    fn parse<'a>(fields: impl Iterator<Item = &'a str>) -> Option<Distribution> {
        let percentiles: Vec<u64> = fields.map(|field| field.parse().ok()).collect::<Option<_>>()?;
        (percentiles.len() == PERCENTILES).then_some(Distribution(percentiles))
    }
}

/// An open `latencies.csv` that lines are appended to.
#[derive(Debug)]
pub struct LatencyFile {
    file: File,
    parameters: ParameterColumns,
}

impl LatencyFile {
    /// Opens the file in `folder`, empty if `replace` says so.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn open(folder: &Path, parameters: ParameterColumns, replace: bool) -> io::Result<LatencyFile> {
        let path = folder.join(LATENCIES_FILE);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        if replace {
            file.set_len(0)?;
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        if !text.contains(&b'\n') {
            // Empty, or its first line was cut off in the writing.
            file.set_len(0)?;
            let percentiles = (0..PERCENTILES).map(|percent| format!("p{percent}"));
            let names = columns::identity().map(|column| column.name.to_owned()).chain(parameters.names());
            let header: Vec<String> = names.chain(percentiles).collect();
            file.write_all(format!("{}\n", header.join(",")).as_bytes())?;
        } else if !text.ends_with(b"\n") {
            // A line that was cut off in the writing is left as it is, and no other one joined to it.
            file.write_all(b"\n")?;
        }
        Ok(LatencyFile { file, parameters })
    }

    /// Appends the distributions of records that have one, in a single write.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn append(&mut self, records: &[RunRecord]) -> io::Result<()> {
        let mut writer = columns::writer();
        for RunRecord { run, measured } in records {
            let Some(distribution) = &measured.distribution else { continue };
            let identity = columns::identity_cells(run).chain(self.parameters.cells(run));
            let percentiles = distribution.0.iter().map(u64::to_string);
            writer.write_record(identity.map(|cell| cell.text()).chain(percentiles))?;
        }
        self.file.write_all(&writer.into_inner().map_err(|error| error.into_error())?)
    }
}

/// The distributions in a folder, by run without its seed. What cannot be read is left out: plots show what
/// there is.
pub fn read(folder: &Path) -> HashMap<RunSpec, Distribution> {
    let mut found = HashMap::new();
    let Ok(file) = File::open(folder.join(LATENCIES_FILE)) else { return found };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let Ok(header) = reader.headers().cloned() else { return found };
    let Some(first) = header.iter().position(|name| name == "p0") else { return found };
    for line in reader.records().map_while(Result::ok) {
        let run = columns::read(header.iter().take(first), line.iter().take(first));
        if let (Ok(record), Some(distribution)) = (run, Distribution::parse(line.iter().skip(first))) {
            found.insert(record.run.identity(), distribution);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::example;

    #[test]
    fn percentiles_are_steps_of_one_percent() {
        let distribution = Distribution::of(&(0..1000).collect::<Vec<_>>()).unwrap();
        let shown = [0, 1, 50, 99, 100].map(|percent| distribution.percentiles()[percent]);
        assert_eq!(shown, [0, 10, 500, 990, 999]);
        assert_eq!(Distribution::of(&[7]).unwrap().percentiles(), [7; PERCENTILES]);
        assert_eq!(Distribution::of(&[]), None);
    }

    #[test]
    fn written_latencies_read_back_and_the_last_line_of_a_run_counts() {
        let place = tempfile::tempdir().unwrap();
        let open = |replace| LatencyFile::open(place.path(), ParameterColumns::default(), replace).unwrap();
        let [one, other] = [(50, 1), (100, 2)].map(|(timeout, run)| example(timeout, run));
        let distribution = |latency| Distribution::of(&[latency]).unwrap();
        let with = |record: &RunRecord, latency| {
            record.clone().with(|record| record.measured.distribution = Some(distribution(latency)))
        };
        open(false).append(&[with(&one, 1), with(&other, 2), with(&one, 3)]).unwrap();
        let path = place.path().join(LATENCIES_FILE);
        let torn = std::fs::read_to_string(&path).unwrap() + "embedded,hub,50";
        std::fs::write(&path, torn).unwrap();
        open(false).append(&[one.clone(), with(&other, 4)]).unwrap();
        let found = read(place.path());
        assert_eq!(found.len(), 2);
        assert_eq!(
            (&found[&one.run.identity()], &found[&other.run.identity()]),
            (&distribution(3), &distribution(4))
        );
        drop(open(true));
        assert!(read(place.path()).is_empty());
    }

    #[test]
    fn a_torn_first_line_is_written_again() {
        let place = tempfile::tempdir().unwrap();
        let open = || LatencyFile::open(place.path(), ParameterColumns::default(), false).unwrap();
        drop(open());
        let path = place.path().join(LATENCIES_FILE);
        let header = std::fs::read_to_string(&path).unwrap();
        for length in [1, 30, header.len() - 1] {
            std::fs::write(&path, &header[..length]).unwrap();
            let distribution = Distribution::of(&[7]);
            let record = example(50, 1).with(|record| record.measured.distribution.clone_from(&distribution));
            open().append(std::slice::from_ref(&record)).unwrap();
            assert_eq!(read(place.path()).get(&record.run.identity()), distribution.as_ref(), "{length}");
        }
    }
}
