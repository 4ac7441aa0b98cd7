//! Cross-site scripting: the input is cut into HTML tokens in five contexts, and tags, attributes, URLs and comments
//! that run script are looked for.

mod html5;
mod names;
mod url;

use super::scan;
use html5::{Context, Kind, Tokeniser};
use names::Risk;

/// Whether `input` runs script in some context.
pub(super) fn detect(input: &[u8]) -> bool {
    // What counts is a tag, a comment, a document type or an attribute's value: none comes without one of these.
    if scan::find_either(input, b'<', b'=').is_none() {
        return false;
    }
    [
        Context::Text,
        Context::Tag,
        Context::Quoted(b'\''),
        Context::Quoted(b'"'),
        Context::Quoted(b'`'),
    ]
    .into_iter()
    .any(|context| detect_in(input, context))
}

fn detect_in(input: &[u8], context: Context) -> bool {
    let mut risk = Risk::None;
    for token in Tokeniser::new(input, context) {
        let attribute = std::mem::replace(&mut risk, Risk::None);
        let text = token.text;
        let found = match token.kind {
            Kind::Doctype => true,
            Kind::TagName => names::is_risky_tag(text),
            Kind::AttributeName => {
                risk = names::attribute_risk(text);
                false
            }
            Kind::AttributeValue => is_risky_value(attribute, text),
            Kind::Comment => is_risky_comment(text),
            Kind::Other => false,
        };
        if found {
            return true;
        }
    }
    false
}

fn is_risky_value(attribute: Risk, value: &[u8]) -> bool {
    match attribute {
        Risk::None => false,
        Risk::Always => true,
        Risk::Url => url::runs_script(value),
        Risk::NamesAttribute => names::attribute_risk(value) != Risk::None,
    }
}

fn is_risky_comment(text: &[u8]) -> bool {
    // Internet Explorer ends a tag at a backtick, and runs conditional comments and `<?import`.
    let prefixes: [&[u8]; 4] = [b"[IF", b"XML", b"IMPORT", b"ENTITY"];
    scan::find(text, b'`').is_some()
        || text.len() > 3
            && prefixes
                .iter()
                .any(|prefix| scan::starts_with_ignoring_case(text, prefix))
}
