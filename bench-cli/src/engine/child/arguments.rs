//! The arguments of `maelstrom test`.

use std::ffi::OsString;

use crate::spec::settings::{NodeCommand, Settings};

/// The arguments of `maelstrom test` for these settings, up to the node's own.
pub(super) fn test_arguments(settings: &Settings) -> Vec<OsString> {
    let Settings {
        node_count, concurrency, rate, time_limit, latency, topology, nemesis, availability, ..
    } = settings;
    let mut args: Vec<String> = ["test", "-w", "broadcast"].map(String::from).into();
    let mut option = |name: &str, value: String| args.extend([format!("--{name}"), value]);
    option("node-count", node_count.to_string());
    option("concurrency", concurrency.to_string());
    option("rate", rate.to_string());
    option("time-limit", time_limit.as_secs().to_string());
    option("latency", latency.mean.as_millis().to_string());
    option("latency-dist", latency.distribution.to_string());
    option("topology", topology.to_string());
    if !nemesis.faults.is_empty() {
        option("nemesis", nemesis.faults.to_string());
        option("nemesis-interval", nemesis.interval.as_secs_f64().to_string());
    }
    if let Some(availability) = availability {
        option("availability", availability.to_string());
    }
    args.into_iter().map(OsString::from).collect()
}

/// The arguments that name the node's program, followed by the node's own.
pub(super) fn node_arguments(node: &NodeCommand) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["--bin".into(), node.bin.clone().into()];
    if !node.args.is_empty() {
        args.push("--".into());
        args.extend(node.args.iter().map(OsString::from));
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::settings::{Availability, Faults, Nemesis};
    use std::time::Duration;

    fn joined(args: &[OsString]) -> String {
        args.iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn settings_become_maelstroms_options() {
        assert_eq!(
            joined(&test_arguments(&Settings::default())),
            "test -w broadcast --node-count 25 --concurrency 1n --rate 100 --time-limit 20 --latency 100 \
             --latency-dist constant --topology grid"
        );
        let faulty = Settings {
            nemesis: Nemesis { faults: Faults::partition(), interval: Duration::from_secs(5) },
            availability: Some(Availability::Fraction(0.9)),
            rate: 2.5,
            ..Settings::default()
        };
        let args = joined(&test_arguments(&faulty));
        assert!(args.contains("--rate 2.5 "), "{args}");
        assert!(args.ends_with("--nemesis partition --nemesis-interval 5 --availability 0.9"), "{args}");
    }

    #[test]
    fn a_node_without_arguments_gets_no_separator() {
        let node = NodeCommand { bin: "/n".into(), args: Vec::new(), env: Vec::new() };
        assert_eq!(joined(&node_arguments(&node)), "--bin /n");
        let node = NodeCommand { args: vec!["--x".to_owned()], ..node };
        assert_eq!(joined(&node_arguments(&node)), "--bin /n -- --x");
    }
}
