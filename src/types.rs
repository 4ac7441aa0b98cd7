//! Shared vocabulary: plain data that every room may name.

use std::fmt;

/// The five processing phases of a transaction, in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Phase {
    /// Phase 1: the request line and headers are known.
    RequestHeaders = 1,
    /// Phase 2: the request body has been read.
    RequestBody = 2,
    /// Phase 3: the response headers are known.
    ResponseHeaders = 3,
    /// Phase 4: the response body has been buffered, where that was asked for.
    ResponseBody = 4,
    /// Phase 5: logging. Nothing can be refused any more.
    Logging = 5,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Phase; 5] = [
        Phase::RequestHeaders,
        Phase::RequestBody,
        Phase::ResponseHeaders,
        Phase::ResponseBody,
        Phase::Logging,
    ];

    /// `phase:N` and its names: `1`–`5`, `request` (2), `response` (4), `logging` (5).
    pub fn lookup(text: &str) -> Option<Phase> {
        Some(match text.to_ascii_lowercase().as_str() {
            "1" => Phase::RequestHeaders,
            "2" | "request" => Phase::RequestBody,
            "3" => Phase::ResponseHeaders,
            "4" | "response" => Phase::ResponseBody,
            "5" | "logging" => Phase::Logging,
            _ => return None,
        })
    }

    /// 1 to 5, as rules and logs write it.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The name that the debug log writes.
    pub fn name(self) -> &'static str {
        match self {
            Phase::RequestHeaders => "REQUEST_HEADERS",
            Phase::RequestBody => "REQUEST_BODY",
            Phase::ResponseHeaders => "RESPONSE_HEADERS",
            Phase::ResponseBody => "RESPONSE_BODY",
            Phase::Logging => "LOGGING",
        }
    }

    /// 0 to 4, for tables with one place a phase.
    pub fn index(self) -> usize {
        self as usize - 1
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

/// What the engine does with what it finds (`SecRuleEngine`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum EngineMode {
    /// No rule runs.
    #[default]
    Off,
    /// Rules run and log; no response is ever changed.
    DetectionOnly,
    /// Rules run and may refuse.
    On,
}

impl EngineMode {
    /// `On`, `Off` or `DetectionOnly`, in any case.
    pub fn lookup(text: &str) -> Option<EngineMode> {
        Some(match text.to_ascii_lowercase().as_str() {
            "on" => EngineMode::On,
            "off" => EngineMode::Off,
            "detectiononly" => EngineMode::DetectionOnly,
            _ => return None,
        })
    }
}

/// `severity:`: 0 (emergency) to 7 (debug); the lower the more severe.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Severity(u8);

impl Severity {
    const NAMES: [&'static str; 8] = [
        "EMERGENCY",
        "ALERT",
        "CRITICAL",
        "ERROR",
        "WARNING",
        "NOTICE",
        "INFO",
        "DEBUG",
    ];

    /// A number from 0 to 7 or one of the syslog names, in any case.
    pub fn lookup(text: &str) -> Option<Severity> {
        if let Ok(n) = text.parse::<u8>() {
            return (n <= 7).then_some(Severity(n));
        }
        let at = Self::NAMES
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text))?;
        Some(Severity(at as u8))
    }

    /// A number as it is, at most 255. Compat: what is beyond 7 has no name and is less severe than all that has.
    pub fn number_of(number: i64) -> Severity {
        Severity(u8::try_from(number).unwrap_or(u8::MAX))
    }

    /// 0 to 7, or more.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The name that logs carry.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.get(usize::from(self.0)).copied()
    }
}

/// Where a directive or rule was read: for messages and for `[file] [line]` in alerts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// The configuration file, as httpd names it.
    pub file: std::sync::Arc<str>,
    /// The line, counted from 1.
    pub line: u32,
}
