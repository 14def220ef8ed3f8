//! The reference of the rotary embedding.

use crate::Turned;

/// [`rotate`](crate::rotate()), one pair after another.
pub fn rotate(x: &mut [f64], cos: &[f64], sin: &[f64], heads: Turned) {
    for (at, pair) in pairs(x.len(), heads) {
        let (a, b) = (x[at], x[at + heads.turned / 2]);
        x[at] = a * cos[pair] - b * sin[pair];
        x[at + heads.turned / 2] = b * cos[pair] + a * sin[pair];
    }
}

/// [`rotate_backward`](crate::rotate_backward), one pair after another.
pub fn rotate_backward(dy: &mut [f64], cos: &[f64], sin: &[f64], heads: Turned) {
    for (at, pair) in pairs(dy.len(), heads) {
        let (a, b) = (dy[at], dy[at + heads.turned / 2]);
        dy[at] = a * cos[pair] + b * sin[pair];
        dy[at + heads.turned / 2] = b * cos[pair] - a * sin[pair];
    }
}

/// Where the first half of each pair is, and its angle.
fn pairs(len: usize, heads: Turned) -> impl Iterator<Item = (usize, usize)> {
    let half = heads.turned / 2;
    (0..len / heads.width).flat_map(move |head| {
        let row = head / heads.heads;
        (0..half).map(move |i| (head * heads.width + i, row * half + i))
    })
}
