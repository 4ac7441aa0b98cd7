//! From the argument of a rule to a compiled operator.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fuzzy::FuzzyHash;
use super::rx::{Candidates, Dynamic, Limits, Options};
use super::shared;
use super::{
    AddressSet, Checksum, Comparison, Grammar, GrammarLoader, Kind, Needle, Operator, Phrases,
    Substitution, Validation, phrases, validation,
};
use crate::scripts::Executable;

/// What compiling an operator may look at.
pub struct CompileContext<'a> {
    /// Directory of the configuration file, which relative paths start from.
    pub config_dir: Option<&'a Path>,
    /// `SecPcreMatchLimit`.
    pub pcre_match_limit: Option<u32>,
    /// `SecPcreMatchLimitRecursion`.
    pub pcre_match_limit_recursion: Option<u32>,
    /// Reads the grammars of `@validateSchema` and `@validateDTD`.
    pub grammars: &'a dyn GrammarLoader,
    /// Reads a file.
    pub file: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
}

impl CompileContext<'_> {
    /// The limits of PCRE2 in force.
    pub fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits {
            matches: self.pcre_match_limit.unwrap_or(default.matches),
            depth: self.pcre_match_limit_recursion.unwrap_or(default.depth),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        match self.config_dir {
            Some(dir) => dir.join(name), // an absolute name replaces the directory
            None => name.into(),
        }
    }

    /// Reads a file named in an argument; the error is a sentence.
    fn read(&self, name: &[u8], what: &str) -> Result<Vec<u8>, String> {
        let path = self.file_path(name)?;
        (self.file)(&path)
            .map_err(|e| format!("Could not open {what} file \"{}\": {e}", path.display()))
    }

    /// The path of a file that an argument names.
    fn file_path(&self, name: &[u8]) -> Result<PathBuf, String> {
        let name =
            std::str::from_utf8(name).map_err(|_| "The file name is not UTF-8.".to_owned())?;
        if name.starts_with("http://") || name.starts_with("https://") {
            return Err(format!(
                "\"{name}\" is not fetched: give the path of a file and keep it current by other means."
            ));
        }
        Ok(self.path(name))
    }
}

/// Why an operator cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// One sentence.
    pub message: String,
    /// The bytes of the argument it is about; None if it is about the whole.
    pub span: Option<Range<usize>>,
}

impl CompileError {
    pub(super) fn whole(message: impl Into<String>) -> CompileError {
        CompileError {
            message: message.into(),
            span: None,
        }
    }

