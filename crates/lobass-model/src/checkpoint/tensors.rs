//! The tensors of a checkpoint's files, by the names of the layout.

use std::collections::BTreeMap;

use burn::tensor::TensorData;
use safetensors::tensor::TensorInfo;

use super::convert::tensor_data;
use super::index::WeightFiles;
use super::shard::{Located, WeightShard};
use super::{EMBEDDING, HEAD, expected_tensors};
use crate::names::{Layout, Matched, Wrapping};
use crate::{DecoderSpec, Dtype};

/// Mapped weight files, and what is where in them.
#[derive(Debug)]
pub(super) struct Tensors {
    pub(super) shards: Vec<WeightShard>,
    /// How the tensors of the model lie in those of the files.
    pub(super) layout: Layout,
    /// What the files have in front of the names of the layout.
    pub(super) wrapping: Wrapping,
    /// Where a tensor is, by the layout's name of it, or by the file's if the layout has it not.
    pub(super) places: BTreeMap<String, Place>,
    /// The layout's names.
    pub(super) embedding: String,
    pub(super) head: String,
    /// The embedding is stored only under the head's name.
    pub(super) embedding_is_head: bool,
}

/// A shard, and the name that a tensor has in it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) shard: usize,
    pub(super) name: String,
}

impl Tensors {
    /// Finds the tensors of a model in files. Also returns how their names were matched.
    pub(super) fn new(files: WeightFiles, spec: &DecoderSpec) -> (Self, Matched) {
        let WeightFiles { shards, places, .. } = files;
        let layout = Layout::new(&spec.names, &expected_tensors(spec));
        let (embedding, head) = (spec.names.stored_name(EMBEDDING), spec.names.stored_name(HEAD));
        let names = Matched::new(places.keys().map(String::as_str), &spec.names, &layout, &head);
        let place = |(inner, name): (&String, &String)| {
            (inner.clone(), Place { shard: places[name], name: name.clone() })
        };
        let places = names.stored.iter().map(place).collect();
        let wrapping = names.wrapping.clone();
        let mut tensors =
            Self { shards, layout, wrapping, places, embedding, head, embedding_is_head: false };
        tensors.embedding_is_head = spec.tied
            && !tensors.places.contains_key(&tensors.embedding)
            && tensors.places.contains_key(&tensors.head);
        (tensors, names)
    }

    /// The tensor of a name of the layout; `None` if there is none, or none of floats.
    pub(super) fn locate(&self, name: &str) -> Option<Located<'_>> {
        let place = self.places.get(self.stored_name(name))?;
        let shard = &self.shards[place.shard];
        let info = shard.info(&place.name)?;
        Some(Located { shard, info, dtype: crate::dtype::from_safetensors(info.dtype)? })
    }

    /// The values of a tensor of the model.
    ///
    /// # Panics
    /// If there is no such tensor. Opening a checkpoint checks it.
    pub(super) fn data<const D: usize>(&self, name: &str, dtype: Dtype, shape: [usize; D]) -> TensorData {
        let found = self.layout.place(name).and_then(|(spec, piece)| Some((self.locate(&spec.name)?, piece)));
        let (place, piece) =
            found.unwrap_or_else(|| unreachable!("`{name}` was found when the checkpoint was opened"));
        let bytes = piece.taken(place.bytes(), &place.info.shape, place.dtype.size());
        let data = tensor_data(&bytes, place.dtype, dtype, shape);
        place.shard.release(place.info);
        data
    }

    /// The name that a tensor of the layout has in the files.
    pub(super) fn file_name(&self, name: &str) -> String {
        match self.places.get(name) {
            Some(place) => place.name.clone(),
            None => self.wrapping.outer(name),
        }
    }

    /// Tensors that are no part of the model, by their names in the files, in the order of names.
    pub(super) fn carried(
        &self,
        spec: &DecoderSpec,
    ) -> impl Iterator<Item = (&str, &WeightShard, &TensorInfo)> {
        let carried = self.places.values().filter(|place| spec.names.is_carried(&place.name));
        carried.filter_map(|place| {
            let shard = &self.shards[place.shard];
            Some((place.name.as_str(), shard, shard.info(&place.name)?))
        })
    }

    pub(super) fn stored_name<'a>(&'a self, name: &'a str) -> &'a str {
        if self.embedding_is_head && name == self.embedding { &self.head } else { name }
    }
}
