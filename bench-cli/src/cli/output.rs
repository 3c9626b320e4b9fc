//! The output of `sweep` and `plot`: tables, recommendations, plots, reports.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use clap::{ArgAction, Args, ValueEnum};

use super::artifacts::{
    FIGURE_FORMATS, FIGURES, JSON, LATENCY_FIT, PICTURE_FORMATS, REPORT, SETTINGS, SUMMARY,
};
use super::limits::LimitArgs;
use super::typed;
use super::usage::UsageError;
use crate::analysis::Series;
use crate::campaign::sweep::folder::replace_file;
use crate::campaign::sweep::{CSV_FILE, Ended};
use crate::plot;
use crate::plot::page::Page;
use crate::record::RunRecord;
use crate::record::distribution::LATENCIES_FILE;
use crate::report::advice::{self, Answer, Described};
use crate::report::{self, Picture, Report, brief, summary};
use crate::spec::names::plain_name;
use crate::spec::{Parameter, RunSpec, SweepSpec};
use crate::terminal;

/// The formats in which a sweep's results are written.
#[derive(Clone, Debug, Default, Args)]
pub struct FormatArgs {
    /// Formats of the results: csv and markdown are always written (sweep.csv, summary.md); json adds
    /// sweep.json, and keeps it up to date from then on
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',', action = ArgAction::Set)]
    format: Vec<Format>,
}

impl FormatArgs {
    /// Whether the user typed any.
    pub(super) fn given(&self) -> bool {
        !self.format.is_empty()
    }

    /// The flags for another process.
    pub(super) fn words(&self) -> Vec<String> {
        let names = self.format.iter().filter_map(Format::to_possible_value);
        let names: Vec<String> = names.map(|value| value.get_name().to_owned()).collect();
        if names.is_empty() { Vec::new() } else { vec!["--format".to_owned(), names.join(",")] }
    }
}

/// The values of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Json,
    Markdown,
}

/// Where the files made from a CSV are written: next to it. A folder has one `sweep.csv`, but may hold other
/// CSVs. The names of their files begin with the name of the CSV, so that no file replaces another's.
#[derive(Clone, Debug)]
pub struct Outputs {
    folder: PathBuf,
    /// The name of the CSV.
    csv: String,
    /// The name of the sweep, for a reader.
    title: String,
    /// The prefix of the name of each file.
    prefix: String,
}

impl Outputs {
    /// The place next to `csv`.
    pub fn next_to(csv: &Path) -> Outputs {
        let folder = csv.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (title, prefix) = match csv.file_stem() {
            Some(stem) if !csv.ends_with(CSV_FILE) => {
                let stem = stem.to_string_lossy().into_owned();
                (stem.clone(), format!("{stem}-"))
            }
            _ => (folder_name(folder), String::new()),
        };
        let csv = csv.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Outputs { folder: folder.to_owned(), csv, title, prefix }
    }

    /// The folder that holds the CSV.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of the sweep.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    fn picture(&self, name: &str, caption: &str, svg: String) -> Picture {
        Picture { name: format!("{}{name}", self.prefix), caption: caption.to_owned(), svg }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}{name}", self.prefix))
    }
}

/// The name of a sweep is that of its folder.
fn folder_name(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.file_name().map_or_else(|| "Sweep".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The results of a sweep, and its description if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Results<'a> {
    /// Every run.
    pub records: &'a [RunRecord],
    /// The description.
    pub spec: Option<&'a SweepSpec>,
    /// The horizontal axis of tables and plots, if the user asked for one.
    pub axis: Option<&'a Parameter>,
}

/// The flag of the horizontal axis.
#[derive(Clone, Debug, Args)]
pub struct AxisArgs {
    /// Horizontal axis of plots and fits: the name of a numeric parameter; the other parameters make series
    /// [default: that of sweep.toml, else the batch timeout, else the first numeric parameter that varies]
    #[arg(long, value_name = "NAME")]
    pub(super) x: Option<String>,
}

impl AxisArgs {
    /// The parameter of these runs that the user asked for.
    ///
    /// # Errors
    /// If they have no such numeric parameter.
    pub(super) fn of<'a>(
        &self,
        runs: impl IntoIterator<Item = &'a RunSpec>,
    ) -> anyhow::Result<Option<Parameter>> {
        let axis = self.x.as_deref().map(|name| Parameter::axis(name, runs)).transpose();
        axis.map_err(|error| UsageError::new(error.to_string()).into())
    }
}

