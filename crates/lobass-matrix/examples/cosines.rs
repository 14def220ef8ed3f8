//! Writes a matrix, maps it, and compares its rows.
//!
//! Run with `cargo run -p lobass-matrix --example cosines`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_matrix::{Format, Matrix, MatrixWriter, Shape};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("lobass-cosines-{}.safetensors", std::process::id()));
    let mut writer = MatrixWriter::create(&path, Shape { n_rows: 3, dim: 2 }, Format::F32, "an example")?;
    writer.push(Some(&[1.0, 0.0]))?;
    writer.push(None)?; // this row could not be computed
    writer.push(Some(&[0.6, 0.8]))?;
    writer.finish()?;

    let matrix = Matrix::open(&path)?;
    println!("{} of {} rows have a vector", matrix.n_present(), matrix.shape().n_rows);
    let dot = |left: &[f32], right: &[f32]| left.iter().zip(right).map(|(l, r)| l * r).sum::<f32>();
    if let (Some(left), Some(right)) = (matrix.row(0), matrix.row(2)) {
        println!("the cosine of the first and the last is {}", dot(&left, &right));
    }
    fs_err::remove_file(path)?;
    Ok(())
}
