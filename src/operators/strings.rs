//! Comparison of the value with a plain string.

use memchr::memmem;

/// `@within`: the value is a part of the argument.  An empty value always is.
pub(super) fn within(argument: &[u8], value: &[u8]) -> bool {
    memmem::find(argument, value).is_some()
}

/// `@contains`: the argument is a part of the value.  An empty argument always is.
pub(super) fn contains(argument: &[u8], value: &[u8]) -> bool {
    memmem::find(value, argument).is_some()
}

/// `@containsWord`: the argument occurs in the value with no word byte
/// (`[A-Za-z0-9_]`) before or after it.  An empty argument always matches.
///
/// Linear in both lengths for every pair of strings: occurrences that overlap
/// are found by the failure function of Knuth, Morris and Pratt, after
/// `memmem` has found a first one.
pub(super) fn contains_word(argument: &[u8], value: &[u8]) -> bool {
    let Some(first) = memmem::find(value, argument) else {
        return false;
    };
    if argument.is_empty() || is_word_at(value, first, argument.len()) {
        return true;
    }
    let failure = failure_function(argument);
    let mut matched = 0;
    for (end, byte) in value.iter().enumerate().skip(first) {
        while matched > 0 && argument.get(matched) != Some(byte) {
            matched = failure.get(matched - 1).copied().unwrap_or(0);
        }
        if argument.get(matched) == Some(byte) {
            matched += 1;
        }
        if matched == argument.len() {
            if is_word_at(value, end + 1 - matched, matched) {
                return true;
            }
            matched = failure.last().copied().unwrap_or(0);
        }
    }
    false
}

/// For each prefix of the pattern the length of its longest proper border.
fn failure_function(pattern: &[u8]) -> Vec<usize> {
    let mut failure = Vec::with_capacity(pattern.len());
    let mut border = 0;
    for (i, byte) in pattern.iter().enumerate() {
        while border > 0 && pattern.get(border) != Some(byte) {
            border = failure.get(border - 1).copied().unwrap_or(0);
        }
        if i > 0 && pattern.get(border) == Some(byte) {
            border += 1;
        }
        failure.push(border);
    }
    failure
}

/// Whether `value[start..start + len]` stands between word boundaries.
fn is_word_at(value: &[u8], start: usize, len: usize) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let before = start.checked_sub(1).and_then(|i| value.get(i));
    !is_word(before) && !is_word(value.get(start + len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu_time;

    #[test]
    fn words_are_found_where_a_plain_loop_finds_them() {
        fn plain(argument: &[u8], value: &[u8]) -> bool {
            (0..=value.len().saturating_sub(argument.len())).any(|i| {
                value.get(i..i + argument.len()) == Some(argument)
                    && is_word_at(value, i, argument.len())
            })
        }
        // All arguments up to 4 and all values up to 7 bytes over two kinds of bytes.
        let strings = |max: usize| {
            (1..=max).flat_map(|len| {
                (0..1u32 << len).map(move |bits| {
                    (0..len)
                        .map(|i| if bits >> i & 1 == 1 { b'-' } else { b'a' })
                        .collect::<Vec<u8>>()
                })
            })
        };
        for argument in strings(4) {
            for value in strings(7) {
                assert_eq!(
                    contains_word(&argument, &value),
                    plain(&argument, &value),
                    "{argument:?} in {value:?}"
                );
            }
        }
    }

    #[test]
    fn overlapping_failures_stay_linear() {
        let period = b"-a-".repeat(200_000);
        let argument = b"-a-".repeat(2_000);
        let argument = &argument[..argument.len() - 2];
        let took = cpu_time::of(|| assert!(!contains_word(argument, &period)));
        assert!(took.as_secs() < 2, "{took:?}");
    }
}
