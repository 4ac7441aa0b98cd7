//! Layers to the set of rules that a request runs.

use std::sync::Arc;

use super::foregone::{Foregone, Foresight};
use super::layer::{Item, Layer};
use super::prefilter::{Prefilter, Role};
use super::rehearsal::Rehearsal;
use super::rule::Chain;
use super::switch::Switch;
use crate::actions::Flow;
use crate::operators::{Kind, Operator};
use crate::types::Phase;
use crate::variables::Variable;

/// The rules of a request, by phase.
#[derive(Debug, Default)]
pub struct RuleSet {
    phases: [PhaseRules; 5],
}

/// The rules of one phase.
#[derive(Debug, Default)]
pub struct PhaseRules {
    entries: Vec<Entry>,
    scans: Vec<LayerScan>,
    /// How many of the rules have a regular expression.
    regexes: u64,
    /// How many rules there are, those in chains and markers included.
    length: usize,
}

/// A rule or chain in its place.
#[derive(Debug)]
pub struct Entry {
    /// The rules.
    pub chain: Arc<Chain>,
    /// Where a match goes on: an index into the phase, possibly behind its end.
    pub next: usize,
    /// The nearest place from here on, this one included, whose rule is asked whatever the scan finds.
    pub unscanned: usize,
    /// How many rules with a regular expression stand before this place.
    regexes: u64,
    /// What the scan is to the rule.
    pub role: Role,
    /// The first rule as a switch, here so that those which do not hold are passed by without a look at the rule.
    pub switch: Option<Switch>,
    /// What it comes to, where the configuration alone decides that.
    pub foregone: Option<Foregone>,
    /// The same for as many rules as possible from here on, for those who come here and need not look at what stands between.
    pub run: Option<Foregone>,
}

impl Entry {
    /// Whether the first rule is a regular expression.
    pub fn has_regex(&self) -> bool {
        let starter = self.chain.starter();
        starter.is_some_and(|rule| rule.test.operator.kind() == Kind::Rx)
    }

    /// Whether the rules look at variables in TX alone, or at nothing: they take no time worth counting.
    pub fn is_about_tx(&self) -> bool {
        self.chain.rules.iter().all(|rule| {
            matches!(*rule.test.operator, Operator::UnconditionalMatch)
                || rule
                    .targets
                    .iter()
                    .all(|target| target.variable == Variable::Tx)
        })
    }
}

/// One layer's part in the scan of a phase.
#[derive(Debug)]
pub struct LayerScan {
    /// What to scan for.
    pub prefilter: Arc<Prefilter>,
    /// Of each rule of the layer, where it stands now; `None` where a later layer removed it.
    pub places: Vec<Option<usize>>,
}

/// What stands in a phase while it is put together.
enum Draft {
    /// A rule, the layer that it is from and its place there.
    Chain(Arc<Chain>, usize, usize),
    /// A place that `skipAfter` can name.
    Marker(Arc<str>),
}

impl Draft {
    /// How many rules it is.
    fn length(&self) -> usize {
        match self {
            Draft::Chain(chain, ..) => chain.rules.len(),
            Draft::Marker(_) => 1,
        }
    }
}

impl RuleSet {
    /// Lays the layers over each other, outermost first.
    ///
    /// Compat: a section's removals take effect on what it inherits, then its own rules follow;
    /// `SecRuleInheritance Off` drops what it inherits; a marker stands in all five phases.
    pub fn assemble<'l>(layers: impl IntoIterator<Item = &'l Layer>) -> RuleSet {
        let layers: Vec<&Layer> = layers.into_iter().collect();
        let mut rehearsal = Rehearsal::default();
        let mut foresight = Foresight::default();
        RuleSet {
            phases: Phase::ALL.map(|phase| {
                let mut rules = PhaseRules::assemble(&layers, phase, &mut rehearsal);
                let foregone = foresight.phase(&rules.entries);
                for (entry, foregone) in rules.entries.iter_mut().zip(foregone) {
                    entry.foregone = foregone;
                }
                rules.join_foregone();
                rules
            }),
        }
    }

    /// The rules of a phase.
    pub fn phase(&self, phase: Phase) -> Option<&PhaseRules> {
        self.phases.get(phase.index())
    }

    /// All chains.
    pub fn chains(&self) -> impl Iterator<Item = &Arc<Chain>> {
        self.phases
            .iter()
            .flat_map(|phase| &phase.entries)
            .map(|entry| &entry.chain)
    }
}

impl PhaseRules {
    /// The rules, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many rules there are, those in chains and markers included.
    pub fn length(&self) -> usize {
        self.length
    }

    /// What to scan for: one part a layer.
    pub fn scans(&self) -> &[LayerScan] {
        &self.scans
    }

    /// How many rules with a regular expression stand from one place up to another. A chain counts by its first rule.
    pub fn regexes_between(&self, from: usize, to: usize) -> u64 {
        let before = |at: usize| {
            self.entries
                .get(at)
                .map_or(self.regexes, |entry| entry.regexes)
        };
        before(to).saturating_sub(before(from))
    }

