//! JSON with the field names of the Elastic Common Schema: for new pipelines, which then need no rules of their own.

use std::time::Duration;

use super::escape;
use super::json::headers;
use super::json_text::Json;
use super::mask::{self, Names, Secrets};
use super::native::{Excerpts, engine_mode};
use super::parts::{Part, Parts};
use super::record::{MatchedRule, Record};

/// The version of the schema whose names are used.
const SCHEMA: &[u8] = b"8.17.0";

/// A record as one line of JSON in the Elastic Common Schema. Fields that the schema does not know are under `palisade`.
///
/// The parts decide as elsewhere: B and F the headers, C, I and E the bodies, H the messages, J the files, K the rules. What
/// credential headers hold is always masked, there and in messages.
///
/// `client.ip` is who the request is attributed to, `source.ip` the other end of the connection; they differ behind a trusted
/// proxy, and `network.forwarded_ip` says so.
pub fn render_ecs(record: &Record<'_>, parts: &Parts) -> Vec<u8> {
    let excerpts = Excerpts::new(record, parts);
    let secrets = Secrets::of(record, true);
    let line = mask::ranges(record.request.line, record.masks.request_line);
    let line = RequestLine::split(&line);
    let mut out = Vec::with_capacity(excerpts.capacity(record));
    Json::object(&mut out, |json| {
        let civil = record.zone.civil(record.time);
        json.plain("@timestamp", |out| civil.write_iso_8601(out));
        json.map("ecs", |json| json.text("version", SCHEMA));
        let with_messages = parts.contains(Part::Trailer);
        if let Some(first) = record.messages.first().filter(|_| with_messages) {
            json.text("message", &secrets.text(first));
        }
        event(json, record);
        addresses(json, record);
        json.map("url", |json| {
            json.text("original", line.target);
            json.text_if("domain", present(record.hostname));
        });
        http(json, record, &line, &excerpts);
        agent_and_user(json, record);
        observer(json, record);
        if parts.contains(Part::MatchedRules) {
            rules(json, record, &secrets);
        }
        if let Some(uploads) = record.uploads.filter(|_| parts.contains(Part::Uploads)) {
            json.map("file", |json| {
                json.list("name", |json| {
                    uploads.files.iter().for_each(|file| json.item(file.name));
                });
                json.number("size", uploads.total);
            });
        }
        json.map("palisade", |json| {
            own(json, record, parts, &secrets, &excerpts)
        });
    });
    out.push(b'\n');
    out
}

fn present(text: &[u8]) -> Option<&[u8]> {
    Some(text).filter(|text| !text.is_empty())
}

/// `METHOD TARGET HTTP/VERSION`, or as much of it as there is.
struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    version: Option<&'a [u8]>,
}

