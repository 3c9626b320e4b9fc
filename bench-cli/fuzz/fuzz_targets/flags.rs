//! What users type: durations, lists, ranges, templates, settings.
#![no_main]

use std::time::Duration;

use bench_cli::spec::durations::{DefaultUnit, parse_duration};
use bench_cli::spec::list;
use bench_cli::spec::settings::{Availability, Concurrency, LatencyDistribution, Topology};
use bench_cli::spec::names::plain_name;
use bench_cli::spec::setting::Setting;
use bench_cli::spec::template::ArgsTemplate;
use bench_cli::spec::value::Value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for unit in [DefaultUnit::Milliseconds, DefaultUnit::Seconds] {
        if let Ok(duration) = parse_duration(text, unit) {
            assert_eq!(duration.subsec_nanos() % 1_000_000, 0);
        }
        if let Ok(list) = list::durations(text, unit) {
            assert!(!list.is_empty() && list.is_sorted() && list.len() <= 20_000);
        }
    }
    if let Ok(template) = ArgsTemplate::parse(text) {
        let timeout = Value::Duration(Duration::from_millis(50));
        drop(template.fill(&[("batch_timeout", timeout, "50ms".to_owned())]));
    }
    for setting in Setting::ALL {
        drop(setting.parse_list(text));
    }
    let name = plain_name(text);
    assert!(name.chars().count() <= 60 && !name.contains(['/', '\\', '\0']));
    let _ = text.parse::<Concurrency>();
    let _ = text.parse::<Availability>();
    let _ = text.parse::<Topology>();
    let _ = text.parse::<LatencyDistribution>();
});
