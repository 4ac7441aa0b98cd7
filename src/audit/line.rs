//! One line about a transaction, as the index of a concurrent log and the guardian log have it.

use super::record::Record;
use super::{escape, mask};

/// A line is no longer than this in bytes, its line end included: less than what a pipe keeps whole (4096).
///
/// Compat: mod_security2's limit for files and pipes.
const LONGEST_LINE: usize = 3980;
/// Host, remote log name and user are cut to this many bytes before the request line is.
const LONGEST_NAME: usize = 32;
/// No more of the unique id and the session: names of files may have 255 bytes.
pub(super) const LONGEST_ID: usize = 128;

/// `HOST CLIENT LOGNAME USER [time] "request line" STATUS BYTES "-" "-" ID "SESSION" TAIL`, a blank, and `L` if anything had to be
/// cut for the line to fit.
///
/// Compat: mod_security2's line; words are kept free of blanks whatever their bytes.
pub(super) fn render(record: &Record<'_>, tail: &[u8]) -> Vec<u8> {
    let request = mask::ranges(record.request.line, record.masks.request_line);
    let mut request_line = Vec::with_capacity(request.len());
    escape::quoted(&mut request_line, &request);
    let mut whole = assemble(record, &request_line, usize::MAX, tail);
    if whole.len() + b" \n".len() <= LONGEST_LINE {
        whole.extend_from_slice(b" \n");
        return whole;
    }
    let without_request = assemble(record, b"", LONGEST_NAME, tail);
    let room = LONGEST_LINE.saturating_sub(without_request.len() + b" L\n".len());
    let mut cut = assemble(record, cut_escaped(&request_line, room), LONGEST_NAME, tail);
    cut.extend_from_slice(b" L\n");
    cut
}

fn assemble(record: &Record<'_>, request_line: &[u8], longest_name: usize, tail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + request_line.len());
    word(&mut out, record.hostname, longest_name);
    escape::address(&mut out, record.client.client);
    out.push(b' ');
    word(
        &mut out,
        record.remote_logname.unwrap_or_default(),
        longest_name,
    );
    word(
        &mut out,
        record.remote_user.unwrap_or_default(),
        longest_name,
    );
    out.push(b'[');
    record.zone.civil(record.time).write_log_time(&mut out);
    out.extend_from_slice(b"] \"");
    out.extend_from_slice(request_line);
    out.extend_from_slice(b"\" ");
    escape::decimal(&mut out, u64::from(record.response.status));
    out.push(b' ');
    escape::decimal(&mut out, record.response.bytes_sent);
    out.extend_from_slice(b" \"-\" \"-\" ");
    word(&mut out, record.unique_id, LONGEST_ID);
    out.push(b'"');
    match record.web_app.session {
        b"" => out.push(b'-'),
        session => {
            let mut escaped = Vec::new();
            escape::quoted(&mut escaped, session);
            out.extend_from_slice(cut_escaped(&escaped, longest_name.max(LONGEST_ID)));
        }
    }
    out.extend_from_slice(b"\" ");
    out.extend_from_slice(tail);
    out
}

/// A word and a blank.
fn word(out: &mut Vec<u8>, bytes: &[u8], longest: usize) {
    let mut escaped = Vec::new();
    escape::token(&mut escaped, bytes);
    out.extend_from_slice(cut_escaped(&escaped, longest));
    out.push(b' ');
}

/// At most `longest` bytes of escaped text, without half an escape at its end.
fn cut_escaped(escaped: &[u8], longest: usize) -> &[u8] {
    let Some(cut) = escaped.get(..longest) else {
        return escaped;
    };
    let mut end = 0;
    while let Some(rest) = cut.get(end..).filter(|rest| !rest.is_empty()) {
        let length = match rest {
            [b'\\', b'x', ..] => 4,
            [b'\\', ..] => 2,
            _ => 1,
        };
        if length > rest.len() {
            break;
        }
        end += length;
    }
    cut.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_leaves_no_half_escapes() {
        for (longest, expected) in [
            (0, ""),
            (1, "a"),
            (2, "a"),
            (3, "a\\n"),
            (6, "a\\n"),
            (7, "a\\n\\x1b"),
            (8, "a\\n\\x1bb"),
            (99, "a\\n\\x1bb"),
        ] {
            assert_eq!(
                cut_escaped(b"a\\n\\x1bb", longest),
                expected.as_bytes(),
                "{longest}"
            );
        }
    }
}
