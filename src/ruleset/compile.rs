//! Trees to rules: names are resolved, arguments compiled, defaults taken in.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use super::rule::{Argument, Chain, Rule, Selector, Target, Test};
use super::text::{Wording, built_in_default, merged_actions};
use crate::actions::{self, ActionList, AllowScope, Context, Disruptive, Flow, TransformationStep};
use crate::body::xml::xpath;
use crate::operators::{self, GrammarLoader, Kind, Operator, Substitution, rx::Pattern};
use crate::scripts::{self, Script};
use crate::seclang::{self, ast};
use crate::template::Template;
use crate::transformations::Transformation;
use crate::types::{Origin, Phase};
use crate::variables::{Shape, Variable};

/// Which argument of the directive a mistake is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The script.
    Script,
    /// The targets.
    Targets,
    /// The operator.
    Operator,
    /// The actions.
    Actions,
}

/// A mistake in a rule.
#[derive(Clone, Debug)]
pub struct CompileError {
    /// The argument it is in.
    pub part: Part,
    /// The sentence and the place.
    pub error: seclang::Error,
}

/// What a rule is compiled from.
#[derive(Default)]
pub struct Source<'a> {
    /// The file of a script, for `SecRuleScript`.
    pub script: Option<&'a [u8]>,
    /// The targets; `None` for `SecAction`.
    pub targets: Option<&'a [u8]>,
    /// The operator; `None` for `SecAction`.
    pub operator: Option<&'a [u8]>,
    /// The actions, when there are any.
    pub actions: Option<&'a [u8]>,
}

/// What compiling needs to know of the place a rule stands in.
pub struct Compiler<'a> {
    /// Where the directive stands.
    pub origin: Origin,
    /// The default action lists that are in force: one a phase.
    pub defaults: &'a [Option<ActionList>; 5],
    /// The phase of the default list that was set last: it holds for rules that name none.
    pub default_phase: Phase,
    /// `SecPcreMatchLimit`.
    pub pcre_match_limit: Option<u32>,
    /// Reads the grammars of `@validateSchema` and `@validateDTD`.
    pub grammars: &'a dyn GrammarLoader,
    /// `SecPcreMatchLimitRecursion`.
    pub pcre_match_limit_recursion: Option<u32>,
    /// What the administrator should know about what was compiled.
    pub notices: RefCell<Vec<String>>,
}

