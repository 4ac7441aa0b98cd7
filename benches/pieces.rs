//! The pieces, each on its own: transformations, body parsers, operators, counters, audit records.
//!
//! ```text
//! cargo bench --bench pieces                      all of them
//! cargo bench --bench pieces -- transformation    those with this in their names
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/audit/fixture.rs"]
#[allow(dead_code)] // the tests' own
mod fixture;
#[path = "../tests/support/material.rs"]
#[allow(dead_code)] // for the workloads' neighbour
mod material;
mod policy;
mod workloads;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// A kibibyte of what transformations look for: escapes of all kinds, capitals, comments, blanks, bytes beyond ASCII.
fn busy() -> Vec<u8> {
    let mark = b"%3CsCript%20/* x */ &lt;A&#x41; \\u0041\\x41 ../..//a  %u0041 0x414243 QmFzZTY0 \xc3\xa9\0\"^ ";
    mark.iter().copied().cycle().take(1024).collect()
}

/// A kibibyte of plain words: what nearly all values are.
fn plain() -> Vec<u8> {
    let mark = b"garden river mountain yellow winter bread ";
    mark.iter().copied().cycle().take(1024).collect()
}

mod transformation {
    use super::*;
    use palisade::transformations::{Env, Transformation};

    #[divan::bench(args = Transformation::ALL)]
    fn of_busy_text(bencher: Bencher, transformation: &Transformation) {
        run(bencher, *transformation, &busy());
    }

    #[divan::bench(args = Transformation::ALL)]
    fn of_plain_text(bencher: Bencher, transformation: &Transformation) {
        run(bencher, *transformation, &plain());
    }

    fn run(bencher: Bencher, transformation: Transformation, value: &[u8]) {
        bencher
            .counter(BytesCount::new(value.len()))
            .bench_local(|| {
                transformation
                    .apply(black_box(value), &Env::default())
                    .len()
            });
    }
}

mod body {
    use super::*;
    use palisade::body::{Kind, Parser, Settings};

    /// What httpd reads at a time.
    const READ: usize = 8000;

    #[divan::bench(args = ["post_form_2k", "post_form_1m", "post_json_8k", "post_multipart_64k", "xmlrpc_pingback"])]
    fn parse(bencher: Bencher, name: &str) {
        let workload = super::workloads::all()
            .into_iter()
            .find(|known| known.name == name)
            .unwrap();
        let stated = workload
            .headers
            .iter()
            .find(|(name, _)| *name == "Content-Type");
        let content_type = stated.map(|(_, value)| value.as_bytes()).unwrap();
        // The recommended rules choose JSON and XML.
        let kind = Kind::from_content_type(content_type).unwrap_or(match content_type {
            b"application/json" => Kind::Json,
            _ => Kind::Xml,
        });
        bencher
            .counter(BytesCount::new(workload.body.len()))
            .bench_local(|| {
                let mut parser = Parser::new(kind, content_type, &Settings::default());
                workload
                    .body
                    .chunks(READ)
                    .for_each(|chunk| parser.feed(chunk));
                let parsed = parser.finish();
                assert_eq!(parsed.error, None);
                parsed
            });
    }
}

mod operator {
    use super::*;
    use palisade::operators::{CompileContext, Kind, UnreadGrammars, compile};

    /// An operator with its argument.
    #[derive(Clone, Copy)]
    struct Case(&'static str, &'static str);

    impl std::fmt::Display for Case {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "@{} {}", self.0, self.1)
        }
    }

    /// One of each family, with an argument as rules have it. The third pattern is one that the linear engine cannot express.
    const CASES: [Case; 10] = [
        Case("rx", r"(?i)\bunion\b.{1,100}?\bselect\b"),
        Case("rx", r"(?i)<script[^>]*>[\s\S]*?"),
        Case("rx", r"(?<![a-z])(\w+)=\1(?![a-z])"),
        Case(
            "pm",
            "select union insert delete drop script iframe onload onerror passwd",
        ),
        Case("within", "GET HEAD POST OPTIONS"),
        Case("contains", "<script"),
        Case("strmatch", "document.cookie"),
        Case("validateByteRange", "9,10,13,32-126,128-255"),
        Case("detectSQLi", ""),
        Case("detectXSS", ""),
    ];

    #[divan::bench(args = CASES)]
    fn on_plain_text(bencher: Bencher, case: &Case) {
        run(bencher, *case, &plain());
    }

    #[divan::bench(args = CASES)]
    fn on_busy_text(bencher: Bencher, case: &Case) {
        run(bencher, *case, &busy());
    }

    fn run(bencher: Bencher, Case(name, argument): Case, value: &[u8]) {
        let context = CompileContext {
            config_dir: None,
            pcre_match_limit: Some(100_000),
            pcre_match_limit_recursion: Some(100_000),
            file: &|_| Err(std::io::ErrorKind::NotFound.into()),
            grammars: &UnreadGrammars,
        };
        let operator = compile(Kind::lookup(name).unwrap(), argument.as_bytes(), &context).unwrap();
        bencher
            .counter(BytesCount::new(value.len()))
            .bench_local(|| operator.evaluate(argument.as_bytes(), black_box(value), false));
    }
}

mod metrics {
    use super::*;
    use palisade::metrics::{Asked, Finished, Metrics};
    use palisade::types::Phase;
    use std::time::SystemTime;

    static METRICS: Metrics = Metrics::new();

    /// All that a request is counted with, one in ten of them refused.
    #[divan::bench(threads = [1, 2])]
    fn count_a_request(bencher: Bencher) {
        let refused = Finished {
            client: [192, 0, 2, 7].into(),
            interruption: Some((Phase::RequestBody, 403)),
            nanoseconds: [10_000; 5],
            request_bytes: 100,
            response_bytes: 1_000,
            asked: Asked::default(),
        };
        let passed = Finished {
            interruption: None,
            ..refused
        };
        bencher.bench(|| {
            for number in 0..10 {
                let finished = if number == 0 { &refused } else { &passed };
                METRICS.begun();
                METRICS.finished(black_box(finished), SystemTime::now());
                METRICS.rule(949_110, number == 0);
            }
        });
    }
}

mod audit {
    use super::*;
    use palisade::audit::{AuditLog, Format, Parts, render};

    #[divan::bench(args = [Format::Native, Format::Json, Format::Ecs])]
    fn render_a_record(bencher: Bencher, format: &Format) {
        let (record, parts) = (fixture::full(), all());
        bencher.bench_local(|| render(black_box(&record), &parts, *format));
    }

    #[divan::bench]
    fn write_a_record(bencher: Bencher) {
        let (record, parts) = (fixture::full(), all());
        let scratch = fixture::Scratch::new("bench");
        let log = AuditLog::open(&scratch.0.join("audit.log"), 0o600).unwrap();
        bencher.bench_local(|| {
            log.write(black_box(&record), &parts, Format::Native)
                .unwrap()
        });
    }

    fn all() -> Parts {
        Parts::parse("ABCDEFGHIJKZ").unwrap()
    }
}
