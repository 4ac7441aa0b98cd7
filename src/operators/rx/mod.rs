//! `@rx` and regular expressions elsewhere in rules.
//!
//! A pattern is PCRE syntax over bytes, without UTF mode; `.` matches LF and
//! `$` the very end only, as in mod_security2.  What can be translated runs in
//! the `regex` crate, whose time is linear in the value: no pattern can be made
//! to explode.  Look-around, back-references, atomic groups and possessive
//! quantifiers run in an engine of our own that counts its steps (`bounded`),
//! the rest (recursion, conditions, verbs) in PCRE2 under limits, on short
//! values only.  For what two of them can run both
//! say the same about whether a value matches, and where, with which captures;
//! but for one case: if a loop's body can be empty, as in `(a*)+` or
//! `(a??b?)+c`, extent and captures can differ, because PCRE2 takes an empty
//! turn and ends the loop where the linear engine goes on.
//!
//! Before an engine that goes back is asked, a linear pattern that matches at least as often is,
//! where there is one: most values get no further.

mod automaton;
mod backtracking;
mod bounded;
mod dynamic;
mod linear;
mod syntax;

use std::ops::Range;

use super::CompileError;
use automaton::Automaton;
use backtracking::Backtracking;
use bounded::Bounded;
pub(super) use dynamic::escape;
pub use dynamic::{Dynamic, MAX_PATTERN_BYTES};
pub(super) use linear::MAX_NESTING;

/// Groups kept of a match, the whole included: `TX.0` to `TX.99`.
pub const CAPTURES: usize = 100;

/// How large the compiled form of a pattern may become, in bytes.  The largest
/// pattern of the Core Rule Set needs a tenth of it.  Beyond, PCRE2 runs it.
pub const MAX_COMPILED_BYTES: usize = 10 * 1024 * 1024;

/// How large the compiled form of a pattern may become that is asked before an engine that goes back: it is to save
/// time, and its time grows with its size.
const MAX_NECESSARY_BYTES: usize = 256 * 1024;

/// How much one search may cache of a pattern's automaton, in bytes.  A full
/// cache is emptied; the match goes on, slower.
pub const MAX_AUTOMATON_CACHE_BYTES: usize = 1024 * 1024;

/// How much of that all patterns of a process keep for later searches, in bytes.
/// What is beyond is given back when the search ends, and made anew for the next.
pub const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;

/// The longest value PCRE2 is asked about, in bytes; beyond it the answer is a
/// failure.  Its match limit counts anew at each start and does not count all
/// that is done, so that time can grow with the square of the length and worse.
/// Few patterns need PCRE2: the engine of our own takes values of any length.
pub const MAX_BACKTRACKING_BYTES: usize = 2 * 1024;

/// The most that `SecPcreMatchLimit` grants to PCRE2, for the same reason: twice
/// what mod_security2 recommends.
pub const MAX_PCRE2_MATCHES: u32 = 2_000;

/// Match limit where `SecPcreMatchLimit` is not set.
///
/// Compat: the value of mod_security2's recommended configuration.  Its default
/// of 1500 makes ordinary patterns fail.
pub const DEFAULT_MATCH_LIMIT: u32 = 100_000;

/// Depth limit of PCRE2 alone, where `SecPcreMatchLimitRecursion` is not set.
pub const DEFAULT_DEPTH_LIMIT: u32 = 100_000;

/// Limits of the engines that go back, for one start of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// How often may be gone back; to PCRE2 at most [`MAX_PCRE2_MATCHES`] are granted.
    pub matches: u32,
    /// Depth of backtracking in PCRE2.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            matches: DEFAULT_MATCH_LIMIT,
            depth: DEFAULT_DEPTH_LIMIT,
        }
    }
}

/// How a pattern is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Options {
    /// ASCII letters match in both cases.
    pub case_insensitive: bool,
    /// `^` and `$` match at each line.
    pub multi_line: bool,
    /// `$` does not match before a final LF.
    pub dollar_end_only: bool,
    /// What PCRE2 may spend.
    pub limits: Limits,
}

