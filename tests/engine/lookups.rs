//! `@geoLookup` with a database made here, and `@rbl` with a name server on loopback.

use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;

use super::support::{Answer, config, request};

/// A value in a database of MaxMind's format (specification 2.0).
enum Value {
    Text(&'static str),
    Double(f64),
    Number(u16),
    Wide(u32),
    Long(u64),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

fn control(kind: u8, size: usize, out: &mut Vec<u8>) {
    let size_bits = size.min(29) as u8;
    match kind {
        0..=7 => out.push(kind << 5 | size_bits),
        _ => out.extend([size_bits, kind - 7]),
    }
    if size >= 29 {
        out.push((size - 29) as u8);
    }
}

fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => {
            control(2, text.len(), out);
            out.extend(text.bytes());
        }
        Value::Double(number) => {
            control(3, 8, out);
            out.extend(number.to_be_bytes());
        }
        Value::Number(number) => {
            control(5, 2, out);
            out.extend(number.to_be_bytes());
        }
        Value::Wide(number) => {
            control(6, 4, out);
            out.extend(number.to_be_bytes());
        }
        Value::Long(number) => {
            control(9, 8, out);
            out.extend(number.to_be_bytes());
        }
        Value::List(values) => {
            control(11, values.len(), out);
            values.iter().for_each(|value| encode(value, out));
        }
        Value::Map(entries) => {
            control(7, entries.len(), out);
            for (key, value) in entries {
                encode(&Value::Text(key), out);
                encode(value, out);
            }
        }
    }
}

/// A database of networks, in a file.
fn database(name: &str, networks: &[(&str, u8, Value)]) -> PathBuf {
    const NOTHING: usize = usize::MAX;
    let mut data = Vec::new();
    // Each node has a record for 0 and one for 1: a node, or beyond all nodes a place in the data.
    let mut nodes = vec![[NOTHING; 2]];
    let mut leaves = Vec::new();
    for (address, length, value) in networks {
        let (bits, length) = match address.parse().unwrap() {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 96 + usize::from(*length)),
            IpAddr::V6(address) => (u128::from(address), usize::from(*length)),
        };
        let bit = |at: usize| (bits >> (127 - at) & 1) as usize;
        let mut node = 0;
        for at in 0..length - 1 {
            if nodes[node][bit(at)] == NOTHING {
                nodes[node][bit(at)] = nodes.len();
                nodes.push([NOTHING; 2]);
            }
            node = nodes[node][bit(at)];
        }
        leaves.push((node, bit(length - 1), data.len()));
        encode(value, &mut data);
    }
    let count = nodes.len();
    for (node, side, offset) in leaves {
        nodes[node][side] = count + 16 + offset;
    }
    let mut file = Vec::new();
    for record in nodes.iter().flatten() {
        let record = if *record == NOTHING { count } else { *record } as u32;
        file.extend(&record.to_be_bytes()[1..]);
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    let metadata = Value::Map(vec![
        ("binary_format_major_version", Value::Number(2)),
        ("binary_format_minor_version", Value::Number(0)),
        ("build_epoch", Value::Long(1)),
        ("database_type", Value::Text("Test-City")),
        ("description", Value::Map(vec![])),
        ("ip_version", Value::Number(6)),
        ("languages", Value::List(vec![])),
        ("node_count", Value::Wide(count as u32)),
        ("record_size", Value::Number(24)),
    ]);
    encode(&metadata, &mut file);
    let path = std::env::temp_dir().join(format!("palisade-{}-{name}.mmdb", std::process::id()));
    std::fs::write(&path, file).unwrap();
    path
}

fn named(name: &'static str) -> Value {
    Value::Map(vec![("names", Value::Map(vec![("en", Value::Text(name))]))])
}

fn country(code: &'static str, name: &'static str) -> Value {
    let Value::Map(mut entries) = named(name) else {
        unreachable!()
    };
    entries.push(("iso_code", Value::Text(code)));
    Value::Map(entries)
}

