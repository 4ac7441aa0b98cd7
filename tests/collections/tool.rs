//! `palisade collections`, on every kind of store it reaches.

use std::process::{Command, Output};

use palisade::collections::{FileStore, Id, Live, Store, now};

use super::scratch::Scratch;
use super::server::{Server, programs};

fn palisade(store: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(["collections", "--store", store])
        .args(arguments)
        .output()
        .unwrap()
}

fn said(store: &str, arguments: &[&str]) -> String {
    let output = palisade(store, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn complained(store: &str, arguments: &[&str]) -> String {
    let output = palisade(store, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn fill(store: &dyn Store) {
    for (name, key, hits) in [
        ("ip", &b"192.0.2.1"[..], 3),
        ("default_SESSION", b"a\tb\xff", 1),
    ] {
        let id = Id {
            name: name.into(),
            key: key.to_vec(),
        };
        let mut live = Live::open(store, id, 3600, now());
        live.add(b"hits", hits);
        live.expire(b"hits", now() + 1000);
        store.update(&[live.change(now()).unwrap()], now());
    }
}

fn check(place: &str, store: &dyn Store) {
    fill(store);
    let list = said(place, &["list"]);
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(list.contains("ip\t192.0.2.1\t3"), "{list}");
    assert!(list.contains("default_SESSION\ta\\x09b\\xff\t3"), "{list}");
    assert_eq!(said(place, &["list", "ip"]).lines().count(), 1);
    let shown = said(place, &["show", "default_SESSION", "a\\x09b\\xff"]);
    assert!(shown.contains("hits\t1\texpires in "), "{shown}");
    let exported = said(place, &["export"]);
    let lines: Vec<serde_json::Value> = exported
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    let ip = lines
        .iter()
        .find(|line| line["collection"] == "ip")
        .unwrap();
    assert_eq!(
        (&ip["key"], &ip["values"]["hits"]),
        (&"192.0.2.1".into(), &"3".into())
    );
    assert!(ip["expiries"]["hits"].as_i64().unwrap() > now());
    assert!(said(place, &["size"]).contains("entries\t2"));
    assert_eq!(said(place, &["delete", "ip", "192.0.2.1"]), "");
    for command in ["delete", "show"] {
        let error = complained(place, &[command, "ip", "192.0.2.1"]);
        assert!(error.contains("there is no such entry"), "{error}");
    }
}

#[test]
fn entries_are_listed_shown_exported_and_deleted() {
    let scratch = Scratch::new("tool");
    let store = FileStore::open(scratch.path(), 1 << 18).unwrap();
    check(&scratch.path().display().to_string(), &store);
    for program in programs() {
        let server = Server::start(program);
        check(&server.url(), &server.store(&[]));
    }
}

#[test]
fn stores_that_are_not_there_are_told() {
    let scratch = Scratch::new("tool");
    let directory = scratch.path().display().to_string();
    assert!(complained(&directory, &["list"]).contains("No such file"));
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
    assert!(complained("redis://127.0.0.1:1", &["list"]).contains("does not answer"));
    assert!(complained("memory", &["list"]).contains("out of reach"));
}

/// The files are what mod_security2 2.9.7 writes, put together by hand.
#[test]
fn mod_security2_s_files_are_taken_over() {
    let scratch = Scratch::new("import");
    let store = FileStore::open(scratch.path(), 1 << 18).unwrap();
    let record = |key: &str, expires: i64| {
        let expires = expires.to_string();
        let mut value = vec![0x49, 0x52, 0x01];
        for text in [
            "__expire_KEY",
            &expires,
            "__name",
            "ip",
            "__key",
            key,
            "hits",
            "7",
        ] {
            value.extend(u16::try_from(text.len() + 1).unwrap().to_be_bytes());
            value.extend([text.as_bytes(), b"\0"].concat());
        }
        [value, vec![0, 0]].concat()
    };
    let mut file = Vec::new();
    for value in [
        record("192.0.2.1", now() + 900),
        record("192.0.2.2", 5),
        b"x".to_vec(),
    ] {
        let mut page = vec![0; 1024];
        let (key, start) = (1022, 1022 - value.len());
        page[start..key].copy_from_slice(&value);
        for (at, number) in [2, key, start].into_iter().enumerate() {
            page[at * 2..at * 2 + 2].copy_from_slice(&u16::try_from(number).unwrap().to_le_bytes());
        }
        file.extend(page);
    }
    let path = scratch.path().join("nobody-ip.pag");
    std::fs::write(&path, file).unwrap();
    let (directory, path) = (
        scratch.path().display().to_string(),
        path.display().to_string(),
    );
    let told = said(&directory, &["import", &path]);
    assert!(
        told.contains("1 taken over, 1 expired, 0 known already, 1 unreadable"),
        "{told}"
    );
    let told = said(&directory, &["import", &path]);
    assert!(
        told.contains("0 taken over, 1 expired, 1 known already, 1 unreadable"),
        "{told}"
    );
    let id = Id {
        name: "ip".into(),
        key: b"192.0.2.1".to_vec(),
    };
    let record = store.load(&id, now()).unwrap();
    assert_eq!(record.get(b"hits"), Some(&b"7"[..]));
    assert!((now() + 800..=now() + 900).contains(&record.expires));
}
