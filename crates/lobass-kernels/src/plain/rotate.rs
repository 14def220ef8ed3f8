//! The reference of the rotary embedding.

/// [`rotate`](crate::rotate()), one pair after another.
pub fn rotate(x: &mut [f64], cos: &[f64], sin: &[f64], heads: usize, dim: usize) {
    for (at, pair) in pairs(x.len(), heads, dim) {
        let (a, b) = (x[at], x[at + dim / 2]);
        x[at] = a * cos[pair] - b * sin[pair];
        x[at + dim / 2] = b * cos[pair] + a * sin[pair];
    }
}

/// [`rotate_backward`](crate::rotate_backward), one pair after another.
pub fn rotate_backward(dy: &mut [f64], cos: &[f64], sin: &[f64], heads: usize, dim: usize) {
    for (at, pair) in pairs(dy.len(), heads, dim) {
        let (a, b) = (dy[at], dy[at + dim / 2]);
        dy[at] = a * cos[pair] + b * sin[pair];
        dy[at + dim / 2] = b * cos[pair] - a * sin[pair];
    }
}

/// Where the first half of each pair is, and its angle.
fn pairs(len: usize, heads: usize, dim: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..len / dim).flat_map(move |head| {
        let row = head / heads;
        (0..dim / 2).map(move |i| (head * dim + i, row * (dim / 2) + i))
    })
}
