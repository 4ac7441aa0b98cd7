//! What rules had masked (`sanitiseArg` and its kin), and where it stands in a record.

use std::ops::Range;

use crate::actions::Sanitise;
use crate::body::Argument;
use crate::transaction::Transaction;

/// What a record must not show.
#[derive(Default)]
pub(super) struct Masks<'t> {
    pub arguments: Vec<&'t [u8]>,
    pub request_headers: Vec<&'t [u8]>,
    pub response_headers: Vec<&'t [u8]>,
    pub request_line: Vec<Range<usize>>,
    pub request_body: Vec<Range<usize>>,
    /// Values: first those that rules matched, then those of masked arguments.
    pub secrets: Vec<&'t [u8]>,
    /// How many of them rules matched.
    matched: usize,
}

impl Transaction {
    pub(super) fn masks(&self) -> Masks<'_> {
        let mut masks = Masks::default();
        let matched = self.overrides.secrets.iter().map(Vec::as_slice);
        masks
            .secrets
            .extend(matched.filter(|secret| !secret.is_empty()));
        masks.matched = masks.secrets.len();
        for what in &self.overrides.sanitise {
            match what {
                Sanitise::Argument(name) => masks.arguments.push(name),
                Sanitise::RequestHeader(name) => masks.request_headers.push(name),
                Sanitise::ResponseHeader(name) => masks.response_headers.push(name),
                Sanitise::Matched | Sanitise::MatchedBytes { .. } => {}
            }
        }
        // What logins are made with is nobody's to read.
        let arguments = || self.query.args.iter().chain(&self.body.parsed().args);
        let headers = || self.request.headers.iter();
        for application in self.config.login_audit.iter() {
            let came = |name: &&[u8]| arguments().any(|argument| argument.name == *name);
            let fields = application.secret_fields().filter(came);
            masks.arguments.extend(fields);
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
            let named = self
                .arguments
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&argument.name));
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