    pub(super) fn at(span: Range<usize>, message: impl Into<String>) -> CompileError {
        CompileError {
            message: message.into(),
            span: Some(span),
        }
    }
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CompileError {}

/// Compiles an operator.
///
/// # Errors
/// The argument is missing or malformed, a file cannot be read, or the operator
/// is one of those that are refused.
pub fn compile(
    kind: Kind,
    argument: &[u8],
    context: &CompileContext<'_>,
) -> Result<Operator, CompileError> {
    Ok(match kind {
        Kind::Rx => {
            let options = Options::operator(context.limits());
            match memchr::memmem::find(argument, b"%{") {
                Some(_) => Operator::RxDynamic(Dynamic::new(options)),
                None => Operator::Rx(shared::pattern(argument, options)?),
            }
        }
        Kind::Pm => Operator::Pm(Phrases::parse_list(argument)?),
        Kind::PmFromFile => Operator::PmFromFile(phrases_from_files(argument, context)?),
        Kind::Within => Operator::Within,
        Kind::Contains => Operator::Contains,
        Kind::ContainsWord => Operator::ContainsWord,
        Kind::StrEq => Operator::StrEq,
        Kind::BeginsWith => Operator::BeginsWith,
        Kind::EndsWith => Operator::EndsWith,
        Kind::StrMatch => Operator::StrMatch(Needle::parse(argument)?),
        Kind::Eq => Operator::Compare(Comparison::Eq),
        Kind::Ge => Operator::Compare(Comparison::Ge),
        Kind::Gt => Operator::Compare(Comparison::Gt),
        Kind::Le => Operator::Compare(Comparison::Le),
        Kind::Lt => Operator::Compare(Comparison::Lt),
        Kind::IpMatch => Operator::IpMatch(AddressSet::parse_list(argument)?),
        Kind::IpMatchFromFile => Operator::IpMatchFromFile(addresses_from_file(argument, context)?),
        Kind::ValidateByteRange => Operator::ValidateByteRange(validation::byte_ranges(argument)?),
        Kind::ValidateUrlEncoding => Operator::ValidateUrlEncoding,
        Kind::ValidateUtf8Encoding => Operator::ValidateUtf8Encoding,
        Kind::VerifyCc => verify(Checksum::CreditCard, argument, context)?,
        Kind::VerifyCpf => verify(Checksum::Cpf, argument, context)?,
        Kind::VerifySsn => verify(Checksum::Ssn, argument, context)?,
        Kind::DetectSqli => Operator::DetectSqli,
        Kind::DetectXss => Operator::DetectXss,
        Kind::Rsub => Operator::Rsub(Box::new(Substitution::parse(argument, context.limits())?)),
        Kind::FuzzyHash => Operator::FuzzyHash(fuzzy_hash(argument, context)?),
        Kind::GeoLookup => Operator::GeoLookup,
        Kind::Rbl if argument.trim_ascii().is_empty() => {
            return Err(CompileError::whole("Missing parameter for operator 'rbl'."));
        }
        Kind::Rbl => Operator::Rbl,
        Kind::ValidateSchema => validate(Grammar::Schema, argument, context)?,
        Kind::ValidateDtd => validate(Grammar::Dtd, argument, context)?,
        Kind::ValidateHash => {
            Operator::ValidateHash(Box::new(compile(Kind::Rx, argument, context)?))
        }
        Kind::UnconditionalMatch => Operator::UnconditionalMatch,
        Kind::InspectFile => Operator::InspectFile(executable(argument, context)?),
        Kind::NoMatch => Operator::NoMatch,
        // What `Kind::is_supported` does not name.
        _ => {
            let name = kind.name();
            return Err(CompileError::whole(format!(
                "Operator @{name} is refused: the service behind it has ended."
            )));
        }
    })
}

fn verify(
    checksum: Checksum,
    argument: &[u8],
    context: &CompileContext<'_>,
) -> Result<Operator, CompileError> {
    let candidates = Candidates::compile(argument, context.limits())?;
    Ok(Operator::Verify(checksum, candidates))
}

fn validate(
    grammar: Grammar,
    argument: &[u8],
    context: &CompileContext<'_>,
) -> Result<Operator, CompileError> {
    let name = argument.trim_ascii();
    if name.is_empty() {
        let operator = grammar.kind().name();
        let message = format!("Missing parameter for operator '{operator}'.");
        return Err(CompileError::whole(message));
    }
    if let Some(problem) = context.grammars.absent() {
        return Err(CompileError::whole(problem));
    }
    let path = context.file_path(name).map_err(CompileError::whole)?;
    // What cannot be opened is told in the same words as for other files.
    let validator = context.read(name, grammar.name()).and_then(|_| {
        context.grammars.load(grammar, &path).map_err(|problem| {
            let (name, path) = (grammar.name(), path.display());
            format!("Failed to load {name} from file \"{path}\": {problem}")
        })
    });
    Ok(Operator::Validate(Validation::new(grammar, validator)))
}

/// The parts of a list between separators, without empty ones, and where they are.
pub(super) fn fields(
    list: &[u8],
    is_separator: impl Fn(u8) -> bool,
) -> impl Iterator<Item = (Range<usize>, &[u8])> {
    let mut start = 0;
    list.split(move |b| is_separator(*b))
        .filter_map(move |field| {
            let span = start..start + field.len();
            start = span.end + 1;
            (!field.is_empty()).then_some((span, field))
        })
}

fn phrases_from_files(
    argument: &[u8],
    context: &CompileContext<'_>,
) -> Result<Arc<Phrases>, CompileError> {
    let mut phrases = Vec::new();
    let mut files = fields(argument, |b| phrases::is_space(&b)).peekable();
    if files.peek().is_none() {
        return Err(CompileError::whole(
            "Missing parameter for operator 'pmFromFile'.",
        ));
    }
    for (span, file) in files {
        let text = context
            .read(file, "phrase")
            .map_err(|message| CompileError::at(span, message))?;
        phrases.extend(Phrases::parse_file(&text));
    }
    shared::phrases(phrases)
}

/// `FILE THRESHOLD`.
fn fuzzy_hash(argument: &[u8], context: &CompileContext<'_>) -> Result<FuzzyHash, CompileError> {
    let words: Vec<_> = fields(argument, |b| phrases::is_space(&b)).collect();
    let [(file_span, file), (span, threshold)] = words.as_slice() else {
        return Err(CompileError::whole(
            "Operator 'fuzzyHash' needs a file and a threshold.",
        ));
    };
    let threshold = std::str::from_utf8(threshold)
        .ok()
        .and_then(|text| text.parse().ok());
    let threshold = threshold
        .filter(|threshold| (1..=100).contains(threshold))
        .ok_or_else(|| CompileError::at(span.clone(), "A threshold is a number from 1 to 100."))?;
    let in_file = |message| CompileError::at(file_span.clone(), message);
    let text = context.read(file, "ssdeep").map_err(in_file)?;
    FuzzyHash::new(&String::from_utf8_lossy(file), &text, threshold).map_err(in_file)
}

/// Compat: everything behind the operator's name is the name of the file, blanks included.
fn executable(argument: &[u8], context: &CompileContext<'_>) -> Result<Executable, CompileError> {
    if argument.is_empty() {
        return Err(CompileError::whole(
            "Operator @inspectFile requires parameter.",
        ));
    }
    Executable::compile(argument, context.config_dir, context.file).map_err(CompileError::whole)
}

fn addresses_from_file(
    argument: &[u8],
    context: &CompileContext<'_>,
) -> Result<AddressSet, CompileError> {
    let file = argument.trim_ascii();
    if file.is_empty() {
        return Err(CompileError::whole(
            "Missing parameter for operator 'ipmatchFromFile'.",
        ));
    }
    let text = context.read(file, "ipmatch").map_err(CompileError::whole)?;
    AddressSet::parse_file(&text, &String::from_utf8_lossy(file)).map_err(CompileError::whole)
}
