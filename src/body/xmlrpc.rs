//! XML-RPC calls, read from an XML document.
//!
//! The grammar is that of the specification, white space between elements aside: one `methodName`, at most one
//! `params`, each `param` with exactly one `value`, and in a value one type or bare text, which is a string. Anything
//! else is a [`CallError`], because servers disagree on what it means. What a scalar contains is not judged here: it is
//! there as text, and [`ValueRef::integer`] and its like read it on demand.
//!
//! A call shares the text of its document; values are a flat list in document order.

mod logins;

use bytes::Bytes;

use super::xml::{Document, Element};
use crate::limits::XMLRPC_VALUE_LIMIT;

/// A call of a method.
#[derive(Debug, Clone)]
pub struct Call {
    method: Bytes,
    params: Vec<usize>,
    values: Vec<Value>,
}

/// Types of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `string`, or no type at all.
    String,
    /// `int`, `i1`, `i2`, `i4` or `i8`.
    Integer,
    /// `boolean`
    Boolean,
    /// `double` or `float`
    Double,
    /// `dateTime.iso8601`
    DateTime,
    /// `base64`
    Base64,
    /// `nil`
    Nil,
    /// `array`
    Array,
    /// `struct`
    Struct,
}

impl Type {
    /// The type that an element names. Extension types may have the customary prefix `ex:`.
    fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name.strip_prefix(b"ex:").unwrap_or(name) {
            b"string" => Self::String,
            b"int" | b"i4" | b"i8" | b"i1" | b"i2" => Self::Integer,
            b"boolean" => Self::Boolean,
            b"double" | b"float" => Self::Double,
            b"dateTime.iso8601" | b"dateTime" => Self::DateTime,
            b"base64" => Self::Base64,
            b"nil" => Self::Nil,
            b"array" => Self::Array,
            b"struct" => Self::Struct,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone)]
struct Value {
    kind: Type,
    /// The text of a scalar; all text within a compound.
    text: Bytes,
    /// The name, of a member of a struct.
    name: Option<Bytes>,
    /// Index after the last value within this one.
    end: usize,
}

macro_rules! call_errors {
    ($($kind:ident $name:literal $description:literal,)*) => {
        /// Why a well-formed document is not an XML-RPC call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum CallError {
            $(#[doc = $description] $kind,)*
        }

        impl CallError {
            /// A short name for logs, counters and rules, in lower case with hyphens.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// A phrase for people.
            pub fn description(self) -> &'static str {
                match self { $(Self::$kind => $description,)* }
            }
        }
    };
}

call_errors! {
    Malformed "malformed" "The XML document is malformed",
    WrongRoot "wrong-root" "The root element is not methodCall",
    MethodNameMissing "method-name-missing" "There is no methodName",
    SeveralMethodNames "several-method-names" "There are several methodName elements",
    InvalidMethodName "invalid-method-name" "The methodName is empty or has a character that names do not have",
    SeveralParams "several-params" "There are several params elements",
    UnexpectedElement "unexpected-element" "An element stands where it must not",
    UnexpectedText "unexpected-text" "Text stands where only elements must",
    MissingValue "missing-value" "A param, member or array lacks what it must contain",
    SeveralValues "several-values" "A param, member or value contains more than one",
    UnknownType "unknown-type" "A value has an unknown type",
    TooManyValues "too-many-values" "There are too many values",
    InvalidMulticall "invalid-multicall" "The argument of system.multicall is not an array of calls",
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.description())
    }
}

impl std::error::Error for CallError {}

impl Call {
    /// Reads the call in `document`.
    pub fn from_document(document: &Document) -> Result<Self, CallError> {
        if document.error().is_some() {
            return Err(CallError::Malformed);
        }
        let root = document.root().ok_or(CallError::Malformed)?;
        if root.name() != b"methodCall" {
            return Err(CallError::WrongRoot);
        }
        no_text(root)?;
        let (mut method, mut params) = (None, None);
        for child in root.children() {
            match child.name() {
                b"methodName" if method.is_some() => return Err(CallError::SeveralMethodNames),
                b"methodName" => method = Some(method_name(child)?),
                b"params" if params.is_some() => return Err(CallError::SeveralParams),
                b"params" => params = Some(child),
                _ => return Err(CallError::UnexpectedElement),
            }
        }
        let mut call = Self {
            method: method.ok_or(CallError::MethodNameMissing)?,
            params: Vec::new(),
            values: Vec::new(),
        };
        if let Some(params) = params {
            no_text(params)?;
            for param in params.children() {
                if param.name() != b"param" {
                    return Err(CallError::UnexpectedElement);
                }
                call.params.push(call.values.len());
                call.read(only_child(param, b"value")?)?;
            }
        }
        Ok(call)
    }

    /// The method's name, white space around it removed.
    pub fn method(&self) -> &Bytes {
        &self.method
    }

