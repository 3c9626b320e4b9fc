//! `summary.csv`: a line for each setting with its medians, and whether it is on the Pareto front.

use crate::analysis::Series;
use crate::analysis::pareto::{self, Fronts, Standing};
use crate::record::columns::{self, Cell, Column};
use crate::record::parameter_columns::ParameterColumns;
use crate::record::{Quantile, RunRecord};
use crate::stats::median::Spread;

/// The columns before those of the settings, which `sweep.csv` has, too.
const FIRST: [&str; 4] = ["series", "engine", "strategy", "batch_timeout_ms"];
/// The columns after those of the user's parameters.
const LAST: [&str; 8] = [
    "runs",
    "ok",
    "msgs_per_op",
    "stable_p50_ms",
    "stable_p95_ms",
    "stable_p99_ms",
    "stable_max_ms",
    "pareto",
];

/// The file.
///
/// # Errors
/// If a value cannot be written as a field, which no value does.
pub fn csv(records: &[RunRecord]) -> anyhow::Result<String> {
    let series = Series::group(records);
    let settings: Vec<&Column> = columns::all().iter().filter(|column| column.is_setting()).collect();
    let known = columns::all().iter().filter(|column| FIRST[1..].contains(&column.name));
    let known: Vec<&Column> = known.chain(settings).collect();
    let parameters = ParameterColumns::of(records.iter().map(|record| &record.run));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names = known.iter().map(|column| column.name.to_owned());
    let last = LAST.map(str::to_owned);
    writer
        .write_record([FIRST[0].to_owned()].into_iter().chain(names).chain(parameters.names()).chain(last))?;
    for standing in pareto::standings(&series) {
        let of_run = known.iter().map(|column| column.cell(standing.run));
        let own = parameters.cells(&standing.run.run);
        let cells = [Cell::Text(standing.series.clone())].into_iter().chain(of_run).chain(own);
        writer.write_record(cells.chain(figures(&standing)).map(|cell| cell.text()))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// The fields of [`LAST`].
fn figures(Standing { point, fronts, .. }: &Standing<'_>) -> impl Iterator<Item = Cell> {
    let median = |spread: Option<Spread>| spread.map_or(Cell::Empty, |spread| Cell::Number(spread.median));
    let counts = [point.runs, point.ok].map(|count| Cell::Count(count as u64));
    let latencies = Quantile::ALL.map(|quantile| median(point.latency(quantile)));
    let pareto = fronts.map_or(Cell::Empty, |fronts| Fronts::name(fronts).into());
    counts.into_iter().chain([median(point.msgs_per_op)]).chain(latencies).chain([pareto])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::examples::failed;
    use crate::record::Status;
    use crate::record::tests::example;
    use crate::spec::value::Value;

    #[test]
    fn a_setting_has_its_parameters_medians_and_front() {
        let with = |fanout, repetition| {
            example(100, repetition)
                .with(|record| record.run.parameters = vec![("fanout".to_owned(), Value::count(fanout))])
        };
        let broken =
            failed(200, 1, Status::Crashed).with(|record| record.run.parameters = with(2, 1).run.parameters);
        let text = csv(&[with(2, 1), with(2, 2), with(3, 1), broken]).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let column = |name: &str| -> Vec<String> {
            let place = header.iter().position(|one| one == name).unwrap();
            rows.iter().map(|row| row[place].to_owned()).collect()
        };
        assert_eq!(column("series"), ["hub, fanout 2", "hub, fanout 2", "hub, fanout 3"]);
        assert_eq!(column("param_fanout"), ["2", "2", "3"]);
        assert_eq!(
            (column("runs"), column("ok")),
            (vec!["2".into(), "1".into(), "1".into()], vec!["2".into(), "0".into(), "1".into()])
        );
        assert_eq!(column("stable_p50_ms"), ["250.0", "", "250.0"]);
        assert_eq!(column("pareto"), ["both", "", "both"]);
        assert_eq!(column("node_count"), ["25"; 3]);
    }
}
