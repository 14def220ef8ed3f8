//! The keys and values that the rows to come can see.

/// Keys and values of one layer from the beginning of a sequence to the rows before the next, copied into one piece
/// each. Where sequences part, the second one overwrites what the first had beyond their common beginning.
#[derive(Debug, Default)]
pub(crate) struct KeyPath {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl KeyPath {
    /// Writes the keys and values of rows that begin at a position, as many numbers each as `widths` says, and returns
    /// everything up to the last of them.
    pub(super) fn extended(
        &mut self,
        position: usize,
        widths: [usize; 2],
        keys: &[f32],
        values: &[f32],
    ) -> (&[f32], &[f32]) {
        let paths = [(&mut self.keys, keys), (&mut self.values, values)];
        for ((path, rows), width) in paths.into_iter().zip(widths) {
            let start = position * width;
            path.truncate(start);
            debug_assert_eq!(path.len(), start, "what comes before is there");
            path.extend_from_slice(rows);
        }
        (&self.keys, &self.values)
    }
}

/// What a layer keeps of the rows before, for the parts of a pass to come.
#[derive(Debug, Default)]
pub(crate) struct LayerPath {
    /// Of attention.
    pub(crate) keys: KeyPath,
    /// Of the convolutions of queries, keys, and values in linear attention.
    pub(crate) convolutions: [StatePath; 3],
    /// Of the delta rule.
    pub(crate) rule: StatePath,
}

/// States where sequences may go on: after each run of rows from the beginning of a sequence to the latest row.
#[derive(Debug, Default)]
pub(crate) struct StatePath(Vec<(usize, Vec<f32>)>);

impl StatePath {
    /// The state before the row at a position: `length` zeros at the beginning of a sequence.
    pub(super) fn before(&mut self, position: usize, length: usize) -> Vec<f32> {
        while self.0.last().is_some_and(|(end, _)| *end > position) {
            self.0.pop();
        }
        match self.0.last().filter(|_| position > 0) {
            None => vec![0.0; length],
            Some((end, state)) => {
                debug_assert_eq!(*end, position, "what comes before is there");
                state.clone()
            }
        }
    }

    /// Keeps the state after the rows before a position.
    pub(super) fn keep(&mut self, position: usize, state: Vec<f32>) {
        self.0.push((position, state));
    }
}
