//! What a directive is, and how its arguments are read.

use std::path::{Path, PathBuf};

use super::help;
use super::section::{DirConfig, Section};
use crate::operators::atoi;
use crate::seclang::{self, Diagnostic, Word};
use crate::types::Origin;

/// One directive.
pub struct Directive {
    /// Its name.
    pub name: &'static str,
    /// How many arguments it takes.
    pub arity: Arity,
    /// Where it may stand.
    pub scope: Scope,
    /// Its arguments, for `httpd -L`, mod_info and the documentation.
    pub help: &'static str,
    /// What holds without it; empty where that is nothing.
    pub default: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What else is to be known of it; most often empty.
    pub remark: &'static str,
    /// What is different for who comes from mod_security2, in plain words; most often empty.
    pub differs: &'static str,
    /// Whether anything follows from it.
    pub support: Support,
    /// Whether mod_security2 does not have it.
    pub is_own: bool,
    pub(super) apply: fn(&mut Section, &Arguments<'_>) -> Result<(), Problem>,
}

/// How many arguments a directive takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arity {
    /// Exactly one.
    One,
    /// One or two.
    OneOrTwo,
    /// Exactly two.
    Two,
    /// One, two or three.
    OneToThree,
    /// Two or three.
    TwoOrThree,
    /// `On` or `Off`.
    Flag,
    /// Any number, but at least one; each stands for itself.
    Iterate,
    /// Whatever is there.
    Any,
}

/// What follows from a directive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Support {
    /// What it says.
    Full,
    /// Nothing; a notice at start says why.
    NoEffect,
    /// httpd does not start, and says why.
    Refused,
}

/// Where a directive may stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// In the main server and in virtual hosts.
    Server,
    /// In the main server only.
    MainServer,
    /// There, and in `<Directory>`, `<Location>` and their kin; never in .htaccess.
    Anywhere,
}

/// The place a directive was read at.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// File and line.
    pub origin: Origin,
    /// Whether it stands in a `<VirtualHost>`.
    pub in_virtual_host: bool,
    /// What relative paths of logs are relative to.
    pub server_root: &'a Path,
    /// Whether a server that runs already reads its configuration anew: then what is missing on disk is no mistake that may
    /// stop it.
    pub at_restart: bool,
}

/// A directive's arguments, split.
pub(super) struct Arguments<'a> {
    pub(super) directive: &'a Directive,
    pub(super) words: &'a [Word],
    pub(super) place: &'a Place<'a>,
}

/// What is wrong with a directive.
pub(super) enum Problem {
    /// A sentence about all arguments.
    Directive(String),
    /// A heading, and a mistake at a place in the n-th argument.
    Argument(&'static str, usize, seclang::Error),
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Problem::Directive(message)
    }
}

impl From<&str> for Problem {
    fn from(message: &str) -> Self {
        Problem::Directive(message.to_owned())
    }
}

impl Directive {
    /// Reads the directive into a section. Every mistake has a place in the line.
    pub fn apply(
        &self,
        raw: &[u8],
        config: &DirConfig,
        place: &Place<'_>,
    ) -> Result<(), Diagnostic> {
        if self.scope == Scope::MainServer && place.in_virtual_host {
            let message = format!("ModSecurity: {} not allowed in VirtualHost", self.name);
            return Err(Diagnostic::of_directive(message, self.name, raw));
        }
        let words = seclang::split(raw);
        let arguments = Arguments {
            directive: self,
            words: &words,
            place,
        };
        let outcome = self.check_arity(&arguments).and_then(|()| {
            config.edit(|section| {
                if words.last().is_some_and(Word::is_unclosed) {
                    let note = format!(
                        "a quote of {} is not closed, and ends with the line",
                        self.name
                    );
                    arguments.note(section, &note);
                }
                (self.apply)(section, &arguments)
            })
        });
        outcome.map_err(|problem| self.locate(problem, raw, &words))
    }

    fn locate(&self, problem: Problem, raw: &[u8], words: &[Word]) -> Diagnostic {
        match problem {
            Problem::Directive(message) => {
                let span = match (words.first(), words.last()) {
                    (Some(first), Some(last)) => {
                        first.raw_offset(0)..last.raw_offset(last.text.len())
                    }
                    _ => raw.len()..raw.len(),
                };
                Diagnostic::new(message, self.name, raw, span)
            }
            Problem::Argument(heading, at, error) => match words.get(at) {
                Some(word) => error.locate(heading, self.name, raw, word),
                None => {
                    let message = format!("{heading}{}", error.message);
                    Diagnostic::new(message, self.name, raw, raw.len()..raw.len())
                }
            },
        }
    }

