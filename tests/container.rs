//! The container image without a container: what its entrypoint makes of the environment is configuration, and its page lists what it reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use palisade::config::Tree;
use scratch::Scratch;

#[path = "support/scratch.rs"]
mod scratch;

fn read(name: &str) -> String {
    fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("container")
            .join(name),
    )
    .unwrap()
}

/// Runs the entrypoint below a directory of its own: what it said, and what it wrote.
fn entrypoint(scratch: &Scratch, variables: &[(&str, &str)]) -> (Output, String) {
    let run = scratch.path().join("run").display().to_string();
    let script = read("entrypoint.sh").replace("/run/", &format!("{run}/"));
    let mut shell = Command::new("sh")
        .arg("-s")
        .arg("true")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    shell
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let output = shell.wait_with_output().unwrap();
    let written = scratch.path().join("run/palisade/environment.conf");
    (output, fs::read_to_string(written).unwrap_or_default())
}

/// Words that are names of variables: capitals and underlines, between what the caller says.
fn names(text: &str, is_name: impl Fn(&str) -> bool) -> BTreeSet<String> {
    text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        .filter(|word| {
            word.len() > 3
                && word.starts_with(|first: char| first.is_ascii_uppercase())
                && word
                    .chars()
                    .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        })
        .filter(|word| is_name(word))
        .map(str::to_owned)
        .collect()
}

/// The variables of the page's table.
fn documented() -> BTreeSet<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/container.md"))
        .unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| names(row.split('|').next().unwrap(), |_| true))
        .collect()
}

#[test]
fn what_the_page_lists_is_what_the_entrypoint_reads() {
    let script = read("entrypoint.sh");
    // From the functions that put the configuration together to what is not in here.
    let body = &script[script.find("\nserver() {").unwrap()
        ..script.find("\n# Variables of the Core Rule Set's").unwrap()];
    // What it defines for palisade.conf without being asked.
    let own = [
        "ABIJDEFHZ",
        "JSON",
        "SC2016",
        "BACKEND_TLS",
        "ACCESS_LOG",
        "MATCHED_VAR",
        "REQUEST_HEADERS",
        "RESPONSE",
        "REQUEST",
        "EXCLUSION",
        "RULES",
        "BEFORE",
        "AFTER",
        "HIGH",
    ];
    let mut read = names(body, |word| !own.contains(&word));
    read.extend(
        [
            "MODSEC_DEFAULT_PHASE1_ACTION",
            "MODSEC_DEFAULT_PHASE2_ACTION",
        ]
        .map(str::to_owned),
    );
    read.retain(|name| name != "MODSEC_DEFAULT_PHASE");
    let documented = documented();
    assert!(documented.len() > 80, "{documented:?}");
    let missing: Vec<_> = documented.symmetric_difference(&read).collect();
    assert!(
        missing.is_empty(),
        "in docs/container.md or in the entrypoint, and not in both: {missing:?}"
    );
}

#[test]
fn whatever_is_set_becomes_sound_configuration() {
    // Numbers and words where the entrypoint wants such; the rest says what it has to.
    let values = |name: &str| match name {
        "MODSEC_RULE_ENGINE" | "PINGBACK" => "DetectionOnly",
        "MODSEC_REQ_BODY_LIMIT_ACTION" | "MODSEC_RESP_BODY_LIMIT_ACTION" => "ProcessPartial",
        "MODSEC_AUDIT_ENGINE" | "MODSEC_UPLOAD_KEEP_FILES" => "RelevantOnly",
        "MODSEC_AUDIT_LOG_FORMAT" => "Native",
        "MODSEC_AUDIT_LOG_TYPE" => "Serial",
        "MODSEC_AUDIT_LOG_PARTS" => "ABHZ",
        "MODSEC_AUDIT_LOG_RELEVANT_STATUS" => "^5",
        "MODSEC_ARGUMENT_SEPARATOR" => ";",
        "MODSEC_RESP_BODY_MIMETYPE" => "text/html text/css",
        "MODSEC_UNICODE_MAPPING" => "unicode.mapping 20127",
        "MODSEC_UPLOAD_FILE_MODE" => "0600",
        "MODSEC_DEFAULT_PHASE1_ACTION" => "phase:1,log,pass,tag:'${MODSEC_TAG}'",
        "MODSEC_DEFAULT_PHASE2_ACTION" => "phase:2,log,deny,tag:'mine'",
        "MODSEC_DEBUG_LOGLEVEL" | "MODSEC_COOKIE_FORMAT" => "1",
        "SERVER_TOKENS" => "Full",
        "PROXY_SSL_VERIFY" => "require",
        "COLLECTION_STORE" => "redis://redis:6379",
        "BACKEND" => "https://blog:8443/",
        "CRS_DIR" => "/nowhere",
        name if name.ends_with("_ACCESS")
            || name.ends_with("_COMPRESSION")
            || name.ends_with("_HOST")
            || name.ends_with("_NAME") =>
        {
            "On"
        }
        name if name.ends_with("_LOG") => "/tmp/palisade-container.log",
        name if name.ends_with("_OVERRIDE") || name.ends_with("_SIGNATURE") => "On",
        name if name.ends_with("_DIR") || name.ends_with("_STORAGE") => "/tmp",
        "TRUSTED_PROXY" | "REMOTEIP_INT_PROXY" => "192.0.2.0/24 2001:db8::1",
        _ => "7",
    };
    let names = documented();
    let variables: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), values(name)))
        .collect();
    let scratch = Scratch::new("container");
    let (output, written) = entrypoint(&scratch, &variables);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    for (variable, piece) in [
        (
            "BACKEND",
            "Define BACKEND \"https://blog:8443\"\nDefine BACKEND_TLS\n",
        ),
        ("REMOTEIP", "SecTrustedProxy 192.0.2.0/24 2001:db8::1\n"),
        (
            "MODSEC_RESP_BODY_MIMETYPE",
            "SecResponseBodyMimeTypesClear\nSecResponseBodyMimeType text/html text/css\n",
        ),
        ("PARANOIA", "setvar:'tx.blocking_paranoia_level=7'"),
        (
            "MODSEC_DEFAULT_PHASE2_ACTION",
            "SecDefaultAction \"phase:2,log,deny,tag:'mine'\"\n",
        ),
    ] {
        assert!(
            written.contains(piece),
            "{variable}: {piece:?} in {written}"
        );
    }
    // What httpd would say to it, but for files that only the image has.
    let own: Vec<&str> = written
        .lines()
        .filter(|line| !line.starts_with("Include") && !line.starts_with("SecUnicodeMapFile"))
        .collect();
    let file = scratch.path().join("own.conf");
    fs::write(&file, own.join("\n") + "\n").unwrap();
    let (tree, errors) = Tree::read(&[file], &[], None);
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(
        tree.all("SecDefaultAction").count(),
        4,
        "before and behind crs-setup.conf"
    );
}

