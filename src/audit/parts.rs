//! `SecAuditLogParts`: which parts of a record are written.

use std::fmt;

/// A set of record parts, `A` to `K` and `Z`.
///
/// Compat: `A` and `Z` are always written, whatever the set says; `D` and `G` are reserved and write nothing; the order in
/// the set has no influence on the order in the record, which is always A B C I F E H J K Z.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parts(u32);

/// A letter that names no part. Its text is the sentence for the administrator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownPart(pub char);

impl fmt::Display for UnknownPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "audit log parts are the letters A to K and Z, in capitals; there is no part {:?}",
            self.0
        )
    }
}

impl std::error::Error for UnknownPart {}

/// One part of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Part {
    /// When, which transaction, who, where.
    Header = b'A',
    /// The request line and the request headers.
    RequestHeaders = b'B',
    /// The request body as it was received.
    RequestBody = b'C',
    /// Reserved.
    IntermediaryResponseHeaders = b'D',
    /// The response body as it was inspected.
    ResponseBody = b'E',
    /// The status line and the response headers.
    ResponseHeaders = b'F',
    /// Reserved.
    ActualResponseBody = b'G',
    /// Messages, timing, producer.
    Trailer = b'H',
    /// The request body without its files, as `name=value&…`.
    CompactRequestBody = b'I',
    /// The uploaded files.
    Uploads = b'J',
    /// The rules that matched.
    MatchedRules = b'K',
    /// The end marker.
    End = b'Z',
}

impl Part {
    /// The letter that stands for the part in boundaries and in `SecAuditLogParts`.
    pub fn letter(self) -> u8 {
        self as u8
    }

    const fn bit(self) -> u32 {
        1 << (self as u8 - b'A')
    }

    /// The part a letter stands for. Capitals only, as in mod_security2.
    pub fn lookup(letter: char) -> Option<Part> {
        Some(match letter {
            'A' => Part::Header,
            'B' => Part::RequestHeaders,
            'C' => Part::RequestBody,
            'D' => Part::IntermediaryResponseHeaders,
            'E' => Part::ResponseBody,
            'F' => Part::ResponseHeaders,
            'G' => Part::ActualResponseBody,
            'H' => Part::Trailer,
            'I' => Part::CompactRequestBody,
            'J' => Part::Uploads,
            'K' => Part::MatchedRules,
            'Z' => Part::End,
            _ => return None,
        })
    }
}

const ALWAYS: u32 = Part::Header.bit() | Part::End.bit();

impl Default for Parts {
    /// `ABCFHZ`, mod_security2's default.
    fn default() -> Self {
        [
            Part::RequestHeaders,
            Part::RequestBody,
            Part::ResponseHeaders,
            Part::Trailer,
        ]
        .into_iter()
        .fold(Parts(ALWAYS), Parts::with)
    }
}

impl Parts {
    /// The argument of `SecAuditLogParts`: letters in any order, repeated or not.
    pub fn parse(text: &str) -> Result<Parts, UnknownPart> {
        text.chars().try_fold(Parts(ALWAYS), |parts, letter| {
            Ok(parts.with(Part::lookup(letter).ok_or(UnknownPart(letter))?))
        })
    }

    /// The value of `ctl:auditLogParts`: `+LETTERS` adds, `-LETTERS` removes, anything else is a new list.
    ///
    /// Compat: like mod_security2, `-A` and `-Z` change nothing.
    pub fn change(self, text: &str) -> Result<Parts, UnknownPart> {
        if let Some(added) = text.strip_prefix('+') {
            Ok(Parts(self.0 | Parts::parse(added)?.0))
        } else if let Some(removed) = text.strip_prefix('-') {
            Ok(Parts((self.0 & !Parts::parse(removed)?.0) | ALWAYS))
        } else {
            Parts::parse(text)
        }
    }

    /// The set with one part more.
    pub fn with(self, part: Part) -> Parts {
        Parts(self.0 | part.bit())
    }

    /// The set without a part. `A` and `Z` stay.
    pub fn without(self, part: Part) -> Parts {
        Parts(self.0 & !part.bit() | ALWAYS)
    }

    /// Whether the part is to be written.
    pub fn contains(self, part: Part) -> bool {
        self.0 & part.bit() != 0
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ('A'..='Z')
            .filter(|letter| Part::lookup(*letter).is_some_and(|part| self.contains(part)))
            .try_for_each(|letter| write!(f, "{letter}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_the_default() {
        assert_eq!(Parts::default().to_string(), "ABCFHZ");
        assert_eq!(Parts::parse("ABCFHZ"), Ok(Parts::default()));
        assert_eq!(Parts::parse("ZHHFCB"), Ok(Parts::default()));
        assert_eq!(
            Parts::parse("ABCDEFGHIJKZ").map(|p| p.to_string()),
            Ok("ABCDEFGHIJKZ".to_owned())
        );
        assert_eq!(
            Parts::parse("").map(|p| p.to_string()),
            Ok("AZ".to_owned()),
            "A and Z are always written"
        );
    }

    #[test]
    fn letters_that_name_no_part_are_refused() {
        for (text, letter) in [
            ("ABL", 'L'),
            ("abc", 'a'),
            ("A,B", ','),
            ("Y", 'Y'),
            ("ABÉ", 'É'),
        ] {
            assert_eq!(Parts::parse(text), Err(UnknownPart(letter)), "{text}");
        }
        assert!(UnknownPart('q').to_string().contains("'q'"));
    }

    #[test]
    fn changes_by_rules() {
        let changed = |text: &str| Parts::default().change(text).map(|p| p.to_string());
        assert_eq!(changed("+EK"), Ok("ABCEFHKZ".to_owned()));
        assert_eq!(changed("-CF"), Ok("ABHZ".to_owned()));
        assert_eq!(changed("-AZ"), Ok("ABCFHZ".to_owned()));
        assert_eq!(changed("BK"), Ok("ABKZ".to_owned()));
        assert_eq!(changed("+"), Ok("ABCFHZ".to_owned()));
        assert_eq!(changed("+x"), Err(UnknownPart('x')));
        assert_eq!(changed("-+C"), Err(UnknownPart('+')));
    }
}
