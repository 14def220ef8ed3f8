//! What the rows before leave for the rows to come: keys and values, or states.
//!
//! A pass over packed sequences has one lane, which all of its spans go through one after the other. Where sequences are
//! continued beside each other, each span has a lane.

/// Keys and values of one layer from the beginning of a sequence to the rows before the next, copied into one piece
/// each. Where sequences part, the second one overwrites what the first had beyond their common beginning.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyLane {
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// States where sequences may go on: after each run of rows from the beginning of a sequence to the latest row.
#[derive(Debug, Clone, Default)]
pub(crate) struct StateLane(Vec<(usize, Vec<f32>)>);

/// Lanes of one kind: one for all spans of a pass, or one for each.
#[derive(Debug)]
pub(crate) struct Lanes<L>(Vec<L>);

/// Lanes of keys and values.
pub(crate) type KeyPath = Lanes<KeyLane>;

/// Lanes of states.
pub(crate) type StatePath = Lanes<StateLane>;

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

/// What a layer keeps of one sequence.
#[derive(Debug, Clone, Default)]
pub(crate) struct LayerLane {
    keys: KeyLane,
    convolutions: [StateLane; 3],
    rule: StateLane,
}

impl<L: Default> Default for Lanes<L> {
    fn default() -> Self {
        Self(vec![L::default()])
    }
}

impl<L> Lanes<L> {
    /// The lane of a span.
    pub(super) fn of_span(&mut self, span: usize) -> &mut L {
        let last = self.0.len() - 1;
        &mut self.0[span.min(last)]
    }
}

impl LayerPath {
    /// A lane for each of some sequences.
    pub(crate) fn of_lanes(lanes: Vec<LayerLane>) -> Self {
        let mut path = Self { keys: Lanes(Vec::new()), ..Self::default() };
        let [q, k, v] = &mut path.convolutions;
        for states in [q, k, v, &mut path.rule] {
            states.0.clear();
        }
        for LayerLane { keys, convolutions, rule } in lanes {
            path.keys.0.push(keys);
            path.convolutions.iter_mut().zip(convolutions).for_each(|(states, lane)| states.0.push(lane));
            path.rule.0.push(rule);
        }
        path
    }

    /// The lanes, each with the state after its latest row only.
    pub(crate) fn into_lanes(self) -> impl Iterator<Item = LayerLane> {
        let [q, k, v] = self.convolutions.map(|states| states.0.into_iter());
        let states = q.zip(k).zip(v).zip(self.rule.0);
        self.keys.0.into_iter().zip(states).map(|(keys, (((q, k), v), rule))| {
            let [q, k, v, rule] = [q, k, v, rule].map(StateLane::latest);
            LayerLane { keys, convolutions: [q, k, v], rule }
        })
    }
}

impl KeyLane {
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

impl StateLane {
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

    /// The last state alone.
    fn latest(mut self) -> Self {
        self.0.drain(..self.0.len().saturating_sub(1));
        self
    }
}
