//! Lines of the debug log.

use crate::audit::escape::{log_escape, log_escape_nq};
use crate::transaction::Transaction;

impl Transaction {
    /// Writes a line at a level from 1 to 9, when the log is open and takes the level. The text is made only then.
    pub(super) fn debug(&self, level: u8, text: impl FnOnce(&Transaction) -> Vec<u8>) {
        let Some(log) = self
            .config
            .debug_log
            .as_ref()
            .filter(|_| self.debugs(level))
        else {
            return;
        };
        let mut line = Vec::with_capacity(128);
        line.push(b'[');
        crate::audit::Zone::local()
            .civil(std::time::SystemTime::now())
            .write_log_time(&mut line);
        line.extend_from_slice(b"] [");
        log_escape(&mut line, &self.request.hostname);
        line.extend_from_slice(b"/sid#0][rid#");
        log_escape(&mut line, &self.request.unique_id);
        line.extend_from_slice(b"][");
        log_escape(&mut line, self.path());
        line.extend_from_slice(format!("][{level}] ").as_bytes());
        for part in text(self).split(|byte| byte.is_ascii_control()) {
            line.extend_from_slice(part);
        }
        log.line(&line);
    }

    /// Whether lines of a level are wanted, and there is a log for them.
    pub(super) fn debugs(&self, level: u8) -> bool {
        level <= self.debug_level() && self.config.debug_log.is_some()
    }

    /// `SecDebugLogLevel`, `ctl:debugLogLevel` included.
    pub(super) fn debug_level(&self) -> u8 {
        let chosen = self.overrides.debug_level;
        chosen.unwrap_or(self.config.debug_level)
    }
}

/// Words and quoted values, put together: `["name", value, "rest"]` where values are escaped like log text.
pub(super) fn sentence(words: &[&str], values: &[&[u8]]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut values = values.iter();
    for word in words {
        text.extend_from_slice(word.as_bytes());
        if let Some(value) = values.next() {
            log_escape_nq(&mut text, value);
        }
    }
    text
}
