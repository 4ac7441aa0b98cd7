//! Which store a configuration asks for, opened by each process for itself.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use once_cell::sync::Lazy;

use super::redis::Fallback;
use super::{Account, FileStore, MemoryStore, RedisOptions, RedisStore, Store, Troubles, Unusable};
use crate::limits;

/// The records of processes that are told of no store. A cache by nature: nothing of the configuration is in it.
static IN_PROCESS: Lazy<Arc<Collections>> = Lazy::new(Arc::default);

/// Where collections are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the memory of each process.
    Memory,
    /// In a file in this directory, of that many bytes.
    File(PathBuf, u64),
    /// On a server.
    Redis(Box<RedisOptions>),
}

/// The collections of one configuration.
#[derive(Default)]
pub struct Collections {
    wanted: Mutex<Wanted>,
    store: OnceLock<Arc<dyn Store>>,
}

#[derive(Default)]
struct Wanted {
    data_dir: Option<PathBuf>,
    place: Option<Place>,
    account: Account,
}

impl Collections {
    /// Those of configurations that name no store: one for the whole process.
    pub fn in_process() -> Arc<Collections> {
        Arc::clone(&IN_PROCESS)
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `SecDataDir`.
    pub fn set_data_dir(&self, directory: PathBuf) {
        self.wanted().data_dir = Some(directory);
    }

    /// `SecCollectionStore`.
    pub fn set_place(&self, place: Place) {
        self.wanted().place = Some(place);
    }

    /// The store will count what it cannot do there, together with those of other processes: said before it is opened.
    pub fn count_in(&self, troubles: &'static Troubles) {
        self.wanted().account = Account::Shared(troubles);
    }

    /// Where they are kept: what `SecCollectionStore` says, else in `SecDataDir`, else in memory.
    pub fn place(&self) -> Place {
        let wanted = self.wanted();
        wanted.place.clone().unwrap_or_else(|| wanted.local())
    }

    /// Makes ready what children will open: before they are made, with the rights that httpd starts with. `owner` is the
    /// user and group that children will have, where these are others. An error must stop httpd; what can wait is logged.
    pub fn prepare(&self, owner: Option<(u32, u32)>) -> Result<(), String> {
        let place = match self.place() {
            Place::Redis(options) if options.fallback == Fallback::Local => self.wanted().local(),
            other => other,
        };
        let Place::File(directory, bytes) = place else {
            return Ok(());
        };
        match FileStore::prepare(&directory, bytes, owner) {
            Ok(()) => Ok(()),
            Err(Unusable::NotOurs(why)) => Err(why),
            Err(Unusable::Failed(why)) => {
                log::error!("collections cannot be kept in {why}");
                Ok(())
            }
        }
    }

    /// No thread of the store will say or begin anything any more. Whoever asks it then gets what it has at hand.
    pub fn close(&self) {
        if let Some(store) = self.store.get() {
            store.close();
        }
    }

    /// The store. The first call opens it: in a child, never before there are children. Where it cannot be opened, which is
    /// logged, memory takes its place.
    pub fn store(&self) -> &dyn Store {
        &**self.store.get_or_init(|| {
            let (place, account) = (self.place(), self.wanted().account.clone());
            match place {
                Place::Redis(options) => {
                    let local = match options.fallback {
                        Fallback::Local => Some(open_local(self.wanted().local(), account.clone())),
                        Fallback::Skip => None,
                    };
                    Arc::new(RedisStore::counting(*options, local, account))
                }
                local => open_local(local, account),
            }
        })
    }
}

impl Wanted {
    /// Where they are kept without a server.
    fn local(&self) -> Place {
        match &self.data_dir {
            Some(directory) => Place::File(directory.clone(), limits::COLLECTION_STORE_BYTES),
            None => Place::Memory,
        }
    }
}

fn open_local(place: Place, account: Account) -> Arc<dyn Store> {
    if let Place::File(directory, bytes) = place {
        match FileStore::open(&directory, bytes) {
            Ok(store) => return Arc::new(store.counting(account)),
            Err(why) => log::error!("collections are kept in memory only: {why}"),
        }
    }
    Arc::new(MemoryStore::counting(account))
}

impl Place {
    /// Reads the arguments of `SecCollectionStore`: where, and options.
    pub fn parse(place: &str, options: &[String]) -> Result<Place, String> {
        if let Some(directory) = place.strip_prefix("file:") {
            let bytes = file_options(options)?;
            return match directory.is_empty() {
                true => Err("file: wants a directory".to_owned()),
                false => Ok(Place::File(directory.into(), bytes)),
            };
        }
        if place == "memory" {
            return match options.first() {
                Some(option) => Err(format!("memory has no option {option}")),
                None => Ok(Place::Memory),
            };
        }
        if place.starts_with("lmdb:") {
            return Err(
                "collections are not kept in LMDB, which trusts its file: write file: for lmdb:"
                    .to_owned(),
            );
        }
        RedisOptions::parse(place, options).map(|options| Place::Redis(Box::new(options)))
    }
}

fn file_options(options: &[String]) -> Result<u64, String> {
    let mut bytes = limits::COLLECTION_STORE_BYTES;
    for option in options {
        let mebibytes = option
            .strip_prefix("size=")
            .and_then(|text| text.parse::<u64>().ok())
            .filter(|size| (1..=limits::COLLECTION_STORE_MAXIMUM >> 20).contains(size))
            .ok_or_else(|| format!("{option}: expected size=MEBIBYTES"))?;
        bytes = mebibytes << 20;
    }
    Ok(bytes)
}

impl std::fmt::Debug for Collections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Collections").field(&self.place()).finish()
    }
}
