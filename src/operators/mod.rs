//! Operators: pure predicates over bytes.
//!
//! An operator is compiled once from the argument of its rule and then asked
//! about values.  It knows no transaction, no variables and no macros: whoever
//! evaluates a rule expands `%{…}` and passes the expanded argument.  It reads
//! files only while it is compiled, through [`CompileContext::file`].
//!
//! Invariants: no evaluation panics, whatever argument and value are; its time
//! is linear in the value, except for regular expressions the linear engine
//! cannot express, which have limits; and reaching a limit is an outcome of its
//! own, never "no match".
//!
//! The semantics are those of mod_security2 2.9.  Where they differ, the item
//! says so after "Compat:".

mod addresses;
mod checksums;
mod compile;
mod document;
mod fuzzy;
mod kind;
pub mod libinjection;
mod message;
pub mod needs;
mod numbers;
mod phrases;
mod rsub;
pub mod rx;
mod shared;
mod strings;
mod validation;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::byte_set::ByteSet;
pub use addresses::AddressSet;
pub use checksums::Checksum;
pub use compile::{CompileContext, CompileError, compile};
pub use document::{
    DocumentValidator, Grammar, GrammarLoader, NoGrammars, Obstacle, UnreadGrammars, Validation,
    Validity,
};
pub use kind::Kind;
pub use message::{MAX_QUOTED_BYTES, escape, link_message, negated_message};
pub use numbers::{Comparison, atoi};
pub use phrases::{Needle, Phrases};
pub use rsub::Substitution;
use rx::{Failure, Pattern};
use validation::{UrlFault, Utf8Fault};

use crate::scripts::Executable;

/// A compiled operator.
#[derive(Debug)]
pub enum Operator {
    /// `@rx` with a constant pattern.
    Rx(Arc<Pattern>),
    /// `@rx` with macros in its pattern.
    RxDynamic(rx::Dynamic),
    /// `@pm`.
    Pm(Arc<Phrases>),
    /// `@pmFromFile`, `@pmf`.
    PmFromFile(Arc<Phrases>),
    /// `@within`.
    Within,
    /// `@contains`.
    Contains,
    /// `@containsWord`.
    ContainsWord,
    /// `@streq`.
    StrEq,
    /// `@beginsWith`.
    BeginsWith,
    /// `@endsWith`.
    EndsWith,
    /// `@strmatch`.
    StrMatch(Needle),
    /// `@eq`, `@ge`, `@gt`, `@le`, `@lt`.
    Compare(Comparison),
    /// `@ipMatch`.
    IpMatch(AddressSet),
    /// `@ipMatchFromFile`, `@ipMatchF`.
    IpMatchFromFile(AddressSet),
    /// `@validateByteRange`: the bytes allowed.
    ValidateByteRange(ByteSet),
    /// `@validateUrlEncoding`.
    ValidateUrlEncoding,
    /// `@validateUtf8Encoding`.
    ValidateUtf8Encoding,
    /// `@verifyCC`, `@verifyCPF`, `@verifySSN`.
    ///
    /// Compat: `TX.0` is the number found; mod_security2 puts it into the place
    /// of each group of the pattern, too.
    Verify(Checksum, rx::Candidates),
    /// `@detectSQLi`.
    DetectSqli,
    /// `@detectXSS`.
    DetectXss,
    /// `@rsub`. Evaluated like any other it says whether there is something to replace.
    Rsub(Box<Substitution>),
    /// `@fuzzyHash`.
    FuzzyHash(fuzzy::FuzzyHash),
    /// `@geoLookup`: who evaluates the rule has the database.
    GeoLookup,
    /// `@rbl`: who evaluates the rule asks the list.
    Rbl,
    /// `@validateSchema`, `@validateDTD`: about the document of the body, not about values.
    Validate(Validation),
    /// `@validateHash`: which links must have a proof, an `@rx`. Whether they have is for who knows the key to say.
    ValidateHash(Box<Operator>),
    /// `@unconditionalMatch`, and what a `SecAction` has.
    UnconditionalMatch,
    /// `@inspectFile`. A value alone does not answer it: who evaluates the rule runs it with the transaction at hand.
    InspectFile(Executable),
    /// `@noMatch`.
    NoMatch,
}

/// What an operator says of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The value does not match.
    NoMatch,
    /// The value matches.
    Match(Match),
    /// Neither is known: a limit was reached, or an expanded pattern is invalid.
    Error(Failure),
}

impl Outcome {
    /// What was found outside of the value, by a lookup: the sentence for the log, and what `TX.0` becomes.
    pub fn of_lookup(sentence: Vec<u8>, capture: Option<Vec<u8>>) -> Outcome {
        Outcome::Match(Match {
            captures: capture.map_or(Captures::None, |text| {
                Captures::SetFirst(Piece::Text(text.into()))
            }),
            detail: Detail::Sentence(sentence.into()),
        })
    }

    /// Whether this is a match.
    pub fn is_match(&self) -> bool {
        matches!(self, Outcome::Match(_))
    }
}

/// A match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// What the `capture` action stores.
    pub captures: Captures,
    detail: Detail,
}

