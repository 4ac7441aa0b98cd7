//! The same requests for as long as is wanted, with the Core Rule Set: memory, descriptors and times stay what they are.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::material;

/// Clients at a time: more than there are cores.
const CLIENTS: usize = 4;
/// How long it lasts where `PALISADE_SOAK_SECONDS` does not say.
const SECONDS: u64 = 60;
/// Of a child's memory, in percent; and kilobytes besides, for what allocators keep.
const GROWTH: (u64, u64) = (5, 2048);

/// What a process has, in kilobytes and in number.
#[derive(Clone, Copy, Default, Debug)]
struct Held {
    memory: u64,
    descriptors: usize,
}

fn held(process: u32) -> Held {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    let descriptors = std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
    Held {
        memory: memory.unwrap_or(0),
        descriptors,
    }
}

/// The most of each, over some seconds.
fn most(samples: &[Held]) -> Held {
    samples.iter().fold(Held::default(), |most, held| Held {
        memory: most.memory.max(held.memory),
        descriptors: most.descriptors.max(held.descriptors),
    })
}

/// What half of the requests took no longer than: what else the machine has to do tells on the slowest.
fn median(times: &[(u64, Duration)], seconds: std::ops::Range<u64>) -> Duration {
    let within = times.iter().filter(|(second, _)| seconds.contains(second));
    let mut times: Vec<Duration> = within.map(|(_, took)| *took).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
#[ignore = "takes as long as it is told to: scripts/reliability.sh"]
fn memory_descriptors_and_times_stay_flat() {
    let seconds = std::env::var("PALISADE_SOAK_SECONDS").ok();
    let seconds = seconds.map_or(SECONDS, |text| text.parse().expect("seconds"));
    let rules = material::crs();
    let Some(setup) = Setup::new() else { return };
    let crs = match std::fs::canonicalize(rules.join("crs-setup.conf.example")) {
        Ok(setup) => format!(
            "Include {}\nInclude {}/rules/*.conf\n",
            setup.display(),
            rules.display()
        ),
        Err(_) => {
            eprintln!("SKIPPED: no Core Rule Set in {}", rules.display());
            String::new()
        }
    };
    let backend = Backend::start();
    let mut server = setup
        .modules(&["proxy", "proxy_http"])
        // One child, which stays.
        .conf("ServerLimit 1\nStartServers 1\nThreadsPerChild 16\nMaxRequestWorkers 16\nMaxConnectionsPerChild 0")
        .conf(&super::rules("On"))
        .conf(&crs)
        .conf(&format!("ProxyPass / http://127.0.0.1:{}/ nocanon disablereuse=on", backend.port))
        .start();
    let [child] = server.children()[..] else {
        panic!("one child: {:?}", server.children());
    };
    let vectors: Vec<Vec<u8>> = crate::vector::for_http1()
        .iter()
        .flat_map(|vector| [vector.wire(), Vector::everyday().wire()])
        .collect();
    let (done, next) = (AtomicBool::new(false), AtomicUsize::new(0));
    let times = Mutex::new(Vec::new());
    let begun = Instant::now();
    let samples = std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut own = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    let wire = &vectors[next.fetch_add(1, Ordering::Relaxed) % vectors.len()];
                    let answer = send(&server, Ipv4Addr::LOCALHOST, wire);
                    own.push((begun.elapsed().as_secs(), answer.took));
                }
                times.lock().unwrap().append(&mut own);
            });
        }
        let samples: Vec<Held> = (0..seconds)
            .map(|_| {
                std::thread::sleep(Duration::from_secs(1));
                held(child)
            })
            .collect();
        done.store(true, Ordering::Relaxed);
        samples
    });
    assert!(server.is_running());
    assert_eq!(server.children(), [child], "the child lives");
    // The first half is for what grows once: caches, arenas, the longest request.
    let quarter = samples.len() / 4;
    let before = most(&samples[2 * quarter..3 * quarter]);
    let behind = most(&samples[3 * quarter..]);
    let times = times.into_inner().unwrap();
    let quarters = [2, 3].map(|number| number * seconds / 4);
    let slow = median(&times, quarters[0]..quarters[1]);
    let later = median(&times, quarters[1]..seconds);
    // `scripts/reliability.sh` reads this line.
    println!(
        "soak: {seconds} s, memory within {} % and {} kB, descriptors within {}, half of the answers within twice the time",
        GROWTH.0,
        GROWTH.1,
        2 * CLIENTS
    );
    let measured = format!(
        "{} requests, {before:?} then {behind:?}, half in {slow:?} then {later:?}",
        times.len()
    );
    println!("measured: {measured}");
    assert!(times.len() > 100 * CLIENTS, "{measured}");
    assert!(
        behind.memory <= before.memory + before.memory * GROWTH.0 / 100 + GROWTH.1,
        "{measured}"
    );
    // As many as there are clients come and go, each with its backend.
    assert!(
        behind.descriptors <= before.descriptors + 2 * CLIENTS,
        "{measured}"
    );
    assert!(later <= 2 * slow + Duration::from_millis(50), "{measured}");
}
