//! The linear engine, and the memory it works in.
//!
//! A search needs memory of its own: the states of an automaton that is built as values ask for it, from kilobytes to a
//! megabyte for each pattern. The `regex` crate keeps one for each thread that ever searched; in a process of many
//! threads that is many times what is used at once. Here a pattern has as many as searched at the same moment, and
//! what all patterns of a process keep together is bounded.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use regex_automata::Input;
use regex_automata::meta::{Cache, Config, Regex};
use regex_automata::util::syntax;
use regex_syntax::hir::{Class, Dot, Hir, HirKind, Look};

use super::{MAX_AUTOMATON_CACHE_BYTES, MAX_KEPT_BYTES, Options, linear};
use crate::byte_set::ByteSet;

/// A pattern in the syntax of the `regex` crate.
pub(super) struct Automaton {
    source: Box<str>,
    regex: Regex,
    /// What a value begins with in which anything matches, where that is known.
    first: Option<Box<ByteSet>>,
    /// The fewest bytes that match.
    shortest: usize,
    /// It matches all of any value, as `^.*$` does: rule sets name values so.
    takes_all: bool,
    /// Memory that no search uses now. Boxed, because it is large and goes in and out for each search.
    #[allow(clippy::vec_box)]
    spare: Mutex<Vec<Box<Memory>>>,
}

/// What one search after the other works in.
struct Memory {
    cache: Cache,
    /// How much it is, as it was found when it was looked last.
    size: usize,
    searches: usize,
}

/// Memory is weighed after the first search, after so many, and after a search of this many bytes: weighing costs as much
/// as a short search.
const SEARCHES_PER_WEIGHING: usize = 16;
const LONG_SEARCH: usize = 512;

/// Half of what may be kept is for memory of at most this size, so that what a few patterns needed once for hostile values
/// does not keep that of all others out.
const SMALL: usize = 64 * 1024;

/// What all patterns keep, in bytes.
static KEPT: AtomicUsize = AtomicUsize::new(0);

impl Automaton {
    /// Compiles a pattern; its compiled form may have this size.
    ///
    /// # Errors
    /// What is wrong with it, or that it is too large.
    pub fn compile(
        source: &str,
        options: Options,
        max_bytes: usize,
    ) -> Result<Automaton, linear::Reason> {
        let config = Config::new()
            .utf8_empty(false)
            .nfa_size_limit(Some(max_bytes))
            .hybrid_cache_capacity(MAX_AUTOMATON_CACHE_BYTES);
        let syntax = syntax::Config::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(options.case_insensitive)
            .nest_limit(linear::MAX_NESTING);
        let tree = syntax::parse_with(source, &syntax).map_err(|error| error.to_string())?;
        let built = Regex::builder().configure(config).build_from_hir(&tree);
        let regex = built.map_err(|error| match (error.syntax_error(), error.size_limit()) {
            (Some(error), _) => error.to_string(),
            (None, Some(limit)) => format!("compiled form exceeds {limit} bytes"),
            (None, None) => error.to_string(),
        })?;
        Ok(Automaton {
            source: source.into(),
            regex,
            first: first(&tree).map(Box::new),
            shortest: tree.properties().minimum_len().unwrap_or(0),
            takes_all: takes_all(&tree),
            spare: Mutex::default(),
        })
    }

    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether there is a match that starts at `start` or later.
    pub fn is_match_at(&self, value: &[u8], start: usize) -> bool {
        if self.takes_all && start == 0 {
            return true;
        }
        if self.cannot_begin(value, start) {
            return false;
        }
        let input = input(value, start).earliest(true);
        self.with_cache(value.len(), |cache| {
            self.regex.search_half_with(cache, &input).is_some()
        })
    }

    /// Where the first match is that starts at `start` or later.
    pub fn find_at(&self, value: &[u8], start: usize) -> Option<Range<usize>> {
        if self.cannot_begin(value, start) {
            return None;
        }
        let input = input(value, start);
        let found = self.with_cache(value.len(), |cache| self.regex.search_with(cache, &input));
        found.map(|found| found.range())
    }

    /// The groups of that match, the whole first.
    pub fn captures_at(&self, value: &[u8], start: usize) -> Option<Vec<Option<Range<usize>>>> {
        if self.takes_all && start == 0 {
            return Some(vec![Some(0..value.len())]);
        }
        if self.cannot_begin(value, start) {
            return None;
        }
        let input = input(value, start);
        let mut groups = self.regex.create_captures();
        self.with_cache(value.len(), |cache| {
            self.regex.search_captures_with(cache, &input, &mut groups);
        });
        groups.is_match().then(|| {
            groups
                .iter()
                .map(|group| group.map(|span| span.range()))
                .collect()
        })
    }

