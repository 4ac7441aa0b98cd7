//! Layers to the set of rules that a request runs.

use std::sync::Arc;

use super::layer::{Item, Layer};
use super::rule::Chain;
use crate::actions::Flow;
use crate::types::Phase;

/// What stands in a phase.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Rules to run.
    Chain(Arc<Chain>),
    /// A place that `skipAfter` can name.
    Marker(Arc<str>),
}

/// The rules of a request, by phase.
#[derive(Debug, Default)]
pub struct RuleSet {
    phases: [Vec<Entry>; 5],
}

impl RuleSet {
    /// Lays the layers over each other, outermost first.
    ///
    /// Compat: a section's removals take effect on what it inherits, then its own rules follow;
    /// `SecRuleInheritance Off` drops what it inherits; a marker stands in all five phases.
    pub fn assemble<'l>(layers: impl IntoIterator<Item = &'l Layer>) -> RuleSet {
        let mut set = RuleSet::default();
        for layer in layers {
            if !layer.inherits {
                set = RuleSet::default();
            }
            for phase in &mut set.phases {
                phase.retain(|entry| match entry {
                    Entry::Chain(chain) => !layer.removes(chain),
                    Entry::Marker(_) => true,
                });
            }
            for item in &layer.items {
                match item {
                    Item::Chain(chain) => {
                        if let Some(phase) = set.phases.get_mut(chain.phase.index()) {
                            phase.push(Entry::Chain(Arc::clone(chain)));
                        }
                    }
                    Item::Marker(name) => {
                        for phase in &mut set.phases {
                            phase.push(Entry::Marker(Arc::clone(name)));
                        }
                    }
                }
            }
        }
        set
    }

    /// The entries of a phase.
    pub fn phase(&self, phase: Phase) -> &[Entry] {
        self.phases.get(phase.index()).map_or(&[], Vec::as_slice)
    }

    /// All chains.
    pub fn chains(&self) -> impl Iterator<Item = &Arc<Chain>> {
        self.phases
            .iter()
            .flatten()
            .filter_map(|entry| match entry {
                Entry::Chain(chain) => Some(chain),
                Entry::Marker(_) => None,
            })
    }

    /// Where a chain at `at` that matched continues: an index into the phase, possibly behind its end.
    ///
    /// Compat: `skip` counts rules and chains; `skipAfter` looks forward in the same phase for a marker or a rule id,
    /// and a name that is not there ends the phase.
    pub fn next(&self, phase: Phase, at: usize, flow: &Flow) -> usize {
        let entries = self.phase(phase);
        let rest = || entries.iter().enumerate().skip(at + 1);
        match flow {
            Flow::Next => at + 1,
            Flow::Skip(count) => {
                let chains = rest().filter(|(_, entry)| matches!(entry, Entry::Chain(_)));
                chains
                    .skip(*count as usize)
                    .map(|(found, _)| found)
                    .next()
                    .unwrap_or(entries.len())
            }
            Flow::SkipAfter(name) => {
                let found = rest().find(|(_, entry)| match entry {
                    Entry::Marker(marker) => **marker == **name,
                    Entry::Chain(chain) => chain.id() != 0 && chain.id().to_string() == *name,
                });
                found.map_or(entries.len(), |(found, _)| found + 1)
            }
        }
    }
}