impl Options {
    /// `@rx`.
    pub fn operator(limits: Limits) -> Options {
        Options {
            case_insensitive: false,
            multi_line: false,
            dollar_end_only: true,
            limits,
        }
    }

    /// Selectors such as `ARGS:/re/`.
    pub fn selector(limits: Limits) -> Options {
        Options {
            case_insensitive: true,
            ..Options::operator(limits)
        }
    }

    /// `@verifyCC`, `@verifyCPF`, `@verifySSN`.
    pub(super) fn verification(limits: Limits) -> Options {
        Options {
            multi_line: true,
            dollar_end_only: false,
            ..Options::operator(limits)
        }
    }
}

impl Default for Options {
    /// As `@rx`, with the default limits.
    fn default() -> Options {
        Options::operator(Limits::default())
    }
}

/// Which engine runs a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The `regex` crate: linear time.
    Linear,
    /// Our own, which counts its steps.
    Bounded,
    /// PCRE2 under limits.
    Backtracking,
}

/// A match that did not come to an end: neither a match nor none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A limit was reached; mod_security2 sets `TX:MSC_PCRE_LIMITS_EXCEEDED`.
    pub limit_exceeded: bool,
    /// What happened, for the log.
    pub message: String,
}

impl Failure {
    fn limit(message: String) -> Failure {
        Failure {
            limit_exceeded: true,
            message,
        }
    }

    /// Something else went wrong.
    pub fn other(message: String) -> Failure {
        Failure {
            limit_exceeded: false,
            message,
        }
    }

    /// A bound of our own was reached.
    pub(super) fn budget(message: String) -> Failure {
        Failure::limit(message)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Where the groups of a match are in the value: the whole match first, then up
/// to nine groups, as far as the last that took part.
///
/// Compat: mod_security2 built with PCRE2 captures all groups of a pattern,
/// here at most [`CAPTURES`]; built with PCRE it captures nothing where there
/// are more than ten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups(Vec<Option<Range<usize>>>);

impl Groups {
    fn new(groups: impl Iterator<Item = Option<Range<usize>>>) -> Groups {
        let mut groups: Vec<_> = groups.collect();
        let used = groups
            .iter()
            .rposition(Option::is_some)
            .map_or(0, |last| last + 1);
        groups.truncate(used);
        Groups(groups)
    }

    /// The groups in order; None for one that took no part.
    pub fn iter(&self) -> impl Iterator<Item = Option<Range<usize>>> + '_ {
        self.0.iter().cloned()
    }

    /// The whole match.
    pub fn whole(&self) -> Range<usize> {
        self.0.first().cloned().flatten().unwrap_or(0..0)
    }
}

/// A compiled regular expression.
#[derive(Debug)]
pub struct Pattern {
    source: Box<[u8]>,
    options: Options,
    matcher: Matcher,
}

#[derive(Debug)]
enum Matcher {
    Linear(Automaton),
    GoesBack {
        fallback: Fallback,
        /// Matches whenever the pattern does.
        necessary: Option<Automaton>,
        reason: String,
    },
}

/// An engine for what the linear one cannot express.
#[derive(Debug)]
enum Fallback {
    Bounded(Bounded),
    Pcre2(Backtracking),
}

impl Fallback {
    fn find_at(&self, value: &[u8], start: usize) -> Result<Option<Groups>, Failure> {
        let regex = match self {
            Fallback::Bounded(bounded) => return bounded.find_at(value, start),
            Fallback::Pcre2(regex) => regex,
        };
        let length = value.len();
        if length > MAX_BACKTRACKING_BYTES {
            return Err(Failure::limit(format!(
                "Value is too long for a pattern that only PCRE2 runs: \
                 {length} of at most {MAX_BACKTRACKING_BYTES} bytes"
            )));
        }
        regex.find_at(value, start)
    }
}

impl Matcher {
    /// Asks the engine about matches from `start` on; None if it is beyond the value.
    fn ask<T>(
        &self,
        value: &[u8],
        start: usize,
        linear: impl FnOnce(&Automaton) -> Option<T>,
        fallback: impl FnOnce(Groups) -> T,
    ) -> Result<Option<T>, Failure> {
        if start > value.len() {
            return Ok(None);
        }
        match self {
            Matcher::Linear(regex) => Ok(linear(regex)),
            Matcher::GoesBack {
                necessary: Some(necessary),
                ..
            } if !necessary.is_match_at(value, start) => Ok(None),
            Matcher::GoesBack {
                fallback: engine, ..
            } => Ok(engine.find_at(value, start)?.map(fallback)),
        }
    }
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What PCRE2 says of a pattern it does not accept, with the place.
    pub fn compile(pattern: &[u8], options: Options) -> Result<Pattern, CompileError> {
        let pieces: Vec<_> = syntax::Reader::new(pattern, options).collect();
        let translated = linear::translate(&pieces)
            .and_then(|text| Automaton::compile(&text, options, MAX_COMPILED_BYTES));
        let matcher = match translated {
            Ok(regex) => Matcher::Linear(regex),
            Err(reason) => Matcher::GoesBack {
                fallback: fallback(pattern, &pieces, options)?,
                necessary: linear::relax(&pieces)
                    .and_then(|text| Automaton::compile(&text, options, MAX_NECESSARY_BYTES).ok()),
                reason,
            },
        };
        Ok(Pattern {
            source: pattern.into(),
            options,
            matcher,
        })
    }

