//! Uploaded files: on disk while rules look at them, and afterwards only where they are to be kept.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{Answer, config, request};

/// Directories of a test, removed with it.
struct Directories(PathBuf);

impl Directories {
    fn new() -> Directories {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("palisade-uploads-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        for name in ["tmp", "kept"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        Directories(root)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Name, permissions and content of what is in a directory, in the order of the content.
    fn files(&self, name: &str) -> Vec<(String, u32, String)> {
        let entries = fs::read_dir(self.path(name)).unwrap();
        let mut files: Vec<_> = entries
            .map(|entry| {
                let entry = entry.unwrap();
                let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
                let content = fs::read_to_string(entry.path()).unwrap();
                (entry.file_name().into_string().unwrap(), mode, content)
            })
            .collect();
        files.sort_by(|a, b| a.2.cmp(&b.2));
        files
    }
}

impl Drop for Directories {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const BODY: &str = "--b\r\nContent-Disposition: form-data; name=\"one\"; filename=\"a b.txt\"\r\n\r\nfirst\r\n\
    --b\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n\
    --b\r\nContent-Disposition: form-data; name=\"two\"; filename=\"../evil.php\"\r\n\r\nsec\nond\r\n\
    --b\r\nContent-Disposition: form-data; name=\"three\"; filename=\"empty\"\r\n\r\n\r\n\
    --b--\r\n";

/// Sends the upload through rules that say what they see of it.
fn upload(directories: &Directories, directives: &str, target: &str, body: &str) -> Answer {
    let (tmp, kept) = (directories.path("tmp"), directories.path("kept"));
    let rules = format!(
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecTmpDir {}\nSecUploadDir {}\n{directives}\n\
         SecRule FILES_TMPNAMES \"@unconditionalMatch\" \"id:1,phase:2,pass,nolog,setvar:tx.name_%{{MATCHED_VAR_NAME}}=%{{MATCHED_VAR}}\"\n\
         SecRule FILES_TMP_CONTENT \"@unconditionalMatch\" \"id:2,phase:2,pass,nolog,setvar:tx.%{{MATCHED_VAR_NAME}}=%{{MATCHED_VAR}}\"\n\
         SecRule MULTIPART_FILE_LIMIT_EXCEEDED \"@eq 1\" \"id:3,phase:2,pass,nolog\"\n\
         SecRule REQBODY_ERROR \"@eq 1\" \"id:4,phase:2,pass,nolog,setvar:tx.error=%{{REQBODY_ERROR_MSG}}\"\n\
         SecRule ARGS:deny \"@eq 1\" \"id:5,phase:2,deny\"\n\
         SecRule ARGS:note \"@eq 1\" \"id:6,phase:2,pass,log\"\n\
         SecAction \"id:7,phase:2,pass,nolog,setvar:tx.size=%{{FILES_COMBINED_SIZE}}\"\n\
         SecRule FILES_TMPNAMES \"@unconditionalMatch\" \"id:8,phase:5,pass,nolog,setvar:tx.late=+1\"",
        tmp.display(),
        kept.display()
    );
    let head = format!(
        "POST {target} HTTP/1.1\nContent-Type: multipart/form-data; boundary=b\nContent-Length: 1"
    );
    request(&head).body(body).chunk(7).run(&config(&rules))
}

fn seen(answer: &Answer, prefix: &str) -> Vec<(String, String)> {
    let found = answer.tx.iter();
    found
        .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), value.clone())))
        .collect()
}

#[test]
fn nothing_is_written_where_nobody_asks_for_it() {
    let directories = Directories::new();
    let answer = upload(&directories, "", "/", BODY);
    assert_eq!(answer.matched, [7]);
    assert_eq!(answer.tx["size"], "12");
    assert!(directories.files("tmp").is_empty() && directories.files("kept").is_empty());
}

#[test]
fn rules_see_names_and_content_and_nothing_is_left() {
    let expected =
        regex::Regex::new("^[0-9]{8}-[0-9]{6}-Zxy0123456789012345678901-file-[A-Za-z0-9]{6}$")
            .unwrap();
    for target in ["/", "/?deny=1"] {
        let directories = Directories::new();
        let answer = upload(&directories, "SecTmpSaveUploadedFiles On", target, BODY);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            seen(&answer, "FILES_TMP_CONTENT:"),
            [
                pair("one", "first"),
                pair("three", ""),
                pair("two", "sec\nond")
            ]
        );
        let names = seen(&answer, "name_FILES_TMPNAMES:");
        assert_eq!(names.len(), 3);
        for (_, name) in &names {
            let name = Path::new(name);
            assert_eq!(name.parent().unwrap(), directories.path("tmp"));
            let name = name.file_name().unwrap().to_str().unwrap();
            assert!(expected.is_match(name), "{name}");
        }
        assert_eq!(answer.tx["late"], "3", "phase 5 still sees them");
        assert!(directories.files("tmp").is_empty() && directories.files("kept").is_empty());
    }
}

