//! Puts the shards of a sweep together: a folder like that of a sweep on one machine.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use super::sweep::folder::{add_distributions, label, spec_in, write_spec};
use super::sweep::origin::Origin;
use super::sweep::{CSV_FILE, SHARDS_FOLDER};
use crate::record::RunRecord;
use crate::record::csv_file::{self, CsvFile, Rows};
use crate::record::distribution::{LATENCIES_FILE, LatencyFile};
use crate::record::parameter_columns::ParameterColumns;
use crate::spec::file::SpecFile;
use crate::spec::shard::Shard;
use crate::spec::{Names, RunSpec, SweepSpec};

/// A sweep that was put together from its shards.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The description that all shards share.
    pub spec: SweepSpec,
    /// Its records, in the order in which one machine would have made them.
    pub records: Vec<RunRecord>,
    /// How many runs the sweep has.
    pub planned: usize,
    /// How many records were left out since another one is of the same run.
    pub doubled: usize,
    /// Files with a last line that was cut off in the writing, and its number; the line is not a record.
    pub torn: Vec<(PathBuf, usize)>,
    /// The runs that no shard has.
    pub missing: Vec<Missing>,
}

/// Runs without a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The shard that has them; `None` if the shards are not all of one division.
    pub shard: Option<Shard>,
    /// Their names.
    pub runs: Vec<String>,
}

/// The shards in the folder of a sweep, by name.
///
/// # Errors
/// If the folder has none.
pub fn shards_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let shards = folder.join(SHARDS_FOLDER);
    let entries = fs::read_dir(&shards).with_context(|| {
        format!("cannot read {}; name the folder of a sweep with shards, or the shards", shards.display())
    })?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<PathBuf>>>()?;
    // A shard makes its folder a moment before its records' file.
    paths.retain(|path| path.join(CSV_FILE).is_file());
    paths.sort();
    if paths.is_empty() {
        bail!("no shard in {} has started", shards.display());
    }
    Ok(paths)
}

/// Puts `shards` together in the folder `out`. Runs that `out` has from an earlier merge stay, unless
/// `replace` says otherwise.
///
/// # Errors
/// If a shard is of another sweep or another build than the first, `out` is, or something cannot be read or
/// written.
pub fn merge(out: &Path, shards: &[PathBuf], replace: bool) -> anyhow::Result<Merged> {
    let mut parts = Vec::new();
    for path in shards {
        parts.extend(Part::read(path, out)?);
    }
    let Some(first) = parts.first() else { bail!("none of the shards has started") };
    for other in &parts {
        first.refuse_other(other)?;
    }
    let (spec, origin) = (first.spec.clone(), Origin { shard: None, ..first.origin.clone() });
    let plan = spec.runs()?;

    fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let parameters = ParameterColumns::of(&plan);
    let (mut csv, Rows { records, .. }) =
        CsvFile::open(&out.join(CSV_FILE), parameters.clone(), replace, true)?;
    let mut merging = Merging::default();
    parts.iter().for_each(|part| merging.add_all(&part.records, Source::Shard));
    let doubled = merging.doubled;
    if !records.is_empty() {
        let mut there = Part::of_records(out, records)?;
        if spec.is_later_stage_of(&there.spec) {
            // The shards were extended after an earlier merge.
            there.spec = SweepSpec { grid: spec.grid.clone(), extends: spec.extends.clone(), ..there.spec };
        }
        first.refuse_other(&there).context("--force replaces what is there")?;
        merging.add_all(&there.records, Source::Earlier);
    }
    let records = merging.in_order_of(&plan);
    write_spec(out, &spec, true)?;
    origin.write(out)?;
    csv.rewrite(&records)?;
    LatencyFile::open(out, parameters, true)
        .and_then(|mut latencies| latencies.append(&records))
        .with_context(|| format!("cannot write {}", out.join(LATENCIES_FILE).display()))?;
    let missing = missing(&spec, &plan, &records, division(&parts))?;
    let torn = parts.iter().filter_map(|part| Some((part.folder.join(CSV_FILE), part.torn_line?))).collect();
    Ok(Merged { spec, records, planned: plan.len(), doubled, torn, missing })
}

/// A folder with a part of a sweep.
struct Part {
    folder: PathBuf,
    spec: SweepSpec,
    origin: Origin,
    records: Vec<RunRecord>,
    torn_line: Option<usize>,
}

impl Part {
    /// Reads a shard; `None` if it was stopped before it could say what it is. Its logs are named relative to
    /// `out`.
    fn read(folder: &Path, out: &Path) -> anyhow::Result<Option<Part>> {
        let csv = folder.join(CSV_FILE);
        let bytes = fs::read(&csv)
            .with_context(|| format!("cannot read {}: is that the folder of a shard?", csv.display()))?;
        // The names of the columns are written along with the first record.
        let begun = bytes.contains(&b'\n');
        if !begun && spec_in(folder)?.is_none() {
            return Ok(None);
        }
        let torn_header = (!bytes.is_empty()).then_some(1);
        let Rows { mut records, torn_line } =
            if begun { csv_file::read(&csv)? } else { Rows { records: Vec::new(), torn_line: torn_header } };
        records.iter_mut().for_each(|record| relocate_log(record, folder, out));
        Ok(Some(Part { torn_line, ..Part::of_records(folder, records)? }))
    }

