//! Configurations as nobody should write them: shipped rules, and lines with every directive, operator and action, with bytes
//! changed, words swapped, quotes lost, numbers grown, lines doubled or cut off. Whatever comes of it is a message or a
//! configuration, never a crash.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use palisade::config::DIRECTIVES;
use palisade::operators::Kind;
use regex::Regex;

use crate::harness::Setup;

/// How many files the command-line tool reads, and how many of them httpd itself.
const FILES: usize = 1000;
const BY_HTTPD: usize = 100;

/// Deterministic random numbers (xorshift64*): a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n.max(1)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

fn manifest(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Lines with everything there is to write.
fn everything() -> String {
    fs::read_to_string(manifest("tests/data/everything.conf")).unwrap()
}

/// Texts to start from: each shipped file, and handfuls of the lines with everything.
fn text(random: &mut Random) -> Vec<u8> {
    let shipped = [
        "apache-conf/recommended.conf",
        "apache-conf/rules/pingback.conf",
    ];
    if random.below(3) == 0 {
        return fs::read(manifest(random.pick(&shipped))).unwrap();
    }
    let everything = everything();
    let lines: Vec<&str> = everything
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let count = 1 + random.below(6);
    let chosen: Vec<&str> = (0..count).map(|_| random.pick(&lines)).collect();
    (chosen.join("\n") + "\n").into_bytes()
}

/// Changes a text at one to three places.
fn mutate(random: &mut Random, mut text: Vec<u8>) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "SecRule", "ARGS", "@rx", "%{", "}", "id:1", "chain", "phase:9", "!", "&", "|", "\\",
        "t:none,", "ctl:", "(?<=a+)", "\u{e9}",
    ];
    const NUMBERS: [&str; 6] = [
        "0",
        "-1",
        "4294967296",
        "18446744073709551616",
        "99999999999999999999999",
        "1e9",
    ];
    for _ in 0..1 + random.below(3) {
        let at = random.below(text.len() + 1);
        let found = |byte: u8| {
            text.iter()
                .skip(at)
                .position(|b| *b == byte)
                .map(|offset| at + offset)
        };
        match random.below(8) {
            0 => {
                if let Some(byte) = text.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            1 => text.truncate(at),
            2 => {
                text.splice(at..at, random.pick(&WORDS).bytes());
            }
            3 => {
                let quote = found(b'"').or(found(b'\''));
                quote.map(|at| text.remove(at));
            }
            4 => {
                let digits = text
                    .iter()
                    .skip(at)
                    .position(u8::is_ascii_digit)
                    .map(|offset| at + offset);
                if let Some(start) = digits {
                    let length = text[start..]
                        .iter()
                        .take_while(|b| b.is_ascii_digit())
                        .count();
                    text.splice(start..start + length, random.pick(&NUMBERS).bytes());
                }
            }
            5 => {
                let end = found(b'\n').map_or(text.len(), |end| end + 1);
                let start = text[..at]
                    .iter()
                    .rposition(|b| *b == b'\n')
                    .map_or(0, |start| start + 1);
                let line = text[start..end].to_vec();
                text.splice(end..end, line);
            }
            6 => {
                let to = (at + random.below(40)).min(text.len());
                text.drain(at..to);
            }
            _ => {
                // Two words change places.
                let mut words: Vec<Vec<u8>> =
                    text.split(|b| *b == b' ').map(<[u8]>::to_vec).collect();
                let (a, b) = (random.below(words.len()), random.below(words.len()));
                words.swap(a, b);
                text = words.join(&b' ');
            }
        }
    }
    text
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// How many lines begin with a file, a line and a column.
fn places(message: &str) -> usize {
    static PLACE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?m)^\S*mutated\.conf:[1-9]\d*:[1-9]\d*:").unwrap());
    PLACE.find_iter(message).count()
}

/// How many mistakes the command-line tool counts.
fn mistakes(message: &str) -> usize {
    let counted = message.lines().find_map(|line| {
        let (number, what) = line.split_once(' ')?;
        what.starts_with("mistake").then(|| number.parse().ok())?
    });
    counted.unwrap_or(1)
}

/// Ended by itself, without a panic.
fn sound(output: &Output) -> bool {
    output.status.code().is_some_and(|code| code <= 1) && !said(output).contains("panic")
}

#[test]
fn everything_is_in_the_lines_with_everything() {
    let text = everything();
    let missing: Vec<&str> = DIRECTIVES
        .iter()
        .map(|directive| directive.name)
        .filter(|name| {
            !text
                .lines()
                .any(|line| line.split(' ').next() == Some(name))
        })
        .chain(
            Kind::ALL
                .iter()
                .map(|kind| kind.name())
                .filter(|name| !text.contains(&format!("@{name}"))),
        )
        .collect();
    assert!(
        missing.is_empty(),
        "not in tests/data/everything.conf: {missing:?}"
    );
}

#[test]
fn a_broken_configuration_is_a_message_and_never_a_crash() {
    let directory = std::env::temp_dir().join(format!("palisade-mutations-{}", std::process::id()));
    fs::create_dir_all(directory.join("files")).unwrap();
    for file in ["unicode.mapping", "words.txt", "addresses.txt"] {
        let content = if file.starts_with("unicode") {
            "20127 (US-ASCII)\n00a0:20\n"
        } else {
            "192.0.2.1\n"
        };
        fs::write(directory.join(file), content).unwrap();
    }
    let mut random = Random(20260101);
    let (mut good, mut refused, mut by_httpd) = (0, 0, 0);
    for number in 0..FILES {
        let unchanged = text(&mut random);
        let text = mutate(&mut random, unchanged);
        let file = directory.join("mutated.conf");
        fs::write(&file, &text).unwrap();
        let shown = || format!("file {number}:\n{}", String::from_utf8_lossy(&text));
        let output = Command::new(env!("CARGO_BIN_EXE_palisade"))
            .arg("check")
            .arg(&file)
            .current_dir(&directory)
            .env_remove("RUST_BACKTRACE")
            .output()
            .unwrap();
        assert!(
            sound(&output),
            "{:?} {}\n{}",
            output.status,
            said(&output),
            shown()
        );
        if output.status.success() {
            good += 1;
        } else {
            refused += 1;
            let message = said(&output);
            assert_eq!(
                places(&message),
                mistakes(&message),
                "{message}\n{}",
                shown()
            );
        }
        if number % (FILES / BY_HTTPD) == 0 {
            let Some(setup) = Setup::new() else { continue };
            let include = format!("Include {}\n", file.display());
            let (verdict, message) = setup.conf(&include).check();
            by_httpd += 1;
            assert!(!message.contains("panic"), "{message}\n{}", shown());
            // httpd splits lines into names and arguments, and minds sections: such a mistake never gets to the module.
            let by_core = ["Invalid command", "</", "not closed", "configuration"];
            let is_cores = || by_core.iter().any(|words| message.contains(words));
            let named = places(&message) == 1 && message.contains("mutated.conf");
            assert!(
                verdict || named || is_cores(),
                "httpd -t: {message}\n{}",
                shown()
            );
        }
    }
    fs::remove_dir_all(directory).unwrap();
    eprintln!("{good} good, {refused} refused, {by_httpd} by httpd too");
    assert!(
        good > FILES / 20 && refused > FILES / 4,
        "{good} good, {refused} refused"
    );
}
