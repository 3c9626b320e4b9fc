//! The columns of the user's parameters: `param_NAME`, or `param_NAME_ms` for durations. They come after all
//! fixed columns, by name.

use std::time::Duration;

use super::RunRecord;
use super::columns::Cell;
use crate::spec::RunSpec;
use crate::spec::value::Value;

const PREFIX: &str = "param_";
const UNIT: &str = "_ms";

/// The columns of the user's parameters in one sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterColumns(Vec<ParameterColumn>);

/// The column of one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ParameterColumn {
    parameter: String,
    in_ms: bool,
}

impl ParameterColumn {
    /// The column of this name. No parameter has a name that ends in a unit.
    fn named(name: &str) -> Option<ParameterColumn> {
        let name = name.strip_prefix(PREFIX)?;
        let bare = name.strip_suffix(UNIT);
        Some(ParameterColumn { parameter: bare.unwrap_or(name).to_owned(), in_ms: bare.is_some() })
    }

    fn name(&self) -> String {
        format!("{PREFIX}{}{}", self.parameter, if self.in_ms { UNIT } else { "" })
    }

    /// The field of a run: a whole number without a fraction, so that readers take a column of them for
    /// whole numbers.
    fn cell(&self, run: &RunSpec) -> Cell {
        match run.parameters.iter().find(|(name, _)| *name == self.parameter).map(|(_, value)| value) {
            None => Cell::Empty,
            Some(Value::Duration(duration)) => Cell::count(Some(duration.as_millis())),
            Some(value @ Value::Number(number)) => match value.as_count() {
                Some(count) => Cell::Count(count as u64),
                None => Cell::Number(number.get()),
            },
            Some(Value::Word(word)) => Cell::Text(word.clone()),
        }
    }

    fn value(&self, text: &str) -> Result<Value, String> {
        if self.in_ms {
            let ms: u64 = text.parse().map_err(|_| format!("{text:?} is not a number of milliseconds"))?;
            return Ok(Value::Duration(Duration::from_millis(ms)));
        }
        Ok(Value::typed(text))
    }
}

impl ParameterColumns {
    /// The columns for these runs.
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a RunSpec>) -> ParameterColumns {
        let mut columns: Vec<ParameterColumn> = Vec::new();
        for (name, value) in runs.into_iter().flat_map(|run| &run.parameters) {
            if !columns.iter().any(|column| column.parameter == *name) {
                let in_ms = value.as_duration().is_some();
                columns.push(ParameterColumn { parameter: name.clone(), in_ms });
            }
        }
        columns.sort_by(|a, b| a.parameter.cmp(&b.parameter));
        ParameterColumns(columns)
    }

    /// The columns among those of a file.
    pub fn among<'a>(names: impl IntoIterator<Item = &'a str>) -> ParameterColumns {
        ParameterColumns(names.into_iter().filter_map(ParameterColumn::named).collect())
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(ParameterColumn::name)
    }

    /// A run's fields.
    pub fn cells<'a>(&'a self, run: &'a RunSpec) -> impl Iterator<Item = Cell> + 'a {
        self.0.iter().map(|column| column.cell(run))
    }
}

/// Reads a field, if its column is one of a parameter. An empty one is that of a run without it.
pub(super) fn read(record: &mut RunRecord, name: &str, text: &str) -> Result<(), String> {
    if let Some(column) = ParameterColumn::named(name).filter(|_| !text.is_empty()) {
        let value = column.value(text)?;
        record.run.parameters.push((column.parameter, value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::columns;
    use crate::record::tests::example;

    #[test]
    fn parameters_come_after_all_other_columns_and_read_back() {
        let parameters = vec![
            ("fanout".to_owned(), Value::count(3)),
            ("mode".to_owned(), Value::word("push, \"pull\"")),
            ("period".to_owned(), Value::Duration(Duration::from_millis(1500))),
            ("share".to_owned(), Value::number(0.25)),
        ];
        let record = example(50, 1).with(|record| record.run.parameters = parameters);
        let own = ParameterColumns::of([&record.run]);
        let header = columns::header(&own);
        assert!(header.ends_with(",param_fanout,param_mode,param_period_ms,param_share"), "{header}");
        let line = String::from_utf8(columns::line(&record, &own)).unwrap();
        assert!(line.ends_with(",3,\"push, \"\"pull\"\"\",1500,0.25\n"), "{line}");
        let rows = crate::record::csv_file::parse(&format!("{header}\n{line}")).unwrap();
        assert_eq!(rows.records[0].run, record.run);
        assert_eq!(ParameterColumns::among(header.split(',')), own);
    }
}
