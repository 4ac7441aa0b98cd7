use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::*;

/// A transaction of a few texts. Script and access are single-threaded, and so is this.
#[derive(Default)]
struct Notes {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    log: Vec<(u8, String)>,
}

impl Access for Notes {
    fn value(&mut self, name: &[u8], steps: &[Transformation]) -> Option<Vec<u8>> {
        let env = crate::transformations::Env::default();
        let value = self.values.get(name)?;
        Some(crate::transformations::apply_all(steps, value, &env).into_owned())
    }

    fn values(&mut self, name: &[u8], steps: &[Transformation]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let value = self.value(name, steps);
        value
            .map(|value| (name.to_vec(), value))
            .into_iter()
            .collect()
    }

    fn set(&mut self, name: &[u8], value: &[u8]) {
        self.values.insert(name.to_vec(), value.to_vec());
    }

    fn log(&mut self, level: u8, text: &[u8]) {
        self.log
            .push((level, String::from_utf8_lossy(text).into_owned()));
    }
}

fn compile(source: &str) -> Result<Script, String> {
    Script::compile(Path::new("/s/x.lua"), &|_| Ok(source.as_bytes().to_vec()))
}

fn run_with(source: &str, notes: &mut Notes, bounds: &Bounds) -> Result<Option<Vec<u8>>, Failure> {
    compile(source).unwrap().run(None, notes, bounds)
}

fn run(source: &str) -> Result<Option<Vec<u8>>, Failure> {
    run_with(source, &mut Notes::default(), &Bounds::default())
}

#[test]
fn what_main_returns_is_a_match_when_it_is_a_text() {
    let cases: [(&str, Option<&[u8]>); 8] = [
        ("function main() end", None),
        ("function main() return nil end", None),
        ("function main() return false end", None),
        ("function main() return {} end", None),
        ("function main() return 'found' end", Some(b"found")),
        ("function main() return '' end", Some(b"")),
        ("function main() return 42 end", Some(b"42")),
        ("function main() return '\\255\\0x' end", Some(b"\xff\0x")),
    ];
    for (source, expected) in cases {
        assert_eq!(run(source).unwrap().as_deref(), expected, "{source}");
    }
}

#[test]
fn every_run_begins_afresh() {
    let script = compile(
        "n = (n or 0) + 1 string.n = (string.n or 0) + 1 function main() return n .. string.n end",
    );
    let script = script.unwrap();
    for _ in 0..3 {
        let answer = script.run(None, &mut Notes::default(), &Bounds::default());
        assert_eq!(answer.unwrap().as_deref(), Some(&b"11"[..]));
    }
}

#[test]
fn mistakes_are_told_with_file_and_line() {
    assert_eq!(
        compile("x = 1\ny = = 2").unwrap_err(),
        "ModSecurity: Failed to compile script /s/x.lua: /s/x.lua:2: unexpected symbol near '='"
    );
    let missing = Script::compile(Path::new("/no/x.lua"), &|path| std::fs::read(path));
    assert_eq!(
        missing.unwrap_err(),
        "ModSecurity: Failed to compile script /no/x.lua: cannot open /no/x.lua: No such file or directory (os error 2)"
    );
    let cases = [
        ("function main()\n error('boom')\nend", "/s/x.lua:2: boom"),
        ("error('top') function main() end", "/s/x.lua:1: top"),
        ("", "attempt to call a nil value (there is no main)"),
        (
            "#!/usr/bin/lua\nfunction main()\n local x = nil + 1 end",
            "/s/x.lua:3: attempt to perform arithmetic on a nil value",
        ),
        (
            "function main()\n m.getvar({}) end",
            "/s/x.lua:2: bad argument #1 to 'getvar' (string expected, got table)",
        ),
        (
            "function main() m.log('x', 'y') end",
            "/s/x.lua:1: bad argument #1 to 'log' (number expected, got string)",
        ),
        (
            "function main() m.log(1) end",
            "/s/x.lua:1: bad argument #2 to 'log' (string expected, got no value)",
        ),
        (
            "function main() os.exit(1) end",
            "/s/x.lua:1: attempt to call field 'exit' (a nil value)",
        ),
    ];
    for (source, expected) in cases {
        let failure = run(source).unwrap_err();
        assert_eq!(failure.message, expected, "{source}");
        assert!(!failure.limit_exceeded);
    }
    let late = "function main() return 'fine' end error('late')";
    assert_eq!(
        run(late).unwrap().as_deref(),
        Some(&b"fine"[..]),
        "as in 2.9"
    );
}

