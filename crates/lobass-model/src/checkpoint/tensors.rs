//! The tensors of a checkpoint's files, by the names of the layout.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::TensorData;
use safetensors::tensor::TensorInfo;

use super::coded::{self, Coded};
use super::convert::tensor_data;
use super::index::WeightFiles;
use super::shard::{Located, WeightShard};
use super::{EMBEDDING, HEAD, expected_tensors, rounded};
use crate::config::Quantization;
use crate::error::TensorProblem;
use crate::names::{Layout, Matched, Piece, Wrapping};
use crate::{DecoderSpec, Dtype, Finding, Rounding, TensorSpec};

/// Mapped weight files, and what is where in them.
#[derive(Debug)]
pub(super) struct Tensors {
    pub(super) shards: Vec<WeightShard>,
    /// The shard of each tensor, by its name in the files.
    files: BTreeMap<String, usize>,
    /// How the tensors of the model lie in those of the files.
    pub(super) layout: Layout,
    /// What the files have in front of the names of the layout.
    pub(super) wrapping: Wrapping,
    /// The name of a tensor in the files, by the layout's name of it, or by itself if the layout has it not.
    pub(super) places: BTreeMap<String, String>,
    /// Tensors in few bits, by the layout's names.
    pub(super) coded: BTreeMap<String, Coded>,
    /// The format that the weights of projections are rounded to.
    pub(super) rounding: Option<Rounding>,
    /// The layout's names.
    pub(super) embedding: String,
    pub(super) head: String,
    /// The embedding is stored only under the head's name.
    pub(super) embedding_is_head: bool,
}

/// One tensor of a file: what it is, and where.
pub(super) type Content<'a> = (String, &'a WeightShard, &'a TensorInfo);

impl Tensors {
    /// Finds the tensors of a model in files. Also returns how their names were matched.
    pub(super) fn new(files: WeightFiles, spec: &DecoderSpec) -> (Self, Matched) {
        let WeightFiles { shards, places: files, .. } = files;
        let layout = Layout::new(&spec.names, &expected_tensors(spec));
        let (embedding, head) = (spec.names.stored_name(EMBEDDING), spec.names.stored_name(HEAD));
        let names = Matched::new(files.keys().map(String::as_str), &spec.names, &layout, &head);
        let (places, wrapping) = (names.stored.clone(), names.wrapping.clone());
        let embedding_is_head = spec.tied && !places.contains_key(&embedding) && places.contains_key(&head);
        let (coded, rounding) = (BTreeMap::new(), None);
        let tensors = Self {
            shards,
            files,
            layout,
            wrapping,
            places,
            coded,
            rounding,
            embedding,
            head,
            embedding_is_head,
        };
        (tensors, names)
    }

    /// Unties a stored head that differs from the embedding, if the config leaves room for it.
    pub(super) fn untie(&mut self, spec: &mut DecoderSpec) {
        if spec.names.head_may_differ && self.is_tied_copy(&self.head, spec) && self.tied_copies_differ() {
            spec.tied = false;
            self.layout = Layout::new(&spec.names, &expected_tensors(spec));
        }
    }

    /// Finds tensors in few bits. Returns those that are damaged.
    pub(super) fn find_coded(&mut self, quantization: &Quantization) -> Vec<TensorProblem> {
        let (mut coded, mut problems) = (BTreeMap::new(), Vec::new());
        for tensor in self.layout.stored() {
            match coded::find(tensor, self, quantization) {
                Ok(found) => coded.extend(found.map(|found| (tensor.spec.name.clone(), found))),
                Err((name, reason)) => problems.push(TensorProblem::Coded { name, reason }),
            }
        }
        self.coded = coded;
        problems
    }

