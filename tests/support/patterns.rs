//! The patterns that rule files have.

use std::path::Path;

/// The arguments of all `@rx` in rule files, as httpd hands them over: within
/// quotes `\\` is `\` and `\"` is `"`.
pub fn of_rules(directory: &Path) -> Vec<Vec<u8>> {
    let mut patterns = Vec::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_none_or(|e| e != "conf") {
            continue;
        }
        for line in std::fs::read(&file).unwrap().split(|b| *b == b'\n') {
            let line = line.trim_ascii_start();
            if line.starts_with(b"#") {
                continue;
            }
            for marker in [&b"\"@rx "[..], b"\"!@rx "] {
                if let Some(at) = line.windows(marker.len()).position(|w| w == marker) {
                    patterns.push(unquote(&line[at + marker.len()..]));
                    break;
                }
            }
        }
    }
    patterns
}

fn unquote(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match (byte, rest.peek()) {
            (b'"', _) => break,
            (b'\\', Some(&next @ (b'\\' | b'"'))) => {
                out.push(next);
                rest.next();
            }
            _ => out.push(byte),
        }
    }
    out
}
