//! A node's log that a broken disk returned: any bytes, and a sound log with a part cut off or replaced.
#![no_main]

use libfuzzer_sys::fuzz_target;
use node::storage::record::{Checksum, Held, read, write_life, write_line, write_values};
use node::{Incarnation, Value, Values};

/// A checksum, a space and the word before the values. A longer replacement could forge a line, because the
/// fuzzer learns the checksum that the reader compares with.
const LONGEST_REPLACEMENT: usize = 16;

/// What is read is a prefix, and it is read again.
fn read_twice(bytes: &[u8]) -> Held {
    let held = read(bytes);
    let again = read(&bytes[..held.length]);
    assert_eq!(held.values.as_slice(), again.values.as_slice());
    assert_eq!(
        (held.length, held.checksum, held.incarnation),
        (again.length, again.checksum, again.incarnation)
    );
    held
}

fuzz_target!(|input: (Vec<Vec<(i64, &str)>>, u16, &[u8], bool)| {
    let (batches, at, garbage, keeps_rest) = input;
    read_twice(garbage);
    let (mut sound, mut written) = (Vec::new(), Values::default());
    let mut checksum = write_line(Checksum::default(), &mut sound, |line| write_life(Incarnation(7), line));
    // How many values are in the log at the end of each line.
    let mut ends = vec![(sound.len(), 0)];
    for batch in batches {
        let value = |(number, json): (i64, &str)| Value::from_json(json).unwrap_or(Value::Int(number));
        let batch: Vec<Value> = batch.into_iter().map(value).collect();
        checksum = write_line(checksum, &mut sound, |line| write_values(&batch, line));
        for value in &batch {
            written.insert(value);
        }
        ends.push((sound.len(), written.len()));
    }
    assert_eq!(read_twice(&sound).values.as_slice(), written.as_slice());

    let garbage = &garbage[..garbage.len().min(LONGEST_REPLACEMENT)];
    let at = usize::from(at) % (sound.len() + 1);
    let rest = if keeps_rest { &sound[(at + garbage.len()).min(sound.len())..] } else { &[] };
    let held = read_twice(&[&sound[..at], garbage, rest].concat());
    assert!(written.as_slice().starts_with(held.values.as_slice()), "garbage was read");
    let kept = ends.iter().take_while(|(end, _)| *end <= at).last().map_or(0, |(_, values)| *values);
    assert!(held.values.len() >= kept, "a sound line was lost");
});
