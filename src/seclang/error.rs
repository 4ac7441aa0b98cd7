//! The one way in which a mistake in a rule is told.

use std::fmt::Write as _;
use std::ops::Range;

use super::words::Word;

/// A mistake, and the bytes of the word that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// One sentence, without a full stop.
    pub message: String,
    /// The offending bytes of the word; empty at the end of the word for "something is missing here".
    pub span: Range<usize>,
}

/// How much of a long line is shown around the mistake, in columns.
const SHOWN: usize = 96;

impl Error {
    /// A mistake at `span`.
    pub fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Error {
            message: message.into(),
            span,
        }
    }

    /// The mistake in its place; `heading` stands before the sentence.
    pub fn locate(&self, heading: &str, directive: &str, raw: &[u8], word: &Word) -> Diagnostic {
        let span = word.raw_offset(self.span.start)..word.raw_offset(self.span.end);
        Diagnostic::new(format!("{heading}{}", self.message), directive, raw, span)
    }
}

/// A mistake with its place in the line. Shown, it is the sentence, the directive's line and a caret under the mistake:
///
/// ```text
/// Error creating rule: Unknown variable: FOO
///   SecRule FOO "@rx x" "id:1"
///           ^~~ column 9
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The sentence.
    pub message: String,
    /// Where the mistake begins, in characters of the joined logical line, from 1.
    pub column: usize,
    /// The line, and below it the caret.
    pub excerpt: String,
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}", self.message, self.excerpt)
    }
}

impl Diagnostic {
    /// A mistake at `span` of `raw`, which is what followed the directive's name.
    pub fn new(message: String, directive: &str, raw: &[u8], span: Range<usize>) -> Diagnostic {
        let column = |offset: usize| {
            directive.chars().count() + 1 + printable(raw.get(..offset).unwrap_or(raw)).count()
        };
        Diagnostic::columns(
            message,
            directive,
            raw,
            column(span.start)..column(span.end),
        )
    }

    /// A mistake that is the directive itself, whatever its arguments are.
    pub fn of_directive(message: String, directive: &str, raw: &[u8]) -> Diagnostic {
        Diagnostic::columns(message, directive, raw, 0..directive.chars().count())
    }

    fn columns(message: String, directive: &str, raw: &[u8], span: Range<usize>) -> Diagnostic {
        let line: Vec<char> = format!("{directive} ")
            .chars()
            .chain(printable(raw))
            .collect();
        let (from, to) = (span.start, span.end.max(span.start + 1));
        let first = from.saturating_sub(SHOWN / 2);
        let last = (first + SHOWN).min(line.len());
        // httpd's log would escape a character that is not ASCII.
        let lead = if first > 0 { "..." } else { "" };
        let tail = if last < line.len() { "..." } else { "" };
        let shown: String = line.get(first..last).unwrap_or_default().iter().collect();
        let indent = from - first + lead.chars().count();
        let width = to.min(last.max(from + 1)) - from;

        let column = from + 1;
        let mut excerpt = format!("  {lead}{shown}{tail}\n");
        let _ = write!(
            excerpt,
            "  {:indent$}^{:~<rest$} column {column}",
            "",
            "",
            rest = width.saturating_sub(1)
        );
        Diagnostic {
            message,
            column,
            excerpt,
        }
    }
}

/// The text as characters that are safe to show on one line of a terminal or log.
fn printable(bytes: &[u8]) -> impl Iterator<Item = char> + '_ {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if c.is_control() { '·' } else { c })
        .collect::<Vec<_>>()
        .into_iter()
}
