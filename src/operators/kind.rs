//! The registered operator names.

/// Which operator a rule names.  Mod_security2 registers 38 names for these
/// 36: `pmf` and `ipMatchF` are aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the names are the documentation; `Kind::name` gives them
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