impl Compiler<'_> {
    /// Compiles the first rule of a chain, or a single one.
    ///
    /// Compat: a disruptive action, log switches and transformations that the rule does not name come from the default
    /// list of its phase; `block` is what that list does.
    pub fn starter(&self, source: &Source<'_>) -> Result<Chain, CompileError> {
        let (tree, list) = self.actions(source, Context::Rule)?;
        let switches = &list.switches;
        let phase = switches.phase.unwrap_or(self.default_phase);
        let fallback = ActionList::default();
        let default = self
            .defaults
            .get(phase.index())
            .and_then(Option::as_ref)
            .unwrap_or(&fallback);

        let own = switches.disruptive.clone();
        let inherited = default.switches.disruptive.clone();
        // Compat: an action of the rule's own wins over `block`, whichever stands first.
        let disruptive = own.clone().or(inherited).unwrap_or(Disruptive::Pass);
        let refuses = |what: &Disruptive| {
            !matches!(
                what,
                Disruptive::Pass | Disruptive::Allow(AllowScope::Everything)
            )
        };
        let pauses = switches.pause.is_some();
        if phase == Phase::Logging && (pauses || own.as_ref().is_some_and(refuses)) {
            let error = seclang::Error::new(
                "Disruptive actions (except pass and allow) cannot be specified for phase 5 rules",
                0..source.actions.map_or(0, <[u8]>::len),
            );
            return Err(CompileError {
                part: Part::Actions,
                error,
            });
        }
        let log = switches.log.or(default.switches.log).unwrap_or(true);
        let auditlog = switches
            .auditlog
            .or(default.switches.auditlog)
            .unwrap_or(true);
        let tree = match default.tree.is_empty() {
            true => merged_actions(&built_in_default(), &tree),
            false => merged_actions(&default.tree, &tree),
        };
        let rule = self.rule(source, tree, &list, default)?;
        Ok(Chain {
            phase,
            rules: vec![rule],
            disruptive: if phase == Phase::Logging && !matches!(disruptive, Disruptive::Allow(_)) {
                Disruptive::Pass
            } else {
                disruptive
            },
            pause: switches.pause.clone(),
            status: switches.status.or(default.switches.status).unwrap_or(403),
            log,
            auditlog,
            flow: switches.flow.clone().unwrap_or(Flow::Next),
            complete: !switches.chain,
        })
    }

    /// Compiles a rule that belongs to an open chain; also says whether the chain goes on behind it.
    ///
    /// Compat: what the default list says of transformations and effects holds for members, too.
    pub fn member(&self, phase: Phase, source: &Source<'_>) -> Result<(Rule, bool), CompileError> {
        let (tree, list) = self.actions(source, Context::ChainMember)?;
        let more = list.switches.chain;
        let fallback = ActionList::default();
        let default = self.defaults.get(phase.index()).and_then(Option::as_ref);
        let default = default.unwrap_or(&fallback);
        // Compat: of the default list the text of a member shows transformations only.
        let transformations = default
            .tree
            .iter()
            .filter(|action| action.name.value == "t");
        let tree = transformations.cloned().chain(tree).collect();
        Ok((self.rule(source, tree, &list, default)?, more))
    }

    /// Compiles a list of targets on its own (`SecRuleUpdateTargetById` and its kin).
    pub fn targets(text: &[u8]) -> Result<Vec<Target>, seclang::Error> {
        seclang::parse_targets(text)?.iter().map(target).collect()
    }

    fn actions(
        &self,
        source: &Source<'_>,
        context: Context,
    ) -> Result<(Vec<ast::Action>, ActionList), CompileError> {
        let at = |error| CompileError {
            part: Part::Actions,
            error,
        };
        let tree = seclang::parse_actions(source.actions.unwrap_or_default()).map_err(at)?;
        let list = actions::parse(&tree, context, self.directory()).map_err(at)?;
        self.notices
            .borrow_mut()
            .extend(list.notices.iter().cloned());
        Ok((tree, list))
    }

    fn rule(
        &self,
        source: &Source<'_>,
        tree: Vec<ast::Action>,
        list: &ActionList,
        default: &ActionList,
    ) -> Result<Rule, CompileError> {
        let script = source.script.map(|name| self.script(name)).transpose()?;
        let namespaces = [&default.namespaces[..], &list.namespaces].concat();
        let targets = match source.targets {
            None if script.is_some() => Vec::new(),
            Some(text) => bound_targets(text, &namespaces).map_err(|error| CompileError {
                part: Part::Targets,
                error,
            })?,
            None => vec![Target {
                variable: Variable::RemoteAddr,
                spelled: None,
                selector: Selector::All,
                count: false,
                exclude: false,
            }],
        };
        let operator = match source.operator {
            Some(text) => seclang::parse_operator(text).map_err(|error| CompileError {
                part: Part::Operator,
                error,
            })?,
            None => unconditional(),
        };
        let test = self.test(&operator).map_err(|error| CompileError {
            part: Part::Operator,
            error,
        })?;
        self.note_substitution(&test, &targets);
        self.note_validation(&test);
        let mut meta = list.meta.clone();
        if meta.tags.is_empty() {
            meta.tags.clone_from(&default.meta.tags);
            meta.tag_texts.clone_from(&default.meta.tag_texts);
        } else {
            meta.tags.splice(0..0, default.meta.tags.iter().cloned());
            meta.tag_texts
                .splice(0..0, default.meta.tag_texts.iter().cloned());
        }
        meta.severity = meta.severity.or(default.meta.severity);
        meta.logdata = meta.logdata.or_else(|| default.meta.logdata.clone());
        let mut effects = default.effects.clone();
        effects.extend(list.effects.iter().cloned());
        let wording = Wording::new(source, &operator, tree);
        Ok(Rule {
            meta,
            targets,
            transformations: transformations(&default.transformations, &list.transformations),
            test,
            script,
            multi_match: list.switches.multi_match || default.switches.multi_match,
            capture: list.switches.capture || default.switches.capture,
            effects,
            origin: self.origin.clone(),
            text: wording.text(),
            wording,
            target_text: source.targets.unwrap_or(b"REMOTE_ADDR").to_vec(),
            namespaces,
        })
    }

    /// Says where no document can be judged.
    fn note_validation(&self, test: &Test) {
        if let Operator::Validate(validation) = &*test.operator
            && let Some(problem) = validation.problem()
        {
            let text = format!("{problem}: the rule fails for every document, and matches none");
            self.notices.borrow_mut().push(text);
        }
    }

    /// Says where an `@rsub` does less than it seems to.
    fn note_substitution(&self, test: &Test, targets: &[Target]) {
        let Operator::Rsub(substitution) = &*test.operator else {
            return;
        };
        let flags = String::from_utf8_lossy(substitution.ignored_flags());
        if !flags.is_empty() {
            let text = format!("flags of operator rsub without meaning: {flags}");
            self.notices.borrow_mut().push(text);
        }
        let streams = [Variable::StreamInputBody, Variable::StreamOutputBody];
        if targets
            .iter()
            .any(|target| !streams.contains(&target.variable))
        {
            let text = Substitution::no_stream().to_string();
            self.notices.borrow_mut().push(text);
        }
    }

    /// Where relative file names start.
    fn directory(&self) -> Option<&Path> {
        Path::new(&*self.origin.file).parent()
    }

    fn script(&self, name: &[u8]) -> Result<Arc<Script>, CompileError> {
        let path = scripts::resolve(name, self.directory());
        let script = Script::compile(&path, &|path| std::fs::read(path));
        script.map(Arc::new).map_err(|message| CompileError {
            part: Part::Script,
            error: seclang::Error::new(message, 0..name.len()),
        })
    }

    fn test(&self, operator: &ast::Operator) -> Result<Test, seclang::Error> {
        let kind = Kind::lookup(&operator.name.value).ok_or_else(|| {
            unknown(
                format!("Failed to resolve operator: {}", operator.name.value),
                &operator.name,
            )
        })?;
        let text = &operator.argument.value;
        let template = Template::parse(text);
        let argument = match template.constant() {
            None if kind.expands_macros() => Argument::Template(template),
            _ => Argument::Constant(text.clone()),
        };
        let context = operators::CompileContext {
            config_dir: self.directory(),
            pcre_match_limit: self.pcre_match_limit,
            pcre_match_limit_recursion: self.pcre_match_limit_recursion,
            grammars: self.grammars,
            file: &|path| std::fs::read(path),
        };
        let compiled = operators::compile(kind, text, &context).map_err(|error| {
            let start = operator.argument.span.start;
            let span = error.span.map_or(operator.argument.span.clone(), |span| {
                start + span.start..start + span.end
            });
            seclang::Error::new(error.message, span)
        })?;
        Ok(Test {
            negated: operator.negated,
            name: operator.name.value.clone(),
            operator: Arc::new(compiled),
            argument,
            written: text.clone(),
        })
    }
}

