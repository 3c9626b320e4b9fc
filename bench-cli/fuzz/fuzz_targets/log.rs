//! A node's log that a broken disk returned: read up to the first bad line, and what is read is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use node::storage::record::read;

fuzz_target!(|bytes: &[u8]| {
    let held = read(bytes);
    let again = read(&bytes[..held.length]);
    assert_eq!(held.values.as_slice(), again.values.as_slice());
    assert_eq!(
        (held.length, held.checksum, held.incarnation),
        (again.length, again.checksum, again.incarnation)
    );
});