    /// Puts together what is decided of rules that follow each other, where a request may come to the first of them from
    /// one that it is always asked about.
    fn join_foregone(&mut self) {
        let (mut begins, mut arrives) = (vec![false; self.entries.len()], true);
        for (at, entry) in self.entries.iter().enumerate() {
            let jumped_to = begins.get(at).is_some_and(|begins| *begins);
            arrives |= jumped_to;
            if entry.role == Role::Finds {
                continue;
            }
            let asked = entry.foregone.is_none();
            if let Some(begins) = begins.get_mut(at) {
                *begins = arrives && !asked;
            }
            if let (true, Some(target)) = (asked, begins.get_mut(entry.next)) {
                *target = true;
            }
            arrives = asked;
        }
        for (at, _) in begins.iter().enumerate().filter(|(_, begins)| **begins) {
            let run = Foregone::run(&self.entries, at);
            if let Some(entry) = self.entries.get_mut(at) {
                entry.run = run;
            }
        }
    }

    fn assemble(layers: &[&Layer], phase: Phase, rehearsal: &mut Rehearsal) -> PhaseRules {
        let mut drafts = Vec::new();
        for (number, layer) in layers.iter().enumerate() {
            if !layer.inherits {
                drafts.clear();
            }
            drafts.retain(|draft| match draft {
                Draft::Chain(chain, ..) => !layer.removes(chain),
                Draft::Marker(_) => true,
            });
            let mut place = 0;
            for item in &layer.items {
                match item {
                    Item::Chain(chain) if chain.phase == phase => {
                        drafts.push(Draft::Chain(Arc::clone(chain), number, place));
                        place += 1;
                    }
                    Item::Chain(_) => {}
                    Item::Marker(name) => drafts.push(Draft::Marker(Arc::clone(name))),
                }
            }
        }
        PhaseRules::settle(&drafts, layers, phase, rehearsal)
    }

    /// Numbers the rules, and resolves where each goes on.
    fn settle(
        drafts: &[Draft],
        layers: &[&Layer],
        phase: Phase,
        rehearsal: &mut Rehearsal,
    ) -> PhaseRules {
        let mut entries: Vec<Entry> = Vec::new();
        let mut regexes = 0;
        let mut places: Vec<Vec<Option<usize>>> = vec![Vec::new(); layers.len()];
        for (at, draft) in drafts.iter().enumerate() {
            let Draft::Chain(chain, layer, place) = draft else {
                continue;
            };
            if let Some(places) = places.get_mut(*layer) {
                places.resize(places.len().max(place + 1), None);
                if let Some(known) = places.get_mut(*place) {
                    *known = Some(entries.len());
                }
            }
            let rest = drafts.get(at + 1..).unwrap_or_default();
            let skipped = rules_skipped(chain.id(), rest, &chain.flow);
            entries.push(Entry {
                chain: Arc::clone(chain),
                next: skipped.map_or(usize::MAX, |skipped| entries.len() + 1 + skipped),
                unscanned: entries.len(),
                regexes,
                role: Role::None,
                switch: chain.starter().and_then(Switch::of),
                foregone: None,
                run: None,
            });
            regexes += u64::from(entries.last().is_some_and(Entry::has_regex));
        }
        let reached = rehearsal.run(&entries);
        let mut scans = Vec::new();
        for (layer, places) in layers.iter().zip(places) {
            let wanted = |place: &Option<usize>| {
                place.is_some_and(|entry| reached.get(entry).copied().unwrap_or(false))
            };
            let wanted: Vec<bool> = places.iter().map(wanted).collect();
            let prefilter = layer.prefilter(phase, &wanted);
            if prefilter.sources().is_empty() {
                continue;
            }
            for (place, entry) in places.iter().enumerate() {
                let entry = entry.and_then(|entry| entries.get_mut(entry));
                if let Some(entry) = entry {
                    entry.role = prefilter.role(place);
                    if entry.role == Role::Finds {
                        entry.unscanned = usize::MAX;
                    }
                }
            }
            scans.push(LayerScan { prefilter, places });
        }
        let mut nearest = entries.len();
        for entry in entries.iter_mut().rev() {
            nearest = nearest.min(entry.unscanned);
            entry.unscanned = nearest;
        }
        PhaseRules {
            entries,
            scans,
            regexes,
            length: drafts.iter().map(Draft::length).sum(),
        }
    }
}

/// How many of the rules that follow the match of rule `id` are skipped; `None`: all.
///
/// Compat: `skip` counts rules and chains; `skipAfter` looks forward in the same phase for a marker or a rule id, and a
/// name that is not there ends the phase. To skip after oneself is to skip nothing.
fn rules_skipped(id: u64, rest: &[Draft], flow: &Flow) -> Option<usize> {
    let (count, name) = match flow {
        Flow::Next => return Some(0),
        Flow::Skip(count) => (*count as usize, None),
        Flow::SkipAfter(name) if id != 0 && id.to_string() == *name => return Some(0),
        Flow::SkipAfter(name) => (usize::MAX, Some(name.as_str())),
    };
    let mut passed = 0;
    for draft in rest {
        match draft {
            Draft::Marker(marker) if Some(&**marker) == name => return Some(passed),
            Draft::Marker(_) => {}
            Draft::Chain(..) if passed == count => return Some(passed),
            Draft::Chain(chain, ..) => {
                passed += 1;
                if name.is_some_and(|name| chain.id() != 0 && chain.id().to_string() == name) {
                    return Some(passed);
                }
            }
        }
    }
    None
}
