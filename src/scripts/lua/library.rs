//! `m`: what scripts call.

use std::cell::RefCell;

use mlua::{Error, Lua, MultiValue, Scope, Table, Value};

use super::meter::Meter;
use crate::limits;
use crate::scripts::Access;
use crate::transformations::Transformation;

/// Where the transaction is while a script runs.
type Door<'d, 'a> = RefCell<&'d mut (dyn Access + 'a)>;

/// Makes the table `m` with its four functions.
pub(super) fn create<'scope, 'env: 'scope>(
    lua: &Lua,
    scope: &'scope Scope<'scope, 'env>,
    access: &'scope Door<'_, '_>,
    meter: &'scope Meter<'_>,
) -> mlua::Result<Table> {
    let m = lua.create_table()?;
    let log = move |lua: &Lua, arguments: MultiValue| {
        meter.call()?;
        let level = number(lua, "log", &arguments, 0)?.clamp(0.0, 9.0);
        let mut line = text(lua, "log", &arguments, 1)?;
        line.truncate(limits::SCRIPT_TEXT_LIMIT);
        access.borrow_mut().log(level as u8, &line);
        Ok(())
    };
    let getvar = move |lua: &Lua, arguments: MultiValue| {
        meter.call()?;
        let name = text(lua, "getvar", &arguments, 0)?;
        let steps = steps(lua, arguments.get(1), access)?;
        // Compat: where there is no value nothing is returned, not even nil.
        let value = access.borrow_mut().value(&name, &steps);
        let value = value.map(|value| lua.create_string(value)).transpose()?;
        Ok(MultiValue::from_iter(value.map(Value::String)))
    };
    let getvars = move |lua: &Lua, arguments: MultiValue| {
        meter.call()?;
        let name = text(lua, "getvars", &arguments, 0)?;
        let steps = steps(lua, arguments.get(1), access)?;
        let values = access.borrow_mut().values(&name, &steps);
        let list = lua.create_table()?;
        for (name, value) in values {
            let entry = lua.create_table()?;
            entry.raw_set("name", lua.create_string(name)?)?;
            entry.raw_set("value", lua.create_string(value)?)?;
            list.raw_push(entry)?;
        }
        Ok(list)
    };
    let setvar = move |lua: &Lua, arguments: MultiValue| {
        meter.call()?;
        if arguments.len() != 2 {
            let complaint = b"m.setvar: Failed m.setvar funtion must has 2 arguments";
            access.borrow_mut().log(8, complaint);
            return Ok(());
        }
        let value = text(lua, "setvar", &arguments, 1)?;
        let name = text(lua, "setvar", &arguments, 0)?;
        access.borrow_mut().set(&name, &value);
        Ok(())
    };
    m.raw_set("log", scope.create_function(log)?)?;
    m.raw_set("getvar", scope.create_function(getvar)?)?;
    m.raw_set("getvars", scope.create_function(getvars)?)?;
    m.raw_set("setvar", scope.create_function(setvar)?)?;
    Ok(m)
}

/// An argument that is a text; a number counts as one.
fn text(lua: &Lua, function: &str, arguments: &MultiValue, at: usize) -> mlua::Result<Vec<u8>> {
    match arguments.get(at) {
        Some(value @ (Value::String(_) | Value::Integer(_) | Value::Number(_))) => {
            let text = lua.coerce_string(value.clone())?;
            Ok(text
                .map(|text| text.as_bytes().to_vec())
                .unwrap_or_default())
        }
        other => Err(bad_argument(lua, function, at, "string", other)),
    }
}

/// An argument that is a number; the text of a number counts as one.
fn number(lua: &Lua, function: &str, arguments: &MultiValue, at: usize) -> mlua::Result<f64> {
    let value = arguments.get(at);
    let number = value.and_then(|value| lua.coerce_number(value.clone()).transpose());
    number.unwrap_or_else(|| Err(bad_argument(lua, function, at, "number", value)))
}

/// Lua's own sentence, with the place of the call.
fn bad_argument(
    lua: &Lua,
    function: &str,
    at: usize,
    expected: &str,
    given: Option<&Value>,
) -> Error {
    let given = given.map_or("no value", Value::type_name);
    let place = lua.inspect_stack(1, |frame| {
        let file = frame.source().short_src.map(|name| name.into_owned());
        Some(format!("{}:{}: ", file?, frame.current_line()?))
    });
    Error::runtime(format!(
        "{}bad argument #{} to '{function}' ({expected} expected, got {given})",
        place.flatten().unwrap_or_default(),
        at + 1,
    ))
}

/// The transformations that an argument names: one, a list, or none. What is no transformation is logged and left out.
///
/// Compat: `none` forgets those before it.
fn steps(
    lua: &Lua,
    argument: Option<&Value>,
    access: &Door<'_, '_>,
) -> mlua::Result<Vec<Transformation>> {
    let names = match argument {
        None | Some(Value::Nil | Value::UserData(_) | Value::LightUserData(_)) => Vec::new(),
        Some(Value::Table(list)) => list
            .sequence_values()
            .collect::<mlua::Result<Vec<Value>>>()?,
        Some(name @ (Value::String(_) | Value::Integer(_) | Value::Number(_))) => {
            vec![name.clone()]
        }
        Some(other) => {
            let text = format!(
                "SecRuleScript: Transformation parameter must be a transformation name or array of transformation names, but found \"{}\".",
                other.type_name()
            );
            access.borrow_mut().log(1, text.as_bytes());
            Vec::new()
        }
    };
    let mut steps = Vec::new();
    for name in names {
        let name = text(lua, "getvar", &MultiValue::from_iter([name]), 0)?;
        let name = String::from_utf8_lossy(&name);
        match Transformation::lookup(&name) {
            Some(Transformation::None) => steps.clear(),
            Some(step) => steps.push(step),
            None => {
                let text = format!("SecRuleScript: Invalid transformation function: {name}");
                access.borrow_mut().log(1, text.as_bytes());
            }
        }
    }
    Ok(steps)
}
