//! An HTTP/2 client that sends what it is told: any name, any value, any order. Libraries refuse what an attacker sends.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use fluke_hpack::{Decoder, Encoder};

use super::{PATIENCE, connect_from};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const ACKNOWLEDGES: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const WITH_PRIORITY: u8 = 32;

const INITIAL_WINDOW_SIZE: u16 = 4;
/// What every peer takes in one frame.
const FRAME: usize = 16_384;
/// What every peer takes unasked.
const WINDOW: i64 = 65_535;
/// What we take: all.
const OURS: u32 = 0x7fff_ffff;

/// Names and values, the pseudo-headers among them.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A request.
#[derive(Default)]
pub struct Message {
    pub fields: Fields,
    /// `None`: the header block ends the stream.
    pub body: Option<Vec<u8>>,
    pub trailers: Fields,
}

impl Message {
    /// A GET.
    pub fn get(target: &str) -> Message {
        Message::new("GET", target.as_bytes())
    }

    /// A request without a body.
    pub fn new(method: &str, target: &[u8]) -> Message {
        let fields: [(&str, &[u8]); 4] = [
            (":method", method.as_bytes()),
            (":scheme", b"http"),
            (":authority", b"www.example.test"),
            (":path", target),
        ];
        let owned = fields.map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
        Message {
            fields: owned.to_vec(),
            ..Message::default()
        }
    }
}

/// An answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 0 where there was none.
    pub status: u16,
    pub fields: Fields,
    pub body: Vec<u8>,
    /// The code with which the stream ended before its time.
    pub reset: Option<u32>,
}

/// One connection.
pub struct Http2 {
    stream: TcpStream,
    encoder: Encoder<'static>,
    decoder: Decoder<'static>,
    next: u32,
    /// What may still be sent on the connection.
    window: i64,
    /// What may be sent on a stream that has sent nothing yet.
    initial: i64,
    exchanges: HashMap<u32, Exchange>,
    /// A header block that has not ended: its stream, whether it ends that, and what came.
    block: Option<(u32, bool, Vec<u8>)>,
    ended: bool,
}

#[derive(Default)]
struct Exchange {
    reply: Reply,
    /// What is left of the body to send, and the trailers behind it.
    unsent: Option<(Vec<u8>, Fields)>,
    sent: i64,
    allowed: i64,
    done: bool,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short frame")
        .to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("four bytes"))
}

impl Http2 {
    pub fn connect(port: u16) -> Http2 {
        Http2::connect_from(Ipv4Addr::LOCALHOST, port)
    }

    /// The same from another address of this machine's own.
    pub fn connect_from(from: Ipv4Addr, port: u16) -> Http2 {
        let stream = connect_from(from, port);
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        let mut client = Http2 {
            stream,
            encoder: Encoder::new(),
            decoder: Decoder::new(),
            next: 1,
            window: WINDOW,
            initial: WINDOW,
            exchanges: HashMap::new(),
            block: None,
            ended: false,
        };
        let size = [
            &INITIAL_WINDOW_SIZE.to_be_bytes()[..],
            &OURS.to_be_bytes()[..],
        ]
        .concat();
        let update = (OURS - 65_535).to_be_bytes();
        client.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        client.write(&frame(SETTINGS, 0, 0, &size));
        client.write(&frame(WINDOW_UPDATE, 0, 0, &update));
        client
    }

    /// Sends all requests before it reads any answer; returns the answers in the order of the requests.
    pub fn ask(&mut self, messages: Vec<Message>) -> Vec<Reply> {
        let streams: Vec<u32> = messages
            .into_iter()
            .map(|message| self.begin(message))
            .collect();
        while !self.ended && streams.iter().any(|stream| !self.is_done(*stream)) {
            self.send_bodies();
            self.receive();
        }
        let taken = streams.iter().map(|stream| self.exchanges.remove(stream));
        taken
            .map(|found| found.map(|exchange| exchange.reply).unwrap_or_default())
            .collect()
    }

    /// The answer to one request.
    pub fn ask_one(&mut self, message: Message) -> Reply {
        self.ask(vec![message]).pop().unwrap_or_default()
    }

    fn is_done(&self, stream: u32) -> bool {
        self.exchanges
            .get(&stream)
            .is_none_or(|exchange| exchange.done)
    }

    /// A server that has heard enough may have closed: that is no failure here.
    fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    fn begin(&mut self, message: Message) -> u32 {
        let stream = self.next;
        self.next += 2;
        let with_body = message.body.is_some() || !message.trailers.is_empty();
        self.send_block(stream, &message.fields, !with_body);
        let unsent = with_body.then(|| (message.body.unwrap_or_default(), message.trailers));
        let exchange = Exchange {
            unsent,
            ..Exchange::default()
        };
        self.exchanges.insert(stream, exchange);
        stream
    }

