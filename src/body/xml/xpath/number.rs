//! Numbers, as they are read and written.
//!
//! Compat: libxml2 reads exponents, which XPath does not have, and writes them for large and small numbers.

/// The number at the start of an expression, and its length.
pub(super) fn literal(text: &str) -> (f64, usize) {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    let number = text.get(..end).and_then(|number| number.parse().ok());
    (number.unwrap_or(f64::NAN), end)
}

/// `number()` of a text.
pub(super) fn parse(text: &[u8]) -> f64 {
    let text = std::str::from_utf8(text.trim_ascii()).unwrap_or_default();
    let (negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text),
    };
    let starts = number.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let (value, end) = literal(number);
    match starts && end == number.len() {
        true if negative => -value,
        true => value,
        false => f64::NAN,
    }
}

/// `string()` of a number.
pub(super) fn print(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let size = number.abs();
    if number == 0.0 {
        return "0".to_owned();
    }
    if number == number.trunc() && size <= f64::from(i32::MAX) {
        return format!("{number:.0}");
    }
    if !(1e-5..=1e9).contains(&size) {
        let text = format!("{number:.14e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let places = size.log10() as i32;
    let fraction = if places > 0 { 14 - places } else { 15 - places };
    let fraction = usize::try_from(fraction).unwrap_or(0);
    let text = format!("{number:.fraction$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `round()`: to the nearest integer, and up from the middle.
pub(super) fn round(number: f64) -> f64 {
    let rounded = (number + 0.5).floor();
    // Half of what no fraction can be told of is not to be added.
    if number == number.trunc() {
        number
    } else {
        rounded
    }
}