    /// Compiles the regular expression of a selector, `ARGS:/re/`: letters
    /// match in both cases.
    ///
    /// # Errors
    /// As [`Pattern::compile`].
    pub fn compile_selector(pattern: &[u8]) -> Result<Pattern, CompileError> {
        Pattern::compile(pattern, Options::selector(Limits::default()))
    }

    /// The pattern as written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.source
    }

    /// How the pattern was read.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Which engine runs it.
    pub fn engine(&self) -> Engine {
        match &self.matcher {
            Matcher::Linear(_) => Engine::Linear,
            Matcher::GoesBack { fallback, .. } => match fallback {
                Fallback::Bounded(_) => Engine::Bounded,
                Fallback::Pcre2(_) => Engine::Backtracking,
            },
        }
    }

    /// Whether matching takes time linear in the value.
    pub fn is_linear(&self) -> bool {
        self.engine() == Engine::Linear
    }

    /// What keeps the pattern from the linear engine.
    pub fn not_linear_because(&self) -> Option<&str> {
        match &self.matcher {
            Matcher::Linear(_) => None,
            Matcher::GoesBack { reason, .. } => Some(reason),
        }
    }

    /// The pattern in the syntax of the `regex` crate (`unicode(false)`, case
    /// sensitivity as in [`Pattern::options`]), if the linear engine runs it.
    pub fn translated(&self) -> Option<&str> {
        match &self.matcher {
            Matcher::Linear(regex) => Some(regex.as_str()),
            Matcher::GoesBack { .. } => None,
        }
    }

    /// In the same syntax a pattern that matches whenever this one does: what
    /// literals that must be in a value can be extracted from.
    pub fn necessary(&self) -> Option<&str> {
        match &self.matcher {
            Matcher::Linear(regex) => Some(regex.as_str()),
            Matcher::GoesBack { necessary, .. } => necessary.as_ref().map(Automaton::as_str),
        }
    }

    /// Whether the pattern matches anywhere in the value.
    ///
    /// # Errors
    /// A limit was reached.
    pub fn is_match(&self, value: &[u8]) -> Result<bool, Failure> {
        let found = self.matcher.ask(
            value,
            0,
            |regex| regex.is_match_at(value, 0).then_some(()),
            |_| (),
        );
        Ok(found?.is_some())
    }

