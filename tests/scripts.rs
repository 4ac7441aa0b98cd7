//! Lua and programs in rules: what they see, what they change, what the logs say of them.
#![cfg(feature = "lua")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::sync::Arc;

use palisade::config::{Config, DirConfig, read_text};
use support::{Answer, request};

/// The configuration file that rules pretend to stand in: names are relative to it.
fn file() -> String {
    format!(
        "{}/tests/data/scripts/test.conf",
        env!("CARGO_MANIFEST_DIR")
    )
}

fn directory() -> String {
    let file = file();
    Path::new(&file).parent().unwrap().display().to_string()
}

fn read(rules: &str) -> Result<Arc<Config>, String> {
    let section = DirConfig::new();
    let text = format!("SecRuleEngine On\nSecRequestBodyAccess On\n{rules}");
    match read_text(&file(), &text, &section) {
        Ok(()) => Ok(section.resolved()),
        Err(error) => Err(error.to_string()),
    }
}

fn ask(rules: &str, target: &str) -> Answer {
    let config = read(rules).unwrap_or_else(|error| panic!("{error}"));
    request(&format!("GET {target} HTTP/1.1\nUser-Agent: Lynx")).run(&config)
}

#[test]
fn a_script_reads_variables_by_name() {
    let rules = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.set=yes,setenv:from_rule=here\"\n\
                 SecRuleScript variables.lua \"id:7,phase:1,pass\"";
    let answer = ask(rules, "/?a=XyZ&b=2&x.y=3");
    let expected = [
        "ARGS.a=XyZ",
        "args.A=XyZ",
        "ARGS.a=xyz",
        "ARGS.a=3",
        "ARGS.x.y=3",
        "ARGS=XyZ",
        "&ARGS=XyZ",
        "ARGS./a/=nil",
        "Unknown variable: ARGS:a",
        "ARGS:a=nil",
        "Unknown variable: NOPE",
        "NOPE=nil",
        "Missing mandatory parameter for variable TX.",
        "TX=nil",
        "TX.set=yes",
        "REMOTE_ADDR=192.0.2.7",
        "Variable REMOTE_ADDR does not support parameters.",
        "REMOTE_ADDR.x=nil",
        "REQUEST_HEADERS.user-agent=Lynx",
        "HTTP_User-Agent=Lynx",
        "RULE.id=7",
        "MATCHED_VAR=192.0.2.7",
        "ENV.from_rule=here",
        "Unknown variable: NOPE",
        "none: 0 0 0",
        "1 ARGS:a=xyz",
        "2 ARGS:b=2",
        "3 ARGS:x.y=3",
        "REQUEST_METHOD",
    ];
    assert_eq!(answer.messages, expected);
    assert_eq!(answer.log.len(), expected.len(), "alerts are for all logs");
}

#[test]
fn a_script_sets_variables_as_setvar_does() {
    let answer = ask("SecRuleScript setvar.lua \"phase:1,pass\"", "/");
    let expected = [
        ("key_3", "x"),
        ("macro", "<3>"),
        ("number", "7"),
        ("sum", "3"),
        ("text", "a\"b"),
    ];
    let tx: Vec<_> = answer
        .tx
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(tx, expected);
    assert_eq!(answer.messages, [""; 0]);
}

#[test]
fn what_a_script_returns_is_the_message_and_its_actions_run() {
    let rules = "SecRuleScript found.lua \"id:5,phase:1,deny,status:406,setvar:tx.hit=1,msg:'m %{MATCHED_VAR}',severity:2\"";
    let answer = ask(rules, "/?a=hit");
    assert_eq!((answer.status, &answer.matched[..]), (406, &[5][..]));
    let expected = format!(
        "[client 192.0.2.7] [client 192.0.2.7] ModSecurity: Access denied with code 406 (phase 1). \
         Found \"hit\"\\n\\x01\\x00--0-Z-- [file \"{}\"] [line \"3\"] [id \"5\"] [msg \"m \"] [severity \"CRITICAL\"] \
         [hostname \"blog.example\"] [uri \"/\"] [unique_id \"Zxy0123456789012345678901\"]",
        file()
    );
    assert_eq!(answer.log, [expected]);
    assert_eq!(answer.tx["hit"], "1");
    let answer = ask(rules, "/?a=miss");
    assert_eq!(
        (answer.status, answer.matched.len(), answer.log.len()),
        (200, 0, 0)
    );
}

