use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use super::*;
use crate::client::{Forwarding, Policy, Source, resolve};
use crate::collections::{Live, MemoryStore};
use crate::limits;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A list, and the numbers of the lines that were passed over.
fn read(text: &str) -> (List, Vec<usize>) {
    let (list, faults) = List::read(text.as_bytes(), 1000);
    (list, faults.into_iter().map(|fault| fault.line).collect())
}

#[test]
fn entries_are_addresses_networks_times_and_comments() {
    let (list, faults) = read(
        "# bans\n\n192.0.2.1\n  192.0.2.2 2000\t# until then\n198.51.100.0/24 3000\r\n2001:db8::1\n2001:db8:1::/48 # a network\n\
         192.0.2.3 999\n192.0.2.4 1000\n   # indented\n::ffff:192.0.2.5 2000\n192.0.2.6 99999999999999999999\n192.0.2.7/32",
    );
    assert_eq!(faults, [] as [usize; 0]);
    let table = [
        ("192.0.2.1", Some(i64::MAX)),
        ("192.0.2.2", Some(2000)),
        ("192.0.2.3", None),
        ("192.0.2.4", None),
        ("192.0.2.5", Some(2000)),
        ("192.0.2.6", Some(i64::MAX)),
        ("192.0.2.7", Some(i64::MAX)),
        ("192.0.2.8", None),
        ("198.51.100.255", Some(3000)),
        ("198.51.101.0", None),
        ("2001:db8::1", Some(i64::MAX)),
        ("2001:db8::2", None),
        ("2001:db8:1:ffff::9", Some(i64::MAX)),
    ];
    for (address, until) in table {
        assert_eq!(list.find(ip(address), 1000), until, "{address}");
    }
    assert_eq!(list.len(), 8);
    assert_eq!(list.find(ip("192.0.2.2"), 1999), Some(2000));
    assert_eq!(list.find(ip("192.0.2.2"), 2000), None, "it is over");
}

#[test]
fn the_longest_of_several_bans_counts() {
    let (list, _) = read("192.0.2.0/24 5000\n192.0.2.1 2000\n192.0.2.1 3000\n192.0.2.1 1500\n");
    assert_eq!(list.len(), 2);
    assert_eq!(list.find(ip("192.0.2.1"), 1000), Some(5000));
    let (list, _) = read("192.0.2.1 3000\n192.0.2.1 1500\n");
    assert_eq!(list.find(ip("192.0.2.1"), 1000), Some(3000));
}

#[test]
fn what_is_no_entry_is_passed_over_and_named_by_its_line() {
    let (list, faults) = read(
        "192.0.2.1\nspam.example\n192.0.2.300\n192.0.2.1/33\n192.0.2.2 tomorrow\n192.0.2.2 -1\n192.0.2.2 +5\n\
         192.0.2.2 2000 3000\n0.0.0.0/0\n::/0 2000\n192.0.2.9 2000\n010.0.0.1\n192.0.2.2,192.0.2.3\n",
    );
    assert_eq!(faults, [2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13]);
    assert_eq!(list.len(), 2);
    let (list, faults) = List::read(b"192.0.2.1\n\xff\xfe\n\0\n192.0.2.2\n", 0);
    assert_eq!((list.len(), faults.len()), (2, 2));
    let (_, faults) = List::read(b"a\x1b[31m\n", 0);
    assert!(faults.iter().all(|fault| !fault.reason.contains('\x1b')));
}

#[test]
fn a_list_has_an_end() {
    let lines = |count: usize| -> String {
        (0..count)
            .map(|at| format!("10.{}.{}.{}\n", at >> 16, at >> 8 & 255, at & 255))
            .collect()
    };
    let (list, faults) = read(&lines(limits::BAN_FILE_ENTRIES));
    assert_eq!((list.len(), faults.len()), (limits::BAN_FILE_ENTRIES, 0));
    let (list, faults) = read(&lines(limits::BAN_FILE_ENTRIES + 500));
    assert_eq!(list.len(), limits::BAN_FILE_ENTRIES);
    assert_eq!(faults, [limits::BAN_FILE_ENTRIES + 1], "told once");
}