    /// The first match that starts at `start` or later; what is before is seen
    /// by `\b` and the like.  None if `start` is beyond the value.
    ///
    /// # Errors
    /// A limit was reached.
    pub fn find_at(&self, value: &[u8], start: usize) -> Result<Option<Range<usize>>, Failure> {
        self.matcher.ask(
            value,
            start,
            |regex| regex.find_at(value, start),
            |groups| groups.whole(),
        )
    }

    /// The first match with its groups.
    ///
    /// # Errors
    /// A limit was reached.
    pub fn captures(&self, value: &[u8]) -> Result<Option<Groups>, Failure> {
        self.captures_at(value, 0)
    }

    /// As [`Pattern::find_at`], with the groups of the match.
    ///
    /// # Errors
    /// A limit was reached.
    pub fn captures_at(&self, value: &[u8], start: usize) -> Result<Option<Groups>, Failure> {
        self.matcher.ask(
            value,
            start,
            |regex| {
                // Most values do not match: that is known without an allocation.
                if !regex.is_match_at(value, start) {
                    return None;
                }
                let groups = regex.captures_at(value, start)?;
                Some(Groups::new(groups.into_iter().take(CAPTURES)))
            },
            |groups| groups,
        )
    }

    /// How many bytes a match can have at most; `None` if there is no bound, or none that is known.
    pub fn longest_match(&self) -> Option<usize> {
        let parsed = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .nest_limit(linear::MAX_NESTING)
            .build()
            .parse(self.translated()?);
        parsed.ok()?.properties().maximum_len()
    }
}

/// Looks for matches that something else accepts, in time linear in the value.
///
/// The linear engine finds one match in linear time, not all that overlap; so the one that counts is asked, if it can
/// express the pattern.
#[derive(Debug)]
pub struct Candidates {
    pattern: Pattern,
    bounded: Option<Bounded>,
}

impl Candidates {
    /// Compiles a pattern as those of `@verifyCC` are read.
    ///
    /// # Errors
    /// As [`Pattern::compile`].
    pub(super) fn compile(pattern: &[u8], limits: Limits) -> Result<Candidates, CompileError> {
        let options = Options::verification(limits);
        let pieces: Vec<_> = syntax::Reader::new(pattern, options).collect();
        Ok(Candidates {
            pattern: Pattern::compile(pattern, options)?,
            bounded: Bounded::compile(pattern, &pieces, options),
        })
    }

    /// The pattern.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The first match that is not empty and is accepted.  After one that is not, the search goes on one byte behind
    /// its start.
    ///
    /// # Errors
    /// A limit was reached.
    pub fn find(
        &self,
        value: &[u8],
        accept: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Range<usize>>, Failure> {
        let mut accept =
            |found: Range<usize>| !found.is_empty() && value.get(found).is_some_and(&accept);
        if !self.pattern.is_match(value)? {
            return Ok(None);
        }
        if let Some(bounded) = &self.bounded {
            let found = bounded.find_accepted(value, &mut accept)?;
            return Ok(found.map(|groups| groups.whole()));
        }
        // What only PCRE2 runs: it takes short values only.
        let mut from = 0;
        while let Some(found) = self.pattern.find_at(value, from)? {
            if accept(found.clone()) {
                return Ok(Some(found));
            }
            from = found.start.max(from) + 1;
        }
        Ok(None)
    }
}

/// The engine for a pattern that is not linear. PCRE2 always reads it: it says what is wrong with a wrong one.
fn fallback(
    pattern: &[u8],
    pieces: &[syntax::Piece],
    options: Options,
) -> Result<Fallback, CompileError> {
    let pcre2 = Backtracking::compile(pattern, pieces, options)?;
    Ok(match Bounded::compile(pattern, pieces, options) {
        Some(bounded) => Fallback::Bounded(bounded),
        None => Fallback::Pcre2(pcre2),
    })
}

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
