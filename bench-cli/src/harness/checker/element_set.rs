//! A set of elements.

use rustc_hash::FxHashSet;

use super::element_table::DENSE_LIMIT;
use crate::harness::history::Element;

/// A bit for each small number, and hash entries for the others. The workload broadcasts small numbers, so
/// that the checker combines lists of thousands of values in a few dozen operations on words.
#[derive(Debug, Default)]
pub(super) struct ElementSet {
    dense: Vec<u64>,
    sparse: FxHashSet<Element>,
}

impl ElementSet {
    pub(super) fn len(&self) -> usize {
        self.dense.iter().map(|word| word.count_ones() as usize).sum::<usize>() + self.sparse.len()
    }

    #[inline]
    pub(super) fn insert(&mut self, element: Element) {
        let number = element.number();
        match self.dense.get_mut(number / 64) {
            Some(word) => *word |= 1 << (number % 64),
            None => self.insert_beyond(element),
        }
    }

    /// Inserts an element beyond the end of `dense`.
    #[cold]
    fn insert_beyond(&mut self, element: Element) {
        let number = element.number();
        if number < DENSE_LIMIT {
            self.dense.resize(number / 64 + 1, 0);
            self.dense[number / 64] |= 1 << (number % 64);
        } else {
            self.sparse.insert(element);
        }
    }

    /// Adds all elements of `other`.
    pub(super) fn unite(&mut self, other: &ElementSet) {
        self.dense.resize(self.dense.len().max(other.dense.len()), 0);
        self.dense.iter_mut().zip(&other.dense).for_each(|(word, other)| *word |= other);
        self.sparse.extend(&other.sparse);
    }

    /// Removes all elements that `other` does not have.
    pub(super) fn intersect(&mut self, other: &ElementSet) {
        self.dense.truncate(other.dense.len());
        self.dense.iter_mut().zip(&other.dense).for_each(|(word, other)| *word &= other);
        self.sparse.retain(|element| other.sparse.contains(element));
    }
}

impl FromIterator<Element> for ElementSet {
    fn from_iter<I: IntoIterator<Item = Element>>(elements: I) -> ElementSet {
        let mut set = ElementSet::default();
        elements.into_iter().for_each(|element| set.insert(element));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[i64]) -> ElementSet {
        numbers.iter().map(|&number| Element::from_int(number).expect("a small number")).collect()
    }

    #[test]
    fn sets_of_small_and_large_numbers_are_combined() {
        let limit = DENSE_LIMIT as i64;
        let mut all = set(&[0, 63, 64, 64, limit]);
        assert_eq!(all.len(), 4);
        all.unite(&set(&[0, 200, limit - 1, limit + 1]));
        assert_eq!(all.len(), 7);
        all.intersect(&set(&[63, 64, 65, 200, limit, limit + 2]));
        assert_eq!(all.len(), 4);
        all.intersect(&set(&[]));
        assert_eq!(all.len(), 0);
    }
}
