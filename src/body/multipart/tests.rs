use std::io;
use std::sync::{Arc, Mutex};

use super::*;
use crate::body::{Kind, Parsed, Parser, Settings};
use crate::limits::*;

mod bodies;
mod headers;

const CT: &[u8] = b"multipart/form-data; boundary=b";

fn read_as(content_type: &[u8], body: &[u8]) -> Parsed {
    let settings = Settings::default();
    let sink = Box::new(MemorySink::default());
    let mut parser = Parser::with_files(Kind::Multipart, content_type, &settings, sink);
    parser.feed(body);
    parser.finish()
}

fn read(body: &[u8]) -> Parsed {
    read_as(CT, body)
}

/// The flags that are set, by the letters of their names.
fn flags(parsed: &Parsed) -> String {
    let flags = &parsed.multipart.as_ref().unwrap().flags;
    let all = [
        ("BQ", "BOUNDARY_QUOTED"),
        ("BW", "BOUNDARY_WHITESPACE"),
        ("DB", "DATA_BEFORE"),
        ("DA", "DATA_AFTER"),
        ("HF", "HEADER_FOLDING"),
        ("CRLF", "CRLF_LINE"),
        ("LF", "LF_LINE"),
        ("CRLFLF", "CRLF_LF_LINES"),
        ("SM", "MISSING_SEMICOLON"),
        ("IP", "INVALID_PART"),
        ("IQ", "INVALID_QUOTING"),
        ("IH", "INVALID_HEADER_FOLDING"),
        ("FL", "FILE_LIMIT_EXCEEDED"),
        ("SE", "STRICT_ERROR"),
        ("UB", "UNMATCHED_BOUNDARY"),
    ];
    let set = all
        .iter()
        .filter(|(_, name)| flags.variable(&format!("multipart_{name}")).unwrap());
    set.map(|(short, _)| *short).collect::<Vec<_>>().join(",")
}

fn args(parsed: &Parsed) -> Vec<(String, String)> {
    let text = |bytes: &Bytes| bytes.escape_ascii().to_string();
    parsed
        .args
        .iter()
        .map(|a| (text(&a.name), text(&a.value)))
        .collect()
}

fn error(parsed: &Parsed) -> &str {
    parsed
        .error
        .as_deref()
        .unwrap_or("")
        .trim_start_matches("Multipart: ")
}

/// One field `a` with the value `v`, `\n` in the pattern standing for CR LF.
fn lines(pattern: &str) -> Vec<u8> {
    let disposition = "Content-Disposition: form-data; name=\"a\"";
    pattern
        .replace('\n', "\r\n")
        .replace("{D}", disposition)
        .replace("{LF}", "\n")
        .into_bytes()
}

const FIELD: &str = "--b\n{D}\n\nv\n--b--\n";

#[test]
fn a_browser_s_form_raises_no_flag() {
    let body = lines(
        "--b\n{D}\n\none\ntwo\n--b\n\
         Content-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\nContent-Type: text/plain\n\n\
         file\ncontent\n\n--b\n\
         Content-Disposition: form-data; name=\"g\"; filename=\"\"\nContent-Type: application/octet-stream\n\n\n--b--\n",
    );
    let parsed = read(&body);
    assert_eq!(parsed.error, None);
    assert_eq!(flags(&parsed), "CRLF");
    assert_eq!(args(&parsed), [("a".into(), "one\\r\\ntwo".into())]);
    let multipart = parsed.multipart.unwrap();
    let files: Vec<_> = multipart.files().collect();
    assert_eq!(files.len(), 2);
    assert_eq!(files[0].0, "f");
    assert_eq!(files[0].1.name, "x.txt");
    assert_eq!(files[0].1.size, 15);
    assert_eq!(
        files[0].1.content,
        Content::Memory(Bytes::from_static(b"file\r\ncontent\r\n"))
    );
    assert_eq!(
        files[1].1,
        &File {
            name: Bytes::new(),
            size: 0,
            content: Content::Memory(Bytes::new())
        }
    );
    assert_eq!(multipart.parts[1].headers[1], "Content-Type: text/plain");
    assert_eq!(
        multipart.parts[1].header("CONTENT-TYPE"),
        Some(&b"text/plain"[..])
    );
    assert_eq!(multipart.name.unwrap(), "g");
    assert_eq!(multipart.filename.unwrap(), "");
    // Neither the files nor the boundaries count, nor the line endings before these.
    let boundaries = 3 * "--b\r\n".len() + "--b--\r\n".len() + 3 * "\r\n".len();
    assert_eq!(
        parsed.no_files_length,
        (body.len() - 15 - boundaries) as u64
    );
}

