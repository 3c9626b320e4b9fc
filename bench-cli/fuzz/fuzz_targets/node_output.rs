//! What a node writes to stdout: any bytes are lines, and any line is a message or an error.
#![no_main]

use bench_cli::harness::payload::{Payload as _, Rpc};
use bench_cli::harness::services::Reply;
use bench_cli::json::first_value;
use bench_cli::runner::json::parse_line;
use bench_cli::runner::lines::LineSplitter;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut splitter = LineSplitter::default();
    let mut lines = Vec::new();
    for piece in bytes.chunks(64) {
        splitter.buffer().extend_from_slice(piece);
        splitter.split(|line| lines.push(line.to_owned()));
    }
    splitter.finish(|line| lines.push(line.to_owned()));
    for line in &lines {
        let value = first_value(line);
        if let Ok(value) = &value {
            let text = value.to_string();
            assert_eq!(first_value(&text).map(|again| again.to_string()), Ok(text));
        }
        match parse_line(line) {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(message) => {
                assert!(value.is_ok(), "{line} is a message and not JSON");
                let _ = (message.body.in_reply_to(), message.body.service_request());
                let _ = message.body.service_reply(&Reply::Written);
                for rpc in [Rpc::Init, Rpc::Topology, Rpc::Broadcast, Rpc::Read] {
                    let _ = message.body.clone().response(rpc);
                }
            }
        }
    }
});
