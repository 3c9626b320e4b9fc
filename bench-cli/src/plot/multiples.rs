//! Small multiples: many series in several panels on the same axes, each with few enough to be distinguished.

use crate::analysis::Series;

/// The most series that one panel shows.
const MOST: usize = 6;

/// The series of each panel, in their order. Those that share the first parts of their names (their first
/// parameters) are together; if that gives many panels or large ones, each has as many as it can show.
pub fn multiples<'s, 'a>(series: &'s [Series<'a>]) -> Vec<&'s [Series<'a>]> {
    if series.len() <= MOST {
        return vec![series];
    }
    let parts = |series: &Series<'_>| series.name.split(", ").count();
    let longest = series.iter().map(parts).max().unwrap_or(1);
    let by_parts =
        |count| series.chunk_by(move |a, b| first(&a.name, count) == first(&b.name, count)).collect();
    let few = series.len().div_ceil(MOST) * 2;
    let fits =
        |panels: &Vec<&[Series<'a>]>| panels.len() <= few && panels.iter().all(|panel| panel.len() <= MOST);
    (1..=longest).map(by_parts).find(fits).unwrap_or_else(|| series.chunks(MOST).collect())
}

/// The first parts of a name.
fn first(name: &str, count: usize) -> Vec<&str> {
    name.split(", ").take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RunRecord;
    use crate::record::tests::example;
    use crate::spec::value::Value;

    fn sizes(a: usize, b: usize) -> Vec<usize> {
        let run = |(a, b): (usize, usize)| {
            example(100, 1).with(|record| {
                let parameters =
                    [("a", a), ("b", b)].map(|(name, value)| (name.to_owned(), Value::count(value)));
                record.run.parameters = parameters.to_vec();
            })
        };
        let all = (1..=a).flat_map(|a| (1..=b).map(move |b| (a, b)));
        let records: Vec<RunRecord> = all.map(run).collect();
        multiples(&Series::group(&records)).iter().map(|panel| panel.len()).collect()
    }

    #[test]
    fn a_panel_has_one_value_of_the_first_parameter_if_that_leaves_few_panels() {
        assert_eq!(sizes(2, 3), [6]);
        assert_eq!(sizes(3, 3), [3, 3, 3]);
        assert_eq!(sizes(2, 6), [6, 6]);
        assert_eq!(sizes(10, 1), [6, 4]);
        assert_eq!(sizes(1, 9), [6, 3]);
    }
}