    /// What to do about a mistake that [`apply`](Self::apply) has told, where that can be said.
    pub fn help_with(&self, raw: &[u8], message: &str) -> Option<String> {
        help::with_directive(self, raw, message)
    }

    /// Compat: the sentences are httpd's own.
    fn check_arity(&self, arguments: &Arguments<'_>) -> Result<(), Problem> {
        let (least, most, wanted) = match self.arity {
            Arity::One => (1, 1, "one argument"),
            Arity::OneOrTwo => (1, 2, "1-2 arguments"),
            Arity::OneToThree => (1, 3, "1-3 arguments"),
            Arity::Two => (2, 2, "two arguments"),
            Arity::TwoOrThree => (2, 3, "two or three arguments"),
            Arity::Flag => (1, 1, "On or Off"),
            Arity::Iterate => (1, usize::MAX, "at least one argument"),
            Arity::Any => (0, usize::MAX, ""),
        };
        let given = arguments.words.len();
        let is_flag = self.arity == Arity::Flag;
        if (least..=most).contains(&given) && (!is_flag || flag(arguments.words).is_some()) {
            return Ok(());
        }
        let message = match is_flag {
            true => format!("{} must be {wanted}", self.name),
            false => format!("{} takes {wanted}: {}", self.name, self.help),
        };
        // The first that is too many, the place where one is missing, or the one that is neither On nor Off.
        Err(arguments.wrong(
            given.min(most) - usize::from(is_flag && given == 1),
            message,
        ))
    }
}

fn flag(words: &[Word]) -> Option<bool> {
    match words.first()?.text.to_ascii_lowercase().as_slice() {
        b"on" => Some(true),
        b"off" => Some(false),
        _ => None,
    }
}

impl Arguments<'_> {
    /// The n-th argument; empty when it was not given.
    pub(super) fn bytes(&self, at: usize) -> &[u8] {
        self.words.get(at).map_or(b"", |word| &word.text)
    }

    /// The n-th argument when it was given.
    pub(super) fn optional(&self, at: usize) -> Option<&[u8]> {
        self.words.get(at).map(|word| word.text.as_slice())
    }

    /// The n-th argument as text.
    pub(super) fn text(&self, at: usize) -> String {
        String::from_utf8_lossy(self.bytes(at)).into_owned()
    }

    /// The first argument as On or Off.
    pub(super) fn flag(&self) -> bool {
        flag(self.words).unwrap_or(false)
    }

    /// The first argument as a number that is not below `least`.
    ///
    /// Compat: it is read as far as it is a number, and is 0 where it is none; the administrator is told so.
    pub(super) fn number<T: TryFrom<i64>>(
        &self,
        section: &mut Section,
        least: i64,
    ) -> Result<T, Problem> {
        let (name, text) = (self.directive.name, self.text(0));
        let value = atoi(text.as_bytes());
        let number = T::try_from(value)
            .ok()
            .filter(|_| (least..i64::MAX).contains(&value));
        let invalid = || self.wrong(0, format!("ModSecurity: Invalid value for {name}: {text}"));
        let number = number.ok_or_else(invalid)?;
        if value.to_string() != text.trim() {
            self.note(section, &format!("{name} {text} is read as {value}"));
        }
        Ok(number)
    }

    /// What is wrong with the n-th argument, or that it is missing.
    pub(super) fn wrong(&self, at: usize, message: impl Into<String>) -> Problem {
        let span = 0..self.bytes(at).len();
        Problem::Argument("", at, seclang::Error::new(message, span))
    }

    /// Tells the administrator something about this place.
    pub(super) fn note(&self, section: &mut Section, text: &str) {
        let Origin { file, line } = &self.place.origin;
        section.note(format!("{file}:{line}: {text}."));
    }

    /// The first argument as the mode of a file; `None` for `default`.
    pub(super) fn octal_mode(&self) -> Result<Option<u32>, Problem> {
        let (name, text) = (self.directive.name, self.text(0));
        if text.eq_ignore_ascii_case("default") {
            return Ok(None);
        }
        match u32::from_str_radix(&text, 8) {
            Ok(mode) if mode <= 0o7777 => Ok(Some(mode)),
            _ => Err(format!("ModSecurity: Invalid value for {name}: {text}").into()),
        }
    }

    /// A path relative to the server root.
    pub(super) fn path(&self, at: usize) -> PathBuf {
        self.place.server_root.join(self.text(at))
    }

    /// A path relative to the file that the directive stands in.
    pub(super) fn sibling(&self, at: usize) -> PathBuf {
        self.directory()
            .unwrap_or(Path::new(""))
            .join(self.text(at))
    }

    /// The directory of the file that the directive stands in.
    pub(super) fn directory(&self) -> Option<&Path> {
        Path::new(&*self.place.origin.file).parent()
    }
}
