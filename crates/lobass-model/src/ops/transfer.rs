//! What crosses between the memory of the processor and that of a device.
//!
//! Each crossing makes a card wait. So tables are sent once a pass, and results are read once a pass: a layer sends and
//! reads nothing. Tests count.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// Sends values to a device.
pub(crate) fn sent<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    #[cfg(test)]
    count::add();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Sends row numbers to a device.
#[expect(clippy::cast_possible_wrap, reason = "rows are far below 2^63")]
pub(crate) fn sent_rows(rows: &[usize], device: &Device) -> Tensor<1, Int> {
    sent_numbers(rows.iter().map(|&row| row as i64).collect(), device)
}

/// Sends numbers of tokens to a device.
pub(crate) fn sent_tokens(tokens: &[u32], device: &Device) -> Tensor<1, Int> {
    sent_numbers(tokens.iter().map(|&token| i64::from(token)).collect(), device)
}

fn sent_numbers(numbers: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    #[cfg(test)]
    count::add();
    let count = numbers.len();
    Tensor::from_data(TensorData::new(numbers, [count]), device)
}

/// Reads values of any float format from a device, in the order of memory.
pub(crate) fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    #[cfg(test)]
    count::add();
    tensor.cast(DType::F32).into_data().try_into_vec().expect("values are f32")
}

/// How often something crossed, on this thread.
#[cfg(test)]
pub(crate) mod count {
    use std::cell::Cell;

    thread_local!(static CROSSINGS: Cell<usize> = const { Cell::new(0) });

    pub(super) fn add() {
        CROSSINGS.set(CROSSINGS.get() + 1);
    }

    /// The crossings of some work, and its result.
    pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (usize, T) {
        let before = CROSSINGS.get();
        let result = work();
        (CROSSINGS.get() - before, result)
    }
}
