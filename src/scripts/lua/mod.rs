//! Lua scripts.
//!
//! Lua 5.1, because that is what Debian's mod_security2 links and scripts are written for, and because it is a plain
//! interpreter: LuaJIT does not count the instructions of compiled code, so nothing could stop it.
//!
//! A script is compiled once. Each run has a state of its own, as in 2.9: nothing is left of the run before. Strings are
//! bytes in both directions.
//!
//! Compat: `debug`, modules in C and bytecode that a script loads itself are as safe as their author in 2.9; here `debug`
//! and modules in C are not there. Nor are `os.exit` and `os.setlocale`, which act on the whole server, and `newproxy`,
//! whose finalisers no bound reaches. `xpcall` calls its handler when the error has been caught and not before, for the
//! same reason.

mod library;
mod meter;

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use mlua::chunk::ChunkMode;
use mlua::{Error, Function, Lua, LuaOptions, MultiValue, StdLib, Value};

use super::{Access, Failure};
use crate::limits;
use meter::Meter;

/// What runs before each script.
const SETTING: &str = include_str!("setting.lua");

/// A compiled script.
#[derive(Debug)]
pub struct Script {
    path: PathBuf,
    setting: Vec<u8>,
    code: Vec<u8>,
}

/// The bounds of one run.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Instructions of Lua's machine.
    pub instructions: u64,
    /// Bytes of all that the state holds.
    pub memory: usize,
    /// Calls of `m.…`.
    pub calls: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            instructions: limits::SCRIPT_INSTRUCTION_LIMIT,
            memory: limits::SCRIPT_MEMORY_LIMIT,
            calls: limits::SCRIPT_CALLS_LIMIT,
        }
    }
}

impl Script {
    /// Compiles a script.
    ///
    /// # Errors
    /// A sentence with file and line: it cannot be read, or is no Lua.
    pub fn compile(
        path: &Path,
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Script, String> {
        let shown = path.display();
        let problem =
            |reason: String| format!("ModSecurity: Failed to compile script {shown}: {reason}");
        let source =
            read(path).map_err(|error| problem(format!("cannot open {shown}: {error}")))?;
        // Compat: a first line that begins with # is for the shell. Its end stays, for the numbers of the others.
        let begin = match source.first() {
            Some(b'#') => memchr::memchr(b'\n', &source).unwrap_or(source.len()),
            _ => 0,
        };
        let lua = Lua::new_with(StdLib::NONE, LuaOptions::new()).map_err(|e| problem(told(&e)))?;
        let chunk = lua.load(source.get(begin..).unwrap_or_default());
        let main = chunk.set_name(format!("@{shown}")).into_function();
        let main = main.map_err(|error| problem(told(&error)))?;
        let setting = lua.load(SETTING).into_function();
        let setting = setting.map_err(|error| problem(told(&error)))?;
        Ok(Script {
            path: path.to_owned(),
            setting: setting.dump(true),
            code: main.dump(false),
        })
    }

    /// Where it was read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs the script's `main`, with the argument if there is one. The answer is what it returns, when that is a text or a
    /// number: a match, and its message. Everything else is none.
    ///
    /// # Errors
    /// The script ended with an error, or reached a bound.
    pub fn run(
        &self,
        argument: Option<&[u8]>,
        access: &mut dyn Access,
        bounds: &Bounds,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let meter = Meter::new(bounds);
        let outcome = self.run_metered(argument, &RefCell::new(access), &meter);
        match (meter.exceeded(), outcome) {
            // Whatever the script made of it: it did not get to its own end.
            (Some(bound), _) => Err(Failure::limit(bound)),
            (None, Ok(answer)) => Ok(answer),
            (None, Err(error)) if out_of_memory(&error) => Err(Failure::limit(format!(
                "{} bytes of memory are used up",
                bounds.memory
            ))),
            (None, Err(error)) => Err(Failure::other(told(&error))),
        }
    }

    fn run_metered(
        &self,
        argument: Option<&[u8]>,
        access: &RefCell<&mut dyn Access>,
        meter: &Meter,
    ) -> mlua::Result<Option<Vec<u8>>> {
        let lua = Lua::new_with(StdLib::ALL_SAFE, LuaOptions::new())?;
        lua.set_memory_limit(meter.bounds.memory)?;
        meter.watch(&lua)?;
        load(&lua, &self.setting)?.call::<()>(())?;
        lua.scope(|scope| {
            lua.globals()
                .raw_set("m", library::create(&lua, scope, access, meter)?)?;

            let defined = load(&lua, &self.code)?.call::<()>(());
            let main: Value = lua.globals().get("main")?;
            let Value::Function(main) = main else {
                // Compat: an error before there was a `main` is the error; one behind it is passed over.
                defined?;
                return Err(Error::runtime(
                    "attempt to call a nil value (there is no main)",
                ));
            };
            let argument = argument
                .map(|argument| lua.create_string(argument))
                .transpose()?;
            let answer: Value = main.call(MultiValue::from_iter(argument.map(Value::String)))?;
            let answer = match answer {
                Value::String(_) | Value::Integer(_) | Value::Number(_) => {
                    lua.coerce_string(answer)?
                }
                _ => None,
            };
            Ok(answer.map(|answer| {
                let bytes = answer.as_bytes();
                bytes
                    .iter()
                    .take(limits::SCRIPT_TEXT_LIMIT)
                    .copied()
                    .collect()
            }))
        })
    }
}

/// Takes up what [`Script::compile`] has compiled.
fn load(lua: &Lua, code: &[u8]) -> mlua::Result<Function> {
    lua.load(code).set_mode(ChunkMode::Binary).into_function()
}

/// Whether an error is that memory ran out, in the script or in what it called.
fn out_of_memory(error: &Error) -> bool {
    match error {
        Error::MemoryError(_) => true,
        Error::CallbackError { cause, .. } => out_of_memory(cause),
        _ => false,
    }
}

/// The error as Lua words it: one line, with file and line number, without the stack.
fn told(error: &Error) -> String {
    let mut cause = error;
    while let Error::CallbackError { cause: inner, .. } = cause {
        cause = inner;
    }
    let text = match cause {
        Error::SyntaxError { message, .. } => message.clone(),
        Error::RuntimeError(message) | Error::MemoryError(message) => message.clone(),
        other => other.to_string(),
    };
    let text = text.split("\nstack traceback:").next().unwrap_or(&text);
    text.replace('\n', " ")
}
