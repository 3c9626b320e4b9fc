//! A table with one entry per element.

use rustc_hash::FxHashMap;

use crate::harness::history::Element;

/// Elements below this have their entries in a vector, the others in a hash table. So the vector's size is
/// bounded, whatever numbers a node's reads list.
pub(super) const DENSE_LIMIT: usize = 1 << 20;

/// What is known of each element.
///
/// The workload broadcasts small whole numbers. A checker looks up every value of every read, and indexing
/// a vector needs no hashing.
#[derive(Debug)]
pub(super) struct ElementTable<T> {
    dense: Vec<Option<T>>,
    sparse: FxHashMap<Element, T>,
}

impl<T> ElementTable<T> {
    pub(super) fn new() -> ElementTable<T> {
        ElementTable { dense: Vec::new(), sparse: FxHashMap::default() }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, element: Element) -> Option<&mut T> {
        match self.dense.get_mut(element.number()) {
            Some(entry) => entry.as_mut(),
            None => Self::sparse_entry(&mut self.sparse, element),
        }
    }

    #[cold]
    fn sparse_entry(sparse: &mut FxHashMap<Element, T>, element: Element) -> Option<&mut T> {
        sparse.get_mut(&element)
    }

    /// All entries, in no particular order.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.dense.iter().flatten().chain(self.sparse.values())
    }

    /// The element's entry, made by `default` if there is none.
    pub(super) fn get_or_insert_with(&mut self, element: Element, default: impl FnOnce() -> T) -> &mut T {
        match element.number() {
            index if index < DENSE_LIMIT => {
                if index >= self.dense.len() {
                    self.dense.resize_with(index + 1, || None);
                }
                self.dense[index].get_or_insert_with(default)
            }
            _ => self.sparse.entry(element).or_insert_with(default),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_has_its_own_entry() {
        let limit = DENSE_LIMIT as i64;
        let elements = [3, 0, limit - 1, limit, i64::from(u32::MAX >> 1)];
        let elements = elements.map(|number| Element::from_int(number).expect("a small number"));
        let mut table = ElementTable::new();
        for (entry, element) in elements.into_iter().enumerate() {
            assert_eq!(table.get_mut(element), None);
            assert_eq!(*table.get_or_insert_with(element, || entry), entry);
            assert_eq!(*table.get_or_insert_with(element, || usize::MAX), entry);
        }
        assert_eq!(elements.map(|element| table.get_mut(element).copied()), [0, 1, 2, 3, 4].map(Some));
    }
}
