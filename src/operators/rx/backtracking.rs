//! PCRE2, for what the linear engine cannot express, under limits.

use std::fmt::Write;

use pcre2::bytes::{CaptureLocations, Regex, RegexBuilder};

use super::syntax::{Blank, End, Piece, Token};
use super::{CAPTURES, Failure, Groups, Limits, MAX_PCRE2_MATCHES, Options};
use crate::operators::CompileError;

/// How much heap the interpreter may use for one match, in KiB.  PCRE2's
/// default is 20 GB.
const MAX_HEAP_KIB: u32 = 16 * 1024;

const ERROR_MATCH_LIMIT: i32 = -47;
const ERROR_DEPTH_LIMIT: i32 = -53;
const ERROR_HEAP_LIMIT: i32 = -63;

/// A pattern compiled by PCRE2.
///
/// Its interpreter runs it: machine code leaves most of what it does uncounted.
#[derive(Debug)]
pub(super) struct Backtracking(Regex);

impl Backtracking {
    pub(super) fn compile(
        pattern: &[u8],
        pieces: &[Piece],
        options: Options,
    ) -> Result<Backtracking, CompileError> {
        let translation = Translation::new(pattern, pieces, options.limits);
        let regex = RegexBuilder::new()
            .dotall(true)
            .caseless(options.case_insensitive)
            .multi_line(options.multi_line)
            .build(&translation.text)
            .map_err(|error| translation.error(pattern, &error))?;
        Ok(Backtracking(regex))
    }

    pub(super) fn find_at(&self, value: &[u8], start: usize) -> Result<Option<Groups>, Failure> {
        let mut locations = self.0.capture_locations();
        let found = self.0.captures_read_at(&mut locations, value, start);
        let error = match found {
            Ok(found) => return Ok(found.map(|_| groups(&locations))),
            Err(error) => error,
        };
        let code = error.code();
        let text = error.to_string();
        let text = text
            .strip_prefix("PCRE2: error matching: ")
            .unwrap_or(&text);
        Err(match code {
            ERROR_MATCH_LIMIT | ERROR_DEPTH_LIMIT | ERROR_HEAP_LIMIT => {
                Failure::limit(format!("PCRE limits exceeded ({code}): {text}"))
            }
            _ => Failure::other(format!("Regex execution failed ({code}): {text}")),
        })
    }
}

fn groups(locations: &CaptureLocations) -> Groups {
    Groups::new((0..locations.len().min(CAPTURES)).map(|i| {
        let (start, end) = locations.get(i)?;
        Some(start.min(end)..end)
    }))
}

/// The pattern as PCRE2 gets it: ASCII, because the binding takes text; limits
/// as verbs at the start; `$` as `\z`, because the binding has no option for it.
///
/// Compat: without the search for possible starts, in which the machine code of
/// PCRE2 10.42 misses matches: that of `(.|)\h*+a` in `axxx`.
struct Translation {
    text: String,
    /// Where the piece written at `.0` was read from.
    origins: Vec<(usize, usize)>,
}

impl Translation {
    fn new(pattern: &[u8], pieces: &[Piece], limits: Limits) -> Translation {
        let matches = limits.matches.min(MAX_PCRE2_MATCHES);
        let depth = limits.depth;
        let mut translation = Translation {
            text: format!(
                "(*LIMIT_MATCH={matches})(*LIMIT_DEPTH={depth})(*LIMIT_HEAP={MAX_HEAP_KIB})(*NO_START_OPT)"
            ),
            origins: Vec::with_capacity(pieces.len()),
        };
        let mut quoting = false;
        for piece in pieces {
            let out = &mut translation.text;
            translation.origins.push((out.len(), piece.span.start));
            let source = pattern.get(piece.span.clone()).unwrap_or_default();
            match piece.token {
                Token::Blank(Blank::Quote) => {
                    quoting = source == b"\\Q";
                    out.push_str("\\E"); // nothing, but keeps its neighbours apart
                }
                Token::Blank(Blank::Comment) => out.push_str("(?#)"),
                Token::Byte(byte) if byte >= 0x80 => push_hex(out, byte),
                Token::Byte(byte) if quoting && !byte.is_ascii_alphanumeric() => {
                    push_hex(out, byte)
                }
                Token::Byte(b'{') if source == b"{" => out.push_str("\\{"),
                Token::End(End::Value) => out.push_str("(?:\\z)"),
                _ => copy(out, source),
            }
        }
        translation
    }

    /// The error with its offset in the pattern as written.
    fn error(&self, pattern: &[u8], error: &pcre2::Error) -> CompileError {
        let offset = error.offset().unwrap_or(0);
        let after = self
            .origins
            .partition_point(|(written, _)| *written <= offset);
        let origin = after.checked_sub(1).and_then(|i| self.origins.get(i));
        let end = self
            .origins
            .get(after)
            .map_or(pattern.len(), |(_, read)| *read);
        let offset = origin.map_or(0, |(written, read)| (read + (offset - written)).min(end));
        let text = error.to_string();
        let reason = text
            .split_once(": ")
            .and_then(|(_, rest)| rest.split_once(": "));
        let reason = reason.map_or(&*text, |(_, reason)| reason);
        CompileError::at(
            offset.min(pattern.len())..(offset + 1).min(pattern.len()),
            format!("Error compiling pattern (offset {offset}): {reason}"),
        )
    }
}

fn push_hex(out: &mut String, byte: u8) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\x{byte:02X}");
}

/// Copies a construct, with bytes that are not ASCII as escapes.
fn copy(out: &mut String, source: &[u8]) {
    let mut quoting = false;
    let mut bytes = source.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek().copied()) {
            (b'\\', Some(next)) if next == if quoting { b'E' } else { b'Q' } => {
                quoting = !quoting;
                out.push('\\');
            }
            (b'\\', Some(0x80..)) if !quoting => {}
            (b'\\', Some(next)) if !quoting => {
                out.push('\\');
                out.push(char::from(next));
                bytes.next();
                if next == b'c' && bytes.next_if(|b| *b >= 0x80).is_some() {
                    out.push('\0'); // as wrong as the byte it stands for
                }
            }
            (0x80.., _) if quoting => {
                out.push_str("\\E");
                push_hex(out, byte);
                out.push_str("\\Q");
            }
            (0x80.., _) => push_hex(out, byte),
            _ => out.push(char::from(byte)),
        }
    }
}
