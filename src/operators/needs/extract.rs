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
        ..Needs::of_clauses(facts(&hir).into_clauses())
    }
}

/// A part of a pattern, as far as it goes into clauses.
enum Item {
    /// One of these strings, and nothing else.
    Strings(Vec<Vec<u8>>),
    /// Anything; but all of these clauses hold for it.
    Gap(Vec<Clause>),
}

/// What is known of the texts that a pattern matches.
enum Facts {
    /// They are these.
    Strings(Vec<Vec<u8>>),
    /// They satisfy all of these.
    Clauses(Vec<Clause>),
}

impl Facts {
    fn into_clauses(self) -> Vec<Clause> {
        match self {
            Facts::Strings(strings) => Clause::of_strings(strings).into_iter().collect(),
            Facts::Clauses(clauses) => clauses,
        }
    }
}

/// The recursion is as deep as the pattern's groups, at most [`MAX_NESTING`].
fn facts(hir: &Hir) -> Facts {
    let mut items = Vec::new();
    flatten(hir, &mut items);
    let mut clauses = Vec::new();
    // The strings that the text just before this place is one of.
    let mut strings = vec![Vec::new()];
    let mut exact = true;
    for item in items {
        match item {
            Item::Strings(next) if strings.len() * next.len() <= MAX_JOINED => {
                strings = join(&strings, &next);
            }
            Item::Strings(next) => {
                exact &= strings.iter().all(Vec::is_empty);
                clauses.extend(Clause::of_strings(std::mem::replace(&mut strings, next)));
            }
            Item::Gap(inside) => {
                exact = false;
                clauses.extend(Clause::of_strings(std::mem::take(&mut strings)));
                clauses.extend(inside);
                strings.push(Vec::new());
            }
        }
    }
    if exact && strings.len() <= MAX_STRINGS {
        return Facts::Strings(strings);
    }
    clauses.extend(Clause::of_strings(strings));
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

fn flatten(hir: &Hir, items: &mut Vec<Item>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => {
            items.push(Item::Strings(vec![literal.0.to_ascii_lowercase()]));
        }
        HirKind::Class(class) => items.push(of_class(class)),
        HirKind::Capture(capture) => flatten(&capture.sub, items),
        HirKind::Concat(parts) => parts.iter().for_each(|part| flatten(part, items)),
        HirKind::Alternation(branches) => {
            items.push(of_alternation(branches.iter().map(facts).collect()));
        }
        HirKind::Repetition(repetition) => {
            let (min, max) = (repetition.min, repetition.max);
            if min == 0 {
                match (max, facts(&repetition.sub)) {
                    (Some(1), Facts::Strings(mut strings)) => {
                        strings.push(Vec::new());
                        items.push(Item::Strings(strings));
                    }
                    _ => items.push(Item::Gap(Vec::new())),
                }
                return;
            }
            for _ in 0..min.min(MAX_COPIES) {
                flatten(&repetition.sub, items);
            }
            if max != Some(min) || min > MAX_COPIES {
                items.push(Item::Gap(Vec::new()));
                // What follows comes behind a last turn, which may be one of those above: a clause says what a text
                // contains, not where.
                flatten(&repetition.sub, items);
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
        1..=MAX_SMALL_CLASS => Item::Strings(members().map(|byte| vec![byte]).collect()),
        _ => Item::Gap(vec![Clause {
            bytes,
            ..Clause::default()
        }]),
    }
}

/// All strings of all branches; or else, of each branch one clause, joined: first of each the rarest, and so on.
fn of_alternation(branches: Vec<Facts>) -> Item {
    let strings = |facts: &Facts| match facts {
        Facts::Strings(strings) => strings.len(),
        Facts::Clauses(_) => MAX_STRINGS + 1,
    };
    if branches.iter().map(strings).sum::<usize>() <= MAX_STRINGS {
        let mut all = Vec::new();
        for branch in branches {
            if let Facts::Strings(strings) = branch {
                all.extend(strings);
            }
        }
        all.sort_unstable();
        all.dedup();
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
