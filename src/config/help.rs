//! What to do about a mistake: one more line behind the sentence, for the mistakes that are made most often.
//!
//! The sentences are mod_security2's, because people search for them; what they lack is said here.

use super::directive::Directive;
use super::directives::DIRECTIVES;
use crate::actions::{ACTIONS, CTL_OPTIONS, Known};
use crate::operators::Kind;
use crate::transformations::Transformation;
use crate::variables::Variable;

/// Longer names are nobody's typing mistake: they are compared with nothing.
const NAME_LIMIT: usize = 64;

/// Names of other products, and what stands for them here.
const FOREIGN: [(&str, &str); 4] = [
    (
        "MSC_PCRE_ERROR",
        "of libmodsecurity 3; here TX:MSC_PCRE_LIMITS_EXCEEDED",
    ),
    (
        "MSC_PCRE_LIMITS_EXCEEDED",
        "of libmodsecurity 3; here TX:MSC_PCRE_LIMITS_EXCEEDED",
    ),
    ("regex", "written rx here"),
    (
        "rxGlobal",
        "of libmodsecurity 3; here rx, which finds everything that it needs to decide",
    ),
];

/// What to do about a mistake in a directive that is known, from its arguments and the sentence about it.
pub(super) fn with_directive(directive: &Directive, raw: &[u8], message: &str) -> Option<String> {
    let behind = |start: &str| {
        let (_, rest) = message.split_once(start)?;
        rest.lines().next()
    };
    if ["“", "”", "„", "’", "&quot;"]
        .iter()
        .any(|mark| memchr::memmem::find(raw, mark.as_bytes()).is_some())
    {
        return Some("only \" and ' are quotes: typographic ones and &quot; are text".to_owned());
    }
    if let Some(name) = behind("Unknown variable: ") {
        return named("variable", name, Variable::ALL.iter().map(|it| it.name()));
    }
    if let Some(name) = behind("Failed to resolve operator: ") {
        return match name.strip_prefix('!') {
            Some(name) => Some(format!("the ! stands before the @: !@{name}")),
            None => named("operator", name, Kind::names().map(|(_, name)| name)),
        };
    }
    if let Some(name) = behind("Unknown action: ") {
        return match name {
            "\\" => Some("a line goes on only where \\ is its very last character: take away the blank behind it".to_owned()),
            _ => named("action", name, names(ACTIONS)).or_else(|| {
                Some("a text with commas or blanks stands in single quotes: msg:'one, two'".to_owned())
            }),
        };
    }
    if let Some(name) = behind("Invalid transformation function: ") {
        return named(
            "transformation",
            name,
            Transformation::names().map(|(name, _)| name),
        );
    }
    if let Some(name) = behind("Invalid ctl name setting: ") {
        return named("option of ctl", name, names(CTL_OPTIONS));
    }
    let sentences = [
        (
            "No action id present",
            "every rule has an id: add id:NUMBER to its actions, from 1 to 99999 for rules of your own",
        ),
        (
            "Found another rule with the same id",
            "ids are unique in a server or section; palisade explain ID shows the rule that has it",
        ),
        (
            "Invalid value for action ID",
            "an id is a whole number from 1 on",
        ),
        (
            "Invalid phase: ",
            "phases are 1 to 5, request (2), response (4) and logging (5)",
        ),
        ("Missing closing quote", "a quote in a text is written \\'"),
        (
            "only be specified by chain starter rules",
            "it belongs into the first rule of the chain",
        ),
        (
            "Missing mandatory parameter for variable",
            "name one, TX:score, or choose by pattern, TX:/^score/",
        ),
    ];
    let sentence = sentences.iter().find(|(start, _)| message.contains(start));
    let wanted = || {
        let is_value = message.contains("Invalid value for") && !directive.help.is_empty();
        is_value.then(|| format!("{} takes {}", directive.name, directive.help))
    };
    sentence.map(|(_, help)| (*help).to_owned()).or_else(wanted)
}

/// What to do about a directive that is not known.
pub(super) fn without_directive(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("secfilter") {
        return Some(
            "directives of ModSecurity 1: rules are written with SecRule since 2.0".to_owned(),
        );
    }
    if lower.starts_with("secpdfprotect") {
        return Some("gone since ModSecurity 2.6: leave it out".to_owned());
    }
    if lower.starts_with("modsecurity") {
        return Some(
            "a directive of libmodsecurity 3's connectors: Include the file of rules instead"
                .to_owned(),
        );
    }
    named("directive", name, DIRECTIVES.iter().map(|it| it.name))
}

