//! The machine: one program, one value, and a count of everything it does.

use std::ops::Range;

use super::super::{CAPTURES, Failure, Groups};
use super::code::{Instruction, Program};
use super::set::Set;
use super::tree::{Assertion, Mode};
use super::{MAX_STACK, MAX_STEPS, STEPS_PER_BYTE};

/// A slot that nothing has been written to.
const UNSET: usize = usize::MAX;

/// How many bytes that a class runs over, or that are compared, count as one step.
const BYTES_PER_STEP: usize = 4;

/// What is tried, or undone, when a way leads nowhere.
enum Entry {
    Choice {
        at: usize,
        place: usize,
    },
    /// A run may end at any place from `least` to `place`; it goes on at `at`.
    Shorter {
        at: usize,
        least: usize,
        place: usize,
    },
    /// The run at `at` may take more.
    Longer {
        at: usize,
        place: usize,
        left: Option<u32>,
    },
    Undo {
        slot: usize,
        value: usize,
    },
}

struct Machine<'a> {
    program: &'a Program,
    value: &'a [u8],
    /// Where the search began.
    begun: usize,
    slots: Vec<usize>,
    stack: Vec<Entry>,
    steps: u64,
    steps_left: u64,
}

/// The first match that starts at `start` or later and is accepted.  After one that is not, the search goes on one byte
/// behind its start.
///
/// # Errors
/// The search takes more than [`MAX_STEPS`], remembers more than [`MAX_STACK`], or goes back more than `backtracks`
/// times from one start.
pub(super) fn search(
    program: &Program,
    value: &[u8],
    start: usize,
    backtracks: u32,
    accept: &mut dyn FnMut(Range<usize>) -> bool,
) -> Result<Option<Groups>, Failure> {
    let steps = MAX_STEPS.max((value.len() as u64).saturating_mul(STEPS_PER_BYTE));
    let mut machine = Machine {
        program,
        value,
        begun: start,
        slots: vec![UNSET; program.slots],
        stack: Vec::new(),
        steps,
        steps_left: steps,
    };
    let mut from = start;
    while from <= value.len() {
        if let Some(first) = &program.first {
            let rest = value.get(from..).unwrap_or_default();
            match rest.iter().position(|byte| first.has(*byte)) {
                Some(offset) => from += offset,
                None => return Ok(None),
            }
        }
        if program.anchored && from > 0 {
            return Ok(None);
        }
        if let Some(end) = machine.run(from, backtracks)? {
            let start = machine.start(from, end);
            if accept(start..end) {
                return Ok(Some(machine.groups(start, end)));
            }
            from = from.max(start);
            machine.slots.fill(UNSET);
        }
        from += 1;
    }
    Ok(None)
}

