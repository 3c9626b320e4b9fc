//! How property tests draw their cases. Shared by both crates: bench-cli includes this file by its path.

use proptest::test_runner::{Config, RngSeed};

/// Multiplies the number of cases. `make props` sets it, along with a fresh `PROPTEST_RNG_SEED`.
const CASES_FACTOR: &str = "PROPS_CASES_FACTOR";

/// `cases` cases from a fixed seed, so that a run in CI fails only because of a change. `PROPTEST_RNG_SEED`
/// replaces the seed.
///
/// A failure repeats by itself from the same seed, so no file has to remember it.
pub fn config(cases: u32) -> Config {
    let from_environment = Config::default();
    let rng_seed = match from_environment.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        chosen => chosen,
    };
    let factor = std::env::var(CASES_FACTOR).map_or(1, |text| text.parse().expect(CASES_FACTOR));
    Config { cases: cases * factor, rng_seed, failure_persistence: None, ..from_environment }
}