fn names(all: &'static [Known]) -> impl Iterator<Item = &'static str> {
    all.iter().map(|known| known.name)
}

/// The name that was probably meant.
fn named(kind: &str, name: &str, known: impl Iterator<Item = &'static str>) -> Option<String> {
    let foreign = FOREIGN.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
    if let Some((_, what)) = foreign {
        return Some(format!("{name} is {what}"));
    }
    if name.len() > NAME_LIMIT {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&lower, &known.to_ascii_lowercase());
    let nearest = known.min_by_key(|known| distance(known))?;
    // A third of the letters may be wrong, but not the whole of a short name.
    let is_near = distance(nearest) <= name.len().div_ceil(3).min(4);
    is_near.then(|| format!("is the {kind} {nearest} meant?"))
}

#[cfg(test)]
mod tests {
    use super::without_directive;
    use crate::config::{DirConfig, read_text};

    fn help(text: &str) -> Option<String> {
        let error = read_text("test.conf", text, &DirConfig::new()).unwrap_err();
        let shown = error.with_help();
        assert_eq!(shown.contains("\n  help: "), error.help.is_some());
        error.help
    }

    #[test]
    fn what_was_probably_meant_is_told() {
        let rule = |targets: &str, operator: &str, actions: &str| {
            help(&format!("SecRule {targets} \"{operator}\" \"{actions}\"")).unwrap_or_default()
        };
        for (told, wanted) in [
            (rule("ARGZ", "@rx a", "id:1"), "is the variable ARGS meant?"),
            (
                rule("ARGS", "@contain a", "id:1"),
                "is the operator contains meant?",
            ),
            (
                rule("ARGS", "@!rx a", "id:1"),
                "the ! stands before the @: !@rx",
            ),
            (rule("ARGS", "@regex a", "id:1"), "regex is written rx here"),
            (rule("ARGS", "a", "id:1,denny"), "is the action deny meant?"),
            (
                rule("ARGS", "a", "id:1,t:lowercas"),
                "is the transformation lowercase meant?",
            ),
            (
                rule("ARGS", "a", "id:1,ctl:ruleEngin=On"),
                "is the option of ctl ruleEngine meant?",
            ),
        ] {
            assert_eq!(told, wanted);
        }
        let engine = without_directive("SecRulEngine");
        assert_eq!(engine.unwrap(), "is the directive SecRuleEngine meant?");
    }

    #[test]
    fn what_to_do_is_told() {
        for (text, wanted) in [
            ("SecRule ARGS a \"phase:2\"", "add id:NUMBER"),
            ("SecAction \"id:1\"\nSecAction \"id:1\"", "ids are unique"),
            ("SecAction \"id:1,phase:6\"", "phases are 1 to 5"),
            (
                "SecAction \"id:1,msg:one, two\"",
                "single quotes: msg:'one, two'",
            ),
            (
                "SecAction \"id:1,msg:'one\"",
                "a quote in a text is written \\'",
            ),
            ("SecRule ARGS “@rx a” \"id:1\"", "only \" and ' are quotes"),
            ("SecRule ARGS a \\ \n", "its very last character"),
            (
                "SecRuleEngine Maybe",
                "SecRuleEngine takes On, Off or DetectionOnly",
            ),
            (
                "SecRule ARGS a \"id:1,chain\"\nSecRule ARGS b deny",
                "first rule of the chain",
            ),
        ] {
            let told = help(text).unwrap_or_default();
            assert!(told.contains(wanted), "{text}: {told:?}");
        }
    }

    #[test]
    fn directives_of_other_products_are_known() {
        for (name, wanted) in [
            ("SecFilterEngine", "directives of ModSecurity 1"),
            ("SecPdfProtect", "leave it out"),
            ("modsecurity_rules_file", "connectors: Include"),
        ] {
            let told = without_directive(name).unwrap_or_default();
            assert!(told.contains(wanted), "{name}: {told:?}");
        }
    }

    #[test]
    fn nothing_is_guessed_for_what_resembles_nothing() {
        assert_eq!(without_directive("SecQuantumTunnel"), None);
        let long = "A".repeat(100_000);
        assert_eq!(help(&format!("SecRule {long} a \"id:1\"")), None);
    }

    #[test]
    fn a_quote_that_nothing_closes_is_told() {
        let config = DirConfig::new();
        read_text("test.conf", "SecAction \"id:1,pass,setvar:x=1", &config).unwrap();
        let notices = config.resolved().notices().join("\n");
        assert!(
            notices.contains("test.conf:1: a quote of SecAction is not closed"),
            "{notices}"
        );
        assert!(notices.contains("setvar:x=1 does nothing"), "{notices}");
    }
}
