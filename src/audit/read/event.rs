//! What a record says, whatever its format.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use super::alert::Alert;
use super::native::Entry;
use crate::audit::Part;
use crate::audit::escape::unescape;

/// A transaction, as its record tells it. What the record does not have is absent or empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Event {
    /// When the record was written, as it says.
    pub time: String,
    /// The same as a point in time.
    #[serde(rename = "@timestamp", skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// The unique id.
    pub id: String,
    /// Who the client is.
    pub client: String,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_port: Option<u16>,
    /// The other end of the connection, where that is somebody else: a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The server's address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// The host that was asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// The request's method.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The request's target.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// The request's protocol.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// The status of the response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whether the request was refused.
    pub refused: bool,
    /// The phase in which it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<u8>,
    /// The engine's mode.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub engine: String,
    /// The alerts, in order.
    pub alerts: Vec<Alert>,
    /// The request's header fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
}

impl Event {
    /// What a native record says. `None` where its heading makes no sense.
    pub fn of_native(entry: &Entry) -> Option<Event> {
        let heading = entry.heading()?;
        let mut event = Event {
            timestamp: parse_time(&heading.time),
            time: heading.time,
            id: heading.unique_id,
            client: heading.client,
            client_port: Some(heading.client_port),
            server: heading.local,
            status: entry.status(),
            phase: entry.intercepted_in_phase(),
            ..Event::default()
        };
        event.refused = event.phase.is_some();
        let mut lines = entry
            .part(Part::RequestHeaders)
            .unwrap_or_default()
            .split(|b| *b == b'\n');
        event.request_line(&text(&unescape(lines.next().unwrap_or_default())));
        for line in lines {
            // mod_security2 writes what it got, line ends and all: what is no header is passed over.
            let colon = line.windows(2).position(|pair| pair == b": ");
            if let Some((name, value)) = colon.and_then(|at| line.split_at_checked(at)) {
                let value = value.get(2..).unwrap_or_default();
                event
                    .headers
                    .push((text(&unescape(name)), text(&unescape(value))));
            }
        }
        event.alerts = entry
            .trailer("Message")
            .map(|line| Alert::parse(&text(line)))
            .collect();
        event.engine = entry
            .trailer("Engine-Mode")
            .next()
            .map_or_else(String::new, |mode| text(mode).trim_matches('"').to_owned());
        let client = entry.trailer("Client-Address").next().map(text);
        let peer = client.as_deref().and_then(|line| {
            line.split("; peer=")
                .nth(1)?
                .split(';')
                .next()?
                .parse::<std::net::SocketAddr>()
                .ok()
        });
        event.peer = peer
            .map(|peer| peer.ip().to_string())
            .filter(|peer| *peer != event.client);
        event.host_from_headers();
        Some(event)
    }

    /// Takes a request line apart.
    pub(super) fn request_line(&mut self, line: &str) {
        let (method, rest) = line.split_once(' ').unwrap_or((line, ""));
        let protocol = rest
            .rsplit_once(' ')
            .filter(|(_, last)| last.starts_with("HTTP/"));
        let (uri, protocol) = protocol.unwrap_or((rest, ""));
        (self.method, self.uri, self.protocol) =
            (method.to_owned(), uri.to_owned(), protocol.to_owned());
    }

    pub(super) fn host_from_headers(&mut self) {
        if self.host.is_empty() {
            self.host = self.header("Host").unwrap_or_default().to_owned();
        }
    }

