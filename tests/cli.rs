//! The command-line tool as its users call it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Command, Output};

fn palisade(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the tool")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_knows_its_version_and_its_commands() {
    let version = palisade(&["--version"]);
    assert!(version.status.success());
    assert_eq!(
        text(&version.stdout),
        concat!("palisade ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = palisade(&["--help"]);
    assert!(help.status.success());
    assert!(text(&help.stdout).contains("check "), "{help:?}");
    for wrong in [
        &[][..],
        &["check"],
        &["chekc", "x"],
        &["check", "--no", "x"],
    ] {
        let output = palisade(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(text(&output.stderr).contains("Usage: "), "{output:?}");
    }
}

#[test]
fn check_counts_rules_or_points_at_the_mistake() {
    let sound = palisade(&["check", "apache-conf/recommended.conf"]);
    assert!(sound.status.success(), "{sound:?}");
    assert!(text(&sound.stdout).contains(" rules\n"), "{sound:?}");

    let missing = palisade(&["check", "nowhere/at-all.conf"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("cannot read nowhere/at-all.conf"));

    let path = std::env::temp_dir().join(format!("palisade-cli-{}.conf", std::process::id()));
    std::fs::write(
        &path,
        "SecRuleEngine On\nSecRule ARGS \"@nope x\" \"id:1\"\n",
    )
    .unwrap();
    let wrong = palisade(&["check", path.to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stderr).contains(".conf:2:16: "), "{wrong:?}");
}