    /// Finds a tensor by its name in the layout. `None` if the files do not have it, or if it does not hold floats.
    pub(super) fn locate(&self, name: &str) -> Option<Located<'_>> {
        let (shard, info) = self.in_file(self.places.get(self.stored_name(name))?)?;
        Some(Located { shard, info, dtype: crate::dtype::from_safetensors(info.dtype)? })
    }

    /// Everything that the files have of a tensor of the layout: what each tensor is, and its bytes.
    pub(super) fn contents(&self, name: &str) -> Vec<Content<'_>> {
        if let Some(coded) = self.coded.get(name) {
            let content = |name: &String| {
                let (shard, info) = self.in_file(name)?;
                let last = name.rsplit('.').next().unwrap_or(name);
                Some((format!("{} {last} {:?} {:?}", coded.format, info.dtype, info.shape), shard, info))
            };
            return coded.names.iter().filter_map(content).collect();
        }
        let plain = |place: Located<'_>| format!("{} {:?}", place.dtype, place.info.shape);
        self.locate(name).map(|place| (plain(place), place.shard, place.info)).into_iter().collect()
    }

    /// The values of a tensor of the model.
    ///
    /// # Panics
    /// If there is no such tensor. Opening a checkpoint checks it.
    pub(super) fn data<const D: usize>(&self, name: &str, dtype: Dtype, shape: [usize; D]) -> TensorData {
        let found = self.layout.place(name);
        let (spec, piece) =
            found.unwrap_or_else(|| unreachable!("`{name}` was found when the checkpoint was opened"));
        let data = match (self.coded.get(&spec.name), self.locate(&spec.name)) {
            (Some(coded), _) => {
                let values = coded.rows(self, rows_of(piece, coded));
                tensor_data(bytemuck::cast_slice(&values), Dtype::F32, dtype, shape)
            }
            (None, Some(place)) => {
                let (bytes, stored) = self.rounded_bytes(spec, &place);
                let bytes = piece.taken(&bytes, &place.info.shape, stored.size());
                tensor_data(&bytes, stored, dtype, shape)
            }
            (None, None) => unreachable!("`{name}` was found when the checkpoint was opened"),
        };
        for (_, shard, info) in self.contents(&spec.name) {
            shard.release(info);
        }
        data
    }

    /// Whether the values of a tensor of the model are those of bf16, as its file has them.
    pub(super) fn are_bf16(&self, name: &str) -> bool {
        let Some((spec, _)) = self.layout.place(name) else { return false };
        let stored = self.locate(&spec.name).map(|place| place.dtype);
        stored == Some(Dtype::Bf16) && !self.coded.contains_key(&spec.name) && !self.is_rounded(spec)
    }

    /// The values of a tensor of the layout in `f32`.
    pub(super) fn stored_values(&self, name: &str) -> Option<Vec<f32>> {
        if let Some(coded) = self.coded.get(name) {
            return Some(coded.rows(self, 0..coded.n_rows()));
        }
        let place = self.locate(name)?;
        let spec = self.layout.stored().iter().find(|tensor| tensor.spec.name == name);
        match spec {
            Some(tensor) if self.is_rounded(&tensor.spec) => Some(self.rounded_values(&place)),
            _ => Some(values_of(&place)),
        }
    }

    /// Whether the weights of a tensor of the layout are rounded: those that linear modules have, without the head.
    ///
    /// Source: `get_keys_to_not_convert` and `replace_with_bnb_linear` of transformers.
    pub(super) fn is_rounded(&self, spec: &TensorSpec) -> bool {
        let is_matrix = spec.shape.len() == 2 && spec.name.ends_with(".weight");
        self.rounding.is_some() && is_matrix && spec.name != self.embedding && spec.name != self.head
    }

    fn rounded_values(&self, place: &Located<'_>) -> Vec<f32> {
        let mut values = values_of(place);
        if let Some(to) = self.rounding {
            rounded::round(&mut values, to, place.dtype);
        }
        values
    }

    /// The bytes of a plain tensor and their dtype, rounded if it is one that is.
    pub(super) fn rounded_bytes<'a>(&self, spec: &TensorSpec, place: &Located<'a>) -> (Cow<'a, [u8]>, Dtype) {
        match self.is_rounded(spec) {
            false => (Cow::Borrowed(place.bytes()), place.dtype),
            true => {
                let values = self.rounded_values(place);
                (Cow::Owned(bytemuck::cast_slice(&values).to_vec()), Dtype::F32)
            }
        }
    }

    /// Says that weights are decoded, if some are.
    pub(super) fn coded_finding(&self) -> Option<Finding> {
        Some(Finding::Decoded { format: self.format()?, count: self.coded.len() })
    }

    /// The format of the tensors in few bits, if some are.
    pub(super) fn format(&self) -> Option<String> {
        Some(self.coded.values().next()?.format.to_string())
    }

    /// The name that a tensor of the layout has in the files.
    pub(super) fn file_name(&self, name: &str) -> String {
        self.places.get(name).cloned().unwrap_or_else(|| self.wrapping.outer(name))
    }

    /// The names in the files of what tensors in few bits are made of.
    pub(super) fn names_of_coded(&self) -> BTreeSet<&str> {
        self.coded.values().flat_map(|coded| &coded.names).map(String::as_str).collect()
    }

    /// Tensors that are no part of the model, by their names in the files, in the order of names.
    pub(super) fn carried(
        &self,
        spec: &DecoderSpec,
    ) -> impl Iterator<Item = (&str, &WeightShard, &TensorInfo)> {
        let carried = self.files.keys().filter(|name| spec.names.is_carried(name));
        carried.filter_map(|name| {
            let (shard, info) = self.in_file(name)?;
            Some((name.as_str(), shard, info))
        })
    }

    pub(super) fn stored_name<'a>(&'a self, name: &'a str) -> &'a str {
        if self.embedding_is_head && name == self.embedding { &self.head } else { name }
    }

    fn in_file(&self, name: &str) -> Option<(&WeightShard, &TensorInfo)> {
        let shard = &self.shards[*self.files.get(name)?];
        Some((shard, shard.info(name)?))
    }

    pub(super) fn info_of_file(&self, name: &str) -> Option<&TensorInfo> {
        Some(self.in_file(name)?.1)
    }

    pub(super) fn bytes_of_file(&self, name: &str) -> Option<&[u8]> {
        let (shard, info) = self.in_file(name)?;
        Some(shard.bytes(info))
    }

    /// The values of a small tensor of floats, or of exponents with bias 127.
    pub(super) fn floats_of_file(&self, name: &str) -> Option<Vec<f32>> {
        let (shard, info) = self.in_file(name)?;
        let bytes = shard.bytes(info);
        if info.dtype == safetensors::Dtype::F8_E8M0 {
            return Some(bytes.iter().map(|&exponent| 2.0_f32.powi(i32::from(exponent) - 127)).collect());
        }
        let dtype = crate::dtype::from_safetensors(info.dtype)?;
        let count = info.shape.iter().product();
        Some(tensor_data(bytes, dtype, Dtype::F32, [count]).iter::<f32>().collect())
    }
}

/// The values of a plain tensor.
fn values_of(place: &Located<'_>) -> Vec<f32> {
    let count = place.info.shape.iter().product();
    tensor_data(place.bytes(), place.dtype, Dtype::F32, [count]).iter::<f32>().collect()
}

/// The rows of a tensor in few bits that are a piece of it. These tensors are `[out, in]`, also where plain ones are
/// transposed.
pub(super) fn rows_of<'a>(piece: &'a Piece, coded: &Coded) -> impl Iterator<Item = usize> + 'a {
    let [.., rows, _] = *coded.shape else { unreachable!("a tensor in few bits is a matrix or a stack") };
    let first = piece.slab.unwrap_or_default() * rows;
    let n_rows = piece.rows.as_ref().map_or(rows, Vec::len);
    (0..n_rows).map(move |row| first + piece.rows.as_ref().map_or(row, |rows| rows[row]))
}
