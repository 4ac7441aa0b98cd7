//! The two headers that shape a multipart body: the body's `Content-Type` and each part's `Content-Disposition`.
//!
//! Both are read as mod_security2 reads them, which is stricter than the RFCs: whatever two applications might read
//! differently is an error.

use super::Flags;
use crate::limits::{MULTIPART_BOUNDARY_LIMIT, MULTIPART_CONTENT_TYPE_LIMIT};

const MEDIA_TYPE: &[u8] = b"multipart/form-data";
const PARAMETER: &[u8] = b"boundary";

/// The boundary that a `Content-Type` names.
pub(super) fn boundary<'a>(
    content_type: &'a [u8],
    flags: &mut Flags,
) -> Result<&'a [u8], &'static str> {
    if content_type.is_empty() {
        return Err("Multipart: Content-Type header not available.");
    }
    if content_type.len() > MULTIPART_CONTENT_TYPE_LIMIT {
        return Err("Multipart: Invalid boundary in C-T (length).");
    }
    let (media_type, parameters) = content_type
        .split_at_checked(MEDIA_TYPE.len())
        .filter(|(media_type, _)| media_type.eq_ignore_ascii_case(MEDIA_TYPE))
        .ok_or("Multipart: Invalid MIME type.")?;
    debug_assert_eq!(media_type.len(), MEDIA_TYPE.len());

    let lower = parameters.to_ascii_lowercase();
    let mut occurrences = memchr::memmem::find_iter(&lower, PARAMETER);
    let start = occurrences
        .next()
        .ok_or("Multipart: Boundary not found in C-T.")?;
    let is_parameter = |at: usize| lower.get(at..).unwrap_or_default().contains(&b'=');
    if occurrences.any(is_parameter) {
        return Err("Multipart: Multiple boundary parameters in C-T.");
    }
    let (before, parameter) = parameters.split_at(start);
    let (name, value) = parameter.split_at(PARAMETER.len());
    if name != PARAMETER {
        return Err("Multipart: Invalid boundary in C-T (case sensitivity).");
    }
    match before.trim_ascii() {
        b";" => {}
        b"" => flags.missing_semicolon = true,
        _ => return Err("Multipart: Invalid boundary in C-T (malformed)."),
    }

    let equals =
        memchr::memchr(b'=', value).ok_or("Multipart: Invalid boundary in C-T (malformed).")?;
    let (between, value) = value.split_at(equals);
    if !between.trim_ascii().is_empty() {
        return Err("Multipart: Invalid boundary in C-T (parameter name).");
    }
    let value = value.get(1..).unwrap_or_default();
    flags.boundary_whitespace =
        !between.is_empty() || value.first().is_some_and(u8::is_ascii_whitespace);

    let boundary = match value {
        [b'"', quoted @ .., b'"'] => {
            flags.boundary_quoted = true;
            quoted
        }
        [b'"', ..] | [.., b'"'] => return Err("Multipart: Invalid boundary in C-T (quote)."),
        plain => plain,
    };
    if boundary.is_empty() {
        return Err("Multipart: Invalid boundary in C-T (empty).");
    }
    if !boundary.iter().all(|&b| is_boundary_char(b)) || boundary.last() == Some(&b' ') {
        return Err("Multipart: Invalid boundary in C-T (characters).");
    }
    if boundary.len() > MULTIPART_BOUNDARY_LIMIT {
        return Err("Multipart: Invalid boundary in C-T (length).");
    }
    Ok(boundary)
}

/// `bchars` of RFC 2046.
fn is_boundary_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+_,-./:=?".contains(&byte)
}

/// What a part's `Content-Disposition` says. A sound one has exactly one name and at most one file name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Disposition {
    pub(super) names: Vec<Vec<u8>>,
    pub(super) filenames: Vec<Vec<u8>>,
}

/// Reads a `Content-Disposition`, unfolded and without line ending, into `disposition`.
///
/// An error is the code that mod_security2 shows for it; what was read before it is kept. Parameters other than `name`
/// and `filename` are errors, and so is either one given twice: with a `filename*` an application might see another
/// name than a rule does.
pub(super) fn parse_disposition(
    value: &[u8],
    disposition: &mut Disposition,
    flags: &mut Flags,
) -> Result<(), i32> {
    let mut rest = skip_blanks(value.strip_prefix(b"form-data").ok_or(-1)?);
    if !rest.is_empty() && rest.first() != Some(&b';') {
        return Err(-2);
    }
    while let [_, after @ ..] = rest {
        if after.is_empty() {
            break;
        }
        let after = parse_parameter(non_empty(skip_blanks(after), -3)?, disposition, flags)?;
        rest = skip_blanks(after);
        if !rest.is_empty() && rest.first() != Some(&b';') {
            let follows_quote = after.len() == rest.len() && ends_in_quote(value, after);
            flags.invalid_quoting |= follows_quote;
            return Err(-12);
        }
    }
    Ok(())
}

/// Whether a quote stands right before `rest`, the end of `value`.
fn ends_in_quote(value: &[u8], rest: &[u8]) -> bool {
    let before = value.get(..value.len() - rest.len()).unwrap_or_default();
    matches!(before.last(), Some(b'"' | b'\''))
}

/// Reads one `name=value` and returns what follows it.
fn parse_parameter<'a>(
    text: &'a [u8],
    disposition: &mut Disposition,
    flags: &mut Flags,
) -> Result<&'a [u8], i32> {
    let end = text.iter().position(|b| matches!(b, b'=' | b'\t' | b' '));
    let (name, rest) = text.split_at(end.ok_or(-4)?);
    let rest = non_empty(skip_blanks(rest), -5)?;
    let rest = rest.strip_prefix(b"=").ok_or(-13)?;
    let rest = non_empty(skip_blanks(rest), -6)?;
    let mut is_misquoted = false;
    let (value, rest) = match rest {
        [quote @ (b'"' | b'\''), quoted @ ..] => {
            flags.invalid_quoting |= *quote == b'\'';
            parse_quoted(non_empty(quoted, -7)?, *quote)?
        }
        _ => {
            let end = rest.iter().position(|&b| !is_token_char(b));
            let (token, rest) = rest.split_at(end.unwrap_or(rest.len()));
            is_misquoted = token.contains(&b'\'');
            (token.to_vec(), rest)
        }
    };
    let (values, duplicate) = match name {
        b"name" => (&mut disposition.names, -14),
        b"filename" => (&mut disposition.filenames, -15),
        _ => return Err(-11),
    };
    flags.invalid_quoting |= is_misquoted;
    values.push(value);
    match values.len() {
        1 => Ok(rest),
        _ => Err(duplicate),
    }
}

/// Reads up to the closing quote. Only the quote itself and `\` can be escaped; before anything else a `\` is a `\`,
/// as in the file names that some browsers send with their path.
fn parse_quoted(text: &[u8], quote: u8) -> Result<(Vec<u8>, &[u8]), i32> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return Err(-10),
            [b'\\'] => return Err(-8),
            [b'\\', escaped, after @ ..] if *escaped == quote || *escaped == b'\\' => {
                value.push(*escaped);
                after
            }
            [end, after @ ..] if *end == quote => return Ok((value, after)),
            [byte, after @ ..] => {
                value.push(*byte);
                after
            }
        };
    }
}

fn non_empty(text: &[u8], error: i32) -> Result<&[u8], i32> {
    match text {
        [] => Err(error),
        _ => Ok(text),
    }
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&b| b != b' ' && b != b'\t');
    text.get(start.unwrap_or(text.len())..).unwrap_or_default()
}

/// `token` of RFC 2045.
fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte)
}
