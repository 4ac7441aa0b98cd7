//! `@validateSchema` and `@validateDTD`: operators about a whole XML document.
//!
//! This room knows no XML: whoever evaluates a rule hands over the document as text, and whoever builds the engine says
//! what reads grammars ([`GrammarLoader`]).

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::rx::Failure;
use super::{Kind, Outcome, document_outcome};

/// What a document can be valid by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// An XML schema (`@validateSchema`).
    Schema,
    /// A document type definition (`@validateDTD`).
    Dtd,
}

impl Grammar {
    /// The operator that asks for it.
    pub fn kind(self) -> Kind {
        match self {
            Grammar::Schema => Kind::ValidateSchema,
            Grammar::Dtd => Kind::ValidateDtd,
        }
    }

    /// The word that mod_security2's sentences have for it.
    pub fn name(self) -> &'static str {
        match self {
            Grammar::Schema => "Schema",
            Grammar::Dtd => "DTD",
        }
    }
}

/// Whether a document is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validity {
    /// It is.
    Valid,
    /// It is not; the first of the reasons, for the debug log.
    Invalid(Vec<String>),
}

/// A grammar that was read.
pub trait DocumentValidator: fmt::Debug + Send + Sync {
    /// Judges a document: XML in UTF-8 without a document type declaration.
    ///
    /// # Errors
    /// It could not be judged, and why.
    fn validate(&self, document: &[u8]) -> Result<Validity, String>;

    /// Whether somebody looked into the grammar.
    fn is_read(&self) -> bool {
        true
    }
}

/// Reads grammars.
pub trait GrammarLoader: Sync {
    /// Reads the grammar in a file.
    ///
    /// # Errors
    /// What is wrong with it.
    fn load(&self, grammar: Grammar, path: &Path) -> Result<Arc<dyn DocumentValidator>, String>;

    /// Why there is nothing that could read any.
    fn absent(&self) -> Option<&'static str> {
        None
    }
}

/// A loader for where there is nothing that could read grammars: every rule that needs one is refused.
#[derive(Debug, Clone, Copy)]
pub struct NoGrammars;

impl GrammarLoader for NoGrammars {
    fn load(&self, _: Grammar, _: &Path) -> Result<Arc<dyn DocumentValidator>, String> {
        Err("there is no libxml2".to_owned())
    }

    fn absent(&self) -> Option<&'static str> {
        Some("this build of Palisade is without libxml2 (feature `libxml2`)")
    }
}

/// A loader for tools that read a configuration and never run it: files are there, nobody looks into them.
#[derive(Debug, Clone, Copy)]
pub struct UnreadGrammars;

#[derive(Debug)]
struct Unread;

impl GrammarLoader for UnreadGrammars {
    fn load(&self, _: Grammar, _: &Path) -> Result<Arc<dyn DocumentValidator>, String> {
        Ok(Arc::new(Unread))
    }
}

impl DocumentValidator for Unread {
    fn validate(&self, _: &[u8]) -> Result<Validity, String> {
        Err("the grammar was never read".to_owned())
    }

    fn is_read(&self) -> bool {
        false
    }
}

/// What stands in the way of judging a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// There is none.
    NoDocument,
    /// It is not well-formed.
    NotWellFormed,
    /// Something else is wrong with the body.
    BodyError,
}

/// A compiled `@validateSchema` or `@validateDTD`.
#[derive(Debug)]
pub struct Validation {
    grammar: Grammar,
    /// What judges, or why nothing does.
    validator: Result<Arc<dyn DocumentValidator>, String>,
}

impl Validation {
    pub(super) fn new(
        grammar: Grammar,
        validator: Result<Arc<dyn DocumentValidator>, String>,
    ) -> Self {
        Self { grammar, validator }
    }

    /// Whether the grammar was looked into when the rule was read.
    pub fn is_read(&self) -> bool {
        let read = self.validator.as_ref().map(|validator| validator.is_read());
        read.unwrap_or(true)
    }

    /// What is wrong with the grammar, if it is of no use: every document fails the rule, which is no match.
    ///
    /// Compat: so it does in mod_security2, which reads the grammar when there is a document, and starts without it.
    pub fn problem(&self) -> Option<&str> {
        self.validator.as_ref().err().map(String::as_str)
    }

    /// By what it judges.
    pub fn grammar(&self) -> Grammar {
        self.grammar
    }

