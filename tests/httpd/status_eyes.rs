//! The status page in a browser, and munin's plugin in munin: where they are installed (`make test-status` sees to that).

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::Mpm;
use crate::status::{eight_requests, setup};

fn installed(name: &str) -> bool {
    let found = Command::new(name).arg("--version").output();
    let found = found.is_ok();
    if !found {
        let required = std::env::var_os("PALISADE_REQUIRE_STATUS").is_some();
        assert!(
            !required,
            "there is no {name}, and PALISADE_REQUIRE_STATUS is set"
        );
        eprintln!("SKIPPED: no {name}");
    }
    found
}

/// What chromium makes of an address in a window of this width: the document after it has been laid out.
fn laid_out(address: &str, width: u32, profile: &Path) -> String {
    let flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
                 --disable-component-update --disable-sync --dump-dom";
    let output = Command::new("chromium")
        .args(flags.split_whitespace())
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--window-size={width},900"))
        .arg(address)
        .output()
        .expect("chromium");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_browser_shows_the_figures_of_the_requests_sent() {
    let Some(setup) = setup(Mpm::Event) else {
        return;
    };
    if !installed("chromium") {
        return;
    }
    let server = setup.start();
    let before = eight_requests(&server);
    let profile = server.root().join("profile");
    let address = format!("http://127.0.0.1:{}/palisade-status", server.port());
    let dom = laid_out(&address, 1280, &profile);
    let figure = |id: &str| -> u64 {
        let at = format!("id=\"{id}\" data-value=\"");
        let (_, rest) = dom
            .split_once(&at)
            .unwrap_or_else(|| panic!("{id} in {dom}"));
        rest.split('"').next().unwrap().parse().unwrap()
    };
    // The page counts the request for it, and the browser asks for an icon.
    assert!(
        (before + 1..=before + 2).contains(&figure("transactions")),
        "{dom}"
    );
    for (id, number) in [
        ("interruptions", 4),
        ("pingbacks", 3),
        ("pingbacks-refused", 2),
        ("logins-failed", 0),
    ] {
        assert_eq!(figure(id), number, "{id}");
    }
    assert!(
        dom.contains("<rect class=\"alarm\"") && !dom.contains("<script"),
        "{dom}"
    );

    // The page itself allows no script: one around a copy measures that nothing is wider than a telephone or a desk.
    let copy = server.get("/palisade-status").text();
    let copy = copy.replace('&', "&amp;").replace('"', "&quot;");
    for width in [360, 1280] {
        let around = format!(
            "<iframe width={width} height=900 style=\"border:0\" srcdoc=\"{copy}\"></iframe><script>\
             var frame = document.querySelector('iframe'); frame.onload = function () {{\
             var root = frame.contentDocument.documentElement;\
             document.body.dataset.surplus = root.scrollWidth - root.clientWidth + ' at ' + frame.clientWidth }}</script>"
        );
        let file = server.root().join("copy.html");
        fs::write(&file, around).expect("a copy");
        let dom = laid_out(&format!("file://{}", file.display()), 1400, &profile);
        let expected = format!("data-surplus=\"0 at {width}\"");
        assert!(
            dom.contains(&expected),
            "{:?}",
            dom.split("data-surplus").nth(1).map(|rest| &rest[..20])
        );
    }
}

#[test]
fn munin_runs_the_plugin() {
    let Some(setup) = setup(Mpm::Prefork) else {
        return;
    };
    if !installed("munin-run") {
        return;
    }
    let server = setup.start();
    eight_requests(&server);
    let (plugins, settings) = (
        server.root().join("plugins"),
        server.root().join("settings"),
    );
    fs::create_dir_all(&plugins).expect("a directory");
    fs::create_dir_all(&settings).expect("a directory");
    let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join("apache-conf/munin/palisade_");
    std::os::unix::fs::symlink(plugin, plugins.join("palisade_pingbacks")).expect("a link");
    let url = format!("http://127.0.0.1:{}/palisade-status?auto", server.port());
    fs::write(
        settings.join("palisade"),
        format!("[palisade_*]\nuser root\nenv.url {url}\n"),
    )
    .expect("settings");
    let configuration = server.root().join("munin-node.conf");
    fs::write(
        &configuration,
        "log_level 4\nuser root\ngroup root\nhost 127.0.0.1\nport 0\n",
    )
    .expect("a file");
    let run = |argument: Option<&str>| {
        let output = Command::new("munin-run")
            .arg("--config")
            .arg(&configuration)
            .arg("--servicedir")
            .arg(&plugins)
            .arg("--sconfdir")
            .arg(&settings)
            .arg("palisade_pingbacks")
            .args(argument)
            .output()
            .expect("munin-run");
        let text = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&text)
        );
        String::from_utf8_lossy(&text).into_owned()
    };
    assert!(run(Some("autoconf")).contains("yes\n"));
    assert!(run(Some("config")).contains("graph_title Palisade: pingbacks\n"));
    let values = run(None);
    for line in [
        "spam.value 2\n",
        "genuine.value 1\n",
        "refused.value 2\n",
        "bans.value 0\n",
    ] {
        assert!(values.contains(line), "{line} in {values}");
    }
}
