//! The targets in `fuzz/src` on their seeds, and on as many changed seeds as there is time for.
//!
//! The seeds are what the tests have anyhow, hostile requests above all, and `fuzz/seeds/TARGET/`: what once went wrong comes
//! there, too. `PALISADE_FUZZ_CHANGED` is how many changed seeds each target gets. A failure prints its input.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that panics has failed

#[path = "support/changed.rs"]
mod changed;
#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/random.rs"]
mod random;
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use changed::{LONGEST, changed, pieces};
use hostile::Message;
use random::Random;

/// How many changed seeds each target gets where nobody says.
const CHANGED: usize = 2_000;
/// What no single input may compute for longer than.
const HANG: Duration = Duration::from_secs(1);
/// How often an input is tried that computed for longer.
const TRIES: usize = 3;
/// What a target begins with.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = vec![Vec::new()];
    let own = std::fs::read_dir(root.join("fuzz/seeds").join(target));
    for file in own.into_iter().flatten().flatten() {
        seeds.push(std::fs::read(file.path()).unwrap());
    }
    let files: &[&str] = match target {
        "configuration" => &[
            "tests/data/everything.conf",
            "apache-conf/recommended.conf",
            "apache-conf/rules/pingback.conf",
        ],
        "arguments" => &["tests/data/operators/patterns.txt"],
        "seclang" => &["tests/data/everything.conf", "tests/data/prefilter.conf"],
        _ => &[],
    };
    for file in files {
        let text = std::fs::read(root.join(file)).unwrap();
        seeds.extend(text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        seeds.push(text);
    }
    for vector in hostile::for_http1() {
        seeds.push(match (&vector.message, target) {
            (Message::Raw(bytes) | Message::Fields(_, bytes), _) => bytes.clone(),
            (Message::Parts(_), "request") => vector.wire(),
            (Message::Parts(parts), "cookies") => parts.headers.join(&b"; "[..]),
            (Message::Parts(parts), _) => {
                let boundary = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("--B", "--b");
                match std::str::from_utf8(&parts.body) {
                    Ok(_) if target == "multipart" => boundary(&parts.body).into_bytes(),
                    _ => parts.body.clone(),
                }
            }
        });
    }
    if matches!(target, "arguments" | "audit" | "prefilter") {
        // The first byte chooses an operator, a place or a pattern.
        seeds
            .iter_mut()
            .zip((0..=255_u8).cycle())
            .for_each(|(seed, choice)| seed.insert(0, choice));
    }
    seeds
}

/// How long this thread has computed, where the system tells; otherwise how long the test has run.
fn computed() -> Duration {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|text| text.parse().ok());
    nanoseconds.map_or_else(|| BEGUN.elapsed(), Duration::from_nanos)
}

/// Runs one input, and says which it was if it fails or hangs.
fn run(name: &str, target: fn(&[u8]), input: &[u8]) {
    let mut ended = true;
    // Again, because a busy machine slows down whoever computes, too.
    let hung = (0..TRIES).all(|_| {
        let before = computed();
        ended &= std::panic::catch_unwind(|| target(input)).is_ok();
        computed() - before > HANG
    });
    let input = input.escape_ascii();
    assert!(ended && !hung, "{name} on b\"{input}\" (hung: {hung})");
}

/// The seeds of a target, and as many changed ones as are wanted: the same in every run.
fn fuzz(name: &str, target: fn(&[u8])) {
    let (seeds, pieces) = (seeds(name), pieces());
    for seed in &seeds {
        run(name, target, &seed[..seed.len().min(LONGEST)]);
    }
    let wanted = std::env::var("PALISADE_FUZZ_CHANGED").ok();
    let wanted = wanted.map_or(CHANGED, |text| text.parse().unwrap());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..wanted {
        run(name, target, &changed(&mut random, &seeds, &pieces));
    }
    // `scripts/reliability.sh` reads this line.
    let executions = seeds.len() + wanted;
    println!("fuzzed {name}: {executions} executions");
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                fuzz(stringify!($name), targets::$name);
            }
        )*

        const TARGETS: &[&str] = &[$(stringify!($name)),*];
    };
}

targets! {
    arguments audit configuration cookies forwarding json links multipart operators pingback prefilter request seclang
    transformations urlencoded xml xmlrpc
}

#[test]
fn every_fuzzer_is_a_test_and_every_test_a_fuzzer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let files = std::fs::read_dir(root.join("fuzz_targets")).unwrap();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut fuzzers: Vec<String> = files.map(|file| stem(file.unwrap().path())).collect();
    fuzzers.sort();
    assert_eq!(fuzzers, TARGETS);
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for name in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
    }
}

/// The seeds as files, for fuzzers that want them so.
#[test]
#[ignore = "writes fuzz/corpus, for scripts/fuzz.sh"]
fn write_the_corpus() {
    for name in TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(name);
        std::fs::create_dir_all(&directory).unwrap();
        for (number, seed) in seeds(name).iter().enumerate() {
            std::fs::write(directory.join(format!("seed-{number}")), seed).unwrap();
        }
    }
}
