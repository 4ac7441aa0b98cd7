//! What rules run besides themselves: Lua scripts and programs, for `SecRuleScript`, `exec` and `@inspectFile`.
//!
//! Nothing here knows a transaction or a server. A script reads and changes its transaction through [`Access`], which the
//! engine implements; a program gets its environment with the [`Call`]. Both are trusted like the rest of the
//! configuration, but what they work on is hostile: whatever it makes them do, a run ends within the bounds in
//! [`limits`](crate::limits), and one that does not end by itself is a [`Failure`], never a match or a miss.
//!
//! Compat: 2.9 has no bounds. It joins the words of a program's call and hands them to a shell, where a value can be more
//! than a value; here the program is started itself, with the value as its one argument.

#[cfg_attr(not(feature = "lua"), path = "no_lua.rs")]
mod lua;
mod program;

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub use lua::{Bounds, Script};
pub use program::{Call, Program};

use crate::transformations::Transformation;

/// The transaction, as far as a script may reach into it. Names are those of rules with a dot for the colon: `ARGS.name`.
pub trait Access {
    /// The first value of a variable, transformed; `None` where there is none. An unknown variable is logged.
    fn value(&mut self, name: &[u8], steps: &[Transformation]) -> Option<Vec<u8>>;

    /// All values of a variable with their names, transformed.
    fn values(&mut self, name: &[u8], steps: &[Transformation]) -> Vec<(Vec<u8>, Vec<u8>)>;

    /// `setvar`: macros are expanded, `+n` and `-n` count, `!` before the name unsets.
    fn set(&mut self, name: &[u8], value: &[u8]);

    /// A line for the logs: an alert up to level 3, above that for the debug log.
    fn log(&mut self, level: u8, text: &[u8]);
}

/// A run that did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A bound was reached.
    pub limit_exceeded: bool,
    /// What happened, for the log.
    pub message: String,
}

impl Failure {
    fn limit(message: String) -> Failure {
        Failure {
            limit_exceeded: true,
            message,
        }
    }

    fn other(message: String) -> Failure {
        Failure {
            limit_exceeded: false,
            message,
        }
    }
}

/// What `exec` and `@inspectFile` name.
#[derive(Debug)]
pub enum Executable {
    /// A file whose name ends in `.lua`.
    Script(Script),
    /// Any other.
    Program(Program),
}

impl Executable {
    /// Finds and compiles what a rule names; `directory` is where relative names start, that of the configuration file.
    ///
    /// Compat: relative names of `exec` and of programs start at the server's working directory in 2.9, which is `/` or
    /// wherever it was started from.
    ///
    /// # Errors
    /// A sentence: a script cannot be read, or is no Lua.
    pub fn compile(
        name: &[u8],
        directory: Option<&Path>,
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Executable, String> {
        let path = resolve(name, directory);
        match name.ends_with(b".lua") {
            true => Ok(Executable::Script(Script::compile(&path, read)?)),
            false => Ok(Executable::Program(Program::new(path))),
        }
    }
}

/// The path that a rule's file name stands for.
pub fn resolve(name: &[u8], directory: Option<&Path>) -> PathBuf {
    let name = Path::new(OsStr::from_bytes(name));
    directory.unwrap_or(Path::new("")).join(name)
}

#[cfg(all(test, feature = "lua"))]
mod tests;
