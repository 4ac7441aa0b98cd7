//! mod_security2's JSON: one object a line.

use super::escape;
use super::json_text::Json;
use super::mask::{self, Names, Secrets};
use super::native::{Excerpts, engine_mode};
use super::parts::{Part, Parts};
use super::record::{MatchedChain, MatchedRule, Record};
use crate::client::ClientAddress;
use crate::facts::Header;

/// A record as one line of JSON, in the shape that mod_security2 (and Coraza's `jsonlegacy`) writes.
///
/// Compat: keys, nesting and types are mod_security2's. What differs:
/// * it is valid JSON in UTF-8 for any bytes: a byte outside valid UTF-8 becomes the character of the same number;
/// * a header that came once is a string; one that came more often is one key, spelt as it came first, with a list of strings
///   (mod_security2 repeats the key, and readers keep only the last);
/// * `transaction` also has `client_address`, `peer_address`, `peer_port`, `client_via`, `forwarded_for`, `forwarded_chain` and
///   `client_trust`; `actionset` also has `msg` and `logdata`; `audit_data` also has `truncated`;
/// * secrets are masked in messages and matched rules too.
pub fn render_json(record: &Record<'_>, parts: &Parts) -> Vec<u8> {
    let excerpts = Excerpts::new(record, parts);
    let secrets = Secrets::of(record, record.masks.credentials);
    let mut out = Vec::with_capacity(excerpts.capacity(record));
    Json::object(&mut out, |json| {
        json.map("transaction", |json| transaction(json, record));
        json.map("request", |json| request(json, record, parts, &excerpts));
        let headers_wanted = parts.contains(Part::ResponseHeaders);
        if headers_wanted || parts.contains(Part::ResponseBody) {
            json.map("response", |json| {
                response(json, record, headers_wanted, &excerpts);
            });
        }
        if parts.contains(Part::Trailer) {
            json.map("audit_data", |json| {
                audit_data(json, record, &secrets, &excerpts)
            });
        }
        if parts.contains(Part::Uploads) {
            uploads(json, record);
        }
        if parts.contains(Part::MatchedRules) {
            json.list("matched_rules", |json| {
                for chain in record.matched_rules {
                    json.item_map(|json| matched_chain(json, chain, &secrets));
                }
            });
        }
    });
    out.push(b'\n');
    out
}

fn transaction(json: &mut Json<'_>, record: &Record<'_>) {
    let civil = record.zone.civil(record.time);
    json.plain("time", |out| civil.write_log_time(out));
    json.text("transaction_id", record.unique_id);
    json.address("remote_address", record.client.client);
    json.number("remote_port", u64::from(record.client_port));
    json.address("local_address", record.local_ip);
    json.number("local_port", u64::from(record.local_port));
    client(json, record.client);
    if !record.parts_omitted.is_empty() {
        json.text("parts_omitted", record.parts_omitted);
    }
}

fn client(json: &mut Json<'_>, client: &ClientAddress) {
    json.address("client_address", client.client);
    json.address("peer_address", client.peer);
    json.number("peer_port", u64::from(client.peer_port));
    json.text_if("client_via", client.via.as_deref().map(str::as_bytes));
    if let Some(forwarded) = &client.forwarded_for {
        json.text("forwarded_for", forwarded);
        json.list("forwarded_chain", |json| {
            for hop in forwarded.split(|b| *b == b',') {
                json.item(hop.trim_ascii());
            }
        });
    }
    json.text("client_trust", client.trust.name().as_bytes());
}

fn request(json: &mut Json<'_>, record: &Record<'_>, parts: &Parts, excerpts: &Excerpts<'_>) {
    if parts.contains(Part::RequestHeaders) {
        let line = mask::ranges(record.request.line, record.masks.request_line);
        json.text("request_line", &line);
        headers(
            json,
            record.request.headers,
            &Names::new(record.sanitised.request_headers, record.masks.credentials),
        );
    }
    if let Some(body) = &excerpts.request {
        let masked = mask::ranges(body.bytes, record.masks.request_body);
        json.list("body", |json| json.item(&masked));
    }
    if let Some(body) = &excerpts.compact {
        let masked = mask::ranges(body.bytes, record.masks.compact_body);
        json.text("fake_body", &masked);
    }
}

fn response(json: &mut Json<'_>, record: &Record<'_>, with_headers: bool, excerpts: &Excerpts<'_>) {
    let response = &record.response;
    if with_headers {
        json.text("protocol", response.protocol);
        json.number("status", u64::from(response.status));
        headers(
            json,
            response.headers,
            &Names::new(record.sanitised.response_headers, record.masks.credentials),
        );
    }
    if let Some(body) = &excerpts.response {
        json.text("body", body.bytes);
    }
}

/// Headers by name, each name once, in the order in which they first came.
pub(super) fn headers(json: &mut Json<'_>, headers: &[Header], masked: &Names) {
    let mut by_name: Vec<(Vec<u8>, usize)> = headers
        .iter()
        .enumerate()
        .map(|(place, header)| (header.name.to_ascii_lowercase(), place))
        .collect();
    by_name.sort_unstable();
    let mut groups: Vec<&[(Vec<u8>, usize)]> = by_name.chunk_by(|a, b| a.0 == b.0).collect();
    groups.sort_unstable_by_key(|group| group.first().map(|(_, place)| *place));
    json.map("headers", |json| {
        for group in groups {
            let mut members = group.iter().filter_map(|(_, place)| headers.get(*place));
            let Some(first) = members.next() else {
                continue;
            };
            let value = masked.value(&first.name, &first.value);
            if group.len() == 1 {
                json.text_named(&first.name, &value);
            } else {
                json.list_named(&first.name, |json| {
                    json.item(&value);
                    members
                        .for_each(|header| json.item(&masked.value(&header.name, &header.value)));
                });
            }
        }
    });
}

