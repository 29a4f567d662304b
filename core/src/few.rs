//! A list that mostly has one element, which then needs no memory of its own.

/// Elements in the order in which they were added.
#[derive(Clone, Debug)]
pub(crate) struct Few<T> {
    first: Option<T>,
    /// Empty, but for what was added while there was a first one.
    others: Vec<T>,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self {
            first: None,
            others: Vec::new(),
        }
    }
}

impl<T> Few<T> {
    /// Adds an element behind the others.
    pub(crate) fn push(&mut self, element: T) {
        match (&self.first, self.others.is_empty()) {
            (None, true) => self.first = Some(element),
            _ => self.others.push(element),
        }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.others)
    }

    /// All of them, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.first.iter_mut().chain(&mut self.others)
    }

    /// Keeps those of which this is true.
    pub(crate) fn retain(&mut self, is_kept: impl Fn(&T) -> bool) {
        self.first.take_if(|element| !is_kept(element));
        self.others.retain(is_kept);
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<std::option::IntoIter<T>, std::vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stay_in_the_order_in_which_they_were_added() {
        let mut few = Few::default();
        let all = |few: &Few<u8>| Vec::from_iter(few.iter().copied());
        assert!(all(&few).is_empty());
        for element in 1..=3 {
            few.push(element);
        }
        assert_eq!(all(&few), [1, 2, 3]);
        few.retain(|element| *element != 1);
        few.push(4);
        assert_eq!(all(&few), [2, 3, 4]);
        for element in few.iter_mut() {
            *element += 1;
        }
        few.retain(|element| *element != 4);
        assert_eq!(Vec::from_iter(few), [3, 5]);
    }
}
