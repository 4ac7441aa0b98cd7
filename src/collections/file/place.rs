//! The file of a store: found, made, checked, set aside.
//!
//! The directory may be one that everybody writes to (`SecDataDir /tmp`). So nothing is followed that is a link, no file
//! of a stranger is used, and nothing changes hands that was not made here.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::codec;
use super::header::{COPIES, Found, Header, pages_of};
use super::page::Page;

/// The file's name in its directory.
const NAME: &str = "palisade-collections";

/// User and group.
pub type Owner = (u32, u32);

/// Why a store cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// Something else is in its place, or what a newer version has made: somebody must decide.
    NotOurs(String),
    /// The system says no.
    Failed(String),
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unusable::NotOurs(why) | Unusable::Failed(why) => f.write_str(why),
        }
    }
}

/// An open store.
pub(super) struct Store {
    pub(super) file: File,
    pub(super) header: Header,
    /// Device and number.
    identity: (u64, u64),
}

impl Store {
    fn new(file: File, header: Header) -> io::Result<Store> {
        let metadata = file.metadata()?;
        Ok(Store {
            file,
            header,
            identity: (metadata.dev(), metadata.ino()),
        })
    }

    /// Whether the file is the one of this name.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        path.symlink_metadata()
            .is_ok_and(|found| (found.dev(), found.ino()) == self.identity)
    }
}

/// The store's file in a directory.
pub(super) fn path_in(directory: &Path) -> PathBuf {
    directory.join(NAME)
}

/// See [`FileStore::prepare`](super::FileStore::prepare).
pub(super) fn prepare(path: &Path, bytes: u64, owner: Option<Owner>) -> Result<(), Unusable> {
    if let Some(directory) = path.parent() {
        make_directory(directory, owner).map_err(|error| failed(directory, &error))?;
    }
    let store = find_or_make(path, bytes, owner)?;
    if store.header.pages != pages_of(bytes) {
        resize(&store, path, bytes, owner).map_err(|error| failed(path, &error))?;
    } else if let Some(owner) = owner {
        // Whoever used it last may have been root alone: httpd before it had a user, or the tool.
        hand_over(&store.file, owner).map_err(|error| failed(path, &error))?;
    }
    Ok(())
}

/// Makes a directory that is not there, for its owner alone.
fn make_directory(directory: &Path, owner: Option<Owner>) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => match owner {
            Some(owner) => hand_over(&File::open(directory)?, owner),
            None => Ok(()),
        },
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// The store under a name, made where there is none, a damaged one set aside.
pub(super) fn open(path: &Path, bytes: u64) -> Result<Store, Unusable> {
    find_or_make(path, bytes, None)
}

/// The store under a name.
pub(super) fn open_existing(path: &Path) -> Result<Store, Unusable> {
    let file = open_file(path).map_err(|error| failed(path, &error))?;
    match read(path, &file)? {
        Some(header) => Store::new(file, header).map_err(|error| failed(path, &error)),
        None => Err(Unusable::Failed(format!(
            "{}: the store is damaged",
            path.display()
        ))),
    }
}

fn find_or_make(path: &Path, bytes: u64, owner: Option<Owner>) -> Result<Store, Unusable> {
    let found = match open_file(path) {
        Ok(file) => read(path, &file)?.map(|header| (file, header)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return make(path, bytes, owner).map_err(|error| failed(path, &error));
        }
        Err(error) => return Err(failed(path, &error)),
    };
    let store = match found {
        Some((file, header)) => Store::new(file, header),
        None => set_aside(path).and_then(|()| make(path, bytes, owner)),
    };
    store.map_err(|error| failed(path, &error))
}

/// The header of a file; `None` when it is damaged.
fn read(path: &Path, file: &File) -> Result<Option<Header>, Unusable> {
    match Header::read(file).map_err(|error| failed(path, &error))? {
        Found::Store(header) => Ok(Some(header)),
        Found::Damaged => Ok(None),
        Found::NotOurs(why) => Err(Unusable::NotOurs(format!(
            "{} is no store of collections that this version can use: {why}. Move it away, or name another directory",
            path.display()
        ))),
    }
}

