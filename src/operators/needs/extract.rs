//! Regular expressions to what their matches must contain.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::{Clause, Needs};
use crate::byte_set::ByteSet;
use crate::operators::rx::{MAX_NESTING, Pattern};

/// Most strings in a set that stands for a part of a pattern exactly.
const MAX_STRINGS: usize = 1500;

/// Most strings that come of joining neighbouring sets.
const MAX_JOINED: usize = 400;

/// Most bytes in a class that is taken for so many strings.
const MAX_SMALL_CLASS: usize = 12;

/// Most repetitions that are written out.
const MAX_COPIES: u32 = 4;

/// Most clauses that an alternation is turned into.
const MAX_ALTERNATION_CLAUSES: usize = 8;

/// Bytes that ordinary text has none of, but commands and scripts that try not to look like themselves: `b"u's$@y\box`.
const MARKS: ByteSet = ByteSet::of(b"\"'()[]{}\\$`^|&;<>");

/// How often ordinary text may satisfy a clause that is known of it alone.
const MAX_PLAIN_RATE: f64 = 0.1;

/// What a match of the pattern must contain.
pub(super) fn of_pattern(pattern: &Pattern) -> Needs {
    let Some(hir) = pattern.necessary().and_then(|text| {
        regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(pattern.options().case_insensitive)
            .nest_limit(MAX_NESTING)
            .build()
            .parse(text)
            .ok()
    }) else {
        return Needs::anything();
    };
    let properties = hir.properties();
    let whole = properties.look_set_prefix().contains(Look::Start)
        && properties.look_set_suffix().contains(Look::End);
    Needs {
        min_len: properties.minimum_len().unwrap_or(0),
        max_len: properties.maximum_len().filter(|_| whole),
        ..Needs::of_clauses(clauses(&hir))
    }
}

/// All clauses that hold for what the pattern matches. Where there may be marks between any two letters there are no
/// literals; then one that says what there is in a text without marks.
fn clauses(hir: &Hir) -> Vec<Clause> {
    let has_literals = |clause: &Clause| !clause.literals.is_empty();
    let mut clauses = facts(hir, ByteSet::EMPTY).into_clauses();
    if !clauses.iter().any(has_literals) {
        let plain = facts(hir, MARKS).into_clauses().into_iter();
        let plain = plain.filter(|clause| has_literals(clause) && clause.rate() < MAX_PLAIN_RATE);
        clauses.extend(plain.min_by(|a, b| a.rate().total_cmp(&b.rate())));
    }
    clauses
}

/// What a part of a text is: one of the strings, unless it contains one of the bytes.
struct Strings {
    texts: Vec<Vec<u8>>,
    unless: ByteSet,
}

impl Strings {
    fn new(texts: Vec<Vec<u8>>) -> Strings {
        Strings {
            texts,
            unless: ByteSet::EMPTY,
        }
    }

    fn empty() -> Strings {
        Strings::new(vec![Vec::new()])
    }

    fn are_empty(&self) -> bool {
        self.texts.iter().all(Vec::is_empty)
    }

    fn into_clause(self) -> Option<Clause> {
        let unless = Clause {
            bytes: self.unless,
            ..Clause::default()
        };
        Some(Clause::of_strings(self.texts)?.or(&unless))
    }
}

/// A part of a pattern, as far as it goes into clauses.
enum Item {
    /// These strings, and nothing else.
    Strings(Strings),
    /// Anything; but all of these clauses hold for it.
    Gap(Vec<Clause>),
}

/// What is known of the texts that a pattern matches.
enum Facts {
    /// They are these.
    Strings(Strings),
    /// They satisfy all of these.
    Clauses(Vec<Clause>),
}

impl Facts {
    fn into_clauses(self) -> Vec<Clause> {
        match self {
            Facts::Strings(strings) => strings.into_clause().into_iter().collect(),
            Facts::Clauses(clauses) => clauses,
        }
    }

    /// Some of these marks, one of which at least is in each of the texts.
    fn marks(&self, marks: ByteSet) -> Option<ByteSet> {
        match self {
            Facts::Strings(strings) => {
                let texts = strings.texts.iter().map(Vec::as_slice);
                marks_of(texts, strings.unless, marks)
            }
            Facts::Clauses(clauses) => clauses.iter().find_map(|clause| {
                let literals = clause.literals.iter().map(|literal| &**literal);
                marks_of(literals, clause.bytes, marks)
            }),
        }
    }
}

/// Some of these marks, one of which at least is in whatever contains one of these texts or bytes.
fn marks_of<'t>(
    mut texts: impl Iterator<Item = &'t [u8]>,
    bytes: ByteSet,
    marks: ByteSet,
) -> Option<ByteSet> {
    let bytes = Some(bytes).filter(|bytes| bytes.without(marks).is_empty())?;
    texts.try_fold(bytes, |all, text| {
        let found = ByteSet::of(text).without(marks.complement());
        (!found.is_empty()).then(|| all.union(found))
    })
}

