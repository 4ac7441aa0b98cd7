//! Masking: what rules declare secret is overwritten with `*`.

use std::borrow::Cow;
use std::ops::Range;

use super::escape;
use super::record::Record;

/// Values shorter than this are not looked for in messages: their bytes stand everywhere by chance.
pub const SHORTEST_SECRET: usize = 3;
/// This much of a value is enough to find it, because messages are cut at a length.
pub const TELLING_PREFIX: usize = 8;
/// No more of a value is compared than this: a text that repeats so much of one is masked from there to its end.
pub const LONGEST_SECRET: usize = 4096;
/// No more values are looked for: above this, the texts that could repeat them are withheld. `SecArgumentsLimit` is 1000 by default.
pub const MOST_SECRETS: usize = 1024;
/// The same for the bytes of all values together, each counted up to [`LONGEST_SECRET`]. Every value is kept in four spellings
/// of up to four times its length.
pub const MOST_SECRET_BYTES: usize = 256 * 1024;

/// Headers that carry credentials.
const CREDENTIALS: &[&[u8]] = &[
    b"Authorization",
    b"Proxy-Authorization",
    b"Cookie",
    b"Set-Cookie",
];

/// The values in credential headers that messages must not repeat either: each header whole, what follows an authentication
/// scheme, and every cookie's value that is long enough to be a secret.
fn credentials<'a>(record: &Record<'a>) -> Vec<&'a [u8]> {
    let is_credential = |name: &[u8]| {
        let mut names = CREDENTIALS.iter();
        names.any(|known| known.eq_ignore_ascii_case(name))
    };
    let headers = record.request.headers.iter().chain(record.response.headers);
    let values = headers
        .filter(|header| is_credential(&header.name))
        .map(|header| &header.value[..]);
    let pieces = values.flat_map(|value| {
        let cookies = value.split(|byte| *byte == b';').filter_map(|cookie| {
            let equals = cookie.iter().position(|byte| *byte == b'=')?;
            cookie.get(equals + 1..)
        });
        let scheme = value.iter().position(|byte| *byte == b' ');
        let token = scheme.and_then(|blank| value.get(blank + 1..));
        let parts = cookies.chain(token).map(<[u8]>::trim_ascii);
        let telling = parts.filter(|part| part.len() >= TELLING_PREFIX);
        std::iter::once(value).chain(telling)
    });
    pieces.collect()
}

/// The bytes with `*` in all ranges. Ranges may overlap and reach beyond the end.
pub(super) fn ranges<'a>(bytes: &'a [u8], ranges: &[Range<usize>]) -> Cow<'a, [u8]> {
    if ranges.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut sorted: Vec<_> = ranges
        .iter()
        .map(|range| (range.start, range.end))
        .collect();
    sorted.sort_unstable();
    let mut masked = bytes.to_vec();
    let mut done = 0;
    for (start, end) in sorted {
        let (start, end) = (start.max(done), end.min(masked.len()));
        if let Some(part) = masked.get_mut(start..end) {
            part.fill(b'*');
            done = end;
        }
    }
    Cow::Owned(masked)
}

/// Header names whose values are masked.
pub(super) struct Names(Vec<Vec<u8>>);

impl Names {
    /// The names that rules have given, and if asked for those that carry credentials.
    pub fn new(names: &[&[u8]], credentials: bool) -> Names {
        let more = if credentials { CREDENTIALS } else { &[] };
        let all = names.iter().chain(more);
        let mut names: Vec<_> = all.map(|name| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        Names(names)
    }

    /// The header's value, or as many `*`.
    pub fn value<'a>(&self, name: &[u8], value: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.0.is_empty() && self.0.binary_search(&name.to_ascii_lowercase()).is_ok() {
            Cow::Owned(vec![b'*'; value.len()])
        } else {
            Cow::Borrowed(value)
        }
    }
}

/// The values that texts must not repeat, in every spelling that alerts use.
pub(super) struct Secrets {
    short: Vec<Vec<u8>>,
    long: Vec<Vec<u8>>,
    withhold: bool,
}