#[test]
fn files_are_kept_where_that_is_wanted() {
    let cases = [
        ("SecUploadKeepFiles On", "/", 0o600, 2),
        ("SecUploadKeepFiles On", "/?deny=1", 0o600, 2),
        (
            "SecUploadKeepFiles On\nSecUploadFileMode 0646",
            "/",
            0o646,
            2,
        ),
        (
            "SecUploadKeepFiles On\nSecUploadFileMode 0646\nSecUploadFileMode default",
            "/",
            0o600,
            2,
        ),
        ("SecUploadKeepFiles RelevantOnly", "/", 0, 0),
        ("SecUploadKeepFiles RelevantOnly", "/?note=1", 0o600, 2),
        (
            "SecUploadKeepFiles RelevantOnly\nSecAuditLogRelevantStatus ^200",
            "/",
            0o600,
            2,
        ),
        ("SecUploadKeepFiles RelevantOnly", "/?deny=1", 0o600, 2),
        ("SecUploadKeepFiles On\nSecUploadKeepFiles Off", "/", 0, 0),
        ("SecUploadKeepFiles On\nSecUploadDir none", "/", 0, 0),
    ];
    for (directives, target, mode, count) in cases {
        let directories = Directories::new();
        let answer = upload(&directories, directives, target, BODY);
        assert!(directories.files("tmp").is_empty(), "{directives} {target}");
        let kept = directories.files("kept");
        let found: Vec<_> = kept
            .iter()
            .map(|(_, mode, content)| (*mode, content.as_str()))
            .collect();
        let expected = [(mode, "first"), (mode, "sec\nond")];
        assert_eq!(found, expected[..count], "{directives} {target}");
        let undefined = answer
            .messages
            .iter()
            .filter(|text| text.contains("SecUploadDir is undefined"));
        assert_eq!(undefined.count(), usize::from(directives.contains("none")));
    }
}

#[test]
fn the_surplus_is_listed_but_not_stored() {
    for (limit, flagged, stored) in [(0, true, 0), (1, true, 1), (2, true, 2), (3, false, 3)] {
        let directories = Directories::new();
        let directives = format!("SecTmpSaveUploadedFiles On\nSecUploadFileLimit {limit}");
        let answer = upload(&directories, &directives, "/", BODY);
        assert_eq!(answer.matched.contains(&3), flagged, "{limit}");
        assert_eq!(seen(&answer, "name_").len(), stored);
        assert_eq!(answer.tx["size"], "12");
        let text = format!("Multipart: Upload file limit exceeded SecUploadFileLimit {limit}.");
        assert_eq!(
            answer.messages.contains(&text),
            flagged,
            "{:?}",
            answer.messages
        );
    }
}

#[test]
fn a_missing_directory_is_an_error_that_rules_see() {
    let directories = Directories::new();
    let answer = upload(
        &directories,
        "SecTmpSaveUploadedFiles On\nSecTmpDir /nonexistent",
        "/",
        BODY,
    );
    assert_eq!(answer.status, 200, "that is for rule 200002 to decide");
    let error = "Multipart parsing error: Multipart: Failed to create file: /nonexistent: No such file or directory (os error 2)";
    assert_eq!(answer.tx["error"], error);
    assert_eq!(answer.messages, [error]);

    let answer = upload(
        &directories,
        "SecUploadKeepFiles On\nSecUploadDir /nonexistent",
        "/",
        BODY,
    );
    assert_eq!(
        (answer.status, answer.messages.len()),
        (200, 1),
        "one line for two files"
    );
    assert!(
        answer.messages[0].starts_with(
            "Input filter: Failed to move 2 uploaded files to \"/nonexistent\", the first \""
        ),
        "{:?}",
        answer.messages
    );
    assert!(directories.files("tmp").is_empty(), "and nothing is left");
}

#[test]
fn a_broken_upload_leaves_nothing() {
    for end in [BODY.len() - 8, BODY.len() / 2, 90] {
        for directives in [
            "SecTmpSaveUploadedFiles On",
            "SecUploadKeepFiles RelevantOnly",
        ] {
            let directories = Directories::new();
            let answer = upload(&directories, directives, "/", &BODY[..end]);
            assert!(answer.matched.contains(&4), "{end}");
            assert!(directories.files("tmp").is_empty());
            // Compat: a body that cannot be read is relevant.
            let keeps = directives.contains("RelevantOnly");
            assert!(keeps || directories.files("kept").is_empty());
        }
    }
}

#[test]
fn a_transaction_that_is_given_up_leaves_nothing() {
    let directories = Directories::new();
    let text = format!(
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecUploadKeepFiles On\nSecTmpDir {}",
        directories.path("tmp").display()
    );
    let head = "POST / HTTP/1.1\nContent-Type: multipart/form-data; boundary=b";
    let mut tx = request(head).transaction(&config(&text));
    let end = BODY.find("ond").unwrap();
    tx.append_request_body(&BODY.as_bytes()[..end]);
    // One is whole and has its name; one is open, and has none where the file system can do without.
    assert!((1..=2).contains(&directories.files("tmp").len()));
    drop(tx);
    assert!(directories.files("tmp").is_empty());
}
