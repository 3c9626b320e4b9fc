//! Results and histories: any text is a value or an error that says where.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match bench_cli::edn::parse(text) {
        Ok(value) => drop(value.to_string()),
        Err(error) => assert!(error.line >= 1 && error.column >= 1),
    }
    if let Ok(history) = bench_cli::harness::history_file::read_edn(text) {
        let report = bench_cli::harness::checker::check(&history, None);
        drop(bench_cli::harness::results::from_history(&history, &report).pretty());
    }
});
