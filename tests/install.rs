//! `make install` puts everything where Debian, and where Fedora and its kin, look for it; and keeps what somebody has changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use scratch::Scratch;

#[path = "support/scratch.rs"]
mod scratch;

/// Runs the script as a packager does, below a directory of its own, and returns what it said.
fn install(scratch: &Scratch, modules: &str, prefix: &str) -> String {
    let built = scratch.path().join("built");
    fs::create_dir_all(&built).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_palisade"), built.join("palisade")).unwrap();
    fs::write(built.join("mod_palisade.so"), "stands for the module").unwrap();
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/install.sh"))
        .env("BUILT", &built)
        .env("DESTDIR", scratch.path().join("root"))
        .env("LIBEXECDIR", modules)
        .env("PREFIX", prefix)
        .output()
        .expect("the script");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn files(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    found.insert(format!("/{}", path.strip_prefix(root).unwrap().display()));
                }
            }
        }
    }
    found
}

/// What every system gets.
const EVERYWHERE: &[&str] = &[
    "/etc/palisade/recommended.conf",
    "/etc/palisade/rules/pingback.conf",
    "/etc/logrotate.d/palisade",
    "/etc/munin/plugin-conf.d/palisade",
    "/usr/share/munin/plugins/palisade_",
    "/etc/fail2ban/filter.d/palisade-pingback.conf",
    "/etc/fail2ban/filter.d/palisade-login.conf",
    "/etc/fail2ban/jail.d/palisade.conf",
    "/etc/fail2ban/action.d/palisade-ban.conf",
];

/// What the tool's prefix gets.
const BELOW_THE_PREFIX: &[&str] = &[
    "/bin/palisade",
    "/share/man/man1/palisade.1.gz",
    "/share/man/man1/palisade-check.1.gz",
    "/share/bash-completion/completions/palisade",
    "/share/zsh/site-functions/_palisade",
    "/share/fish/vendor_completions.d/palisade.fish",
];

#[test]
fn everything_is_where_the_system_looks_for_it() {
    for (modules, prefix, loads, settings, logs) in [
        (
            "/usr/lib/apache2/modules",
            "/usr",
            "/etc/apache2/mods-available/palisade.load",
            "/etc/apache2/mods-available/palisade.conf",
            "/var/log/apache2/modsec_audit.log",
        ),
        (
            "/usr/lib64/httpd/modules",
            "/usr/local",
            "/etc/httpd/conf.modules.d/10-palisade.conf",
            "/etc/httpd/conf.d/palisade.conf",
            "/var/log/httpd/modsec_audit.log",
        ),
    ] {
        let scratch = Scratch::new("install");
        install(&scratch, modules, prefix);
        let root = scratch.path().join("root");
        let found = files(&root);
        let module = format!("{modules}/mod_palisade.so");
        let mut wanted: Vec<String> = EVERYWHERE.iter().map(|name| (*name).to_owned()).collect();
        wanted.extend(
            BELOW_THE_PREFIX
                .iter()
                .map(|name| format!("{prefix}{name}")),
        );
        wanted.extend([module.clone(), loads.to_owned(), settings.to_owned()]);
        for name in &wanted {
            assert!(found.contains(name), "{name} in {found:#?}");
        }
        let read = |name: &str| fs::read_to_string(root.join(&name[1..])).unwrap();
        let line = format!("LoadModule security2_module {module}");
        assert!(read(loads).contains(&line), "{}", read(loads));
        let line = format!("SecAuditLog {logs}");
        assert!(read(settings).contains(&line), "{}", read(settings));
        let cache = fs::metadata(root.join("var/cache/palisade")).unwrap();
        assert_eq!(cache.permissions().mode() & 0o777, 0o750);
        let plugin = fs::metadata(root.join("usr/share/munin/plugins/palisade_")).unwrap();
        assert_eq!(plugin.permissions().mode() & 0o777, 0o755);
    }
}

#[test]
fn what_was_changed_is_kept_and_the_new_file_lies_beside_it() {
    let scratch = Scratch::new("install-again");
    let modules = "/usr/lib/apache2/modules";
    assert_eq!(install(&scratch, modules, "/usr"), "");
    let settings: PathBuf = scratch.path().join("root/etc/palisade/recommended.conf");
    let shipped = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, "# my own\n").unwrap();
    let said = install(&scratch, modules, "/usr");
    assert!(
        said.contains("recommended.conf differs and is kept"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(fs::read_to_string(&settings).unwrap(), "# my own\n");
    let beside = settings.with_file_name("recommended.conf.new");
    assert_eq!(fs::read_to_string(beside).unwrap(), shipped);
}