fn failed(path: &Path, error: &io::Error) -> Unusable {
    Unusable::Failed(format!("{}: {error}", path.display()))
}

fn options() -> OpenOptions {
    let mut options = File::options();
    options
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

/// Opens what is there, if it is a plain file with no other name that nobody but its owner can open: who has opened it is
/// its owner, or root.
fn open_file(path: &Path) -> io::Result<File> {
    let file = options().open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.mode() & 0o077 != 0 || found.nlink() > 1 {
        return Err(io::Error::other(
            "it is not a plain file of one user (mode 0600) with one name",
        ));
    }
    Ok(file)
}

fn hand_over(file: &File, (user, group): Owner) -> io::Result<()> {
    let found = file.metadata()?;
    match found.uid() == 0 && user != 0 {
        true => fchown(file, Some(user), Some(group)),
        false => Ok(()),
    }
}

/// Makes an empty store under a name of its own first, so that nobody sees half of one. Somebody who was faster wins.
fn make(path: &Path, bytes: u64, owner: Option<Owner>) -> io::Result<Store> {
    let header = Header::new(bytes)?;
    let new = Draft::begin(path)?;
    new.file.set_len(header.bytes())?;
    header.write(&new.file)?;
    if let Some(owner) = owner {
        hand_over(&new.file, owner)?;
    }
    match new.take_name(path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    drop(new);
    let file = open_file(path)?;
    match Header::read(&file)? {
        Found::Store(header) => Store::new(file, header),
        Found::Damaged | Found::NotOurs(_) => Err(io::Error::other("it changed while it was made")),
    }
}

/// A file that is not in its place yet. Its name goes when it is dropped.
struct Draft {
    file: File,
    path: PathBuf,
}

impl Draft {
    fn begin(path: &Path) -> io::Result<Draft> {
        let mut draft = [0; 8];
        getrandom::fill(&mut draft).map_err(|error| io::Error::other(error.to_string()))?;
        let draft = path.with_extension(format!("{:016x}", u64::from_le_bytes(draft)));
        let file = options().create_new(true).open(&draft)?;
        Ok(Draft { file, path: draft })
    }

    /// Gives it a name that nobody has. At no moment has it two, where the file system can do that: whoever opens it in
    /// between would not take it, and after a crash nobody ever.
    fn take_name(&self, path: &Path) -> io::Result<()> {
        match renameat_with(CWD, &self.path, CWD, path, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) => std::fs::hard_link(&self.path, path),
            taken => Ok(taken?),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Gives a damaged store another name. There is one such name: what was set aside before is replaced.
fn set_aside(path: &Path) -> io::Result<()> {
    let aside = path.with_extension("damaged");
    std::fs::rename(path, &aside)?;
    log::error!(
        "the store of collections {} was damaged; it has been set aside as {} and begins empty",
        path.display(),
        aside.display()
    );
    Ok(())
}

/// Copies the records into a store of another size, which takes the name.
fn resize(old: &Store, path: &Path, bytes: u64, owner: Option<Owner>) -> io::Result<()> {
    let header = Header::new(bytes)?;
    let new = Draft::begin(path)?;
    new.file.set_len(header.bytes())?;
    header.write(&new.file)?;
    let now = super::super::now();
    for number in COPIES..COPIES + old.header.pages {
        let page = Page::read(&old.file, number)?;
        if !page.is_sound(number) {
            continue;
        }
        for (id, record) in page.records().filter_map(codec::decode) {
            let number = header.page_of(&id);
            let mut page = Page::read(&new.file, number)?;
            let _ = page.put(&id, &record, now);
            page.write(&new.file, number)?;
        }
    }
    if let Some(owner) = owner {
        hand_over(&new.file, owner)?;
    }
    std::fs::rename(&new.path, path)
}
