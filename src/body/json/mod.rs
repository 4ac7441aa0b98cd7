//! JSON, strictly as RFC 8259 has it, into arguments.
//!
//! Streaming and iterative: what is open is a list, so depth costs memory, not stack, and a limit bounds it. Names are
//! made only for values, so neither deep nor wide documents can make more of them than the limits allow.
//!
//! Strings become UTF-8 bytes; half a surrogate pair becomes U+FFFD. Numbers, `true` and `false` stay as written and
//! `null` is empty. Duplicate keys are all kept. What a document holds before an error is kept.
//!
//! Compat: names, error texts and the way depth is counted are mod_security2's (which has yajl put `?` for half a
//! surrogate pair). A string that the document cuts off, or that is no UTF-8, is shown here as far as it goes.

use std::borrow::Cow;

use super::{Argument, Parsed, Span};
use crate::limits;

mod number;
mod path;
mod string;
#[cfg(test)]
mod tests;

use number::NumberReader;
use path::{Innermost, Path};
use string::{INVALID_UTF8, Progress, StringReader};

type Error = Cow<'static, str>;

/// The bounds of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Open containers, an outermost object not counted.
    pub(super) depth: usize,
    /// Values that become arguments.
    pub(super) arguments: usize,
    /// Bytes of one argument's name.
    pub(super) name: usize,
    /// Bytes of all arguments' names.
    pub(super) names: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: limits::JSON_DEPTH_LIMIT,
            arguments: limits::ARGUMENTS_LIMIT,
            name: limits::JSON_NAME_LIMIT,
            names: limits::JSON_NAMES_LIMIT,
        }
    }
}

pub(super) struct Machine {
    limits: Limits,
    state: State,
    path: Path,
    args: Vec<Argument>,
    names_length: usize,
    limit_exceeded: bool,
    error: Option<String>,
    /// Bytes of the document taken.
    offset: usize,
    /// Where the current string or number starts.
    start: usize,
}

enum State {
    /// Before the first value.
    Start,
    /// Before a value; after `[` the array may also end.
    Value {
        may_end: bool,
    },
    /// Before a key; after `{` the object may also end.
    Key {
        may_end: bool,
    },
    /// After a key.
    Colon,
    /// After a value.
    After,
    String {
        reader: StringReader,
        is_key: bool,
    },
    Number(NumberReader),
    /// In `true`, `false` or `null`, of which so much has been read.
    Literal {
        word: &'static [u8],
        length: usize,
    },
    Failed,
}

const INVALID_CHAR: &str = "lexical error: invalid char in json text.";
const INVALID_LITERAL: &str = "lexical error: invalid string in json text.";
const COMMENT: &str =
    "lexical error: probable comment found in input text, comments are not enabled.";
const UNALLOWED: &str = "parse error: unallowed token at this point in JSON text";
const INVALID_KEY: &str = "parse error: invalid object key (must be a string)";
const NO_COLON: &str = "parse error: object key and value must be separated by a colon (':')";
const AFTER_MEMBER: &str = "parse error: after key and value, inside map, I expect ',' or '}'";
const AFTER_ELEMENT: &str = "parse error: after array element, I expect ',' or ']'";
const TRAILING: &str = "parse error: trailing garbage";
const PREMATURE_END: &str = "parse error: premature EOF";
const TOO_DEEP: &str = "JSON depth limit exceeded";
const NAMES_TOO_LONG: &str = "JSON names too long";