fn cities(name: &str) -> PathBuf {
    let berlin = Value::Map(vec![
        ("continent", Value::Map(vec![("code", Value::Text("EU"))])),
        ("country", country("DE", "Germany")),
        (
            "subdivisions",
            Value::List(vec![Value::Map(vec![("iso_code", Value::Text("BE"))])]),
        ),
        ("city", named("Berlin")),
        ("postal", Value::Map(vec![("code", Value::Text("10115"))])),
        (
            "location",
            Value::Map(vec![
                ("latitude", Value::Double(52.5)),
                ("longitude", Value::Double(-13.25)),
                ("metro_code", Value::Number(807)),
            ]),
        ),
    ]);
    let somewhere = Value::Map(vec![("registered_country", country("FR", "France"))]);
    database(
        name,
        &[("192.0.2.0", 24, berlin), ("2001:db8::", 32, somewhere)],
    )
}

/// What a rule with `@geoLookup` finds for an address, as all values of GEO.
fn geo(name: &str, address: &str) -> (Answer, String) {
    let path = cities(name);
    let config = config(&format!(
        "SecRuleEngine On\nSecGeoLookupDb {}\n\
         SecRule ARGS:ip \"@geoLookup\" \"id:1,phase:1,log,pass,msg:'%{{geo.country_name}}'\"\n\
         SecRule GEO \"@rx .\" \"id:2,phase:1,pass,nolog,setvar:'tx.geo=%{{tx.geo}}%{{MATCHED_VAR_NAME}}=%{{MATCHED_VAR}};'\"\n\
         SecRule &GEO \"@eq 0\" \"id:3,phase:1,pass,nolog\"\n\
         SecRule GEO:country_code3 \"@streq DEU\" \"id:4,phase:1,pass,nolog\"",
        path.display()
    ));
    let answer = request(&format!("GET /?ip={address} HTTP/1.1")).run(&config);
    std::fs::remove_file(path).unwrap();
    let geo = answer.tx.get("geo").cloned().unwrap_or_default();
    (answer, geo)
}

#[test]
fn places_are_found_by_address() {
    let (answer, geo) = geo("v4", "192.0.2.77");
    assert_eq!(
        geo,
        "GEO:COUNTRY_CODE=DE;GEO:COUNTRY_CODE3=DEU;GEO:COUNTRY_NAME=Germany;GEO:COUNTRY_CONTINENT=EU;GEO:REGION=BE;\
         GEO:CITY=Berlin;GEO:POSTAL_CODE=10115;GEO:LATITUDE=52.500000;GEO:LONGITUDE=-13.250000;GEO:DMA_CODE=807;"
    );
    let mut matched = answer.matched.clone();
    matched.dedup();
    assert_eq!(matched, [1, 2, 4]);
    assert!(
        answer.log[0]
            .contains("Geo lookup for \"192.0.2.77\" succeeded at ARGS:ip. [file \"test.conf\"]"),
        "{:?}",
        answer.log
    );
    assert!(
        answer.log[0].contains("[msg \"Germany\"]"),
        "{:?}",
        answer.log
    );
}

#[test]
fn what_a_database_does_not_say_stays_empty() {
    let (_, text) = geo("v6", "2001:db8::1");
    assert_eq!(
        text,
        "GEO:COUNTRY_CODE=FR;GEO:COUNTRY_CODE3=FRA;GEO:COUNTRY_NAME=France;"
    );
    for (name, address) in [
        ("none", "198.51.100.1"),
        ("words", "blog.example"),
        ("empty", ""),
    ] {
        let (answer, text) = geo(name, address);
        assert_eq!((answer.matched, text.as_str()), (vec![3], ""), "{address}");
    }
}

#[test]
fn without_a_database_the_logs_say_so() {
    let config = config("SecRuleEngine On\nSecRule REMOTE_ADDR \"@geoLookup\" id:1,phase:1,deny");
    let answer = request("GET / HTTP/1.1").run(&config);
    assert_eq!(answer.status, 200);
    let expected =
        "Geo lookup for \"192.0.2.7\" attempted without a database.  Set SecGeoLookupDB.";
    assert!(
        answer.log.iter().any(|line| line.contains(expected)),
        "{:?}",
        answer.log
    );
}

