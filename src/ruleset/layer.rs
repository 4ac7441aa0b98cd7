//! What one configuration section says about rules.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::prefilter::Prefilter;
use super::rule::{Chain, Rule, Target};
use crate::actions::RuleSelector;
use crate::body::xml::xpath;
use crate::types::Phase;

/// The rules of one section, finished.
#[derive(Debug)]
pub struct Layer {
    pub(super) items: Vec<Item>,
    pub(super) removals: Vec<RuleSelector>,
    pub(super) inherits: bool,
    prefilters: Mutex<Vec<Scan>>,
}

/// What a selection of a section's rules is scanned for: several sets of rules can share a section.
#[derive(Debug)]
struct Scan {
    phase: Phase,
    wanted: Vec<bool>,
    prefilter: Arc<Prefilter>,
}

/// How many scans a section remembers: three selections of the rules of five phases.
const KEPT_SCANS: usize = 15;

#[derive(Clone, Debug)]
pub(super) enum Item {
    Chain(Arc<Chain>),
    Marker(Arc<str>),
}

impl Layer {
    /// A scan for those of the section's own rules of a phase that are `wanted`, by their places. The last few are kept.
    pub(super) fn prefilter(&self, phase: Phase, wanted: &[bool]) -> Arc<Prefilter> {
        let mut known = self
            .prefilters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let same = |scan: &&Scan| scan.phase == phase && scan.wanted == wanted;
        if let Some(scan) = known.iter().find(same) {
            return Arc::clone(&scan.prefilter);
        }
        let chains: Vec<_> = self
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Chain(chain) if chain.phase == phase => Some(Arc::clone(chain)),
                _ => None,
            })
            .collect();
        let prefilter = Arc::new(Prefilter::build(&chains, wanted));
        if known.len() == KEPT_SCANS {
            known.remove(0);
        }
        known.push(Scan {
            phase,
            wanted: wanted.to_vec(),
            prefilter: Arc::clone(&prefilter),
        });
        prefilter
    }

    pub(super) fn removes(&self, chain: &Chain) -> bool {
        chain.starter().is_some_and(|rule| {
            self.removals
                .iter()
                .any(|removal| removal.selects(&rule.meta))
        })
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.removals.is_empty() && self.inherits
    }
}

/// The rules of one section while it is read.
#[derive(Clone, Debug)]
pub struct LayerBuilder {
    items: Vec<Item>,
    removals: Vec<RuleSelector>,
    inherits: bool,
    ids: HashSet<u64>,
    /// A chain whose last rule said `chain`.
    open: Option<Chain>,
}

impl Default for LayerBuilder {
    fn default() -> Self {
        LayerBuilder {
            items: Vec::new(),
            removals: Vec::new(),
            inherits: true,
            ids: HashSet::new(),
            open: None,
        }
    }
}

impl LayerBuilder {
    /// The phase of the chain that the next rule belongs to, if there is one.
    pub fn open_phase(&self) -> Option<Phase> {
        self.open.as_ref().map(|chain| chain.phase)
    }

    /// Whether a rule of this id stands in this section already.
    ///
    /// Compat: ids are compared within one section only.
    pub fn knows(&self, id: u64) -> bool {
        self.ids.contains(&id)
    }

    /// Adds the first rule of a chain, or a single one.
    ///
    /// Compat: the id of a script's rule is its name, but nobody minds another of the same.
    pub fn start(&mut self, chain: Chain) {
        if chain.id() != 0 && chain.starter().is_none_or(|rule| rule.script.is_none()) {
            self.ids.insert(chain.id());
        }
        self.push(chain);
    }

    /// Adds a rule to the open chain; `more` when it says `chain` itself.
    pub fn continue_chain(&mut self, rule: Rule, more: bool) {
        if let Some(mut chain) = self.open.take() {
            chain.rules.push(rule);
            chain.complete = !more;
            self.push(chain);
        }
    }

    fn push(&mut self, chain: Chain) {
        if chain.complete {
            self.items.push(Item::Chain(Arc::new(chain)));
        } else {
            self.open = Some(chain);
        }
    }

    /// `SecMarker`.
    pub fn mark(&mut self, name: &str) {
        self.items.push(Item::Marker(Arc::from(name)));
    }

    /// `SecRuleInheritance`.
    pub fn inherit(&mut self, inherits: bool) {
        self.inherits = inherits;
    }

    /// `SecRuleRemoveById` and its kin: at once for the rules above in this section, and for all that it inherits.
    pub fn remove(&mut self, selector: RuleSelector) {
        self.items.retain(|item| match item {
            Item::Chain(chain) => !chain
                .starter()
                .is_some_and(|rule| selector.selects(&rule.meta)),
            Item::Marker(_) => true,
        });
        self.removals.push(selector);
    }

    /// `SecRuleUpdateTarget…`: adds targets to all rules of the selected chains of this section, or replaces the
    /// targets that equal `replaced`.
    ///
    /// `added` comes with its text.
    ///
    /// # Errors
    /// An XPath expression among those added has a prefix that one of the rules does not declare.
    pub fn update_targets(
        &mut self,
        selector: &RuleSelector,
        added: (&[Target], &[u8]),
        replaced: Option<&[Target]>,
    ) -> Result<(), xpath::Error> {
        for chain in self.selected(selector) {
            for rule in &mut Arc::make_mut(chain).rules {
                // Compat: where there is nothing to replace nothing is added.
                if replaced.is_none_or(|replaced| rule.drop_targets(replaced)) {
                    rule.add_targets(added.0, added.1)?;
                }
            }
        }
        Ok(())
    }

    /// Lets `change` loose on the rule at `position` in the selected chains of this section.
    pub fn update_rules(
        &mut self,
        selector: &RuleSelector,
        position: usize,
        mut change: impl FnMut(&mut Chain, usize),
    ) {
        for chain in self.selected(selector) {
            let chain = Arc::make_mut(chain);
            if position < chain.rules.len() {
                change(chain, position);
            }
        }
    }

    fn selected(&mut self, selector: &RuleSelector) -> impl Iterator<Item = &mut Arc<Chain>> {
        self.items.iter_mut().filter_map(move |item| match item {
            Item::Chain(chain)
                if chain
                    .starter()
                    .is_some_and(|rule| selector.selects(&rule.meta)) =>
            {
                Some(chain)
            }
            _ => None,
        })
    }

    /// Whether a selected chain of this section has a rule at `position`.
    pub fn has_member(&mut self, selector: &RuleSelector, position: usize) -> bool {
        self.selected(selector)
            .any(|chain| position < chain.rules.len())
    }

    /// Whether the section has rules of its own.
    pub fn has_rules(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Chain(_)))
    }

    /// The finished layer. A chain that was never completed is kept as far as it goes: it can match, but ends nothing.
    pub fn finish(&self) -> Layer {
        let mut items = self.items.clone();
        items.extend(self.open.clone().map(|chain| Item::Chain(Arc::new(chain))));
        Layer {
            items,
            prefilters: Mutex::default(),
            removals: self.removals.clone(),
            inherits: self.inherits,
        }
    }
}

impl Target {
    pub(super) fn same_selector(&self, other: &Target) -> bool {
        use super::rule::Selector::*;
        match (&self.selector, &other.selector) {
            (All, All) => true,
            (Key(a), Key(b)) => a.eq_ignore_ascii_case(b),
            (Pattern(a), Pattern(b)) => a.as_bytes() == b.as_bytes(),
            (Path(a), Path(b)) => a.source() == b.source(),
            _ => false,
        }
    }
}
