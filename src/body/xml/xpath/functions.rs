//! The functions of XPath 1.0, section 4.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::evaluate::{Context, Evaluator, Outcome, Value};
use super::expression::{Expr, Kind};
use super::node::Node;
use super::number;

macro_rules! functions {
    ($($function:ident $name:literal $least:literal $most:tt $result:ident,)*) => {
        /// A function.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function { $($function,)* }

        impl Function {
            /// The function of this name.
            pub(super) fn lookup(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$function),)* _ => None }
            }

            /// What it gives.
            pub(super) fn result(self) -> Kind {
                match self { $(Self::$function => Kind::$result,)* }
            }

            /// How many arguments it takes.
            fn arity(self) -> (usize, usize) {
                match self { $(Self::$function => ($least, $most),)* }
            }
        }
    };
}

type Text<'d> = Cow<'d, [u8]>;

const ANY: usize = usize::MAX;

functions! {
    Last "last" 0 0 Number,
    Position "position" 0 0 Number,
    Count "count" 1 1 Number,
    Id "id" 1 1 Nodes,
    LocalName "local-name" 0 1 Text,
    NamespaceUri "namespace-uri" 0 1 Text,
    Name "name" 0 1 Text,
    String "string" 0 1 Text,
    Concat "concat" 2 ANY Text,
    StartsWith "starts-with" 2 2 Boolean,
    Contains "contains" 2 2 Boolean,
    SubstringBefore "substring-before" 2 2 Text,
    SubstringAfter "substring-after" 2 2 Text,
    Substring "substring" 2 3 Text,
    StringLength "string-length" 0 1 Number,
    NormalizeSpace "normalize-space" 0 1 Text,
    Translate "translate" 3 3 Text,
    Boolean "boolean" 1 1 Boolean,
    Not "not" 1 1 Boolean,
    True "true" 0 0 Boolean,
    False "false" 0 0 Boolean,
    Lang "lang" 1 1 Boolean,
    Number "number" 0 1 Number,
    Sum "sum" 1 1 Number,
    Floor "floor" 1 1 Number,
    Ceiling "ceiling" 1 1 Number,
    Round "round" 1 1 Number,
}

impl Function {
    pub(super) fn is_positional(self) -> bool {
        matches!(self, Function::Last | Function::Position)
    }

    /// What is wrong with these arguments.
    pub(super) fn problem(self, arguments: &[Expr]) -> Option<&'static str> {
        let (least, most) = self.arity();
        let wants_nodes = matches!(
            self,
            Function::Count
                | Function::Sum
                | Function::LocalName
                | Function::NamespaceUri
                | Function::Name
        );
        if arguments.len() < least {
            Some("has too few arguments")
        } else if arguments.len() > most {
            Some("has too many arguments")
        } else if wants_nodes && arguments.iter().any(|a| a.kind() != Kind::Nodes) {
            Some("takes a set of nodes")
        } else {
            None
        }
    }
}

