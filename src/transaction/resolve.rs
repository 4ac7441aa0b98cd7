//! Variables to values.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;

use super::Transaction;
use super::scalar::decimal;
use crate::actions::Meta;
use crate::audit::escape::log_escape_nq;
use crate::body::multipart::{Content, File};
use crate::body::xml::xpath;
use crate::host::Host;
use crate::ruleset::prefilter::Candidate;
use crate::ruleset::{PhaseRules, Selector, Target};
use crate::variables::Variable;

/// A value of a variable.
#[derive(Clone, Debug)]
pub struct Value<'t> {
    /// The variable.
    pub variable: Variable,
    /// Its name as the rule spells it, where that is another way than here.
    pub spelled: Option<&'t str>,
    /// Its key in a collection.
    pub key: Option<Cow<'t, [u8]>>,
    /// The value.
    pub value: Cow<'t, [u8]>,
    /// It is the number of values (`&`).
    pub count: bool,
}

impl Value<'_> {
    /// The name that logs and MATCHED_VAR_NAME carry: `ARGS:name`, `REQUEST_URI`.
    ///
    /// Compat: the key is escaped like log text, but for quotation marks. A count, a part of XML, ENV and RULE go by the
    /// variable's name alone, as the rule spells it, and what matched before by the name it had then.
    pub fn name(&self) -> Vec<u8> {
        let key = self.key.as_deref().filter(|_| {
            !self.count
                && !matches!(
                    self.variable,
                    Variable::Xml | Variable::Env | Variable::Rule
                )
        });
        if let (Variable::MatchedVars | Variable::MatchedVarsNames, Some(key)) =
            (self.variable, key)
        {
            return key.to_vec();
        }
        match key {
            Some(key) => Value::name_in(self.variable, key),
            None => self.variable_name().to_vec(),
        }
    }

    fn variable_name(&self) -> &[u8] {
        self.spelled.unwrap_or(self.variable.name()).as_bytes()
    }

    /// The name of the value that a collection has under a key.
    pub fn name_in(collection: Variable, key: &[u8]) -> Vec<u8> {
        let collection = collection.name().as_bytes();
        let mut name = Vec::with_capacity(collection.len() + 1 + key.len());
        name.extend_from_slice(collection);
        name.push(b':');
        log_escape_nq(&mut name, key);
        name
    }
}

impl Value<'_> {
    /// The name in the sentence about a negated operator, and in the debug log: with its key in any case, and `&` before
    /// that of a number.
    pub fn full_name(&self) -> Vec<u8> {
        let nameless = matches!(
            self.variable,
            Variable::Xml | Variable::Env | Variable::Rule
        );
        if !nameless && !self.count {
            return self.name();
        }
        let mut name = Vec::new();
        if self.count {
            name.push(b'&');
        }
        name.extend_from_slice(self.variable_name());
        if let Some(key) = &self.key {
            name.push(b':');
            log_escape_nq(&mut name, key);
        }
        name
    }
}

/// What a value may depend on besides the transaction.
pub struct Scene<'s> {
    /// The server.
    pub host: &'s dyn Host,
    /// The rule that runs (RULE), or none.
    pub rule: Option<&'s Meta>,
}

type Sink<'a, 't> = &'a mut dyn FnMut(Option<Cow<'t, [u8]>>, Cow<'t, [u8]>);