fn audit_data(
    json: &mut Json<'_>,
    record: &Record<'_>,
    secrets: &Secrets,
    excerpts: &Excerpts<'_>,
) {
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
    if let Some(interruption) = &record.interruption {
        json.map("action", |json| {
            json.flag("intercepted", true);
            json.number("phase", u64::from(interruption.phase.number()));
            json.text("message", &secrets.text(interruption.message));
        });
    }
    json.text_if("handler", record.handler);
    stopwatch(json, record);
    if record.response.dechunked {
        json.flag("response_body_dechunked", true);
    }
    truncated(json, excerpts);
    if record.components.is_empty() {
        json.text("producer", record.producer);
    } else {
        json.list("producer", |json| {
            json.item(record.producer);
            record
                .components
                .iter()
                .for_each(|component| json.item(component));
        });
    }
    if !record.server.is_empty() {
        json.text("server", record.server);
    }
    identities(json, record);
    json.text("engine_mode", engine_mode(record.engine_mode));
    if !record.slow_rules.is_empty() {
        json.map("rules_performance_info", |json| {
            for (id, micros) in record.slow_rules {
                json.plain_named(id, |out| escape::decimal(out, *micros));
            }
        });
    }
}

fn stopwatch(json: &mut Json<'_>, record: &Record<'_>) {
    let watch = &record.stopwatch;
    json.map("stopwatch", |json| {
        for (key, time) in ["p1", "p2", "p3", "p4", "p5"].into_iter().zip(watch.phases) {
            json.number(key, time);
        }
        json.number("sr", watch.storage_read);
        json.number("sw", watch.storage_write);
        json.number("l", watch.logging);
        json.number("gc", watch.garbage_collection);
    });
}

pub(super) fn truncated(json: &mut Json<'_>, excerpts: &Excerpts<'_>) {
    if excerpts.cut().next().is_none() {
        return;
    }
    json.map("truncated", |json| {
        for (name, kept, whole) in excerpts.cut() {
            json.map(name, |json| {
                json.number("kept", kept);
                json.number("length", whole);
            });
        }
    });
}

fn identities(json: &mut Json<'_>, record: &Record<'_>) {
    let sanitised = &record.sanitised;
    let lists = [
        ("args", sanitised.arguments),
        ("request_headers", sanitised.request_headers),
        ("response_headers", sanitised.response_headers),
    ];
    if lists.iter().any(|(_, list)| !list.is_empty()) {
        json.map("sanitized", |json| {
            lists
                .iter()
                .for_each(|(key, list)| json.texts_if(key, list));
        });
    }
    if record.web_app.is_known() {
        let app = &record.web_app;
        json.map("webapp_info", |json| {
            for (key, value) in [
                ("id", app.id),
                ("session", app.session),
                ("user_id", app.user),
            ] {
                json.text_if(key, Some(value).filter(|value| !value.is_empty()));
            }
        });
    }
    if !matches!(record.sensor_id, b"" | b"default") {
        json.text("sensor_id", record.sensor_id);
    }
}

fn uploads(json: &mut Json<'_>, record: &Record<'_>) {
    let Some(uploads) = &record.uploads else {
        return;
    };
    json.map("uploads", |json| {
        json.list("info", |json| {
            for file in uploads.files {
                json.item_map(|json| {
                    json.number("file_size", file.size);
                    json.text("file_name", file.name);
                    json.text(
                        "content_type",
                        file.content_type.unwrap_or(b"<Unknown Content-Type>"),
                    );
                });
            }
        });
        json.number("total", uploads.total);
    });
}

fn matched_chain(json: &mut Json<'_>, chain: &MatchedChain<'_>, secrets: &Secrets) {
    json.flag("chain", chain.rules.len() > 1);
    json.list("rules", |json| {
        for rule in chain.rules {
            json.item_map(|json| matched_rule(json, rule, secrets));
        }
    });
    if chain.rules.len() > 1 {
        json.flag("full_chain_match", chain.full_match);
    }
}

fn matched_rule(json: &mut Json<'_>, rule: &MatchedRule<'_>, secrets: &Secrets) {
    json.map("actionset", |json| {
        json.text_if("id", rule.id);
        json.text_if("rev", rule.revision);
        json.text_if(
            "msg",
            rule.message.map(|text| secrets.text(text)).as_deref(),
        );
        json.text_if(
            "logdata",
            rule.data.map(|text| secrets.text(text)).as_deref(),
        );
        json.text_if("version", rule.version);
        json.number_if("severity", rule.severity);
        json.number_if("accuracy", rule.accuracy);
        json.number_if("maturity", rule.maturity);
        json.number_if("phase", rule.phase.map(|phase| phase.number()));
        json.flag("is_chained", rule.is_chained);
        if rule.chain_starter {
            json.flag("chain_starter", true);
        }
        if !rule.tags.is_empty() {
            json.list("tags", |json| {
                rule.tags
                    .iter()
                    .for_each(|tag| json.item(&secrets.text(tag)));
            });
        }
    });
    json.map("operator", |json| {
        json.text_if("operator", rule.operator);
        json.text("operator_param", &secrets.text(rule.operator_argument));
        json.text("target", rule.target);
        json.flag("negated", rule.negated);
    });
    json.map("config", |json| {
        if !rule.file.is_empty() {
            json.text("filename", rule.file);
        }
        json.number("line_num", u64::from(rule.line));
    });
    json.text("unparsed", &secrets.text(rule.unparsed));
    json.flag("is_matched", rule.is_matched);
}