#[test]
fn a_malformed_part_still_shows_its_names_and_headers() {
    let body = "--b\r\nX-Evil: marker\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"; filename=\"g\"\r\n\r\nv\r\n--b--\r\n";
    let multipart = read(body.as_bytes()).multipart.unwrap();
    let names: Vec<_> = multipart
        .files()
        .map(|(name, file)| (&name[..], &file.name[..]))
        .collect();
    assert_eq!(names, [(&b"a"[..], &b"f"[..]), (b"a", b"g")]);
    assert_eq!(multipart.parts[0].headers[0], "X-Evil: marker");
    let nul = read(b"--b\r\nX: a\0evilmarker\r\n\r\n").multipart.unwrap();
    assert_eq!(nul.parts[0].headers[0], &b"X: a\0evilmarker"[..]);
}

#[test]
fn part_headers_are_raw_lines_with_folds_joined() {
    let body = lines(
        "--b\nContent-Disposition:form-data; name=\"a\"\nX:\t y  \n  z \n\t\tw\n\nv\n--b--\n",
    );
    let multipart = read(&body).multipart.unwrap();
    assert_eq!(
        multipart.parts[0].headers,
        ["Content-Disposition:form-data; name=\"a\"", "X:\t y   z  w"]
    );
}

#[test]
fn header_lines_have_limits() {
    let with_line = |length: usize| {
        let header = format!("X: {}\r\n", "y".repeat(length - 5));
        lines(&format!("--b\n{{D}}\n{header}\nv\n--b--\n").replace("\r\n", "\n"))
    };
    let limit = MULTIPART_LINE_LIMIT;
    let over = "Part header line over 4095 bytes long";
    for (length, expected) in [
        (limit - 1, ""),
        (limit, ""),
        (limit + 1, over),
        (limit + 2, over),
    ] {
        assert_eq!(error(&read(&with_line(length))), expected, "{length}");
    }
    let folded = |length: usize| {
        let (first, second) = ("y".repeat(2000), "z".repeat(length - 2002));
        lines(&format!("--b\n{{D}}\nX: {first}\n {second}\n\nv\n--b--\n"))
    };
    let limit = MULTIPART_HEADER_LIMIT;
    for (length, expected) in [
        (limit - 1, ""),
        (limit, ""),
        (limit + 1, "Part header too long."),
    ] {
        assert_eq!(error(&read(&folded(length))), expected, "{length}");
    }
    let headers = |count: usize| {
        let headers: String = (1..count).map(|i| format!("X{i}: y\n")).collect();
        lines(&format!("--b\n{{D}}\n{headers}\nv\n--b--\n"))
    };
    let limit = MULTIPART_HEADER_LINES_LIMIT;
    for (count, expected) in [
        (limit - 1, ""),
        (limit, ""),
        (limit + 1, "Part has more than 64 headers."),
    ] {
        assert_eq!(error(&read(&headers(count))), expected, "{count}");
    }
}

