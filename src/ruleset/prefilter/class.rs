//! The rules that look at the same values, and their literals.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use siphasher::sip128::{Hasher128, SipHasher13};

use super::finder::{Finder, Found, PADDING};
use super::lists::Lists;
use super::sparse::may_hold;
use super::tree::{Plan, Texts, Tree};
use crate::byte_set::ByteSet;
use crate::operators::needs::{Gate, Needs, rarest};

/// From how many bytes on a text is worth asking first which rules could match it at all.
pub(super) const LONG_TEXT: usize = 256;

/// Most literals of one rule that are searched for in a text before what a transformation would make of it.
const MAX_SOUGHT: usize = 4;

/// Most searches of single parts that are made of a text instead of one for all literals.
const MAX_PARTS: usize = 2;

/// One rule that is scanned for.
#[derive(Clone, Debug, Hash)]
pub(super) struct Member {
    /// Its position in the phase.
    pub position: usize,
    /// The texts it looks at.
    pub texts: Texts,
    min_len: usize,
    max_len: usize,
    gate: Option<Gate>,
    clauses: Vec<MemberClause>,
}

#[derive(Clone, Debug, Hash)]
struct MemberClause {
    literals: Vec<Box<[u8]>>,
    bytes: ByteSet,
}

impl MemberClause {
    /// Bytes without which a text does not satisfy it: those that do, and the rarest of each literal.
    fn possible(&self) -> ByteSet {
        let rarest = |literal: &[u8]| {
            ByteSet::of(
                literal
                    .get(rarest(literal, 1)..)
                    .map_or(&[], |rest| rest.get(..1).unwrap_or_default()),
            )
        };
        let literals = self.literals.iter().map(|literal| rarest(literal));
        literals.fold(self.bytes, ByteSet::union)
    }
}

impl Member {
    pub fn new(position: usize, texts: Texts, needs: &Needs) -> Member {
        let clauses = needs.clauses.iter().map(|clause| MemberClause {
            literals: clause.literals.clone(),
            bytes: clause.bytes,
        });
        Member {
            position,
            texts,
            min_len: needs.min_len,
            max_len: needs.max_len.unwrap_or(usize::MAX),
            gate: needs.gate,
            clauses: clauses.collect(),
        }
    }

    /// The first clause that only a literal satisfies: the rarest.
    fn trigger(&self) -> Option<usize> {
        self.clauses
            .iter()
            .position(|clause| clause.bytes.is_empty() && !clause.literals.is_empty())
    }

    /// If they are few, literals one of which is in every text that the rule matches; otherwise none.
    fn sought(&self) -> &[Box<[u8]>] {
        let clause = self.trigger().and_then(|at| self.clauses.get(at));
        let literals = clause.map_or(&[][..], |clause| &clause.literals);
        literals.get(..MAX_SOUGHT + 1).map_or(literals, |_| &[])
    }

    /// The clauses, as bits, of which nothing is found in a text that the rule does not match.
    fn first(&self) -> u16 {
        self.trigger().map_or(u16::MAX, |at| 1 << at)
    }
}

/// The rules that look at the same values.
pub(super) struct Class {
    pub positions: Vec<usize>,
    pub plan: Plan,
    rules: Vec<Watch>,
    literals: Lists<u8>,
    finder: Finder,
    /// The same, apart for rules that look at different texts.
    parts: Vec<Part>,
    /// By literal: who waits for it.
    waiting: Lists<Waiting>,
    /// Rules that no literal triggers: each with bytes one of which must be there.
    listed: Vec<(ByteSet, u32)>,
    listed_bytes: ByteSet,
}

/// Most rules for which the rarest clauses are searched for first.
const MAX_APART: usize = 4;

/// The rules that look at the same texts, and a search for their literals alone.
#[derive(Debug)]
struct Part {
    texts: Texts,
    rules: Vec<u32>,
    /// For those of one clause of each rule, without which the rule does not match.
    first: Finder,
    /// For all others.
    others: Finder,
}

/// A rule, as the scan sees it.
#[derive(Debug)]
struct Watch {
    position: usize,
    texts: Texts,
    min_len: usize,
    max_len: usize,
    gate: Option<Gate>,
    /// Of each clause, the bytes that satisfy it.
    clauses: Vec<ByteSet>,
    /// Of each clause, bytes without which neither these nor a literal satisfies it.
    possible: Vec<ByteSet>,
    /// If they are few, literals one of which is in every text that the rule matches.
    sought: Box<[Box<[u8]>]>,
}

impl Watch {
    /// Whether a text of at most this length may satisfy the rule that has, in lower case, none but these bytes.
    fn is_possible(&self, bytes: &ByteSet, longest: usize) -> bool {
        longest >= self.min_len && self.possible.iter().all(|some| some.intersects(bytes))
    }
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    rule: u32,
    /// The clause's bit.
    clause: u16,
}

