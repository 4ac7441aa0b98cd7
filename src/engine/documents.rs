//! XML documents: what the debug log says about them.

use super::debug::sentence;
use crate::body::Kind;
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
}
