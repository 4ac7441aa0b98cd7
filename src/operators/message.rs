//! What the log says about a match.  Other programs parse these sentences, so
//! they are mod_security2's to the byte.

use super::{Detail, Match, Operator, atoi};

/// Patterns and phrases longer than this many bytes after escaping are cut and
/// ` ...` is appended, as mod_security2 does.
pub const MAX_QUOTED_BYTES: usize = 252;

/// Escapes text for the log: `"` and `\` by a backslash, `\b \n \r \t \v` by
/// name, other bytes outside of printable ASCII as `\xHH`.
pub fn escape(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for &byte in text {
        let name = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x0B => b'v',
            0x20..=0x7E => {
                escaped.push(byte);
                continue;
            }
            _ => {
                escaped.extend(format!("\\x{byte:02x}").bytes());
                continue;
            }
        };
        escaped.extend([b'\\', name]);
    }
    escaped
}

/// Escapes, then cuts at [`MAX_QUOTED_BYTES`].
fn escape_cut(text: &[u8]) -> Vec<u8> {
    // A byte becomes at least one: no more of them can show.
    let mut escaped = escape(text.get(..=MAX_QUOTED_BYTES).unwrap_or(text));
    if escaped.len() > MAX_QUOTED_BYTES {
        escaped.truncate(MAX_QUOTED_BYTES);
        escaped.extend_from_slice(b" ...");
    }
    escaped
}

/// The message of a negated operator which did not match:
/// `Match of "NAME PARAMETER" against "VAR" required.`
///
/// `name` is the operator as the rule spells it, `parameter` its argument as
/// written, before macros are expanded.
pub fn negated_message(name: &[u8], parameter: &[u8], var: &[u8]) -> Vec<u8> {
    [
        &b"Match of \""[..],
        &escape(name),
        b" ",
        &escape_cut(parameter),
        b"\" against \"",
        &escape(var),
        b"\" required.",
    ]
    .concat()
}

/// The message of a link without its proof, or with a wrong one: that given and the right one.
pub fn link_message(pattern: &[u8], var: &[u8], proofs: Option<(&[u8], &[u8])>) -> Vec<u8> {
    let start = [
        &b"Request URI matched \""[..],
        &escape_cut(pattern),
        b"\" at ",
        &escape(var),
        b". ",
    ];
    let reason = match proofs {
        None => b"No Hash parameter".to_vec(),
        Some((given, right)) => [
            &b"Hash parameter hash value = ["[..],
            &escape_cut(given),
            b"] Requested URI hash value = [",
            right,
            b"]",
        ]
        .concat(),
    };
    [start.concat(), reason].concat()
}

impl Operator {
    /// The message of a match found by [`Operator::evaluate`] with the same
    /// argument.  `var` is the name of the variable, `&NAME` for a count.
    pub fn message(&self, argument: &[u8], found: &Match, var: &[u8]) -> Vec<u8> {
        let quoted = |head: &str, text: &[u8]| [head.as_bytes(), b" \"", text, b"\""].concat();
        let address = |head: &str, text: &[u8]| [&quoted(head, text), &b" matched"[..]].concat();
        let mut offset = None;
        let what = match (self, &found.detail) {
            (Operator::UnconditionalMatch, _) => {
                return b"Unconditional match in SecAction.".to_vec();
            }
            (Operator::Rsub(_), _) => return b"Operator rsub succeeded.".to_vec(),
            (Operator::FuzzyHash(hashes), Detail::Similar(at, score)) => {
                return hashes.sentence(*at, *score, var);
            }
            (_, Detail::Sentence(sentence)) => return sentence.to_vec(),
            (Operator::DetectXss, _) => return b"detected XSS using libinjection.".to_vec(),
            (_, Detail::Document(sentence)) => return sentence.as_bytes().to_vec(),
            (_, Detail::Fingerprint(name)) => {
                return format!("detected SQLi using libinjection with fingerprint '{name}'")
                    .into_bytes();
            }
            (_, Detail::BytesOutside(count)) => {
                let found = format!("Found {count} byte(s) in ");
                return [found.as_bytes(), var, b" outside range: ", argument, b"."].concat();
            }
            (_, Detail::Utf8(fault, at)) => {
                offset = Some(at);
                format!("Invalid UTF-8 encoding: {}", fault.text()).into_bytes()
            }
            (Operator::Verify(checksum, _), Detail::Offset(at)) => {
                offset = Some(at);
                quoted(&format!("{} match", checksum.name()), argument)
            }
            (_, Detail::Url(fault)) => {
                format!("Invalid URL Encoding: {}", fault.text()).into_bytes()
            }
            (Operator::IpMatch(_), Detail::Address(value)) => address("IPmatch:", value),
            (Operator::IpMatchFromFile(_), Detail::Address(value)) => {
                address("IPmatchFromFile:", value)
            }
            (Operator::Compare(comparison), _) => {
                let name = comparison.kind().name().to_ascii_uppercase();
                format!("Operator {name} matched {}", atoi(argument)).into_bytes()
            }
            (Operator::Rx(_) | Operator::RxDynamic(_), _) => {
                quoted("Pattern match", &escape_cut(argument))
            }
            (Operator::StrMatch(_), _) => quoted("Pattern match", &escape(argument)),
            (Operator::Pm(phrases) | Operator::PmFromFile(phrases), Detail::Phrase(index)) => {
                quoted("Matched phrase", &escape_cut(phrases.phrase(*index)))
            }
            (Operator::Within, Detail::EmptyValue) => quoted("String match within", b""),
            (Operator::Within, _) => quoted("String match within", &escape(argument)),
            _ => quoted("String match", &escape(argument)),
        };
        let tail = offset.map_or(String::new(), |at| format!(" [offset \"{at}\"]"));
        [&what[..], b" at ", var, b".", tail.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_the_log() {
        assert_eq!(
            escape(b"a\"b\\c\x08\n\r\t\x0b\x00\x1f\x7e\x7f\xff:"),
            b"a\\\"b\\\\c\\b\\n\\r\\t\\v\\x00\\x1f\x7e\\x7f\\xff:"
        );
    }

    #[test]
    fn quotes_are_cut_above_the_limit() {
        let full = vec![b'a'; MAX_QUOTED_BYTES];
        assert_eq!(escape_cut(&full), full);
        let cut = escape_cut(&vec![b'a'; MAX_QUOTED_BYTES + 1]);
        assert_eq!(cut, [&full[..], b" ..."].concat());
    }

    #[test]
    fn negated() {
        assert_eq!(
            negated_message(b"rx", b"^\"$", b"REQUEST_HEADERS:Host"),
            b"Match of \"rx ^\\\"$\" against \"REQUEST_HEADERS:Host\" required."
        );
    }
}
