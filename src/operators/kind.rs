//! The registered operator names.

/// Which operator a rule names.  Mod_security2 registers 38 names for these
/// 36: `pmf` and `ipMatchF` are aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // `Kind::about` says when each matches
pub enum Kind {
    BeginsWith,
    Contains,
    ContainsWord,
    DetectSqli,
    DetectXss,
    EndsWith,
    Eq,
    FuzzyHash,
    Ge,
    GeoLookup,
    GsbLookup,
    Gt,
    InspectFile,
    IpMatch,
    IpMatchFromFile,
    Le,
    Lt,
    NoMatch,
    Pm,
    PmFromFile,
    Rbl,
    Rsub,
    Rx,
    StrEq,
    StrMatch,
    UnconditionalMatch,
    ValidateByteRange,
    ValidateDtd,
    ValidateHash,
    ValidateSchema,
    ValidateUrlEncoding,
    ValidateUtf8Encoding,
    VerifyCc,
    VerifyCpf,
    VerifySsn,
    Within,
}

/// Canonical spelling of every operator and when it matches, in the order of [`Kind::ALL`].
#[rustfmt::skip] // a table: one row a line
const TABLE: [(Kind, &str, &str); 36] = [
    (Kind::BeginsWith, "beginsWith", "the value begins with the argument"),
    (Kind::Contains, "contains", "the argument is a part of the value"),
    (Kind::ContainsWord, "containsWord", "the argument is a word of the value"),
    (Kind::DetectSqli, "detectSQLi", "the value is SQL injection, by libinjection's judgement"),
    (Kind::DetectXss, "detectXSS", "the value is cross-site scripting, by libinjection's judgement"),
    (Kind::EndsWith, "endsWith", "the value ends with the argument"),
    (Kind::Eq, "eq", "the value is a number equal to the argument"),
    (Kind::FuzzyHash, "fuzzyHash", "the value resembles one of the ssdeep hashes in a file"),
    (Kind::Ge, "ge", "the value is a number not less than the argument"),
    (Kind::GeoLookup, "geoLookup", "the address is in the database of places"),
    (Kind::GsbLookup, "gsbLookup", "the value contains a URL from Google's list of dangerous ones"),
    (Kind::Gt, "gt", "the value is a number greater than the argument"),
    (Kind::InspectFile, "inspectFile", "a script or program finds fault with the file of this name"),
    (Kind::IpMatch, "ipMatch", "the value is an address in one of the networks"),
    (Kind::IpMatchFromFile, "ipMatchFromFile", "the value is an address in one of the networks in a file"),
    (Kind::Le, "le", "the value is a number not greater than the argument"),
    (Kind::Lt, "lt", "the value is a number less than the argument"),
    (Kind::NoMatch, "noMatch", "never matches"),
    (Kind::Pm, "pm", "one of the phrases is in the value, in either case"),
    (Kind::PmFromFile, "pmFromFile", "one of the phrases in files is in the value, in either case"),
    (Kind::Rbl, "rbl", "the address or name is on a block list in the DNS"),
    (Kind::Rsub, "rsub", "the regular expression matches in a stream, and is replaced"),
    (Kind::Rx, "rx", "the regular expression matches"),
    (Kind::StrEq, "streq", "the value is the argument"),
    (Kind::StrMatch, "strmatch", "the decoded argument is a part of the value"),
    (Kind::UnconditionalMatch, "unconditionalMatch", "always matches"),
    (Kind::ValidateByteRange, "validateByteRange", "a byte of the value is in none of the ranges"),
    (Kind::ValidateDtd, "validateDTD", "the XML document is invalid by a DTD"),
    (Kind::ValidateHash, "validateHash", "a link does not carry the proof it was sent out with"),
    (Kind::ValidateSchema, "validateSchema", "the XML document is invalid by a schema"),
    (Kind::ValidateUrlEncoding, "validateUrlEncoding", "the value is not well-formed URL encoding"),
    (Kind::ValidateUtf8Encoding, "validateUtf8Encoding", "the value is not well-formed UTF-8"),
    (Kind::VerifyCc, "verifyCC", "the regular expression finds a payment card number"),
    (Kind::VerifyCpf, "verifyCPF", "the regular expression finds a Brazilian taxpayer number"),
    (Kind::VerifySsn, "verifySSN", "the regular expression finds a social security number of the USA"),
    (Kind::Within, "within", "the value is a part of the argument"),
];

/// Second names of operators.
const ALIASES: [(Kind, &str); 2] = [
    (Kind::IpMatchFromFile, "ipMatchF"),
    (Kind::PmFromFile, "pmf"),
];

impl Kind {
    /// Every operator once, sorted by name.
    pub const ALL: [Kind; TABLE.len()] = {
        let mut all = [Kind::Rx; TABLE.len()];
        let mut i = 0;
        while i < TABLE.len() {
            all[i] = TABLE[i].0;
            i += 1;
        }
        all
    };

    /// The operator of this name (without `@`), case-insensitively, aliases
    /// included.
    pub fn lookup(name: &str) -> Option<Kind> {
        Self::names()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(kind, _)| kind)
    }

    /// Every registered name with its operator: 38, canonical names first.
    pub fn names() -> impl Iterator<Item = (Kind, &'static str)> {
        let canonical = TABLE.iter().map(|&(kind, name, _)| (kind, name));
        canonical.chain(ALIASES)
    }

    /// The canonical spelling.
    pub fn name(self) -> &'static str {
        TABLE
            .iter()
            .find(|(kind, ..)| *kind == self)
            .map_or("", |(_, name, _)| name)
    }

    /// When it matches, for the documentation.
    pub fn about(self) -> &'static str {
        TABLE
            .iter()
            .find(|(kind, ..)| *kind == self)
            .map_or("", |(.., about)| about)
    }

    /// Whether [`compile`](super::compile()) accepts it.  The others need more than a value: a
    /// database, the network, a process, the document or the stream.
    pub fn is_supported(self) -> bool {
        !matches!(self, Kind::GsbLookup)
    }

    /// Whether `%{…}` in the argument is expanded at each evaluation.
    pub fn expands_macros(self) -> bool {
        matches!(
            self,
            Kind::Rx
                | Kind::Rsub
                | Kind::ValidateHash
                | Kind::Within
                | Kind::Contains
                | Kind::ContainsWord
                | Kind::StrEq
                | Kind::BeginsWith
                | Kind::EndsWith
                | Kind::Eq
                | Kind::Ge
                | Kind::Gt
                | Kind::Le
                | Kind::Lt
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_six_operators_with_thirty_eight_names() {
        assert_eq!(Kind::ALL.len(), 36);
        assert_eq!(Kind::names().count(), 38);
        for kind in Kind::ALL {
            assert!(!kind.name().is_empty());
            assert_eq!(Kind::lookup(kind.name()), Some(kind));
            assert_eq!(Kind::lookup(&kind.name().to_uppercase()), Some(kind));
        }
    }

    #[test]
    fn aliases_and_strangers() {
        assert_eq!(Kind::lookup("pmf"), Some(Kind::PmFromFile));
        assert_eq!(Kind::lookup("IPMATCHF"), Some(Kind::IpMatchFromFile));
        assert_eq!(Kind::lookup("rxGlobal"), None);
        assert_eq!(Kind::lookup(""), None);
    }

    #[test]
    fn fourteen_operators_expand_macros() {
        assert_eq!(Kind::ALL.iter().filter(|k| k.expands_macros()).count(), 14);
        assert!(!Kind::Pm.expands_macros());
        assert!(!Kind::StrMatch.expands_macros());
    }
}