    /// A folder whose records are known.
    fn of_records(folder: &Path, mut records: Vec<RunRecord>) -> anyhow::Result<Part> {
        let unknown = || format!("{} does not name its sweep and build", folder.display());
        let spec = spec_in(folder)?.with_context(unknown)?;
        let origin = Origin::read(folder)?.with_context(unknown)?;
        label(&mut records, &spec);
        add_distributions(&mut records, folder);
        Ok(Part { folder: folder.to_owned(), spec, origin, records, torn_line: None })
    }

    /// Refuses a part of another sweep or another build, by name.
    fn refuse_other(&self, other: &Part) -> anyhow::Result<()> {
        let differing = differences(&self.spec, &other.spec)?;
        if !differing.is_empty() {
            bail!(
                "{} belongs to another sweep than {}:\n  {}",
                other.folder.display(),
                self.folder.display(),
                differing.join("\n  ")
            );
        }
        if other.origin.build != self.origin.build {
            bail!(
                "{} is of another build of bench-cli or the node than {} ({} and {}); runs of two builds are not one \
                 sweep",
                other.folder.display(),
                self.folder.display(),
                other.origin.build,
                self.origin.build
            );
        }
        Ok(())
    }
}

/// The division that all parts are of; `None` if there are several, or a part is not a shard.
fn division(parts: &[Part]) -> Option<u32> {
    let mut counts = parts.iter().map(|part| part.origin.shard.map(Shard::count));
    let first = counts.next()??;
    counts.all(|count| count == Some(first)).then_some(first)
}

/// What two descriptions say differently, line by line. Neither limits nor an axis changes what is
/// measured.
fn differences(one: &SweepSpec, other: &SweepSpec) -> anyhow::Result<Vec<String>> {
    let entries = |spec: &SweepSpec| -> anyhow::Result<BTreeMap<String, String>> {
        let spec = SweepSpec { limits: Vec::new(), axis: None, ..spec.clone() };
        let table: toml::Table = SpecFile::from(&spec).to_toml()?.parse()?;
        let mut entries = BTreeMap::new();
        flatten("", &toml::Value::Table(table), &mut entries);
        Ok(entries)
    };
    let (one, other) = (entries(one)?, entries(other)?);
    let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
    let said = |entries: &BTreeMap<String, String>, key: &String| {
        entries.get(key).map_or_else(|| "nothing".to_owned(), String::clone)
    };
    let differing = keys.filter(|key| one.get(*key) != other.get(*key));
    Ok(differing.map(|key| format!("{key}: {} and not {}", said(&other, key), said(&one, key))).collect())
}

/// The entries of a table and of the tables in it, each with its path as its name.
fn flatten(path: &str, value: &toml::Value, entries: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, entries);
            }
        }
        value => drop(entries.insert(path.to_owned(), value.to_string())),
    }
}

/// Names a record's log relative to `out`, or absolutely if it is elsewhere.
fn relocate_log(record: &mut RunRecord, folder: &Path, out: &Path) {
    if record.measured.log.is_empty() {
        return;
    }
    let log = folder.join(&record.measured.log);
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let log = absolute(&log);
    record.measured.log = log.strip_prefix(absolute(out)).unwrap_or(&log).display().to_string();
}

/// Where a record comes from; of two that are equally good, the first kind is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Shard,
    Earlier,
}

/// What makes a record the best of its run: ok ones come first, then the source, then those that began first.
type Rank = (bool, Source, Option<Timestamp>);

/// Records of which each run has one.
#[derive(Default)]
struct Merging {
    best: HashMap<RunSpec, (Rank, RunRecord)>,
    doubled: usize,
}

impl Merging {
    fn add_all(&mut self, records: &[RunRecord], source: Source) {
        for record in records {
            let rank = (!record.is_ok(), source, record.measured.started_at);
            let run = record.run.identity();
            match self.best.get(&run) {
                Some((best, _)) => {
                    self.doubled += 1;
                    if rank < *best {
                        self.best.insert(run, (rank, record.clone()));
                    }
                }
                None => drop(self.best.insert(run, (rank, record.clone()))),
            }
        }
    }

    /// The records of the plan's runs in its order, then those of an earlier extent of the sweep.
    fn in_order_of(mut self, plan: &[RunSpec]) -> Vec<RunRecord> {
        let planned: Vec<RunRecord> =
            plan.iter().filter_map(|run| Some(self.best.remove(&run.identity())?.1)).collect();
        let mut others: Vec<RunRecord> = self.best.into_values().map(|(_, record)| record).collect();
        others.sort_by_key(|record| (record.run.seed, record.measured.started_at));
        planned.into_iter().chain(others).collect()
    }
}

/// The runs of `plan` without a record, for each shard if there are `count`.
fn missing(
    spec: &SweepSpec,
    plan: &[RunSpec],
    records: &[RunRecord],
    count: Option<u32>,
) -> anyhow::Result<Vec<Missing>> {
    let there: HashSet<RunSpec> = records.iter().map(|record| record.run.identity()).collect();
    let names = Names::among(plan);
    let name = |runs: &[RunSpec]| -> Vec<String> {
        runs.iter().filter(|run| !there.contains(&run.identity())).map(|run| names.run(run)).collect()
    };
    let mut missing = match count {
        None => vec![Missing { shard: None, runs: name(plan) }],
        Some(count) => spec
            .shards(count)?
            .into_iter()
            .map(|(shard, runs)| Missing { shard: Some(shard), runs: name(&runs) })
            .collect(),
    };
    missing.retain(|missing| !missing.runs.is_empty());
    Ok(missing)
}
