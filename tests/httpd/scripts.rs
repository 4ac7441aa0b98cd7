//! Lua and programs in a real httpd: the children live, programs are told what CGI programs are, nothing is left behind.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Mpm, Setup, eventually};

const LUA: &str = r#"
function main()
  local a = m.getvar("ARGS.a", "lowercase")
  if a == "hit" then
    m.setvar("tx.who", m.getvar("REMOTE_ADDR"))
    return "Lua found " .. a
  end
  if a == "loop" then while true do end end
  if a == "memory" then local t = {} while true do t[#t + 1] = string.rep("x", 1000) .. #t end end
  if a == "error" then error("broken") end
end
"#;

#[test]
fn a_script_denies_and_one_without_end_is_ended() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let server = setup
            .mpm(mpm)
            .file("index.html", "hello")
            .file("rule.lua", LUA)
            .conf("SecRuleEngine On")
            .conf("SecRuleScript htdocs/rule.lua \"id:11,phase:1,deny,status:406,msg:'from %{TX.who}'\"")
            .start();
        let children = server.children();
        assert_eq!(server.get("/index.html").status, 200);
        assert_eq!(server.get("/index.html?a=Hit").status, 406);
        let line = server.logged("Lua found").remove(0);
        let expected = "ModSecurity: Access denied with code 406 (phase 1). Lua found hit [file \"";
        assert!(line.contains(expected), "{line}");
        assert!(
            line.contains("[id \"11\"] [msg \"from 127.0.0.1\"]"),
            "{line}"
        );
        for (what, reason) in [
            ("loop", "50000000 instructions are used up"),
            ("memory", "33554432 bytes of memory are used up"),
            ("error", "rule.lua:10: broken"),
        ] {
            assert_eq!(
                server.get(&format!("/index.html?a={what}")).status,
                200,
                "{what}"
            );
            let line = server.logged(reason).remove(0);
            assert!(
                line.contains("ModSecurity: Lua: Script execution failed: "),
                "{line}"
            );
        }
        assert_eq!(
            server
                .logged("Rule processing failed (id=11, msg=from %{TX.who}).")
                .len(),
            3
        );
        let alive = server.children();
        assert!(
            children.iter().all(|child| alive.contains(child)),
            "{mpm:?}: the children live"
        );
        let notice = "ModSecurity: Lua scripts run on behalf of rule 11.";
        assert_eq!(server.logged(notice).len(), 1);
    }
}

#[test]
fn scripts_run_in_many_threads_at_once() {
    let Some(setup) = Setup::new() else { return };
    let server = setup
        .file("index.html", "hello")
        .file("rule.lua", LUA)
        .conf("SecRuleEngine On\nSecRuleScript htdocs/rule.lua \"phase:1,deny\"")
        .start();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for round in 0..50 {
                    let (target, status) = match (number + round) % 2 {
                        0 => ("/index.html?a=hit", 403),
                        _ => ("/index.html?a=miss", 200),
                    };
                    assert_eq!(server.get(target).status, status);
                }
            });
        }
    });
}

#[test]
fn a_mistake_in_a_script_is_shown_at_configtest() {
    let Some(setup) = Setup::new() else { return };
    let file = setup.configuration_file();
    let (good, text) = setup
        .file("rule.lua", "function main()\n  if x the return end\nend\n")
        .conf("SecRuleScript htdocs/rule.lua \"id:1\"")
        .check();
    assert!(!good, "{text}");
    assert!(text.contains("Syntax error on line"), "{text}");
    assert!(text.contains(&*file.to_string_lossy()), "{text}");
    assert!(
        text.contains("htdocs/rule.lua:2: 'then' expected near 'the'"),
        "{text}"
    );
}

/// Writes down what a program is told, what it holds open and which signals are blocked.
const TELLTALE: &str = r#"#!/bin/sh
out=${0%/*}/../out/told
{
  echo "ARGUMENTS=$#"
  env
  sh -c 'ls /proc/$$/fd; true' | sed 's/.*/DESCRIPTOR_&=open/'
  sed -n 's/^SigBlk:[^0-9a-f]*/BLOCKED=/p' /proc/self/status
  readlink /proc/self/fd/0 | sed 's/^/INPUT=/'
} > $out.new
mv $out.new $out
echo done
"#;

