//! The hostile requests with changes, on the wire: whatever comes, there is an answer or the connection ends, none of them ours in
//! the 500s, none late, and no process dies.

use super::*;
use crate::changed::{changed, pieces};
use crate::random::Random;

/// How many are sent.
const REQUESTS: usize = 2_000;
/// How many with `PALISADE_FULL=1`.
const FULL: usize = 20_000;

#[test]
fn whatever_is_sent_is_answered_or_ends() {
    let way = Way {
        mpm: Mpm::Event,
        modules: &[],
        conf: "",
        starter: &[],
        send: |server, from, vector| send(server, from, &vector.wire()),
    };
    let backend = Backend::start();
    let (Some(plain), Some(guarded)) = (
        start(&way, &backend, None),
        start(&way, &backend, Some("On")),
    ) else {
        return;
    };
    let seeds: Vec<Vec<u8>> = crate::vector::for_http1()
        .iter()
        .map(|vector| vector.wire())
        .collect();
    let pieces = pieces();
    let mut random = Random(0x5eed_c4a0);
    let number = match std::env::var_os("PALISADE_FULL") {
        Some(_) => FULL,
        None => REQUESTS,
    };
    let mut faults = Vec::new();
    for _ in 0..number {
        let wire = changed(&mut random, &seeds, &pieces);
        let ask = |server| send(server, Ipv4Addr::LOCALHOST, &wire);
        let mut answers = (0..TRIES).map(|_| ask(&guarded));
        let late = |answer: &Answer| answer.took > HANG;
        // What httpd or the backend answers so without us is theirs.
        let fault = answers.next().and_then(|first| match first.status {
            500.. if ask(&plain).status != first.status => Some(format!("{}", first.status)),
            _ if late(&first) && answers.all(|answer| late(&answer)) => Some("late".to_owned()),
            _ => None,
        });
        faults.extend(fault.map(|fault| format!("{fault}: b\"{}\"", wire.escape_ascii())));
    }
    // `scripts/reliability.sh` reads this line.
    println!("changed requests: {number} sent, {} wrong", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
