//! Names of tags and attributes that run script, or let another do so.

use super::super::{records, scan};

const EVENT_RECORDS: &[u8] = include_bytes!("../data/events.txt");

/// The events of HTML without `on`, in upper case and ascending order. None begins with another, and so the only one
/// that a name can begin with is the last that is not above it.
static EVENTS: [&[u8]; records::count(EVENT_RECORDS)] = records::all(EVENT_RECORDS);

/// Where in [`EVENTS`] those with each letter begin, and after the last letter where the list ends.
static EVENTS_BY_LETTER: [usize; 27] = events_by_letter();

const fn events_by_letter() -> [usize; 27] {
    let mut starts = [0; 27];
    let mut rest: &[&[u8]] = &EVENTS;
    while let [event, after @ ..] = rest {
        let mut letter = (event[0] - b'A') as usize + 1;
        while letter < starts.len() {
            starts[letter] += 1;
            letter += 1;
        }
        rest = after;
    }
    starts
}

/// The longest event, in bytes.
const LONGEST_EVENT: usize = 44;

/// The longest of the other names, `ATTRIBUTENAME`.
const LONGEST_NAME: usize = 13;

/// What an attribute can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Risk {
    None,
    /// Whatever the value.
    Always,
    /// If the value is a URL that runs script.
    Url,
    /// If the value is the name of an attribute with a risk.
    NamesAttribute,
}

/// Whether a tag with this name runs script.
pub(super) fn is_risky_tag(name: &[u8]) -> bool {
    if name.len() < 3 {
        return false;
    }
    let mut buffer = [0; LONGEST_NAME];
    let is_listed = matches!(
        plain(name, &mut buffer),
        b"APPLET"
            | b"BASE"
            | b"COMMENT"
            | b"EMBED"
            | b"FRAME"
            | b"FRAMESET"
            | b"HANDLER"
            | b"IFRAME"
            | b"IMPORT"
            | b"ISINDEX"
            | b"LINK"
            | b"LISTENER"
            | b"META"
            | b"NOSCRIPT"
            | b"OBJECT"
            | b"SCRIPT"
            | b"STYLE"
            | b"VMLFRAME"
            | b"XML"
            | b"XSS"
    );
    is_listed
        || scan::starts_with_ignoring_case(name, b"SVG")
        || scan::starts_with_ignoring_case(name, b"XSL")
}

/// What an attribute with this name can do.
pub(super) fn attribute_risk(name: &[u8]) -> Risk {
    if name.len() < 2 {
        return Risk::None;
    }
    let begins_with = |prefix| scan::starts_with_ignoring_case(name, prefix);
    // Name spaces can make any tag from any other.
    if begins_with(b"XMLNS") || begins_with(b"XLINK") || is_event_handler(name) {
        return Risk::Always;
    }
    let mut buffer = [0; LONGEST_NAME];
    match plain(name, &mut buffer) {
        b"DATAFORMATAS" | b"DATASRC" | b"FILTER" | b"STYLE" => Risk::Always,
        b"ACTION" | b"BACKGROUND" | b"BY" | b"DYNSRC" | b"FOLDER" | b"FORMACTION" | b"FROM"
        | b"HANDLER" | b"HREF" | b"LOWSRC" | b"POSTER" | b"SRC" | b"TO" | b"VALUES"
        | b"XLINK:HREF" => Risk::Url,
        b"ATTRIBUTENAME" => Risk::NamesAttribute,
        _ => Risk::None,
    }
}

/// Whether the name begins with `on` and an event, as `onclick` and `onclickx` do.
fn is_event_handler(name: &[u8]) -> bool {
    let [b'O' | b'o', b'N' | b'n', event @ ..] = name else {
        return false;
    };
    let [letter @ (b'A'..=b'Z' | b'a'..=b'z'), ..] = event else {
        return false;
    };
    let letter = usize::from(letter.to_ascii_uppercase() - b'A');
    let listed = EVENTS
        .get(EVENTS_BY_LETTER[letter]..EVENTS_BY_LETTER[letter + 1])
        .unwrap_or_default();
    let mut buffer = [0; LONGEST_EVENT];
    for (slot, byte) in buffer.iter_mut().zip(event) {
        *slot = byte.to_ascii_uppercase();
    }
    let event = scan::head(&buffer, event.len());
    let not_above = listed.partition_point(|listed| *listed <= event);
    let nearest = scan::head(listed, not_above).last();
    nearest.is_some_and(|nearest| event.starts_with(nearest))
}

/// The name in upper case and without the NULs that browsers skip; empty if it is longer than any listed one.
fn plain<'b>(name: &[u8], buffer: &'b mut [u8; LONGEST_NAME]) -> &'b [u8] {
    let mut length = 0;
    for &byte in name.iter().filter(|&&byte| byte != 0) {
        let Some(slot) = buffer.get_mut(length) else {
            return &[];
        };
        *slot = byte.to_ascii_uppercase();
        length += 1;
    }
    scan::count(name.len());
    scan::head(buffer, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_sorted_and_none_begins_with_another() {
        assert_eq!(EVENTS.len(), 372);
        for pair in EVENTS.windows(2) {
            assert!(
                pair[0] < pair[1] && !pair[1].starts_with(pair[0]),
                "{pair:?}"
            );
        }
        // Three bytes with `on` are the five which the C library asks for.
        assert!(EVENTS.iter().all(|event| event.len() >= 3));
        assert_eq!(
            EVENTS.iter().map(|event| event.len()).max(),
            Some(LONGEST_EVENT)
        );
    }

    #[test]
    fn every_event_is_a_handler_and_so_are_its_extensions() {
        for event in &EVENTS {
            let name = [b"on", *event].concat().to_ascii_lowercase();
            assert!(is_event_handler(&name));
            assert!(is_event_handler(&[&name, &b"x"[..]].concat()));
            assert!(is_event_handler(&[&name, &[b'z'; 60][..]].concat()));
            assert!(!is_event_handler(&name[..name.len() - 1]));
        }
    }

    #[test]
    fn other_names_that_begin_with_on_are_not() {
        for name in [
            "on",
            "one",
            "oneid",
            "onrepeat",
            "on\0click",
            "oncl\0ick",
            "onzzz",
            "onaaa",
        ] {
            assert!(!is_event_handler(name.as_bytes()), "{name:?}");
        }
    }

    #[test]
    fn nul_is_skipped_in_names_of_tags_and_attributes() {
        assert!(is_risky_tag(b"scr\0ipt"));
        assert!(is_risky_tag(b"\0xml"));
        assert_eq!(attribute_risk(b"sr\0c"), Risk::Url);
        assert_eq!(attribute_risk(b"x\0link:href"), Risk::Url);
        assert_eq!(attribute_risk(b"xml\0ns"), Risk::None);
        // The test for SVG looks at the first bytes as they are.
        assert!(is_risky_tag(b"svganything"));
        assert!(!is_risky_tag(b"s\0vg"));
    }

    #[test]
    fn lengths_at_the_bounds() {
        assert!(is_risky_tag(b"xml"));
        assert!(!is_risky_tag(b"xm"));
        assert_eq!(attribute_risk(b"to"), Risk::Url);
        assert_eq!(attribute_risk(b"t"), Risk::None);
        assert_eq!(attribute_risk(b"attributename"), Risk::NamesAttribute);
        assert_eq!(attribute_risk(b"attributename\0"), Risk::NamesAttribute);
        assert_eq!(attribute_risk(b"attributenames"), Risk::None);
    }
}
