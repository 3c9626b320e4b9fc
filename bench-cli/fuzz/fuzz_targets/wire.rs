//! Lines on a node's stdin: any bytes are a message or an error, in any order.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut wire = node::wire::Wire::default();
    for line in input.split(|&byte| byte == b'\n') {
        if let Err(skipped) = wire.parse(line) {
            assert!(!skipped.to_string().is_empty());
        }
    }
});