#[test]
fn m_reads_writes_and_logs() {
    let mut notes = Notes::default();
    notes.set(b"ARGS.a", b"XYZ\xff");
    let source = r#"
        function main()
          m.log(3.7, "plain") m.log("9", 5) m.log(99, "high") m.log(-1, "low")
          m.log(1, m.getvar("ARGS.a", "lowercase"))
          m.log(1, m.getvar("ARGS.a", {"lowercase", "bogus", "length"}))
          m.log(1, m.getvar("ARGS.a", {"lowercase", "none", "hexEncode"}))
          m.log(1, tostring(m.getvar("ARGS.a", true) == "XYZ\255"))
          m.log(1, select('#', m.getvar("ARGS.none")) .. #m.getvars("ARGS.none"))
          local all = m.getvars("ARGS.a", "length")
          m.log(1, #all .. all[1].name .. "=" .. all[1].value)
          m.setvar("tx.a", 7) m.setvar("tx.b", "\0\255") m.setvar("tx.c")
        end"#;
    let answer = run_with(source, &mut notes, &Bounds::default());
    assert_eq!(answer, Ok(None));
    let expected = [
        (3, "plain"),
        (9, "5"),
        (9, "high"),
        (0, "low"),
        (1, "xyz\u{fffd}"),
        (1, "SecRuleScript: Invalid transformation function: bogus"),
        (1, "4"),
        (1, "58595aff"),
        (
            1,
            "SecRuleScript: Transformation parameter must be a transformation name or array of transformation names, but found \"boolean\".",
        ),
        (1, "true"),
        (1, "00"),
        (1, "1ARGS.a=4"),
        (8, "m.setvar: Failed m.setvar funtion must has 2 arguments"),
    ];
    let log: Vec<_> = notes
        .log
        .iter()
        .map(|(level, text)| (*level, text.as_str()))
        .collect();
    assert_eq!(log, expected);
    assert_eq!(notes.values[&b"tx.a"[..]], b"7");
    assert_eq!(notes.values[&b"tx.b"[..]], b"\0\xff");
}

#[test]
fn xpcall_hands_errors_to_its_handler() {
    let cases = [
        ("xpcall(function() return 1, 2 end, print)", "true12"),
        (
            "xpcall(function() error({n = 'thing'}) end, function(e) return e.n end)",
            "falsething",
        ),
        (
            "xpcall(function() error('a', 0) end, function(e) return e .. 'b', 'c' end)",
            "falseab",
        ),
    ];
    for (call, expected) in cases {
        let source = format!(
            "function main() local a, b, c = {call} return tostring(a) .. tostring(b) .. tostring(c or '') end"
        );
        let answer = run(&source).unwrap();
        assert_eq!(answer.as_deref(), Some(expected.as_bytes()), "{call}");
    }
}

#[test]
fn the_argument_is_bytes() {
    let script = compile("function main(f) return f .. '!' end").unwrap();
    let answer = script.run(Some(b"\xfff\0"), &mut Notes::default(), &Bounds::default());
    assert_eq!(answer.unwrap().as_deref(), Some(&b"\xfff\0!"[..]));
}

/// Whatever a script catches or hides in: an endless one ends, and is told from one that failed by itself.
#[test]
fn endless_scripts_are_ended() {
    let bounds = Bounds {
        instructions: 200_000,
        ..Bounds::default()
    };
    let endless = [
        "function main() while true do end end",
        "while true do end function main() end",
        "function main() while true do pcall(function() while true do end end) end end",
        "function main() local function f() while true do pcall(f) end end f() end",
        "function main() return pcall(function() while true do end end) end",
        "function main() while true do xpcall(function() while true do end end, function() while true do end end) end end",
        "function main() coroutine.wrap(function() while true do pcall(function() while true do end end) end end)() end",
        "function main() local function f() return f() end f() end",
        "function main() while true do coroutine.resume(coroutine.create(function() while true do end end)) end end",
        "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) function main() while true do pcall(function() return t[1] end) end end",
    ];
    for source in endless {
        let failure = run_with(source, &mut Notes::default(), &bounds).unwrap_err();
        assert!(failure.limit_exceeded, "{source}: {failure:?}");
        assert_eq!(
            failure.message, "200000 instructions are used up",
            "{source}"
        );
    }
    let long = "function main() for i = 1, 40000 do local x = i end return 'done' end";
    let answer = run_with(long, &mut Notes::default(), &bounds);
    assert_eq!(
        answer.unwrap().as_deref(),
        Some(&b"done"[..]),
        "within the bound"
    );
}

#[test]
fn memory_is_bounded() {
    let bounds = Bounds {
        memory: 1_000_000,
        ..Bounds::default()
    };
    let greedy = [
        "function main() return #string.rep('x', 2000000) end",
        "function main() local t = {} while true do t[#t + 1] = {} end end",
        "function main() local s = 'x' while true do s = s .. s end end",
    ];
    for source in greedy {
        let failure = run_with(source, &mut Notes::default(), &bounds).unwrap_err();
        assert!(failure.limit_exceeded, "{source}: {failure:?}");
        assert_eq!(failure.message, "1000000 bytes of memory are used up");
    }
    let modest = "function main() return #string.rep('x', 100000) end";
    let answer = run_with(modest, &mut Notes::default(), &bounds);
    assert_eq!(answer.unwrap().as_deref(), Some(&b"100000"[..]));
    let mut notes = Notes::default();
    notes.set(b"REQUEST_BODY", &vec![b'x'; 2_000_000]);
    let failure = run_with(
        "function main() m.getvar('REQUEST_BODY') end",
        &mut notes,
        &bounds,
    );
    assert!(failure.unwrap_err().limit_exceeded);
}

#[test]
fn calls_and_texts_are_bounded() {
    let bounds = Bounds {
        calls: 10,
        ..Bounds::default()
    };
    let calling = |times| {
        format!(
            "function main() for i = 1, {times} do pcall(m.setvar, 'tx.' .. i, i) end return 'x' end"
        )
    };
    let mut notes = Notes::default();
    assert!(
        run_with(&calling(10), &mut notes, &bounds)
            .unwrap()
            .is_some()
    );
    let failure = run_with(&calling(11), &mut notes, &bounds).unwrap_err();
    assert_eq!(failure.message, "10 calls of m are used up");
    assert!(failure.limit_exceeded);
    assert_eq!(notes.values.len(), 10);

    let long = crate::limits::SCRIPT_TEXT_LIMIT;
    for (length, kept) in [(long, long), (long + 1, long)] {
        let mut notes = Notes::default();
        let source =
            format!("function main() local s = string.rep('x', {length}) m.log(1, s) return s end");
        let answer = run_with(&source, &mut notes, &Bounds::default()).unwrap();
        assert_eq!(answer.unwrap().len(), kept);
        assert_eq!(notes.log[0].1.len(), kept);
    }
}

#[test]
fn the_default_bounds_end_a_loop_within_seconds() {
    let begun = Instant::now();
    let failure = run("function main() while true do end end").unwrap_err();
    assert!(failure.limit_exceeded);
    assert!(begun.elapsed() < Duration::from_secs(20));
}

/// A directory with programs, removed at the end.
struct Programs(PathBuf);

impl Programs {
    fn new(name: &str) -> Programs {
        let path = std::env::temp_dir().join(format!("palisade-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Programs(path)
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// A shell script. The file is written by another process: one that is still open for writing in a process that is
    /// about to exec, as another test may be, cannot be executed.
    fn shell(&self, name: &str, text: &str) -> Program {
        let draft = self.write(
            &format!("{name}.draft"),
            &format!("#!/bin/sh\n{text}\n"),
            0o755,
        );
        let path = self.0.join(name);
        let copied = std::process::Command::new("cp")
            .arg("-p")
            .args([&draft, &path])
            .status();
        assert!(copied.unwrap().success());
        Program::new(path)
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn call(program: &Program, argument: Option<&[u8]>, limit: Duration) -> Result<Vec<u8>, Failure> {
    program.run(&Call {
        argument,
        environment: vec![("QUERY_STRING".into(), "a=1".into())],
        prepare: &|_| (),
        time_limit: limit,
    })
}

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_program_gets_its_environment_and_one_argument() {
    let programs = Programs::new("environment");
    let program = programs.shell(
        "p",
        "echo \"$#:$1:$QUERY_STRING:$HOME:$REDIRECT_STATUS\"; echo more",
    );
    let line = |argument| String::from_utf8(call(&program, argument, PATIENCE).unwrap()).unwrap();
    assert_eq!(line(None), "0::a=1::302");
    assert_eq!(
        line(Some(b"a b; echo $HOME")),
        "1:a b; echo $HOME:a=1::302",
        "no shell in between"
    );
    let answered = call(&program, Some(b"nul\0"), PATIENCE).unwrap_err();
    assert!(
        answered.message.starts_with("Exec: Execution failed: "),
        "{answered:?}"
    );
    assert!(programs.0.join("p").exists());
}

#[test]
fn prepare_has_the_last_word() {
    let programs = Programs::new("prepare");
    let program = programs.shell("p", "echo \"$EXTRA\"");
    let asked = Cell::new(0);
    let line = program.run(&Call {
        argument: None,
        environment: Vec::new(),
        prepare: &|command| {
            asked.set(asked.get() + 1);
            command.env("EXTRA", "yes");
        },
        time_limit: PATIENCE,
    });
    assert_eq!((line.unwrap(), asked.get()), (b"yes".to_vec(), 1));
}

#[test]
fn a_program_that_writes_nothing_has_failed_and_one_that_writes_has_not() {
    let programs = Programs::new("output");
    let path = programs.0.display().to_string();
    let silent = call(&programs.shell("silent", "exit 0"), None, PATIENCE).unwrap_err();
    let expected =
        format!("Exec: Execution failed while reading output: {path}/silent (End of file found)");
    assert_eq!(silent.message, expected);
    assert!(!silent.limit_exceeded);
    let failing = programs.shell("failing", "echo 1 fine; exit 3");
    assert_eq!(call(&failing, None, PATIENCE).unwrap(), b"1 fine");
    // More than a pipe holds, and than is kept.
    let long = programs.shell(
        "long",
        "i=0; while [ $i -lt 3000 ]; do printf '%0100d' 0; i=$((i+1)); done",
    );
    assert_eq!(
        call(&long, None, PATIENCE).unwrap().len(),
        crate::limits::PROGRAM_LINE_LIMIT
    );
    let exact = programs.shell("exact", "printf '%0255d' 0");
    assert_eq!(call(&exact, None, PATIENCE).unwrap().len(), 255);
    let leaving = programs.shell("leaving", "echo gone; sleep 30 &");
    let begun = Instant::now();
    assert_eq!(call(&leaving, None, PATIENCE).unwrap(), b"gone");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "what it left running is not waited for"
    );
}

#[test]
fn a_program_over_its_time_is_killed_with_its_children() {
    let programs = Programs::new("late");
    let limit = Duration::from_millis(300);
    for (name, text) in [
        ("open", "echo $$; sleep 1000; echo never"),
        ("closed", "echo $$; exec >&-; sleep 1000"),
    ] {
        let program = programs.shell(
            name,
            &format!("echo $$ > {}/{name}.pid; {text}", programs.0.display()),
        );
        let begun = Instant::now();
        let failure = call(&program, None, limit).unwrap_err();
        assert!(failure.limit_exceeded, "{failure:?}");
        assert!(
            failure.message.ends_with("(killed after 300 ms)"),
            "{failure:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(20));
        let group: i32 = std::fs::read_to_string(programs.0.join(format!("{name}.pid")))
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        let group = rustix::process::Pid::from_raw(group).unwrap();
        // The child's own remains are init's to collect.
        while rustix::process::test_kill_process_group(group).is_ok() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(
            rustix::process::test_kill_process_group(group).is_err(),
            "{name}: something still runs"
        );
    }
}

#[test]
fn names_are_relative_and_what_is_no_program_says_so() {
    let programs = Programs::new("names");
    let find = |name: &[u8]| {
        Executable::compile(name, Some(&programs.0), &|path| std::fs::read(path)).unwrap()
    };
    programs.write("plain", "text", 0o644);
    programs.write("x.lua", "function main() end", 0o644);
    programs.write("good", "#!/bin/sh\n", 0o755);
    let script = find(b"x.lua");
    assert!(
        matches!(script, Executable::Script(script) if script.path() == programs.0.join("x.lua"))
    );
    let problem = |name: &[u8]| match find(name) {
        Executable::Program(program) => program.problem(),
        Executable::Script(_) => panic!("a script"),
    };
    assert_eq!(problem(b"good"), None);
    assert_eq!(problem(b"/bin/sh"), None);
    for (name, reason) in [
        (&b"plain"[..], "plain cannot be run: it is no program. "),
        (b"", "cannot be run: it is no program. "),
        (b"none", "none cannot be run: No such file"),
        (b"good -v", "good -v cannot be run: No such file"),
    ] {
        let problem = problem(name).unwrap();
        assert!(problem.contains(reason), "{problem}");
    }
    let failure = call(&Program::new(programs.0.join("none")), None, PATIENCE).unwrap_err();
    assert!(
        failure.message.contains("none (No such file"),
        "{failure:?}"
    );
}
