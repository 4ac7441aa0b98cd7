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

    /// The message, the directive's line and a caret under the mistake:
    ///
    /// ```text
    /// Error creating rule: Unknown variable: FOO
    ///   SecRule FOO "@rx x" "id:1"
    ///           ^~~ column 9
    /// ```
    ///
    /// `raw` is what followed the directive's name. The column counts characters of the joined logical line from 1.
    pub fn render(&self, heading: &str, directive: &str, raw: &[u8], word: &Word) -> String {
        let start = word.raw_offset(self.span.start);
        let end = word.raw_offset(self.span.end).max(start);
        let line: Vec<char> = format!("{directive} ")
            .chars()
            .chain(printable(raw))
            .collect();
        let column = |offset: usize| {
            directive.chars().count() + 1 + printable(raw.get(..offset).unwrap_or(raw)).count()
        };
        let (from, to) = (column(start), column(end).max(column(start) + 1));

        let first = from.saturating_sub(SHOWN / 2);
        let last = (first + SHOWN).min(line.len());
        let lead = if first > 0 { "…" } else { "" };
        let tail = if last < line.len() { "…" } else { "" };
        let shown: String = line.get(first..last).unwrap_or_default().iter().collect();
        let indent = from - first + lead.chars().count();
        let width = to.min(last.max(from + 1)) - from;

        let mut text = format!("{heading}{}\n  {lead}{shown}{tail}\n", self.message);
        let _ = write!(
            text,
            "  {:indent$}^{:~<rest$} column {}",
            "",
            "",
            from + 1,
            rest = width.saturating_sub(1)
        );
        text
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
