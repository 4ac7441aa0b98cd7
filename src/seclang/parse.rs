//! Words to trees: targets, operators and action lists.

use super::ast::{Action, Operator, Spanned, Target};
use super::error::Error;
use super::words::is_space;

/// Parses the first argument of `SecRule`: targets between `|` (or `,`).
pub fn parse_targets(text: &[u8]) -> Result<Vec<Target>, Error> {
    let items = parse_list(text)?;
    if items.is_empty() {
        return Err(Error::new("No targets given", 0..text.len()));
    }
    items
        .into_iter()
        .map(|(name, selector)| {
            let mut rest = name.value.as_str();
            let mut start = name.span.start;
            let mut flag = |mark: char| {
                let found = rest.strip_prefix(mark);
                if let Some(stripped) = found {
                    rest = stripped;
                    start += 1;
                }
                found.is_some()
            };
            let exclude = flag('!');
            let count = !exclude && flag('&');
            let name = Spanned {
                value: rest.to_owned(),
                span: start..name.span.end,
            };
            Ok(Target {
                exclude,
                count,
                name,
                selector,
            })
        })
        .collect()
}

/// Parses the second argument of `SecRule`.
///
/// Compat: a text without `@` is a regular expression; the argument is all that follows the operator's name and the
/// white space behind it.
pub fn parse_operator(text: &[u8]) -> Result<Operator, Error> {
    let mut at = 0;
    let negated = text.first() == Some(&b'!');
    if negated {
        at = skip_space(text, 1);
    }
    if text.get(at) != Some(&b'@') {
        let argument = Spanned {
            value: text.get(at..).unwrap_or_default().to_vec(),
            span: at..text.len(),
        };
        return Ok(Operator {
            negated,
            name: Spanned {
                value: "rx".to_owned(),
                span: at..at,
            },
            argument,
        });
    }
    let end = at
        + text
            .get(at..)
            .unwrap_or_default()
            .iter()
            .take_while(|&&byte| !is_space(byte))
            .count();
    let name = utf8(text, at + 1..end)?;
    let start = skip_space(text, end);
    let argument = Spanned {
        value: text.get(start..).unwrap_or_default().to_vec(),
        span: start..text.len(),
    };
    Ok(Operator {
        negated,
        name,
        argument,
    })
}

/// Parses a list of actions.
pub fn parse_actions(text: &[u8]) -> Result<Vec<Action>, Error> {
    let items = parse_list(text)?;
    Ok(items
        .into_iter()
        .map(|(name, argument)| Action { name, argument })
        .collect())
}

type Item = (Spanned<String>, Option<Spanned<Vec<u8>>>);

/// The grammar that targets and actions share: `name`, `name:value` and `name:'quoted value'`, separated by `,`, `|` or
/// white space.
///
/// Compat: mod_security2's `msre_parse_generic`. Inside quotes only `\'` and `\\` are allowed behind a backslash.
fn parse_list(text: &[u8]) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    let mut at = skip_space(text, 0);
    while at < text.len() {
        let start = at;
        at += count_while(text, at, |byte| {
            !matches!(byte, b'|' | b':' | b',') && !is_space(byte)
        });
        let name = utf8(text, start..at)?;
        if text.get(at) != Some(&b':') {
            items.push((name, None));
            at = skip_space(text, at);
            match text.get(at) {
                None => break,
                Some(b',' | b'|') => at = skip_space(text, at + 1),
                Some(_) => {
                    return Err(Error::new(
                        "Unexpected character, a separator was expected",
                        at..at + 1,
                    ));
                }
            }
            continue;
        }
        at += 1;
        let value = if text.get(at) == Some(&b'\'') {
            let (value, end) = parse_quoted(text, at)?;
            at = end;
            Some(value)
        } else {
            let start = at;
            at += count_while(text, at, |byte| {
                !matches!(byte, b'|' | b',') && !is_space(byte)
            });
            // Compat: nothing behind the colon is no value at all.
            (start < at).then(|| Spanned {
                value: text.get(start..at).unwrap_or_default().to_vec(),
                span: start..at,
            })
        };
        items.push((name, value));
        at += count_while(text, at, |byte| {
            is_space(byte) || matches!(byte, b',' | b'|')
        });
    }
    Ok(items)
}

/// A quoted value that opens at `open`; also gives the offset behind its closing quote.
fn parse_quoted(text: &[u8], open: usize) -> Result<(Spanned<Vec<u8>>, usize), Error> {
    let mut value = Vec::new();
    let mut at = open + 1;
    loop {
        match text.get(at) {
            None => return Err(Error::new("Missing closing quote", open..text.len())),
            Some(b'\'') => {
                return Ok((
                    Spanned {
                        value,
                        span: open + 1..at,
                    },
                    at + 1,
                ));
            }
            Some(b'\\') => {
                let Some(&pair) = text
                    .get(at + 1)
                    .filter(|next| matches!(next, b'\'' | b'\\'))
                else {
                    return Err(Error::new(
                        "Invalid quoted pair",
                        at..(at + 2).min(text.len()),
                    ));
                };
                value.push(pair);
                at += 2;
            }
            Some(&byte) => {
                value.push(byte);
                at += 1;
            }
        }
    }
}

fn utf8(text: &[u8], span: std::ops::Range<usize>) -> Result<Spanned<String>, Error> {
    match std::str::from_utf8(text.get(span.clone()).unwrap_or_default()) {
        Ok(value) => Ok(Spanned {
            value: value.to_owned(),
            span,
        }),
        Err(_) => Err(Error::new("A name must be plain text", span)),
    }
}

fn skip_space(text: &[u8], from: usize) -> usize {
    from + count_while(text, from, is_space)
}

fn count_while(text: &[u8], from: usize, test: impl Fn(u8) -> bool) -> usize {
    text.get(from..)
        .unwrap_or_default()
        .iter()
        .take_while(|&&byte| test(byte))
        .count()
}
