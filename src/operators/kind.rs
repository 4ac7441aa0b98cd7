//! The registered operator names.

/// Which operator a rule names.  Mod_security2 registers 38 names for these
/// 36: `pmf` and `ipMatchF` are aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The value begins with the argument.
    BeginsWith,
    /// The argument is a part of the value.
    Contains,
    /// The argument is a word of the value.
    ContainsWord,
    /// The value is SQL injection, by libinjection's judgement.
    DetectSqli,
    /// The value is cross-site scripting, by libinjection's judgement.
    DetectXss,
    /// The value ends with the argument.
    EndsWith,
    /// The value is a number equal to the argument.
    Eq,
    /// The value resembles one of the ssdeep hashes in a file.
    FuzzyHash,
    /// The value is a number not less than the argument.
    Ge,
    /// The address is in the database of countries.
    GeoLookup,
    /// The value contains a URL from Google's list of unsafe ones.
    GsbLookup,
    /// The value is a number greater than the argument.
    Gt,
    /// A script finds fault with the file of this name.
    InspectFile,
    /// The value is an address in one of the networks.
    IpMatch,
    /// The value is an address in one of the networks in a file.
    IpMatchFromFile,
    /// The value is a number not greater than the argument.
    Le,
    /// The value is a number less than the argument.
    Lt,
    /// Never matches.
    NoMatch,
    /// One of the phrases is in the value, in either case.
    Pm,
    /// One of the phrases in files is in the value, in either case.
    PmFromFile,
    /// The address is on a block list in the DNS.
    Rbl,
    /// The regular expression matches and is replaced.
    Rsub,
    /// The regular expression matches.
    Rx,
    /// The value is the argument.
    StrEq,
    /// The decoded argument is a part of the value.
    StrMatch,
    /// Always matches.
    UnconditionalMatch,
    /// A byte of the value is in none of the ranges.
    ValidateByteRange,
    /// The XML document is invalid by a DTD.
    ValidateDtd,
    /// A link does not carry the hash it was sent out with.
    ValidateHash,
    /// The XML document is invalid by a schema.
    ValidateSchema,
    /// The value is not well-formed URL encoding.
    ValidateUrlEncoding,
    /// The value is not well-formed UTF-8.
    ValidateUtf8Encoding,
    /// The regular expression finds a payment card number.
    VerifyCc,
    /// The regular expression finds a Brazilian taxpayer number.
    VerifyCpf,
    /// The regular expression finds a social security number of the USA.
    VerifySsn,
    /// The value is a part of the argument.
    Within,
}

/// Canonical spelling of every operator, in the order of [`Kind::ALL`].
const TABLE: [(Kind, &str); 36] = [
    (Kind::BeginsWith, "beginsWith"),
    (Kind::Contains, "contains"),
    (Kind::ContainsWord, "containsWord"),
    (Kind::DetectSqli, "detectSQLi"),
    (Kind::DetectXss, "detectXSS"),
    (Kind::EndsWith, "endsWith"),
    (Kind::Eq, "eq"),
    (Kind::FuzzyHash, "fuzzyHash"),
    (Kind::Ge, "ge"),
    (Kind::GeoLookup, "geoLookup"),
    (Kind::GsbLookup, "gsbLookup"),
    (Kind::Gt, "gt"),
    (Kind::InspectFile, "inspectFile"),
    (Kind::IpMatch, "ipMatch"),
    (Kind::IpMatchFromFile, "ipMatchFromFile"),
    (Kind::Le, "le"),
    (Kind::Lt, "lt"),
    (Kind::NoMatch, "noMatch"),
    (Kind::Pm, "pm"),
    (Kind::PmFromFile, "pmFromFile"),
    (Kind::Rbl, "rbl"),
    (Kind::Rsub, "rsub"),
    (Kind::Rx, "rx"),
    (Kind::StrEq, "streq"),
    (Kind::StrMatch, "strmatch"),
    (Kind::UnconditionalMatch, "unconditionalMatch"),
    (Kind::ValidateByteRange, "validateByteRange"),
    (Kind::ValidateDtd, "validateDTD"),
    (Kind::ValidateHash, "validateHash"),
    (Kind::ValidateSchema, "validateSchema"),
    (Kind::ValidateUrlEncoding, "validateUrlEncoding"),
    (Kind::ValidateUtf8Encoding, "validateUtf8Encoding"),
    (Kind::VerifyCc, "verifyCC"),
    (Kind::VerifyCpf, "verifyCPF"),
    (Kind::VerifySsn, "verifySSN"),
    (Kind::Within, "within"),
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
        TABLE.iter().chain(&ALIASES).copied()
    }

    /// The canonical spelling.
    pub fn name(self) -> &'static str {
        TABLE
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, name)| name)
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