fn unconditional() -> ast::Operator {
    ast::Operator {
        negated: false,
        name: ast::Spanned {
            value: "unconditionalMatch".to_owned(),
            span: 0..0,
        },
        argument: ast::Spanned {
            value: Vec::new(),
            span: 0..0,
        },
    }
}

fn unknown(message: String, name: &ast::Spanned<String>) -> seclang::Error {
    seclang::Error::new(message, name.span.clone())
}

/// The targets of a rule that declares these namespaces.
fn bound_targets(
    text: &[u8],
    namespaces: &[(Vec<u8>, Vec<u8>)],
) -> Result<Vec<Target>, seclang::Error> {
    let bound = |tree: &ast::Target| {
        let place = tree.selector.as_ref();
        target(tree)?
            .bound(namespaces)
            .map_err(|error| match place {
                Some(selector) => in_selector(error, selector),
                None => seclang::Error::new(error.message, tree.name.span.clone()),
            })
    };
    seclang::parse_targets(text)?.iter().map(bound).collect()
}

/// A mistake in an XPath expression, at its place in the targets.
fn in_selector(error: xpath::Error, selector: &ast::Spanned<Vec<u8>>) -> seclang::Error {
    let start = selector.span.start;
    // Behind a quoted pair the place is a byte off for each.
    let span = start + error.span.start..start + error.span.end;
    seclang::Error::new(error.message, span)
}