/// Which clauses of which rules the literals of the text in hand have satisfied.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The text in hand: whatever was noted for another does not count.
    text: u32,
    noted: Vec<(u32, u16)>,
    touched: Vec<u32>,
    found: Found,
}

impl Class {
    /// The class of these rules. Sections that have the same rules, as virtual hosts often do, have their classes in common.
    pub fn shared(members: &[&Member], tree: &Tree) -> Arc<Class> {
        static CLASSES: Mutex<BTreeMap<u128, Weak<Class>>> = Mutex::new(BTreeMap::new());
        let mut content = SipHasher13::new();
        (members, tree).hash(&mut content);
        let content = content.finish128().as_u128();
        let mut classes = CLASSES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(class) = classes.get(&content).and_then(Weak::upgrade) {
            return class;
        }
        let class = Arc::new(Class::build(members, tree));
        classes.retain(|_, class| class.strong_count() > 0);
        classes.insert(content, Arc::downgrade(&class));
        class
    }

    fn build(members: &[&Member], tree: &Tree) -> Class {
        let texts = members.iter().fold(0, |all, member| all | member.texts);
        let mut waiting: BTreeMap<&[u8], Vec<Waiting>> = BTreeMap::new();
        let mut parts: BTreeMap<Texts, Vec<u32>> = BTreeMap::new();
        let (mut rules, mut listed) = (Vec::new(), Vec::new());
        for (rule, member) in (0..).zip(members) {
            for (at, clause) in member.clauses.iter().enumerate() {
                for literal in &clause.literals {
                    let clause = 1 << at;
                    let all = waiting.entry(literal).or_default();
                    all.push(Waiting { rule, clause });
                }
            }
            let has_literals = |clause: &MemberClause| !clause.literals.is_empty();
            if member.clauses.iter().any(has_literals) {
                parts.entry(member.texts).or_default().push(rule);
            }
            if member.trigger().is_none() {
                let bytes = member
                    .clauses
                    .iter()
                    .find(|clause| clause.literals.is_empty())
                    .or(member.clauses.first())
                    .map_or(ByteSet::FULL, |clause| clause.bytes);
                listed.push((bytes, rule));
            }
            rules.push(Watch {
                position: member.position,
                texts: member.texts,
                min_len: member.min_len,
                max_len: member.max_len,
                gate: member.gate,
                clauses: member.clauses.iter().map(|clause| clause.bytes).collect(),
                possible: member.clauses.iter().map(MemberClause::possible).collect(),
                sought: member.sought().into(),
            });
        }
        let mut plan = tree.plan(texts);
        plan.note_shortest(members.iter().map(|member| (member.texts, member.min_len)));
        let (literals, waiting): (Vec<&[u8]>, Vec<Vec<Waiting>>) = waiting.into_iter().unzip();
        let literals: Lists<u8> = literals.into_iter().map(<[u8]>::to_vec).collect();
        let part = |(texts, rules): (Texts, Vec<u32>)| {
            // Of many rules one finds something nearly always, and then all is searched for.
            let apart = rules.len() <= MAX_APART;
            let first = members.iter().map(|member| match apart {
                true => member.first(),
                false => u16::MAX,
            });
            let first: Vec<u16> = first.collect();
            let theirs = |wanted: bool| {
                let of_part = |waiting: &Waiting| {
                    let first = first.get(waiting.rule as usize).copied().unwrap_or(0);
                    rules.contains(&waiting.rule) && (first & waiting.clause != 0) == wanted
                };
                let all = (0..).zip(&waiting);
                let theirs = all.filter(|(_, waiting)| waiting.iter().any(of_part));
                Finder::new(&literals, theirs.map(|(number, _)| number))
            };
            Part {
                texts,
                first: theirs(true),
                others: theirs(false),
                rules,
            }
        };
        Class {
            positions: members.iter().map(|member| member.position).collect(),
            plan,
            rules,
            finder: Finder::new(&literals, (0..).zip(&waiting).map(|(number, _)| number)),
            parts: parts.into_iter().map(part).collect(),
            literals,
            waiting: waiting.into_iter().collect(),
            listed_bytes: listed
                .iter()
                .fold(ByteSet::EMPTY, |all, (bytes, _)| all.union(*bytes)),
            listed,
        }
    }

    /// Whether it is the class of exactly these rules.
    pub fn is_of(&self, members: &[&Member]) -> bool {
        let positions = members.iter().map(|member| member.position);
        self.positions.iter().copied().eq(positions)
    }

