//! Many short lists in one piece of memory.

/// Lists, by number.
#[derive(Debug)]
pub(super) struct Lists<T> {
    items: Box<[T]>,
    /// Where each list ends; it begins where the one before ends.
    ends: Box<[u32]>,
}

impl<T> Lists<T> {
    /// The items of a list; none where there is no list of this number.
    #[inline(always)]
    pub fn of(&self, number: u32) -> &[T] {
        let number = number as usize;
        let Some(end) = self.ends.get(number) else {
            return &[];
        };
        let begin = number.checked_sub(1).and_then(|last| self.ends.get(last));
        let begin = begin.map_or(0, |begin| *begin as usize);
        self.items.get(begin..*end as usize).unwrap_or_default()
    }

    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

impl<T, L: IntoIterator<Item = T>> FromIterator<L> for Lists<T> {
    fn from_iter<I: IntoIterator<Item = L>>(lists: I) -> Self {
        let (mut items, mut ends) = (Vec::new(), Vec::new());
        for list in lists {
            items.extend(list);
            ends.push(u32::try_from(items.len()).unwrap_or(u32::MAX));
        }
        Lists {
            items: items.into(),
            ends: ends.into(),
        }
    }
}
