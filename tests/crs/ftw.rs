//! The suite's files: tests, and the overrides for an engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde::Deserialize;

/// One test: requests that are sent in order, each with what is expected of it.
pub struct Test {
    /// `RULE-NUMBER`, as in `942100-7`.
    pub id: String,
    pub stages: Vec<Stage>,
}

impl Test {
    /// Whether an engine that never matches fails it.
    pub fn demands_a_match(&self) -> bool {
        self.stages.iter().any(|stage| {
            let output = &stage.output;
            !output.expect_error
                && (!output.log.expect_ids.is_empty() || output.log.match_regex.is_some())
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub input: Input,
    pub output: Output,
}

/// A request in parts, or as a whole in `encoded_request`. Scalars are taken as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    #[serde(default, rename = "dest_addr")]
    _dest_addr: String,
    #[serde(default, rename = "port")]
    _port: Option<u16>,
    #[serde(default = "get")]
    pub method: String,
    #[serde(default = "root")]
    pub uri: String,
    #[serde(default = "http_1_1")]
    pub version: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub data: Option<String>,
    #[serde(default = "yes")]
    pub autocomplete_headers: bool,
    /// Base64.
    pub encoded_request: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    pub status: Option<u16>,
    #[serde(default)]
    pub log: LogExpectation,
    /// No response that can be parsed; nothing else is looked at then.
    #[serde(default)]
    pub expect_error: bool,
    #[serde(default, rename = "retry_once")]
    _retry_once: bool,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogExpectation {
    #[serde(default)]
    pub expect_ids: Vec<u64>,
    #[serde(default)]
    pub no_expect_ids: Vec<u64>,
    #[serde(default, with = "pattern")]
    pub match_regex: Option<Regex>,
    #[serde(default, with = "pattern")]
    pub no_match_regex: Option<Regex>,
}

mod pattern {
    use super::{Deserialize, Regex};

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Regex>, D::Error> {
        let text = String::deserialize(from)?;
        Regex::new(&text)
            .map(Some)
            .map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize)]
struct TestFile {
    rule_id: u64,
    tests: Vec<TestEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestEntry {
    test_id: u32,
    #[serde(default, rename = "desc")]
    _desc: String,
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
struct OverrideFile {
    test_overrides: Vec<Override>,
}

#[derive(Deserialize)]
struct Override {
    rule_id: u64,
    test_ids: Vec<u32>,
    output: Output,
}

fn get() -> String {
    "GET".into()
}

fn root() -> String {
    "/".into()
}

fn http_1_1() -> String {
    "HTTP/1.1".into()
}

fn yes() -> bool {
    true
}

/// All tests below a directory, in the order of the files' names.
pub fn load(directory: &Path) -> Result<Vec<Test>, String> {
    let mut tests = Vec::new();
    for file in yaml_files(directory)? {
        let parsed: Option<TestFile> = parse(&file)?;
        // A file of comments is a file without tests.
        let Some(parsed) = parsed else { continue };
        for entry in parsed.tests {
            tests.push(Test {
                id: format!("{}-{}", parsed.rule_id, entry.test_id),
                stages: entry.stages,
            });
        }
    }
    Ok(tests)
}

/// Replaces the expectations of the tests that a file of overrides names; returns the ids that it names in vain.
pub fn apply(tests: &mut [Test], file: &Path) -> Result<Vec<String>, String> {
    let parsed: OverrideFile = parse(file)?;
    let mut unknown = Vec::new();
    for entry in parsed.test_overrides {
        for number in entry.test_ids {
            let id = format!("{}-{number}", entry.rule_id);
            match tests.iter_mut().find(|test| test.id == id) {
                Some(test) => {
                    for stage in &mut test.stages {
                        stage.output = entry.output.clone();
                    }
                }
                None => unknown.push(id),
            }
        }
    }
    Ok(unknown)
}

fn parse<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    serde_norway::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))
}

fn yaml_files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_path_buf()];
    while let Some(directory) = directories.pop() {
        let entries =
            fs::read_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
        for entry in entries {
            let path = entry.map_err(|e| e.to_string())?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[test]
fn scalars_are_taken_as_written() {
    let file: TestFile = serde_norway::from_str(
        "meta: {}\nrule_id: 920100\ntests:\n  - test_id: 4\n    stages:\n      - input:\n          version: \"\"\n          \
         headers: {Content-Length: 0, X: 1.10, Y: 0x10, Z: yes}\n          data: |\n            a\n              b\n\n            c\n        \
         output:\n          log: {match_regex: 'a\\d'}\n",
    )
    .unwrap();
    let stage = &file.tests[0].stages[0];
    let headers: Vec<&str> = stage.input.headers.values().map(String::as_str).collect();
    assert_eq!(headers, ["0", "1.10", "0x10", "yes"]);
    assert_eq!(stage.input.data.as_deref(), Some("a\n  b\n\nc\n"));
    assert_eq!(stage.input.version, "");
    assert_eq!(stage.input.method, "GET");
    assert!(
        stage
            .output
            .log
            .match_regex
            .as_ref()
            .is_some_and(|r| r.is_match("a1"))
    );
}

#[test]
fn what_the_runner_does_not_know_is_an_error() {
    let unknown = "input: {uri: /, stop_magic: true}\noutput: {}\n";
    assert!(serde_norway::from_str::<Stage>(unknown).is_err());
    assert!(serde_norway::from_str::<Stage>("input: {uri: /}\noutput: {}\n").is_ok());
}