    /// Finds the rules that may match a text, which stands for `texts`, has its ASCII letters in lower case, and is
    /// followed by [`PADDING`] zero bytes.
    pub fn scan(
        &self,
        padded: &[u8],
        bytes: &ByteSet,
        texts: Texts,
        state: &mut State,
        mut found: impl FnMut(usize),
    ) {
        let folded = padded
            .get(..padded.len().saturating_sub(PADDING))
            .unwrap_or_default();
        state.begin(self.rules.len());
        self.search(padded, folded, bytes, texts, &mut state.found);
        for at in 0.. {
            let Some(literal) = state.found.numbers().get(at).copied() else {
                break;
            };
            self.note(literal, texts, state);
        }
        let touched = std::mem::take(&mut state.touched);
        for rule in &touched {
            if self.admits(*rule, folded, bytes, texts, state) {
                self.found(*rule, &mut found);
            }
        }
        state.touched = touched;
        if folded.is_empty() || self.listed_bytes.intersects(bytes) {
            for (gate, rule) in &self.listed {
                if (gate.intersects(bytes) || folded.is_empty())
                    && self.admits(*rule, folded, bytes, texts, state)
                {
                    self.found(*rule, &mut found);
                }
            }
        }
    }

    /// Finds the literals in a text that matter. Where it is long and few of the rules can match it, theirs alone.
    fn search(
        &self,
        padded: &[u8],
        folded: &[u8],
        bytes: &ByteSet,
        texts: Texts,
        found: &mut Found,
    ) {
        found.begin(self.waiting.len());
        if folded.len() < LONG_TEXT {
            return self.finder.find(&self.literals, padded, found);
        }
        let possible = |rule: &u32| {
            let watch = self.rules.get(*rule as usize);
            watch.is_none_or(|watch| watch.is_possible(bytes, folded.len()))
        };
        let concerned = || {
            let parts = self.parts.iter().filter(|part| part.texts & texts != 0);
            parts.filter(|part| part.rules.iter().any(possible))
        };
        match concerned().nth(MAX_PARTS) {
            None => concerned().for_each(|part| {
                let before = found.numbers().len();
                part.first.find(&self.literals, padded, found);
                if found.numbers().len() > before {
                    part.others.find(&self.literals, padded, found);
                }
            }),
            Some(_) => self.finder.find(&self.literals, padded, found),
        }
    }

    /// Whether any rule may match one of these texts, if they have none but these bytes.
    pub fn may_match(&self, texts: Texts, bytes: &ByteSet) -> bool {
        let bytes = bytes.lowercase();
        let mut looking = self.rules.iter().filter(|watch| watch.texts & texts != 0);
        looking.any(|watch| watch.is_possible(&bytes, usize::MAX))
    }

    /// Whether any rule may match one of these texts, if they are made of this one by leaving out some bytes.
    pub fn may_match_without(&self, texts: Texts, text: &[u8], left_out: &ByteSet) -> bool {
        let mut looking = self.rules.iter().filter(|watch| watch.texts & texts != 0);
        looking.any(|watch| {
            let mut sought = watch.sought.iter();
            watch.sought.is_empty() || sought.any(|literal| may_hold(text, literal, left_out))
        })
    }

    fn found(&self, rule: u32, found: &mut impl FnMut(usize)) {
        if let Some(watch) = self.rules.get(rule as usize) {
            found(watch.position);
        }
    }

    #[inline]
    fn note(&self, literal: u32, texts: Texts, state: &mut State) {
        for waiting in self.waiting.of(literal) {
            let relevant = self
                .rules
                .get(waiting.rule as usize)
                .is_some_and(|watch| watch.texts & texts != 0);
            if relevant {
                state.note(waiting);
            }
        }
    }

    fn admits(
        &self,
        rule: u32,
        folded: &[u8],
        bytes: &ByteSet,
        texts: Texts,
        state: &State,
    ) -> bool {
        let Some(watch) = self.rules.get(rule as usize) else {
            return true;
        };
        let noted = state.of(rule);
        watch.texts & texts != 0
            && (watch.min_len..=watch.max_len).contains(&folded.len())
            && watch
                .clauses
                .iter()
                .enumerate()
                .all(|(at, clause)| noted & (1 << at) != 0 || clause.intersects(bytes))
            && watch.gate.is_none_or(|gate| gate.admits(folded))
    }
}

impl std::fmt::Debug for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Class")
            .field("positions", &self.positions)
            .field("literals", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

impl State {
    fn begin(&mut self, rules: usize) {
        if self.noted.len() < rules {
            self.noted.resize(rules, (0, 0));
        }
        self.touched.clear();
        self.text = self.text.wrapping_add(1);
        if self.text == 0 {
            self.noted.fill((0, 0));
            self.text = 1;
        }
    }

    #[inline]
    fn note(&mut self, waiting: &Waiting) {
        if let Some((text, clauses)) = self.noted.get_mut(waiting.rule as usize) {
            if *text != self.text {
                (*text, *clauses) = (self.text, 0);
                self.touched.push(waiting.rule);
            }
            *clauses |= waiting.clause;
        }
    }

    fn of(&self, rule: u32) -> u16 {
        match self.noted.get(rule as usize) {
            Some((text, clauses)) if *text == self.text => *clauses,
            _ => 0,
        }
    }
}