impl Transaction {
    /// Hands the values of a rule's targets to `sink`, in order, until it has enough. Exclusions take out what stands
    /// before them. With `candidates` only those are handed over.
    pub(crate) fn each_value<'t>(
        &'t self,
        targets: &'t [Target],
        candidates: Option<(&PhaseRules, &[Candidate])>,
        scene: &Scene<'_>,
        sink: &mut dyn FnMut(Value<'t>) -> ControlFlow<()>,
    ) {
        let mut enough = false;
        let mut hand_over =
            |target: &'t Target, key: Option<Cow<'t, [u8]>>, value, rest: &[Target]| {
                let taken_out = |other: &Target| {
                    other.exclude
                        && other.variable == target.variable
                        && key.as_deref().is_none_or(|key| other.selector.selects(key))
                };
                // Compat: a number is no value that could be taken out.
                if !enough && (target.count || !rest.iter().any(taken_out)) {
                    enough = sink(Value {
                        variable: target.variable,
                        spelled: target.spelled.as_deref(),
                        key,
                        value,
                        count: target.count,
                    })
                    .is_break();
                }
            };
        for (at, target) in targets.iter().enumerate().filter(|(_, t)| !t.exclude) {
            let rest = targets.get(at + 1..).unwrap_or_default();
            if let Some((rules, candidates)) = candidates {
                self.candidates_of(target, rules, candidates, scene, &mut |key, value| {
                    hand_over(target, key, value, rest);
                });
            } else if target.count {
                let mut number = 0usize;
                self.select(target.variable, &target.selector, scene, &mut |_, _| {
                    number += 1;
                });
                let key = match &target.selector {
                    Selector::Key(key) => Some(Cow::Borrowed(key.as_slice())),
                    Selector::Pattern(pattern) => {
                        Some(Cow::Owned([b"/", pattern.as_bytes(), b"/"].concat()))
                    }
                    Selector::Path(path) => Some(Cow::Borrowed(path.source())),
                    Selector::All => None,
                };
                hand_over(target, key, decimal(number), rest);
            } else {
                self.select(
                    target.variable,
                    &target.selector,
                    scene,
                    &mut |key, value| {
                        hand_over(target, key, value, rest);
                    },
                );
            }
        }
    }