    /// Judges the document of a body: a match is what is not known to be valid. Also gives the validator's reasons.
    ///
    /// Compat: so do mod_security2's operators, with these sentences. A document that the validator cannot read, although
    /// our parser could, is not valid.
    pub fn judge(&self, document: Result<&[u8], Obstacle>) -> (Outcome, Vec<String>) {
        let name = self.grammar.name();
        let lower = match self.grammar {
            Grammar::Schema => "schema",
            Grammar::Dtd => "DTD",
        };
        let says = |sentence: String| document_outcome(sentence);
        let text = match document {
            Ok(text) => text,
            Err(obstacle) => {
                let sentence = match obstacle {
                    Obstacle::NoDocument => {
                        format!("XML document tree could not be found for {lower} validation.")
                    }
                    Obstacle::NotWellFormed => {
                        format!("XML: {name} validation failed because content is not well formed.")
                    }
                    Obstacle::BodyError => format!(
                        "XML: {name} validation could not proceed due to previous processing errors."
                    ),
                };
                return (says(sentence), Vec::new());
            }
        };
        let failed = || says(format!("XML: {name} validation failed."));
        let validator = match &self.validator {
            Ok(validator) => validator,
            Err(problem) => {
                let failure = Failure::other(format!("XML: {problem}"));
                return (Outcome::Error(failure), Vec::new());
            }
        };
        match validator.validate(text) {
            Ok(Validity::Valid) => (Outcome::NoMatch, Vec::new()),
            Ok(Validity::Invalid(reasons)) => (failed(), reasons),
            Err(reason) => (failed(), vec![reason]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::{CompileContext, Kind, Operator, compile};

    /// Documents with `good` in them are valid; one with `broken` in it cannot be judged.
    #[derive(Debug)]
    struct Stub;

    impl GrammarLoader for Stub {
        fn load(&self, _: Grammar, path: &Path) -> Result<Arc<dyn DocumentValidator>, String> {
            match path.ends_with("bad") {
                true => Err("no grammar".to_owned()),
                false => Ok(Arc::new(Stub)),
            }
        }
    }

    impl DocumentValidator for Stub {
        fn validate(&self, document: &[u8]) -> Result<Validity, String> {
            match document {
                b"good" => Ok(Validity::Valid),
                b"broken" => Err("broken".to_owned()),
                _ => Ok(Validity::Invalid(vec!["a reason".to_owned()])),
            }
        }
    }

    fn compiled(
        kind: Kind,
        argument: &str,
        grammars: &dyn GrammarLoader,
    ) -> Result<Operator, String> {
        let context = CompileContext {
            config_dir: Some(Path::new("/conf")),
            pcre_match_limit: None,
            pcre_match_limit_recursion: None,
            grammars,
            file: &|path| match path.starts_with("/conf") {
                true => Ok(Vec::new()),
                false => Err(std::io::ErrorKind::NotFound.into()),
            },
        };
        compile(kind, argument.as_bytes(), &context).map_err(|error| error.message)
    }

    fn sentence(operator: &Operator, outcome: Outcome) -> String {
        match outcome {
            Outcome::Match(found) => {
                String::from_utf8(operator.message(b"", &found, b"XML")).unwrap()
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_known_to_be_valid_matches() {
        for (kind, name, tree) in [
            (Kind::ValidateSchema, "Schema", "schema"),
            (Kind::ValidateDtd, "DTD", "DTD"),
        ] {
            let operator = compiled(kind, "x", &Stub).unwrap();
            let Operator::Validate(validation) = &operator else {
                panic!("another operator");
            };
            let judge = |document| sentence(&operator, validation.judge(document).0);
            assert_eq!(judge(Ok(b"good")), "NoMatch");
            let failed = format!("XML: {name} validation failed.");
            assert_eq!(judge(Ok(b"else")), failed);
            assert_eq!(judge(Ok(b"broken")), failed);
            assert_eq!(
                judge(Err(Obstacle::NotWellFormed)),
                format!("XML: {name} validation failed because content is not well formed.")
            );
            assert_eq!(
                judge(Err(Obstacle::BodyError)),
                format!(
                    "XML: {name} validation could not proceed due to previous processing errors."
                )
            );
            let none = format!("XML document tree could not be found for {tree} validation.");
            assert_eq!(judge(Err(Obstacle::NoDocument)), none);
            // A value is no document.
            assert_eq!(
                sentence(&operator, operator.evaluate(b"x", b"good", true)),
                none
            );
            assert_eq!(validation.judge(Ok(b"else")).1, ["a reason"]);
            assert_eq!(operator.kind(), kind);
        }
    }

    #[test]
    fn grammars_are_read_with_the_rule() {
        let error = |argument: &str, grammars: &dyn GrammarLoader| {
            compiled(Kind::ValidateSchema, argument, grammars).unwrap_err()
        };
        let Ok(Operator::Validate(bad)) = compiled(Kind::ValidateSchema, "bad", &Stub) else {
            panic!("no operator");
        };
        let problem = "Failed to load Schema from file \"/conf/bad\": no grammar";
        assert_eq!(bad.problem(), Some(problem));
        let (outcome, _) = bad.judge(Ok(b"good"));
        let Outcome::Error(failure) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(failure.message, format!("XML: {problem}"));
        assert!(error("", &Stub).contains("Missing parameter"));
        let none = compiled(Kind::ValidateSchema, "/none", &Stub);
        let problem = match &none {
            Ok(Operator::Validate(none)) => none.problem().unwrap_or_default(),
            _ => "",
        };
        assert!(problem.contains("Could not open Schema file \"/none\""));
        assert!(error("https://a.example/x", &Stub).contains("is not fetched"));
        assert!(error("x", &NoGrammars).contains("without libxml2"));
        let unread = compiled(Kind::ValidateDtd, "x", &UnreadGrammars).unwrap();
        let Operator::Validate(validation) = &unread else {
            panic!("another operator");
        };
        assert_ne!(validation.judge(Ok(b"good")).0, Outcome::NoMatch);
    }
}