#[test]
fn a_damaged_database_finds_nothing() {
    let path = cities("damaged");
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xFF;
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(database) = palisade::lookups::Database::open(&path) {
            database.locate([192, 0, 2, 1].into());
        }
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn databases_of_the_old_format_are_refused() {
    for (name, expected) in [
        ("GeoIP.dat", "is a GeoIP database of the old format"),
        ("place.mmdb", "is no database in the format .mmdb"),
        ("missing.mmdb", "Could not open geo database"),
    ] {
        let path = std::env::temp_dir().join(format!("palisade-{}-{name}", std::process::id()));
        if !name.starts_with("missing") {
            std::fs::write(&path, "GEO-106FREE 20180327 Build 1").unwrap();
        }
        let section = palisade::config::DirConfig::new();
        let text = format!("SecGeoLookupDb {}", path.display());
        let error = palisade::config::read_text("test.conf", &text, &section).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        let _ = std::fs::remove_file(path);
    }
}

/// A name server that knows these names and has nothing else; None stands for silence. Its address.
fn name_server(known: &'static [(&str, Option<[u8; 4]>)]) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..length];
            let mut name = String::new();
            let mut at = 12;
            while question[at] != 0 {
                let end = at + 1 + usize::from(question[at]);
                name.push_str(&String::from_utf8_lossy(&question[at + 1..end]));
                name.push('.');
                at = end;
            }
            let found = known
                .iter()
                .find(|(known, _)| *known == name.trim_end_matches('.'));
            let mut answer = question.to_vec();
            answer[2] = 0x81;
            match found {
                None => answer[3] = 3,
                Some((_, None)) => continue,
                Some((_, Some(address))) => {
                    answer[7] = 1;
                    answer.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                    answer.extend(address);
                }
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    address
}

fn rbl(rule: &str, known: &'static [(&str, Option<[u8; 4]>)]) -> Answer {
    let config = config(&format!(
        "SecRuleEngine On\nSecDnsServer {}\n{rule}",
        name_server(known)
    ));
    request("GET /?host=spam.example HTTP/1.1").run(&config)
}

#[test]
fn block_lists_are_asked() {
    let listed = &[("7.2.0.192.bl.test", Some([127, 0, 0, 2]))];
    let rule = "SecRule REMOTE_ADDR \"@rbl bl.test\" \"id:1,phase:1,deny,capture,setvar:'tx.said=%{TX.0}'\"";
    let answer = rbl(rule, listed);
    assert_eq!(answer.status, 403);
    let said = "RBL lookup of 7.2.0.192.bl.test succeeded at REMOTE_ADDR.";
    assert_eq!(answer.tx["said"], said);
    assert!(
        answer.log[0].contains(&format!("(phase 1). {said} [file")),
        "{:?}",
        answer.log
    );
    assert_eq!(rbl(rule, &[]).status, 200);
    let answer = rbl(
        "SecRule REMOTE_ADDR \"!@rbl bl.test\" id:1,phase:1,deny",
        &[],
    );
    assert!(
        answer.log[0].contains("Match of \"rbl bl.test\" against \"REMOTE_ADDR\" required."),
        "{:?}",
        answer.log
    );
    let name = &[("spam.example.multi.uribl.com", Some([127, 0, 0, 8]))];
    let answer = rbl(
        "SecRule ARGS:host \"@rbl multi.uribl.com\" id:1,phase:1,deny",
        name,
    );
    assert!(
        answer.log[0].contains("succeeded at ARGS:host (RED)."),
        "{:?}",
        answer.log
    );
}

#[test]
fn project_honey_pot_needs_a_key() {
    let known = &[("k.7.2.0.192.dnsbl.httpbl.org", Some([127, 3, 40, 5]))];
    let rule = "SecRule REMOTE_ADDR \"@rbl dnsbl.httpbl.org\" id:1,phase:1,deny";
    let answer = rbl(&format!("SecHttpBlKey k\n{rule}"), known);
    let said = "succeeded at REMOTE_ADDR. Suspicious comment spammer IP: 3 days since last activity, threat score 40";
    assert!(answer.log[0].contains(said), "{:?}", answer.log);
    let answer = rbl(rule, known);
    assert_eq!(answer.status, 200);
    assert!(
        answer.log[0].contains("RBL httpBl called but no key defined: set SecHttpBlKey"),
        "{:?}",
        answer.log
    );
}

#[test]
fn a_silent_name_server_is_no_match_and_is_reported() {
    let answer = rbl(
        "SecRule REMOTE_ADDR \"!@rbl bl.test\" id:1,phase:1,deny",
        &[("7.2.0.192.bl.test", None)],
    );
    assert_eq!(answer.status, 200);
    assert!(
        answer.log[0].contains("RBL lookup of 7.2.0.192.bl.test failed: 127.0.0.1:"),
        "{:?}",
        answer.log
    );
}