    fn send_block(&mut self, stream: u32, fields: &Fields, ends: bool) {
        let borrowed = fields.iter().map(|(name, value)| (&name[..], &value[..]));
        let block = self.encoder.encode(borrowed);
        let mut pieces = block.chunks(FRAME).peekable();
        let (mut kind, mut flags) = (HEADERS, if ends { END_STREAM } else { 0 });
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_none() {
                flags |= END_HEADERS;
            }
            self.write(&frame(kind, flags, stream, piece));
            (kind, flags) = (CONTINUATION, 0);
        }
    }

    /// Sends what the windows allow.
    fn send_bodies(&mut self) {
        let mut streams: Vec<u32> = self.exchanges.keys().copied().collect();
        streams.sort_unstable();
        for stream in streams {
            self.send_body(stream);
        }
    }

    fn send_body(&mut self, stream: u32) {
        while let Some(exchange) = self.exchanges.get_mut(&stream)
            && !exchange.done
            && let Some((body, trailers)) = &mut exchange.unsent
        {
            let room = self
                .window
                .min(self.initial + exchange.allowed - exchange.sent);
            let length = body.len().min(FRAME).min(room.max(0) as usize);
            if length == 0 && !body.is_empty() {
                return;
            }
            let piece: Vec<u8> = body.drain(..length).collect();
            self.window -= length as i64;
            exchange.sent += length as i64;
            let last = body.is_empty();
            let trailers = if last {
                std::mem::take(trailers)
            } else {
                Fields::new()
            };
            if last {
                exchange.unsent = None;
            }
            let ends = last && trailers.is_empty();
            let flags = if ends { END_STREAM } else { 0 };
            self.write(&frame(DATA, flags, stream, &piece));
            if !trailers.is_empty() {
                self.send_block(stream, &trailers, true);
            }
        }
    }

    /// Takes one frame in.
    fn receive(&mut self) {
        let mut head = [0; 9];
        if self.stream.read_exact(&mut head).is_err() {
            self.ended = true;
            return;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let (kind, flags) = (head[3], head[4]);
        let stream = number(&head[5..]);
        let mut payload = vec![0; length as usize];
        if self.stream.read_exact(&mut payload).is_err() {
            self.ended = true;
            return;
        }
        match kind {
            SETTINGS if flags & ACKNOWLEDGES == 0 => {
                for setting in payload.chunks_exact(6) {
                    if setting[..2] == INITIAL_WINDOW_SIZE.to_be_bytes() {
                        self.initial = i64::from(number(&setting[2..]));
                    }
                }
                self.write(&frame(SETTINGS, ACKNOWLEDGES, 0, b""));
            }
            PING if flags & ACKNOWLEDGES == 0 => {
                self.write(&frame(PING, ACKNOWLEDGES, 0, &payload));
            }
            WINDOW_UPDATE if stream == 0 => self.window += i64::from(number(&payload)),
            WINDOW_UPDATE => self.exchange(stream).allowed += i64::from(number(&payload)),
            DATA => {
                let exchange = self.exchange(stream);
                exchange
                    .reply
                    .body
                    .extend_from_slice(unpadded(&payload, flags));
                exchange.done |= flags & END_STREAM != 0;
            }
            HEADERS => {
                let mut block = unpadded(&payload, flags);
                if flags & WITH_PRIORITY != 0 {
                    block = &block[5..];
                }
                self.block = Some((stream, flags & END_STREAM != 0, block.to_vec()));
                self.end_block(flags);
            }
            CONTINUATION => {
                if let Some((.., block)) = &mut self.block {
                    block.extend_from_slice(&payload);
                }
                self.end_block(flags);
            }
            RST_STREAM => {
                let exchange = self.exchange(stream);
                exchange.reply.reset = Some(number(&payload));
                exchange.done = true;
            }
            GOAWAY => {
                let (last, code) = (number(&payload[..4]), number(&payload[4..8]));
                for (stream, exchange) in &mut self.exchanges {
                    if *stream > last && !exchange.done {
                        exchange.reply.reset = Some(code);
                        exchange.done = true;
                    }
                }
            }
            _ => (),
        }
    }

    fn exchange(&mut self, stream: u32) -> &mut Exchange {
        self.exchanges.entry(stream).or_default()
    }

    fn end_block(&mut self, flags: u8) {
        if flags & END_HEADERS == 0 {
            return;
        }
        let Some((stream, ends, block)) = self.block.take() else {
            return;
        };
        let fields = self.decoder.decode(&block).expect("a header block");
        let exchange = self.exchange(stream);
        for (name, value) in fields {
            if name == b":status" {
                let text = String::from_utf8_lossy(&value).into_owned();
                exchange.reply.status = text.parse().expect("a status");
                // What an interim answer said does not hold for the final one.
                exchange.reply.fields.clear();
            } else {
                exchange.reply.fields.push((name, value));
            }
        }
        exchange.done |= ends;
    }
}

/// A payload without its padding.
fn unpadded(payload: &[u8], flags: u8) -> &[u8] {
    if flags & PADDED == 0 {
        return payload;
    }
    let padding = usize::from(payload[0]);
    &payload[1..payload.len() - padding]
}