    /// Those of a target's values that the scan has named.
    fn candidates_of<'t>(
        &'t self,
        target: &Target,
        rules: &PhaseRules,
        candidates: &[Candidate],
        scene: &Scene<'_>,
        sink: Sink<'_, 't>,
    ) {
        let place = |candidate: &Candidate| (candidate.layer(), candidate.source());
        for group in candidates.chunk_by(|a, b| place(a) == place(b)) {
            let source = group.first().and_then(|first| {
                let part = rules.scans().get(first.layer())?;
                part.prefilter.sources().get(first.source())
            });
            let Some(source) = source.filter(|source| source.serves(target)) else {
                continue;
            };
            let mut wanted = group.iter().map(Candidate::value).peekable();
            let mut at = 0;
            self.select(
                source.variable,
                &source.selector,
                scene,
                &mut |key, value| {
                    let named = wanted.next_if_eq(&at).is_some();
                    at += 1;
                    if named && key.as_ref().is_none_or(|key| target.selector.selects(key)) {
                        sink(key, value);
                    }
                },
            );
        }
    }

    /// The first value of a variable: what a macro stands for.
    pub(crate) fn first_value<'t>(
        &'t self,
        variable: Variable,
        key: Option<&'t [u8]>,
        scene: &Scene<'_>,
    ) -> Option<Cow<'t, [u8]>> {
        if let (Variable::Tx, Some(key)) = (variable, key) {
            return self.tx.get(key).map(|value| Cow::Borrowed(value.as_ref()));
        }
        let selector = key.map_or(Selector::All, |key| Selector::Key(key.to_vec()));
        let mut first = None;
        self.select(variable, &selector, scene, &mut |_, value| {
            first.get_or_insert(value);
        });
        first
    }

    pub(crate) fn select<'t>(
        &'t self,
        variable: Variable,
        selector: &Selector,
        scene: &Scene<'_>,
        sink: Sink<'_, 't>,
    ) {
        if !variable.is_collection() {
            if let Some(value) = self.scalar(variable, scene) {
                sink(None, value);
            }
            return;
        }
        match (variable, selector) {
            // These are asked by key only.
            (Variable::Env, Selector::Key(name)) => {
                if let Some(value) = scene.host.env(name) {
                    sink(Some(Cow::Owned(name.clone())), Cow::Owned(value));
                }
            }
            (Variable::Xml, selector) => self.xml(selector, sink),
            // By far the most common questions.
            (Variable::Tx, Selector::Key(name)) => {
                self.tx.named(name).for_each(|(name, value)| {
                    sink(Some(Cow::Borrowed(name)), Cow::Borrowed(value));
                });
            }
            (Variable::RequestHeaders, Selector::Key(name)) => {
                let headers = self.request.headers.iter();
                let named = headers.filter(|header| header.name.eq_ignore_ascii_case(name));
                named.for_each(|header| {
                    sink(
                        Some(Cow::Borrowed(&header.name)),
                        Cow::Borrowed(&header.value),
                    );
                });
            }
            _ => self.collection(variable, scene, &mut |key, value| {
                if key.as_ref().is_none_or(|key| selector.selects(key)) {
                    sink(key, value);
                }
            }),
        }
    }

    fn collection<'t>(&'t self, variable: Variable, scene: &Scene<'_>, sink: Sink<'_, 't>) {
        let mut pair =
            |name: &'t [u8], value: &'t [u8]| sink(Some(Cow::Borrowed(name)), Cow::Borrowed(value));
        match variable {
            Variable::Args => self.arguments().for_each(|arg| pair(&arg.name, &arg.value)),
            Variable::ArgsNames => self.arguments().for_each(|arg| pair(&arg.name, &arg.name)),
            Variable::ArgsGet => self
                .query
                .args
                .iter()
                .for_each(|arg| pair(&arg.name, &arg.value)),
            Variable::ArgsGetNames => self
                .query
                .args
                .iter()
                .for_each(|arg| pair(&arg.name, &arg.name)),
            Variable::ArgsPost => self.posted().for_each(|arg| pair(&arg.name, &arg.value)),
            Variable::ArgsPostNames => self.posted().for_each(|arg| pair(&arg.name, &arg.name)),
            Variable::RequestCookies => self
                .cookies
                .iter()
                .for_each(|cookie| pair(&cookie.name, &cookie.value)),
            Variable::RequestCookiesNames => self
                .cookies
                .iter()
                .for_each(|cookie| pair(&cookie.name, &cookie.name)),
            Variable::RequestHeaders => self
                .request
                .headers
                .iter()
                .for_each(|header| pair(&header.name, &header.value)),
            Variable::RequestHeadersNames => {
                self.request
                    .headers
                    .iter()
                    .for_each(|header| pair(&header.name, &header.name));
            }
            Variable::ResponseHeaders => self
                .sent_headers()
                .for_each(|header| pair(&header.name, &header.value)),
            Variable::ResponseHeadersNames => self
                .sent_headers()
                .for_each(|header| pair(&header.name, &header.name)),
            Variable::Tx => self.tx.iter().for_each(|(name, value)| pair(name, value)),
            Variable::Geo => self.geo.iter().for_each(|(name, value)| pair(name, value)),
            Variable::XmlRpc => self
                .xmlrpc
                .iter()
                .for_each(|(name, value)| pair(name, value)),
            Variable::Pingback => self
                .pingback
                .iter()
                .for_each(|(name, value)| pair(name, value)),
            Variable::MatchedVars => self
                .matches
                .vars
                .iter()
                .for_each(|(name, value)| pair(name, value)),
            Variable::MatchedVarsNames => self
                .matches
                .vars
                .iter()
                .for_each(|(name, _)| pair(name, name)),
            Variable::WebserverErrorLog => {
                self.server_errors
                    .iter()
                    .for_each(|text| sink(None, Cow::Borrowed(text.as_slice())));
            }
            Variable::Rule => rule_fields(scene, sink),
            Variable::Files
            | Variable::FilesNames
            | Variable::FilesSizes
            | Variable::FilesTmpnames
            | Variable::FilesTmpContent
            | Variable::MultipartPartHeaders => self.files(variable, sink),
            _ if variable.is_persistent() => {
                self.live(variable)
                    .into_iter()
                    .flat_map(|live| live.iter())
                    .for_each(|(name, value)| pair(name, value));
            }
            Variable::PerfRules => {
                for (id, time) in &self.times.rules {
                    let (id, time) = (id.to_string().into_bytes(), time.to_string().into_bytes());
                    sink(Some(Cow::Owned(id)), Cow::Owned(time));
                }
            }
            _ => {}
        }
    }

    /// Arguments of the body that are ARGS_POST. Compat: those of a JSON or XML body are in ARGS only.
    fn posted(&self) -> impl Iterator<Item = &crate::body::Argument> {
        let form = !matches!(self.body.processor(), Some("JSON" | "XML"));
        self.body.arguments().iter().filter(move |_| form)
    }

    fn sent_headers(&self) -> impl Iterator<Item = &super::Header> {
        self.response.iter().flat_map(|response| &response.headers)
    }

    /// The document itself, or what a path selects in it.
    ///
    /// Compat: the document is one value that says so.
    fn xml<'t>(&'t self, selector: &Selector, sink: Sink<'_, 't>) {
        let Some(document) = self.body.xml() else {
            return;
        };
        let path = match selector {
            Selector::Path(path) => path.clone(),
            // A macro's path is read when it is expanded, and knows no prefixes.
            Selector::Key(text) => match xpath::Expression::compile(text) {
                Ok(path) => path,
                Err(_) => return,
            },
            _ => return sink(None, Cow::Borrowed(b"[XML document tree]")),
        };
        // What the Core Rule Set asks of every document takes no set of all its nodes.
        if path.source() == b"//@*" {
            return document.attributes().for_each(|attribute| {
                let key = Cow::Owned(path.source().to_vec());
                sink(Some(key), Cow::Borrowed(attribute.value()));
            });
        }
        let selection = path.select(document, &xpath::Limits::default());
        if selection.exceeded {
            self.path_over_limit.set(true);
        }
        for value in selection.values {
            let key = Cow::Owned(path.source().to_vec());
            sink(Some(key), Cow::Borrowed(value));
        }
    }

    /// The files and part headers of a multipart body.
    fn files<'t>(&'t self, variable: Variable, sink: Sink<'_, 't>) {
        let Some(multipart) = &self.body.parsed().multipart else {
            return;
        };
        let mut pair =
            |name: &'t [u8], value: Cow<'t, [u8]>| sink(Some(Cow::Borrowed(name)), value);
        if variable == Variable::MultipartPartHeaders {
            for part in &multipart.parts {
                part.headers
                    .iter()
                    .for_each(|line| pair(&part.name, Cow::Borrowed(line)));
            }
            return;
        }
        for (field, file) in multipart.files() {
            match variable {
                Variable::Files => pair(field, Cow::Borrowed(&file.name)),
                Variable::FilesNames => pair(field, Cow::Borrowed(field)),
                Variable::FilesSizes => pair(field, Cow::Owned(file.size.to_string().into_bytes())),
                Variable::FilesTmpnames => {
                    if let Content::File(stored) = &file.content {
                        pair(field, Cow::Borrowed(stored.path().as_os_str().as_bytes()));
                    }
                }
                Variable::FilesTmpContent => {
                    if let Some(content) = file_content(file) {
                        pair(field, content);
                    }
                }
                _ => {}
            }
        }
    }
}