/// How much of the results is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// As much as fits a screen.
    Brief,
    /// All tables, warnings and recommendations.
    Full,
}

impl Extent {
    /// The value of `--verbose`.
    pub(super) const fn of(verbose: bool) -> Extent {
        if verbose { Extent::Full } else { Extent::Brief }
    }
}

/// Prints the tables of a sweep, draws its plots and writes its report.
///
/// # Errors
/// If a file cannot be written.
pub fn conclude(
    ended: &Ended,
    directory: &Path,
    extent: Extent,
    limits: &LimitArgs,
    formats: &FormatArgs,
) -> anyhow::Result<()> {
    if ended.records.is_empty() {
        return Ok(());
    }
    let results =
        Results { records: &ended.records, spec: Some(&ended.spec), axis: ended.spec.axis.as_ref() };
    print(results, directory, extent, limits);
    write_all(results, &Outputs::next_to(&directory.join(CSV_FILE)), limits, formats)
}

/// Prints the tables of a sweep, and which settings meet the limits.
pub fn print(
    Results { records, spec, axis }: Results<'_>,
    folder: &Path,
    extent: Extent,
    limits: &LimitArgs,
) {
    let series = Series::group(records);
    let limits = limits.for_series(&series, spec);
    if extent == Extent::Brief {
        return print!("{}", brief::text(records, axis, &limits, folder, width()));
    }
    println!("{}", summary::text(records, axis, &limits, folder).trim_end());
    let folder = folder.display().to_string();
    let sweep = spec.map(|spec| Described { spec, folder: Some(&folder) });
    for answer in advice::answers(&series, &limits, sweep) {
        println!("\n{}", on_the_terminal(answer));
    }
    println!();
}

/// The columns of a line of text.
pub(super) fn width() -> usize {
    terminal::columns().map_or(brief::WIDEST, |columns| columns.min(brief::WIDEST))
}

/// The columns of a line of prose. Unlimited in a pipe, where scripts expect one line for each sentence.
pub(super) fn prose_width() -> usize {
    terminal::columns().map_or(usize::MAX, |columns| columns.min(brief::WIDEST))
}

/// An answer as text, with commands that can be pasted.
pub(super) fn on_the_terminal(mut answer: Answer) -> String {
    for (_, command) in &mut answer.next {
        *command = typed::as_typed(command);
    }
    answer.to_string().trim_end().to_owned()
}

/// Writes the plots, the report and the other `formats` of a sweep. Formats that an earlier call wrote are
/// written again, since they show the rows of that time.
///
/// # Errors
/// If a file cannot be written.
pub fn write_all(
    Results { records, spec, axis }: Results<'_>,
    outputs: &Outputs,
    limits: &LimitArgs,
    formats: &FormatArgs,
) -> anyhow::Result<()> {
    let series = Series::group(records);
    let limits = limits.for_series(&series, spec);
    let pictures = if records.iter().any(RunRecord::is_ok) {
        draw_all(&Series::group_on(axis, records), outputs)?
    } else {
        Vec::new()
    };
    let Outputs { title, csv, .. } = outputs;
    let report =
        Report { title, csv, records, spec, axis, limits: &limits, pictures: &pictures, progress: None };
    let written = write_pictures(&pictures, &outputs.folder, &PICTURE_FORMATS, || {
        write_texts(&report, outputs, formats)
    })?;
    let has_latencies = records.iter().any(|record| record.measured.distribution.is_some());
    let latencies = has_latencies.then(|| LATENCIES_FILE.to_owned());
    let written: Vec<String> = written.into_iter().chain([csv.clone()]).chain(latencies).collect();
    let files = format!("in {}: {}", outputs.folder.display(), written.join(", "));
    print!("\n{}", brief::wrapped(&files, width()));
    if !pictures.is_empty() {
        print!("{}", brief::wrapped(&format!("plots: {}", listed(&pictures, &PICTURE_FORMATS)), width()));
    }
    Ok(())
}