#[test]
fn a_script_is_a_member_of_a_chain_and_its_beginning() {
    let member = "SecRule ARGS:b \"@streq 1\" \"id:1,phase:2,deny,chain\"\n\
                  SecRuleScript found.lua \"chain,setvar:tx.before=%{MATCHED_VAR_NAME}\"\n\
                  SecRule MATCHED_VARS_NAMES \"@streq ARGS:b\" \"setvar:tx.end=1\"";
    let answer = ask(member, "/?a=hit&b=1");
    assert_eq!(
        (answer.status, answer.tx["before"].as_str()),
        (403, "ARGS:b")
    );
    assert_eq!(answer.tx["end"], "1");
    assert_eq!(ask(member, "/?a=miss&b=1").status, 200);
    assert_eq!(ask(member, "/?a=hit&b=2").status, 200);
    let first = "SecRuleScript found.lua \"id:1,phase:2,deny,chain\"\nSecRule ARGS:b \"@streq 1\"";
    assert_eq!(ask(first, "/?a=hit&b=1").status, 403);
    assert_eq!(ask(first, "/?a=hit&b=2").status, 200);
    assert_eq!(ask(first, "/?a=miss&b=1").status, 200);
}

#[test]
fn a_script_needs_no_id_and_shares_it() {
    let rules = "SecRuleScript found.lua\nSecRuleScript found.lua \"id:1,pass\"\nSecAction \"id:1,phase:2,pass,nolog\"\n\
                 SecRuleScript found.lua \"id:1,pass\"\nSecRuleRemoveById 1\nSecRuleScript found.lua \"id:2,phase:1,pass\"";
    let answer = ask(rules, "/?a=hit");
    assert_eq!(answer.matched, [2, 0]);
    assert!(!answer.messages[1].contains("[id"), "{:?}", answer.messages);
    let targets = "SecRuleScript found.lua \"id:2,phase:1,pass\"\nSecRuleUpdateTargetById 2 ARGS:b\n\
                   SecAction \"id:3,phase:1,pass,nolog,ctl:ruleRemoveTargetById=2;ARGS:a\"";
    let answer = ask(targets, "/?a=hit");
    assert_eq!(answer.matched, [2, 3], "it has no targets to be changed");
}

/// A run that fails decides nothing, and is not passed over in silence. What follows runs.
#[test]
fn a_script_that_fails_does_not_match() {
    let rules = "SecRuleScript found.lua \"id:1,phase:1,deny,msg:'the \\'msg\\''\"\n\
                 SecRuleScript found.lua \"phase:1,deny\"\n\
                 SecRule &TX:MSC_SCRIPT_LIMITS_EXCEEDED \"@eq 1\" \"id:2,phase:1,pass,nolog\"\n\
                 SecAction \"id:3,phase:1,pass,nolog\"";
    let place = format!("{}/found.lua", directory());
    let cases = [
        ("error", format!("{place}:5: broken"), vec![3]),
        (
            "loop",
            "50000000 instructions are used up".to_owned(),
            vec![2, 3],
        ),
        (
            "memory",
            "33554432 bytes of memory are used up".to_owned(),
            vec![2, 3],
        ),
    ];
    for (what, reason, matched) in cases {
        let answer = ask(rules, &format!("/?a={what}"));
        assert_eq!((answer.status, answer.matched), (200, matched), "{what}");
        let failed = format!("Lua: Script execution failed: {reason}");
        let expected = [
            failed.as_str(),
            "Rule processing failed (id=1, msg=the 'msg').",
            &failed,
            "Rule processing failed (id=, msg=).",
        ];
        assert_eq!(answer.messages, expected);
    }
}

#[test]
fn a_failure_ends_the_phase_where_that_was_asked_for() {
    for test in [
        "SecRuleScript found.lua",
        "SecRule ARGS \"@inspectFile inspect.lua\"",
    ] {
        for (setting, matched) in [("On", &[][..]), ("Off", &[3][..])] {
            let rules = format!(
                "SecInterceptOnError {setting}\n{test} \"id:1,phase:1,deny\"\nSecAction \"id:3,phase:1,pass,nolog\""
            );
            let answer = ask(&rules, "/?a=error&b=fail");
            assert_eq!(
                (answer.status, &answer.matched[..]),
                (200, matched),
                "{test}, {setting}"
            );
        }
    }
}

