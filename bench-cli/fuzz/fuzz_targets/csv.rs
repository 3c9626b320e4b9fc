//! A `sweep.csv` that somebody edited: rows or an error, and what is read is what would be written.
#![no_main]

use std::path::Path;

use bench_cli::record::columns;
use bench_cli::record::csv_file::parse;
use bench_cli::record::parameter_columns::ParameterColumns;
use bench_cli::report::summary;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(read) = parse(text) {
        for record in &read.records {
            assert!(!columns::line(record, &ParameterColumns::default()).is_empty());
        }
        drop(summary::text(&read.records, None, &[], Path::new("")));
    }
});
