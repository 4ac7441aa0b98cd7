//! What holds for every store: rules see the same values, wherever they are kept.

use std::collections::BTreeMap;

use palisade::collections::{FileStore, Id, Live, MemoryStore, Record, Store};

use super::scratch::Scratch;
use super::server::{Server, programs};

/// Runs a check against each kind of store.
fn in_every_store(check: impl Fn(&dyn Store)) {
    check(&MemoryStore::default());
    let scratch = Scratch::new("suite");
    check(&FileStore::open(scratch.path(), 1 << 20).unwrap());
    for program in programs() {
        let server = Server::start(program);
        // As slow as the machine may be, nothing here is about time.
        check(&server.store(&["timeout=10000"]));
    }
}

pub fn id(key: &str) -> Id {
    Id {
        name: "ip".into(),
        key: key.as_bytes().to_vec(),
    }
}

fn open(store: &dyn Store, key: &str, now: i64) -> Live {
    Live::open(store, id(key), 3600, now)
}

fn keep(store: &dyn Store, live: &Live, now: i64) {
    store.update(&live.change(now).into_iter().collect::<Vec<_>>(), now);
}

/// All values of a collection, as a rule would see them.
fn seen(store: &dyn Store, key: &str, now: i64) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    open(store, key, now)
        .iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn value(store: &dyn Store, key: &str, name: &str, now: i64) -> String {
    let live = open(store, key, now);
    String::from_utf8_lossy(live.get(name.as_bytes()).unwrap_or(b"-")).into_owned()
}

const NOW: i64 = 1_700_000_000;

