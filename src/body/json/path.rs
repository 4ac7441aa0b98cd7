//! Where in a document the parser is, and what mod_security2 calls a value there.
//!
//! A value is named by the keys on the way to it, joined by dots. An array counts as an object whose every member has
//! the array's own key: `{"a":[1,{"b":2}]}` has `a.a` and `a.a.b`. The outermost array has the key `array`.

/// The containers that are open, and the current key of each object among them.
#[derive(Debug, Default)]
pub(super) struct Path {
    containers: Vec<Container>,
    /// The current keys, one after the other.
    keys: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Container {
    is_object: bool,
    /// Where its key starts in `keys`, of an object.
    key: usize,
}

/// What the innermost container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Innermost {
    Nothing,
    Array,
    Object,
}

impl Path {
    pub(super) fn innermost(&self) -> Innermost {
        match self.containers.last() {
            None => Innermost::Nothing,
            Some(container) if container.is_object => Innermost::Object,
            Some(_) => Innermost::Array,
        }
    }

    pub(super) fn enter(&mut self, is_object: bool) {
        self.containers.push(Container {
            is_object,
            key: self.keys.len(),
        });
    }

    pub(super) fn leave(&mut self) {
        if let Some(container) = self.containers.pop() {
            self.keys.truncate(container.key);
        }
    }

    /// How many containers are open, an outermost object not counted.
    pub(super) fn depth(&self) -> usize {
        let outermost = self.containers.first();
        let is_free = outermost.is_some_and(|container| container.is_object);
        self.containers.len() - usize::from(is_free)
    }

    pub(super) fn set_key(&mut self, key: &[u8]) {
        if let Some(container) = self.containers.last() {
            self.keys.truncate(container.key);
            self.keys.extend_from_slice(key);
        }
    }

    /// The name of the value at hand, unless it is longer than `limit`.
    pub(super) fn name(&self, limit: usize) -> Option<Vec<u8>> {
        let mut name = Name {
            text: Vec::new(),
            is_started: false,
            limit,
        };
        let mut key: Option<&[u8]> = None;
        for (index, container) in self.containers.iter().enumerate() {
            if container.is_object {
                if let Some(key) = key {
                    name.push(key)?;
                }
                let next = self.containers.get(index + 1);
                let end = next.map_or(self.keys.len(), |next| next.key);
                key = self.keys.get(container.key..end);
            } else {
                name.push(key.unwrap_or(b"array"))?;
                key = key.or(Some(b"array"));
            }
        }
        name.push(key.unwrap_or_default())?;
        Some(name.text)
    }
}

struct Name {
    text: Vec<u8>,
    is_started: bool,
    limit: usize,
}

impl Name {
    fn push(&mut self, key: &[u8]) -> Option<()> {
        if self.text.len() + usize::from(self.is_started) + key.len() > self.limit {
            return None;
        }
        if self.is_started {
            self.text.push(b'.');
        }
        self.text.extend_from_slice(key);
        self.is_started = true;
        Some(())
    }
}
