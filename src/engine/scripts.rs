//! Lua and programs: where rules are tested by them, and where actions run them.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::debug::sentence;
use super::evaluate::Hit;
use super::substitute::Subject;
use crate::actions::SetVar;
use crate::audit::escape::{log_escape, log_escape_nq};
use crate::host::Host;
use crate::limits;
use crate::operators::{Captures, Operator, negated_message};
use crate::ruleset::{Chain, Rule, Selector, Target};
use crate::scripts::{Access, Bounds, Call, Executable, Failure, Program, Script};
use crate::template::Macro;
use crate::transaction::Transaction;
use crate::transformations::{Env, Transformation, apply_all};
use crate::variables::{Shape, Variable};

impl Transaction {
    /// Asks a rule whose test is a script or a program.
    ///
    /// A run that fails decides nothing: the rule does not match, and the logs say so.
    pub(super) fn run_test(
        &mut self,
        chain: &Chain,
        rule: &Rule,
        first_only: bool,
        host: &dyn Host,
    ) -> Vec<Hit> {
        let outcome = match (&rule.script, &*rule.test.operator) {
            (Some(script), _) => self.ask_script(chain, script, host),
            (None, Operator::InspectFile(inspector)) => {
                self.inspect_files(chain, rule, inspector, first_only, host)
            }
            (None, _) => Ok(Vec::new()),
        };
        outcome.unwrap_or_else(|failure| {
            self.rule_error = true;
            self.run_failed(&failure);
            self.processing_failed(chain);
            Vec::new()
        })
    }

    /// `SecRuleScript`: one question about the whole transaction. The name of the hit is empty: it is about no value.
    fn ask_script(
        &mut self,
        chain: &Chain,
        script: &Script,
        host: &dyn Host,
    ) -> Result<Vec<Hit>, Failure> {
        let answer = self.run_script(chain, script, None, host)?;
        let hit = answer.map(|message| Hit {
            name: Box::default(),
            value: Vec::new(),
            message: message.into(),
            captures: Captures::None,
            location: None,
        });
        Ok(Vec::from_iter(hit))
    }

    /// `@inspectFile`: every value is the name of a file.
    fn inspect_files(
        &mut self,
        chain: &Chain,
        rule: &Rule,
        inspector: &Executable,
        first_only: bool,
        host: &dyn Host,
    ) -> Result<Vec<Hit>, Failure> {
        let mut hits = Vec::new();
        for Subject { name, text, .. } in self.subjects(rule, &self.scene(chain, host)) {
            let found = match inspector {
                Executable::Script(script) => self.run_script(chain, script, Some(&text), host)?,
                Executable::Program(program) => self.ask_program(program, &text, host)?,
            };
            let message = match (found, rule.test.negated) {
                (Some(message), false) => message,
                (None, true) => {
                    negated_message(rule.test.name.as_bytes(), &rule.test.written, &name)
                }
                _ => continue,
            };
            hits.push(Hit {
                name: name.into(),
                value: text,
                message: message.into(),
                captures: Captures::None,
                location: None,
            });
            if first_only {
                break;
            }
        }
        Ok(hits)
    }

    /// `exec`. Compat: what a script returns is of no interest, and a failure is no more than logged.
    pub(super) fn execute(&mut self, chain: &Chain, executable: &Executable, host: &dyn Host) {
        let outcome = match executable {
            Executable::Script(script) => self.run_script(chain, script, None, host).map(drop),
            Executable::Program(program) => self.run_program(program, None, host).map(drop),
        };
        let Err(failure) = outcome else { return };
        self.run_failed(&failure);
        if let Executable::Program(program) = executable {
            let text = format!("Failed to execute: {}", program.path().display());
            self.engine_alert(text.as_bytes());
        }
    }

    /// A run came to no end: a line for it, and where a bound was reached a flag that rules can read.
    fn run_failed(&mut self, failure: &Failure) {
        if failure.limit_exceeded {
            self.tx.set(b"MSC_SCRIPT_LIMITS_EXCEEDED", "1");
        }
        let mut text = Vec::new();
        log_escape_nq(&mut text, failure.message.as_bytes());
        self.engine_alert(&text);
    }

    /// Runs a script; the answer is the message of a match.
    fn run_script(
        &mut self,
        chain: &Chain,
        script: &Script,
        argument: Option<&[u8]>,
        host: &dyn Host,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let name = script.path().display().to_string();
        self.debug(8, |_| format!("Lua: Executing script: {name}").into_bytes());
        let begun = Instant::now();
        let mut access = Opened {
            transaction: self,
            chain,
            host,
        };
        let outcome = script.run(argument, &mut access, &Bounds::default());
        let outcome = outcome.map_err(|failure| Failure {
            message: format!("Lua: Script execution failed: {}", failure.message),
            ..failure
        });
        self.debug(8, |_| {
            let (time, result) = (begun.elapsed().as_micros(), outcome.as_ref());
            let begin = format!("Lua: Script completed in {time} usec, ");
            let (word, text) = match result {
                Ok(answer) => ("returning: ", answer.as_deref().unwrap_or(b"(null)")),
                Err(failure) => ("result: ", failure.message.as_bytes()),
            };
            [begin.as_bytes(), word.as_bytes(), text, b"."].concat()
        });
        let message = outcome?.map(|answer| {
            let mut message = Vec::new();
            log_escape_nq(&mut message, &answer);
            message
        });
        Ok(message)
    }

