//! Concurrent logs: the tree, the index, and mlogc's view of both.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use md5::{Digest, Md5};
use palisade::audit::*;
use regex::bytes::Regex;

use crate::fixture::{self, Scratch};

/// The pattern by which mlogc reads an index line.
const MLOGC: &str = r#"(?-u)^(\S+)\ (\S+)\ (\S+)\ (\S+)\ \[([^:]+):(\d+:\d+:\d+(?:[.]\d+)?)\ ([^\]]+)\]\ "(.*)"\ (\d+)\ (\S+)\ "(.*)"\ "(.*)"\ (\S+)\ "(.*)"\ /?(\S+)\ (\d+)\ (\d+)\ (\S+)(.*)$"#;

fn storage(directory: &Path) -> Storage {
    Storage {
        directory: directory.join("store"),
        user: "www-data".to_owned(),
        directory_mode: 0o750,
        file_mode: 0o640,
    }
}

fn groups(line: &[u8]) -> Vec<String> {
    let found = Regex::new(MLOGC)
        .unwrap()
        .captures(line)
        .unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(line)));
    found
        .iter()
        .skip(1)
        .map(|group| String::from_utf8_lossy(group.unwrap().as_bytes()).into_owned())
        .collect()
}

fn index_lines(path: &Path) -> Vec<Vec<u8>> {
    let index = fs::read(path).unwrap();
    let body = index.strip_suffix(b"\n").expect("whole lines");
    body.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
}

#[test]
fn a_file_for_each_record_and_a_line_for_each_file() {
    let scratch = Scratch::new("tree");
    let (first, second) = (scratch.0.join("index"), scratch.0.join("index2"));
    let (primary, secondary) = (fixture::target(&first), fixture::target(&second));
    let index = Index {
        primary: &primary,
        secondary: Some(&secondary),
    };
    let parts = Parts::default();
    for format in [Format::Native, Format::Json] {
        storage(&scratch.0)
            .write(&index, &fixture::full(), &parts, format)
            .unwrap();
    }
    let lines = index_lines(&first);
    assert_eq!(lines, index_lines(&second));
    assert_eq!(lines.len(), 2);

    let place = "www-data/20261122/20261122-1238/20261122-123800-ZbC9xX8AAQEAAAZJ@dsAAAAA";
    for (line, place) in lines.iter().zip([place.to_owned(), format!("{place}.1")]) {
        let stored = scratch.0.join("store").join(&place);
        let file = fs::read(&stored).unwrap();
        let md5: String = Md5::digest(&file)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let expected = [
            "blog.example.org",
            "198.51.100.7",
            "-",
            "jane",
            "22/Nov/2026",
            "12:38:00.123456",
            "+0100",
            "POST /wp-login.php?pw=*************&x=1 HTTP/1.1",
            "403",
            "318",
            "-",
            "-",
            "ZbC9xX8AAQEAAAZJ@dsAAAAA",
            "-",
            &place,
            "0",
            &file.len().to_string(),
            &format!("md5:{md5}"),
            " ",
        ];
        assert_eq!(groups(line), expected);
        assert_eq!(
            fs::metadata(&stored).unwrap().permissions().mode() & 0o777,
            0o640
        );
        let directory = stored.parent().unwrap();
        assert_eq!(
            fs::metadata(directory).unwrap().permissions().mode() & 0o777,
            0o750
        );
    }
    let native = fs::read(scratch.0.join("store").join(place)).unwrap();
    assert!(
        native.ends_with(b"-Z--\n") && !native.ends_with(b"\n\n"),
        "no blank line at the end of the file"
    );
    let json = fs::read(scratch.0.join("store").join(format!("{place}.1"))).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
}

#[test]
fn long_lines_are_cut_and_say_so() {
    let scratch = Scratch::new("long");
    let path = scratch.0.join("index");
    let log = fixture::target(&path);
    let index = Index {
        primary: &log,
        secondary: None,
    };
    for length in [0, 3700, 3710, 3720, 3730, 3740, 3750, 5000, 100_000] {
        let line = [b"GET /".as_slice(), &vec![b'a'; length], b" HTTP/1.1"].concat();
        let host = vec![b'h'; 40];
        let mut record = fixture::bare();
        record.request.line = &line;
        record.hostname = &host;
        storage(&scratch.0)
            .write(&index, &record, &Parts::default(), Format::Native)
            .unwrap();
        let lines = index_lines(&path);
        let written = lines.last().unwrap();
        let groups = groups(written);
        let cut = written.ends_with(b" L");
        assert!(cut || groups[7].as_bytes() == line, "{length}");
        assert_eq!(cut, length >= 3710, "{length}");
        assert_eq!(groups[0].len(), if cut { 32 } else { 40 });
        assert!(written.len() < 3980, "{length}: {}", written.len());
        assert!(
            !cut || written.len() > 3970,
            "{length}: no more is cut than has to be: {}",
            written.len()
        );
    }
}

#[test]
fn hostile_words_neither_break_the_line_nor_leave_the_directory() {
    let scratch = Scratch::new("hostile");
    let path = scratch.0.join("index");
    let log = fixture::target(&path);
    let index = Index {
        primary: &log,
        secondary: None,
    };
    let hostile: [&[u8]; 6] = [
        b"../../../../tmp/evil",
        b"a b\n\"c\" d",
        b"\x00\xff\x1b[2J",
        b"..",
        b"/etc/passwd",
        &[b'\n'; 5000],
    ];
    for bytes in hostile {
        let mut record = fixture::bare();
        record.unique_id = bytes;
        record.hostname = bytes;
        record.remote_user = Some(bytes);
        record.remote_logname = Some(bytes);
        record.web_app.session = bytes;
        record.request.line = bytes;
        storage(&scratch.0)
            .write(&index, &record, &Parts::default(), Format::Native)
            .unwrap();
    }
    let lines = index_lines(&path);
    assert_eq!(lines.len(), hostile.len());
    let minute = scratch.0.join("store/www-data/20261122/20261122-1238");
    for line in &lines {
        let groups = groups(line);
        let file = scratch.0.join("store").join(&groups[14]);
        assert_eq!(file.parent(), Some(minute.as_path()));
        assert!(file.is_file());
        assert!(line.iter().all(|b| (0x20..0x7f).contains(b)));
    }
    assert_eq!(fs::read_dir(&minute).unwrap().count(), hostile.len());
    assert_eq!(
        fs::read_dir(&scratch.0).unwrap().count(),
        2,
        "an index and a store"
    );
}

#[test]
fn a_storage_that_cannot_be_written_is_counted_and_recovers() {
    let scratch = Scratch::new("broken");
    let log = fixture::target(&scratch.0.join("index"));
    let index = Index {
        primary: &log,
        secondary: None,
    };
    // A file stands where the directory should be.
    fs::write(scratch.0.join("store"), b"").unwrap();
    let store = storage(&scratch.0);
    for _ in 0..3 {
        let lost = store
            .write(&index, &fixture::full(), &Parts::default(), Format::Native)
            .unwrap_err();
        assert_eq!(lost.records, 1);
        assert_eq!(lost.log, store.directory.to_string_lossy());
    }
    assert!(
        !scratch.0.join("index").exists(),
        "no line about a file that is not there"
    );
    fs::remove_file(scratch.0.join("store")).unwrap();
    store
        .write(&index, &fixture::full(), &Parts::default(), Format::Native)
        .unwrap();
    assert_eq!(index_lines(&scratch.0.join("index")).len(), 1);
}