/// A directory of a test's own.
fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("palisade-bans-{}-{name}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn a_file_is_read_when_it_changes_and_looked_at_once_a_second() {
    let directory = directory("changes");
    let path = directory.join("bans");
    let (file, board) = (BanFile::new(path.clone()), Board::new());
    let find = |now| file.find(ip("192.0.2.1"), now, &board);
    assert_eq!(find(100), None, "there is none");
    fs::write(&path, "192.0.2.1 500\n").unwrap();
    assert_eq!(find(100), None, "looked at in this second");
    assert_eq!(find(101), Some(500));
    // Another file takes its place, of the same length.
    fs::write(directory.join("new"), "192.0.2.1 600\n").unwrap();
    fs::rename(directory.join("new"), &path).unwrap();
    assert_eq!(find(102), Some(600));
    fs::remove_file(&path).unwrap();
    assert_eq!(find(103), None, "gone is lifted");
    // What is no file is not believed, nor waited for; what was in force stays.
    fs::write(&path, "192.0.2.1\n").unwrap();
    assert_eq!(find(104), Some(i64::MAX));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(find(105), Some(i64::MAX));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_line_that_is_being_written_is_not_half_believed() {
    let directory = directory("unfinished");
    let path = directory.join("bans");
    let (file, board) = (BanFile::new(path.clone()), Board::new());
    fs::write(&path, "192.0.2.9 500\n192.0.2.1").unwrap();
    assert_eq!(file.find(ip("192.0.2.9"), 100, &board), Some(500));
    assert_eq!(
        file.find(ip("192.0.2.1"), 100, &board),
        None,
        "perhaps 192.0.2.17"
    );
    // A second later nobody has written on.
    assert_eq!(file.find(ip("192.0.2.1"), 101, &board), Some(i64::MAX));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_file_that_is_too_long_counts_up_to_its_last_whole_line() {
    let directory = directory("long");
    let path = directory.join("bans");
    let (file, board) = (BanFile::new(path.clone()), Board::new());
    let limit = usize::try_from(limits::BAN_FILE_BYTES).unwrap();
    let filled = |bytes: usize, end: &str| {
        format!(
            "192.0.2.1\n#{}\n{end}\n",
            "x".repeat(bytes - 13 - end.len())
        )
    };
    fs::write(&path, filled(limit, "192.0.2.2")).unwrap();
    assert!(file.find(ip("192.0.2.2"), 100, &board).is_some());
    fs::write(&path, filled(limit + 1, "192.0.2.2")).unwrap();
    assert!(file.find(ip("192.0.2.2"), 101, &board).is_none());
    assert!(file.find(ip("192.0.2.1"), 101, &board).is_some());
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn complaints_are_told_once_for_all_processes() {
    let board = Board::new();
    let complaints = vec!["bans:3: nonsense".to_owned()];
    assert!(board.is_new_complaint(&complaints));
    assert!(!board.is_new_complaint(&complaints));
    assert!(board.is_new_complaint(&[]));
    assert!(board.is_new_complaint(&complaints));
}

fn ban(store: &dyn Store, network: &str, seconds: i64, now: i64) {
    let id = Id {
        name: COLLECTION.to_owned(),
        key: network.as_bytes().to_vec(),
    };
    let mut live = Live::open(store, id, 5000, now);
    live.set(b"Banned", b"1".to_vec());
    live.expire(b"banned", now + seconds);
    store.update(&[live.take_change(now).unwrap()], now);
}

/// Bans of a process with no file.
struct Process {
    store: MemoryStore,
    memory: Memory,
    board: Board,
    exempt: NetworkSet,
}

impl Process {
    fn new() -> Process {
        Process {
            store: MemoryStore::default(),
            memory: Memory::default(),
            board: Board::new(),
            exempt: NetworkSet::default(),
        }
    }

    fn find(&self, client: &ClientAddress, now: i64) -> Option<i64> {
        let lookup = Lookup {
            file: None,
            exempt: &self.exempt,
            store: Some(&self.store),
            memory: &self.memory,
            board: &self.board,
        };
        lookup.find(client, now).map(|ban| ban.until)
    }
}

#[test]
fn a_ban_by_rules_holds_until_it_expires() {
    let process = Process::new();
    let client = ClientAddress::direct(ip("198.51.100.7"), 1);
    assert_eq!(process.find(&client, 1000), None);
    ban(&process.store, "198.51.100.7", 60, 1000);
    assert_eq!(process.find(&client, 1000), None, "nobody has said so");
    process.board.announce("198.51.100.7");
    assert_eq!(process.find(&client, 1000), Some(1060));
    assert_eq!(process.find(&client, 1059), Some(1060));
    assert_eq!(process.find(&client, 1060), None);
    let neighbour = ClientAddress::direct(ip("198.51.100.8"), 1);
    assert_eq!(process.find(&neighbour, 1000), None);
}

#[test]
fn a_subscriber_is_banned_with_all_addresses() {
    let process = Process::new();
    ban(&process.store, "2001:db8:1:2::/64", 60, 1000);
    for (address, expected) in [
        ("2001:db8:1:2::1", Some(1060)),
        ("2001:db8:1:2:ffff::", Some(1060)),
        ("2001:db8:1:3::1", None),
    ] {
        assert_eq!(
            process.find(&ClientAddress::direct(ip(address), 1), 1000),
            expected,
            "{address}"
        );
    }
}

#[test]
fn nobody_is_banned_who_is_not_to_blame() {
    let mut process = Process::new();
    let mut policy = Policy {
        source: Source::Header,
        ..Policy::default()
    };
    policy.trust("203.0.113.1").unwrap();
    let from = |peer: &str, header: &str| {
        let lines = vec![header.as_bytes().to_vec()];
        resolve(
            &policy,
            &Forwarding {
                peer: ip(peer),
                peer_port: 1,
                headers: &|name| match name {
                    "X-Forwarded-For" if !header.is_empty() => lines.clone(),
                    _ => Vec::new(),
                },
                useragent: None,
            },
        )
    };
    for network in ["203.0.113.1", "127.0.0.1", "198.51.100.7", "10.0.0.1"] {
        ban(&process.store, network, 60, 1000);
    }
    assert_eq!(
        process.find(&from("203.0.113.1", "198.51.100.7"), 1000),
        Some(1060)
    );
    assert_eq!(
        process.find(&from("203.0.113.1", ""), 1000),
        None,
        "a trusted proxy"
    );
    assert_eq!(
        process.find(&from("203.0.113.1", "nonsense"), 1000),
        None,
        "a malformed header"
    );
    assert_eq!(
        process.find(&from("203.0.113.1", "127.0.0.1"), 1000),
        None,
        "this machine"
    );
    assert_eq!(
        process.find(&from("10.0.0.1", "198.51.100.9"), 1000),
        None,
        "a proxy that nobody told of"
    );
    process
        .exempt
        .extend([crate::client::networks::Network::parse("198.51.100.0/24").unwrap()]);
    assert_eq!(
        process.find(&from("203.0.113.1", "198.51.100.7"), 1000),
        None,
        "exempt"
    );
}

#[test]
fn a_line_is_short_whatever_is_asked_for() {
    let client = ClientAddress::direct(ip("2001:db8::66"), 1);
    let ban = Ban {
        until: 1060,
        by: By::Rules,
    };
    let path = [b"/x\"\n".to_vec(), vec![b'a'; 100_000]].concat();
    let about = About {
        hostname: b"blog.example",
        path: &path,
        unique_id: b"id",
    };
    let text = String::from_utf8(line(&client, ban, 1000, true, &about)).unwrap();
    assert!(text.len() < 600, "{}", text.len());
    assert!(
        text.starts_with(
            "[client 2001:db8::66] [client 2001:db8::66] ModSecurity: Access denied with code 403 (phase 1). \
             Client is cut off for another 60 seconds. [msg \"Repeat offender\"] [data \"banned by rules\"] \
             [severity \"CRITICAL\"] [tag \"palisade/ban\"] [hostname \"blog.example\"] [uri \"/x\\\"\\n"
        ),
        "{text}"
    );
    let forever = Ban {
        until: i64::MAX,
        by: By::File,
    };
    let text = String::from_utf8(line(&client, forever, 1000, false, &about)).unwrap();
    assert!(
        text.contains("ModSecurity: Warning. Client would be cut off. ")
            && text.contains("SecBanFile"),
        "{text}"
    );
}
