//! What rules had masked (`sanitiseArg` and its kin), and where it stands in a record.

use std::collections::HashSet;
use std::ops::Range;

use crate::actions::Sanitise;
use crate::body::Argument;
use crate::operators::Captures;
use crate::transaction::{SecretBytes, Transaction};
use crate::variables::Variable;

/// What a record must not show.
#[derive(Default)]
pub(super) struct Masks<'t> {
    /// Names of arguments that came, each as it was sent.
    pub arguments: Vec<&'t [u8]>,
    pub request_headers: Vec<&'t [u8]>,
    pub response_headers: Vec<&'t [u8]>,
    pub request_line: Vec<Range<usize>>,
    pub request_body: Vec<Range<usize>>,
    /// Values: first those that rules matched, then those of masked arguments.
    pub secrets: Vec<&'t [u8]>,
    /// How many of them rules matched.
    matched: usize,
    /// The names of arguments that are to be masked, in lower case.
    named: HashSet<Vec<u8>>,
}

impl Transaction {
    pub(super) fn sanitise(&mut self, what: Sanitise) {
        if !self.overrides.sanitise.contains(&what) {
            self.overrides.sanitise.push(what);
        }
    }

    /// `sanitiseMatched`: the value that matched, and all arguments or headers of its name.
    pub(super) fn sanitise_matched(&mut self) {
        let Some((name, value)) = self.matched() else {
            return;
        };
        let (name, value) = (name.into_owned(), value.into_owned());
        self.overrides.secrets.push(value);
        if let Some(what) = of_that_name(&name) {
            self.sanitise(what);
        }
    }

    /// `sanitiseMatchedBytes`: what was captured, but for some bytes at its ends, in the argument that has this value.
    ///
    /// All of the value is hidden in alerts, and wherever it cannot be told which bytes of what was sent are meant: nothing
    /// was captured, it stands there more than once, two rules mean different bytes, the value is not as it was sent.
    pub(super) fn sanitise_matched_bytes(&mut self, found: &Captures, head: usize, tail: usize) {
        let Some((name, value)) = self.matched() else {
            return;
        };
        let (name, value) = (name.into_owned(), value.into_owned());
        let piece = match found {
            Captures::Replace(pieces) => {
                pieces.first().map_or(&b""[..], |piece| piece.bytes(&value))
            }
            Captures::None | Captures::SetFirst(_) => b"",
        };
        let mut places = memchr::memmem::find_iter(&value, piece);
        let (place, again) = (places.next(), places.next());
        let argument = match of_that_name(&name) {
            Some(Sanitise::Argument(argument)) => Some(argument),
            _ => None,
        };
        let (Some(place), None, Some(argument), false) = (place, again, argument, piece.is_empty())
        else {
            return self.sanitise_matched();
        };
        let (head, tail) = match head.saturating_add(tail) < piece.len() {
            true => (head, tail),
            false => (0, 0),
        };
        let bytes = place + head..place + piece.len() - tail;
        self.overrides
            .secrets
            .extend([piece.to_vec(), value.clone()]);
        let whole = 0..value.len();
        let known = self.overrides.secret_bytes.entry(value);
        let (_, known) = known.or_insert_with(|| (argument, bytes.clone()));
        if *known != bytes {
            *known = whole;
        }
    }

