//! A table with one entry per element.

use std::collections::BTreeMap;

use crate::harness::history::Element;

/// Elements below this have their entries in a vector, the others in a map. So the vector's size is bounded,
/// whatever numbers a node's reads list.
pub(super) const DENSE_LIMIT: usize = 1 << 20;

/// What is known of each element.
///
/// The workload broadcasts small whole numbers. A checker looks up every value of every read, and indexing
/// a vector needs no search.
#[derive(Debug)]
pub(super) struct ElementTable<T> {
    /// Gaps have the default.
    dense: Vec<T>,
    sparse: BTreeMap<Element, T>,
}

impl<T: Clone + Default> ElementTable<T> {
    /// An empty table for about so many elements.
    pub(super) fn with_room_for(elements: usize) -> ElementTable<T> {
        ElementTable { dense: Vec::with_capacity(elements.min(DENSE_LIMIT)), sparse: BTreeMap::new() }
    }

    /// The element's entry, or `None` if there is none. In the vector it may be a default that fills a gap.
    #[inline]
    pub(super) fn get_mut(&mut self, element: Element) -> Option<&mut T> {
        match self.dense.get_mut(element.number()) {
            Some(entry) => Some(entry),
            None => Self::sparse_entry(&mut self.sparse, element),
        }
    }

    #[cold]
    fn sparse_entry(sparse: &mut BTreeMap<Element, T>, element: Element) -> Option<&mut T> {
        sparse.get_mut(&element)
    }

    /// The element's entry, at first the default.
    pub(super) fn entry(&mut self, element: Element) -> &mut T {
        match element.number() {
            index if index < DENSE_LIMIT => {
                if index >= self.dense.len() {
                    self.dense.resize(index + 1, T::default());
                }
                &mut self.dense[index]
            }
            _ => self.sparse.entry(element).or_default(),
        }
    }

    /// All entries in the order of elements, the defaults in gaps included.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.dense.iter().chain(self.sparse.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_has_its_own_entry() {
        let limit = DENSE_LIMIT as i64;
        let elements = [3, 0, limit - 1, i64::from(u32::MAX >> 1), limit];
        let elements = elements.map(|number| Element::from_int(number).expect("a small number"));
        let mut table = ElementTable::with_room_for(4);
        for (entry, element) in (1..).zip(elements) {
            assert_eq!(table.get_mut(element).copied().unwrap_or_default(), 0);
            *table.entry(element) += entry;
        }
        assert_eq!(elements.map(|element| *table.entry(element)), [1, 2, 3, 4, 5]);
        let in_order: Vec<i32> = table.values().copied().filter(|&entry| entry != 0).collect();
        assert_eq!(in_order, [2, 1, 3, 5, 4]);
    }
}
