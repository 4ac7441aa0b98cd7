//! Configuration files without httpd: for the command line tool and for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directive::Place;
use super::directives::DIRECTIVES;
use super::section::DirConfig;
use crate::limits;
use crate::seclang;
use crate::types::Origin;

/// A mistake in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// Where the directive stands.
    pub origin: Origin,
    /// The sentence, perhaps with the line and a caret.
    pub message: String,
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}:{}: {}",
            self.origin.file, self.origin.line, self.message
        )
    }
}

impl std::error::Error for FileError {}

/// Reads a file into one section, as httpd would read it at server level.
///
/// `Include` and `IncludeOptional` are followed, with wildcards in the last part of the path. Directives that are not
/// Palisade's are httpd's business and are passed over, and so are the lines that open and close sections: their
/// contents are read as if they stood at server level.
pub fn read_file(path: &Path, config: &DirConfig) -> Result<(), FileError> {
    let text = std::fs::read(path).map_err(|error| FileError {
        origin: Origin::default(),
        message: format!("cannot read {}: {error}", path.display()),
    })?;
    read(path, &text, 0, config)
}

/// Reads a text into one section; `name` stands for its file in messages.
pub fn read_text(name: &str, text: &str, config: &DirConfig) -> Result<(), FileError> {
    read(Path::new(name), text.as_bytes(), 0, config)
}

/// Reads what is `depth` Includes deep; [`limits::INCLUDE_DEPTH_LIMIT`] bounds the recursion.
fn read(path: &Path, text: &[u8], depth: usize, config: &DirConfig) -> Result<(), FileError> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let file: Arc<str> = Arc::from(path.to_string_lossy());
    for (line, directive) in logical_lines(text) {
        let origin = Origin {
            file: Arc::clone(&file),
            line,
        };
        let fail = |message: String| FileError {
            origin: origin.clone(),
            message,
        };
        let length = directive
            .iter()
            .take_while(|byte| !byte.is_ascii_whitespace())
            .count();
        let (name, arguments) = directive.split_at(length);
        let arguments = arguments.trim_ascii();
        let name = String::from_utf8_lossy(name);
        if name.eq_ignore_ascii_case("Include") || name.eq_ignore_ascii_case("IncludeOptional") {
            if depth == limits::INCLUDE_DEPTH_LIMIT {
                return Err(fail(format!("Include is nested deeper than {depth} files")));
            }
            for word in seclang::split(arguments) {
                let found = expand(&directory.join(&*word.lossy()));
                if found.is_empty() && name.eq_ignore_ascii_case("Include") {
                    return Err(fail(format!("no file matches {}", word.lossy())));
                }
                for included in found {
                    let text = std::fs::read(&included).map_err(|error| {
                        fail(format!("cannot read {}: {error}", included.display()))
                    })?;
                    read(&included, &text, depth + 1, config)?;
                }
            }
            continue;
        }
        let Some(known) = DIRECTIVES
            .iter()
            .find(|known| known.name.eq_ignore_ascii_case(&name))
        else {
            continue;
        };
        let place = Place {
            origin: origin.clone(),
            in_virtual_host: false,
            server_root: directory,
            at_restart: false,
        };
        known.apply(arguments, config, &place).map_err(fail)?;
    }
    Ok(())
}

/// Lines with their continuations joined; comments and empty lines left out. Compat: httpd's rules, and its line
/// number of a joined line: that of its last part.
fn logical_lines(text: &[u8]) -> impl Iterator<Item = (u32, Vec<u8>)> + '_ {
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
    .filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"<"))
}

fn strip_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The files that a path with wildcards in its last part means, in alphabetical order.
fn expand(path: &Path) -> Vec<PathBuf> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    if !name.contains(['*', '?']) {
        return if path.exists() {
            vec![path.to_owned()]
        } else {
            Vec::new()
        };
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|found| wildcard(name.as_bytes(), found.to_string_lossy().as_bytes()))
        })
        .collect();
    found.sort();
    found
}

/// Whether a name matches a pattern of `*` and `?`.
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
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
