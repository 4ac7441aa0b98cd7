//! What the administrator should know at start.

use super::section::Config;
use super::settings::KeepFiles;
use crate::actions::Effect;
use crate::operators::{Kind, Operator};
use crate::ruleset::Rule;
use crate::scripts::Program;
use crate::variables::Variable;

impl Config {
    /// One sentence each: what is accepted but does less than mod_security2, and what costs.
    pub fn notices(&self) -> Vec<String> {
        let mut notices = self.notes.to_vec();
        let patterns = self
            .all_rules()
            .filter_map(|rule| rule.test.operator.pattern());
        let (mut all, mut linear) = (0, 0);
        for pattern in patterns {
            all += 1;
            linear += usize::from(pattern.is_linear());
        }
        if all > 0 {
            notices.push(format!(
                "{linear} of {all} regular expressions run in linear time."
            ));
        }
        notices.extend(self.audit_notice().map(str::to_owned));
        let rewrites_response = self.rewrites(Variable::StreamOutputBody);
        let unread = self.all_rules().any(|rule| {
            matches!(&*rule.test.operator, Operator::Validate(validation) if !validation.is_read())
        });
        let unmet = [
            (
                unread,
                "The grammars of @validateSchema and @validateDTD are there but were not looked into: httpd reads them.",
            ),
            (
                self.upload_keep_files != KeepFiles::Off && self.upload_dir.is_none(),
                "SecUploadKeepFiles is on but SecUploadDir names no directory: no uploaded file will be kept.",
            ),
            (
                self.rewrites(Variable::StreamInputBody) && !self.stream_in_body_inspection,
                "SecStreamInBodyInspection is off: no rule rewrites a request body.",
            ),
            (
                rewrites_response && !self.stream_out_body_inspection,
                "SecStreamOutBodyInspection is off: no rule rewrites a response body.",
            ),
            (
                (rewrites_response || self.injects()) && !self.content_injection,
                "SecContentInjection is off: no rule changes a response.",
            ),
        ];
        notices.extend(
            unmet
                .into_iter()
                .filter(|(is_unmet, _)| *is_unmet)
                .map(|(_, sentence)| sentence.to_owned()),
        );
        notices.extend(self.running("Lua scripts run", |rule| rule.scripts().next().is_some()));
        notices.extend(self.running("Programs are started", |rule| {
            rule.programs().next().is_some()
        }));
        let programs = self.all_rules().flat_map(Rule::programs);
        notices.extend(programs.filter_map(Program::problem));
        notices
    }

    /// Which rules run code that is not the engine's own.
    fn running(&self, what: &str, runs: impl Fn(&Rule) -> bool) -> Option<String> {
        let chains = self.rules.chains();
        let found: Vec<String> = chains
            .filter(|chain| chain.rules.iter().any(&runs))
            .map(|chain| match (chain.id(), chain.starter()) {
                (0, Some(rule)) => format!("at {}:{}", rule.origin.file, rule.origin.line),
                (id, _) => id.to_string(),
            })
            .collect();
        let these = if found.len() == 1 { "rule" } else { "rules" };
        (!found.is_empty()).then(|| format!("{what} on behalf of {these} {}.", found.join(", ")))
    }

    fn all_rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.chains().flat_map(|chain| &chain.rules)
    }

    /// Whether a rule rewrites this stream.
    fn rewrites(&self, stream: Variable) -> bool {
        self.all_rules().any(|rule| {
            let mut targets = rule.targets.iter();
            rule.test.operator.kind() == Kind::Rsub
                && targets.any(|target| target.variable == stream)
        })
    }

    /// Whether a rule puts something around responses.
    fn injects(&self) -> bool {
        self.all_rules()
            .flat_map(|rule| &rule.effects)
            .any(|effect| matches!(effect, Effect::Inject(..)))
    }
}
