//! Some rows of matrices.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::buffers::{buffer, keep};
use super::lent::{Lent, Read, tensor};

/// Rows with these numbers, `[any, width]` to `[rows, width]`.
pub(super) fn selected(x: &Tensor<2>, rows: &[usize]) -> Tensor<2> {
    let width = x.dims()[1];
    let mut selected = buffer(rows.len() * width);
    lobass_kernels::select_rows(Read::new(x).values::<f32>(), rows, width, &mut selected);
    tensor(selected, [rows.len(), width])
}

/// Zeros, in a buffer of their number.
pub(super) fn zeros(mut values: Vec<f32>, shape: [usize; 2]) -> Tensor<2> {
    values.fill(0.0);
    tensor(values, shape)
}

/// Adds `weight * y` to rows with these numbers; returns `y` too.
pub(super) fn added(sum: Tensor<2>, rows: &[usize], weights: &[f32], y: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let width = y.dims()[1];
    let (mut sum, y) = (Lent::new(sum), Lent::new(y));
    lobass_kernels::add_rows(sum.values_mut(), rows, weights, y.values(), width);
    (sum.back(), y.back())
}

/// `sum(x * y)` of each row.
pub(super) fn dots(x: &Tensor<2>, y: &Tensor<2>) -> Vec<f32> {
    let [rows, width] = x.dims();
    let mut dots = vec![0.0; rows];
    let (x, y) = (Read::new(x), Read::new(y));
    lobass_kernels::row_dots(x.values::<f32>(), y.values::<f32>(), width, &mut dots);
    dots
}

/// Adds a row of `d_rows` to the row of each token. Rows of the same token are summed first.
///
/// A micro-batch has few tokens beside the vocabulary, so the whole of `gradient`, `[vocab, width]`, is neither read nor
/// copied.
pub(super) fn added_by_token(gradient: Tensor<2>, tokens: &[u32], d_rows: Tensor<2>) -> Tensor<2> {
    let width = d_rows.dims()[1];
    let (mut gradient, d_rows) = (Lent::new(gradient), Lent::new(d_rows));
    let Places { distinct, of_tokens } = Places::new(tokens);
    let mut sums = buffer(distinct.len() * width);
    sums.fill(0.0);
    lobass_kernels::add_rows(&mut sums, &of_tokens, &vec![1.0; tokens.len()], d_rows.values(), width);
    lobass_kernels::add_rows(gradient.values_mut(), &distinct, &vec![1.0; distinct.len()], &sums, width);
    keep(sums);
    gradient.back()
}

/// Tokens without repetition.
struct Places {
    distinct: Vec<usize>,
    /// The place of each token among them.
    of_tokens: Vec<usize>,
}

impl Places {
    fn new(tokens: &[u32]) -> Self {
        let (mut distinct, mut places) = (Vec::new(), BTreeMap::new());
        let mut place = |&token: &u32| {
            *places.entry(token).or_insert_with(|| {
                distinct.push(token as usize);
                distinct.len() - 1
            })
        };
        let of_tokens = tokens.iter().map(&mut place).collect();
        Self { distinct, of_tokens }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_same_token_are_summed_before_they_are_added() {
        // In another order, 1 would be lost beside 1e8 and -1e8 would leave 0.
        let gradient = tensor(vec![1.0, 7.0, 2.0, 8.0, 3.0, 9.0], [3, 2]);
        let d_rows = tensor(vec![1e8, 1.0, 5.0, 6.0, -1e8, 2.0], [3, 2]);
        let sum = added_by_token(gradient, &[0, 2, 0], d_rows);
        assert_eq!(sum.into_data().iter::<f32>().collect::<Vec<_>>(), [1.0, 10.0, 2.0, 8.0, 8.0, 15.0]);
    }
}
