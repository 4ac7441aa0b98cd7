//! Records in JSON: mod_security2's shape and the Elastic Common Schema.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::alert::Alert;
use super::event::{Event, parse_time};

/// What is read of a record, of either shape; the rest is passed over.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    transaction: Option<Transaction<'a>>,
    request: Request<'a>,
    response: Response,
    audit_data: AuditData<'a>,

    #[serde(rename = "@timestamp")]
    timestamp: Option<Text<'a>>,
    event: EcsEvent<'a>,
    client: Address<'a>,
    source: Address<'a>,
    server: Address<'a>,
    url: Url<'a>,
    http: Http<'a>,
    palisade: Own<'a>,
}

/// A text that is borrowed where nothing in it was escaped.
#[derive(serde::Deserialize, Default)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Transaction<'a> {
    #[serde(borrow)]
    time: Text<'a>,
    transaction_id: Text<'a>,
    remote_address: Text<'a>,
    remote_port: Option<u16>,
    local_address: Text<'a>,
    peer_address: Text<'a>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Request<'a> {
    #[serde(borrow)]
    request_line: Text<'a>,
    headers: Headers<'a>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Response {
    status: Option<u16>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct AuditData<'a> {
    #[serde(borrow)]
    messages: Vec<Text<'a>>,
    action: Action,
    engine_mode: Text<'a>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Action {
    intercepted: bool,
    phase: Option<u8>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct EcsEvent<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    r#type: Vec<Text<'a>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Address<'a> {
    #[serde(borrow)]
    ip: Text<'a>,
    port: Option<u16>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Url<'a> {
    #[serde(borrow)]
    original: Text<'a>,
    domain: Text<'a>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Http<'a> {
    #[serde(borrow)]
    version: Text<'a>,
    request: HttpRequest<'a>,
    response: HttpResponse,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct HttpRequest<'a> {
    #[serde(borrow)]
    method: Text<'a>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct HttpResponse {
    status_code: Option<u16>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Own<'a> {
    #[serde(borrow)]
    messages: Vec<Text<'a>>,
    intercepted_in_phase: Option<u8>,
    engine_mode: Text<'a>,
    request: OwnRequest<'a>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct OwnRequest<'a> {
    #[serde(borrow)]
    headers: Headers<'a>,
}

/// Header fields: names may come more than once (mod_security2), values may be lists (ours).
#[derive(Default)]
struct Headers<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Values<'a> {
    One(#[serde(borrow)] Cow<'a, str>),
    Many(Vec<String>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Headers<'a>, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Headers<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("header fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers<'de>, A::Error> {
                let mut headers = Vec::new();
                while let Some((Text(name), values)) = map.next_entry::<Text<'de>, Values<'de>>()? {
                    match values {
                        Values::One(value) => headers.push((name, value)),
                        Values::Many(values) => headers
                            .extend(values.into_iter().map(|value| (name.clone(), value.into()))),
                    }
                }
                Ok(Headers(headers))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// What a line of JSON says: `None` where it is JSON but no record, an error where it is no JSON.
pub(super) fn parse(line: &[u8]) -> Result<Option<Event>, serde_json::Error> {
    // mod_security2 passes bytes on that are no UTF-8.
    let text = String::from_utf8_lossy(line);
    let record: Record<'_> = match serde_json::from_str(&text) {
        Ok(record) => record,
        // It may still be JSON, of another shape.
        Err(_) => return serde_json::from_str::<serde::de::IgnoredAny>(&text).map(|_| None),
    };
    Ok(match record.transaction {
        Some(_) => Some(of_2_9(record)),
        None if record.timestamp.is_some() && !record.event.id.0.is_empty() => Some(of_ecs(record)),
        None => None,
    })
}

fn headers(Headers(headers): Headers<'_>) -> Vec<(String, String)> {
    let owned =
        |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into_owned());
    headers.into_iter().map(owned).collect()
}

fn alerts(messages: &[Text<'_>]) -> Vec<Alert> {
    messages
        .iter()
        .map(|message| Alert::parse(&message.0))
        .collect()
}

fn peer(peer: Text<'_>, client: &str) -> Option<String> {
    Some(peer.0.into_owned()).filter(|peer| !peer.is_empty() && peer != client)
}

fn of_2_9(record: Record<'_>) -> Event {
    let transaction = record.transaction.unwrap_or_default();
    let client = transaction.remote_address.0.into_owned();
    let mut event = Event {
        timestamp: parse_time(&transaction.time.0),
        time: transaction.time.0.into_owned(),
        id: transaction.transaction_id.0.into_owned(),
        peer: peer(transaction.peer_address, &client),
        client,
        client_port: transaction.remote_port,
        server: transaction.local_address.0.into_owned(),
        status: record.response.status,
        refused: record.audit_data.action.intercepted,
        phase: record.audit_data.action.phase,
        engine: record.audit_data.engine_mode.0.into_owned(),
        alerts: alerts(&record.audit_data.messages),
        headers: headers(record.request.headers),
        ..Event::default()
    };
    event.request_line(&record.request.request_line.0);
    event.host_from_headers();
    event
}

fn of_ecs(record: Record<'_>) -> Event {
    let client = record.client.ip.0.into_owned();
    let time = record.timestamp.unwrap_or_default().0.into_owned();
    let protocol = match &*record.http.version.0 {
        "" => String::new(),
        version => format!("HTTP/{version}"),
    };
    Event {
        timestamp: time.parse().ok(),
        time,
        id: record.event.id.0.into_owned(),
        peer: peer(record.source.ip, &client),
        client,
        client_port: record.client.port,
        server: record.server.ip.0.into_owned(),
        host: record.url.domain.0.into_owned(),
        method: record.http.request.method.0.into_owned(),
        uri: record.url.original.0.into_owned(),
        protocol,
        status: record.http.response.status_code,
        refused: record.event.r#type.iter().any(|kind| kind.0 == "denied"),
        phase: record.palisade.intercepted_in_phase,
        engine: record.palisade.engine_mode.0.into_owned(),
        alerts: alerts(&record.palisade.messages),
        headers: headers(record.palisade.request.headers),
    }
}
