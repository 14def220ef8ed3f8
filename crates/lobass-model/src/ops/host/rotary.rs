//! Rotation of heads by kernels.

use burn::tensor::Tensor;

use super::lent::{Lent, Read};
use crate::ops::tables::{Rotary, Tables};

pub(super) fn rotated(
    x: Tensor<2>,
    rows: &Tables,
    how: Rotary,
    kernel: fn(&mut [f32], &[f32], &[f32], lobass_kernels::Turned),
) -> Tensor<2> {
    let (heads, angles) = (x.dims()[1] / how.head_width, &rows.angles[how.rope]);
    let turned = lobass_kernels::Turned { heads, width: how.head_width, turned: angles.turned };
    let (cos, sin) = (Read::new(&angles.cos), Read::new(&angles.sin));
    let mut x = Lent::new(x);
    kernel(x.values_mut(), cos.values::<f32>(), sin.values::<f32>(), turned);
    x.back()
}
