//! Scenarios, as they are written down in `tests/data/differential/*.toml`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The rule that writes down the transaction's variables at the end.
const DUMP: &str = "SecRule TX:/./ \"@unconditionalMatch\" \"id:99990,phase:5,t:none,pass,log,noauditlog,logdata:'TX %{MATCHED_VAR_NAME}=%{MATCHED_VAR}'\"";

/// Rules, and requests to send through them, in this order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Unique; also the name of its virtual host.
    pub name: String,
    /// Lines inside the virtual host.
    #[serde(default)]
    pub conf: String,
    /// Targets of which a rule of phase N logs names and values.
    #[serde(default)]
    show1: Vec<String>,
    #[serde(default)]
    show2: Vec<String>,
    #[serde(default)]
    show3: Vec<String>,
    #[serde(default)]
    show4: Vec<String>,
    #[serde(default)]
    show5: Vec<String>,
    /// Lines of the debug log are compared, too, at all levels.
    #[serde(default)]
    pub debug: bool,
    /// Host and URI of alerts in the error log are compared, too.
    #[serde(default)]
    pub place: bool,
    /// Parts of the audit log to be compared besides H.
    #[serde(default)]
    pub parts: String,
    /// Bodies are written with LF and sent with CRLF.
    #[serde(default)]
    crlf: bool,
    /// What a server behind this one answers below `/backend/`: a path there, and a response whose head is written with
    /// LF and sent with CRLF; or `echo`, which answers with the request that came.
    #[serde(default)]
    answers: BTreeMap<String, String>,
    /// See `Scenario::wire`.
    pub requests: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    scenario: Vec<Scenario>,
    #[serde(default)]
    configuration: Vec<Configuration>,
}

/// Lines of configuration, each of which is read or refused on its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Unique among these and the scenarios.
    pub name: String,
    /// They are read outside of virtual hosts.
    #[serde(default)]
    pub alone: bool,
    /// What stands before each of them.
    #[serde(default)]
    pub before: String,
    pub lines: Vec<String>,
}

impl Scenario {
    /// The virtual host with the scenario's rules, those that show targets, and the one that shows `TX`.
    pub fn virtual_host(&self) -> String {
        let mut text = format!(
            "<VirtualHost *>\nServerName {}\n{}\n",
            self.name,
            self.conf.trim_end()
        );
        if self.debug {
            let name = &self.name;
            let _ = writeln!(text, "SecDebugLog debug-{name}.log\nSecDebugLogLevel 9");
        }
        let shown = [
            &self.show1,
            &self.show2,
            &self.show3,
            &self.show4,
            &self.show5,
        ];
        for (targets, phase) in shown.into_iter().zip(1..) {
            for (target, number) in targets.iter().zip(0..) {
                let id = 90_000 + phase * 1_000 + number;
                let _ = writeln!(
                    text,
                    "SecRule \"{target}\" \"@unconditionalMatch\" \
                     \"id:{id},phase:{phase},t:none,pass,log,logdata:'%{{MATCHED_VAR_NAME}}=%{{MATCHED_VAR}}'\"",
                );
            }
        }
        if !self.answers.is_empty() {
            let name = &self.name;
            let _ = writeln!(
                text,
                "ProxyPass /backend/ http://127.0.0.1:${{BACKEND}}/{name}/ disablereuse=on"
            );
        }
        text + DUMP + "\n</VirtualHost>\n"
    }

    /// What the server behind answers, by path.
    pub fn answers(&self) -> HashMap<String, Vec<u8>> {
        let answers = self.answers.iter();
        answers
            .map(|(path, text)| {
                let text = match text.split_once("\n\n") {
                    Some((head, body)) => format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n")),
                    None => text.clone(),
                };
                (format!("/{}/{path}", self.name), bytes(&text))
            })
            .collect()
    }

    /// The bytes of a request: a request line, whose protocol may be missing, header lines, an empty line, a body. A
    /// character is a byte. `Host` and `Connection: close` are added, and with a body its length and, unless the request
    /// has a type or says `Content-Type: none`, the type of a form.
    pub fn wire(&self, request: &str) -> Vec<u8> {
        let (head, body) = match request.split_once("\n\n") {
            Some((head, body)) if self.crlf => (head, Some(body.replace('\n', "\r\n"))),
            Some((head, body)) => (head, Some(body.to_owned())),
            None => (request.trim_end_matches('\n'), None),
        };
        let mut lines = head.lines();
        let mut line = lines.next().unwrap_or_default().to_owned();
        if line.split(' ').count() == 2 {
            line.push_str(" HTTP/1.1");
        }
        let mut headers: Vec<String> = lines.map(str::to_owned).collect();
        let add = |name: &str, value: String, headers: &mut Vec<String>| {
            let has = headers.iter().any(|line| {
                line.split_once(':')
                    .is_some_and(|(known, _)| known.eq_ignore_ascii_case(name))
            });
            if !has {
                headers.push(format!("{name}: {value}"));
            }
        };
        add("Host", self.name.clone(), &mut headers);
        if let Some(body) = &body {
            add(
                "Content-Type",
                "application/x-www-form-urlencoded".into(),
                &mut headers,
            );
            if !headers.iter().any(|line| line.starts_with("Transfer-")) {
                add(
                    "Content-Length",
                    body.chars().count().to_string(),
                    &mut headers,
                );
            }
        }
        headers.retain(|line| line != "Content-Type: none");
        add("Connection", "close".into(), &mut headers);
        let head = format!("{line}\r\n{}\r\n\r\n", headers.join("\r\n"));
        bytes(&(head + &body.unwrap_or_default()))
    }
}

/// A character is a byte.
fn bytes(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect()
}

/// All scenarios of a directory, by file name and then as they are written; and the lines of configuration.
pub fn load(directory: &Path) -> (Vec<Scenario>, Vec<Configuration>) {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "toml"))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name != "differences.toml")
        })
        .collect();
    files.sort();
    let mut names = HashSet::new();
    let (mut scenarios, mut configurations) = (Vec::new(), Vec::new());
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let file: File =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let named = file.scenario.iter().map(|scenario| &scenario.name);
        for name in named.chain(file.configuration.iter().map(|lines| &lines.name)) {
            assert!(
                names.insert(name.clone()),
                "{}: {name} is not the first of that name",
                path.display(),
            );
        }
        scenarios.extend(file.scenario);
        configurations.extend(file.configuration);
    }
    (scenarios, configurations)
}
