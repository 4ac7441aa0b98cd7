//! `@fuzzyHash`: context triggered piecewise hashes, as the tool ssdeep makes and compares them.
//!
//! Written from the published description: J. Kornblum, "Identifying almost identical files using context triggered
//! piecewise hashing", Digital Investigation 3 (2006), after A. Tridgell's spamsum. A rolling hash over seven bytes cuts
//! the text into pieces, each piece becomes one letter, and an edit distance compares the letters.

/// Letters of the first part of a digest at most; of the second half as many.
const LETTERS: usize = 64;
const WINDOW: usize = 7;
const MIN_BLOCK: u64 = 3;
const HASH_INIT: u32 = 0x2802_1967;
const HASH_PRIME: u32 = 0x0100_0193;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// How many equal letters in a row count when digests are compared.
const SEQUENCE: usize = 3;

/// A hash of the last seven bytes.
#[derive(Default)]
struct Rolling {
    window: [u8; WINDOW],
    at: usize,
    sum: u32,
    weighted: u32,
    shifted: u32,
}

impl Rolling {
    fn push(&mut self, byte: u8) -> u32 {
        let byte = u32::from(byte);
        self.weighted = self
            .weighted
            .wrapping_sub(self.sum)
            .wrapping_add(byte.wrapping_mul(WINDOW as u32));
        self.sum = self.sum.wrapping_add(byte);
        if let Some(oldest) = self.window.get_mut(self.at) {
            self.sum = self.sum.wrapping_sub(u32::from(*oldest));
            *oldest = byte as u8;
        }
        self.at = (self.at + 1) % WINDOW;
        self.shifted = (self.shifted << 5) ^ byte;
        self.value()
    }

    fn value(&self) -> u32 {
        self.sum
            .wrapping_add(self.weighted)
            .wrapping_add(self.shifted)
    }
}

/// The letters of the pieces of one size.
#[derive(Clone)]
struct Letters {
    letters: Vec<u8>,
    most: usize,
    hash: u32,
}

impl Letters {
    fn new(most: usize) -> Letters {
        Letters {
            letters: Vec::with_capacity(most),
            most,
            hash: HASH_INIT,
        }
    }

    fn push(&mut self, byte: u8) {
        self.hash = self.hash.wrapping_mul(HASH_PRIME) ^ u32::from(byte);
    }

    fn letter(&self) -> u8 {
        ALPHABET
            .get(self.hash as usize % 64)
            .copied()
            .unwrap_or(b'A')
    }

    /// A piece ends. There is always room for one more letter, which stands for all that follows.
    fn cut(&mut self) {
        let letter = self.letter();
        if self.letters.len() + 1 < self.most {
            self.letters.push(letter);
            self.hash = HASH_INIT;
        } else {
            self.overflow(letter);
        }
    }

    fn overflow(&mut self, letter: u8) {
        self.letters.truncate(self.most - 1);
        self.letters.push(letter);
    }

    fn end(&mut self, rolling: u32) {
        if rolling != 0 {
            let letter = self.letter();
            self.overflow(letter);
        }
    }
}

/// The pieces of one size, as the first part of a digest has them and as the second.
#[derive(Clone)]
struct Level {
    single: Letters,
    double: Letters,
}

impl Level {
    fn pieces(&self) -> usize {
        self.single.letters.len()
    }

    fn push(&mut self, byte: u8) {
        self.single.push(byte);
        self.double.push(byte);
    }

    fn cut(&mut self) {
        self.single.cut();
        self.double.cut();
    }
}

/// How large pieces are.
fn block(level: usize) -> u64 {
    MIN_BLOCK << level.min(LEVELS)
}

/// More than texts have that fit into memory.
const LEVELS: usize = 48;

/// The pieces of all sizes that may be asked for in the end: those that have been cut already, and that are not too small.
struct Levels {
    levels: Vec<Level>,
    /// Smaller ones than this are out.
    first: usize,
    /// The largest size that is asked for.
    wanted: usize,
}

impl Levels {
    fn new(wanted: usize) -> Levels {
        let level = Level {
            single: Letters::new(LETTERS),
            double: Letters::new(LETTERS / 2),
        };
        Levels {
            levels: vec![level],
            first: 0,
            wanted,
        }
    }

    fn push(&mut self, byte: u8, rolling: u32) {
        let kept = self.levels.iter_mut().skip(self.first);
        kept.for_each(|level| level.push(byte));
        // Where a piece ends, one of half the size does.
        let mut at = self.first;
        while (u64::from(rolling) + 1).is_multiple_of(block(at))
            && let Some(level) = self.levels.get_mut(at)
        {
            // Until here pieces of twice the size were the same: one that has not ended.
            let doubled = (level.pieces() == 0 && at <= self.wanted).then(|| level.clone());
            level.cut();
            self.levels.extend(doubled);
            at += 1;
        }
        while self.first < self.wanted && self.is_enough(self.first + 1) {
            self.first += 1;
        }
    }

    fn is_enough(&self, level: usize) -> bool {
        let level = self.levels.get(level);
        level.is_some_and(|level| level.pieces() >= LETTERS / 2)
    }

