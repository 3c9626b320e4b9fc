//! Which file or folder a URL reaches: only those below the served folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::report::index;

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A file, without links in its path.
    File(PathBuf, Kind),
    /// A folder, without links in its path.
    Folder(PathBuf),
    /// Nothing that may be shown.
    Nothing,
}

/// The type of a file for the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A page of bench-cli, which has its own content security policy.
    Page,
    /// A page or drawing of a run. Parts of it may come from a node.
    Foreign(&'static str),
    /// A PNG image.
    Png,
    /// A PDF.
    Pdf,
    /// Anything that can be read as text.
    Text,
    /// Anything else, to be kept as a file.
    Bytes,
}

impl Kind {
    fn of(path: &Path) -> Kind {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "html" if name.ends_with("report.html") => Kind::Page,
            "html" => Kind::Foreign("text/html; charset=utf-8"),
            "svg" => Kind::Foreign("image/svg+xml"),
            "png" => Kind::Png,
            "pdf" => Kind::Pdf,
            "txt" | "log" | "csv" | "md" | "edn" | "toml" | "json" | "" => Kind::Text,
            _ => Kind::Bytes,
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Kind::Page => "text/html; charset=utf-8",
            Kind::Foreign(content_type) => content_type,
            Kind::Png => "image/png",
            Kind::Pdf => "application/pdf",
            Kind::Text => "text/plain; charset=utf-8",
            Kind::Bytes => "application/octet-stream",
        }
    }

    /// The content security policy, if the file has none of its own.
    pub(super) const fn policy(self) -> Option<&'static str> {
        match self {
            Kind::Foreign(_) => {
                Some("default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; sandbox")
            }
            Kind::Page | Kind::Png | Kind::Pdf | Kind::Text | Kind::Bytes => None,
        }
    }
}

/// What the path of a URL leads to below `root`, which has no links in its path. Links are followed as long
/// as they stay below it: a run's `store/latest` is one.
pub(super) fn find(root: &Path, url_path: &str) -> Found {
    let Some(decoded) = decoded(url_path) else { return Found::Nothing };
    let mut path = root.to_owned();
    for part in decoded.split('/').filter(|part| !part.is_empty() && *part != ".") {
        // Hidden files are private, and `..` would leave the folder.
        if part.starts_with('.') || part.contains(['\0', '\\']) {
            return Found::Nothing;
        }
        path.push(part);
    }
    match path.canonicalize() {
        Ok(path) if !path.starts_with(root) => Found::Nothing,
        Ok(path) if path.is_dir() => Found::Folder(path),
        // Reading a pipe or a device would never end.
        Ok(path) if path.is_file() => {
            let kind = Kind::of(&path);
            Found::File(path, kind)
        }
        _ => Found::Nothing,
    }
}

/// A path with its `%20`s as characters. `None` if that is not text.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        rest = others;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, others) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = others;
    }
    String::from_utf8(bytes).ok()
}

/// The page of a folder that is not a sweep's list: what is in it.
pub(super) fn listing(root: &Path, folder: &Path, url_path: &str) -> io::Result<String> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(if entry.path().is_dir() { name + "/" } else { name });
        }
    }
    names.sort();
    let shown = folder.strip_prefix(root).unwrap_or(folder).display().to_string();
    Ok(index::folder(&shown, url_path, &names))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let place = tempfile::tempdir().unwrap();
        let outside = place.path().canonicalize().unwrap();
        let root = outside.join("served");
        fs::create_dir_all(root.join("run/store/x")).unwrap();
        fs::write(outside.join("secret.txt"), "secret").unwrap();
        fs::write(root.join("run/store/x/a b.edn"), "{}").unwrap();
        fs::write(root.join(".hidden"), "").unwrap();
        symlink("x", root.join("run/store/latest")).unwrap();
        symlink(outside.join("secret.txt"), root.join("link.txt")).unwrap();
        symlink("..", root.join("up")).unwrap();
        let file = root.join("run/store/x/a b.edn");
        for path in ["/run/store/x/a%20b.edn", "/run//./store/latest/a%20b.edn"] {
            assert_eq!(find(&root, path), Found::File(file.clone(), Kind::Text), "{path}");
        }
        assert_eq!(find(&root, "/run/"), Found::Folder(root.join("run")));
        for path in [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/run/..%2f..%2fsecret.txt",
            "/..%5csecret.txt",
            "/link.txt",
            "/up/secret.txt",
            "/.hidden",
            "/%00",
            "/%",
            "/%f",
            "/%ff",
            "/nothing",
            "//etc/passwd",
            "/run/%2fetc/passwd",
        ] {
            assert_eq!(find(&root, path), Found::Nothing, "{path}");
        }
    }

    #[test]
    fn files_that_a_node_may_have_written_cannot_run_scripts() {
        let of = |name: &str| Kind::of(Path::new(name));
        assert_eq!(of("report.html"), Kind::Page);
        assert!(of("timeline.html").policy().unwrap().contains("sandbox"));
        assert!(of("messages.svg").policy().unwrap().contains("sandbox"));
        assert_eq!((of("history.edn"), of("log.txt"), of("x.bin")), (Kind::Text, Kind::Text, Kind::Bytes));
    }
}