/// Writes the report and the other `formats`. Returns the names of the files.
fn write_texts(report: &Report<'_>, outputs: &Outputs, formats: &FormatArgs) -> anyhow::Result<Vec<String>> {
    let Report { records, axis, limits, .. } = *report;
    let mut files = vec![(REPORT, report::page::page(report))];
    files.push((SUMMARY, report::markdown::summary(records, axis, limits)));
    files.push((SETTINGS, report::settings::csv(records)?));
    if formats.format.contains(&Format::Json) || outputs.file(JSON).exists() {
        files.push((JSON, report::json::rows(records)?));
    }
    for (name, text) in &files {
        replace_file(&outputs.file(name), text)?;
    }
    Ok(files.iter().map(|(name, _)| format!("{}{name}", outputs.prefix)).collect())
}

/// Draws every plot of a sweep for a paper, in a folder of their own: the report has its own plots.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn draw_figures(series: &[Series<'_>], outputs: &Outputs, page: Page) -> anyhow::Result<()> {
    let folder = outputs.folder.join(FIGURES);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let pictures = draw_each(series, outputs, page);
    write_pictures(&pictures, &folder, &FIGURE_FORMATS, || Ok(()))?;
    println!("\nin {}: {}", folder.display(), listed(&pictures, &FIGURE_FORMATS));
    Ok(())
}

/// The plots' names and formats.
fn listed(pictures: &[Picture], formats: &[&str]) -> String {
    let names: Vec<&str> = pictures.iter().map(|picture| picture.name.as_str()).collect();
    format!("{} (.{})", names.join(", "), formats.join(", ."))
}

/// Draws the plots that apply to a sweep.
fn draw_each(series: &[Series<'_>], outputs: &Outputs, page: Page) -> Vec<Picture> {
    let varying = Parameter::varying(series.iter().flat_map(|one| &one.records).map(|record| &record.run));
    let mut pictures = Vec::new();
    for (name, caption, draw) in plot::PICTURES {
        if name == plot::EFFECTS && varying.len() < 2 {
            continue;
        }
        match draw(series, page) {
            Ok(svg) => pictures.push(outputs.picture(name, caption, svg)),
            // The other files are useful without it.
            Err(reason) => println!("left out {name}: {reason}"),
        }
    }
    pictures
}

/// Draws every plot of a sweep. Of several series, each one with a line also has a plot by itself: a slow one
/// leaves the others little of the common axis.
fn draw_all(series: &[Series<'_>], outputs: &Outputs) -> anyhow::Result<Vec<Picture>> {
    let mut pictures = draw_each(series, outputs, Page::SCREEN);
    let points = |one: &Series<'_>| one.by_x().iter().filter(|point| point.ok > 0).count();
    for one in series.iter().filter(|one| series.len() > 1 && points(one) > 1) {
        // Each piece is shortened by itself: long names, cut as a whole, could be equal.
        let pieces: Vec<String> =
            one.name.split(", ").map(|piece| plain_name(&piece.replace(' ', ""))).collect();
        let caption = format!("Stable latency against {}: {} alone", one.axis.words(), one.name);
        let svg = plot::latency::draw(std::slice::from_ref(one), Page::SCREEN)?;
        pictures.push(outputs.picture(&format!("{LATENCY_FIT}-{}", pieces.join("-")), &caption, svg));
    }
    Ok(pictures)
}

/// Writes plots in several formats, on all cores: to render one takes 0.1 s. This core first does what can be
/// done `meanwhile`.
fn write_pictures<T>(
    pictures: &[Picture],
    folder: &Path,
    formats: &[&str],
    meanwhile: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    // The costliest first, so that no core has to wait long for another one's last.
    let mut queue: Vec<&Picture> = pictures.iter().collect();
    queue.sort_by_key(|picture| Reverse(picture.svg.len()));
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(picture) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
            for format in formats {
                plot::write(&picture.svg, &folder.join(format!("{}.{format}", picture.name)))?;
            }
        }
        anyhow::Ok(())
    };
    let others = std::thread::available_parallelism().map_or(0, |cores| cores.get() - 1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..others.min(pictures.len())).map(|_| scope.spawn(work)).collect();
        let done = meanwhile();
        let join =
            |worker: std::thread::ScopedJoinHandle<'_, _>| worker.join().expect("drawing does not panic");
        work().and(workers.into_iter().try_for_each(join)).and(done)
    })
}
