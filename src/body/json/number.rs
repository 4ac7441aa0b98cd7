//! Numbers, kept as they are written.

/// Reads one number: `-`? (`0` | 1-9 digits) (`.` digits)? (`e` sign? digits)?
#[derive(Debug)]
pub(super) struct NumberReader {
    text: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Start,
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

impl NumberReader {
    pub(super) fn new() -> Self {
        Self {
            text: Vec::new(),
            state: State::Start,
        }
    }

    /// Takes what belongs to the number from the start of `input` and says how many bytes that was.
    pub(super) fn feed(&mut self, input: &[u8]) -> usize {
        let mut length = 0;
        for &byte in input {
            let Some(next) = self.state.after(byte) else {
                break;
            };
            self.state = next;
            length += 1;
        }
        self.text
            .extend_from_slice(input.get(..length).unwrap_or_default());
        length
    }

    /// The number, which something else follows, or nothing.
    pub(super) fn finish(self) -> Result<Vec<u8>, &'static str> {
        match self.state {
            State::Zero | State::Integer | State::Fraction | State::Power => Ok(self.text),
            State::Start | State::Minus => {
                Err("lexical error: malformed number, a digit is required after the minus sign.")
            }
            State::Point => {
                Err("lexical error: malformed number, a digit is required after the decimal point.")
            }
            State::Exponent | State::Sign => {
                Err("lexical error: malformed number, a digit is required after the exponent.")
            }
        }
    }
}

impl State {
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Start, b'-') => Self::Minus,
            (Self::Start | Self::Minus, b'0') => Self::Zero,
            (Self::Start | Self::Minus | Self::Integer, b'0'..=b'9') => Self::Integer,
            (Self::Zero | Self::Integer, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::Sign,
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Self::Power,
            _ => return None,
        })
    }
}
