//! What the debug log tells of a response on its way out, and of the filters that it passes.

use super::super::debug::sentence;
use super::rules::place;
use crate::config::LimitAction;
use crate::facts::Step;
use crate::transaction::Transaction;
use crate::types::{EngineMode, Phase};

impl Transaction {
    /// Tells the debug log what the host does.
    pub fn narrate_host(&self, step: Step) {
        if !self.debugs(4) {
            return;
        }
        // Compat: an address that tells one request from another.
        let place = place(self);
        if self.mode() == EngineMode::Off {
            if step == Step::WatchesResponse {
                self.say(4, "Hook insert_filter: Processing disabled, skipping.");
            }
            return;
        }
        match step {
            Step::ServesRequest => {
                let text = "Hook insert_filter: Adding input forwarding filter (r ";
                self.say(4, &format!("{text}{place})."));
            }
            Step::Served(bytes) => {
                let stream = match self.config.stream_in_body_inspection {
                    true => "stream ",
                    false => "",
                };
                self.say(
                    4,
                    &format!("Input {stream}filter: Forwarded {bytes} bytes."),
                );
            }
            Step::ServedAll => {
                self.say(4, "Input filter: Sent EOS.");
                self.say(4, "Input filter: Input forwarding complete.");
            }
            Step::WatchesResponse => {
                let text = format!("Hook insert_filter: Adding output filter (r {place}).");
                self.say(4, &text);
            }
            // Compat: what a response phase refuses is not told again.
            Step::WatchesError
                if self
                    .refused
                    .is_some_and(|(phase, _)| phase > Phase::RequestBody) => {}
            Step::WatchesError => {
                let text = format!("Hook insert_error_filter: Adding output filter (r {place}).");
                self.say(4, &text);
            }
        }
    }

    /// What phase 4 has to look at.
    pub(in crate::engine) fn narrate_response(&self) {
        if self.mode() == EngineMode::Off || !self.debugs(4) {
            return;
        }
        if !self.accesses_response_body() {
            self.say(4, "Output filter: Response body buffering is not enabled.");
        } else if !self.wants_response_body() {
            let response = self.response.as_ref();
            let kind = response.and_then(|response| response.content_type.as_deref());
            let kind = kind.unwrap_or(b"null");
            let start = "Output filter: Not buffering response body for unconfigured MIME type \"";
            self.debug(4, |_| sentence(&[start, "\"."], &[kind]));
        }
        if !self.config.content_injection {
            self.say(9, "Content Injection: Not enabled.");
        }
        if self.response_body.over_limit() {
            let limit = self.response_body_limit();
            let text = format!("Output filter: Processing partial response body (limit {limit})");
            if self.config.response_body_limit_action == LimitAction::ProcessPartial {
                self.say(4, &text);
            }
        }
        let what = match self.response_body.visible() {
            _ if !self.wants_response_body() => "non-buffering".to_owned(),
            Some(body) if self.response_body.over_limit() => {
                format!("buffered partial - {} bytes", body.len())
            }
            body => {
                let length = body.map_or(0, |body| body.len());
                format!("buffered full - {length} bytes")
            }
        };
        let text = format!("Output filter: Completed receiving response body ({what}).");
        self.say(4, &text);
    }

    /// The response goes on its way.
    pub(in crate::engine) fn narrate_release(&self) {
        if self.mode() == EngineMode::Off {
            return;
        }
        self.narrate_injection();
        self.say(4, "Output filter: Output forwarding complete.");
    }

    /// What is put around the response.
    fn narrate_injection(&self) {
        let Some(injection) = self.injection() else {
            if self.config.content_injection {
                self.say(9, "Content Injection: Nothing to inject.");
            }
            return;
        };
        let held = if self.wants_response_body() {
            "b"
        } else {
            "nb"
        };
        let text = "Content Injection: Removing headers (C-L, L-M, Etag, Expires).";
        self.say(9, text);
        if let Some(text) = &injection.prepend {
            self.debug(9, |_| {
                let start = format!("Content Injection ({held}): Added content to top: ");
                sentence(&[&start, ""], &[text])
            });
        }
        if let Some(text) = &injection.append {
            self.debug(9, |_| {
                let start = format!("Content-Injection ({held}): Added content to bottom: ");
                sentence(&[&start, ""], &[text])
            });
        }
    }
}
