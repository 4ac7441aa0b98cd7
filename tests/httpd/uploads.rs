//! Uploaded files on disk: what is kept, and that nothing else is left, however a request ends.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use crate::harness::{
    Backend, Client, Mpm, Server, Setup, eventually, httpd, panic_module, signal,
};

const ENGINE: &str = r#"
SecRuleEngine On
SecRequestBodyAccess On
SecTmpDir {ROOT}/files/tmp
SecUploadDir {ROOT}/files/kept
SecAuditEngine On
SecAuditLog audit.log
SecAuditLogParts AJZ
SecRule FILES_TMP_CONTENT "@contains evilfile" "id:1,phase:2,deny,status:403,msg:'bad file'"
SecRule FILES_TMPNAMES "@rx -file-" "id:2,phase:2,pass,log,msg:'seen at %{MATCHED_VAR}'"
SecRule ARGS:late "@streq 1" "id:3,phase:3,deny,status:404"
"#;

const FORM: &str = "Content-Type: multipart/form-data; boundary=b\r\n";

/// One file in a form.
fn form(content: &[u8]) -> Vec<u8> {
    let head = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\nContent-Type: image/png\r\n\r\n";
    [head.as_bytes(), content, b"\r\n--b--\r\n"].concat()
}

fn with_directories(setup: Setup) -> Setup {
    let root = setup.configuration_file().with_file_name("files");
    for name in ["tmp", "kept"] {
        let directory = root.join(name);
        fs::create_dir_all(&directory).expect("a directory");
        // httpd's children run as somebody else.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("its mode");
    }
    setup.conf(ENGINE)
}

fn files(server: &Server, name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(server.root().join("files").join(name)).expect("the directory");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// The log is written before the last of a request's memory is given back.
fn nothing_left(server: &Server) -> bool {
    eventually(|| files(server, "tmp").is_empty())
}

/// Bytes with all values and line ends in them.
fn noise(length: u32) -> Vec<u8> {
    let numbers = 0..length;
    numbers
        .map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

#[test]
fn large_files_are_kept_byte_for_byte_and_reach_the_backend() {
    let content = noise(3_000_000);
    let body = form(&content);
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let backend = Backend::start();
        let server = with_directories(setup.mpm(mpm))
            .modules(&["proxy", "proxy_http"])
            .conf(&format!("ProxyPass /b/ http://127.0.0.1:{}/", backend.port))
            .conf("SecUploadKeepFiles On\nSecUploadFileMode 0640")
            .start();
        assert_eq!(server.request("POST", "/b/one", FORM, &body).status, 200);
        let mut client = server.client();
        client.send(format!(
            "POST /b/two HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{FORM}\r\n"
        ));
        client.send_chunked(&body, 7919);
        assert_eq!(client.response().status, 200);
        assert!(
            backend
                .requests(2)
                .iter()
                .all(|request| request.body == body)
        );

        let records = server.audit_records(2);
        assert!(records.iter().all(|record| {
            record.contains("-J--\n1,3000000,\"a.bin\",\"image/png\"\nTotal,3000000\n")
        }));
        let kept = files(&server, "kept");
        assert_eq!(kept.len(), 2, "{mpm:?}");
        for path in kept {
            assert!(fs::read(&path).expect("the file") == content, "{mpm:?}");
            assert_eq!(
                fs::metadata(&path).expect("its mode").mode() & 0o7777,
                0o640
            );
            let name = path.file_name().expect("a name").to_string_lossy();
            let shown = server.logged("seen at");
            assert!(shown.iter().any(|line| line.contains(&*name)), "{name}");
        }
        assert!(nothing_left(&server));
    }
}

#[test]
fn nothing_is_left_however_a_request_ends() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let server = with_directories(setup.mpm(mpm))
            .conf("SecTmpSaveUploadedFiles On")
            .file("index.html", "fine")
            .start();
        let good = form(b"harmless");
        for (target, body, status) in [
            ("/index.html", &good, 200),
            ("/none", &good, 404),
            ("/index.html?late=1", &good, 404),
            ("/index.html", &form(b"an evilfile"), 403),
        ] {
            let response = server.request("POST", target, FORM, body);
            assert_eq!(response.status, status, "{target} {mpm:?}");
            assert!(nothing_left(&server), "{target} {mpm:?}");
        }
        // The client goes away in the middle of a file.
        let client = half_sent(&server);
        drop(client);
        assert!(eventually(|| !is_receiving(&server)), "{mpm:?}");
        assert!(nothing_left(&server), "{mpm:?}");
        assert_eq!(server.get("/index.html").text(), "fine");
    }
}

