//! Lines and files of a configuration, as httpd has them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lines with their continuations joined; comments and empty lines left out. Compat: httpd's rules, and its line
/// number of a joined line: that of its last part.
pub(super) fn logical_lines(text: &[u8]) -> impl Iterator<Item = (u32, Vec<u8>)> + '_ {
    let mut lines = text.split(|&byte| byte == b'\n').zip(1u32..);
    std::iter::from_fn(move || {
        let (first, mut number) = lines.next()?;
        let mut joined = strip_cr(first).to_vec();
        while joined.last() == Some(&b'\\') {
            joined.pop();
            let Some((next, at)) = lines.next() else {
                break;
            };
            joined.extend_from_slice(strip_cr(next));
            number = at;
        }
        Some((number, joined.trim_ascii().to_vec()))
    })
    .filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#"))
}

fn strip_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The name at the beginning of a line, and what follows it.
pub(super) fn name_and_rest(line: &[u8]) -> (String, &[u8]) {
    let length = line
        .iter()
        .take_while(|byte| !byte.is_ascii_whitespace())
        .count();
    let (name, rest) = line.split_at(length);
    (
        String::from_utf8_lossy(name).into_owned(),
        rest.trim_ascii(),
    )
}

/// A line with `${NAME}` replaced where the name is known. Compat: what is not known stays as it is.
pub(super) fn expanded(line: &[u8], known: &BTreeMap<String, String>) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = memchr::memmem::find(rest, b"${") {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before);
        let name = after.get(2..).unwrap_or_default();
        let end = name.iter().position(|byte| *byte == b'}');
        let value = end.and_then(|end| {
            let name = String::from_utf8_lossy(name.get(..end)?).into_owned();
            let value = known.get(&name).cloned();
            value.or_else(|| std::env::var(name).ok())
        });
        match (end, value) {
            (Some(end), Some(value)) => {
                out.extend_from_slice(value.as_bytes());
                rest = name.get(end + 1..).unwrap_or_default();
            }
            _ => {
                out.extend_from_slice(b"${");
                rest = name;
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

/// The files that a path means: with wildcards in its last part, in alphabetical order; of a directory, all in it.
pub(super) fn matching_files(path: &Path) -> Vec<PathBuf> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    if !name.contains(['*', '?']) {
        return match (path.is_dir(), path.exists()) {
            (true, _) => listed(path, |_| true),
            (false, true) => vec![path.to_owned()],
            (false, false) => Vec::new(),
        };
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    listed(directory, |found| {
        wildcard(name.as_bytes(), found.as_bytes())
    })
}

fn listed(directory: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter(|entry| wanted(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .filter(|path| !path.is_dir())
        .collect();
    found.sort();
    found
}

/// Whether a name matches a pattern of `*` and `?`.
pub(super) fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, n + 1));
                p += 1;
            }
            Some(&byte) if byte == b'?' || Some(&byte) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    p = after;
                    n = from;
                    retry = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern
        .get(p..)
        .unwrap_or_default()
        .iter()
        .all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_where_they_are_known() {
        let known = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        let expand = |line: &str| String::from_utf8(expanded(line.as_bytes(), &known)).unwrap();
        assert_eq!(
            expand("x ${A}${A} ${B_UNKNOWN} ${ %{A} $"),
            "x 11 ${B_UNKNOWN} ${ %{A} $"
        );
    }

    #[test]
    fn wildcards() {
        assert!(wildcard(b"*.conf", b"a.conf") && wildcard(b"a?c*", b"abc"));
        assert!(!wildcard(b"*.conf", b"a.confx") && !wildcard(b"a", b"ab"));
    }
}
