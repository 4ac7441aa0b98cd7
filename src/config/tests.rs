use super::*;

fn problem(text: &str) -> String {
    read_text("test.conf", text, &DirConfig::new())
        .unwrap_err()
        .to_string()
}

#[test]
fn names_are_unique() {
    for (at, directive) in DIRECTIVES.iter().enumerate() {
        let twins = DIRECTIVES
            .iter()
            .skip(at + 1)
            .filter(|other| other.name == directive.name);
        assert_eq!(twins.count(), 0, "{}", directive.name);
    }
}

#[test]
fn mistakes_name_file_line_and_column() {
    let cases = [
        (
            "SecRuleEngine Sometimes",
            "test.conf:1:15: ModSecurity: Invalid value for SecRuleEngine: Sometimes\n  SecRuleEngine Sometimes\n                ^~~~~~~~~ column 15",
        ),
        (
            "\nSecRuleEngine",
            "test.conf:2:15: SecRuleEngine takes one argument: On, Off or DetectionOnly\n  SecRuleEngine \n                ^ column 15",
        ),
        (
            "SecRequestBodyAccess Maybe",
            "test.conf:1:22: SecRequestBodyAccess must be On or Off\n  SecRequestBodyAccess Maybe\n                       ^~~~~ column 22",
        ),
        (
            "# c\nSecRule ARGS|FOO \\\n \"@rx x\" \"id:1\"",
            "test.conf:3:14: Error creating rule: Unknown variable: FOO\n  SecRule ARGS|FOO  \"@rx x\" \"id:1\"\n               ^~~ column 14",
        ),
        (
            "SecRule ARGS x id:1,denny",
            "test.conf:1:21: Error parsing actions: Unknown action: denny\n  SecRule ARGS x id:1,denny\n                      ^~~~~ column 21",
        ),
        (
            "SecRule ARGS x deny",
            "test.conf:1:16: ModSecurity: No action id present within the rule\n  SecRule ARGS x deny\n                 ^~~~ column 16",
        ),
        (
            "SecAction id:1,pass\nSecAction pass,id:1",
            "test.conf:2:16: ModSecurity: Found another rule with the same id\n  SecAction pass,id:1\n                 ^~ column 16",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problem(text), expected, "{text}");
    }
}

#[test]
fn sections_merge_and_remember() {
    let parent = DirConfig::new();
    read_text(
        "p",
        "SecRuleEngine On\nSecAction id:1,pass\nSecAction id:2,pass,phase:1",
        &parent,
    )
    .unwrap();
    let child = DirConfig::new();
    read_text(
        "c",
        "SecRuleRemoveById 1\nSecRequestBodyAccess On\nSecAction id:3,pass",
        &child,
    )
    .unwrap();
    let merged = DirConfig::merge(&parent, &child);
    assert!(std::sync::Arc::ptr_eq(
        &merged,
        &DirConfig::merge(&parent, &child)
    ));
    let config = merged.resolved();
    assert_eq!(config.engine, crate::types::EngineMode::On);
    assert!(config.request_body_access && !parent.resolved().request_body_access);
    let ids: Vec<_> = config.rules.chains().map(|chain| chain.id()).collect();
    assert_eq!(ids, [2, 3]);
    let ids: Vec<_> = parent
        .resolved()
        .rules
        .chains()
        .map(|chain| chain.id())
        .collect();
    assert_eq!(ids, [2, 1]);
}

#[test]
fn a_section_without_rules_shares_its_parents_set() {
    let parent = DirConfig::new();
    read_text("p", "SecAction id:1,pass", &parent).unwrap();
    let before = parent.resolved();
    let child = DirConfig::new();
    read_text("c", "SecRequestBodyAccess On", &child).unwrap();
    let merged = DirConfig::merge(&parent, &child).resolved();
    assert!(std::sync::Arc::ptr_eq(&before.rules, &merged.rules));
    assert!(merged.request_body_access);
}

#[test]
fn memory_of_merges_is_bounded() {
    let parent = DirConfig::new();
    for _ in 0..1000 {
        DirConfig::merge(&parent, &DirConfig::new());
    }
    assert!(parent.remembered_merges() <= 64);
}

#[test]
fn actions_are_updated_by_id() {
    let section = DirConfig::new();
    let text = "SecAction id:1,phase:1,deny,t:lowercase\nSecRuleUpdateActionById 1 \"pass,status:404,t:none,tag:x\"\nSecRuleUpdateActionById 9 pass";
    read_text("t", text, &section).unwrap();
    let config = section.resolved();
    let chain = config.rules.chains().next().unwrap();
    assert!(matches!(chain.disruptive, crate::actions::Disruptive::Pass));
    assert_eq!(
        (
            chain.status,
            chain.rules[0].transformations.len(),
            chain.rules[0].meta.tags.len()
        ),
        (404, 0, 1)
    );
    assert!(
        problem("SecAction id:1,pass\nSecRuleUpdateActionById 1 id:2")
            .contains("IDs cannot be updated")
    );
}

#[test]
fn what_is_asked_for_in_vain_is_said() {
    let cases = [
        ("SecRuleEngine On", ""),
        ("SecAuditEngine On", "SecAuditLog"),
        ("SecUploadKeepFiles On", "SecUploadDir"),
        ("SecUploadKeepFiles On\nSecUploadDir /x", ""),
        (
            "SecRule STREAM_INPUT_BODY \"@rsub s/a/b/\" id:1,phase:2,pass",
            "SecStreamInBodyInspection",
        ),
        (
            "SecStreamInBodyInspection On\nSecRule STREAM_INPUT_BODY \"@rsub s/a/b/\" id:1,phase:2,pass",
            "",
        ),
        (
            "SecContentInjection On\nSecRule STREAM_OUTPUT_BODY \"@rsub s/a/b/\" id:1,phase:4,pass",
            "SecStreamOutBodyInspection",
        ),
        (
            "SecAction id:1,phase:3,pass,append:x",
            "SecContentInjection",
        ),
        (
            "SecContentInjection On\nSecAction id:1,phase:3,pass,append:x",
            "",
        ),
    ];
    for (text, expected) in cases {
        let section = DirConfig::new();
        read_text("t", text, &section).unwrap();
        let notices = section.resolved().notices();
        assert_eq!(
            notices.len(),
            usize::from(!expected.is_empty()),
            "{text}: {notices:?}"
        );
        assert!(
            notices.iter().all(|notice| notice.contains(expected)),
            "{text}: {notices:?}"
        );
    }
}

#[test]
fn applications_add_up_in_a_section_and_are_replaced_in_an_inner_one() {
    let names = |section: &DirConfig| -> Vec<String> {
        let config = section.resolved();
        let applications = config.login_audit.iter();
        applications.map(|one| one.name().to_owned()).collect()
    };
    let read = |text: &str| {
        let section = DirConfig::new();
        read_text("t", text, &section).unwrap();
        section
    };
    let outer = read("SecLoginAudit wordpress\nSecLoginAudit basic name=x");
    assert_eq!(names(&outer), ["wordpress", "x"]);
    let merged = |text: &str| names(&DirConfig::merge(&outer, &read(text)));
    assert_eq!(merged("SecRuleEngine On"), ["wordpress", "x"]);
    assert_eq!(merged("SecLoginAudit known"), ["known"]);
    assert!(merged("SecLoginAudit Off").is_empty());
    let error = problem("SecLoginAudit generic path=( success=status:200");
    assert!(
        error.starts_with("test.conf:1:15: ModSecurity: SecLoginAudit:"),
        "{error}"
    );
}