    /// `@inspectFile` with a program: what does not begin with `1` rejects the file.
    fn ask_program(
        &mut self,
        program: &Program,
        file: &[u8],
        host: &dyn Host,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let path = program.path().as_os_str().as_encoded_bytes();
        self.debug(4, |_| {
            sentence(&["Executing ", " to inspect ", "."], &[path, file])
        });
        let line = self.run_program(program, Some(file), host)?;
        if line.first() == Some(&b'1') {
            return Ok(None);
        }
        let mut message = b"File \"".to_vec();
        log_escape(&mut message, file);
        message.extend_from_slice(b"\" rejected by the approver script \"");
        log_escape(&mut message, path);
        message.extend_from_slice(b"\": ");
        log_escape_nq(&mut message, &line);
        Ok(Some(message))
    }

    /// Runs a program; the answer is its first line.
    fn run_program(
        &mut self,
        program: &Program,
        argument: Option<&[u8]>,
        host: &dyn Host,
    ) -> Result<Vec<u8>, Failure> {
        let path = program.path().as_os_str().as_encoded_bytes();
        self.debug(9, |_| sentence(&["Exec: ", ""], &[path]));
        let line = program.run(&Call {
            argument,
            environment: host.program_environment(),
            prepare: &|command| host.prepare_program(command),
            time_limit: Duration::from_millis(limits::PROGRAM_TIME_LIMIT),
        })?;
        self.debug(4, |_| {
            sentence(&["Exec: First line from script output: \"", "\""], &[&line])
        });
        Ok(line)
    }
}

/// The transaction, opened for one script.
struct Opened<'t> {
    transaction: &'t mut Transaction,
    chain: &'t Chain,
    host: &'t dyn Host,
}

impl Opened<'_> {
    /// What a script's name for a variable means; what it cannot mean is logged.
    ///
    /// Compat: behind the first dot stands a key, never a pattern. `&` before the name is passed over.
    fn target(&mut self, name: &[u8]) -> Option<Target> {
        let found = Macro::parse(name.strip_prefix(b"&").unwrap_or(name));
        let shown = || name.split(|byte| *byte == b'.').next().unwrap_or_default();
        let Some(variable) = found.variable else {
            self.log(1, &[b"Unknown variable: ", shown()].concat());
            return None;
        };
        let problem = match (variable.shape(), &found.key) {
            // Compat: as for rules, REQUEST_BODY.name is the whole body.
            (Shape::Scalar, Some(_)) if variable != Variable::RequestBody => {
                format!("Variable {} does not support parameters.", variable.name())
            }
            (Shape::KeyedCollection, None) => {
                format!(
                    "Missing mandatory parameter for variable {}.",
                    variable.name()
                )
            }
            _ => {
                return Some(Target {
                    variable,
                    spelled: None,
                    selector: found.key.map_or(Selector::All, Selector::Key),
                    count: false,
                    exclude: false,
                });
            }
        };
        self.log(1, problem.as_bytes());
        None
    }
}

impl Access for Opened<'_> {
    fn value(&mut self, name: &[u8], steps: &[Transformation]) -> Option<Vec<u8>> {
        let target = self.target(name)?;
        let transaction = &*self.transaction;
        let scene = transaction.scene(self.chain, self.host);
        let env = Env {
            unicode_map: transaction.config.unicode_map.as_deref(),
        };
        let key = match &target.selector {
            Selector::Key(key) => Some(key.as_slice()),
            _ => None,
        };
        let value = transaction.first_value(target.variable, key, &scene)?;
        Some(apply_all(steps, &value, &env).into_owned())
    }

    fn values(&mut self, name: &[u8], steps: &[Transformation]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let Some(target) = self.target(name) else {
            return Vec::new();
        };
        let transaction = &*self.transaction;
        let scene = transaction.scene(self.chain, self.host);
        let env = Env {
            unicode_map: transaction.config.unicode_map.as_deref(),
        };
        let targets = [target];
        let mut values = Vec::new();
        transaction.each_value(&targets, None, &scene, &mut |value| {
            let transformed = apply_all(steps, &value.value, &env).into_owned();
            values.push((value.name(), transformed));
            ControlFlow::Continue(())
        });
        values
    }

    fn set(&mut self, name: &[u8], value: &[u8]) {
        if !name.contains(&b'.') {
            let text = b"m.setvar: Must specify a collection using dot character - ie m.setvar(tx.myvar,mydata)";
            return self.log(8, text);
        }
        let (chain, host) = (self.chain, self.host);
        let set = SetVar::of_script(name, value);
        self.transaction.set_variable(chain, &set, host);
    }

    fn log(&mut self, level: u8, text: &[u8]) {
        // Compat: up to level 3 it is an alert for all logs.
        if level > 3 {
            return self.transaction.debug(level, |_| text.to_vec());
        }
        let mut line = Vec::new();
        log_escape_nq(&mut line, text);
        self.transaction.engine_alert(&line);
    }
}