fn rule_fields(scene: &Scene<'_>, sink: Sink<'_, '_>) {
    let Some(meta) = scene.rule else { return };
    let mut field = |name: &'static str, value: Option<String>| {
        if let Some(value) = value {
            sink(
                Some(Cow::Borrowed(name.as_bytes())),
                Cow::Owned(value.into_bytes()),
            );
        }
    };
    field("id", (meta.id != 0).then(|| meta.id.to_string()));
    field("rev", meta.rev.clone());
    field(
        "severity",
        meta.severity.map(|severity| severity.number().to_string()),
    );
    field("ver", meta.ver.clone());
    field("maturity", meta.maturity.map(|value| value.to_string()));
    field("accuracy", meta.accuracy.map(|value| value.to_string()));
    field(
        "msg",
        meta.msg_text
            .as_ref()
            .map(|text| String::from_utf8_lossy(text).into_owned()),
    );
}

/// The content of a stored file. It is read when a rule asks for it, so that files take no memory until then.
fn file_content(file: &File) -> Option<Cow<'_, [u8]>> {
    match &file.content {
        Content::Discarded => None,
        Content::Memory(bytes) => Some(Cow::Borrowed(bytes)),
        Content::File(stored) => match std::fs::read(stored.path()) {
            Ok(content) => Some(Cow::Owned(content)),
            Err(error) => {
                log::error!("{} cannot be read: {error}", stored.path().display());
                None
            }
        },
    }
}
