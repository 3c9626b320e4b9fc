//! The challenge run in virtual time, checker included: 25 nodes, 2,000 operations, 30 virtual seconds.

use std::time::Duration;

use bench_cli::engine::simulated;
use bench_cli::spec::settings::Settings;
use criterion::{Criterion, criterion_group, criterion_main};
use node::StrategyKind;

fn challenge_run(criterion: &mut Criterion) {
    let settings = Settings::default();
    let mut group = criterion.benchmark_group("challenge run, 200 ms");
    for strategy in StrategyKind::ALL {
        let config = node::Config { strategy, batch_timeout: Duration::from_millis(200) };
        let mut seed = 0;
        group.bench_function(strategy.name(), |bencher| {
            bencher.iter(|| {
                seed += 1;
                simulated::run(&settings, config, seed).expect("nodes that start")
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(Duration::from_secs(5));
    targets = challenge_run
}
criterion_main!(benches);
