//! A `sweep.csv` that somebody edited: rows or an error, and what is read is what would be written.
#![no_main]

use bench_cli::record::csv_file::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(read) = parse(text) {
        for record in &read.records {
            assert!(!bench_cli::record::columns::line(record).is_empty());
        }
        drop(bench_cli::report::summary::text(&read.records, &[], std::path::Path::new("")));
    }
});
