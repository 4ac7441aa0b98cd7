//! What rules had masked (`sanitiseArg` and its kin), and where it stands in a record.

use std::collections::HashSet;
use std::ops::Range;

use crate::actions::Sanitise;
use crate::body::Argument;
use crate::transaction::Transaction;
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
        let Some((name, value)) = self.matches.var().cloned() else {
            return;
        };
        self.overrides.secrets.push(value);
        if let Some(what) = of_that_name(&name) {
            self.sanitise(what);
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
                Sanitise::Matched => {}
            }
        }
        // What logins are made with is nobody's to read.
        let arguments = || self.query.args.iter().chain(&self.body.parsed().args);
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
        masks.request_line = masks.cover(&self.query.args, query, offset);
        masks.request_body = masks.cover(&self.body.parsed().args, body, 0);
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
    ) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        for argument in arguments {
            let named = self.named.contains(&argument.name.to_ascii_lowercase());
            if named {
                self.arguments.push(&argument.name);
            }
            let mut matched = self.secrets.iter().take(self.matched);
            if !named && !matched.any(|secret| **secret == argument.value[..]) {
                continue;
            }
            let place = argument.source.clone();
            let sent = place.clone().and_then(|place| text.get(place));
            places.extend(place.map(|place| offset + place.start..offset + place.end));
            let spellings = [Some(&argument.value[..]), sent].into_iter().flatten();
            self.secrets
                .extend(spellings.filter(|secret| !secret.is_empty()));
        }
        places
    }
}
