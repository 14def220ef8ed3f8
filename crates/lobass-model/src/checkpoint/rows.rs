//! Some rows of a tensor at a time, for what needs no whole model.

use std::borrow::Cow;
use std::ops::Range;

use super::coded::Coded;
use super::convert::widened;
use super::tensors::{Tensors, rows_of};
use super::{Checkpoint, expected_tensors};
use crate::names::Piece;
use crate::{Dtype, TensorSpec};

/// A tensor of a checkpoint's model, of which rows are read. A vector has a row for each value.
#[derive(Debug)]
pub struct TensorRows<'a> {
    tensors: &'a Tensors,
    /// The name in the layout.
    name: &'a str,
    piece: &'a Piece,
    content: Content<'a>,
}

#[derive(Debug)]
enum Content<'a> {
    /// Values as they are stored, and the shape of the stored tensor. Those that were rounded are in memory.
    Plain { bytes: Cow<'a, [u8]>, dtype: Dtype, shape: &'a [usize] },
    /// Values in few bits.
    Coded(&'a Coded),
}

impl Checkpoint {
    /// The tensors of its model, by the model's names. A tied head is not one of them.
    pub fn tensors(&self) -> Vec<TensorSpec> {
        expected_tensors(self.spec())
    }

    /// A tensor of its model, whose rows can be read.
    ///
    /// # Panics
    /// If the model has no tensor of this name.
    pub fn rows(&self, name: &str) -> TensorRows<'_> {
        let tensors = &self.tensors;
        let (spec, piece) =
            tensors.layout.place(name).unwrap_or_else(|| unreachable!("`{name}` is a tensor of the model"));
        let content = match (tensors.coded.get(&spec.name), tensors.locate(&spec.name)) {
            (Some(coded), _) => Content::Coded(coded),
            (None, Some(place)) => {
                let (bytes, dtype) = tensors.rounded_bytes(spec, &place);
                Content::Plain { bytes, dtype, shape: &place.info.shape }
            }
            (None, None) => unreachable!("`{name}` was found when the checkpoint was opened"),
        };
        TensorRows { tensors, name: &spec.name, piece, content }
    }

    /// The names of tensors that are no part of the model and differ from those of another checkpoint: parts of a
    /// wrapper, such as a vision tower.
    pub fn differing_parts(&self, other: &Self) -> Vec<String> {
        let of = |checkpoint: &Self| -> Vec<(String, String)> {
            let carried = checkpoint.tensors.carried(&checkpoint.spec);
            carried
                .map(|(name, _, info)| (name.to_owned(), format!("{:?} {:?}", info.dtype, info.shape)))
                .collect()
        };
        let (ours, theirs) = (of(self), of(other));
        let only = |these: &[(String, String)], those: &[(String, String)]| -> Vec<String> {
            these.iter().filter(|part| !those.contains(part)).map(|(name, _)| name.clone()).collect()
        };
        let mut differing = [only(&ours, &theirs), only(&theirs, &ours)].concat();
        if differing.is_empty() {
            let (ours, theirs) = (self.tensors.carried(&self.spec), other.tensors.carried(&other.spec));
            for ((name, shard, info), (_, other_shard, other_info)) in ours.zip(theirs) {
                if shard.bytes(info) != other_shard.bytes(other_info) {
                    differing.push(name.to_owned());
                }
                shard.release(info);
                other_shard.release(other_info);
            }
        }
        differing.sort();
        differing.dedup();
        differing
    }
}

impl TensorRows<'_> {
    /// The values of some rows in `f32`.
    ///
    /// # Panics
    /// If the tensor has no such rows.
    pub fn read(&self, rows: Range<usize>) -> Vec<f32> {
        let values = match &self.content {
            Content::Coded(coded) => {
                coded.rows(self.tensors, rows_of(self.piece, coded).skip(rows.start).take(rows.len()))
            }
            Content::Plain { bytes, dtype, shape } => {
                widened(&self.piece.some_rows(rows).taken(bytes, shape, dtype.size()), *dtype)
            }
        };
        self.release();
        values
    }

    /// Lets the system drop the pages that were read.
    fn release(&self) {
        for (_, shard, info) in self.tensors.contents(self.name) {
            shard.release(info);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(name: &str) -> Checkpoint {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures");
        Checkpoint::open(std::path::Path::new(fixtures).join(name)).unwrap()
    }

    /// Plain, fused, turned, transposed, stacked, and tensors in few bits.
    #[test]
    fn rows_are_those_of_the_loaded_model() {
        for name in [
            "models/llama-tied",
            "families/phi3",
            "families/gpt_oss",
            "families/cohere2",
            "families/mixtral",
            "quantized/nf4-double",
        ] {
            let checkpoint = open(name);
            let model = checkpoint.load(Dtype::F32, &crate::DeviceName::Cpu.open()).unwrap();
            for spec in checkpoint.tensors() {
                let whole: Vec<f32> = model.weight(&spec.name).unwrap().iter::<f32>().collect();
                let rows = checkpoint.rows(&spec.name);
                let n_rows = spec.shape[0];
                let cuts = [0, n_rows / 3, n_rows / 2, n_rows];
                let read: Vec<f32> = cuts.windows(2).flat_map(|cut| rows.read(cut[0]..cut[1])).collect();
                assert!(read == whole, "{name}: {}", spec.name);
            }
        }
    }

    #[test]
    fn rounded_rows_are_those_of_the_rounded_model() {
        let checkpoint = open("models/llama-tied").rounded(crate::Rounding::Nf4).unwrap();
        let model = checkpoint.load(Dtype::F32, &crate::DeviceName::Cpu.open()).unwrap();
        let name = "model.layers.0.mlp.up_proj.weight";
        let whole: Vec<f32> = model.weight(name).unwrap().iter::<f32>().collect();
        let rows = checkpoint.rows(name);
        assert_eq!([rows.read(0..3), rows.read(3..24)].concat(), whole);
    }

    #[test]
    fn parts_of_a_wrapper_are_compared() {
        let checkpoint = open("families/llava");
        assert!(checkpoint.differing_parts(&checkpoint).is_empty());
        let plain = checkpoint.differing_parts(&open("models/llama-tied"));
        assert!(!plain.is_empty());
    }
}
