//! Equal patterns and lists of phrases, compiled once for all sections and virtual hosts.
//!
//! What nobody holds any more is forgotten: a restart leaves nothing behind.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use super::compile::CompileError;
use super::phrases::Phrases;
use super::rx::{Options, Pattern};

/// Values that are in use, by what they were made of.
struct Shared<K, V> {
    known: HashMap<K, Weak<V>>,
    /// When there are so many, those that are out of use are thrown out.
    next_sweep: usize,
}

/// The fewest that are kept before it is looked for any that are out of use.
const FIRST_SWEEP: usize = 1024;

impl<K: Hash + Eq, V> Shared<K, V> {
    fn get_or_make(
        &mut self,
        key: K,
        make: impl FnOnce(&K) -> Result<V, CompileError>,
    ) -> Result<Arc<V>, CompileError> {
        if let Some(known) = self.known.get(&key).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let made = Arc::new(make(&key)?);
        if self.known.len() >= self.next_sweep {
            self.known.retain(|_, value| value.strong_count() > 0);
            self.next_sweep = FIRST_SWEEP.max(self.known.len() * 2);
        }
        self.known.insert(key, Arc::downgrade(&made));
        Ok(made)
    }
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Shared {
            known: HashMap::new(),
            next_sweep: FIRST_SWEEP,
        }
    }
}

type Store<K, V> = LazyLock<Mutex<Shared<K, V>>>;

static PATTERNS: Store<(Vec<u8>, Options), Pattern> = LazyLock::new(Mutex::default);
static PHRASES: Store<Vec<Box<[u8]>>, Phrases> = LazyLock::new(Mutex::default);

/// The pattern, compiled where no other rule has it.
///
/// # Errors
/// As [`Pattern::compile`].
pub(super) fn pattern(source: &[u8], options: Options) -> Result<Arc<Pattern>, CompileError> {
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    patterns.get_or_make((source.to_vec(), options), |(source, options)| {
        Pattern::compile(source, *options)
    })
}

/// The phrases, compiled where no other rule has them.
///
/// # Errors
/// As [`Phrases::new`].
pub(super) fn phrases(phrases: Vec<Box<[u8]>>) -> Result<Arc<Phrases>, CompileError> {
    let mut known = PHRASES.lock().unwrap_or_else(PoisonError::into_inner);
    known.get_or_make(phrases, |phrases| Phrases::new(phrases.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_patterns_are_one_while_somebody_holds_them() {
        let options = Options::default();
        let first = pattern(b"shared-[0-9]+", options).unwrap();
        let second = pattern(b"shared-[0-9]+", options).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        let caseless = Options {
            case_insensitive: true,
            ..options
        };
        let other = pattern(b"shared-[0-9]+", caseless).unwrap();
        assert!(!Arc::ptr_eq(&first, &other));
        let gone = Arc::downgrade(&first);
        drop((first, second));
        assert!(gone.upgrade().is_none());
    }

    #[test]
    fn what_is_out_of_use_is_forgotten() {
        let mut shared: Shared<usize, usize> = Shared::default();
        for key in 0..10 * FIRST_SWEEP {
            shared.get_or_make(key, |key| Ok(*key)).unwrap();
        }
        assert!(shared.known.len() <= FIRST_SWEEP, "{}", shared.known.len());
    }
}