#[test]
fn mistakes_are_refused_with_file_and_line() {
    let directory = directory();
    let cases = [
        (
            "SecRuleScript broken.lua \"id:1\"",
            format!(
                "ModSecurity: Failed to compile script {directory}/broken.lua: {directory}/broken.lua:2: unexpected symbol near '='"
            ),
        ),
        (
            "SecRuleScript none.lua \"id:1\"",
            format!("cannot open {directory}/none.lua: No such file"),
        ),
        (
            "SecRuleScript found.lua \"bogus\"",
            "Error parsing actions: Unknown action: bogus".to_owned(),
        ),
        (
            "SecRuleScript found.lua \"phase:5,deny\"",
            "Error parsing actions: Disruptive actions".to_owned(),
        ),
        (
            "SecRuleScript",
            "SecRuleScript takes 1-2 arguments".to_owned(),
        ),
        (
            "SecAction \"id:1,exec:broken.lua\"",
            "Error parsing actions: ModSecurity: Failed to compile script ".to_owned(),
        ),
        (
            "SecAction \"id:1,exec\"",
            "Error parsing actions: Missing".to_owned(),
        ),
        (
            "SecDefaultAction \"phase:1,pass,exec:broken.lua\"",
            "Failed to compile".to_owned(),
        ),
        (
            "SecRule ARGS \"@inspectFile broken.lua\" id:1",
            "Error creating rule: ModSecurity: Failed to compile".to_owned(),
        ),
        (
            "SecRule ARGS \"@inspectFile\" id:1",
            "Error creating rule: Operator @inspectFile requires parameter.".to_owned(),
        ),
        (
            "SecRule ARGS \"@inspectFile test.lua\" id:1",
            "cannot open".to_owned(),
        ),
    ];
    for (rules, expected) in cases {
        let message = read(rules)
            .err()
            .unwrap_or_else(|| panic!("{rules} was accepted"));
        let place = message.strip_prefix(&format!("{}:3:", file()));
        let column = place.and_then(|rest| rest.split(':').next());
        assert!(
            column.is_some_and(|column| column.parse::<u32>().is_ok()),
            "{message}"
        );
        assert!(message.contains(&expected), "{rules}: {message}");
    }
}

#[test]
fn start_up_says_which_rules_run_what() {
    let rules = "SecRuleScript found.lua\nSecRuleScript found.lua \"id:4,phase:1,pass\"\n\
                 SecAction \"id:5,phase:1,pass,exec:found.lua\"\nSecAction \"id:6,phase:1,pass,exec:run.sh\"\n\
                 SecRule ARGS x \"id:7,phase:1,pass,chain\"\nSecRule ARGS \"@inspectFile inspect.sh\"";
    let notices = read(rules).unwrap().notices();
    let scripts = format!("Lua scripts run on behalf of rules 4, 5, at {}:3.", file());
    let programs = "Programs are started on behalf of rules 6, 7.".to_owned();
    assert!(
        notices.contains(&scripts) && notices.contains(&programs),
        "{notices:?}"
    );
    assert!(
        !notices
            .iter()
            .any(|notice| notice.contains("cannot be run")),
        "{notices:?}"
    );
    let missing = "SecAction \"id:6,phase:1,pass,exec:none\"\nSecRule ARGS \"@inspectFile found.lua\\x\" id:7";
    let notices = read(missing).unwrap().notices();
    let missing = notices
        .iter()
        .filter(|notice| notice.contains(" cannot be run: No such file"));
    assert_eq!(missing.count(), 2, "{notices:?}");
    let none = read("SecAction \"id:6,phase:1,pass\"").unwrap().notices();
    assert!(
        !none.iter().any(|notice| notice.contains("on behalf")),
        "{none:?}"
    );
}

