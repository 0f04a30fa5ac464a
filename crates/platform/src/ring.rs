//! A queue with two bounds that drops its oldest items and counts them.
//! It knows neither time nor who waits; logs, audits and event subscribers are built on it.

use std::collections::VecDeque;

/// Items in order, at most so many and so many bytes.
#[derive(Debug)]
pub(crate) struct BoundedRing<T> {
    items: VecDeque<(T, usize)>,
    max_items: usize,
    max_bytes: usize,
    bytes: usize,
    dropped: u64,
}

impl<T> BoundedRing<T> {
    /// An empty ring. With room for no item everything is dropped.
    pub(crate) fn new(max_items: usize, max_bytes: usize) -> Self {
        Self { items: VecDeque::new(), max_items, max_bytes, bytes: 0, dropped: 0 }
    }

    /// Appends an item of a size, and drops the oldest until it fits. An item that can never fit is dropped itself.
    pub(crate) fn push(&mut self, item: T, bytes: usize) {
        if bytes > self.max_bytes || self.max_items == 0 {
            self.dropped += 1;
            return;
        }
        while self.items.len() >= self.max_items || self.bytes > self.max_bytes - bytes {
            if self.pop().is_none() {
                break;
            }
            self.dropped += 1;
        }
        self.bytes += bytes;
        self.items.push_back((item, bytes));
    }

    /// Takes the oldest item.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let (item, bytes) = self.items.pop_front()?;
        self.bytes -= bytes;
        Some(item)
    }

    /// How many items were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many items were dropped since this was last asked.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// The items, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(item, _)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_oldest_items_go_first() {
        let mut ring = BoundedRing::new(2, 10);
        for item in [1, 2, 3] {
            ring.push(item, 1);
        }
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [2, 3]);
        ring.push(4, 10);
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [4]);
        assert_eq!(ring.dropped(), 3);
    }

    #[test]
    fn an_item_that_never_fits_displaces_nothing() {
        let mut ring = BoundedRing::new(2, 10);
        ring.push(1, 1);
        ring.push(2, 11);
        assert_eq!((ring.iter().copied().collect::<Vec<_>>(), ring.take_dropped()), (vec![1], 1));
        assert_eq!(ring.take_dropped(), 0);
    }

    proptest! {
        #[test]
        fn what_went_in_is_there_taken_or_counted(
            pushes in prop::collection::vec((0usize..8, prop::bool::ANY), 0..64),
            max_items in 0usize..5,
            max_bytes in 0usize..16,
        ) {
            let mut ring = BoundedRing::new(max_items, max_bytes);
            let mut taken = 0;
            for (at, (bytes, pop)) in pushes.iter().enumerate() {
                ring.push(at, *bytes);
                taken += u64::from(*pop && ring.pop().is_some());
                prop_assert!(ring.items.len() <= max_items && ring.bytes <= max_bytes);
                prop_assert_eq!(ring.bytes, ring.items.iter().map(|(_, bytes)| bytes).sum::<usize>());
                prop_assert_eq!(at as u64 + 1, taken + ring.dropped() + ring.items.len() as u64);
            }
        }
    }
}
