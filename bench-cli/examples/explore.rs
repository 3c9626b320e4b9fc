use std::time::*;
use bench_cli::engine::simulated::Simulation;
use bench_cli::settings::Settings;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let strategy = node::StrategyKind::ALL.into_iter().find(|s| s.name() == args[1]).unwrap();
    let seeds: u64 = args[3].parse().unwrap();
    for t in args[2].split(',') {
        let t: u64 = t.parse().unwrap();
        let mut rows = vec![]; let start = Instant::now(); let mut events = 0; let mut idle = true;
        for seed in 0..seeds {
            let settings = Settings::default();
            let config = node::Config { strategy, batch_timeout: Duration::from_millis(t) };
            let mut s = Simulation::new(&settings, config, seed);
            s.run_to_end().unwrap(); events += s.events();
            let c = s.message_counts();
            if args.len() > 4 { idle &= s.settle(); }
            let f = s.finish(&settings);
            let ops = bench_cli::harness::checker::invocations(&f.history);
            let q = f.report.workload.stable_latencies.unwrap();
            rows.push((c.servers.sent as f64 / ops as f64, q.median, q.p95, q.p99, q.max));
        }
        let el = start.elapsed();
        let med = |f: &dyn Fn(&(f64,u64,u64,u64,u64)) -> f64| { let mut v: Vec<f64> = rows.iter().map(f).collect(); v.sort_by(f64::total_cmp); (v[v.len()/2], v[0], v[v.len()-1]) };
        let m = med(&|r| r.0); let x = med(&|r| r.4 as f64);
        println!("{t:5} m {:.3} [{:.3}-{:.3}] p50 {} p95 {} p99 {} max {} [{}-{}]  {:.2} ms/run {} ev/run idle {idle}", m.0, m.1, m.2, med(&|r| r.1 as f64).0, med(&|r| r.2 as f64).0, med(&|r| r.3 as f64).0, x.0, x.1, x.2, el.as_secs_f64()*1e3/seeds as f64, events/seeds);
    }
}