fn target(tree: &ast::Target) -> Result<Target, seclang::Error> {
    let name = &tree.name.value;
    let mut selector = tree.selector.clone();
    let variable = match Variable::lookup(name) {
        Some(variable) => variable,
        // Compat: HTTP_<Name> is an old spelling of REQUEST_HEADERS:<Name>.
        None => match name
            .get(..5)
            .filter(|prefix| name.len() > 5 && prefix.eq_ignore_ascii_case("HTTP_"))
        {
            Some(_) => {
                let key = name.get(5..).unwrap_or_default().as_bytes().to_vec();
                selector = Some(ast::Spanned {
                    value: key,
                    span: tree.name.span.clone(),
                });
                Variable::RequestHeaders
            }
            None => return Err(unknown(format!("Unknown variable: {name}"), &tree.name)),
        },
    };
    let problem = match (variable.shape(), &selector) {
        // Compat: mod_security2 takes REQUEST_BODY:name, and gives the whole body.
        (Shape::Scalar, Some(_)) if variable != Variable::RequestBody => {
            Some(("Variable", "does not support parameters"))
        }
        (Shape::Collection, None) if variable == Variable::Env => {
            Some(("Parameter required for", ""))
        }
        (Shape::Collection, Some(selector))
            if variable == Variable::Env && selector.value.starts_with(b"/") =>
        {
            Some(("Regular expressions not supported in", ""))
        }
        (Shape::KeyedCollection, None) => Some(("Missing mandatory parameter for variable", "")),
        (Shape::Scalar, None) if tree.count => Some((
            "The & modificator does not apply to non-collection variables:",
            "",
        )),
        _ => None,
    };
    if let Some((before, behind)) = problem {
        let sentence = format!("{before} {name} {behind}").trim_end().to_owned() + ".";
        return Err(unknown(sentence, &tree.name));
    }
    let selector = match selector {
        None => Selector::All,
        Some(_) if variable == Variable::RequestBody => Selector::All,
        Some(found) => compile_selector(variable, &found)?,
    };
    let differs = name != variable.name() && Variable::lookup(name).is_some();
    Ok(Target {
        variable,
        spelled: differs.then(|| Arc::from(name.as_str())),
        selector,
        count: tree.count,
        exclude: tree.exclude,
    })
}

fn compile_selector(
    variable: Variable,
    text: &ast::Spanned<Vec<u8>>,
) -> Result<Selector, seclang::Error> {
    if variable == Variable::Xml {
        return xpath::Expression::compile(&text.value)
            .map(Selector::Path)
            .map_err(|error| in_selector(error, text));
    }
    match text.value.as_slice() {
        [b'/', pattern @ .., b'/'] if !pattern.is_empty() => {
            match Pattern::compile_selector(pattern) {
                Ok(pattern) => Ok(Selector::Pattern(Arc::new(pattern))),
                Err(error) => Err(seclang::Error::new(
                    format!("Error compiling pattern: {error}"),
                    text.span.clone(),
                )),
            }
        }
        key => Ok(Selector::Key(key.to_vec())),
    }
}

/// The list that remains after `t:none` and `t:-name`, in the order of the text.
fn transformations(
    default: &[TransformationStep],
    own: &[TransformationStep],
) -> Vec<Transformation> {
    let mut list = Vec::new();
    for step in default.iter().chain(own) {
        step.apply(&mut list);
    }
    list
}