impl Machine {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Start,
            path: Path::default(),
            args: Vec::new(),
            names_length: 0,
            limit_exceeded: false,
            error: None,
            offset: 0,
            start: 0,
        }
    }

    pub(super) fn feed(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some((&first, _)) = rest.split_first() {
            match self.step(first, rest) {
                Ok(used) => {
                    self.offset += used;
                    rest = rest.get(used..).unwrap_or_default();
                }
                Err(error) => return self.fail(error),
            }
        }
    }

    pub(super) fn finish(mut self) -> Parsed {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Start if self.offset == 0 => {}
            State::Failed => {}
            State::After if self.path.innermost() == Innermost::Nothing => {}
            State::Number(reader) if self.path.innermost() == Innermost::Nothing => {
                if let Err(error) = self.add_number(reader, self.offset) {
                    self.fail(error);
                }
            }
            state => {
                self.state = state;
                self.fail(PREMATURE_END.into());
            }
        }
        Parsed {
            error: self.error,
            args: self.args,
            arguments_limit_exceeded: self.limit_exceeded,
            ..Parsed::default()
        }
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error.into_owned());
        let state = std::mem::replace(&mut self.state, State::Failed);
        let value = match state {
            State::String {
                reader,
                is_key: false,
            } => Ok(reader.finish()),
            State::Number(reader) => reader.finish(),
            _ => return,
        };
        // The document is malformed already; whether there was room for this value makes no difference.
        let _ = value.map(|value| self.add(value, None));
    }

    /// Reads from `input`, whose first byte is `first`, and says how many bytes it used: at least one, unless the state
    /// has changed.
    fn step(&mut self, first: u8, input: &[u8]) -> Result<usize, Error> {
        match &mut self.state {
            State::String { reader, .. } => match reader.feed(input)? {
                Progress::More => return Ok(input.len()),
                Progress::End(used) => {
                    self.end_string(self.offset + used - 1)?;
                    return Ok(used);
                }
            },
            State::Number(reader) => {
                let used = reader.feed(input);
                if used < input.len() {
                    self.end_number(self.offset + used)?;
                }
                return Ok(used);
            }
            State::Literal { word, length } => {
                if word.get(*length) != Some(&first) {
                    return Err(INVALID_LITERAL.into());
                }
                *length += 1;
                if *length == word.len() {
                    let value = if *word == b"null" { b"" } else { *word };
                    self.state = State::After;
                    self.add(value.to_vec(), Some(self.start..self.offset + 1))?;
                }
            }
            State::Failed => return Ok(input.len()),
            _ if matches!(first, b' ' | b'\t' | b'\n' | b'\r') => {}
            State::Start => return self.begin_value(first, false),
            State::Value { may_end } => {
                let may_end = *may_end;
                return self.begin_value(first, may_end);
            }
            State::Key { may_end } => match first {
                b'"' => self.begin_string(true),
                b'}' if *may_end => self.leave(),
                _ => return Err(unexpected(first, INVALID_KEY)),
            },
            State::Colon if first == b':' => self.state = State::Value { may_end: false },
            State::Colon => return Err(unexpected(first, NO_COLON)),
            State::After => match (self.path.innermost(), first) {
                (Innermost::Array, b',') => self.state = State::Value { may_end: false },
                (Innermost::Object, b',') => self.state = State::Key { may_end: false },
                (Innermost::Array, b']') | (Innermost::Object, b'}') => self.leave(),
                (Innermost::Array, _) => return Err(unexpected(first, AFTER_ELEMENT)),
                (Innermost::Object, _) => return Err(unexpected(first, AFTER_MEMBER)),
                (Innermost::Nothing, _) => return Err(TRAILING.into()),
            },
        }
        Ok(1)
    }

    fn begin_value(&mut self, first: u8, may_end: bool) -> Result<usize, Error> {
        let word: &[u8] = match first {
            b'{' | b'[' => {
                self.enter(first == b'{')?;
                return Ok(1);
            }
            b']' if may_end => {
                self.leave();
                return Ok(1);
            }
            b'"' => {
                self.begin_string(false);
                return Ok(1);
            }
            b'-' | b'0'..=b'9' => {
                self.start = self.offset;
                self.state = State::Number(NumberReader::new());
                return Ok(0);
            }
            b't' => b"true",
            b'f' => b"false",
            b'n' => b"null",
            _ => return Err(unexpected(first, UNALLOWED)),
        };
        self.start = self.offset;
        self.state = State::Literal { word, length: 0 };
        Ok(0)
    }

    fn enter(&mut self, is_object: bool) -> Result<(), Error> {
        self.path.enter(is_object);
        if self.path.depth() > self.limits.depth {
            return Err(TOO_DEEP.into());
        }
        self.state = match is_object {
            true => State::Key { may_end: true },
            false => State::Value { may_end: true },
        };
        Ok(())
    }

    fn leave(&mut self) {
        self.path.leave();
        self.state = State::After;
    }

    fn begin_string(&mut self, is_key: bool) {
        self.start = self.offset + 1;
        self.state = State::String {
            reader: StringReader::default(),
            is_key,
        };
    }

    /// Ends the string whose closing quote stands at `end`.
    fn end_string(&mut self, end: usize) -> Result<(), Error> {
        let state = std::mem::replace(&mut self.state, State::After);
        let State::String { reader, is_key } = state else {
            return Ok(());
        };
        let text = reader.finish();
        let is_valid = std::str::from_utf8(&text).is_ok();
        if is_key {
            self.path.set_key(&text);
            self.state = State::Colon;
        } else {
            self.add(text, Some(self.start..end))?;
        }
        match is_valid {
            true => Ok(()),
            false => Err(INVALID_UTF8.into()),
        }
    }

    fn end_number(&mut self, end: usize) -> Result<(), Error> {
        match std::mem::replace(&mut self.state, State::After) {
            State::Number(reader) => self.add_number(reader, end),
            _ => Ok(()),
        }
    }

    fn add_number(&mut self, reader: NumberReader, end: usize) -> Result<(), Error> {
        self.add(reader.finish()?, Some(self.start..end))
    }

    fn add(&mut self, value: Vec<u8>, source: Option<Span>) -> Result<(), Error> {
        if self.args.len() >= self.limits.arguments {
            self.limit_exceeded = true;
            return Err(format!("More than {} JSON keys", self.limits.arguments).into());
        }
        let room = self.limits.names - self.names_length;
        let name = self.path.name(self.limits.name.min(room));
        let name = name.ok_or(NAMES_TOO_LONG)?;
        self.names_length += name.len();
        self.args.push(Argument {
            name: name.into(),
            value: value.into(),
            source,
        });
        Ok(())
    }
}

/// The error for a byte that cannot stand where it does: `message`, if it begins a token at all.
fn unexpected(byte: u8, message: &'static str) -> Error {
    match byte {
        b'{'
        | b'}'
        | b'['
        | b']'
        | b':'
        | b','
        | b'"'
        | b'-'
        | b'0'..=b'9'
        | b't'
        | b'f'
        | b'n' => message.into(),
        b'/' => COMMENT.into(),
        _ => INVALID_CHAR.into(),
    }
}
