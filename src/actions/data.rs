//! Actions that write variables.

use crate::template::Template;
use crate::variables::Variable;

/// `setvar`: writes one variable of TX or of an initialised collection.
#[derive(Clone, Debug)]
pub struct SetVar {
    /// The collection; `None` when the name is no collection, which does nothing at run time but say so.
    pub collection: Option<Variable>,
    /// The collection's name as written.
    pub spelled: Box<[u8]>,
    /// The variable's name.
    pub name: Template,
    /// What to do with it.
    pub assignment: Assignment,
}

/// What `setvar` does.
#[derive(Clone, Debug)]
pub enum Assignment {
    /// `col.name=value`; without `=value` the value is `1`.
    Set(Template),
    /// `col.name=+n` and `=-n`: integers, never below zero. The sign is part of the text.
    Add(Template),
    /// `!col.name`.
    Unset,
}

/// Actions on persistent collections.
#[derive(Clone, Debug)]
pub enum CollectionAction {
    /// `initcol:collection=key`.
    Init(Variable, Template),
    /// `setsid:key`, `setuid:key`, `setrsc:key`: opens the collection of this web application, and says who the client is.
    Identify(Variable, Template),
    /// `expirevar:collection.name=seconds`.
    Expire(Timed),
    /// `deprecatevar:collection.name=amount/seconds`.
    Deprecate(Timed),
}

/// What `expirevar` and `deprecatevar` are about.
#[derive(Clone, Debug)]
pub struct Timed {
    /// The collection; `None` when the name is no collection, which does nothing at run time but say so.
    pub collection: Option<Variable>,
    /// The collection's name as written.
    pub spelled: Box<[u8]>,
    /// The variable's name.
    pub name: Template,
    /// After which time, or how much in which time.
    pub value: Template,
}

impl Timed {
    /// Reads `collection.name[=value]`. Compat: without a value it is 1.
    pub fn parse(text: &[u8]) -> Timed {
        let (name, value) = match memchr::memchr(b'=', text) {
            Some(at) => (text.get(..at), text.get(at + 1..)),
            None => (Some(text), Some(&b"1"[..])),
        };
        let (name, value) = (name.unwrap_or_default(), value.unwrap_or_default());
        let (collection, spelled, name) = split_name(name);
        Timed {
            collection,
            spelled: spelled.into(),
            name: Template::parse(name),
            value: Template::parse(value),
        }
    }
}

impl SetVar {
    /// Reads `[!]collection.name[=value]`.
    pub fn parse(text: &[u8]) -> Result<SetVar, String> {
        let (unset, text) = match text.strip_prefix(b"!") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (name, value) = match memchr::memchr(b'=', text) {
            // Compat: white space before the value does not belong to it.
            Some(at) => {
                let value = text.get(at + 1..).map(<[u8]>::trim_ascii_start);
                (text.get(..at).unwrap_or_default(), value)
            }
            None => (text, None),
        };
        Ok(SetVar::assign(unset, name, value))
    }

    /// What a script says with `m.setvar(name, value)`, where the name may begin with `!` too.
    pub fn of_script(name: &[u8], value: &[u8]) -> SetVar {
        match name.strip_prefix(b"!") {
            Some(name) => SetVar::assign(true, name, None),
            None => SetVar::assign(false, name, Some(value)),
        }
    }

    fn assign(unset: bool, name: &[u8], value: Option<&[u8]>) -> SetVar {
        // Compat: a name without a collection is accepted, and does nothing.
        let (collection, spelled, name) = split_name(name);
        let assignment = match value {
            _ if unset => Assignment::Unset,
            None => Assignment::Set(Template::parse(b"1")),
            Some(value) if matches!(value, [b'+' | b'-', ..]) => {
                Assignment::Add(Template::parse(value))
            }
            Some(value) => Assignment::Set(Template::parse(value)),
        };
        SetVar {
            collection,
            spelled: spelled.into(),
            name: Template::parse(name),
            assignment,
        }
    }
}

/// Splits `collection.name` into the collection, if it is one, its name as written, which is empty where there is none, and
/// the rest.
fn split_name(text: &[u8]) -> (Option<Variable>, &[u8], &[u8]) {
    let dot = memchr::memchr(b'.', text);
    let Some((spelled, name)) = dot.and_then(|dot| Some((text.get(..dot)?, text.get(dot + 1..)?)))
    else {
        return (None, b"", text);
    };
    let collection = std::str::from_utf8(spelled)
        .ok()
        .and_then(Variable::lookup)
        .filter(|found| writable(*found) && !name.is_empty());
    (collection, spelled, name)
}

/// The collections that rules may write.
fn writable(variable: Variable) -> bool {
    variable == Variable::Tx || variable.is_persistent()
}