impl Match {
    /// What libinjection calls the SQL in the value.
    pub fn fingerprint(&self) -> Option<&[u8]> {
        match &self.detail {
            Detail::Fingerprint(name) => Some(name.as_bytes()),
            _ => None,
        }
    }
}

/// What a match does to `TX.0` … `TX.9` if the rule has the `capture` action.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Captures {
    /// Nothing, or captures were not asked for.
    #[default]
    None,
    /// All ten are unset, then `TX.n` becomes the n-th piece.
    Replace(Vec<Piece>),
    /// `TX.0` is set, the others stay as they are.
    SetFirst(Piece),
}

/// One captured text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A group that took no part: the empty text.
    Empty,
    /// A part of the value.
    Slice(Range<usize>),
    /// Another text.
    Text(Box<[u8]>),
}

impl Piece {
    /// The text; `value` is the one the operator was evaluated with.
    pub fn bytes<'a>(&'a self, value: &'a [u8]) -> &'a [u8] {
        match self {
            Piece::Empty => b"",
            Piece::Slice(range) => value.get(range.clone()).unwrap_or_default(),
            Piece::Text(text) => text,
        }
    }
}

/// What the message of a match needs to know beyond the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Detail {
    Plain,
    Phrase(usize),
    EmptyValue,
    Address(Box<[u8]>),
    BytesOutside(usize),
    Url(UrlFault),
    Utf8(Utf8Fault, usize),
    Offset(usize),
    Fingerprint(Box<str>),
    Sentence(Box<[u8]>),
    Similar(usize, u32),
    Document(Box<str>),
}

impl Operator {
    /// Which operator this is.
    pub fn kind(&self) -> Kind {
        match self {
            Operator::Rx(_) | Operator::RxDynamic(_) => Kind::Rx,
            Operator::Pm(_) => Kind::Pm,
            Operator::PmFromFile(_) => Kind::PmFromFile,
            Operator::Within => Kind::Within,
            Operator::Contains => Kind::Contains,
            Operator::ContainsWord => Kind::ContainsWord,
            Operator::StrEq => Kind::StrEq,
            Operator::BeginsWith => Kind::BeginsWith,
            Operator::EndsWith => Kind::EndsWith,
            Operator::StrMatch(_) => Kind::StrMatch,
            Operator::Compare(comparison) => comparison.kind(),
            Operator::IpMatch(_) => Kind::IpMatch,
            Operator::IpMatchFromFile(_) => Kind::IpMatchFromFile,
            Operator::ValidateByteRange(_) => Kind::ValidateByteRange,
            Operator::ValidateUrlEncoding => Kind::ValidateUrlEncoding,
            Operator::ValidateUtf8Encoding => Kind::ValidateUtf8Encoding,
            Operator::Verify(checksum, _) => checksum.kind(),
            Operator::DetectSqli => Kind::DetectSqli,
            Operator::DetectXss => Kind::DetectXss,
            Operator::Rsub(_) => Kind::Rsub,
            Operator::FuzzyHash(_) => Kind::FuzzyHash,
            Operator::GeoLookup => Kind::GeoLookup,
            Operator::Rbl => Kind::Rbl,
            Operator::Validate(validation) => validation.grammar().kind(),
            Operator::ValidateHash(_) => Kind::ValidateHash,
            Operator::UnconditionalMatch => Kind::UnconditionalMatch,
            Operator::InspectFile(_) => Kind::InspectFile,
            Operator::NoMatch => Kind::NoMatch,
        }
    }

    /// The regular expression of a constant `@rx` or of a `@verify…`.
    pub fn pattern(&self) -> Option<&Pattern> {
        match self {
            Operator::Rx(pattern) => Some(pattern),
            Operator::Verify(_, candidates) => Some(candidates.pattern()),
            _ => None,
        }
    }

