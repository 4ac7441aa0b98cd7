//! The inside of a tag: attributes and references.

use std::borrow::Cow;

use quick_xml::events::attributes::{AttrError, Attributes};

use super::ErrorKind;
use super::chars::{is_char, is_name, is_space};
use crate::limits::{XML_ATTRIBUTES_PER_ELEMENT_LIMIT, XML_NAME_LIMIT};

/// An attribute as it is written.
pub(super) struct RawAttribute<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// The attributes in `tag`, whose name takes the first `name_length` bytes.
pub(super) fn attributes(
    tag: &str,
    name_length: usize,
) -> Result<Vec<RawAttribute<'_>>, ErrorKind> {
    if !are_spaced(tag.get(name_length..).unwrap_or_default()) {
        return Err(ErrorKind::Attribute);
    }
    let mut attributes = Vec::new();
    for attribute in Attributes::new(tag, name_length) {
        let attribute = attribute.map_err(|error| match error {
            AttrError::Duplicated(..) => ErrorKind::DuplicateAttribute,
            _ => ErrorKind::Attribute,
        })?;
        let name = attribute.key.into_inner();
        let Cow::Borrowed(value) = attribute.value else {
            return Err(ErrorKind::Attribute);
        };
        if attributes.len() == XML_ATTRIBUTES_PER_ELEMENT_LIMIT {
            return Err(ErrorKind::TooManyAttributes);
        }
        if name.len() > XML_NAME_LIMIT {
            return Err(ErrorKind::NameTooLong);
        }
        if !is_name(name) {
            return Err(ErrorKind::Attribute);
        }
        attributes.push(RawAttribute { name, value });
    }
    Ok(attributes)
}

/// Whether white space stands before each attribute, which quick-xml does not ask for.
fn are_spaced(attributes: &str) -> bool {
    let mut quote = None;
    let mut closed = false;
    for byte in attributes.bytes() {
        if std::mem::take(&mut closed) && !is_space(byte) {
            return false;
        }
        match quote {
            None if byte == b'"' || byte == b'\'' => quote = Some(byte),
            Some(open) if byte == open => {
                quote = None;
                closed = true;
            }
            _ => {}
        }
    }
    true
}

/// Appends `raw`, an attribute's value as it is written, to `out` in its normal form: references replaced, each white
/// space character (a CR LF pair counts as one) a space.
pub(super) fn push_value(raw: &str, out: &mut Vec<u8>) -> Result<(), ErrorKind> {
    let mut rest = raw.as_bytes();
    while let Some(at) = rest
        .iter()
        .position(|&b| b == b'&' || is_space(b) && b != b' ')
    {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        rest = match tail {
            [b'&', after @ ..] => {
                let end = memchr::memchr(b';', after).ok_or(ErrorKind::Reference)?;
                let (reference, after) = after.split_at(end);
                push_char(resolve(reference)?, out);
                after.get(1..).unwrap_or_default()
            }
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => {
                out.push(b' ');
                after
            }
            [] => break,
        };
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// The character that `reference`, what stands between `&` and `;`, means.
///
/// Only the five predefined entities exist: no document type can declare others.
pub(super) fn resolve(reference: &[u8]) -> Result<char, ErrorKind> {
    match reference {
        b"lt" => Ok('<'),
        b"gt" => Ok('>'),
        b"amp" => Ok('&'),
        b"quot" => Ok('"'),
        b"apos" => Ok('\''),
        [b'#', b'x', digits @ ..] => character(digits, 16),
        [b'#', digits @ ..] => character(digits, 10),
        name if std::str::from_utf8(name).is_ok_and(is_name) => Err(ErrorKind::UndefinedEntity),
        _ => Err(ErrorKind::Reference),
    }
}

fn character(digits: &[u8], radix: u32) -> Result<char, ErrorKind> {
    let mut code = 0_u32;
    for &digit in digits {
        let value = char::from(digit)
            .to_digit(radix)
            .ok_or(ErrorKind::Reference)?;
        code = code.saturating_mul(radix).saturating_add(value);
    }
    char::from_u32(code)
        .filter(|&c| is_char(c))
        .ok_or(ErrorKind::Reference)
}

pub(super) fn push_char(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