#[test]
fn a_program_is_told_what_a_cgi_program_is_and_holds_nothing() {
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let out = setup.configuration_file().with_file_name("out");
        fs::create_dir(&out).expect("a directory");
        fs::set_permissions(&out, fs::Permissions::from_mode(0o777)).expect("its mode");
        let server = setup
            .mpm(mpm)
            .modules(&["env"])
            .file("index.html", "hello")
            .program("telltale", TELLTALE)
            .program("silent", "#!/bin/sh\nexit 0\n")
            .conf("SetEnv OF_HTTPD yes\nCustomLog env.log \"%{REDIRECT_STATUS}e %{GATEWAY_INTERFACE}e\"")
            .conf("SecRuleEngine On\nSecRule ARGS:run \"@streq 1\" \"id:1,phase:2,pass,nolog,setenv:OF_RULE=%{ARGS.x},exec:htdocs/telltale,exec:htdocs/silent\"")
            .start();
        let headers = "X-Strange: a;b\r\nProxy: evil\r\n";
        let answer = server.request("GET", "/index.html?run=1&x=$(id)", headers, b"");
        assert_eq!(answer.status, 200);
        let told = fs::read_to_string(out.join("told")).expect("what the program wrote");
        let told: BTreeMap<&str, &str> = told
            .lines()
            .filter_map(|line| line.split_once('='))
            .collect();
        let path = server.root().join("htdocs/telltale");
        let expected = [
            ("ARGUMENTS", "0"),
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("REQUEST_METHOD", "GET"),
            ("QUERY_STRING", "run=1&x=$(id)"),
            ("REQUEST_URI", "/index.html?run=1&x=$(id)"),
            ("SCRIPT_NAME", "/index.html"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("HTTP_X_STRANGE", "a;b"),
            ("REDIRECT_STATUS", "302"),
            ("PATH_TRANSLATED", &path.to_string_lossy()),
            ("OF_HTTPD", "yes"),
            ("OF_RULE", "$(id)"),
            ("INPUT", "/dev/null"),
            ("BLOCKED", "0000000000000000"),
        ];
        for (name, value) in expected {
            assert_eq!(told.get(name), Some(&value), "{mpm:?}: {name} in {told:#?}");
        }
        assert!(
            told.contains_key("SERVER_SOFTWARE") && told.contains_key("UNIQUE_ID"),
            "{told:#?}"
        );
        assert!(!told.contains_key("HTTP_PROXY"), "{told:#?}");
        let open = told.keys().filter(|name| name.starts_with("DESCRIPTOR_"));
        let open: Vec<_> = open.copied().collect();
        assert_eq!(
            open,
            ["DESCRIPTOR_0", "DESCRIPTOR_1", "DESCRIPTOR_2"],
            "{told:#?}"
        );

        let failed = server.logged("silent");
        assert!(
            failed[0].contains("Exec: Execution failed while reading output: "),
            "{failed:?}"
        );
        assert!(
            failed[1].contains("ModSecurity: Failed to execute: "),
            "{failed:?}"
        );
        let mut logged = String::new();
        eventually(|| {
            logged = server.read("env.log");
            logged.ends_with('\n')
        });
        assert_eq!(
            logged, "- -\n",
            "the request's own environment is as it was"
        );
        assert_eq!(
            server
                .logged("Programs are started on behalf of rule 1.")
                .len(),
            1
        );
    }
}

#[test]
fn uploaded_files_are_inspected_by_a_script_and_by_a_program() {
    let script = r#"
        function main(name)
          local file = io.open(name, "rb")
          if not file then return "cannot read " .. name end
          local text = file:read("*a")
          file:close()
          if string.find(text, "lua-evil", 1, true) then return "evil in " .. #text .. " bytes" end
        end"#;
    let program = "#!/bin/sh\ngrep -q sh-evil \"$1\" && echo '0 evil' || echo '1 fine'\n";
    for mpm in [Mpm::Event, Mpm::Prefork] {
        let Some(setup) = Setup::new() else { return };
        let tmp = setup.configuration_file().with_file_name("tmp");
        fs::create_dir(&tmp).expect("a directory");
        fs::set_permissions(&tmp, fs::Permissions::from_mode(0o777)).expect("its mode");
        let server = setup
            .mpm(mpm)
            .file("index.html", "hello")
            .file("inspect.lua", script)
            .program("inspect", program)
            .conf("SecRuleEngine On\nSecRequestBodyAccess On\nSecTmpDir {ROOT}/tmp")
            .conf("SecRule FILES_TMPNAMES \"@inspectFile htdocs/inspect.lua\" \"id:1,phase:2,deny,status:406\"")
            .conf("SecRule FILES_TMPNAMES \"@inspectFile htdocs/inspect\" \"id:2,phase:2,deny,status:409\"")
            .start();
        let upload = |content: &str| {
            let body = format!(
                "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n{content}\r\n--b--\r\n"
            );
            let headers = "Content-Type: multipart/form-data; boundary=b\r\n";
            server
                .request("POST", "/index.html", headers, body.as_bytes())
                .status
        };
        assert_eq!(upload("harmless"), 200);
        assert_eq!(upload("a lua-evil thing"), 406);
        assert_eq!(upload("a sh-evil thing"), 409);
        assert!(server.logged("(phase 2). evil in 16 bytes [file").len() == 1);
        let line = server.logged("rejected by the approver script").remove(0);
        assert!(line.contains("inspect\": 0 evil [file"), "{line}");
        assert!(eventually(
            || fs::read_dir(&tmp).is_ok_and(|mut left| left.next().is_none())
        ));
    }
}
