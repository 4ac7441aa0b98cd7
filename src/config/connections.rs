//! `SecConnEngine`, `SecConnReadStateLimit` and `SecConnWriteStateLimit`: how many connections one address may hold.
//!
//! Compat: they hold for the whole server, wherever they stand; the last word counts, and lists of addresses add up.

use std::net::IpAddr;
use std::sync::Arc;

use crate::operators::AddressSet;
use crate::types::EngineMode;

/// A limit for one state of a connection. It applies to everybody; to those in a list of suspects, where there is one; never to
/// those who are spared.
#[derive(Clone, Debug, Default)]
pub struct Limit {
    /// Most connections of one address in that state; 0 is no limit.
    pub most: u64,
    /// `!@ipMatch` and its kin.
    pub spared: Vec<Arc<AddressSet>>,
    /// `@ipMatch` and its kin.
    pub suspects: Vec<Arc<AddressSet>>,
}

impl Limit {
    fn exceeded(&self, address: IpAddr, count: u64) -> bool {
        let in_one = |sets: &[Arc<AddressSet>]| sets.iter().any(|set| set.contains(address));
        self.most > 0
            && count > self.most
            && !in_one(&self.spared)
            && (self.suspects.is_empty() || in_one(&self.suspects))
    }

    /// What a later directive says besides.
    pub(super) fn add(&mut self, later: &Limit) {
        self.most = later.most;
        self.spared.extend_from_slice(&later.spared);
        self.suspects.extend_from_slice(&later.suspects);
    }
}

/// All that is said about connections.
#[derive(Clone, Debug, Default)]
pub struct ConnectionLimits {
    /// `SecConnEngine`
    pub engine: EngineMode,
    /// `SecConnReadStateLimit`
    pub reading: Limit,
    /// `SecConnWriteStateLimit`
    pub writing: Limit,
}

impl ConnectionLimits {
    /// Whether connections have to be counted at all.
    pub fn active(&self) -> bool {
        self.engine != EngineMode::Off && (self.reading.most > 0 || self.writing.most > 0)
    }

    /// The sentence about an address that holds too many connections.
    ///
    /// Compat: mod_security2's, who says `Access denied` in `DetectionOnly`, too: a ban would follow.
    pub fn judge(&self, address: IpAddr, reading: u64, writing: u64) -> Option<String> {
        let (count, limit, state) = if self.reading.exceeded(address, reading) {
            (reading, &self.reading, "READ")
        } else if self.writing.exceeded(address, writing) {
            (writing, &self.writing, "WRITE")
        } else {
            return None;
        };
        let (action, end) = match self.engine {
            EngineMode::On => ("Access denied with code 400.", " [Rejected]"),
            EngineMode::Off | EngineMode::DetectionOnly => ("Warning.", ""),
        };
        let most = limit.most;
        Some(format!(
            "ModSecurity: {action} Too many threads [{count}] of {most} allowed in {state} state from {address} - Possible DoS \
             Consumption Attack{end}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DirConfig, read_text};

    fn limits(text: &str) -> ConnectionLimits {
        let section = DirConfig::new();
        read_text("test.conf", text, &section).unwrap();
        let mut limits = ConnectionLimits::default();
        section.add_connection_limits(&mut limits);
        limits
    }

    fn judged(limits: &ConnectionLimits, address: &str, reading: u64, writing: u64) -> String {
        let address = address.parse().unwrap();
        limits.judge(address, reading, writing).unwrap_or_default()
    }

    #[test]
    fn who_is_over_a_limit_is_told_from_who_is_not() {
        let found = limits("SecConnEngine On\nSecConnReadStateLimit 3\nSecConnWriteStateLimit 5");
        assert!(found.active());
        assert_eq!(judged(&found, "192.0.2.1", 3, 5), "");
        assert_eq!(
            judged(&found, "192.0.2.1", 4, 9),
            "ModSecurity: Access denied with code 400. Too many threads [4] of 3 allowed in READ state from 192.0.2.1 - \
             Possible DoS Consumption Attack [Rejected]"
        );
        assert!(
            judged(&found, "2001:db8::1", 0, 6)
                .contains("[6] of 5 allowed in WRITE state from 2001:db8::1 -")
        );
        let looking_on = limits("SecConnEngine DetectionOnly\nSecConnReadStateLimit 3");
        assert!(
            judged(&looking_on, "192.0.2.1", 4, 0).starts_with("ModSecurity: Warning. Too many")
        );
    }

    #[test]
    fn lists_spare_or_suspect_and_add_up() {
        let spared = limits(
            "SecConnEngine On\nSecConnReadStateLimit 1 \"!@ipMatch 192.0.2.0/24,2001:db8::/32\"\n\
             SecConnReadStateLimit 2 \"!@ipMatch 198.51.100.1\"",
        );
        assert_eq!(judged(&spared, "192.0.2.9", 9, 0), "");
        assert_eq!(judged(&spared, "2001:db8::9", 9, 0), "");
        assert_eq!(judged(&spared, "198.51.100.1", 9, 0), "");
        assert!(judged(&spared, "198.51.100.2", 9, 0).contains("[9] of 2"));
        let suspected = limits(
            "SecConnEngine On\nSecConnReadStateLimit 1 \"@ipMatch 192.0.2.0/24\"\n\
             SecConnReadStateLimit 1 \"!@ipMatch 192.0.2.1\"",
        );
        assert_eq!(judged(&suspected, "198.51.100.2", 9, 0), "");
        assert_eq!(judged(&suspected, "192.0.2.1", 9, 0), "");
        assert_ne!(judged(&suspected, "192.0.2.2", 9, 0), "");
    }

    #[test]
    fn nothing_is_counted_in_vain() {
        for text in [
            "",
            "SecConnEngine On",
            "SecConnReadStateLimit 3",
            "SecConnEngine Off\nSecConnReadStateLimit 3",
        ] {
            assert!(!limits(text).active(), "{text}");
        }
    }

    #[test]
    fn mistakes_are_mod_security2s() {
        for (text, expected) in [
            (
                "SecConnEngine Maybe",
                "ModSecurity: Invalid value for SecConnEngine: Maybe",
            ),
            (
                "SecConnReadStateLimit x",
                "ModSecurity: Invalid value for SecConnReadStateLimit: x",
            ),
            (
                "SecConnReadStateLimit 0",
                "ModSecurity: Invalid value for SecConnReadStateLimit: 0",
            ),
            (
                "SecConnReadStateLimit 5 @rx",
                "Space character between operator and parameter not found with ConnReadStateLimit: @rx",
            ),
            (
                "SecConnWriteStateLimit 5 \"@rx foo\"",
                "Invalid operator for SecConnWriteStateLimit: @rx foo, expected operators: @ipMatch, @ipMatchF or @ipMatchFromFile with or without !",
            ),
            (
                "SecConnReadStateLimit 5 \"@ipMatch bogus\"",
                "failed to load IPs from: bogus",
            ),
            (
                "SecConnReadStateLimit 5 \"@ipMatchF /nowhere\"",
                "failed to load IPs from: /nowhere",
            ),
        ] {
            let error = read_text("test.conf", text, &DirConfig::new()).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
