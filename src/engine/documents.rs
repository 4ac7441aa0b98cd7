//! XML documents: whether they are valid, and what the debug log says about them.

use super::debug::sentence;
use crate::body::Kind;
use crate::body::xml::Omit;
use crate::operators::{Grammar, Obstacle, Outcome, Validation};
use crate::ruleset::{Rule, Selector};
use crate::transaction::Transaction;

impl Transaction {
    /// Compat: mod_security2's lines, which rule authors look for.
    pub(super) fn debug_document(&self) {
        if self.body.processor() != Some(Kind::Xml.name()) {
            return;
        }
        if let Some(document) = self.body.xml() {
            let sound = u8::from(document.error().is_none());
            self.debug(4, |_| b"XML: Initialising parser.".to_vec());
            self.debug(4, |_| {
                format!("XML: Parsing complete (well_formed {sound}).").into_bytes()
            });
        }
    }

    /// The prefixes that the rule's paths may use.
    pub(super) fn debug_namespaces(&self, rule: &Rule) {
        let has_path =
            |target: &crate::ruleset::Target| matches!(target.selector, Selector::Path(_));
        if !self.debugs(4) || !rule.targets.iter().any(has_path) {
            return;
        }
        for (prefix, uri) in &rule.namespaces {
            self.debug(4, |_| {
                let words = ["Registered XML namespace href \"", "\" prefix \"", "\"."];
                sentence(&words, &[uri, prefix])
            });
        }
    }

    /// `@validateSchema` and `@validateDTD`: they are about the document, whatever value they are asked about.
    ///
    /// The validator's reasons are for the logs. Compat: mod_security2 has them there, too.
    pub(super) fn judge(
        &self,
        validation: &Validation,
        path: &[u8],
        reasons: &mut Vec<String>,
    ) -> Outcome {
        let name = validation.grammar().name();
        let omit = match validation.grammar() {
            Grammar::Schema => Omit::SchemaLocations,
            Grammar::Dtd => Omit::Nothing,
        };
        let text = match self.body.xml() {
            None => Err(Obstacle::NoDocument),
            Some(document) if document.error().is_some() => Err(Obstacle::NotWellFormed),
            Some(_) if self.body.error().is_some() => Err(Obstacle::BodyError),
            Some(document) => Ok(document.to_xml(omit)),
        };
        let text = text.as_deref().map_err(|obstacle| *obstacle);
        let (outcome, found) = validation.judge(text);
        reasons.extend(found);
        if outcome == Outcome::NoMatch {
            self.debug(4, |_| {
                let words = ["XML: Successfully validated payload against ", ": "];
                sentence(&words, &[name.as_bytes(), path])
            });
        }
        outcome
    }
}
