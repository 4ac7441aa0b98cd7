//! Compiled rules: immutable, shared, and arranged by phase.
//!
//! ```text
//! ast::Rule ──compile──> Rule ─┐
//!                              ├─ Chain ── Layer (one configuration section) ──assemble──> RuleSet (five phases)
//! ast::Rule ──compile──> Rule ─┘                 + removals of inherited rules
//! ```
//!
//! A [`Layer`] is what one configuration section says about rules. A [`RuleSet`] is what a request runs: the layers of
//! all sections that apply to it, in order. Sets are assembled once for each combination and then shared. What the rules
//! of a layer look for is scanned for at once: see [`prefilter`].

mod assemble;
mod compile;
mod foregone;
mod layer;
pub mod prefilter;
mod rehearsal;
mod rule;
mod switch;
mod text;

pub use assemble::{Entry, LayerScan, PhaseRules, RuleSet};
pub use compile::{CompileError, Compiler, Part, Source};
pub use foregone::{Foregone, Seen, Set, Settled};
pub use layer::{Layer, LayerBuilder};
pub use rule::{Argument, Chain, Rule, Selector, Target, Test};
pub use switch::Switch;