/// What is known of what the pattern matches. What may be left out is taken for left out where it has some of these marks
/// if it is there.
///
/// The recursion is as deep as the pattern's groups, at most [`MAX_NESTING`].
fn facts(hir: &Hir, marks: ByteSet) -> Facts {
    let mut items = Vec::new();
    flatten(hir, marks, &mut items);
    let mut clauses = Vec::new();
    // What the text just before this place is.
    let mut strings = Strings::empty();
    let mut exact = true;
    for item in items {
        match item {
            Item::Strings(next) if strings.texts.len() * next.texts.len() <= MAX_JOINED => {
                strings.texts = join(&strings.texts, &next.texts);
                strings.unless = strings.unless.union(next.unless);
            }
            Item::Strings(mut next) => {
                if strings.are_empty() {
                    next.unless = next.unless.union(strings.unless);
                } else {
                    exact = false;
                }
                clauses.extend(std::mem::replace(&mut strings, next).into_clause());
            }
            Item::Gap(inside) => {
                exact = false;
                clauses.extend(std::mem::replace(&mut strings, Strings::empty()).into_clause());
                clauses.extend(inside);
            }
        }
    }
    if exact && strings.texts.len() <= MAX_STRINGS {
        return Facts::Strings(strings);
    }
    clauses.extend(strings.into_clause());
    Facts::Clauses(clauses)
}

fn join(left: &[Vec<u8>], right: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut joined: Vec<_> = left
        .iter()
        .flat_map(|left| right.iter().map(|right| [&left[..], right].concat()))
        .collect();
    joined.sort_unstable();
    joined.dedup();
    joined
}

fn flatten(hir: &Hir, marks: ByteSet, items: &mut Vec<Item>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => {
            let texts = vec![literal.0.to_ascii_lowercase()];
            items.push(Item::Strings(Strings::new(texts)));
        }
        HirKind::Class(class) => items.push(of_class(class)),
        HirKind::Capture(capture) => flatten(&capture.sub, marks, items),
        HirKind::Concat(parts) => parts.iter().for_each(|part| flatten(part, marks, items)),
        HirKind::Alternation(branches) => {
            let branches = branches.iter().map(|branch| facts(branch, marks));
            items.push(of_alternation(branches.collect()));
        }
        HirKind::Repetition(repetition) => {
            let (min, max) = (repetition.min, repetition.max);
            if min == 0 {
                let once = facts(&repetition.sub, marks);
                items.push(match (once.marks(marks), max, once) {
                    (Some(unless), ..) => Item::Strings(Strings {
                        unless,
                        ..Strings::empty()
                    }),
                    (None, Some(1), Facts::Strings(mut strings)) => {
                        strings.texts.push(Vec::new());
                        Item::Strings(strings)
                    }
                    _ => Item::Gap(Vec::new()),
                });
                return;
            }
            for _ in 0..min.min(MAX_COPIES) {
                flatten(&repetition.sub, marks, items);
            }
            if max != Some(min) || min > MAX_COPIES {
                items.push(Item::Gap(Vec::new()));
                // What follows comes behind a last turn, which may be one of those above: a clause says what a text
                // contains, not where.
                flatten(&repetition.sub, marks, items);
            }
        }
    }
}

fn of_class(class: &Class) -> Item {
    let mut bytes = ByteSet::EMPTY;
    match class {
        Class::Bytes(class) => {
            for range in class.ranges() {
                bytes = bytes.union(ByteSet::range(range.start(), range.end()));
            }
        }
        Class::Unicode(class) => {
            for range in class.ranges() {
                match (
                    u8::try_from(u32::from(range.start())),
                    u8::try_from(u32::from(range.end())),
                ) {
                    (Ok(start), Ok(end)) if end < 0x80 => {
                        bytes = bytes.union(ByteSet::range(start, end));
                    }
                    _ => return Item::Gap(Vec::new()),
                }
            }
        }
    }
    let bytes = bytes.lowercase();
    let members = || (0..=u8::MAX).filter(|byte| bytes.contains(*byte));
    match members().count() {
        1..=MAX_SMALL_CLASS => {
            let texts = members().map(|byte| vec![byte]).collect();
            Item::Strings(Strings::new(texts))
        }
        _ => Item::Gap(vec![Clause {
            bytes,
            ..Clause::default()
        }]),
    }
}

/// All strings of all branches; or else, of each branch one clause, joined: first of each the rarest, and so on.
fn of_alternation(branches: Vec<Facts>) -> Item {
    let strings = |facts: &Facts| match facts {
        Facts::Strings(strings) => strings.texts.len(),
        Facts::Clauses(_) => MAX_STRINGS + 1,
    };
    if branches.iter().map(strings).sum::<usize>() <= MAX_STRINGS {
        let mut all = Strings::new(Vec::new());
        for branch in branches {
            if let Facts::Strings(strings) = branch {
                all.texts.extend(strings.texts);
                all.unless = all.unless.union(strings.unless);
            }
        }
        all.texts.sort_unstable();
        all.texts.dedup();
        return Item::Strings(all);
    }
    let mut branches: Vec<Vec<Clause>> = branches.into_iter().map(Facts::into_clauses).collect();
    for clauses in &mut branches {
        clauses.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
    }
    let deepest = branches.iter().map(Vec::len).max().unwrap_or(0);
    let ranked = (0..deepest.min(MAX_ALTERNATION_CLAUSES)).map_while(|rank| {
        branches.iter().try_fold(Clause::default(), |all, clauses| {
            // A branch with fewer clauses gives its last once more.
            let clause = clauses.get(rank).or(clauses.last())?;
            Some(all.or(clause))
        })
    });
    Item::Gap(ranked.collect())
}