#[test]
fn computed_values_are_there() {
    in_every_store(|store| {
        let mut live = open(store, "a", NOW);
        for (name, value) in [("KEY", "a"), ("IS_NEW", "1"), ("UPDATE_COUNTER", "0")] {
            assert_eq!(live.get(name.as_bytes()), Some(value.as_bytes()), "{name}");
        }
        live.add(b"hits", 1);
        keep(store, &live, NOW);
        let expected = [
            ("CREATE_TIME", "1700000000"),
            ("KEY", "a"),
            ("LAST_UPDATE_TIME", "1700000000"),
            ("TIMEOUT", "3600"),
            ("UPDATE_COUNTER", "1"),
            ("UPDATE_RATE", "2"),
            ("hits", "1"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(seen(store, "a", NOW + 30), BTreeMap::from(expected));
    });
}

#[test]
fn a_collection_that_nobody_changed_is_not_stored() {
    in_every_store(|store| {
        keep(store, &open(store, "a", NOW), NOW);
        assert_eq!(value(store, "a", "IS_NEW", NOW), "1");
        assert_eq!(store.statistics(NOW).entries, 0);
    });
}

#[test]
fn concurrent_counts_add_up_and_concurrent_words_do_not() {
    in_every_store(|store| {
        let mut first = open(store, "a", NOW);
        first.add(b"hits", 1);
        first.set(b"word", b"7".to_vec());
        keep(store, &first, NOW);
        let (mut one, mut two) = (open(store, "a", NOW), open(store, "a", NOW));
        one.add(b"hits", 2);
        one.add(b"Hits", 1);
        one.set(b"word", b"8".to_vec());
        one.set(b"new", b"1".to_vec());
        two.add(b"HITS", 4);
        two.set(b"WORD", b"9".to_vec());
        two.set(b"new", b"1".to_vec());
        keep(store, &one, NOW);
        keep(store, &two, NOW);
        let after: Vec<_> = ["hits", "word", "new", "UPDATE_COUNTER"]
            .map(|name| value(store, "a", name, NOW))
            .into();
        assert_eq!(after, ["8", "9", "1", "3"]);
    });
}

#[test]
fn counters_stop_at_zero_and_at_the_largest_number() {
    in_every_store(|store| {
        let count = |name: &str, amount: i64| {
            let mut live = open(store, "a", NOW);
            live.add(name.as_bytes(), amount);
            keep(store, &live, NOW);
            value(store, "a", name, NOW)
        };
        assert_eq!(count("n", 5), "5");
        assert_eq!(count("n", -7), "0");
        assert_eq!(count("n", i64::MAX), "9223372036854775807");
        assert_eq!(count("n", i64::MAX), "9223372036854775807");
        assert_eq!(count("n", i64::MIN), "0");
        assert_eq!(count("m", -1), "0");
        // Counted from what is stored by then, not from what was seen.
        let (mut one, mut two) = (open(store, "b", NOW), open(store, "b", NOW));
        one.add(b"n", 3);
        two.add(b"n", i64::MAX);
        keep(store, &one, NOW);
        keep(store, &two, NOW);
        assert_eq!(value(store, "b", "n", NOW), "9223372036854775807");
        for (text, expected) in [
            (" 12abc", "13"),
            ("abc", "1"),
            ("-5", "0"),
            ("007", "8"),
            ("+9", "10"),
            ("99999999999999999999999", "9223372036854775807"),
            ("9223372036854775806", "9223372036854775807"),
        ] {
            let mut live = open(store, "c", NOW);
            live.set(b"n", text.as_bytes().to_vec());
            keep(store, &live, NOW);
            let mut live = open(store, "c", NOW);
            live.add(b"n", 1);
            keep(store, &live, NOW);
            assert_eq!(value(store, "c", "n", NOW), expected, "{text}");
        }
    });
}

#[test]
fn values_and_records_expire() {
    in_every_store(|store| {
        let mut live = open(store, "a", NOW);
        live.set(b"blocked", b"1".to_vec());
        live.set(b"kept", b"1".to_vec());
        live.expire(b"Blocked", NOW + 60);
        keep(store, &live, NOW);
        assert_eq!(value(store, "a", "blocked", NOW + 59), "1");
        assert_eq!(value(store, "a", "blocked", NOW + 60), "-");
        // Once it has expired, it stays so for whoever changes the record.
        let mut live = open(store, "a", NOW + 61);
        live.add(b"kept", 1);
        keep(store, &live, NOW + 61);
        assert_eq!(value(store, "a", "blocked", NOW + 61), "-");
        assert_eq!(value(store, "a", "kept", NOW + 61 + 3599), "2");
        assert_eq!(value(store, "a", "kept", NOW + 61 + 3600), "-");
        // A record's own time is what its TIMEOUT says.
        let mut live = open(store, "b", NOW);
        live.set(b"TIMEOUT", b"10".to_vec());
        keep(store, &live, NOW);
        assert_eq!(value(store, "b", "IS_NEW", NOW + 9), "-");
        assert_eq!(value(store, "b", "IS_NEW", NOW + 10), "1");
    });
}

#[test]
fn an_expiry_that_another_transaction_has_set_stays() {
    in_every_store(|store| {
        let mut live = open(store, "a", NOW);
        live.set(b"x", b"1".to_vec());
        live.expire(b"x", NOW + 10);
        keep(store, &live, NOW);
        let (mut one, mut two) = (open(store, "a", NOW), open(store, "a", NOW));
        one.expire(b"x", NOW + 100);
        keep(store, &one, NOW);
        two.add(b"y", 1);
        keep(store, &two, NOW);
        assert_eq!(value(store, "a", "x", NOW + 50), "1");
    });
}

#[test]
fn what_is_removed_is_gone_and_what_was_set_again_is_there() {
    in_every_store(|store| {
        let mut live = open(store, "a", NOW);
        for name in [&b"x"[..], b"y", b"z"] {
            live.set(name, b"1".to_vec());
        }
        keep(store, &live, NOW);
        let mut live = open(store, "a", NOW);
        live.remove(b"X");
        live.remove(b"y");
        live.set(b"y", b"2".to_vec());
        live.remove(b"z");
        live.add(b"z", 3);
        keep(store, &live, NOW);
        let after: Vec<_> = ["x", "y", "z"]
            .map(|name| value(store, "a", name, NOW))
            .into();
        assert_eq!(after, ["-", "2", "3"]);
    });
}

#[test]
fn counters_go_down_with_time() {
    in_every_store(|store| {
        let mut live = open(store, "a", NOW);
        live.add(b"score", 50);
        live.deprecate(b"score", 1, 1, NOW);
        keep(store, &live, NOW);
        let mut live = open(store, "a", NOW + 125);
        live.deprecate(b"score", 10, 60, NOW + 125);
        keep(store, &live, NOW + 125);
        assert_eq!(value(store, "a", "score", NOW + 125), "30");
        let mut live = open(store, "a", NOW + 725);
        live.deprecate(b"score", 10, 60, NOW + 725);
        keep(store, &live, NOW + 725);
        assert_eq!(value(store, "a", "score", NOW + 725), "0");
    });
}

#[test]
fn a_clock_that_is_moved_by_a_day_leaves_nothing_eternal() {
    const DAY: i64 = 86_400;
    in_every_store(|store| {
        for (key, moved) in [("ahead", DAY), ("back", -DAY), ("a little", -600)] {
            let mut live = open(store, key, NOW);
            live.set(b"blocked", b"1".to_vec());
            live.expire(b"blocked", NOW + 60);
            live.set(b"seen", b"1".to_vec());
            keep(store, &live, NOW);
            let after = NOW + moved;
            let expected = if moved == -600 { "1" } else { "-" };
            assert_eq!(value(store, key, "seen", after), expected, "{key}");
            // Whoever is blocked stays so for the time that was meant, once the record is touched.
            let mut live = open(store, key, after);
            live.add(b"touched", 1);
            keep(store, &live, after);
            assert_eq!(value(store, key, "blocked", after + 59), expected, "{key}");
            assert_eq!(value(store, key, "blocked", after + 60), "-", "{key}");
            assert_eq!(value(store, key, "touched", after + 3599), "1", "{key}");
            assert_eq!(value(store, key, "touched", after + 3600), "-", "{key}");
        }
    });
}

#[test]
fn any_bytes_are_keys_names_and_values() {
    in_every_store(|store| {
        let wild: Vec<u8> = (0..=255).collect();
        for name in ["ip", "a:b", "a%3Ab", "%"] {
            let id = Id {
                name: name.into(),
                key: wild.clone(),
            };
            let mut live = Live::open(store, id.clone(), 60, NOW);
            live.set(&wild[..100], [name.as_bytes(), &wild].concat());
            keep(store, &live, NOW);
            let live = Live::open(store, id, 60, NOW);
            let expected = [name.as_bytes(), &wild].concat();
            assert_eq!(live.get(&wild[..100]), Some(&expected[..]), "{name}");
        }
        // The key that two careless encodings would share.
        let of = |name: &str, key: &[u8]| Id {
            name: name.into(),
            key: key.to_vec(),
        };
        let mut live = Live::open(store, of("a", b"b:c"), 60, NOW);
        live.set(b"x", b"1".to_vec());
        keep(store, &live, NOW);
        assert!(store.load(&of("a:b", b"c"), NOW).is_none());
    });
}

#[test]
fn a_long_value_costs_no_counter() {
    in_every_store(|store| {
        for length in [10, 3000, 4000, 100_000] {
            let mut live = open(store, "a", NOW);
            live.add(b"hits", 1);
            live.set(b"agent", vec![b'x'; length]);
            keep(store, &live, NOW);
            let kept = value(store, "a", "agent", NOW).len();
            assert_eq!(kept, if length == 10 { 10 } else { 1 }, "{length}");
        }
        assert_eq!(value(store, "a", "hits", NOW), "4");
    });
}

#[test]
fn records_are_shown_counted_and_removed() {
    in_every_store(|store| {
        for number in 0..100 {
            let mut live = open(store, &number.to_string(), NOW);
            live.add(b"hits", number);
            keep(store, &live, NOW);
        }
        let mut shown: Vec<(Id, Record)> = Vec::new();
        store
            .visit(NOW, &mut |id, record| {
                shown.push((id.clone(), record.clone()))
            })
            .unwrap();
        shown.sort_by(|(one, _), (other, _)| one.cmp(other));
        shown.dedup_by(|(one, _), (other, _)| one == other);
        assert_eq!(shown.len(), 100);
        assert!(
            shown
                .iter()
                .all(|(id, record)| record.get(b"hits") == Some(&id.key[..]))
        );
        assert_eq!(store.statistics(NOW).entries, 100);
        assert_eq!(store.remove(&id("7")), Ok(true));
        assert_eq!(store.remove(&id("7")), Ok(false));
        assert_eq!(value(store, "7", "IS_NEW", NOW), "1");
        assert_eq!(store.statistics(NOW).entries, 99);
        assert_eq!(store.statistics(NOW).failures, 0);
    });
}

#[test]
fn all_collections_of_a_transaction_are_stored_at_once() {
    in_every_store(|store| {
        let changes: Vec<_> = ["a", "b", "c", "a"]
            .iter()
            .filter_map(|key| {
                let mut live = open(store, key, NOW);
                live.add(b"hits", 1);
                live.change(NOW)
            })
            .collect();
        store.update(&changes, NOW);
        let after: Vec<_> = ["a", "b", "c"]
            .map(|key| value(store, key, "hits", NOW))
            .into();
        assert_eq!(after, ["2", "1", "1"]);
    });
}

#[test]
fn a_transaction_that_stores_twice_counts_once() {
    in_every_store(|store| {
        let mut live = open(store, "a", NOW);
        live.add(b"hits", 2);
        live.set(b"word", b"x".to_vec());
        store.update(&[live.take_change(NOW).unwrap()], NOW);
        assert_eq!(live.take_change(NOW), None, "nothing is left to tell");
        let mut other = open(store, "a", NOW);
        other.set(b"word", b"y".to_vec());
        keep(store, &other, NOW);
        live.add(b"hits", 3);
        store.update(&[live.take_change(NOW).unwrap()], NOW);
        let after: Vec<_> = ["hits", "word", "UPDATE_COUNTER"]
            .map(|name| value(store, "a", name, NOW))
            .into();
        assert_eq!(after, ["5", "y", "2"]);
    });
}
