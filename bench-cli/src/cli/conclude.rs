//! What `sweep` and `plot` end with: tables, advice, pictures.

use std::path::Path;

use super::limits::LimitArgs;
use crate::analysis::Series;
use crate::outcome::Row;
use crate::plot;
use crate::report::advice;
use crate::sweep::plan::plain_name;
use crate::sweep::summary;

/// The fits' picture; each series has one of its own, too.
const LATENCY_FIT: &str = "latency-fit";

/// Prints what the rows of a sweep say, and what they say of the limits.
pub fn print(rows: &[Row], folder: &Path, limits: &LimitArgs) {
    println!("{}", summary::text(rows, folder).trim_end());
    let series = Series::group(rows);
    print!("{}", advice::text(&series, limits.for_series(&series)));
    println!();
}

/// Draws every picture of a sweep into `folder`: all series side by side on the same axes, and if there are
/// several, each by itself too, since a slow one leaves the others little of the common axis.
///
/// # Errors
/// If there is nothing to draw or a file cannot be written.
pub fn draw_all(rows: &[Row], folder: &Path) -> anyhow::Result<()> {
    for (name, draw) in plot::PICTURES {
        write_both(&draw(rows)?, folder, name)?;
    }
    let series = Series::group(rows);
    for series in series.iter().filter(|one| series.len() > 1 && one.rows.iter().any(|row| row.is_ok())) {
        let rows: Vec<Row> = series.rows.iter().copied().cloned().collect();
        let name = format!("{LATENCY_FIT}-{}", plain_name(&series.name));
        write_both(&plot::latency::draw(&rows)?, folder, &name)?;
    }
    Ok(())
}

/// Writes a picture as SVG and as PNG.
fn write_both(svg: &str, folder: &Path, name: &str) -> anyhow::Result<()> {
    for extension in ["svg", "png"] {
        let file = folder.join(format!("{name}.{extension}"));
        plot::write(svg, &file)?;
        println!("drew {}", file.display());
    }
    Ok(())
}