    /// A request header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The client as an address.
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.client.parse().ok()
    }

    /// The alert of the rule that refused the request; of one that was not refused, none. Where no alert tells of a refusal
    /// (`nolog`), the last one.
    pub fn verdict(&self) -> Option<&Alert> {
        let mut alerts = self.alerts.iter();
        let denied = alerts.rfind(|alert| alert.denied);
        denied.or(self.alerts.last()).filter(|_| self.refused)
    }

    /// The values of a field by name: of one that an alert has, one for each alert, each once. `None`: there is no such field.
    ///
    /// The names are those of [`Event::FIELDS`], and `header:NAME` for a request header.
    pub fn field(&self, name: &str) -> Option<Vec<String>> {
        let one = |value: &str| vec![value.to_owned()];
        let known = |value: Option<String>| value.map_or_else(Vec::new, |value| vec![value]);
        let first = |length: usize| {
            let time = self.timestamp.map(|time| time.to_string());
            known(time.and_then(|time| time.get(..length).map(str::to_owned)))
        };
        let of_alerts = |pick: fn(&Alert) -> Option<&String>| {
            let mut values: Vec<String> = self.alerts.iter().filter_map(pick).cloned().collect();
            values.sort_unstable();
            values.dedup();
            values
        };
        Some(match name {
            "time" => one(&self.time),
            "day" => first(10),
            "hour" => first(13),
            "minute" => first(16),
            "id" => one(&self.id),
            "client" => one(&self.client),
            "peer" => one(self.peer.as_deref().unwrap_or(&self.client)),
            "server" => one(&self.server),
            "host" => one(&self.host),
            "method" => one(&self.method),
            "uri" => one(&self.uri),
            "path" => one(self.uri.split(['?', '#']).next().unwrap_or_default()),
            "protocol" => one(&self.protocol),
            "status" => known(self.status.map(|status| status.to_string())),
            "refused" => one(if self.refused { "yes" } else { "no" }),
            "phase" => known(self.phase.map(|phase| phase.to_string())),
            "engine" => one(&self.engine),
            "refused-by" => known(self.verdict().and_then(|alert| alert.id.clone())),
            "rule" => of_alerts(|alert| alert.id.as_ref()),
            "message" => of_alerts(|alert| alert.msg.as_ref()),
            "severity" => of_alerts(|alert| alert.severity.as_ref()),
            "file" => of_alerts(|alert| alert.file.as_ref()),
            "version" => of_alerts(|alert| alert.version.as_ref()),
            "data" => of_alerts(|alert| alert.data.as_ref()),
            "tag" => {
                let mut tags: Vec<String> = self
                    .alerts
                    .iter()
                    .flat_map(|alert| alert.tags.clone())
                    .collect();
                tags.sort_unstable();
                tags.dedup();
                tags
            }
            "user-agent" => known(self.header("User-Agent").map(str::to_owned)),
            "referer" => known(self.header("Referer").map(str::to_owned)),
            _ => known(
                self.header(name.strip_prefix("header:")?)
                    .map(str::to_owned),
            ),
        })
    }

    /// The names that [`Event::field`] knows.
    pub const FIELDS: [&str; 27] = [
        "time",
        "day",
        "hour",
        "minute",
        "id",
        "client",
        "peer",
        "server",
        "host",
        "method",
        "uri",
        "path",
        "protocol",
        "status",
        "refused",
        "phase",
        "engine",
        "refused-by",
        "rule",
        "message",
        "severity",
        "file",
        "version",
        "data",
        "tag",
        "user-agent",
        "referer",
    ];
}

/// Bytes of a log as text. As in records in JSON, a byte that is not part of valid UTF-8 becomes the character of the same number.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().copied().map(char::from));
    }
    out
}

/// `22/Nov/2026:12:38:00.123456 +0100`, with or without its fraction, and with mod_security2's `--0400` for `-0400`.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (clock, zone) = text.split_once(' ')?;
    let mut pieces = clock.split(['/', ':', '.']);
    let mut next = || pieces.next();
    let day: i8 = next()?.parse().ok()?;
    let month = next()?;
    let month = i8::try_from(MONTHS.iter().position(|name| *name == month)?).ok()? + 1;
    let year: i16 = next()?.parse().ok()?;
    let mut number = || next().and_then(|text| text.parse::<i8>().ok());
    let (hour, minute, second) = (number()?, number()?, number()?);
    let fraction = pieces.next().unwrap_or("");
    let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits = zone.trim_start_matches(['-', '+']);
    let (hours, minutes): (i32, i32) = (
        digits.get(..2)?.parse().ok()?,
        digits.get(2..4)?.parse().ok()?,
    );
    let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    let civil = jiff::civil::DateTime::new(year, month, day, hour, minute, second, nanos).ok()?;
    offset.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_all_writers() {
        for (text, expected) in [
            (
                "22/Nov/2026:12:38:00.123456 +0100",
                Some("2026-11-22T11:38:00.123456Z"),
            ),
            ("22/Nov/2026:12:38:00 +0000", Some("2026-11-22T12:38:00Z")),
            (
                "22/Nov/2026:12:38:00.5 --0430",
                Some("2026-11-22T17:08:00.5Z"),
            ),
            ("22/Nov/2026:12:38:00 -0430", Some("2026-11-22T17:08:00Z")),
            ("31/Feb/2026:12:38:00 +0000", None),
            ("22/Foo/2026:12:38:00 +0000", None),
            ("22/Nov/2026:12:38 +0000", None),
            ("22/Nov/2026:12:38:00", None),
            ("22/Nov/2026:12:38:00 +é1", None),
            ("", None),
        ] {
            let found = parse_time(text).map(|time| time.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn every_field_is_known() {
        let event = Event::default();
        for name in Event::FIELDS {
            assert!(event.field(name).is_some(), "{name}");
        }
        assert_eq!(event.field("header:X-Test"), Some(Vec::new()));
        assert_eq!(event.field("nonsense"), None);
    }

    #[test]
    fn who_refused() {
        let mut event = Event {
            alerts: [
                "Warning. [id \"1\"]",
                "Access denied with code 403 (phase 2). [id \"2\"]",
                "Warning. [id \"3\"]",
            ]
            .map(Alert::parse)
            .to_vec(),
            ..Event::default()
        };
        assert_eq!(event.verdict(), None);
        event.refused = true;
        assert_eq!(event.field("refused-by"), Some(vec!["2".to_owned()]));
        event.alerts.remove(1);
        assert_eq!(event.field("refused-by"), Some(vec!["3".to_owned()]));
        assert_eq!(event.field("rule").map(|rules| rules.len()), Some(2));
    }
}