    /// The parameters.
    pub fn params(&self) -> impl ExactSizeIterator<Item = ValueRef<'_>> {
        self.params.iter().map(|&index| ValueRef {
            values: &self.values,
            index,
        })
    }

    /// The methods called: this one, or of `system.multicall` each that it names.
    ///
    /// A call in a `system.multicall` that is not a struct of `methodName` and `params` is an error of its own.
    pub fn calls(&self) -> impl Iterator<Item = Result<SubCall<'_>, CallError>> {
        let is_multicall = *self.method == *b"system.multicall";
        let simple = (!is_multicall).then(|| {
            Ok(SubCall {
                method: self.method.clone(),
                params: self.params().collect(),
            })
        });
        let argument = is_multicall.then(|| self.only_array());
        let (calls, error) = match argument {
            Some(Ok(array)) => (Some(array.items().map(SubCall::from_value)), None),
            Some(Err(error)) => (None, Some(Err(error))),
            None => (None, None),
        };
        simple
            .into_iter()
            .chain(error)
            .chain(calls.into_iter().flatten())
    }

    fn only_array(&self) -> Result<ValueRef<'_>, CallError> {
        let mut params = self.params();
        match (params.next(), params.next()) {
            (Some(array), None) if array.kind() == Type::Array => Ok(array),
            _ => Err(CallError::InvalidMulticall),
        }
    }

    /// Reads the `value` element `root` and all within it. A work list takes the place of recursion.
    fn read(&mut self, root: Element<'_>) -> Result<(), CallError> {
        let mut work = vec![Work::Value(root, None)];
        while let Some(next) = work.pop() {
            match next {
                Work::End(index) => {
                    let end = self.values.len();
                    if let Some(value) = self.values.get_mut(index) {
                        value.end = end;
                    }
                }
                Work::Value(element, name) => {
                    if self.values.len() == XMLRPC_VALUE_LIMIT {
                        return Err(CallError::TooManyValues);
                    }
                    let index = self.values.len();
                    let (kind, content) = typed(element)?;
                    self.values.push(Value {
                        kind,
                        text: content.shared_text(),
                        name,
                        end: index + 1,
                    });
                    work.push(Work::End(index));
                    let first = work.len();
                    match kind {
                        Type::Array => array_items(content, &mut work)?,
                        Type::Struct => struct_members(content, &mut work)?,
                        _ => {}
                    }
                    work.get_mut(first..).unwrap_or_default().reverse();
                }
            }
        }
        Ok(())
    }
}

enum Work<'d> {
    /// Read this `value` element, which is a member of this name.
    Value(Element<'d>, Option<Bytes>),
    /// All within the value at this index has been read.
    End(usize),
}

/// Everything on the list is a value of its own, read or yet to be read, so its length counts against the limit.
fn push<'d>(work: &mut Vec<Work<'d>>, next: Work<'d>) -> Result<(), CallError> {
    if work.len() >= XMLRPC_VALUE_LIMIT {
        return Err(CallError::TooManyValues);
    }
    work.push(next);
    Ok(())
}

fn array_items<'d>(array: Element<'d>, work: &mut Vec<Work<'d>>) -> Result<(), CallError> {
    let data = only_child(array, b"data")?;
    no_text(data)?;
    for item in data.children() {
        if item.name() != b"value" {
            return Err(CallError::UnexpectedElement);
        }
        push(work, Work::Value(item, None))?;
    }
    Ok(())
}

fn struct_members<'d>(members: Element<'d>, work: &mut Vec<Work<'d>>) -> Result<(), CallError> {
    no_text(members)?;
    for member in members.children() {
        if member.name() != b"member" {
            return Err(CallError::UnexpectedElement);
        }
        no_text(member)?;
        let (mut name, mut value) = (None, None);
        for part in member.children() {
            match part.name() {
                b"name" if name.is_none() => {
                    no_children(part)?;
                    name = Some(part.shared_text());
                }
                b"value" if value.is_none() => value = Some(part),
                b"name" | b"value" => return Err(CallError::SeveralValues),
                _ => return Err(CallError::UnexpectedElement),
            }
        }
        let (Some(name), Some(value)) = (name, value) else {
            return Err(CallError::MissingValue);
        };
        push(work, Work::Value(value, Some(name)))?;
    }
    Ok(())
}

/// The type of a `value` element, and the element that holds its content.
fn typed(value: Element<'_>) -> Result<(Type, Element<'_>), CallError> {
    let mut children = value.children();
    let Some(content) = children.next() else {
        return Ok((Type::String, value));
    };
    no_text(value)?;
    if children.next().is_some() {
        return Err(CallError::SeveralValues);
    }
    let kind = Type::from_name(content.name()).ok_or(CallError::UnknownType)?;
    if !matches!(kind, Type::Array | Type::Struct) {
        no_children(content)?;
    }
    Ok((kind, content))
}

