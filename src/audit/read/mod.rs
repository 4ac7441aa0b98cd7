//! Reading logs back: native records, JSON, ECS and indexes of concurrent logs, ours and mod_security2's, one kind after the
//! other in any order.
//!
//! A [`Reader`] finds what is in a log; an [`Event`] is what it says, whatever the format. Nothing that a log holds is an error:
//! records that are torn, lines that are somebody else's and JSON of another shape are told apart ([`Reading`]) and left to the
//! caller to count. Logs hold what strangers sent: nothing here is fit to be written to a terminal as it is.

mod alert;
mod event;
mod index;
mod json;
mod native;

pub use alert::Alert;
pub use event::Event;
pub use index::IndexLine;
pub use native::{Entry, Found, Heading, RECORD_LIMIT, Reader};

/// What a piece of a log turned out to be.
#[derive(Debug)]
pub enum Reading {
    /// A record.
    Event(Box<Event>),
    /// A line of an index, which names a file that holds the record.
    Index(Box<IndexLine>),
    /// A record that is not whole, or whose heading makes no sense.
    Torn,
    /// Nothing of an audit log.
    Foreign,
}

impl From<&Found> for Reading {
    fn from(found: &Found) -> Reading {
        let event = |event: Option<Event>, otherwise| {
            event.map_or(otherwise, |event| Reading::Event(Box::new(event)))
        };
        match found {
            Found::TooLong => Reading::Torn,
            Found::Native(entry) if !entry.is_whole => Reading::Torn,
            Found::Native(entry) => event(Event::of_native(entry), Reading::Torn),
            // A line that begins as an object and is none has lost its end.
            Found::Line(line) if line.starts_with(b"{") => match json::parse(line) {
                Ok(found) => event(found, Reading::Foreign),
                Err(_) => Reading::Torn,
            },
            Found::Line(line) => match IndexLine::parse(line) {
                Some(found) => Reading::Index(Box::new(found)),
                None => Reading::Foreign,
            },
        }
    }
}
