//! Punycode (RFC 3492): how letters outside of ASCII stand in a label of the name system.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 0x80;

/// Encodes a label, without the prefix `xn--`. `None` where the numbers grow too large, which no label of 63 bytes makes them.
///
/// The encoding procedure of RFC 3492 §6.3. Quadratic in the length, which the limit of a label bounds.
pub(super) fn encode(label: &str) -> Option<String> {
    let mut encoded: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(encoded.len()).ok()?;
    if basic > 0 {
        encoded.push('-');
    }
    let (mut n, mut delta, mut bias, mut handled) = (INITIAL_N, 0_u32, INITIAL_BIAS, basic);
    while let Some(least) = label.chars().map(u32::from).filter(|&c| c >= n).min() {
        delta = delta.checked_add((least - n).checked_mul(handled + 1)?)?;
        n = least;
        for c in label.chars().map(u32::from) {
            delta = delta.checked_add(u32::from(c < n))?;
            if c == n {
                push_number(&mut encoded, delta, bias);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(encoded)
}

/// A number of variable length.
fn push_number(encoded: &mut String, mut number: u32, bias: u32) {
    let mut k = BASE;
    loop {
        let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if number < threshold {
            break;
        }
        encoded.push(digit(threshold + (number - threshold) % (BASE - threshold)));
        number = (number - threshold) / (BASE - threshold);
        k += BASE;
    }
    encoded.push(digit(number));
}

/// `a` to `z`, then `0` to `9`.
fn digit(value: u32) -> char {
    let value = (value % BASE) as u8;
    char::from(match value {
        0..26 => b'a' + value,
        _ => b'0' + (value - 26),
    })
}

/// Bias adaptation (RFC 3492 §6.1).
fn adapt(delta: u32, handled: u32, first: bool) -> u32 {
    let mut delta = delta / if first { DAMP } else { 2 };
    delta += delta / handled;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn samples() {
        // The middle ones are from RFC 3492 §7.1.
        for (label, expected) in [
            ("abc", "abc-"),
            ("bücher", "bcher-kva"),
            ("ü", "tda"),
            ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
            (
                "почемужеонинеговорятпорусски",
                "b1abfaaepdrnnbgefbadotcwatmq2g4l",
            ),
            ("3年b組金八先生", "3b-ww4c5e180e575a65lsy2b"),
            ("パフィーdeルンバ", "de-jg4avhby1noc0d"),
            ("そのスピードで", "d9juau41awczczp"),
            ("\u{10ffff}", "dn32g"),
        ] {
            assert_eq!(encode(label).as_deref(), Some(expected), "{label}");
        }
    }

    #[test]
    fn the_longest_label_does_not_overflow() {
        let label = format!("{}\u{10ffff}", "a".repeat(59));
        assert!(encode(&label).is_some());
        assert!(encode(&"\u{10ffff}".repeat(15)).is_some());
    }
}