    pub(super) fn masks(&self) -> Masks<'_> {
        let mut masks = Masks::default();
        let matched = self.overrides.secrets.iter().map(Vec::as_slice);
        masks
            .secrets
            .extend(matched.filter(|secret| !secret.is_empty()));
        masks.matched = masks.secrets.len();
        for what in &self.overrides.sanitise {
            match what {
                Sanitise::Argument(name) => {
                    masks.named.insert(name.to_ascii_lowercase());
                }
                Sanitise::RequestHeader(name) => masks.request_headers.push(name),
                Sanitise::ResponseHeader(name) => masks.response_headers.push(name),
                Sanitise::Matched | Sanitise::MatchedBytes(..) => {}
            }
        }
        let arguments = || self.query.args.iter().chain(&self.body.parsed().args);
        // A transformation has changed what was sent: then all of that name.
        let partly = &self.overrides.secret_bytes;
        let values = arguments().filter(|_| !partly.is_empty());
        let values: HashSet<&[u8]> = values.map(|argument| &argument.value[..]).collect();
        let changed = partly.iter();
        let changed = changed.filter(|(value, _)| !values.contains(&value[..]));
        masks
            .named
            .extend(changed.map(|(_, (name, _))| name.to_ascii_lowercase()));
        // What logins are made with is nobody's to read.
        let headers = || self.request.headers.iter();
        for application in self.config.login_audit.iter() {
            let came = |name: &&[u8]| arguments().any(|argument| argument.name == *name);
            let fields = application.secret_fields().filter(came);
            masks.named.extend(fields.map(<[u8]>::to_ascii_lowercase));
            let came =
                |name: &&[u8]| headers().any(|header| header.name.eq_ignore_ascii_case(name));
            let secret = application.secret_headers().iter().copied().filter(came);
            masks.request_headers.extend(secret);
        }
        // The query string stands in the request line as it was received.
        let line = &self.request.line[..];
        let query = self.request.query.as_deref().unwrap_or_default();
        let offset = memchr::memmem::find(line, query).unwrap_or(line.len());
        let body = self.request_body().memory().map_or(&b""[..], |bytes| bytes);
        // Compat: only there are ends left legible.
        masks.request_line = masks.cover(&self.query.args, query, offset, partly, true);
        masks.request_body = masks.cover(&self.body.parsed().args, body, 0, partly, false);
        masks
    }
}

/// What `sanitiseMatched` is about where this matched. A name that is escaped here is not as it was sent: then the value
/// alone is hidden.
fn of_that_name(name: &[u8]) -> Option<Sanitise> {
    use Variable::*;
    let colon = memchr::memchr(b':', name).filter(|_| !name.contains(&b'\\'))?;
    let (collection, key) = name.split_at(colon);
    let key = key.get(1..)?.to_vec();
    Some(
        match Variable::lookup(std::str::from_utf8(collection).ok()?)? {
            Args | ArgsGet | ArgsPost | ArgsNames | ArgsGetNames | ArgsPostNames => {
                Sanitise::Argument(key)
            }
            RequestHeaders | RequestHeadersNames => Sanitise::RequestHeader(key),
            ResponseHeaders | ResponseHeadersNames => Sanitise::ResponseHeader(key),
            _ => return None,
        },
    )
}

impl<'t> Masks<'t> {
    /// Adds the values of the arguments that are to be masked to the secrets, decoded and as they were sent, and tells
    /// where they stand; `offset` is where the text that they were read from begins.
    fn cover(
        &mut self,
        arguments: &'t [Argument],
        text: &'t [u8],
        offset: usize,
        partly: &SecretBytes,
        leaves_ends: bool,
    ) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        for argument in arguments {
            let named = self.named.contains(&argument.name.to_ascii_lowercase());
            let part = partly.get(&argument.value[..]);
            if named || part.is_some() {
                self.arguments.push(&argument.name);
            }
            let mut matched = self.secrets.iter().take(self.matched);
            if !named && !matched.any(|secret| **secret == argument.value[..]) {
                continue;
            }
            let place = argument.source.clone();
            let sent = place.clone().and_then(|place| text.get(place));
            match part {
                // Only where every byte stands where it stood.
                Some((_, bytes)) if leaves_ends && !named && sent == Some(&argument.value[..]) => {
                    let start = offset + place.map_or(0, |place| place.start);
                    places.push(start + bytes.start..start + bytes.end);
                }
                _ => places.extend(place.map(|place| offset + place.start..offset + place.end)),
            }
            let spellings = [Some(&argument.value[..]), sent].into_iter().flatten();
            self.secrets
                .extend(spellings.filter(|secret| !secret.is_empty()));
        }
        places
    }
}