#[test]
fn what_makes_no_sense_is_refused_and_what_has_no_effect_is_told() {
    for (variable, value, reason) in [
        ("PORT", "x", "PORT is x, and must be a number"),
        ("PARANOIA", "high", "must be a number"),
        (
            "MODSEC_RULE_ENGINE",
            "Maybe",
            "must be one of: On Off DetectionOnly",
        ),
        (
            "SERVER_NAME",
            "a\"\nSecRuleEngine Off",
            "SERVER_NAME has a quote",
        ),
        (
            "SERVER_NAME",
            "a\nSecRuleEngine Off",
            "SERVER_NAME has a quote",
        ),
        ("MODSEC_TAG", "a',deny,tag:'b", "MODSEC_TAG has a quote"),
        ("MODSEC_DEFAULT_PHASE1_ACTION", "pass\"", "has a quote"),
        ("ALLOWED_METHODS", "GET,POST", "ALLOWED_METHODS has a comma"),
    ] {
        let (output, _) = entrypoint(&Scratch::new("container-wrong"), &[(variable, value)]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{variable}={value}");
        assert!(
            said.starts_with("palisade: ") && said.contains(reason),
            "{said}"
        );
    }
    let variables = [
        ("MODSEC_NOSUCH", "1"),
        ("METRICSLOG", "1"),
        ("CORS_HEADER", "1"),
        ("HOME", "/"),
        ("PARANOIA", "2"),
    ];
    let (output, _) = entrypoint(&Scratch::new("container-told"), &variables);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    let told: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    assert_eq!(
        told,
        ["CORS_HEADER", "METRICSLOG", "MODSEC_NOSUCH"],
        "{said}"
    );
}

#[test]
fn the_files_of_the_image_and_of_compose_are_there() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    for line in read("Containerfile").lines() {
        let Some(words) = line.strip_prefix("COPY container/") else {
            continue;
        };
        let file = words.split(' ').next().unwrap();
        assert!(top.join("container").join(file).is_file(), "{line}");
    }
    let compose = read("compose.yaml");
    for mounted in compose
        .split("./")
        .skip(1)
        .filter_map(|rest| rest.split(':').next())
    {
        assert!(top.join("container").join(mounted).is_file(), "{mounted}");
    }
    assert_eq!(compose.matches("./").count(), 2);
}

#[test]
fn stages_of_the_image_are_named_by_no_variable() {
    // buildah before 1.29 takes such a name for that of an image, and asks registries for it.
    let file = read("Containerfile");
    let default = |name: &str| {
        let start = format!("ARG {name}=");
        file.lines().find_map(|line| line.strip_prefix(&start))
    };
    let bases: Vec<&str> = file
        .lines()
        .filter_map(|line| line.strip_prefix("FROM "))
        .filter_map(|rest| rest.split_whitespace().next())
        .collect();
    assert!(bases.len() >= 2, "{bases:?}");
    for base in bases {
        let image = match base.strip_prefix('$') {
            Some(name) => default(name).unwrap_or_else(|| panic!("{base} has no default")),
            None => base,
        };
        assert!(image.contains('/'), "FROM {base}: {image} is no image");
    }
}
