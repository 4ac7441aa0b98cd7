//! Block lists in the DNS: which name is asked for, and what the answer means.

use std::net::{IpAddr, Ipv4Addr};

/// What a list is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name that is looked up.
    pub name: String,
    kind: Kind,
}

/// Lists whose answers have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Uribl,
    Spamhaus,
    HttpBl,
    Plain,
}

/// Project Honey Pot asks its users for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingKey;

impl Question {
    /// The question about a value: an address, or the name of a host.
    ///
    /// Compat: mod_security2 appends IPv6 addresses as they are written, which no list understands; here they are turned
    /// round nibble by nibble (RFC 5782, section 2.4).
    ///
    /// # Errors
    /// The list is Project Honey Pot's, and there is no `SecHttpBlKey`.
    pub fn new(list: &str, value: &str, key: Option<&str>) -> Result<Question, MissingKey> {
        let kind = if list.contains("httpbl.org") {
            Kind::HttpBl
        } else if list.contains("uribl.com") {
            Kind::Uribl
        } else if list.contains("spamhaus.org") {
            Kind::Spamhaus
        } else {
            Kind::Plain
        };
        let subject = match value.parse() {
            Ok(IpAddr::V4(address)) => {
                let [a, b, c, d] = address.octets();
                format!("{d}.{c}.{b}.{a}")
            }
            Ok(IpAddr::V6(address)) => {
                let nibbles = address
                    .octets()
                    .into_iter()
                    .rev()
                    .flat_map(|byte| [byte & 15, byte >> 4]);
                nibbles
                    .map(|nibble| format!("{nibble:x}"))
                    .collect::<Vec<_>>()
                    .join(".")
            }
            Err(_) => value.to_owned(),
        };
        let name = match kind {
            Kind::HttpBl => format!("{}.{subject}.{list}", key.ok_or(MissingKey)?),
            _ => format!("{subject}.{list}"),
        };
        Ok(Question { name, kind })
    }

    /// The name as it may be logged: it can hold what a client sent.
    pub fn shown(&self) -> String {
        self.name.escape_debug().to_string()
    }

    /// What the log says when the list has an entry. `None` where the answer makes no sense.
    ///
    /// Compat: mod_security2's sentences. The key of `SecHttpBlKey` is a part of the name, there as here.
    pub fn sentence(&self, answer: Ipv4Addr, variable: &str) -> Option<String> {
        let [first, second, third, last] = answer.octets();
        let note = match (self.kind, last) {
            (Kind::Uribl, 2) => " (BLACK)",
            (Kind::Uribl, 4) => " (GREY)",
            (Kind::Uribl, 8) => " (RED)",
            (Kind::Uribl, 14) => " (BLACK,GREY,RED)",
            (Kind::Uribl, 255) => " (DNS IS BLOCKED)",
            (Kind::Uribl, _) => " (WHITE)",
            (Kind::Spamhaus, 2 | 3) => " (Static UBE sources)",
            (Kind::Spamhaus, 4..=7) => " (Illegal 3rd party exploits)",
            (Kind::Spamhaus, 10 | 11) => " (Delivering unauthenticated SMTP email)",
            (Kind::HttpBl, _) if first != 127 => return None,
            _ => "",
        };
        let found = format!(
            "RBL lookup of {} succeeded at {variable}{note}.",
            self.shown()
        );
        Some(match self.kind {
            Kind::HttpBl => {
                let what = visitor(last);
                format!("{found} {what}: {second} days since last activity, threat score {third}")
            }
            _ => found,
        })
    }
}

/// Project Honey Pot's kinds of visitors.
fn visitor(kind: u8) -> &'static str {
    match kind {
        0 => "Search Engine",
        1 => "Suspicious IP",
        2 => "Harvester IP",
        3 => "Suspicious harvester IP",
        4 => "Comment spammer IP",
        5 => "Suspicious comment spammer IP",
        6 => "Harvester and comment spammer IP",
        7 => "Suspicious harvester comment spammer IP",
        _ => " ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_turned_round() {
        let name = |list, value, key| Question::new(list, value, key).map(|question| question.name);
        assert_eq!(
            name("bl.test", "192.0.2.1", None),
            Ok("1.2.0.192.bl.test".into())
        );
        assert_eq!(
            name("bl.test", "spam.example", None),
            Ok("spam.example.bl.test".into())
        );
        assert_eq!(
            name("bl.test", "2001:db8::1", None),
            Ok("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test".into())
        );
        assert_eq!(
            name("dnsbl.httpbl.org", "192.0.2.1", Some("k")),
            Ok("k.1.2.0.192.dnsbl.httpbl.org".into())
        );
        assert_eq!(name("dnsbl.httpbl.org", "192.0.2.1", None), Err(MissingKey));
    }

    #[test]
    fn answers_are_explained() {
        let said = |list, answer: [u8; 4]| {
            Question::new(list, "192.0.2.1", Some("k"))
                .unwrap()
                .sentence(answer.into(), "REMOTE_ADDR")
        };
        for (list, answer, sentence) in [
            (
                "x.test",
                [127, 0, 0, 2],
                Some("RBL lookup of 1.2.0.192.x.test succeeded at REMOTE_ADDR."),
            ),
            (
                "multi.uribl.com",
                [127, 0, 0, 14],
                Some(
                    "RBL lookup of 1.2.0.192.multi.uribl.com succeeded at REMOTE_ADDR (BLACK,GREY,RED).",
                ),
            ),
            (
                "multi.uribl.com",
                [127, 0, 0, 1],
                Some("RBL lookup of 1.2.0.192.multi.uribl.com succeeded at REMOTE_ADDR (WHITE)."),
            ),
            (
                "zen.spamhaus.org",
                [127, 0, 0, 4],
                Some(
                    "RBL lookup of 1.2.0.192.zen.spamhaus.org succeeded at REMOTE_ADDR (Illegal 3rd party exploits).",
                ),
            ),
            (
                "zen.spamhaus.org",
                [127, 0, 0, 20],
                Some("RBL lookup of 1.2.0.192.zen.spamhaus.org succeeded at REMOTE_ADDR."),
            ),
            (
                "dnsbl.httpbl.org",
                [127, 3, 40, 5],
                Some(
                    "RBL lookup of k.1.2.0.192.dnsbl.httpbl.org succeeded at REMOTE_ADDR. Suspicious comment spammer IP: 3 days since last activity, threat score 40",
                ),
            ),
            ("dnsbl.httpbl.org", [10, 3, 40, 5], None),
        ] {
            assert_eq!(said(list, answer).as_deref(), sentence);
        }
    }
}
