//! STREAM_INPUT_BODY and STREAM_OUTPUT_BODY: bodies that rules can rewrite; and what rules add to a response.

use bytes::Bytes;

use super::{Transaction, header_values};
use crate::types::EngineMode;

/// A body as rules see and rewrite it. Without a value where nobody asked for it.
#[derive(Default)]
pub(crate) struct Stream {
    bytes: Option<Bytes>,
    is_changed: bool,
}

impl Stream {
    /// Gives it its first value.
    pub(super) fn begin(&mut self, bytes: Bytes) {
        self.bytes.get_or_insert(bytes);
    }

    pub(crate) fn bytes(&self) -> Option<&Bytes> {
        self.bytes.as_ref()
    }

    /// Puts other bytes in its place, if there is something to replace.
    pub(crate) fn replace(&mut self, bytes: Bytes) {
        if let Some(old) = &mut self.bytes {
            *old = bytes;
            self.is_changed = true;
        }
    }

    fn changed(&self) -> Option<&Bytes> {
        self.bytes.as_ref().filter(|_| self.is_changed)
    }
}

/// What `prepend` and `append` put around a response. The last of each counts.
#[derive(Default, Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// What comes before the body.
    pub prepend: Option<Bytes>,
    /// What comes behind it.
    pub append: Option<Bytes>,
}

impl Injection {
    /// Whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        self.prepend.is_none() && self.append.is_none()
    }
}

impl Transaction {
    /// The request body that the handler gets in place of what came, if rules have rewritten it.
    ///
    /// Compat: in DetectionOnly nothing is changed; mod_security2 rewrites all the same.
    pub fn changed_request_body(&self) -> Option<&Bytes> {
        let changed = self.stream_input.changed();
        changed.filter(|_| self.mode() == EngineMode::On)
    }

    /// The response body that the client gets in place of what was held back, if rules have rewritten it.
    ///
    /// Compat: only with `SecContentInjection On`, as in mod_security2.
    pub fn changed_response_body(&self) -> Option<Bytes> {
        let changed = self.stream_output.changed();
        let changed = changed.filter(|_| self.may_change_response())?;
        let surplus = self.response_body.surplus();
        Some(match surplus.is_empty() {
            true => changed.clone(),
            false => [&changed[..], surplus].concat().into(),
        })
    }

    /// What is to be put around the response. `None`: it passes as it is.
    pub fn injection(&self) -> Option<&Injection> {
        let wanted = Some(&self.injection).filter(|injection| !injection.is_empty());
        wanted.filter(|_| self.may_change_response())
    }

    /// Whether the handler is to be kept from compressing its response (`SecDisableBackendCompression`): then it can be
    /// looked at.
    pub fn disables_compression(&self) -> bool {
        self.config.disable_backend_compression && self.mode() != EngineMode::Off
    }

    /// Whether rules may rewrite the response body, if there is one.
    pub fn rewrites_response(&self) -> bool {
        self.stream_output.bytes().is_some() && self.may_change_response()
    }

    fn may_change_response(&self) -> bool {
        self.mode() == EngineMode::On
            && self.config.content_injection
            && self.response_obstacle().is_none()
    }

    /// Why the response cannot be changed, whatever the configuration says.
    ///
    /// Compat: mod_security2 changes it all the same, and breaks it.
    pub(crate) fn response_obstacle(&self) -> Option<&'static str> {
        let response = self.response.as_ref()?;
        let encoded = header_values(&response.headers, "Content-Encoding")
            .chain(&response.content_encoding)
            .any(|value| !value.trim_ascii().eq_ignore_ascii_case(b"identity"));
        match response.status {
            206 => Some("it is a part of a whole"),
            100..=199 | 204 | 304 => Some("it has no body"),
            _ if encoded => Some("it is encoded"),
            _ => None,
        }
    }
}
