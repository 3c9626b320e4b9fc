//! Pieces of HTML. Text from users and nodes is escaped here.

use std::fmt::Write as _;

use super::Picture;
use super::summary::Sheet;
pub(crate) use crate::markup::escape;

/// Text as HTML, in which no line breaks between a number and its unit or its margin.
pub fn prose(text: &str) -> String {
    const UNITS: [&str; 4] = ["ms", "s", "µs", "%"];
    let is_unit = |word: &str| UNITS.contains(&word.trim_end_matches([',', ';', ':', '.', ')']));
    let mut words = text.split(' ');
    let mut last = words.next().unwrap_or_default();
    let mut html = escape(last);
    for word in words {
        let is_value = last.ends_with(|last: char| last.is_ascii_digit()) && is_unit(word);
        html.push(if is_value || last == "±" || word == "±" { '\u{a0}' } else { ' ' });
        html.push_str(&escape(word));
        last = word;
    }
    html
}

/// A table whose first column names its rows.
pub fn table(caption: &str, sheet: &Sheet) -> String {
    let header: Vec<(&str, bool)> =
        (0..).zip(&sheet.header).map(|(n, name)| (name.as_str(), n == 0)).collect();
    let mut html = open(caption, "", &header);
    for cells in &sheet.rows {
        html.push_str("<tr>");
        for (column, cell) in cells.iter().enumerate() {
            let (open, close) = if column == 0 { ("<th scope=\"row\">", "</th>") } else { ("<td>", "</td>") };
            let _ = write!(html, "{open}{}{close}", escape(cell));
        }
        html.push_str("</tr>\n");
    }
    html + CLOSE
}

/// The start of a table, up to its first row. Each column has a name, and is text or not, that is, numbers.
pub fn open(caption: &str, class: &str, header: &[(&str, bool)]) -> String {
    let mut html = format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\">\
         <table class=\"{class}\"><caption>{0}</caption>\n<thead><tr>",
        escape(caption)
    );
    for &(name, is_text) in header {
        let class = if is_text { " class=\"text\"" } else { "" };
        let _ = write!(html, "<th scope=\"col\"{class}>{}</th>", escape(name));
    }
    html + "</tr></thead>\n<tbody>\n"
}

/// The end of a table.
pub const CLOSE: &str = "</tbody></table></div>\n";

/// A link to a file below the page's own folder, shown as `label`.
pub fn file_link(path: &str, label: &str) -> String {
    // The dot makes every path relative, also one that begins with a slash or looks like a protocol.
    let mut target = "./".to_owned();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                target.push(char::from(byte));
            }
            other => {
                let _ = write!(target, "%{other:02X}");
            }
        }
    }
    format!("<a href=\"{target}\">{}</a>", escape(label))
}

/// A list of names and values.
pub fn definitions(pairs: &[(&str, String)]) -> String {
    let mut html = "<dl>\n".to_owned();
    for (name, value) in pairs {
        let _ = writeln!(html, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), prose(value));
    }
    html + "</dl>\n"
}

/// From this width on, in pixels, a plot has a row of the page for itself.
const WIDE: u32 = 1000;

/// A plot with a description for those who cannot see it, and links to its files.
pub fn picture(picture: &Picture) -> String {
    let Picture { name, caption, svg } = picture;
    let label = format!("<svg role=\"img\" aria-label=\"{}\" ", escape(caption));
    let class = if width(svg) >= WIDE { " class=\"full\"" } else { "" };
    let [file, bitmap] = ["svg", "png"].map(|extension| format!("{name}.{extension}"));
    format!(
        "<figure{class}><div class=\"picture\">\n{}</div><figcaption>{} ({} · {})</figcaption></figure>\n",
        svg.replacen("<svg ", &label, 1),
        escape(caption),
        file_link(&file, "svg"),
        file_link(&bitmap, "png"),
    )
}

/// The width of a plot in pixels.
fn width(svg: &str) -> u32 {
    let digits = svg.split_once("width=\"").and_then(|(_, rest)| rest.split_once('"'));
    digits.and_then(|(digits, _)| digits.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_with_its_unit_and_its_margin() {
        assert_eq!(
            prose("max 409 ± 41 ms (at 5 %), 3 runs < 2 s"),
            "max 409\u{a0}±\u{a0}41\u{a0}ms (at 5\u{a0}%), 3 runs &lt; 2\u{a0}s"
        );
    }

    #[test]
    fn a_link_never_leaves_the_folder_by_its_looks() {
        assert_eq!(file_link("runs/a b/log.txt", "a&b"), "<a href=\"./runs/a%20b/log.txt\">a&amp;b</a>");
        for (path, target) in
            [("javascript:alert(1)", "./javascript%3Aalert%281%29"), ("//host/x", ".///host/x")]
        {
            assert!(
                file_link(path, path).starts_with(&format!("<a href=\"{target}\">")),
                "{}",
                file_link(path, path)
            );
        }
    }
}