/// A client that has sent half of a file, and the server is at it.
fn half_sent(server: &Server) -> Client {
    let mut client = server.client();
    client.send(format!(
        "POST /index.html HTTP/1.1\r\nHost: a\r\n{FORM}Content-Length: 100000\r\n\r\n"
    ));
    client.send(&form(&[b'x'; 50_000])[..40_000]);
    assert!(eventually(|| is_receiving(server)), "a file is written");
    client
}

/// Whether a child has a file open in the directory for what is received.
fn is_receiving(server: &Server) -> bool {
    let directory = server.root().join("files/tmp");
    server.children().into_iter().any(|child| {
        let open = fs::read_dir(format!("/proc/{child}/fd"));
        let targets = open.into_iter().flatten().flatten();
        let mut targets = targets.filter_map(|entry| fs::read_link(entry.path()).ok());
        targets.any(|target| target.starts_with(&directory))
    })
}

/// Whoever kills a child in the midst of a file, or stops the server, has nothing to clear away.
#[test]
fn nothing_is_left_by_who_is_killed() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let server = with_directories(setup.mpm(mpm))
            .conf("SecTmpSaveUploadedFiles On")
            .file("index.html", "fine")
            .start()
            .may_die();
        let client = half_sent(&server);
        for child in server.children() {
            signal(child, "KILL");
        }
        assert!(eventually(|| !is_receiving(&server)), "{mpm:?}");
        assert!(nothing_left(&server), "killed {mpm:?}");
        drop(client);
        assert!(eventually(|| !server.children().is_empty()), "{mpm:?}");
        let client = half_sent(&server);
        server.signal("TERM");
        assert!(eventually(|| !is_receiving(&server)), "{mpm:?}");
        assert!(nothing_left(&server), "stopped {mpm:?}");
        drop(client);
    }
}

#[test]
fn a_panic_leaves_nothing() {
    let (Some(httpd), Some(module)) = (httpd(), panic_module()) else {
        return;
    };
    let server = with_directories(Setup::with(httpd, module))
        .conf("SecUploadKeepFiles On")
        .file("index.html", "fine")
        .start()
        .may_panic();
    for place in ["insert_filter", "output_filter", "log_transaction"] {
        let headers = format!("{FORM}X-Palisade-Panic: {place}\r\n");
        server.request("POST", "/index.html", &headers, &form(b"harmless"));
        server.logged("seen at");
        assert!(nothing_left(&server), "{place}");
    }
}

#[test]
fn a_directory_that_cannot_be_used_is_said() {
    for (directives, expected) in [
        (
            "SecTmpSaveUploadedFiles On\nSecTmpDir {ROOT}/nowhere",
            "Multipart: Failed to create file: ",
        ),
        (
            "SecUploadKeepFiles On\nSecUploadDir {ROOT}/nowhere",
            "Failed to move 1 uploaded files to ",
        ),
    ] {
        let Some(setup) = Setup::new() else { return };
        let server = with_directories(setup)
            .conf(directives)
            .file("index.html", "fine")
            .start();
        let response = server.request("POST", "/index.html", FORM, &form(b"harmless"));
        assert_eq!(response.text(), "fine");
        assert_eq!(server.logged(expected).len(), 1, "{directives}");
        assert!(nothing_left(&server));
    }
}
