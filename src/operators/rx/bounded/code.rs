//! From a tree to a program.

use super::set::Set;
use super::tree::{Assertion, Mode, Node, Pattern};

/// A step of the machine.
#[derive(Debug)]
pub(super) enum Instruction {
    /// One byte of the set.
    Set(Set),
    /// Bytes of the set, one after the other.
    Run {
        set: Set,
        min: u32,
        max: Option<u32>,
        mode: Mode,
    },
    /// Goes on at the first place; at the second when that fails.
    Split(usize, usize),
    Jump(usize),
    Assert(Assertion),
    /// Remembers where a group or a turn of a loop begins.
    Mark(usize),
    /// The group of this number ends; its beginning is in the slot.
    Close {
        group: usize,
        mark: usize,
    },
    /// Behind the body of a loop, which begins at `body`: an empty turn is the last.
    Again {
        mark: usize,
        body: usize,
        mode: Mode,
    },
    /// Remembers the stack and the place: an atomic group or a look-ahead begins.
    Enter(usize),
    /// What the group might have matched instead is forgotten.
    Cut(usize),
    /// The same, and back to the place.
    Return(usize),
    /// A negated look-around, whose body begins here, holds if that fails: then it goes on at `after`.
    Unless {
        slot: usize,
        after: usize,
    },
    /// The body of a negated look-around has matched.
    Refuse(usize),
    /// So many bytes back.
    Back(usize),
    Reference {
        group: usize,
        caseless: bool,
    },
    /// The match begins here.
    Keep,
    Match,
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) code: Vec<Instruction>,
    /// Numbered groups, and the two slots of each at the beginning of all slots.
    pub(super) groups: usize,
    pub(super) slots: usize,
    /// The bytes a match can begin with; None if it can be empty.
    pub(super) first: Option<Set>,
    /// Matches only at the start of the value.
    pub(super) anchored: bool,
}

/// Compiles a pattern. Counted repetitions of groups are written out, as they are by PCRE2, which has accepted
/// the pattern and allows no more than 64 KiB of code.
pub(super) fn compile(pattern: &Pattern) -> Program {
    let mut compiler = Compiler {
        code: Vec::new(),
        slots: 2 * (pattern.groups + 1),
    };
    compiler.node(&pattern.root);
    compiler.push(Instruction::Match);
    let (first, empty) = pattern.root.first();
    Program {
        code: compiler.code,
        groups: pattern.groups,
        slots: compiler.slots,
        first: (!empty).then_some(first),
        anchored: pattern.root.is_anchored(),
    }
}

struct Compiler {
    code: Vec<Instruction>,
    slots: usize,
}

impl Compiler {
    fn push(&mut self, instruction: Instruction) -> usize {
        self.code.push(instruction);
        self.code.len() - 1
    }

    /// Writes what was pushed before its goal was known.
    fn set(&mut self, at: usize, instruction: Instruction) {
        if let Some(place) = self.code.get_mut(at) {
            *place = instruction;
        }
    }

    /// New slots; the first one's number.
    fn slots(&mut self, count: usize) -> usize {
        let first = self.slots;
        self.slots += count;
        first
    }