#[test]
fn inspect_file_asks_a_script_about_every_value() {
    let rules = "SecRule ARGS \"@inspectFile inspect.lua\" \"id:1,phase:1,pass,t:lowercase,msg:'%{MATCHED_VAR}'\"\n\
                 SecRule ARGS \"!@inspectFile inspect.lua\" \"id:2,phase:1,pass\"";
    let answer = ask(rules, "/?a=good&b=BAD1&c=bad2");
    assert_eq!(answer.matched, [1, 1, 2, 2]);
    let texts: Vec<_> = answer
        .messages
        .iter()
        .map(|text| text.split(" [file").next().unwrap())
        .collect();
    let required = "Warning. Match of \"inspectFile inspect.lua\" against \"ARGS:a\" required.";
    let required_b = "Warning. Match of \"inspectFile inspect.lua\" against \"ARGS:b\" required.";
    assert_eq!(
        texts,
        [
            "Warning. bad file bad1",
            "Warning. bad file bad2",
            required,
            required_b
        ]
    );
    assert!(
        answer.messages[0].contains("[msg \"bad1\"]"),
        "{:?}",
        answer.messages
    );
    assert_eq!(answer.tx["asked"], "6");

    let denies = "SecRule ARGS \"@inspectFile inspect.lua\" \"id:1,phase:1,deny\"";
    let answer = ask(denies, "/?a=bad1&b=bad2");
    assert_eq!(
        (answer.status, answer.tx["asked"].as_str()),
        (403, "1"),
        "one is enough"
    );
    assert_eq!(
        ask(denies, "/").tx.len(),
        0,
        "where there is no value nothing is asked"
    );
    let answer = ask(denies, "/?a=fail&b=bad");
    assert_eq!(answer.status, 200, "a failure decides nothing");
    assert_eq!(answer.messages[1], "Rule processing failed (id=1, msg=).");
    let removed = "SecAction \"id:9,phase:1,pass,nolog,ctl:ruleRemoveTargetById=1;ARGS:a\"\n"
        .to_owned()
        + denies;
    assert_eq!(ask(&removed, "/?a=bad").status, 200);
    let each = "SecRule ARGS \"@inspectFile inspect.lua\" \"id:1,phase:1,pass,multiMatch,t:lowercase,t:trim\"";
    assert_eq!(ask(each, "/?a=+Bad+").tx["asked"], "3");
}

#[test]
fn inspect_file_asks_a_program() {
    let rules = "SecRule ARGS \"@inspectFile inspect.sh\" \"id:1,phase:1,deny\"";
    let answer = ask(rules, "/?a=good&b=bad%20%22one%22");
    assert_eq!(answer.status, 403);
    let expected = format!(
        "Access denied with code 403 (phase 1). File \"bad \\\"one\\\"\" rejected by the approver script \"{}/inspect.sh\": 0 I do not like \"bad \"one\"\" [file",
        directory()
    );
    assert!(
        answer.messages[0].starts_with(&expected),
        "{:?}",
        answer.messages
    );
    let answer = ask(rules, "/?a=good");
    assert_eq!((answer.status, answer.messages.len()), (200, 0));
    let answer = ask(rules, "/?a=silent");
    assert_eq!(answer.status, 200);
    let failed = format!(
        "Exec: Execution failed while reading output: {}/inspect.sh (End of file found)",
        directory()
    );
    assert_eq!(
        answer.messages,
        [failed.as_str(), "Rule processing failed (id=1, msg=)."]
    );
    let negated = "SecRule ARGS \"!@inspectFile inspect.sh\" \"id:1,phase:1,deny\"";
    assert_eq!(ask(negated, "/?a=good").status, 403);
    assert_eq!(ask(negated, "/?a=bad").status, 200);
}

#[test]
fn exec_runs_scripts_and_programs_once_a_match() {
    let rules = "SecRule ARGS \"@streq x\" \"id:1,phase:1,pass,nolog,exec:setvar.lua\"\n\
                 SecAction \"id:2,phase:1,pass,nolog,exec:run.sh\"";
    let answer = ask(rules, "/?a=x&b=x&c=y");
    assert_eq!(answer.tx["sum"], "6", "twice five less two");
    assert_eq!(
        answer.messages.len(),
        0,
        "success is no news: {:?}",
        answer.messages
    );
    let failing =
        "SecAction \"id:1,phase:1,deny,nolog,exec:silent.sh,exec:found.lua,setvar:tx.after=1\"";
    let answer = ask(failing, "/?a=error");
    assert_eq!(
        (answer.status, answer.tx["after"].as_str()),
        (403, "1"),
        "a failure changes nothing"
    );
    let directory = directory();
    let expected = [
        format!(
            "Exec: Execution failed while reading output: {directory}/silent.sh (End of file found)"
        ),
        format!("Failed to execute: {directory}/silent.sh"),
        format!("Lua: Script execution failed: {directory}/found.lua:5: broken"),
    ];
    assert_eq!(answer.messages[..3], expected);
    let inherited =
        "SecDefaultAction \"phase:1,pass,nolog,exec:setvar.lua\"\nSecAction \"id:1,phase:1\"";
    assert_eq!(ask(inherited, "/").tx["sum"], "3");
}
