//! The directives, as httpd wants them: a C table made from [`config::DIRECTIVES`](crate::config::DIRECTIVES).
//!
//! httpd looks at the table before it calls any function of the module, so it is made when the module is compiled.
//! Every directive takes its arguments raw: the engine splits them, in httpd's way, for httpd and the command line tool
//! alike.

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};

use super::guard::{self, Complaint};
use super::host::pool::Pool;
use super::host::server::{self, Server};
use super::host::{log, text};
use super::{dirconf, sys};
use crate::config::{DIRECTIVES, Diagnostic, Directive, Place, Scope};
use crate::types::Origin;

/// The C table. It ends with an entry without a name.
pub(super) const fn table() -> *const sys::command_rec {
    COMMANDS.0.as_ptr()
}

struct Commands([sys::command_rec; DIRECTIVES.len() + 1]);

// SAFETY: the pointers are to statics, and nobody writes to the table.
unsafe impl Sync for Commands {}

static COMMANDS: Commands = Commands(commands());

/// The names and help texts of all directives, each with the NUL that C wants.
static TEXTS: [u8; texts_length()] = texts();

const fn commands() -> [sys::command_rec; DIRECTIVES.len() + 1] {
    let mut table = [sys::command_rec {
        name: null(),
        func: sys::cmd_func { raw_args: None },
        cmd_data: null_mut(),
        req_override: 0,
        args_how: sys::cmd_how_RAW_ARGS,
        errmsg: null(),
    }; DIRECTIVES.len() + 1];
    let (mut at, mut text) = (0, 0);
    while at < DIRECTIVES.len() {
        let directive = &DIRECTIVES[at];
        table[at].name = text_at(text);
        text += directive.name.len() + 1;
        table[at].errmsg = text_at(text);
        text += directive.help.len() + 1;
        table[at].func = sys::cmd_func {
            raw_args: Some(directive_read),
        };
        table[at].cmd_data = (&raw const *directive).cast_mut().cast();
        table[at].req_override = match directive.scope {
            Scope::Server | Scope::MainServer => sys::RSRC_CONF,
            Scope::Anywhere => sys::RSRC_CONF | sys::ACCESS_CONF,
        };
        at += 1;
    }
    table
}

const fn text_at(at: usize) -> *const c_char {
    assert!(at < texts_length());
    (&raw const TEXTS[at]).cast()
}

const fn texts_length() -> usize {
    let (mut length, mut at) = (0, 0);
    while at < DIRECTIVES.len() {
        length += DIRECTIVES[at].name.len() + 1 + DIRECTIVES[at].help.len() + 1;
        at += 1;
    }
    length
}

const fn texts() -> [u8; texts_length()] {
    let mut texts = [0; texts_length()];
    let (mut to, mut at) = (0, 0);
    while at < DIRECTIVES.len() {
        let both = [
            DIRECTIVES[at].name.as_bytes(),
            DIRECTIVES[at].help.as_bytes(),
        ];
        let mut which = 0;
        while which < both.len() {
            let mut from = 0;
            while from < both[which].len() {
                assert!(both[which][from] != 0, "C texts end with a NUL");
                texts[to] = both[which][from];
                to += 1;
                from += 1;
            }
            to += 1;
            which += 1;
        }
        at += 1;
    }
    texts
}

/// Reads one directive: the function of every entry of the table.
unsafe extern "C" fn directive_read(
    parameters: *mut sys::cmd_parms,
    section: *mut c_void,
    arguments: *const c_char,
) -> *const c_char {
    guard::enter("a directive", || {
        // SAFETY: httpd's own parameters, valid during this call; the strings and the command in them as well.
        let Some(read) = (unsafe { Read::from_raw(parameters, section, arguments) }) else {
            return Complaint(
                c"ModSecurity: httpd did not say where this directive stands".as_ptr(),
            );
        };
        match read
            .directive
            .apply(read.arguments, read.config, &read.place)
        {
            Ok(()) => Complaint(null()),
            Err(mistake) => {
                let help = read.directive.help_with(read.arguments, &mistake.message);
                complain(&mistake, help.as_deref(), &read.place.origin, read.pool)
            }
        }
    })
}

/// A directive that is being read, in Rust's terms.
struct Read<'d> {
    directive: &'d Directive,
    config: &'d std::sync::Arc<crate::config::DirConfig>,
    arguments: &'d [u8],
    place: Place<'d>,
    pool: Pool<'d>,
}

impl<'d> Read<'d> {
    /// # Safety
    /// The arguments of a call from httpd to the function of a directive of [`COMMANDS`], which does not end during `'d`.
    unsafe fn from_raw(
        parameters: *mut sys::cmd_parms,
        section: *mut c_void,
        arguments: *const c_char,
    ) -> Option<Read<'d>> {
        // SAFETY: the caller's word. `cmd_data` of all our commands points to an entry of `DIRECTIVES`; `section` is what
        // `create_dir_config` made.
        unsafe {
            let parameters = parameters.as_ref()?;
            let directive = (*parameters.cmd).cmd_data.cast::<Directive>().as_ref()?;
            let server = Server::from_raw(parameters.server)?;
            let read_from = parameters.directive.as_ref()?;
            let file = text(read_from.filename).unwrap_or_default();
            Some(Read {
                directive,
                config: dirconf::from_raw(section)?,
                arguments: text(arguments).unwrap_or_default(),
                place: Place {
                    origin: Origin {
                        file: String::from_utf8_lossy(file).into(),
                        line: u32::try_from(read_from.line_num).unwrap_or(0),
                    },
                    in_virtual_host: server.is_virtual(),
                    server_root: server::server_root(),
                    at_restart: server::is_restart(),
                },
                pool: Pool::from_raw(parameters.pool)?,
            })
        }
    }
}

/// Tells httpd what is wrong. httpd prints file and line and then one line of ours, in which it would escape line ends:
/// the column, the source and a caret go out first.
fn complain(
    mistake: &Diagnostic,
    help: Option<&str>,
    origin: &Origin,
    pool: Pool<'_>,
) -> Complaint {
    let Origin { file, line } = origin;
    log::tell_starter(&format!("{file}:{line}:{}:", mistake.column));
    for line in mistake.excerpt.lines() {
        log::tell_starter(line);
    }
    if let Some(help) = help {
        log::tell_starter(&format!("  help: {help}"));
    }
    Complaint(pool.string(mistake.message.as_bytes()))
}
