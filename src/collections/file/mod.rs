//! Collections in one file for all processes of a machine.
//!
//! The file has a fixed number of pages of 4 KiB ([`page`]). A key's hash says which page its record is in; a full page
//! forgets what was updated longest ago. A read is one `pread`; an update takes the file's lock, reads the page, writes
//! it, and lets go. So the cost is the same whatever the store holds, the file never grows, and a process that is killed
//! has written its page or has not: the kernel lets go of its lock.
//!
//! # Why not LMDB
//!
//! LMDB maps its file into memory and trusts it. Of 1,000 copies of an environment with one byte changed at random, seven
//! killed the process that read them (SIGSEGV, SIGBUS, an assertion); a check at opening would not help the processes that
//! have it mapped already, and a file cut short is SIGBUS at any time. Opening one is `unsafe` for that reason. Stores with
//! checksums (redb and its kin) let in one process only, and httpd has many. A store of counters needs no tree: this is
//! what is left of one, in plain reads and writes, with a checksum over every page. It is read before it is believed,
//! every time.
//!
//! # What a crash of the machine costs
//!
//! Pages that the system had not written yet, some 30 seconds: nothing waits for a disk. A page half written is found by
//! its checksum and emptied.

mod codec;
mod header;
mod lock;
mod page;
mod place;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use self::header::COPIES;
use self::lock::Lock;
use self::page::Page;
pub use self::place::Unusable;
use self::place::{Owner, Store as StoreFile};
use super::{Account, Change, Id, Record, Statistics, Store};

/// How often a page that is not sound is read again without the lock: a writer may be at it.
const UNLOCKED_READS: usize = 3;

/// The store of one machine.
pub struct FileStore {
    path: PathBuf,
    bytes: u64,
    file: RwLock<Arc<StoreFile>>,
    /// One thread of this process at a time; the file's lock is for processes.
    gate: Mutex<Lock>,
    /// The second in which the file was last looked for under its name.
    looked: AtomicI64,
    account: Account,
}

impl FileStore {
    /// Makes the store in a directory ready: makes it where there is none, sets a damaged one aside, gives one of another
    /// size the size that is wanted. `owner` gets what is made here, where that is not who makes it. At start, before
    /// children are made.
    pub fn prepare(directory: &Path, bytes: u64, owner: Option<Owner>) -> Result<(), Unusable> {
        place::prepare(&place::path_in(directory), bytes, owner)
    }

    /// Opens the store in a directory, making it where there is none. In each process for itself: the lock belongs to an
    /// opening.
    pub fn open(directory: &Path, bytes: u64) -> Result<FileStore, Unusable> {
        let path = place::path_in(directory);
        place::open(&path, bytes).map(|file| FileStore::with(path, bytes, file))
    }

    /// Opens the store in a directory if there is one.
    pub fn open_existing(directory: &Path) -> Result<FileStore, Unusable> {
        let path = place::path_in(directory);
        let file = place::open_existing(&path)?;
        let bytes = file.header.bytes();
        Ok(FileStore::with(path, bytes, file))
    }

    fn with(path: PathBuf, bytes: u64, file: StoreFile) -> FileStore {
        FileStore {
            path,
            bytes,
            file: RwLock::new(Arc::new(file)),
            gate: Mutex::default(),
            looked: AtomicI64::new(0),
            account: Account::default(),
        }
    }

    /// The same, counting together with others.
    pub fn counting(self, account: Account) -> FileStore {
        FileStore { account, ..self }
    }

    fn place(&self) -> String {
        format!("in {}", self.path.display())
    }