impl<'d> Evaluator<'d> {
    pub(super) fn call(
        &mut self,
        function: Function,
        arguments: &'d [Expr],
        context: Context,
    ) -> Outcome<Value<'d>> {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.evaluate(argument, context)?);
        }
        let mut values = values.into_iter();
        let mut next = || values.next();
        let here = Value::Nodes(vec![context.node]);
        Ok(match function {
            Function::Last => Value::Number(context.size as f64),
            Function::Position => Value::Number(context.position as f64),
            Function::Count => Value::Number(nodes(next()).len() as f64),
            Function::Id => self.id(next().unwrap_or(here))?,
            Function::LocalName => self.name_of(next().unwrap_or(here), Node::local_name),
            Function::NamespaceUri => self.name_of(next().unwrap_or(here), Node::namespace_uri),
            Function::Name => self.name_of(next().unwrap_or(here), Node::name),
            Function::String => Value::Text(self.text(next().unwrap_or(here))?),
            Function::Concat => {
                let mut all = Vec::new();
                while let Some(part) = next() {
                    all.extend_from_slice(&self.text(part)?);
                }
                Value::Text(Cow::Owned(all))
            }
            Function::StartsWith => {
                let (text, start) = self.two(next(), next())?;
                Value::Boolean(text.starts_with(&start))
            }
            Function::Contains => {
                let (text, part) = self.two(next(), next())?;
                Value::Boolean(memchr::memmem::find(&text, &part).is_some())
            }
            Function::SubstringBefore => {
                let (text, part) = self.two(next(), next())?;
                let end = memchr::memmem::find(&text, &part).unwrap_or(0);
                Value::Text(cut(text, 0, end))
            }
            Function::SubstringAfter => {
                let (text, part) = self.two(next(), next())?;
                let found = memchr::memmem::find(&text, &part);
                let start = found.map_or(text.len(), |at| at + part.len());
                let end = text.len();
                Value::Text(cut(text, start, end))
            }
            Function::Substring => {
                let text = self.text(next().unwrap_or(here))?;
                let start = number::round(self.number(next().unwrap_or(Value::NOTHING))?);
                let end = match next() {
                    Some(length) => start + number::round(self.number(length)?),
                    None => f64::INFINITY,
                };
                Value::Text(characters(text, start, end))
            }
            Function::StringLength => {
                let text = self.text(next().unwrap_or(here))?;
                Value::Number(text.iter().filter(|&&b| starts_character(b)).count() as f64)
            }
            Function::NormalizeSpace => {
                let text = self.text(next().unwrap_or(here))?;
                let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
                let words = text.split(is_space).filter(|word| !word.is_empty());
                Value::Text(Cow::Owned(words.collect::<Vec<_>>().join(&b' ')))
            }
            Function::Translate => {
                let (text, from) = self.two(next(), next())?;
                let to = self.text(next().unwrap_or(Value::NOTHING))?;
                Value::Text(Cow::Owned(translate(&text, &from, &to)))
            }
            Function::Boolean => Value::Boolean(next().unwrap_or(here).boolean()),
            Function::Not => Value::Boolean(!next().unwrap_or(here).boolean()),
            Function::True => Value::Boolean(true),
            Function::False => Value::Boolean(false),
            Function::Lang => {
                let wanted = self.text(next().unwrap_or(Value::NOTHING))?;
                Value::Boolean(self.speaks(context.node, &wanted)?)
            }
            Function::Number => Value::Number(self.number(next().unwrap_or(here))?),
            Function::Sum => {
                let mut sum = 0.0;
                for node in nodes(next()) {
                    sum += self.number(Value::Nodes(vec![node]))?;
                }
                Value::Number(sum)
            }
            Function::Floor => Value::Number(self.number(next().unwrap_or(here))?.floor()),
            Function::Ceiling => Value::Number(self.number(next().unwrap_or(here))?.ceil()),
            Function::Round => Value::Number(number::round(self.number(next().unwrap_or(here))?)),
        })
    }

    fn two(
        &mut self,
        first: Option<Value<'d>>,
        second: Option<Value<'d>>,
    ) -> Outcome<(Text<'d>, Text<'d>)> {
        let first = self.text(first.unwrap_or(Value::NOTHING))?;
        Ok((first, self.text(second.unwrap_or(Value::NOTHING))?))
    }

    fn name_of(
        &self,
        value: Value<'d>,
        part: impl Fn(Node, &'d super::Document) -> &'d [u8],
    ) -> Value<'d> {
        let first = nodes(Some(value)).first().copied();
        let name = first.map_or(&b""[..], |node| part(node, self.document));
        Value::Text(Cow::Borrowed(name))
    }

    /// `id()`: without a document type, only `xml:id` is an identifier.
    fn id(&mut self, value: Value<'d>) -> Outcome<Value<'d>> {
        let texts = match value {
            Value::Nodes(nodes) => {
                let mut texts = Vec::new();
                for node in nodes {
                    texts.push(self.text(Value::Nodes(vec![node]))?);
                }
                texts
            }
            other => vec![self.text(other)?],
        };
        let words = texts.iter().flat_map(|text| {
            let words = text.split(u8::is_ascii_whitespace);
            words.filter(|word| !word.is_empty())
        });
        let mut wanted: HashSet<&[u8]> = words.collect();
        let mut found = Vec::new();
        for element in self.document.elements() {
            self.spend(1)?;
            let node = Node::whole(element.index());
            if let Some(id) = node.attribute(self.document, b"xml:id")
                && wanted.remove(id)
            {
                found.push(node);
            }
        }
        Ok(Value::Nodes(found))
    }

    /// `lang()`.
    fn speaks(&mut self, node: Node, wanted: &[u8]) -> Outcome<bool> {
        let mut at = Some(node);
        while let Some(node) = at {
            self.spend(1)?;
            if let Some(language) = node.attribute(self.document, b"xml:lang") {
                let (head, tail) = language.split_at(wanted.len().min(language.len()));
                return Ok(head.eq_ignore_ascii_case(wanted) && matches!(tail, [] | [b'-', ..]));
            }
            at = node.parent(self.document);
        }
        Ok(false)
    }
}

fn nodes(value: Option<Value<'_>>) -> Vec<Node> {
    match value {
        Some(Value::Nodes(nodes)) => nodes,
        _ => Vec::new(),
    }
}

/// Whether a character of UTF-8 begins with this byte.
fn starts_character(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

fn cut(text: Cow<'_, [u8]>, start: usize, end: usize) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(start..end).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(start..end).unwrap_or_default().to_vec()),
    }
}

/// The characters whose positions, counted from one, are not before `start` and before `end`.
fn characters(text: Cow<'_, [u8]>, start: f64, end: f64) -> Cow<'_, [u8]> {
    let (mut position, mut first, mut last) = (0.0, None, 0);
    for (at, &byte) in text.iter().enumerate() {
        if starts_character(byte) {
            position += 1.0;
        }
        if position >= start && position < end {
            first.get_or_insert(at);
            last = at + 1;
        }
    }
    cut(text, first.unwrap_or(0), last)
}

fn translate(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let characters = |text| std::str::from_utf8(text).unwrap_or_default().chars();
    let mut map: HashMap<char, Option<char>> = HashMap::new();
    let mut to = characters(to);
    for c in characters(from) {
        let replacement = to.next();
        map.entry(c).or_insert(replacement);
    }
    let translated = characters(text).filter_map(|c| match map.get(&c) {
        Some(replacement) => *replacement,
        None => Some(c),
    });
    translated.collect::<String>().into_bytes()
}
