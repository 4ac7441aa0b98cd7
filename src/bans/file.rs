//! The file that `SecBanFile` names: read when it changes, looked at no more than once a second.

use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::Board;
use super::list::List;
use crate::limits;

/// A file of bans, as one process has it.
#[derive(Debug)]
pub struct BanFile {
    path: PathBuf,
    list: RwLock<Arc<List>>,
    /// The second in which it was last looked at.
    looked: AtomicI64,
    state: Mutex<State>,
}

/// What the file was when it was read last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum State {
    /// It has not been looked at.
    #[default]
    Unknown,
    /// There is none.
    Missing,
    /// It could not be read, and why.
    Unreadable(String),
    /// It was read without its last line, which has no end: somebody may be writing it.
    Unfinished(Identity),
    /// It was read.
    Read(Identity),
}

/// Device, inode, size, seconds and nanoseconds of the last change.
type Identity = (u64, u64, u64, i64, i64);

impl BanFile {
    /// The file at a path. It is not looked at yet.
    pub fn new(path: PathBuf) -> BanFile {
        BanFile {
            path,
            list: RwLock::default(),
            looked: AtomicI64::new(i64::MIN),
            state: Mutex::default(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When the ban of an address ends. Looks first whether the file has changed, unless that was done in this second.
    pub fn find(&self, address: IpAddr, now: i64, board: &Board) -> Option<i64> {
        if self.looked.swap(now, Ordering::Relaxed) != now {
            self.look(now, board);
        }
        let list = Arc::clone(&self.list.read().unwrap_or_else(PoisonError::into_inner));
        list.find(address, now)
    }

    /// Reads the file where it is not what was read last. What cannot be read leaves the list as it was. What is wrong with it is
    /// logged once for all processes.
    fn look(&self, now: i64, board: &Board) {
        // One thread looks; the others do not wait for it.
        let Ok(mut state) = self.state.try_lock() else {
            return;
        };
        let path = self.path.display();
        let (next, complaints) = match self.read_if_other(&state) {
            Ok(None) => return,
            Ok(Some((identity, text))) => {
                let is_finished = text.last().is_none_or(|&last| last == b'\n');
                // What still has no end a second later is a file whose last line has none.
                if is_finished || *state == State::Unfinished(identity) {
                    (State::Read(identity), self.take(&text, now))
                } else {
                    (
                        State::Unfinished(identity),
                        self.take(whole_lines(&text), now),
                    )
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.put(List::default());
                let what = format!("there is no {path}; nobody is banned by it");
                (State::Missing, vec![what])
            }
            Err(error) => {
                let why = error.to_string();
                let what =
                    format!("{path} cannot be read: {why}; what it said before stays in force");
                (State::Unreadable(why), vec![what])
            }
        };
        if *state != next && !complaints.is_empty() && board.is_new_complaint(&complaints) {
            for what in complaints {
                match next {
                    State::Missing => log::info!("SecBanFile: {what}"),
                    _ => log::warn!("SecBanFile: {what}"),
                }
            }
        }
        *state = next;
    }

    /// The file's identity and text, where they are not what is known.
    fn read_if_other(&self, known: &State) -> io::Result<Option<(Identity, Vec<u8>)>> {
        // What is no file is not opened: a pipe would wait for a writer.
        let identity = identity(&std::fs::metadata(&self.path)?)?;
        if *known == State::Read(identity) {
            return Ok(None);
        }
        let file = File::open(&self.path)?;
        let identity = self::identity(&file.metadata()?)?;
        let mut text = Vec::new();
        file.take(limits::BAN_FILE_BYTES + 1)
            .read_to_end(&mut text)?;
        Ok(Some((identity, text)))
    }

    /// Puts what the text says in force. Returns what is wrong with it, one sentence each.
    fn take(&self, text: &[u8], now: i64) -> Vec<String> {
        let path = self.path.display();
        let limit = usize::try_from(limits::BAN_FILE_BYTES).unwrap_or(usize::MAX);
        let start = text.get(..limit).filter(|_| text.len() > limit);
        // A line that was cut is not half believed.
        let (list, faults) = List::read(start.map_or(text, whole_lines), now);
        let shown = faults.iter().take(limits::BAN_FILE_COMPLAINTS);
        let mut complaints: Vec<String> = shown
            .map(|fault| format!("{path}:{}: {}", fault.line, fault.reason))
            .collect();
        if faults.len() > complaints.len() {
            let more = faults.len() - complaints.len();
            complaints.push(format!("{path}: {more} more lines are passed over"));
        }
        if start.is_some() {
            complaints.push(format!(
                "{path} is longer than {limit} bytes; the rest is not in force"
            ));
        }
        log::debug!("SecBanFile: {path} has {} entries", list.len());
        self.put(list);
        complaints
    }

    fn put(&self, list: List) {
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(list);
    }
}

/// Up to the last end of a line.
fn whole_lines(text: &[u8]) -> &[u8] {
    let end = memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
    text.get(..end).unwrap_or_default()
}

fn identity(metadata: &std::fs::Metadata) -> io::Result<Identity> {
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok((
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    ))
}

impl PartialEq for BanFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}