impl<'a> RequestLine<'a> {
    fn split(line: &'a [u8]) -> RequestLine<'a> {
        let blank = |b: &u8| *b == b' ';
        let (method, rest) = match line.iter().position(blank) {
            Some(at) => (line.get(..at), line.get(at + 1..)),
            None => (Some(line), None),
        };
        let rest = rest.unwrap_or_default();
        let version = rest.iter().rposition(blank).and_then(|at| {
            let version = rest.get(at + 1..)?.strip_prefix(b"HTTP/")?;
            Some((rest.get(..at)?, version))
        });
        RequestLine {
            method: method.unwrap_or_default(),
            target: version.map_or(rest, |(target, _)| target),
            version: version.map(|(_, version)| version),
        }
    }
}

fn event(json: &mut Json<'_>, record: &Record<'_>) {
    let denied = record.interruption.is_some();
    let alert = denied || !record.messages.is_empty();
    json.map("event", |json| {
        json.text("kind", if alert { b"alert" } else { b"event" });
        json.list("category", |json| {
            json.item(b"web");
            if alert {
                json.item(b"intrusion_detection");
            }
        });
        json.list("type", |json| {
            json.item(b"access");
            json.item(if denied { b"denied" } else { b"allowed" });
        });
        json.text("outcome", if denied { b"failure" } else { b"success" });
        json.text("module", b"palisade");
        json.text("dataset", b"palisade.audit");
        json.text("id", record.unique_id);
        let duration = Duration::from_micros(record.stopwatch.duration).as_nanos();
        json.number("duration", u64::try_from(duration).unwrap_or(u64::MAX));
    });
}

fn addresses(json: &mut Json<'_>, record: &Record<'_>) {
    let client = record.client;
    json.map("client", |json| {
        json.address("ip", client.client);
        if client.client == client.peer {
            json.number("port", u64::from(record.client_port));
        }
    });
    json.map("source", |json| {
        json.address("ip", client.peer);
        json.number("port", u64::from(client.peer_port));
    });
    json.map("server", |json| {
        json.address("ip", record.local_ip);
        json.number("port", u64::from(record.local_port));
    });
    if client.via.is_some() {
        json.map("network", |json| {
            json.address("forwarded_ip", client.client)
        });
    }
    json.map("related", |json| {
        json.list("ip", |json| {
            json.item_address(client.client);
            if client.peer != client.client {
                json.item_address(client.peer);
            }
        });
    });
}

fn http(json: &mut Json<'_>, record: &Record<'_>, line: &RequestLine<'_>, excerpts: &Excerpts<'_>) {
    let header = |name: &[u8]| {
        let mut all = record.request.headers.iter();
        let found = all.find(|header| header.name.eq_ignore_ascii_case(name))?;
        let masked = Names::new(record.sanitised.request_headers, true);
        Some(masked.value(&found.name, &found.value))
    };
    json.map("http", |json| {
        json.text_if("version", line.version);
        json.map("request", |json| {
            json.text("method", line.method);
            json.text_if("referrer", header(b"Referer").as_deref());
            json.text_if("mime_type", header(b"Content-Type").as_deref());
            let (body, ranges) = match &excerpts.compact {
                Some(compact) => (Some(compact), record.masks.compact_body),
                None => (excerpts.request.as_ref(), record.masks.request_body),
            };
            if let Some(body) = body {
                json.map("body", |json| {
                    json.number("bytes", body.whole_length);
                    json.text("content", &mask::ranges(body.bytes, ranges));
                });
            }
        });
        json.map("response", |json| {
            json.number("status_code", u64::from(record.response.status));
            json.map("body", |json| {
                json.number("bytes", record.response.bytes_sent);
                json.text_if("content", excerpts.response.map(|body| body.bytes));
            });
        });
    });
}

fn agent_and_user(json: &mut Json<'_>, record: &Record<'_>) {
    let mut all = record.request.headers.iter();
    if let Some(agent) = all.find(|header| header.name.eq_ignore_ascii_case(b"User-Agent")) {
        let masked = Names::new(record.sanitised.request_headers, true);
        json.map("user_agent", |json| {
            json.text("original", &masked.value(&agent.name, &agent.value));
        });
    }
    let user = record.remote_user.or(present(record.web_app.user));
    if let Some(user) = user {
        json.map("user", |json| json.text("name", user));
    }
}

fn observer(json: &mut Json<'_>, record: &Record<'_>) {
    json.map("observer", |json| {
        json.text("type", b"waf");
        json.text("product", record.producer);
        json.text_if("name", present(record.sensor_id));
    });
}

/// The rules that begin a matched chain, as parallel lists.
fn rules(json: &mut Json<'_>, record: &Record<'_>, secrets: &Secrets) {
    let first = || record.matched_rules.iter().filter(|chain| chain.full_match);
    let first = || first().filter_map(|chain| chain.rules.first());
    if first().next().is_none() {
        return;
    }
    json.map("rule", |json| {
        let mut list = |key: &str, value: fn(&MatchedRule<'_>) -> Vec<u8>| {
            json.list(key, |json| {
                first().for_each(|rule| json.item(&secrets.text(&value(rule))));
            });
        };
        list("id", |rule| rule.id.unwrap_or_default().to_vec());
        list("name", |rule| rule.message.unwrap_or_default().to_vec());
        list("ruleset", |rule| rule.version.unwrap_or_default().to_vec());
        list("version", |rule| rule.revision.unwrap_or_default().to_vec());
        list("reference", |rule| {
            let mut place = rule.file.to_vec();
            place.push(b':');
            escape::decimal(&mut place, u64::from(rule.line));
            place
        });
    });
}

/// What the schema has no field for.
fn own(
    json: &mut Json<'_>,
    record: &Record<'_>,
    parts: &Parts,
    secrets: &Secrets,
    excerpts: &Excerpts<'_>,
) {
    json.text("engine_mode", engine_mode(record.engine_mode));
    if !record.parts_omitted.is_empty() {
        json.text("parts_omitted", record.parts_omitted);
    }
    json.text("client_trust", record.client.trust.name().as_bytes());
    let via = record.client.via.as_deref();
    json.text_if("client_via", via.map(str::as_bytes));
    json.text_if("forwarded_for", record.client.forwarded_for.as_deref());
    if let Some(interruption) = &record.interruption {
        json.number(
            "intercepted_in_phase",
            u64::from(interruption.phase.number()),
        );
    }
    if parts.contains(Part::Trailer) {
        for (key, texts) in [
            ("messages", record.messages),
            ("error_messages", record.server_errors),
        ] {
            if !texts.is_empty() {
                json.list(key, |json| {
                    texts.iter().for_each(|text| json.item(&secrets.text(text)));
                });
            }
        }
        json.texts_if("components", record.components);
    }
    for (part, key, list, sanitised) in [
        (
            Part::RequestHeaders,
            "request",
            record.request.headers,
            record.sanitised.request_headers,
        ),
        (
            Part::ResponseHeaders,
            "response",
            record.response.headers,
            record.sanitised.response_headers,
        ),
    ] {
        if parts.contains(part) {
            let masked = Names::new(sanitised, true);
            json.map(key, |json| headers(json, list, &masked));
        }
    }
    super::json::truncated(json, excerpts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines_of_all_kinds() {
        for (line, method, target, version) in [
            ("GET /a HTTP/1.1", "GET", "/a", Some("1.1")),
            ("GET /a b HTTP/2.0", "GET", "/a b", Some("2.0")),
            ("GET /a", "GET", "/a", None),
            ("GET /a b", "GET", "/a b", None),
            ("GET", "GET", "", None),
            ("", "", "", None),
            ("GET HTTP/1.1", "GET", "HTTP/1.1", None),
        ] {
            let split = RequestLine::split(line.as_bytes());
            assert_eq!(split.method, method.as_bytes(), "{line}");
            assert_eq!(split.target, target.as_bytes(), "{line}");
            assert_eq!(split.version, version.map(str::as_bytes), "{line}");
        }
    }
}