    /// What the operator makes of its argument once macros are expanded in it.
    ///
    /// Compat: in a pattern with macros most characters that mean something stand for themselves, in its own text, too.
    /// Whatever a client sends cannot become a pattern.
    pub fn prepare<'a>(&self, expanded: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
        match self {
            Operator::RxDynamic(_) => Cow::Owned(rx::escape(&expanded)),
            _ => expanded,
        }
    }

    /// Asks the operator about a value.
    ///
    /// `argument` is that of the rule, with macros expanded if the operator
    /// expands them ([`Kind::expands_macros`]) and prepared; others ignore it.  `capture` is
    /// whether [`Match::captures`] is wanted, which may cost time.
    ///
    /// A variable without a value is not asked about at all; one that is null
    /// in mod_security2 is the empty value here.
    pub fn evaluate(&self, argument: &[u8], value: &[u8], capture: bool) -> Outcome {
        match self {
            Operator::Rx(pattern) => regex_outcome(pattern, value, capture),
            Operator::RxDynamic(dynamic) => match dynamic.pattern(argument) {
                Ok(pattern) => regex_outcome(&pattern, value, capture),
                Err(failure) => Outcome::Error(failure),
            },
            Operator::Pm(phrases) | Operator::PmFromFile(phrases) => match phrases.find(value) {
                None => Outcome::NoMatch,
                Some(index) => {
                    let piece = || Piece::Text(phrases.phrase(index).into());
                    matched(Detail::Phrase(index), capture, || {
                        Captures::Replace(vec![piece()])
                    })
                }
            },
            Operator::Within if value.is_empty() => plain(Detail::EmptyValue),
            Operator::Within => plain_if(strings::within(argument, value)),
            Operator::Contains => plain_if(strings::contains(argument, value)),
            Operator::ContainsWord => plain_if(strings::contains_word(argument, value)),
            Operator::StrEq => plain_if(value == argument),
            Operator::BeginsWith => plain_if(value.starts_with(argument)),
            Operator::EndsWith => plain_if(value.ends_with(argument)),
            Operator::StrMatch(needle) => plain_if(needle.is_in(value)),
            Operator::Compare(comparison) => {
                plain_if(comparison.holds(atoi(value), atoi(argument)))
            }
            Operator::IpMatch(set) | Operator::IpMatchFromFile(set) => {
                match set.contains_text(value) {
                    true => plain(Detail::Address(value.into())),
                    false => Outcome::NoMatch,
                }
            }
            Operator::ValidateByteRange(set) => match validation::bytes_outside(set, value) {
                0 => Outcome::NoMatch,
                count => plain(Detail::BytesOutside(count)),
            },
            Operator::ValidateUrlEncoding => match validation::url_encoding_fault(value) {
                None => Outcome::NoMatch,
                Some(fault) => plain(Detail::Url(fault)),
            },
            Operator::ValidateUtf8Encoding => match validation::utf8_fault(value) {
                None => Outcome::NoMatch,
                Some((fault, offset)) => plain(Detail::Utf8(fault, offset)),
            },
            Operator::Verify(checksum, candidates) => match checksum.find(candidates, value) {
                Ok(None) => Outcome::NoMatch,
                Ok(Some(found)) => {
                    let piece = Piece::Slice(found.clone());
                    matched(Detail::Offset(found.start), capture, || {
                        Captures::Replace(vec![piece])
                    })
                }
                Err(failure) => Outcome::Error(failure),
            },
            Operator::DetectSqli => match libinjection::sqli(value) {
                None => Outcome::NoMatch,
                Some(fingerprint) => {
                    let name: Box<str> = fingerprint.as_str().into();
                    let piece = Piece::Text(name.as_bytes().into());
                    matched(Detail::Fingerprint(name), capture, || {
                        Captures::SetFirst(piece)
                    })
                }
            },
            Operator::DetectXss => match libinjection::xss(value) {
                false => Outcome::NoMatch,
                true => matched(Detail::Plain, capture, || {
                    Captures::SetFirst(Piece::Slice(0..value.len()))
                }),
            },
            Operator::Rsub(substitution) => match substitution.replace(b"", b"", value) {
                Ok(replaced) => plain_if(replaced.is_some()),
                Err(failure) => Outcome::Error(failure),
            },
            Operator::FuzzyHash(hashes) => match hashes.find(value) {
                None => Outcome::NoMatch,
                Some((at, score)) => plain(Detail::Similar(at, score)),
            },
            // A value is no document. Who has one asks `Validation::judge`.
            Operator::Validate(validation) => validation.judge(Err(Obstacle::NoDocument)).0,
            Operator::ValidateHash(links) => links.evaluate(argument, value, false),
            Operator::UnconditionalMatch => plain(Detail::Plain),
            // Pure predicates cannot know: see `Outcome::of_lookup`.
            Operator::GeoLookup | Operator::Rbl => Outcome::NoMatch,
            Operator::InspectFile(_) => Outcome::Error(Failure::other(
                "@inspectFile was asked about a value without its transaction".to_owned(),
            )),
            Operator::NoMatch => Outcome::NoMatch,
        }
    }
}

/// A match, with captures only if they are wanted.
fn matched(detail: Detail, capture: bool, captures: impl FnOnce() -> Captures) -> Outcome {
    let captures = if capture { captures() } else { Captures::None };
    Outcome::Match(Match { captures, detail })
}

/// A match of an operator that has a sentence of its own about a document.
fn document_outcome(sentence: String) -> Outcome {
    plain(Detail::Document(sentence.into()))
}

/// A match of an operator that captures nothing.
fn plain(detail: Detail) -> Outcome {
    matched(detail, false, Captures::default)
}

fn plain_if(matches: bool) -> Outcome {
    match matches {
        true => plain(Detail::Plain),
        false => Outcome::NoMatch,
    }
}

fn regex_outcome(pattern: &Pattern, value: &[u8], capture: bool) -> Outcome {
    if !capture {
        return match pattern.is_match(value) {
            Ok(matches) => plain_if(matches),
            Err(failure) => Outcome::Error(failure),
        };
    }
    match pattern.captures(value) {
        Ok(None) => Outcome::NoMatch,
        Ok(Some(groups)) => {
            let pieces = groups.iter().map(|g| g.map_or(Piece::Empty, Piece::Slice));
            matched(Detail::Plain, true, || Captures::Replace(pieces.collect()))
        }
        Err(failure) => Outcome::Error(failure),
    }
}
