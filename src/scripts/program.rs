//! Programs: another process, its environment, its first line.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::Failure;
use crate::limits;

/// How long to wait for output before looking whether the program has ended and left its output to another.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A program.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
}

/// One run of a program.
pub struct Call<'c> {
    /// Its only argument.
    pub argument: Option<&'c [u8]>,
    /// Its whole environment, but for what [`Program::run`] adds.
    pub environment: Vec<(OsString, OsString)>,
    /// The server's last touch before the program starts.
    pub prepare: &'c dyn Fn(&mut Command),
    /// How long it may take.
    pub time_limit: Duration,
}

impl Program {
    /// The program in a file. Whether there is one shows when it is run, or asked for its [problem](Self::problem).
    pub fn new(path: PathBuf) -> Program {
        Program { path }
    }

    /// Why it cannot be run, as far as can be seen from here: a sentence for who starts the server.
    pub fn problem(&self) -> Option<String> {
        let reason = match std::fs::metadata(&self.path) {
            Err(error) => error.to_string(),
            Ok(facts) if facts.is_file() && facts.permissions().mode() & 0o111 != 0 => return None,
            Ok(_) => "it is no program".to_owned(),
        };
        Some(format!(
            "The program {} cannot be run: {reason}. It is given no arguments, and no shell.",
            self.path.display()
        ))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs the program and answers with the first line of its output, at most [`limits::PROGRAM_LINE_LIMIT`] bytes of it.
    /// Its input is empty, and what it says on standard error goes where the server's goes.
    ///
    /// Compat: a program that writes nothing has failed; whatever it returns, one that writes has not.
    ///
    /// # Errors
    /// It cannot be started, wrote nothing, or took longer than it may: then it is killed with all it has started.
    pub fn run(&self, call: &Call<'_>) -> Result<Vec<u8>, Failure> {
        let failed = |reason: &dyn std::fmt::Display| {
            Failure::other(format!(
                "Exec: Execution failed: {} ({reason})",
                self.path.display()
            ))
        };
        let mut command = Command::new(&self.path);
        // Compat: a group of two for PHP, which refuses to run without them.
        command
            .env_clear()
            .envs(call.environment.iter().map(|(name, value)| (name, value)))
            .env("PATH_TRANSLATED", &self.path)
            .env("REDIRECT_STATUS", "302")
            .args(call.argument.map(OsStr::from_bytes))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0);
        (call.prepare)(&mut command);
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let deadline = Instant::now() + call.time_limit;
        let heard = match child.stdout.take() {
            Some(output) => listen(&mut child, output, deadline),
            None => Ok(Vec::new()),
        };
        let ended = heard.and_then(|heard| wait(&mut child, deadline).map(|()| heard));
        match ended {
            Ok(heard) if heard.is_empty() => Err(Failure::other(format!(
                "Exec: Execution failed while reading output: {} (End of file found)",
                self.path.display()
            ))),
            Ok(heard) => Ok(first_line(&heard).to_vec()),
            Err(reason) => {
                if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                let _ = child.kill();
                let _ = child.wait();
                Err(match reason {
                    Stopped::Late => Failure::limit(format!(
                        "Exec: Execution failed: {} (killed after {} ms)",
                        self.path.display(),
                        call.time_limit.as_millis()
                    )),
                    Stopped::Error(error) => failed(&error),
                })
            }
        }
    }
}

/// Why a program was not waited for any longer.
enum Stopped {
    Late,
    Error(std::io::Error),
}

impl From<std::io::Error> for Stopped {
    fn from(error: std::io::Error) -> Self {
        Stopped::Error(error)
    }
}

/// The head of the output. The rest is read too, so that the program can write it, and forgotten.
fn listen(
    child: &mut Child,
    mut output: ChildStdout,
    deadline: Instant,
) -> Result<Vec<u8>, Stopped> {
    let mut heard = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Stopped::Late);
        }
        let patience = Timespec::try_from(left.min(LOOK_EVERY))
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        let ready = match poll(&mut [PollFd::new(&output, PollFlags::IN)], Some(&patience)) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other.map_err(std::io::Error::from)?,
        };
        if ready == 0 {
            // What it has left running may keep the output open for ever.
            match child.try_wait()? {
                Some(_) => return Ok(heard),
                None => continue,
            }
        }
        match output.read(&mut bytes) {
            Ok(0) => return Ok(heard),
            Ok(length) => {
                let room = limits::PROGRAM_LINE_LIMIT - heard.len();
                let length = length.min(room);
                heard.extend_from_slice(bytes.get(..length).unwrap_or_default());
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits for the end of a program that has closed its output, which is mostly now.
fn wait(child: &mut Child, deadline: Instant) -> Result<(), Stopped> {
    let mut pause = Duration::from_micros(100);
    while child.try_wait()?.is_none() {
        if Instant::now() >= deadline {
            return Err(Stopped::Late);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LOOK_EVERY);
    }
    Ok(())
}

fn first_line(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b'\n').next().unwrap_or_default()
}
