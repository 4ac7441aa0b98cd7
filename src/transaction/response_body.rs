//! The response body: buffered where its media type is one to look at.

use bytes::{Bytes, BytesMut};

use super::Transaction;
use crate::config::LimitAction;
use crate::operators::atoi;
use crate::types::{EngineMode, Phase};

/// What is known of the response body.
#[derive(Default)]
pub struct ResponseBody {
    buffer: BytesMut,
    visible: Option<Bytes>,
    /// What came with the last bytes that are looked at, beyond the limit.
    surplus: Bytes,
    /// OUTBOUND_DATA_ERROR: the body is larger than its limit.
    over_limit: bool,
    /// Phase 4 has been reached.
    ended: bool,
}

/// What the host does with a piece of the response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResponseStep {
    /// Hold it back until phase 4.
    Buffer,
    /// Enough was seen: run phase 4 now, then let everything through.
    PassThrough,
    /// Answer with this status instead.
    Refuse(u16),
}

impl ResponseBody {
    pub(crate) fn visible(&self) -> Option<&Bytes> {
        self.visible.as_ref()
    }

    /// Bytes that were held back and not looked at.
    pub(super) fn surplus(&self) -> &Bytes {
        &self.surplus
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn over_limit(&self) -> bool {
        self.over_limit
    }
}

impl Transaction {
    /// Whether the response body is to be held back for phase 4. After [`Transaction::response_headers`].
    ///
    /// Media types compare without case and parameters; `null` in `SecResponseBodyMimeType` stands for none.
    pub fn wants_response_body(&self) -> bool {
        if !self.accesses_response_body() || self.mode() == EngineMode::Off {
            return false;
        }
        let content_type = self
            .response
            .as_ref()
            .and_then(|response| response.content_type.as_deref());
        let media_type = match content_type {
            Some(text) => text
                .split(|&byte| byte == b';')
                .next()
                .unwrap_or_default()
                .trim_ascii(),
            None => b"null",
        };
        self.config
            .response_body_mime_types
            .iter()
            .any(|known| known.as_bytes().eq_ignore_ascii_case(media_type))
    }

    /// `SecResponseBodyAccess`, `ctl` included.
    pub(crate) fn accesses_response_body(&self) -> bool {
        let chosen = self.overrides.response_body_access;
        chosen.unwrap_or(self.config.response_body_access)
    }

    /// `SecResponseBodyLimit`, `ctl` included.
    pub(crate) fn response_body_limit(&self) -> u64 {
        let chosen = self.overrides.response_body_limit;
        chosen.unwrap_or(self.config.response_body_limit)
    }

    /// Takes the next bytes of the response body.
    pub fn append_response_body(&mut self, chunk: &[u8]) -> ResponseStep {
        let limit = self.response_body_limit();
        let room = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.response_body.buffer.len());
        let Some(seen) = chunk.get(..room).filter(|_| chunk.len() > room) else {
            self.response_body.buffer.extend_from_slice(chunk);
            return ResponseStep::Buffer;
        };
        self.response_body.buffer.extend_from_slice(seen);
        self.response_body.over_limit = true;
        if self.config.stream_out_body_inspection {
            let surplus = chunk.get(room..).unwrap_or_default();
            self.response_body.surplus = Bytes::copy_from_slice(surplus);
        }
        let rejects = self.config.response_body_limit_action == LimitAction::Reject
            && self.mode() == EngineMode::On;
        if rejects {
            // Compat: a length that is announced is refused before the first byte, and in other words.
            let announced = self.response_header("Content-Length").map(atoi);
            let message = match announced
                .filter(|length| *length > i64::try_from(limit).unwrap_or(i64::MAX))
            {
                Some(length) => {
                    format!("Output filter: Content-Length ({length}) over the limit ({limit}).")
                }
                None => format!(
                    "Output filter: Response body too large (over limit of {limit}, total not specified)."
                ),
            };
            self.engine_alert(message.as_bytes());
            self.refused = Some((Phase::ResponseBody, 500));
            return ResponseStep::Refuse(500);
        }
        ResponseStep::PassThrough
    }

    /// Ends the response body. Phase 4 sees to it if nobody has.
    pub fn end_response_body(&mut self) {
        self.response_body.ended = true;
        let buffer = std::mem::take(&mut self.response_body.buffer);
        if !buffer.is_empty() {
            self.response_body.visible.get_or_insert(buffer.freeze());
        }
        if self.config.stream_out_body_inspection {
            let visible = self.response_body.visible.clone();
            let visible = visible.unwrap_or_default();
            let signed = self.signed_page(&visible);
            self.stream_output.begin(visible);
            if let Some(signed) = signed {
                self.stream_output.replace(signed);
            }
        }
    }
}
