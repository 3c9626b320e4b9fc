//! `sweep.json`: an array with an object for each run.

use serde::{Serialize, Serializer};

use crate::record::RunRecord;
use crate::record::columns::{self, Cell};
use crate::record::parameter_columns::ParameterColumns;

/// The records with the names of the CSV's columns, in their order. A figure that a run does not have is
/// `null`.
///
/// # Errors
/// If a number is infinite, which JSON cannot express and no record of a CSV has.
pub fn rows(records: &[RunRecord]) -> anyhow::Result<String> {
    let parameters = ParameterColumns::of(records.iter().map(|record| &record.run));
    let objects: Vec<Object<'_>> = records.iter().map(|record| Object(record, &parameters)).collect();
    Ok(serde_json::to_string_pretty(&objects)? + "\n")
}

struct Object<'a>(&'a RunRecord, &'a ParameterColumns);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Object(record, parameters) = self;
        let fixed = columns::all().iter().map(|column| (column.name.to_owned(), column.cell(record)));
        let all = fixed.chain(parameters.names().zip(parameters.cells(&record.run)));
        serializer.collect_map(all.map(|(name, cell)| (name, Field(cell))))
    }
}

struct Field(Cell);

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Cell::Empty => serializer.serialize_none(),
            Cell::Count(count) => serializer.serialize_u64(*count),
            Cell::Number(number) => serializer.serialize_f64(*number),
            Cell::Flag(flag) => serializer.serialize_bool(*flag),
            Cell::Text(text) => serializer.serialize_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Status;
    use crate::record::tests::example;

    #[test]
    fn every_field_has_the_value_of_its_column() {
        let failed = example(100, 2).with(|record| {
            record.measured.status = Status::TimedOut;
            record.measured.figures = None;
        });
        let records = [example(50, 1), failed];
        let written = rows(&records).unwrap();
        assert!(written.contains("\"stable_p50_ms\": null") && written.contains("\"status\": \"timed-out\""));
        let read: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(&written).unwrap();
        for (object, record) in read.iter().zip(&records) {
            assert_eq!(object.len(), columns::all().len());
            for column in columns::all() {
                let shown = match &object[column.name] {
                    serde_json::Value::Null => String::new(),
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                assert_eq!(shown, column.cell(record).text(), "{}", column.name);
            }
        }
        let names = written.split('"').filter(|word| columns::all().iter().any(|one| one.name == *word));
        assert!(names.take(columns::all().len()).eq(columns::all().iter().map(|column| column.name)));
    }
}