    /// The file in use. Looks once a second whether it is still the one that has its name: whoever starts httpd may have
    /// put another there.
    fn current(&self, now: i64) -> Arc<StoreFile> {
        let file = Arc::clone(&self.file.read().unwrap_or_else(PoisonError::into_inner));
        if self.looked.swap(now, Ordering::Relaxed) == now || file.is_at(&self.path) {
            return file;
        }
        match place::open(&self.path, self.bytes) {
            Ok(file) => {
                let file = Arc::new(file);
                *self.file.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&file);
                file
            }
            Err(error) => {
                self.fail(&error);
                file
            }
        }
    }

    fn fail(&self, why: &dyn std::fmt::Display) {
        self.account.fail(&self.place(), why);
    }

    /// Works on the file under its lock; `None` when it could not be had in time or the work failed, which is counted.
    fn locked<T>(&self, file: &File, work: impl FnOnce(&File) -> io::Result<T>) -> Option<T> {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        match gate.hold(file, work) {
            Ok(Some(result)) => Some(result),
            Ok(None) => {
                self.account.fail_again();
                None
            }
            Err(error) => {
                self.fail(&error);
                None
            }
        }
    }

    /// A page, under the lock. One that is not sound is empty.
    fn page(&self, file: &File, number: u64) -> io::Result<Page> {
        let page = Page::read(file, number)?;
        if page.is_sound(number) {
            return Ok(page);
        }
        self.account.damage(&self.place());
        let mut page = Page::empty();
        page.write(file, number)?;
        Ok(page)
    }

    fn apply(&self, store: &StoreFile, id: &Id, change: &Change, now: i64) -> io::Result<()> {
        let number = store.header.page_of(id);
        let mut page = self.page(&store.file, number)?;
        let record = Record::changed(page.find(id), change, now);
        let Some(evicted) = page.put(id, &record, now) else {
            return Err(io::Error::other("a record is too long"));
        };
        self.account.evict(evicted);
        page.write(&store.file, number)
    }

    fn each_page(&self, store: &StoreFile, mut look: impl FnMut(&Page)) -> io::Result<()> {
        for number in COPIES..COPIES + store.header.pages {
            let mut page = Page::read(&store.file, number)?;
            if !page.is_sound(number) {
                let locked = self.locked(&store.file, |file| self.page(file, number));
                page = locked.unwrap_or_else(Page::empty);
            }
            look(&page);
        }
        Ok(())
    }
}

impl Store for FileStore {
    fn load(&self, id: &Id, now: i64) -> Option<Record> {
        let store = self.current(now);
        let number = store.header.page_of(id);
        for _ in 0..UNLOCKED_READS {
            match Page::read(&store.file, number) {
                Ok(page) if page.is_sound(number) => {
                    return page.find(id).filter_settled(now);
                }
                Ok(_) => std::thread::yield_now(),
                Err(error) => {
                    self.fail(&error);
                    return None;
                }
            }
        }
        let page = self.locked(&store.file, |file| self.page(file, number))?;
        page.find(id).filter_settled(now)
    }

    fn update(&self, changes: &[(Id, Change)], now: i64) {
        if changes.is_empty() {
            return;
        }
        let store = self.current(now);
        self.locked(&store.file, |_| {
            changes
                .iter()
                .try_for_each(|(id, change)| self.apply(&store, id, change, now))
        });
    }

    fn visit(&self, now: i64, show: &mut dyn FnMut(&Id, &Record)) -> Result<(), String> {
        let store = self.current(now);
        let looked = self.each_page(&store, |page| {
            for (id, mut record) in page.records().filter_map(codec::decode) {
                if record.settle(now) {
                    show(&id, &record);
                }
            }
        });
        looked.map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn remove(&self, id: &Id) -> Result<bool, String> {
        let store = Arc::clone(&self.file.read().unwrap_or_else(PoisonError::into_inner));
        let number = store.header.page_of(id);
        let removed = self.locked(&store.file, |file| {
            let mut page = self.page(file, number)?;
            let found = page.remove(id);
            page.write(file, number)?;
            Ok(found)
        });
        removed.ok_or_else(|| format!("{} could not be changed", self.path.display()))
    }

    fn statistics(&self, now: i64) -> Statistics {
        let store = self.current(now);
        let mut statistics = Statistics {
            capacity: store.header.bytes(),
            ..Statistics::default()
        };
        let looked = self.each_page(&store, |page| {
            for bytes in page.records() {
                let alive = codec::Outline::of(bytes).is_some_and(|outline| outline.is_alive(now));
                statistics.entries += u64::from(alive);
                statistics.bytes += if alive { bytes.len() as u64 } else { 0 };
            }
        });
        statistics.reachable = looked.is_ok();
        if let Err(error) = looked {
            self.fail(&error);
        }
        statistics.evicted = self.account.evicted();
        statistics.corrupt = self.account.damaged();
        statistics.failures = self.account.failures();
        statistics
    }
}

/// A record as it is at a time.
trait Settled {
    fn filter_settled(self, now: i64) -> Option<Record>;
}

impl Settled for Option<Record> {
    fn filter_settled(self, now: i64) -> Option<Record> {
        self.and_then(|mut record| record.settle(now).then_some(record))
    }
}
