//! Uploaded files on disk, while the request lasts and, where that is wanted, longer.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::{AtFlags, CWD, linkat};

use super::store::unnamed;
use super::{Body, Transaction};
use crate::audit::Zone;
use crate::body::multipart::{Content, FileSink, StoredFile};

/// Writes uploaded files into a directory.
///
/// Their names are mod_security2's: `YYYYMMDD-HHMMSS-ID-file-XXXXXX`, with the id of the transaction and six random
/// letters and digits. Scripts behind `@inspectFile` and the tools of administrators know them by it. A file gets its name
/// when all of it is there: one whose process dies while a client sends it leaves nothing, where the file system can do that.
pub(super) struct Directory {
    /// All of a name but its random end.
    stem: PathBuf,
    mode: u32,
    current: Option<Current>,
}

/// The file that is being received.
struct Current {
    file: BufWriter<File>,
    /// Where it has a name already.
    stored: Option<StoredFile>,
}

/// Where the system shows the files that a process has open.
const OPEN_FILES: &str = "/proc/self/fd";

/// How often another name is tried where one is taken. With 62⁶ names a second try means that something else is wrong.
const ATTEMPTS: usize = 8;

impl Directory {
    fn new(directory: &Path, mode: u32, unique_id: &[u8]) -> Directory {
        let mut name = Vec::with_capacity(64);
        Zone::local()
            .civil(SystemTime::now())
            .write_second(&mut name);
        name.push(b'-');
        // The id is httpd's word; all the same it must not lead out of the directory.
        name.extend(unique_id.iter().map(|&byte| match byte {
            b'@' | b'-' | b'_' => byte,
            _ if byte.is_ascii_alphanumeric() => byte,
            _ => b'_',
        }));
        name.extend_from_slice(b"-file-");
        Directory {
            stem: directory.join(String::from_utf8_lossy(&name).as_ref()),
            mode,
            current: None,
        }
    }

    /// A new file: without a name where there are such files and a way to give them one later.
    fn create(&self) -> io::Result<Current> {
        let directory = self.stem.parent().unwrap_or(&self.stem);
        let unnamed = match Path::new(OPEN_FILES).exists() {
            true => unnamed(directory).ok(),
            false => None,
        };
        let (file, stored) = match unnamed {
            Some(file) => (file, None),
            None => {
                let (file, stored) = self.create_named()?;
                (file, Some(stored))
            }
        };
        // Compat: the mode is as configured, whatever the umask.
        file.set_permissions(Permissions::from_mode(self.mode))?;
        let file = BufWriter::new(file);
        Ok(Current { file, stored })
    }

    /// A new file under a name that nobody can guess or has prepared.
    fn create_named(&self) -> io::Result<(File, StoredFile)> {
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
        self.under_new_name(|path| options.open(path))
    }

    /// Gives a file such a name.
    fn name(&self, file: &File) -> io::Result<StoredFile> {
        let open = Path::new(OPEN_FILES).join(file.as_raw_fd().to_string());
        let link = |path: &Path| Ok(linkat(CWD, &open, CWD, path, AtFlags::SYMLINK_FOLLOW)?);
        self.under_new_name(link).map(|((), stored)| stored)
    }

    fn under_new_name<T>(
        &self,
        mut make: impl FnMut(&Path) -> io::Result<T>,
    ) -> io::Result<(T, StoredFile)> {
        let mut outcome = Err(io::Error::from(io::ErrorKind::AlreadyExists));
        for _ in 0..ATTEMPTS {
            let mut path = self.stem.clone().into_os_string();
            path.push(random_name()?);
            let path = PathBuf::from(path);
            outcome = make(&path).map(|made| (made, StoredFile::new(path)));
            match &outcome {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                _ => break,
            }
        }
        outcome
    }

    /// Where it happened, in the words of the error.
    fn located(&self, error: &io::Error) -> io::Error {
        let directory = self.stem.parent().unwrap_or(&self.stem);
        io::Error::new(error.kind(), format!("{}: {error}", directory.display()))
    }
}

impl FileSink for Directory {
    fn open(&mut self) -> io::Result<()> {
        let current = self.create().map_err(|error| self.located(&error))?;
        self.current = Some(current);
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        match &mut self.current {
            Some(current) => current.file.write_all(data),
            None => Err(io::Error::other("no file is open")),
        }
        .map_err(|error| self.located(&error))
    }

    fn close(&mut self) -> io::Result<Content> {
        let Some(Current { mut file, stored }) = self.current.take() else {
            return Err(io::Error::other("no file is open"));
        };
        let named = file.flush().and_then(|()| match stored {
            Some(stored) => Ok(stored),
            None => self.name(file.get_ref()),
        });
        let stored = named.map_err(|error| self.located(&error))?;
        Ok(Content::File(Arc::new(stored)))
    }
}