    fn digest(self, rolling: u32) -> Digest {
        let mut at = self.wanted;
        while at > 0 && !self.is_enough(at) {
            at -= 1;
        }
        let mut letters = self.levels.into_iter().skip(at);
        let level = letters.next();
        let doubled = letters.next().or_else(|| level.clone());
        let ended = |letters: Option<Letters>| {
            let mut letters = letters.unwrap_or_else(|| Letters::new(LETTERS));
            letters.end(rolling);
            letters.letters
        };
        Digest {
            block: block(at),
            single: ended(level.map(|level| level.single)),
            double: ended(doubled.map(|level| level.double)),
        }
    }
}

/// A digest: the size of the pieces, and the letters for pieces of that size and of twice it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    block: u64,
    single: Vec<u8>,
    double: Vec<u8>,
}

impl Digest {
    /// The digest of a text, in one run over it.
    pub fn of(text: &[u8]) -> Digest {
        // The smallest size with which all pieces would have their letter; fewer than half of those, and it is halved.
        let mut wanted = 0;
        while block(wanted).saturating_mul(LETTERS as u64) < text.len() as u64 {
            wanted += 1;
        }
        let mut rolling = Rolling::default();
        let mut levels = Levels::new(wanted);
        for &byte in text {
            let value = rolling.push(byte);
            levels.push(byte, value);
        }
        levels.digest(rolling.value())
    }

    /// Reads `BLOCK:LETTERS:LETTERS`, perhaps followed by a comma and a name; `None` if it is none.
    pub fn parse(line: &[u8]) -> Option<Digest> {
        let mut parts = line.trim_ascii().splitn(3, |byte| *byte == b':');
        let block = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        let single = parts.next()?;
        let double = parts.next()?.split(|byte| *byte == b',').next()?;
        let fits = |letters: &[u8]| {
            letters.len() <= LETTERS && letters.iter().all(|letter| ALPHABET.contains(letter))
        };
        (block >= MIN_BLOCK && fits(single) && fits(double)).then(|| Digest {
            block,
            single: single.to_vec(),
            double: double.to_vec(),
        })
    }

    /// How similar two texts are, from 0 to 100.
    pub fn similarity(&self, other: &Digest) -> u32 {
        let (single, double) = (squeezed(&self.single), squeezed(&self.double));
        let (their_single, their_double) = (squeezed(&other.single), squeezed(&other.double));
        if self.block == other.block {
            if single == their_single && double == their_double {
                return 100;
            }
            let of_single = score(&single, &their_single, self.block);
            return of_single.max(score(&double, &their_double, self.block.saturating_mul(2)));
        }
        if self.block.checked_mul(2) == Some(other.block) {
            return score(&double, &their_single, other.block);
        }
        if other.block.checked_mul(2) == Some(self.block) {
            return score(&single, &their_double, self.block);
        }
        0
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy;
        write!(
            f,
            "{}:{}:{}",
            self.block,
            text(&self.single),
            text(&self.double)
        )
    }
}

/// Long rows of one letter say little: three are enough.
fn squeezed(letters: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(letters.len());
    for &letter in letters {
        let full = out.len() >= SEQUENCE
            && out
                .iter()
                .rev()
                .take(SEQUENCE)
                .all(|before| *before == letter);
        if !full {
            out.push(letter);
        }
    }
    out
}

/// How similar two rows of letters are. Rows without seven letters in common are not.
fn score(a: &[u8], b: &[u8], block: u64) -> u32 {
    let common = a
        .windows(WINDOW)
        .any(|part| b.windows(WINDOW).any(|other| part == other));
    if !common {
        return 0;
    }
    let letters = LETTERS as u32;
    let (length_a, length_b) = (a.len() as u32, b.len() as u32);
    let distance = distance(a, b) * letters / (length_a + length_b);
    let score = 100u32.saturating_sub(100 * distance / letters);
    // Small pieces must not make a small text look like a great match.
    let small = (99 + WINDOW as u64) / WINDOW as u64 * MIN_BLOCK;
    if block >= small {
        return score;
    }
    score.min((block / MIN_BLOCK) as u32 * length_a.min(length_b))
}