#[test]
fn long_lines_that_look_like_boundaries_are_data() {
    for length in [
        MULTIPART_LINE_LIMIT - 2,
        MULTIPART_LINE_LIMIT - 1,
        MULTIPART_LINE_LIMIT,
        3 * MULTIPART_LINE_LIMIT,
    ] {
        let line = format!("--{}", "q".repeat(length - 2));
        let parsed = read(&lines(&format!("--b\n{{D}}\n\n{line}\n--b--\n")));
        assert_eq!(flags(&parsed), "CRLF,UB", "{length}");
        assert_eq!(parsed.args[0].value, line, "{length}");
    }
    for length in [10, MULTIPART_LINE_LIMIT, 3 * MULTIPART_LINE_LIMIT] {
        let line = format!("{}--b{}", "q".repeat(length), "r".repeat(length));
        let parsed = read(&lines(&format!("--b\n{{D}}\n\n{line}\n--b--\n")));
        assert_eq!(flags(&parsed), "CRLF,UB", "{length}");
    }
    let long = format!(
        "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--b{}\r\n",
        "q".repeat(10_000)
    );
    let parsed = read(long.as_bytes());
    assert!(error(&parsed).starts_with("Invalid boundary: --bqqq"));
    assert!(error(&parsed).len() < 200, "{}", error(&parsed));
}

#[test]
fn numbers_of_parts_arguments_and_files_are_limited() {
    let fields = |count: usize| {
        let fields: String = (0..count)
            .map(|i| format!("--b\nContent-Disposition: form-data; name=\"f{i}\"\n\nv\n"))
            .collect();
        lines(&(fields + "--b--\n"))
    };
    for (count, kept, message) in [
        (999, 999, ""),
        (1000, 1000, ""),
        (1001, 1000, "SecArgumentsLimit exceeded"),
    ] {
        let parsed = read(&fields(count));
        assert_eq!(
            (parsed.args.len(), error(&parsed)),
            (kept, message),
            "{count}"
        );
        assert_eq!(parsed.arguments_limit_exceeded, !message.is_empty());
        assert_eq!(parsed.multipart.unwrap().parts.len(), count);
    }
    let limit = MULTIPART_PARTS_LIMIT;
    for (count, message) in [
        (limit, "SecArgumentsLimit exceeded"),
        (limit + 1, "More than 10000 parts."),
    ] {
        let parsed = read(&fields(count));
        assert_eq!(error(&parsed), message, "{count}");
        assert_eq!(parsed.multipart.unwrap().parts.len(), limit);
    }
    let files = |count: usize| {
        let files: String = (0..count)
            .map(|i| {
                format!("--b\nContent-Disposition: form-data; name=\"f{i}\"; filename=\"x\"\n\nv\n")
            })
            .collect();
        let empty =
            "--b\nContent-Disposition: form-data; name=\"e\"; filename=\"\"\n\n\n".repeat(20);
        lines(&(empty + &files + "--b--\n"))
    };
    // Empty files are files.
    for (count, expected) in [(79, "CRLF"), (80, "CRLF"), (81, "CRLF,FL,SE")] {
        let parsed = read(&files(count));
        assert_eq!(
            (flags(&parsed).as_str(), error(&parsed)),
            (expected, ""),
            "{count}"
        );
        let multipart = parsed.multipart.unwrap();
        let stored = multipart
            .files()
            .filter(|(_, file)| file.content != Content::Discarded);
        assert_eq!(stored.count(), (count + 20).min(100));
        assert_eq!(
            multipart.files().count(),
            count + 20,
            "every file is listed"
        );
    }
    let mut uncounted = Parser::new(Kind::Multipart, CT, &Settings::default());
    uncounted.feed(&files(81));
    let parsed = uncounted.finish();
    assert_eq!(flags(&parsed), "CRLF", "what is not stored is not limited");
}

/// Records what is asked of it, and fails when told to.
#[derive(Clone, Default)]
struct Recorder {
    calls: Arc<Mutex<Vec<String>>>,
    fail_at: usize,
}

impl Recorder {
    fn call(&mut self, call: String) -> io::Result<()> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(call);
        match calls.len() == self.fail_at {
            true => Err(io::Error::other("disk full")),
            false => Ok(()),
        }
    }
}

impl FileSink for Recorder {
    fn open(&mut self) -> io::Result<()> {
        self.call("open".into())
    }
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.call(format!("write {}", data.escape_ascii()))
    }
    fn close(&mut self) -> io::Result<Content> {
        self.call("close".into())
            .map(|()| Content::Memory(Bytes::from_static(b"x")))
    }
}