impl Secrets {
    /// What a record's texts must not repeat, and if asked for neither what its credential headers hold.
    pub fn of(record: &Record<'_>, with_credentials: bool) -> Secrets {
        if !with_credentials {
            return Secrets::new(record.masks.secrets);
        }
        let mut values = credentials(record);
        values.extend_from_slice(record.masks.secrets);
        Secrets::new(&values)
    }

    fn new(values: &[&[u8]]) -> Secrets {
        let start = |value: &&[u8]| value.len().min(LONGEST_SECRET);
        let mut secrets = Secrets {
            short: Vec::new(),
            long: Vec::new(),
            withhold: values.len() > MOST_SECRETS
                || values.iter().map(start).sum::<usize>() > MOST_SECRET_BYTES,
        };
        if secrets.withhold {
            return secrets;
        }
        let spellings = [
            |out: &mut Vec<u8>, bytes: &[u8]| out.extend_from_slice(bytes),
            escape::log_escape,
            escape::log_escape_nq,
            escape::log_escape_hex,
        ];
        for value in values {
            let value = value.get(..LONGEST_SECRET).unwrap_or(value);
            if value.len() < SHORTEST_SECRET {
                continue;
            }
            for spell in spellings {
                let mut spelt = Vec::with_capacity(value.len());
                spell(&mut spelt, value);
                match spelt.len() {
                    0..TELLING_PREFIX => secrets.short.push(spelt),
                    _ => secrets.long.push(spelt),
                }
            }
        }
        for list in [&mut secrets.short, &mut secrets.long] {
            list.sort_unstable();
            list.dedup();
        }
        secrets
    }

    /// The text with every repetition of a secret, or of the beginning of one, overwritten.
    pub fn text<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        if self.withhold {
            return Cow::Borrowed(b"(withheld: it may repeat one of too many masked values)");
        }
        if self.short.is_empty() && self.long.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut masked = Cow::Borrowed(text);
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let found = self.at_start(rest);
            if let Some(part) = masked_part(&mut masked, at, found) {
                part.fill(b'*');
            }
            at += found.max(1);
        }
        masked
    }

    /// How many bytes of a secret the text begins with.
    fn at_start(&self, text: &[u8]) -> usize {
        let after = self.long.partition_point(|secret| secret.as_slice() < text);
        let common = |place: Option<usize>| {
            let secret = place.and_then(|place| self.long.get(place));
            secret.map_or(0, |secret| {
                secret.iter().zip(text).take_while(|(a, b)| a == b).count()
            })
        };
        let long = common(Some(after)).max(common(after.checked_sub(1)));
        if long >= LONGEST_SECRET {
            return text.len();
        }
        if long >= TELLING_PREFIX {
            return long;
        }
        (SHORTEST_SECRET..TELLING_PREFIX)
            .rev()
            .find(|length| {
                text.get(..*length).is_some_and(|start| {
                    self.short
                        .binary_search_by(|s| s.as_slice().cmp(start))
                        .is_ok()
                })
            })
            .unwrap_or(0)
    }
}

