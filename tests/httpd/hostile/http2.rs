//! The same over HTTP/2 in clear text, with the length of the body stated and without. Debian's mod_http2 refuses prefork.

use std::net::Ipv4Addr;
use std::time::Instant;

use super::{Answer, Way, hold};
use crate::harness::http2::{Http2, Message, Reply};
use crate::harness::{Mpm, Server};
use crate::vector::Vector;

/// What came, for comparing: all but the date.
fn bytes(reply: &Reply) -> Vec<u8> {
    let mut bytes = format!("{} {:?}\r\n", reply.status, reply.reset).into_bytes();
    for (name, value) in reply.fields.iter().filter(|(name, _)| name != b"date") {
        bytes.extend([&name[..], b": ", value, b"\r\n"].concat());
    }
    bytes.extend_from_slice(&reply.body);
    bytes
}

fn send(server: &Server, from: Ipv4Addr, vector: &Vector, state_length: bool) -> Answer {
    let (mut fields, body) = vector.stream();
    if let Some(body) = &body
        && state_length
    {
        let length = body.len().to_string().into_bytes();
        fields.push((b"content-length".to_vec(), length));
    }
    let message = Message {
        fields,
        body,
        ..Message::default()
    };
    let begun = Instant::now();
    let reply = Http2::connect_from(from, server.port()).ask_one(message);
    Answer {
        status: reply.status,
        bytes: bytes(&reply),
        took: begun.elapsed(),
    }
}

fn over_http2(mpm: Mpm, what: &str, send: fn(&Server, Ipv4Addr, &Vector) -> Answer) {
    let way = Way {
        mpm,
        modules: &["http2"],
        conf: "Protocols h2c",
        starter: &[],
        send,
    };
    hold(
        &format!("HTTP/2 {mpm:?}, {what}"),
        &way,
        &crate::vector::for_http2(),
    );
}

#[test]
fn every_answer_is_right_with_event() {
    over_http2(Mpm::Event, "lengths stated", |server, from, vector| {
        send(server, from, vector, true)
    });
}

#[test]
fn every_answer_is_right_without_lengths() {
    over_http2(Mpm::Event, "lengths not stated", |server, from, vector| {
        send(server, from, vector, false)
    });
}

#[test]
fn every_answer_is_right_with_worker() {
    over_http2(Mpm::Worker, "lengths stated", |server, from, vector| {
        send(server, from, vector, true)
    });
}
