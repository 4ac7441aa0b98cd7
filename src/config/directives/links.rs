//! Signed links.

use std::sync::Arc;

use super::{Arguments, Problem, Section};
use crate::links::{Key, Method, Place, Salt};
use crate::operators::{CompileContext, Kind, compile};

type Outcome = Result<(), Problem>;

pub(super) fn engine(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    section.stated.hash_engine = Some(arguments.flag());
    Ok(())
}

pub(super) fn key(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let secret = arguments.bytes(0);
    if secret.is_empty() {
        let sentence = "ModSecurity: Invalid value for SecHashKey: the key is empty";
        return Err(arguments.wrong(0, sentence));
    }
    let salt = match arguments.text(1).to_ascii_lowercase().as_str() {
        "keyonly" => Salt::None,
        "sessionid" => Salt::Session,
        "remoteip" => Salt::Address,
        other => {
            // Compat: mod_security2 reads it so.
            arguments.note(section, &format!("{other} is read as KeyOnly"));
            Salt::None
        }
    };
    let key = match secret.eq_ignore_ascii_case(b"rand") {
        true => Key {
            salt,
            ..Key::random()
        },
        false => Key {
            secret: secret.to_vec(),
            salt,
        },
    };
    section.stated.hash_key = Some(Arc::new(key));
    Ok(())
}

pub(super) fn parameter(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    let name = arguments.text(0);
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err(format!("ModSecurity: Invalid value for SecHashParam: {name}").into());
    }
    section.stated.hash_parameter = Some(name.into());
    Ok(())
}

/// What stands for itself in a query and in HTML.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

pub(super) fn method_rx(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    add(section, arguments, Kind::Rx)
}

pub(super) fn method_pm(section: &mut Section, arguments: &Arguments<'_>) -> Outcome {
    add(section, arguments, Kind::Pm)
}

fn add(section: &mut Section, arguments: &Arguments<'_>, kind: Kind) -> Outcome {
    // All children get the key that is made here, where none is configured.
    Key::random();
    let context = CompileContext {
        config_dir: None,
        pcre_match_limit: section.stated.pcre_match_limit.flatten(),
        pcre_match_limit_recursion: section.stated.pcre_match_limit_recursion.flatten(),
        file: &|_| Err(std::io::ErrorKind::Unsupported.into()),
        grammars: section.grammars,
    };
    let links = compile(kind, arguments.bytes(1), &context).map_err(|error| {
        let sentence = format!("ModSecurity: Invalid regular expression: {error}");
        arguments.wrong(1, sentence)
    })?;
    let Some(place) = Place::lookup(&arguments.text(0)) else {
        let name = arguments.text(0);
        let text = format!("{name} is no place of links: nothing is signed there");
        arguments.note(section, &text);
        return Ok(());
    };
    let methods = section.stated.hash_methods.get_or_insert_default();
    Arc::make_mut(methods).push(Arc::new(Method { place, links }));
    Ok(())
}
