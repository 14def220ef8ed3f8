//! Union-find: what is connected, by whatever path, is one.

/// A forest over numbered texts. A root is the smallest number of its tree, so the trees depend on nothing but what is
/// connected.
#[derive(Debug, Clone)]
pub(super) struct Union {
    parents: Vec<u32>,
}

impl Union {
    /// Nothing is connected.
    #[expect(clippy::cast_possible_truncation, reason = "texts are numbered in 32 bits")]
    pub(super) fn new(n: usize) -> Self {
        Self { parents: (0..n).map(|at| at as u32).collect() }
    }

    /// The root of a text; texts on the way are attached nearer to it.
    pub(super) fn root(&mut self, mut text: u32) -> u32 {
        while self.parents[text as usize] != text {
            let above = self.parents[self.parents[text as usize] as usize];
            self.parents[text as usize] = above;
            text = above;
        }
        text
    }

    /// The root of a text.
    pub(super) fn root_of(&self, mut text: u32) -> u32 {
        while self.parents[text as usize] != text {
            text = self.parents[text as usize];
        }
        text
    }

    /// Connects two texts.
    pub(super) fn connect(&mut self, left: u32, right: u32) {
        let (left, right) = (self.root(left), self.root(right));
        self.parents[left.max(right) as usize] = left.min(right);
    }

    /// Connects what is connected in another forest over the same texts.
    #[expect(clippy::cast_possible_truncation, reason = "texts are numbered in 32 bits")]
    pub(super) fn join(&mut self, other: &mut Self) {
        for text in 0..self.parents.len() as u32 {
            let root = other.root(text);
            if root != text {
                self.connect(text, root);
            }
        }
    }
}
