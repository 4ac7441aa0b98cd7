//! The words of a directive, as httpd's `ap_getword_conf` reads them.

/// One word: its text after unquoting, and where each byte of it stood.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Word {
    /// The text.
    pub text: Vec<u8>,
    /// For each byte of `text` its offset in the raw arguments; one more for the end.
    offsets: Vec<usize>,
    /// Whether it begins with a quote that nothing closes.
    unclosed: bool,
}

impl Word {
    /// A word that stands for itself, for text that did not come from a configuration file.
    pub fn plain(text: &[u8]) -> Word {
        Word {
            text: text.to_vec(),
            offsets: (0..=text.len()).collect(),
            unclosed: false,
        }
    }

    /// Where a byte of the text stood in the raw arguments.
    pub fn raw_offset(&self, at: usize) -> usize {
        self.offsets
            .get(at)
            .or(self.offsets.last())
            .copied()
            .unwrap_or(0)
    }

    /// Whether it begins with a quote that nothing closes: it ends with the line then.
    pub fn is_unclosed(&self) -> bool {
        self.unclosed
    }

    /// The text as UTF-8, damaged where it is not.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }
}

/// Splits the raw arguments of a directive into words.
///
/// Compat: exactly httpd's rules. A word in `"` or `'` reaches to the same quote; inside it `\"` (or `\'`) and `\\`
/// lose their backslash. Outside quotes only `\\` does. A missing closing quote ends with the line.
pub fn split(raw: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = skip_space(raw, 0);
    while let Some(&first) = raw.get(at) {
        let quote = matches!(first, b'"' | b'\'').then_some(first);
        if quote.is_some() {
            at += 1;
        }
        let mut word = Word::default();
        while let Some(&byte) = raw.get(at) {
            let ends = match quote {
                Some(quote) => byte == quote,
                None => is_space(byte),
            };
            if ends {
                break;
            }
            let escaped = raw
                .get(at + 1)
                .filter(|&&next| byte == b'\\' && (next == b'\\' || Some(next) == quote));
            word.offsets.push(at);
            word.text.push(escaped.copied().unwrap_or(byte));
            at += if escaped.is_some() { 2 } else { 1 };
        }
        word.offsets.push(at);
        word.unclosed = quote.is_some() && at == raw.len();
        if quote.is_some() && at < raw.len() {
            at += 1;
        }
        words.push(word);
        at = skip_space(raw, at);
    }
    words
}

pub(super) fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn skip_space(raw: &[u8], from: usize) -> usize {
    let rest = raw.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|&&byte| is_space(byte)).count()
}
