//! Requests from a file with a command line of curl's, as browsers copy it.

use std::path::Path;

use super::{form, shell};
use crate::transformations::{Env, Transformation};

/// What curl calls itself, where nobody says otherwise.
const USER_AGENT: &str = "curl/8.5.0";

/// The request that curl would send. `directory` is where files of `@name` are looked for.
pub fn read(text: &str, directory: &Path) -> Result<Vec<u8>, String> {
    let words = shell::words(text)?;
    let mut words = words.into_iter();
    let command = words.next().unwrap_or_default();
    if command != "curl" && !command.ends_with("/curl") {
        return Err("a command line of curl's begins with curl".to_owned());
    }
    let mut request = Request::default();
    while let Some(word) = words.next() {
        request.take(&word, &mut || words.next(), directory)?;
    }
    request.bytes()
}

#[derive(Default)]
struct Request {
    method: Option<String>,
    url: Option<String>,
    headers: Vec<(String, String)>,
    data: Vec<Vec<u8>>,
    in_query: bool,
    old: bool,
    head: bool,
    /// The parts of `-F`.
    parts: Vec<Vec<u8>>,
    path_as_is: bool,
}

/// Options with an argument that change nothing of a request to a server.
const IGNORED: [&str; 16] = [
    "-o",
    "--output",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--resolve",
    "-w",
    "--write-out",
    "--retry",
    "-x",
    "--proxy",
    "--cacert",
    "-E",
    "--cert",
    "--key",
    "-c",
];

impl Request {
    fn take(
        &mut self,
        word: &str,
        next: &mut dyn FnMut() -> Option<String>,
        directory: &Path,
    ) -> Result<(), String> {
        // `-XPOST` and `--request=POST`.
        let (option, mut attached) = match word {
            _ if !word.starts_with('-') || word.len() < 2 => {
                self.url.get_or_insert_with(|| word.to_owned());
                return Ok(());
            }
            _ if word.starts_with("--") => match word.split_once('=') {
                Some((option, value)) => (option.to_owned(), Some(value.to_owned())),
                None => (word.to_owned(), None),
            },
            _ => {
                let takes = "XHdAebuFomxwEc";
                let letters = word.get(1..).unwrap_or_default();
                match letters
                    .char_indices()
                    .find(|(_, letter)| takes.contains(*letter))
                {
                    Some((at, letter)) => {
                        for flag in letters.get(..at).unwrap_or_default().chars() {
                            self.flag(&format!("-{flag}"))?;
                        }
                        let value = letters.get(at + 1..).filter(|value| !value.is_empty());
                        (format!("-{letter}"), value.map(str::to_owned))
                    }
                    None => {
                        for flag in letters.chars() {
                            self.flag(&format!("-{flag}"))?;
                        }
                        return Ok(());
                    }
                }
            }
        };
        let mut value = || {
            attached
                .take()
                .or_else(&mut *next)
                .ok_or_else(|| format!("{option} needs a value"))
        };
        match option.as_str() {
            "-X" | "--request" => self.method = Some(value()?),
            "-H" | "--header" => {
                let header = value()?;
                let (name, value) = header.split_once(':').unwrap_or((&header, ""));
                self.headers
                    .push((name.trim().to_owned(), value.trim().to_owned()));
            }
            "-d" | "--data" | "--data-ascii" => {
                let data = contents(&value()?, directory)?;
                let stripped = data
                    .into_iter()
                    .filter(|byte| !matches!(byte, b'\r' | b'\n'));
                self.data.push(stripped.collect());
            }
            "--data-binary" => self.data.push(contents(&value()?, directory)?),
            "--data-raw" => self.data.push(value()?.into_bytes()),
            "--data-urlencode" => self.data.push(encoded_data(&value()?, directory)?),
            "--json" => {
                self.data.push(contents(&value()?, directory)?);
                for name in ["Content-Type", "Accept"] {
                    self.headers
                        .push((name.to_owned(), "application/json".to_owned()));
                }
            }
            "-A" | "--user-agent" => self.headers.push(("User-Agent".to_owned(), value()?)),
            "-e" | "--referer" => self.headers.push(("Referer".to_owned(), value()?)),
            "-b" | "--cookie" => match value()? {
                // Otherwise it names a file of cookies, which are for servers that curl knows.
                cookies if cookies.contains('=') => {
                    self.headers.push(("Cookie".to_owned(), cookies));
                }
                _ => {}
            },
            "-u" | "--user" => {
                let encode = Transformation::lookup("base64Encode");
                let user = value()?.into_bytes();
                let text = encode.map(|encode| encode.apply(&user, &Env::default()).into_owned());
                let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
                self.headers
                    .push(("Authorization".to_owned(), format!("Basic {text}")));
            }
            "--url" => self.url = Some(value()?),
            "-F" | "--form" => self.parts.push(form::part(&value()?, directory)?),
            ignored if IGNORED.contains(&ignored) => {
                value()?;
            }
            flag => self.flag(flag)?,
        }
        Ok(())
    }