impl Machine<'_> {
    /// Where a match begins that was found at `from`: \K can put it elsewhere, in a look-around even behind the end.
    fn start(&self, from: usize, end: usize) -> usize {
        match self.slot(0) {
            UNSET => from,
            kept => kept.min(end),
        }
    }

    fn groups(&self, start: usize, end: usize) -> Groups {
        let slot = |at: usize| self.slots.get(at).copied().filter(|value| *value != UNSET);
        let group = |n: usize| Some(slot(2 * n)?..slot(2 * n + 1)?);
        let kept = 1..(self.program.groups + 1).min(CAPTURES);
        Groups::new(std::iter::once(Some(start..end)).chain(kept.map(group)))
    }

    /// Where a match from `start` ends.
    fn run(&mut self, start: usize, backtracks: u32) -> Result<Option<usize>, Failure> {
        let mut backtracks_left = backtracks;
        let (mut at, mut place) = (0, start);
        loop {
            self.spend(1)?;
            let Some(instruction) = self.program.code.get(at) else {
                return Ok(Some(place));
            };
            if let Instruction::Match = instruction {
                self.stack.clear();
                return Ok(Some(place));
            }
            if let Some(next) = self.step(instruction, at, place)? {
                (at, place) = next;
                continue;
            }
            let Some(next) = self.back() else {
                return Ok(None);
            };
            (at, place) = next;
            backtracks_left = backtracks_left.checked_sub(1).ok_or_else(|| {
                exceeded(&format!(
                    "more than {backtracks} places gone back to from one start"
                ))
            })?;
        }
    }

    /// Does one instruction; None if it fails.
    fn step(
        &mut self,
        instruction: &Instruction,
        at: usize,
        place: usize,
    ) -> Result<Option<(usize, usize)>, Failure> {
        let next = at + 1;
        Ok(match *instruction {
            Instruction::Set(ref set) => {
                let found = self.value.get(place).is_some_and(|byte| set.has(*byte));
                found.then_some((next, place + 1))
            }
            Instruction::Run {
                ref set,
                min,
                max,
                mode,
            } => return self.run_of(set, (min, max), mode, at, place),
            Instruction::Split(first, second) => {
                self.push(Entry::Choice { at: second, place })?;
                Some((first, place))
            }
            Instruction::Jump(goal) => Some((goal, place)),
            Instruction::Assert(assertion) => self.holds(assertion, place).then_some((next, place)),
            Instruction::Mark(slot) => {
                self.write(slot, place)?;
                Some((next, place))
            }
            Instruction::Close { group, mark } => {
                let begun = self.slot(mark);
                self.write(2 * group, begun)?;
                self.write(2 * group + 1, place)?;
                Some((next, place))
            }
            Instruction::Again { mark, body, mode } => {
                if self.slot(mark) == place {
                    return Ok(Some((next, place)));
                }
                let (first, second) = match mode {
                    Mode::Lazy => (next, body),
                    Mode::Greedy | Mode::Possessive => (body, next),
                };
                self.push(Entry::Choice { at: second, place })?;
                Some((first, place))
            }
            Instruction::Enter(slot) => {
                self.remember(slot, self.stack.len());
                self.remember(slot + 1, place);
                Some((next, place))
            }
            Instruction::Cut(slot) => {
                self.cut(self.slot(slot))?;
                Some((next, place))
            }
            Instruction::Return(slot) => {
                self.cut(self.slot(slot))?;
                Some((next, self.slot(slot + 1)))
            }
            Instruction::Unless { slot, after } => {
                self.remember(slot, self.stack.len());
                self.push(Entry::Choice { at: after, place })?;
                Some((next, place))
            }
            Instruction::Refuse(slot) => {
                self.unwind(self.slot(slot))?;
                None
            }
            Instruction::Back(count) => place.checked_sub(count).map(|place| (next, place)),
            Instruction::Reference { group, caseless } => {
                let length = self.reference(group, caseless, place)?;
                length.map(|length| (next, place + length))
            }
            Instruction::Keep => {
                self.write(0, place)?;
                Some((next, place))
            }
            Instruction::Match => Some((at, place)),
        })
    }

    /// A class, once and again.
    fn run_of(
        &mut self,
        set: &Set,
        (min, max): (u32, Option<u32>),
        mode: Mode,
        at: usize,
        place: usize,
    ) -> Result<Option<(usize, usize)>, Failure> {
        let wanted = match mode {
            Mode::Lazy => Some(min),
            Mode::Greedy | Mode::Possessive => max,
        };
        let rest = self.value.get(place..).unwrap_or_default();
        let rest = wanted
            .and_then(|most| rest.get(..most as usize))
            .unwrap_or(rest);
        let length = rest
            .iter()
            .position(|byte| !set.has(*byte))
            .unwrap_or(rest.len());
        self.spend(length / BYTES_PER_STEP)?;
        if length < min as usize {
            return Ok(None);
        }
        let end = place + length;
        match mode {
            Mode::Possessive => {}
            Mode::Greedy => self.shorter(at + 1, place + min as usize, end)?,
            Mode::Lazy => {
                let left = max.map(|max| max.saturating_sub(min));
                self.push(Entry::Longer {
                    at,
                    place: end,
                    left,
                })?;
            }
        }
        Ok(Some((at + 1, end)))
    }

    /// A run that ended at `end` can end before, down to `least`.
    fn shorter(&mut self, at: usize, least: usize, end: usize) -> Result<(), Failure> {
        match end > least {
            true => self.push(Entry::Shorter {
                at,
                least,
                place: end - 1,
            }),
            false => Ok(()),
        }
    }

    /// Takes up what was remembered last; None if there is nothing.
    fn back(&mut self) -> Option<(usize, usize)> {
        loop {
            match self.stack.pop()? {
                Entry::Choice { at, place } => return Some((at, place)),
                Entry::Shorter { at, least, place } => {
                    if place > least {
                        // There was room for it a moment ago.
                        self.stack.push(Entry::Shorter {
                            at,
                            least,
                            place: place - 1,
                        });
                    }
                    return Some((at, place));
                }
                Entry::Longer { at, place, left } => {
                    let takes = match self.program.code.get(at) {
                        Some(Instruction::Run { set, .. }) => {
                            self.value.get(place).is_some_and(|byte| set.has(*byte))
                        }
                        _ => false,
                    };
                    if !takes || left == Some(0) {
                        continue;
                    }
                    let (place, left) = (place + 1, left.map(|left| left - 1));
                    self.stack.push(Entry::Longer { at, place, left });
                    return Some((at + 1, place));
                }
                Entry::Undo { slot, value } => self.remember(slot, value),
            }
        }
    }

    /// Forgets the choices above a height, but not what must be undone.
    fn cut(&mut self, height: usize) -> Result<(), Failure> {
        let above = self.stack.len().saturating_sub(height);
        self.spend(above)?;
        let mut kept = height;
        for at in height..self.stack.len() {
            if matches!(self.stack.get(at), Some(Entry::Undo { .. })) {
                self.stack.swap(kept, at);
                kept += 1;
            }
        }
        self.stack.truncate(kept);
        Ok(())
    }

    /// Undoes everything above a height.
    fn unwind(&mut self, height: usize) -> Result<(), Failure> {
        self.spend(self.stack.len().saturating_sub(height))?;
        while self.stack.len() > height {
            if let Some(Entry::Undo { slot, value }) = self.stack.pop() {
                self.remember(slot, value);
            }
        }
        Ok(())
    }

    /// How long the text of a group is that stands here again.
    fn reference(
        &mut self,
        group: usize,
        caseless: bool,
        place: usize,
    ) -> Result<Option<usize>, Failure> {
        let (start, end) = (self.slot(2 * group), self.slot(2 * group + 1));
        let (Some(text), Some(rest)) = (self.value.get(start..end), self.value.get(place..)) else {
            return Ok(None); // a group without a value
        };
        self.spend(text.len() / BYTES_PER_STEP)?;
        let here = rest.get(..text.len());
        let same = here.is_some_and(|here| match caseless {
            true => here.eq_ignore_ascii_case(text),
            false => here == text,
        });
        Ok(same.then_some(text.len()))
    }

    fn holds(&self, assertion: Assertion, place: usize) -> bool {
        let before = || place.checked_sub(1).and_then(|at| self.value.get(at));
        let after = || self.value.get(place);
        let word =
            |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        match assertion {
            Assertion::Start => place == 0,
            Assertion::SearchStart => place == self.begun,
            // PCRE2 sees no line that begins behind a final line feed.
            Assertion::LineStart => before().is_none_or(|b| *b == b'\n' && after().is_some()),
            Assertion::End => after().is_none(),
            Assertion::LineEnd => after().is_none_or(|b| *b == b'\n'),
            Assertion::EndOrFinalNewline => {
                after().is_none() || (after() == Some(&b'\n') && place + 1 == self.value.len())
            }
            Assertion::WordBoundary => word(before()) != word(after()),
            Assertion::NoWordBoundary => word(before()) == word(after()),
        }
    }

    fn slot(&self, at: usize) -> usize {
        self.slots.get(at).copied().unwrap_or(UNSET)
    }

    fn remember(&mut self, slot: usize, value: usize) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = value;
        }
    }

    /// Writes a slot so that going back undoes it.
    fn write(&mut self, slot: usize, value: usize) -> Result<(), Failure> {
        let before = self.slot(slot);
        self.push(Entry::Undo {
            slot,
            value: before,
        })?;
        self.remember(slot, value);
        Ok(())
    }

    fn push(&mut self, entry: Entry) -> Result<(), Failure> {
        if self.stack.len() >= MAX_STACK {
            return Err(exceeded(&format!(
                "more than {MAX_STACK} places to go back to"
            )));
        }
        self.stack.push(entry);
        Ok(())
    }

    fn spend(&mut self, steps: usize) -> Result<(), Failure> {
        self.steps_left = self
            .steps_left
            .checked_sub(steps as u64)
            .ok_or_else(|| exceeded(&format!("more than {} steps", self.steps)))?;
        Ok(())
    }
}

/// Compat: the words and the number that logs and their readers know from mod_security2.
fn exceeded(what: &str) -> Failure {
    Failure::limit(format!("PCRE limits exceeded (-47): {what}"))
}
