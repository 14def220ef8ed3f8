//! Tables that layers look up for the rows of a pass: made once, where the tensors are.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::{Bool, Device, Int, Tensor};

use super::linear::Shifts;
use super::transfer::{sent, sent_rows};
use crate::batch::{RopeTables, Rows, Span};

/// Tables of some rows of a pass.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) spans: Vec<Span>,
    /// Which rows of the part; `None` for all of them.
    chosen: Option<Tensor<1, Int>>,
    /// For each rotary embedding of the model.
    pub(super) angles: Vec<Angles>,
    /// By the window of a layer.
    masks: Vec<(Option<usize>, Masks)>,
    /// By the size of a convolution.
    shifts: Vec<(usize, Shifts)>,
}

/// Cosines and sines of rotary angles.
#[derive(Debug)]
pub(super) struct Angles {
    /// `[rows, 1, turned/2]`.
    pub(super) cos: Tensor<3>,
    /// `[rows, 1, turned/2]`.
    pub(super) sin: Tensor<3>,
    /// How many values of a head are turned.
    pub(super) turned: usize,
}

/// How a layer rotates its heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rotary {
    /// Which of the model's rotary embeddings.
    pub(crate) rope: usize,
    /// The width of a head, of which the first values are turned.
    pub(crate) head_width: usize,
}

/// Which keys queries see: nothing on the processor, whose kernels go by the spans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Masks {
    /// All queries, cut into rectangles.
    pub(super) rectangles: Vec<Rectangle>,
    /// Where the rectangles' rows, one after the other, have each query.
    pub(super) places: Option<Tensor<1, Int>>,
    /// For the backward pass: what is hidden in a sequence as long as the longest, `[T, T]`.
    pub(super) square: Option<Tensor<2, Bool>>,
}

/// Pieces of sequences side by side, filled up to the same numbers of queries and of keys.
#[derive(Debug, Clone)]
pub(super) struct Rectangle {
    pub(super) n_pieces: usize,
    /// The row of each query, `[n_pieces * n_queries]`.
    pub(super) queries: Tensor<1, Int>,
    /// The row of each key, `[n_pieces * n_keys]`.
    pub(super) keys: Tensor<1, Int>,
    /// Whether a query does not see a key, `[n_pieces, 1, 1, n_queries, n_keys]`.
    pub(super) hidden: Tensor<5, Bool>,
}

impl Tables {
    /// The tables of some rows, without masks.
    pub(crate) fn new(rows: Rows, device: &Device) -> Self {
        let Rows { chosen, spans, ropes } = rows;
        let angles = ropes.into_iter().map(|rope| Angles::new(rope, device)).collect();
        let chosen = chosen.map(|rows| sent_rows(&rows, device));
        Self { spans, chosen, angles, masks: Vec::new(), shifts: Vec::new() }
    }

    /// Adds the masks of a window, if they are not there.
    pub(crate) fn add_masks(&mut self, window: Option<usize>, masks: impl FnOnce(&[Span]) -> Masks) {
        if self.masks.iter().all(|(known, _)| *known != window) {
            let masks = masks(&self.spans);
            self.masks.push((window, masks));
        }
    }

    /// The masks of a window.
    pub(super) fn masks(&self, window: Option<usize>) -> &Masks {
        let found = self.masks.iter().find(|(known, _)| *known == window);
        &found.expect("a pass makes the masks of every layer").1
    }

    /// Adds the shifts of a convolution, if they are not there.
    pub(crate) fn add_shifts(&mut self, size: usize, shifts: impl FnOnce(&[Span]) -> Shifts) {
        if self.shifts.iter().all(|(known, _)| *known != size) {
            let shifts = shifts(&self.spans);
            self.shifts.push((size, shifts));
        }
    }

    /// The shifts of a convolution.
    pub(super) fn shifts(&self, size: usize) -> &Shifts {
        let found = self.shifts.iter().find(|(known, _)| *known == size);
        &found.expect("a pass makes the shifts of every layer").1
    }

    /// These rows of a matrix with all rows of the part.
    pub(crate) fn of(&self, matrix: Tensor<2>) -> Tensor<2> {
        match &self.chosen {
            None => matrix,
            Some(rows) => matrix.select(0, rows.clone()),
        }
    }

    /// Whether these are all rows of the part.
    pub(crate) fn is_all(&self) -> bool {
        self.chosen.is_none()
    }
}

impl Angles {
    fn new(rope: RopeTables, device: &Device) -> Self {
        let turned = rope.width();
        let (cos, sin) = rope.into_values();
        let table = |values: Vec<f32>| {
            let half = turned / 2;
            let shape = [values.len() / half, 1, half];
            sent(values, shape, device)
        };
        Self { cos: table(cos), sin: table(sin), turned }
    }
}

/// The dropout masks that a pass has made.
#[derive(Debug, Default)]
pub(crate) struct DropoutMasks {
    /// By their keys; `None` if no mask is kept.
    kept: Option<RefCell<BTreeMap<u64, Tensor<2, Bool>>>>,
}

impl DropoutMasks {
    /// Keeps masks from the forward to the backward pass, or none of them.
    pub(crate) fn new(keeps: bool) -> Self {
        Self { kept: keeps.then(RefCell::default) }
    }

    /// The mask of a key, made if it is not there.
    pub(super) fn get(&self, key: u64, make: impl FnOnce() -> Tensor<2, Bool>) -> Tensor<2, Bool> {
        match &self.kept {
            None => make(),
            Some(kept) => kept.borrow_mut().entry(key).or_insert_with(make).clone(),
        }
    }
}