fn method_name(element: Element<'_>) -> Result<Bytes, CallError> {
    no_children(element)?;
    let text = element.shared_text();
    let name = text.trim_ascii();
    let is_allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'/');
    match !name.is_empty() && name.iter().all(is_allowed) {
        true => Ok(text.slice_ref(name)),
        false => Err(CallError::InvalidMethodName),
    }
}

fn only_child<'d>(element: Element<'d>, name: &[u8]) -> Result<Element<'d>, CallError> {
    no_text(element)?;
    let mut children = element.children();
    let child = children.next().ok_or(CallError::MissingValue)?;
    if child.name() != name {
        return Err(CallError::UnexpectedElement);
    }
    match children.next() {
        None => Ok(child),
        Some(_) => Err(CallError::SeveralValues),
    }
}

fn no_children(element: Element<'_>) -> Result<(), CallError> {
    match element.children().next() {
        None => Ok(()),
        Some(_) => Err(CallError::UnexpectedElement),
    }
}

fn no_text(element: Element<'_>) -> Result<(), CallError> {
    match element.own_text().all(|text| text.trim_ascii().is_empty()) {
        true => Ok(()),
        false => Err(CallError::UnexpectedText),
    }
}

/// One of the calls that a `system.multicall` bundles, or a plain call.
#[derive(Debug, Clone)]
pub struct SubCall<'c> {
    /// The method's name.
    pub method: Bytes,
    /// The parameters.
    pub params: Vec<ValueRef<'c>>,
}

impl<'c> SubCall<'c> {
    fn from_value(value: ValueRef<'c>) -> Result<Self, CallError> {
        if value.kind() != Type::Struct {
            return Err(CallError::InvalidMulticall);
        }
        let (mut method, mut params) = (None, None);
        for member in value.items() {
            let slot_is_free = match (member.name(), member.kind()) {
                (Some(b"methodName"), Type::String) => method.replace(member).is_none(),
                (Some(b"params"), Type::Array) => params.replace(member).is_none(),
                _ => false,
            };
            if !slot_is_free {
                return Err(CallError::InvalidMulticall);
            }
        }
        let method = method.ok_or(CallError::InvalidMulticall)?.shared_text();
        Ok(Self {
            method: method.slice_ref(method.trim_ascii()),
            params: params
                .map(|array| array.items().collect())
                .unwrap_or_default(),
        })
    }
}

/// A value in a [`Call`].
#[derive(Debug, Clone, Copy)]
pub struct ValueRef<'c> {
    values: &'c [Value],
    index: usize,
}

impl<'c> ValueRef<'c> {
    /// The type.
    pub fn kind(self) -> Type {
        self.value().map_or(Type::Nil, |value| value.kind)
    }

    /// The text of a scalar as sent; of an array or struct all the text in it, so that nothing hides from a rule.
    ///
    /// This is the value of `XMLRPC.param.N`.
    pub fn text(self) -> &'c [u8] {
        self.value().map_or(&[], |value| &value.text)
    }

    /// As [`text`](Self::text), sharing the document's memory.
    pub fn shared_text(self) -> Bytes {
        self.value()
            .map_or_else(Bytes::new, |value| value.text.clone())
    }

    /// The name, if this is a member of a struct.
    pub fn name(self) -> Option<&'c [u8]> {
        self.value().and_then(|value| value.name.as_deref())
    }

    /// The text, if this is a string.
    pub fn string(self) -> Option<&'c [u8]> {
        (self.kind() == Type::String).then(|| self.text())
    }

    /// The number, if this is an integer that fits.
    pub fn integer(self) -> Option<i64> {
        let text = std::str::from_utf8(self.text()).ok()?;
        (self.kind() == Type::Integer)
            .then(|| text.trim_ascii().parse().ok())
            .flatten()
    }

    /// The truth value, if this is a boolean of 0 or 1.
    pub fn boolean(self) -> Option<bool> {
        match (self.kind(), self.text().trim_ascii()) {
            (Type::Boolean, b"0") => Some(false),
            (Type::Boolean, b"1") => Some(true),
            _ => None,
        }
    }

    /// The number, if this is a double.
    pub fn double(self) -> Option<f64> {
        let text = std::str::from_utf8(self.text()).ok()?;
        (self.kind() == Type::Double)
            .then(|| text.trim_ascii().parse().ok())
            .flatten()
    }

    /// The values directly within an array or struct; of a struct they have a [`name`](Self::name).
    pub fn items(self) -> impl Iterator<Item = ValueRef<'c>> {
        let values = self.values;
        let end = self.value().map_or(0, |value| value.end);
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let index = next;
            next = values.get(index).filter(|_| index < end)?.end;
            Some(ValueRef { values, index })
        })
    }

    fn value(self) -> Option<&'c Value> {
        self.values.get(self.index)
    }
}

#[cfg(test)]
mod tests;
