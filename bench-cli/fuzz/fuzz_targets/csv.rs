//! A `sweep.csv` that somebody edited: rows or an error, and what is read is what would be written.
#![no_main]

use bench_cli::record::csv_file::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(read) = parse(text) {
        for row in &read.rows {
            assert!(!bench_cli::record::row::cells(row).is_empty());
        }
        drop(bench_cli::report::summary::text(&read.rows, std::path::Path::new("")));
    }
});