#[test]
fn one_file_is_open_at_a_time_and_every_failure_is_told() {
    let file = |name: &str| {
        format!("--b\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x\"\n\n{name}\n")
    };
    let body = lines(&(file("f") + &file("g") + "--b--\n"));
    let run = |fail_at: usize, body: &[u8]| {
        let recorder = Recorder {
            fail_at,
            ..Recorder::default()
        };
        let sink = Box::new(recorder.clone());
        let mut parser = Parser::with_files(Kind::Multipart, CT, &Settings::default(), sink);
        parser.feed(body);
        let parsed = parser.finish();
        let calls = recorder.calls.lock().unwrap().join(",");
        (parsed, calls)
    };
    let (parsed, calls) = run(0, &body);
    assert_eq!(calls, "open,write f,close,open,write g,close");
    assert_eq!(parsed.error, None);
    let multipart = parsed.multipart.unwrap();
    assert!(
        multipart
            .files()
            .all(|(_, file)| file.content == Content::Memory(Bytes::from_static(b"x")))
    );

    let expected = [
        (1, "Failed to create file: disk full", "open"),
        (2, "writing to file failed: disk full", "open,write f,close"),
        (3, "writing to file failed: disk full", "open,write f,close"),
        (
            5,
            "writing to file failed: disk full",
            "open,write f,close,open,write g,close",
        ),
    ];
    for (fail_at, message, expected) in expected {
        let (parsed, calls) = run(fail_at, &body);
        assert_eq!(
            (error(&parsed), calls.as_str()),
            (message, expected),
            "{fail_at}"
        );
    }
    let (parsed, calls) = run(0, &body[..body.len() - 12]);
    assert_eq!(error(&parsed), "Final boundary missing.");
    assert!(calls.ends_with("close"), "{calls}");
}

fn describe(parsed: &Parsed) -> String {
    format!("{parsed:#?}")
}

#[test]
fn any_split_gives_the_same_result() {
    let bodies: Vec<Vec<u8>> = [
        FIELD,
        "x\n--b\n{D}\n\n\rv\r\n\n-\n--\n--x\n--b\n--b--\nx",
        "--b\nContent-Disposition: form-data;\n name=\"f\"; filename=\"x\"\n\n-a\r-\n--\n\n--b--",
        "--b\n{D}\n\n--b--\n",
        "--b\n{D}\n\nx--b\n--b--\n",
        "--b\n{D}\n\n\r-\r--b--\n--b--\n",
        "--b{LF}{D}\n\nv{LF}--b--{LF}",
        "--b\n{D}\n\nv\n--b",
        "--b\n{D}\nX: \0\n",
    ]
    .iter()
    .map(|pattern| lines(pattern))
    .collect();
    for body in &bodies {
        let whole = describe(&read(body));
        for split in 0..=body.len() {
            for second in split..=body.len() {
                let sink = Box::new(MemorySink::default());
                let mut parser =
                    Parser::with_files(Kind::Multipart, CT, &Settings::default(), sink);
                parser.feed(&body[..split]);
                parser.feed(&body[split..second]);
                parser.feed(&body[second..]);
                assert_eq!(
                    describe(&parser.finish()),
                    whole,
                    "{} {split} {second}",
                    body.escape_ascii()
                );
            }
        }
    }
}

#[test]
fn error_messages_quote_a_limited_excerpt() {
    let limit = ERROR_EXCERPT_LIMIT;
    for (length, is_cut) in [(limit - 1, false), (limit, false), (limit + 1, true)] {
        let text = "x".repeat(length);
        let expected = match is_cut {
            true => format!("{} ...", &text[..limit]),
            false => text.clone(),
        };
        assert_eq!(excerpt(text.as_bytes()), expected, "{length}");
    }
    assert_eq!(
        excerpt(b"a\"'\r\n\t\x08\x0b\\\0\xe9"),
        "a\"'\\r\\n\\t\\b\\v\\\\\\x00\\xe9"
    );
}