    /// Whether the length or the first byte already says that nothing matches, as with most values that are looked at.
    fn cannot_begin(&self, value: &[u8], start: usize) -> bool {
        value.len().saturating_sub(start) < self.shortest
            || start == 0
                && self.first.as_ref().is_some_and(|set| {
                    let first = value.first();
                    first.is_none_or(|first| !set.contains(*first))
                })
    }

    fn with_cache<T>(&self, length: usize, search: impl FnOnce(&mut Cache) -> T) -> T {
        let spare = self.spare.lock().ok().and_then(|mut spare| spare.pop());
        let mut memory = spare.unwrap_or_else(|| {
            Box::new(Memory {
                cache: self.regex.create_cache(),
                size: 0,
                searches: 0,
            })
        });
        let result = search(&mut memory.cache);
        let keep =
            match memory.searches.is_multiple_of(SEARCHES_PER_WEIGHING) || length >= LONG_SEARCH {
                true => memory.weigh(),
                false => true,
            };
        memory.searches += 1;
        if keep && let Ok(mut spare) = self.spare.lock() {
            spare.push(memory);
        }
        result
    }
}

impl Memory {
    /// Looks how much it is; whether it may be kept beside all other.
    fn weigh(&mut self) -> bool {
        let size = self.cache.memory_usage();
        let before = KEPT.fetch_add(size, Ordering::Relaxed);
        KEPT.fetch_sub(self.size, Ordering::Relaxed);
        let all = before.saturating_sub(self.size) + size;
        self.size = size;
        let bound = match size {
            ..=SMALL => MAX_KEPT_BYTES,
            _ => MAX_KEPT_BYTES / 2,
        };
        all <= bound
    }
}

/// Also when a search panics.
impl Drop for Memory {
    fn drop(&mut self) {
        KEPT.fetch_sub(self.size, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Automaton {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Automaton").field(&self.source).finish()
    }
}

fn input(value: &[u8], start: usize) -> Input<'_> {
    Input::new(value).span(start.min(value.len())..value.len())
}

/// Whether an expression is `^.*$`, for `.` that is any byte and `$` that is the end.
fn takes_all(tree: &Hir) -> bool {
    let HirKind::Concat(parts) = tree.kind() else {
        return false;
    };
    let [start, any, end] = parts.as_slice() else {
        return false;
    };
    let is_any = |kind: &HirKind| match kind {
        HirKind::Repetition(repetition) => {
            let any = Hir::dot(Dot::AnyByte);
            repetition.min == 0
                && repetition.max.is_none()
                && repetition.greedy
                && *repetition.sub == any
        }
        _ => false,
    };
    matches!(start.kind(), HirKind::Look(Look::Start))
        && is_any(any.kind())
        && matches!(end.kind(), HirKind::Look(Look::End))
}

/// The first bytes of values in which an expression matches, where it matches at their beginning only and never nothing.
fn first(tree: &Hir) -> Option<ByteSet> {
    let properties = tree.properties();
    let at_start = properties.look_set_prefix().contains(Look::Start);
    if !at_start || properties.minimum_len().unwrap_or(0) == 0 {
        return None;
    }
    let mut first = ByteSet::EMPTY;
    let mut waiting = vec![tree];
    while let Some(part) = waiting.pop() {
        match part.kind() {
            HirKind::Literal(text) => first.insert(*text.0.first()?),
            HirKind::Class(Class::Bytes(class)) => class.ranges().iter().for_each(|range| {
                first = first.union(ByteSet::range(range.start(), range.end()));
            }),
            HirKind::Class(Class::Unicode(_)) | HirKind::Empty | HirKind::Look(_) => return None,
            HirKind::Repetition(repetition) => waiting.push(&repetition.sub),
            HirKind::Capture(capture) => waiting.push(&capture.sub),
            HirKind::Alternation(ways) => waiting.extend(ways),
            // Up to the first part that takes a byte in any case.
            HirKind::Concat(parts) => {
                let takes = |part: &Hir| part.properties().minimum_len().unwrap_or(0) > 0;
                for part in parts
                    .iter()
                    .filter(|part| !matches!(part.kind(), HirKind::Look(_)))
                {
                    waiting.push(part);
                    if takes(part) {
                        break;
                    }
                }
            }
        }
    }
    Some(first)
}
