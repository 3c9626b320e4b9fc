//! `sweep.json`: an array with an object for each run.

use crate::record::Row;

/// The rows with the names of the CSV's columns; a figure that a run does not have is `null`.
///
/// # Errors
/// Never for rows that came from a CSV; JSON has no way to write infinities.
pub fn rows(rows: &[Row]) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(rows)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Status;
    use crate::record::row::tests::example;

    #[test]
    fn rows_read_back_as_they_were() {
        let failed = Row { status: Status::TimedOut, stable_p50_ms: None, ..example(100, 2) };
        let written = rows(&[example(50, 1), failed.clone()]).unwrap();
        assert!(written.contains("\"stable_p50_ms\": null") && written.contains("\"status\": \"timed-out\""));
        assert_eq!(serde_json::from_str::<Vec<Row>>(&written).unwrap(), [example(50, 1), failed]);
    }
}