fn masked_part<'m>(
    masked: &'m mut Cow<'_, [u8]>,
    at: usize,
    length: usize,
) -> Option<&'m mut [u8]> {
    if length == 0 {
        return None;
    }
    masked.to_mut().get_mut(at..at + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu_time;

    fn masked(secrets: &[&[u8]], text: &str) -> String {
        String::from_utf8_lossy(&Secrets::new(secrets).text(text.as_bytes())).into_owned()
    }

    #[test]
    fn ranges_in_any_order() {
        let bytes = b"GET /?pw=secret&x=1 HTTP/1.1";
        let cases: [(&[Range<usize>], &[u8]); 6] = [
            (&[], b"GET /?pw=secret&x=1 HTTP/1.1"),
            (&[9..15, 12..15], b"GET /?pw=******&x=1 HTTP/1.1"),
            (
                &[18..19, 9..12, 10..15, 9..11],
                b"GET /?pw=******&x=* HTTP/1.1",
            ),
            (&[26..90, 200..300], b"GET /?pw=secret&x=1 HTTP/1**"),
            #[allow(clippy::reversed_empty_ranges)]
            (&[15..9, 5..5], b"GET /?pw=secret&x=1 HTTP/1.1"),
            (&[0..usize::MAX, 3..4], b"****************************"),
        ];
        for (list, expected) in cases {
            assert_eq!(&*ranges(bytes, list), expected, "{list:?}");
        }
    }

    #[test]
    fn many_overlapping_ranges_take_no_time() {
        let bytes = vec![b'a'; 1 << 20];
        let all = vec![0..bytes.len(); 1_000_000];
        let took = cpu_time::of(|| assert!(ranges(&bytes, &all).iter().all(|b| *b == b'*')));
        assert!(took.as_secs() < 5, "{took:?}");
    }

    #[test]
    fn header_names_in_any_case() {
        let names = Names::new(&[b"x-token"], true);
        for name in ["X-Token", "AUTHORIZATION", "cookie", "set-Cookie"] {
            assert_eq!(&*names.value(name.as_bytes(), b"Basic x"), b"*******");
        }
        assert_eq!(&*names.value(b"Cookie", b""), b"");
        assert_eq!(&*names.value(b"Cookie2", b"a"), b"a");
        let names = Names::new(&[b"x-token"], false);
        assert_eq!(&*names.value(b"Cookie", b"a=b"), b"a=b");
    }

    #[test]
    fn secrets_in_every_spelling() {
        let secret: &[u8] = b"pa\"ss\\w\xc3\xb6rd";
        for (text, expected) in [
            (
                "[data \"pa\\\"ss\\\\w\\xc3\\xb6rd\"]",
                "[data \"*******************\"]",
            ),
            (
                "x pa\\x22ss\\x5cw\\xc3\\xb6rd y",
                "x *********************** y",
            ),
            ("plain pa\"ss\\wörd!", "plain ***********!"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(masked(&[secret], text), expected);
        }
    }

    #[test]
    fn secrets_cut_short_nested_and_repeated() {
        let (long, other): (&[u8], &[u8]) =
            (b"correct horse battery staple", b"correct horse shoe");
        assert_eq!(masked(&[long], "a correct horse"), "a *************");
        assert_eq!(masked(&[long], "a correct ho] b"), "a **********] b");
        assert_eq!(
            masked(&[long], "a correc"),
            "a correc",
            "less than a telling prefix"
        );
        assert_eq!(
            masked(&[long, other], "correct horse shoe."),
            "******************."
        );
        assert_eq!(
            masked(&[other, long], "correct horse battery staple"),
            "****************************"
        );
        assert_eq!(
            masked(&[b"abc", b"abcdefghij"], "abcabcd abcdefgh"),
            "******d ********"
        );
        assert_eq!(masked(&[b"ab"], "ab ab"), "ab ab", "too short to tell");
        assert_eq!(masked(&[b"abc"], "zabc"), "z***");
    }

    #[test]
    fn too_many_secrets_withhold_the_text() {
        let values: Vec<Vec<u8>> = (0..=MOST_SECRETS)
            .map(|n| format!("value-{n:06}").into_bytes())
            .collect();
        let all: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let just_enough = all.get(..MOST_SECRETS).unwrap_or_default();
        assert_eq!(
            masked(just_enough, "see value-001023."),
            "see ************."
        );
        assert!(masked(&all, "see value-000001.").starts_with("(withheld"));

        let long = vec![b'x'; LONGEST_SECRET + 100];
        let enough = vec![long.as_slice(); MOST_SECRET_BYTES / LONGEST_SECRET];
        assert_eq!(masked(&enough, "plain"), "plain");
        let too_much = [enough.as_slice(), &[b"abc"]].concat();
        assert!(masked(&too_much, "plain").starts_with("(withheld"));
    }

    #[test]
    fn of_a_very_long_secret_nothing_is_left() {
        for length in [LONGEST_SECRET - 1, LONGEST_SECRET, LONGEST_SECRET + 100] {
            let secret = "0123456789".repeat(1000);
            let secret = &secret[..length];
            let text = format!("begin {secret} end");
            let cut = length >= LONGEST_SECRET;
            let expected = match cut {
                true => format!("begin {}", "*".repeat(length + 4)),
                false => format!("begin {} end", "*".repeat(length)),
            };
            assert_eq!(masked(&[secret.as_bytes()], &text), expected, "{length}");
        }
    }
}