/// Six letters and digits. The modulus favours some of them a little, which does no harm to a name.
fn random_name() -> io::Result<String> {
    const CHARACTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = [0; 6];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let name = random.map(|byte| {
        let at = usize::from(byte) % CHARACTERS.len();
        char::from(CHARACTERS.get(at).copied().unwrap_or(b'A'))
    });
    Ok(name.iter().collect())
}

/// Moves a file into another directory under the same name; by copying where that is on another disk.
///
/// Compat: mod_security2 does not copy, so that there its `SecTmpDir` and `SecUploadDir` must be on one file system.
fn move_into(stored: &StoredFile, directory: &Path) -> io::Result<PathBuf> {
    let from = stored.path();
    let to = directory.join(from.file_name().unwrap_or_default());
    match fs::rename(from, &to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        outcome => return outcome.map(|()| to),
    }
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(&to)?;
    let copied = io::copy(&mut source, &mut target)
        .and_then(|_| target.set_permissions(source.metadata()?.permissions()));
    match copied {
        Ok(()) => Ok(to),
        Err(error) => {
            let _ = fs::remove_file(&to);
            Err(error)
        }
    }
}

/// What became of a stored file at the end of its transaction.
pub(crate) enum Settled {
    /// It was moved from one name to the other.
    Kept(PathBuf, PathBuf),
    /// It was removed.
    Removed(PathBuf),
    /// It could not be moved to where it should be kept, and was removed.
    Lost(PathBuf, io::Error),
}

impl Body {
    /// Ends the files' time on disk: those with content are kept in a directory, if one is given, and the others removed.
    pub(crate) fn settle_files(&mut self, keep_in: Option<&Path>) -> Vec<Settled> {
        let parts = self.parsed.multipart.iter_mut();
        let files = parts.flat_map(|multipart| &mut multipart.parts);
        let files = files.filter_map(|part| part.file.as_mut());
        files
            .filter_map(|file| {
                let Content::File(stored) =
                    std::mem::replace(&mut file.content, Content::Discarded)
                else {
                    return None;
                };
                let path = stored.path().to_owned();
                let target = keep_in.filter(|_| file.size > 0);
                Some(
                    match target.map(|directory| move_into(&stored, directory)) {
                        Some(Ok(to)) => Settled::Kept(path, to),
                        Some(Err(error)) => Settled::Lost(path, error),
                        None => Settled::Removed(path),
                    },
                )
            })
            .collect()
    }
}

impl Transaction {
    /// Where uploaded files go while they are inspected; `None` where nobody wants them on disk.
    pub(super) fn upload_sink(&self) -> Option<Box<dyn FileSink>> {
        let config = &self.config;
        config.stores_uploads().then(|| {
            let directory = Path::new(&*config.tmp_dir);
            let sink = Directory::new(directory, config.upload_file_mode, &self.request.unique_id);
            Box::new(sink) as Box<dyn FileSink>
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("palisade-{name}-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        root
    }

    fn count(directory: &Path) -> usize {
        fs::read_dir(directory).unwrap().count()
    }

    #[test]
    fn names_stay_in_their_directory_and_are_never_taken_twice() {
        let root = scratch("names");
        let directory = Directory::new(&root, 0o604, b"../a/b\0");
        let (_, first) = directory.create_named().unwrap();
        let file = directory.create().unwrap().file;
        let second = directory.name(file.get_ref()).unwrap();
        assert_ne!(first.path(), second.path());
        assert_eq!(first.path().parent(), Some(root.as_path()));
        let mode = fs::metadata(second.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o604);
        for stored in [&first, &second] {
            let name = stored.path().file_name().unwrap().to_string_lossy();
            assert!(name.contains("-___a_b_-file-"), "{name}");
        }
        drop((first, second));
        fs::remove_dir(&root).unwrap();
    }

    #[test]
    fn a_file_has_a_name_when_all_of_it_is_there() {
        let root = scratch("whole");
        let mut directory = Directory::new(&root, 0o600, b"id");
        directory.open().unwrap();
        directory.write(b"half").unwrap();
        // Whoever dies now leaves nothing, where there are files without names.
        assert_eq!(count(&root), usize::from(unnamed(&root).is_err()));
        directory.write(b" and half").unwrap();
        let Content::File(stored) = directory.close().unwrap() else {
            panic!("no file");
        };
        assert_eq!(fs::read(stored.path()).unwrap(), b"half and half");
        drop(stored);
        assert_eq!(count(&root), 0);
        directory.open().unwrap();
        fs::remove_dir(&root).unwrap();
        let error = directory.close().unwrap_err();
        assert!(error.to_string().contains("palisade-whole"), "{error}");
    }
}