    /// Recursion is as deep as the pattern is nested, which is bounded.
    fn node(&mut self, node: &Node) {
        match node {
            Node::Set(set) => {
                self.push(Instruction::Set(*set));
            }
            Node::Assertion(assertion) => {
                self.push(Instruction::Assert(*assertion));
            }
            Node::Concat(nodes) => nodes.iter().for_each(|node| self.node(node)),
            Node::Alternatives(nodes) => {
                self.alternatives(nodes.iter(), |compiler, node| compiler.node(node))
            }
            Node::Capture(group, node) => {
                let mark = self.slots(1);
                self.push(Instruction::Mark(mark));
                self.node(node);
                self.push(Instruction::Close {
                    group: *group,
                    mark,
                });
            }
            Node::Repeat {
                node,
                min,
                max,
                mode,
            } => match &**node {
                Node::Set(set) => {
                    let (set, min, max, mode) = (*set, *min, *max, *mode);
                    self.push(Instruction::Run {
                        set,
                        min,
                        max,
                        mode,
                    });
                }
                node if *mode == Mode::Possessive => {
                    self.atomic(|compiler| compiler.repeat(node, *min, *max, Mode::Greedy))
                }
                node => self.repeat(node, *min, *max, *mode),
            },
            Node::Atomic(node) => self.atomic(|compiler| compiler.node(node)),
            Node::Ahead { negated, node } => self.look(*negated, |compiler| compiler.node(node)),
            Node::Behind {
                negated,
                alternatives,
            } => self.look(*negated, |compiler| {
                compiler.alternatives(alternatives.iter(), |compiler, (length, node)| {
                    compiler.push(Instruction::Back(*length));
                    compiler.node(node)
                })
            }),
            Node::Keep => {
                self.push(Instruction::Keep);
            }
            Node::Reference { group, caseless } => {
                let (group, caseless) = (*group, *caseless);
                self.push(Instruction::Reference { group, caseless });
            }
        }
    }

    fn alternatives<T>(
        &mut self,
        nodes: impl ExactSizeIterator<Item = T>,
        write: impl Fn(&mut Self, T),
    ) {
        let mut jumps = Vec::new();
        let last = nodes.len().saturating_sub(1);
        for (at, node) in nodes.enumerate() {
            if at == last {
                write(self, node);
                break;
            }
            let split = self.push(Instruction::Split(0, 0));
            write(self, node);
            jumps.push(self.push(Instruction::Jump(0)));
            self.set(split, Instruction::Split(split + 1, self.code.len()));
        }
        let end = self.code.len();
        jumps
            .into_iter()
            .for_each(|jump| self.set(jump, Instruction::Jump(end)));
    }

    fn atomic(&mut self, body: impl FnOnce(&mut Self)) {
        let slot = self.slots(2);
        self.push(Instruction::Enter(slot));
        body(self);
        self.push(Instruction::Cut(slot));
    }

    fn look(&mut self, negated: bool, body: impl FnOnce(&mut Self)) {
        let slot = self.slots(2);
        if !negated {
            self.push(Instruction::Enter(slot));
            body(self);
            self.push(Instruction::Return(slot));
            return;
        }
        let unless = self.push(Instruction::Unless { slot, after: 0 });
        body(self);
        self.push(Instruction::Refuse(slot));
        let after = self.code.len();
        self.set(unless, Instruction::Unless { slot, after });
    }

    /// A repeated group is written out as often as it must or may come; the last one that has no end is a loop.
    fn repeat(&mut self, node: &Node, min: u32, max: Option<u32>, mode: Mode) {
        let Some(max) = max else {
            for _ in 1..min {
                self.node(node);
            }
            return self.endless(node, min == 0, mode);
        };
        for _ in 0..min {
            self.node(node);
        }
        let mut splits = Vec::new();
        for _ in min..max {
            splits.push(self.push(Instruction::Split(0, 0)));
            self.node(node);
        }
        let end = self.code.len();
        for split in splits {
            self.set(split, fork(split + 1, end, mode));
        }
    }

    fn endless(&mut self, node: &Node, may_be_missing: bool, mode: Mode) {
        let mark = self.slots(1);
        let split = match may_be_missing {
            true => Some(self.push(Instruction::Split(0, 0))),
            false => None,
        };
        let body = self.push(Instruction::Mark(mark));
        self.node(node);
        self.push(Instruction::Again { mark, body, mode });
        let end = self.code.len();
        if let Some(split) = split {
            self.set(split, fork(body, end, mode));
        }
    }
}

/// Into a body, or past it.
fn fork(body: usize, end: usize, mode: Mode) -> Instruction {
    match mode {
        Mode::Lazy => Instruction::Split(end, body),
        Mode::Greedy | Mode::Possessive => Instruction::Split(body, end),
    }
}