    fn flag(&mut self, flag: &str) -> Result<(), String> {
        match flag {
            "-I" | "--head" => self.head = true,
            "-G" | "--get" => self.in_query = true,
            "-0" | "--http1.0" => self.old = true,
            "--path-as-is" => self.path_as_is = true,
            "--compressed" => self.headers.push((
                "Accept-Encoding".to_owned(),
                "deflate, gzip, br, zstd".to_owned(),
            )),
            // About the connection, the output, or a second request.
            "-s" | "-S" | "-k" | "-L" | "-v" | "-i" | "-f" | "-g" | "-N" | "-O" | "-J" | "-#"
            | "--silent" | "--show-error" | "--insecure" | "--location" | "--verbose"
            | "--include" | "--fail" | "--globoff" | "--http1.1" | "--http2" | "--no-buffer"
            | "-4" | "-6" => {}
            other => return Err(format!("curl's option {other} is not understood here")),
        }
        Ok(())
    }

    fn bytes(self) -> Result<Vec<u8>, String> {
        let url = self.url.ok_or("there is no URL")?;
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let (authority, target) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let host = authority.rsplit('@').next().unwrap_or(authority);
        let mut target = target.split('#').next().unwrap_or_default().to_owned();
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        if !self.path_as_is {
            target = without_dots(&target);
        }
        let is_form = !self.parts.is_empty();
        let data = match is_form {
            true => [self.parts.concat(), form::end()].concat(),
            false => self.data.join(&b'&'),
        };
        let has_body = is_form || !self.data.is_empty() && !self.in_query;
        if self.in_query && !data.is_empty() {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&String::from_utf8_lossy(&data));
        }
        let method = self.method.unwrap_or_else(|| {
            match (self.head, has_body) {
                (true, _) => "HEAD",
                (false, true) => "POST",
                (false, false) => "GET",
            }
            .to_owned()
        });
        let version = if self.old { "HTTP/1.0" } else { "HTTP/1.1" };
        let mut text = format!("{method} {target} {version}\r\n");
        let given = |name: &str| {
            let mut headers = self.headers.iter();
            headers.any(|(given, _)| given.eq_ignore_ascii_case(name))
        };
        let defaults = [
            ("Host", host),
            ("User-Agent", USER_AGENT),
            ("Accept", "*/*"),
        ];
        for (name, value) in defaults {
            if !given(name) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        for (name, value) in &self.headers {
            // `-H 'Accept:'` takes a header away.
            if !value.is_empty() {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        if has_body {
            let media_type = match is_form {
                true => form::media_type(),
                false => "application/x-www-form-urlencoded".to_owned(),
            };
            if !given("Content-Type") {
                text.push_str(&format!("Content-Type: {media_type}\r\n"));
            }
            if !given("Content-Length") {
                text.push_str(&format!("Content-Length: {}\r\n", data.len()));
            }
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        if has_body {
            bytes.extend(data);
        }
        Ok(bytes)
    }
}

/// A value, or what is in the file that it names.
fn contents(value: &str, directory: &Path) -> Result<Vec<u8>, String> {
    match value.strip_prefix('@') {
        Some(name) => {
            std::fs::read(directory.join(name)).map_err(|error| format!("{name}: {error}"))
        }
        None => Ok(value.as_bytes().to_vec()),
    }
}

/// What `--data-urlencode` makes of `text`, `=text`, `name=text`, `@file` and `name@file`.
fn encoded_data(text: &str, directory: &Path) -> Result<Vec<u8>, String> {
    let (name, value) = match text.find(['=', '@']) {
        Some(at) => {
            let (name, value) = text.split_at(at);
            let value = match value.strip_prefix('=') {
                Some(value) => value.as_bytes().to_vec(),
                None => contents(value, directory)?,
            };
            (name, value)
        }
        None => ("", text.as_bytes().to_vec()),
    };
    let equals = if name.is_empty() { "" } else { "=" };
    Ok(format!("{name}{equals}{}", encoded(&value)).into_bytes())
}

/// A target as curl asks for it unless `--path-as-is` is given: the segments `.` and `..` of its path are resolved.
fn without_dots(target: &str) -> String {
    let (path, query) = match target.find('?') {
        Some(at) => target.split_at(at),
        None => (target, ""),
    };
    let mut segments: Vec<&str> = Vec::new();
    let mut ends_open = false;
    for segment in path.split('/').skip(1) {
        ends_open = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let end = if ends_open && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}{query}", segments.join("/"))
}

fn encoded(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> String {
        String::from_utf8(read(text, Path::new("/nowhere")).unwrap()).unwrap()
    }

    #[test]
    fn a_command_line_becomes_a_request() {
        assert_eq!(
            request(
                "curl 'https://u@Blog.example/a?b=c#d' \\\n  -H 'Accept:' -H \"X-A: \\\"q\\\"\" --compressed -sS"
            ),
            "GET /a?b=c HTTP/1.1\r\nHost: Blog.example\r\nUser-Agent: curl/8.5.0\r\nX-A: \"q\"\r\nAccept-Encoding: deflate, gzip, br, zstd\r\n\r\n"
        );
        assert_eq!(
            request("curl -XPUT blog.example -d a=1 --data-urlencode 'b= x' -A me -u a:b"),
            "PUT / HTTP/1.1\r\nHost: blog.example\r\nAccept: */*\r\nUser-Agent: me\r\nAuthorization: Basic YTpi\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\na=1&b=%20x"
        );
        assert!(request("curl -G -d q=1 h/?a --http1.0").starts_with("GET /?a&q=1 HTTP/1.0\r\n"));
        assert!(request("curl -I h").starts_with("HEAD / HTTP/1.1\r\n"));
        assert!(request(r"curl h --data-raw $'a\u0041\x42\n\''").ends_with("\r\n\r\naAB\n'"));
    }

    #[test]
    fn a_form_is_a_body_of_parts() {
        let said = request("curl h -F 'a=b;type=text/x' -F c=d");
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST / HTTP/1.1\r\n"));
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{head}"
        );
        assert!(head.contains("Content-Type: multipart/form-data; boundary=----"));
        assert!(
            body.contains("form-data; name=\"a\"\r\nContent-Type: text/x\r\n\r\nb\r\n--"),
            "{body}"
        );
        assert!(
            body.contains("form-data; name=\"c\"\r\n\r\nd\r\n--"),
            "{body}"
        );
        assert!(body.ends_with("--\r\n"));
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = read("curl h -F 'up=@LICENSE;filename=x.php'", own).unwrap();
        let file = String::from_utf8_lossy(&file).into_owned();
        assert!(
            file.contains("filename=\"x.php\"\r\nContent-Type: application/octet-stream\r\n\r\n")
        );
    }

    #[test]
    fn dots_are_resolved_as_curl_does_it() {
        for (given, asked) in [
            ("/../../etc/passwd", "/etc/passwd"),
            ("/a/./b/../c", "/a/c"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/a//../b", "/a/b"),
            ("/a/?../x", "/a/?../x"),
            ("/..a/b..", "/..a/b.."),
            ("/", "/"),
        ] {
            assert_eq!(without_dots(given), asked, "{given}");
        }
        assert!(request("curl --path-as-is h/a/../b").starts_with("GET /a/../b "));
        assert!(request("curl h/a/../b").starts_with("GET /b "));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        for wrong in [
            "wget x",
            "curl",
            "curl 'x",
            "curl -F a x",
            "curl -F a=@gone x",
            "curl --nope x",
            "curl -d @gone x",
            "curl x -X",
        ] {
            assert!(read(wrong, Path::new("/nowhere")).is_err(), "{wrong}");
        }
    }
}