/// The edit distance: 1 for a letter more or less, 2 for another one.
fn distance(a: &[u8], b: &[u8]) -> u32 {
    let mut row: Vec<u32> = (0..=b.len() as u32).collect();
    for (count, letter) in (1u32..).zip(a) {
        let mut diagonal = count - 1;
        let mut left = count;
        for (above, other) in row.iter_mut().skip(1).zip(b) {
            let replaced = diagonal + if letter == other { 0 } else { 2 };
            diagonal = *above;
            left = replaced.min(left + 1).min(*above + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = count;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The digests of a file, and how similar a value must be to one of them.
#[derive(Debug)]
pub struct FuzzyHash {
    digests: Vec<Digest>,
    file: Box<str>,
    threshold: u32,
}

impl FuzzyHash {
    /// The file's name as the rule has it and its text: one digest a line. Lines that are none, such as the heading that
    /// ssdeep writes, are passed over.
    ///
    /// # Errors
    /// There is no digest in it.
    pub(super) fn new(file: &str, text: &[u8], threshold: u32) -> Result<FuzzyHash, String> {
        let digests: Vec<Digest> = text
            .split(|byte| *byte == b'\n')
            .filter_map(Digest::parse)
            .collect();
        if digests.is_empty() {
            return Err(format!("There is no ssdeep hash in file \"{file}\"."));
        }
        Ok(FuzzyHash {
            digests,
            file: file.into(),
            threshold,
        })
    }

    /// The first digest that the value is similar to, and how much.
    pub(super) fn find(&self, value: &[u8]) -> Option<(usize, u32)> {
        let digest = Digest::of(value);
        let scores = self.digests.iter().map(|known| known.similarity(&digest));
        scores
            .enumerate()
            .find(|(_, score)| *score >= self.threshold)
    }

    /// Compat: mod_security2's sentence.
    pub(super) fn sentence(&self, at: usize, score: u32, variable: &[u8]) -> Vec<u8> {
        let digest = self
            .digests
            .get(at)
            .map(Digest::to_string)
            .unwrap_or_default();
        let rest = format!(
            " matched with {digest} (from: {}). Score: {score}.",
            self.file
        );
        [b"Fuzzy hash of ", variable, rest.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    /// Texts of all sizes, of few and many different bytes, and near copies of them.
    fn texts() -> Vec<Vec<u8>> {
        let mut texts: Vec<Vec<u8>> = [0, 1, 5, 100, 500, 4096, 20_000, 200_000]
            .into_iter()
            .flat_map(|length| {
                let random = noise(length as u64 + 7, length);
                let letters: Vec<u8> = random.iter().map(|byte| b'a' + byte % 3).collect();
                [random, letters, vec![b'x'; length], vec![0; length]]
            })
            .collect();
        for at in 0..texts.len() {
            let mut near = texts[at].clone();
            let middle = near.len() / 2;
            near.splice(middle..middle, *b"something else");
            texts.push(near);
            let text = texts[at].clone();
            texts.push([&text[..text.len() / 3], b"gone", &text[text.len() / 2..]].concat());
        }
        texts
    }

    #[test]
    fn digests_and_scores_are_those_of_ssdeep() {
        let command = |arguments: &[&str], directory: &std::path::Path| {
            let output = std::process::Command::new("ssdeep")
                .args(arguments)
                .current_dir(directory)
                .output()
                .ok()?;
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let texts = texts();
        let directory = std::env::temp_dir().join(format!("palisade-fuzzy-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let names: Vec<String> = (0..texts.len()).map(|at| format!("t{at}")).collect();
        for (name, text) in names.iter().zip(&texts) {
            std::fs::write(directory.join(name), text).unwrap();
        }
        let all = names.iter().map(String::as_str);
        let hashes = command(
            &["-s", "-b"]
                .into_iter()
                .chain(all.clone())
                .collect::<Vec<_>>(),
            &directory,
        );
        let scores = command(
            &["-s", "-b", "-a", "-c", "-p"]
                .into_iter()
                .chain(all)
                .collect::<Vec<_>>(),
            &directory,
        );
        std::fs::remove_dir_all(&directory).unwrap();
        let (Some(hashes), Some(scores)) = (hashes, scores) else {
            eprintln!("SKIPPED: no ssdeep");
            return;
        };
        let number = |quoted: &str| {
            quoted
                .trim_matches('"')
                .trim_start_matches('t')
                .parse::<usize>()
                .unwrap()
        };
        let mut compared = 0;
        for line in hashes.lines().skip(1) {
            let (hash, name) = line.rsplit_once(',').unwrap();
            assert_eq!(Digest::of(&texts[number(name)]).to_string(), hash, "{name}");
            compared += 1;
        }
        assert!(compared > 80, "{compared}");
        let digests: Vec<Digest> = texts.iter().map(|text| Digest::of(text)).collect();
        let (mut alike, mut pairs) = (0, 0);
        for line in scores.lines().filter(|line| !line.is_empty()) {
            let fields: Vec<&str> = line.split(',').collect();
            let (a, b, score) = (
                number(fields[0]),
                number(fields[1]),
                fields[2].parse::<u32>().unwrap(),
            );
            assert_eq!(
                digests[a].similarity(&digests[b]),
                score,
                "{} and {}",
                digests[a],
                digests[b]
            );
            alike += usize::from(score > 0);
            pairs += 1;
        }
        assert!(pairs > 5000 && alike > 50, "{pairs} pairs, {alike} alike");
    }

    #[test]
    fn digests_are_read() {
        for line in ["3:abc:d", "96:6Vxz:8Zr,\"a,b\"", "3::", "3:AAAA:B\r"] {
            assert!(Digest::parse(line.as_bytes()).is_some(), "{line}");
        }
        let heading = "ssdeep,1.1--blocksize:hash:hash,filename";
        for line in [
            "",
            "3:abc",
            "2:a:b",
            "-3:a:b",
            "x:a:b",
            heading,
            "3:a b:c",
            &format!("3:{}:a", "a".repeat(65)),
        ] {
            assert!(Digest::parse(line.as_bytes()).is_none(), "{line}");
        }
    }
}
