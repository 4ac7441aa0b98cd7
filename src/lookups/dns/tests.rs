//! Questions to a server of the tests, on loopback.

use super::*;

/// A server that answers one question after the other, with what a function makes of it; and who it is.
fn server(mut answer: impl FnMut(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> Resolver {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let servers = vec![socket.local_addr().unwrap()];
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            for message in answer(&buffer[..length]) {
                let _ = socket.send_to(&message, from);
            }
        }
    });
    Resolver { servers }
}

/// An answer to a question with these records behind it.
fn answer(question: &[u8], code: u8, records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut message = question.to_vec();
    message[2] = 0x81;
    message[3] = 0x80 | code;
    message[7] = records.len() as u8;
    for (kind, data) in records {
        message.extend([0xC0, 12]);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend((data.len() as u16).to_be_bytes());
        message.extend(*data);
    }
    message
}

#[test]
fn addresses_and_their_absence() {
    let listed = server(|question| {
        vec![answer(
            question,
            0,
            &[(5, &[1, b'x', 0]), (1, &[127, 0, 0, 2])],
        )]
    });
    assert_eq!(
        listed.address("1.2.0.192.bl.test"),
        Ok(Some([127, 0, 0, 2].into()))
    );
    let unlisted = server(|question| vec![answer(question, 3, &[])]);
    assert_eq!(unlisted.address("1.2.0.192.bl.test"), Ok(None));
    let empty = server(|question| vec![answer(question, 0, &[(16, b"text")])]);
    assert_eq!(empty.address("bl.test"), Ok(None));
    let broken = server(|question| vec![answer(question, 2, &[])]);
    assert!(broken.address("bl.test").unwrap_err().ends_with("error 2"));
}

#[test]
fn answers_of_others_do_not_count() {
    let liar = server(|question| {
        let mut other_number = answer(question, 0, &[(1, &[10, 0, 0, 1])]);
        other_number[0] ^= 1;
        let mut other_name = answer(question, 0, &[(1, &[10, 0, 0, 1])]);
        other_name[13] ^= 1;
        let cut = answer(question, 0, &[(1, &[10, 0, 0, 1])])[..20].to_vec();
        vec![
            other_number,
            other_name,
            cut,
            vec![],
            answer(question, 0, &[(1, &[127, 0, 0, 3])]),
        ]
    });
    assert_eq!(liar.address("bl.test"), Ok(Some([127, 0, 0, 3].into())));
}

#[test]
fn malformed_answers_are_errors_and_never_a_panic() {
    let whole = {
        let question = question([1, 2], "a.test", Kind::V4).unwrap();
        answer(&question, 0, &[(1, &[127, 0, 0, 2])])
    };
    let question = question([1, 2], "a.test", Kind::V4).unwrap();
    for length in 0..whole.len() {
        let _ = read(&whole[..length], &question);
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[length] ^= 1 << bit;
            let _ = read(&changed, &question);
        }
    }
    assert!(read(&whole[..whole.len() - 1], &question).unwrap().is_err());
}

#[test]
fn silence_is_waited_for_no_longer_than_the_limit() {
    let silent = server(|_| Vec::new());
    let two = Resolver {
        servers: vec![silent.servers[0], silent.servers[0]],
    };
    let begun = Instant::now();
    assert!(
        two.address("bl.test")
            .unwrap_err()
            .contains("no answer in time")
    );
    let took = begun.elapsed().as_millis() as u64;
    assert!(
        (limits::DNS_TIMEOUT - 50..limits::DNS_TIMEOUT + 1000).contains(&took),
        "{took} ms"
    );
    // The second one is asked while there is time.
    let listed = server(|question| vec![answer(question, 0, &[(1, &[127, 0, 0, 2])])]);
    let both = Resolver {
        servers: vec![silent.servers[0], listed.servers[0]],
    };
    assert_eq!(both.address("bl.test"), Ok(Some([127, 0, 0, 2].into())));
}

#[test]
fn what_is_no_name_is_not_asked_for() {
    let nobody = Resolver::default();
    for name in ["", ".", "a..b", &"a".repeat(64), &"a.".repeat(128)] {
        assert_eq!(
            nobody.address(name),
            Err("this is no name of a host".into()),
            "{name}"
        );
    }
}

#[test]
fn the_systems_servers_are_read() {
    let text = "# comment\nsearch test\nnameserver 192.0.2.53\n nameserver 2001:db8::53 # two\nnameserver x\n";
    assert_eq!(
        servers(text),
        [
            "192.0.2.53:53".parse().unwrap(),
            "[2001:db8::53]:53".parse().unwrap()
        ]
    );
    assert_eq!(servers(""), ["127.0.0.1:53".parse().unwrap()]);
}

#[test]
fn all_addresses_of_both_kinds_are_found() {
    let v6: [u8; 16] = "2001:db8::7"
        .parse::<std::net::Ipv6Addr>()
        .unwrap()
        .octets();
    let soon = || Instant::now() + Duration::from_secs(5);
    let both = server(move |question| {
        let records: &[(u16, &[u8])] = match question[question.len() - 3] {
            1 => &[
                (5, &[1, b'x', 0]),
                (1, &[192, 0, 2, 1]),
                (1, &[192, 0, 2, 2]),
            ],
            _ => &[(28, &v6)],
        };
        vec![answer(question, 0, records)]
    });
    let found = both.addresses("both.test", soon()).unwrap();
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["192.0.2.1", "192.0.2.2", "2001:db8::7"]);

    let nobody = server(|question| vec![answer(question, 3, &[])]);
    assert_eq!(nobody.addresses("nobody.test", soon()), Ok(Vec::new()));

    // A server that does not know the other kind takes nothing away from what it knows.
    let old = server(|question| {
        let code = if question[question.len() - 3] == 1 {
            0
        } else {
            4
        };
        vec![answer(question, code, &[(1, &[192, 0, 2, 1])])]
    });
    assert_eq!(
        old.addresses("old.test", soon()),
        Ok(vec![[192, 0, 2, 1].into()])
    );

    let silent = server(|_| Vec::new());
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(50);
    assert!(silent.addresses("silent.test", deadline).is_err());
    assert!(begun.elapsed() < Duration::from_millis(900));
}
