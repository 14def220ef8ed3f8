//! Putting an adapter on a model, and baking it in.

use burn::module::Param;
use burn::tensor::Tensor;

use super::decoder::Decoder;
use super::linear::Linear;
use super::lora::Lora;
use super::parts::{Part, PartMut, Parts as _};
use super::source::parameter_id;

/// Paths of modules.
const DECODER: &str = "model";
const EMBEDDING: &str = "model.embed_tokens";
const HEAD: &str = "lm_head";

/// The low-rank update of one projection.
#[derive(Debug, Clone)]
pub(crate) struct LoraWeights {
    /// `[rank, in]`.
    pub(crate) a: Tensor<2>,
    /// `[out, rank]`.
    pub(crate) b: Tensor<2>,
    pub(crate) scale: f64,
    pub(crate) dropout: f64,
}

impl Decoder {
    /// Freezes every weight; what is put on the model after that is trained.
    pub(crate) fn freeze(&mut self) {
        self.parts_mut("", &mut |_, mut part| part.set_frozen(true));
    }

    /// Puts a low-rank update on the projection of a path, `model.layers.0.self_attn.q_proj`. Projections that are one
    /// module in files share the parameter `a`, by the path `stored` of that module.
    ///
    /// # Panics
    /// If there is no such projection; [`Decoder::projections`] lists them.
    pub(crate) fn put_lora(&mut self, path: &str, stored: &str, weights: LoraWeights) {
        let LoraWeights { a, b, scale, dropout } = weights;
        let Some(PartMut::Linear(linear)) = self.part_mut(path) else {
            unreachable!("`{path}` is a projection")
        };
        linear.lora = Some(Lora {
            a: Param::initialized(parameter_id(&format!("{stored}.lora_A.weight")), a),
            b: Param::initialized(parameter_id(&format!("{path}.lora_B.weight")), b),
            scale,
            dropout,
        });
    }

    /// The low-rank update of a projection.
    pub(crate) fn lora(&self, path: &str) -> Option<LoraWeights> {
        let Part::Linear(Linear { lora: Some(lora), .. }) = self.part(path)? else { return None };
        let Lora { a, b, scale, dropout } = lora;
        Some(LoraWeights { a: a.val(), b: b.val(), scale: *scale, dropout: *dropout })
    }

    /// Every projection that an adapter may update: its path, and its `[out, in]`.
    pub(crate) fn projections(&self) -> Vec<(String, [usize; 2])> {
        let mut projections = Vec::new();
        self.model.parts(DECODER, &mut |path, part| {
            if let Part::Linear(linear) = part {
                projections.push((path, linear.weight.dims()));
            }
        });
        projections
    }

    /// The weight of a module, `[rows, width]`; a norm has one row. The head of a tied model is its embedding.
    pub(crate) fn whole_weight(&self, path: &str) -> Option<Tensor<2>> {
        match self.part(path) {
            Some(Part::Embedding(embedding)) => Some(embedding.weight.val()),
            Some(Part::Norm(norm)) => Some(norm.weight.val().unsqueeze()),
            Some(Part::Linear(linear)) if path == HEAD => Some(linear.weight.val()),
            Some(Part::Linear(_) | Part::Numbers(_) | Part::Filters(_) | Part::Constant) => None,
            None => (path == HEAD).then(|| self.model.embed_tokens.weight.val()),
        }
    }

    /// Replaces the weight of a module by one that is trained. A head that was the embedding becomes a separate one, as
    /// in PEFT.
    ///
    /// # Panics
    /// If there is no such module with a weight.
    pub(crate) fn replace_whole(&mut self, path: &str, weight: Tensor<2>) {
        if self.lm_head.is_none() && matches!(path, HEAD | EMBEDDING) {
            self.untie();
        }
        match self.part_mut(path).unwrap_or_else(|| unreachable!("`{path}` can be replaced")) {
            PartMut::Embedding(embedding) => {
                embedding.weight = Param::initialized(embedding.weight.id, weight);
                embedding.frozen = false;
            }
            PartMut::Linear(linear) => {
                linear.weight = Param::initialized(linear.weight.id, weight);
                linear.frozen = false;
            }
            PartMut::Norm(norm) => {
                norm.weight = Param::initialized(norm.weight.id, weight.squeeze_dim(0));
                norm.frozen = false;
            }
            PartMut::Numbers(_) | PartMut::Filters(_) | PartMut::Constant => {
                unreachable!("`{path}` can be replaced")
            }
        }
    }

    /// Replaces the embedding by one that is trained, and with it the head of a tied model.
    pub(crate) fn replace_embedding(&mut self, weight: Tensor<2>) {
        let embedding = &mut self.model.embed_tokens;
        embedding.weight = Param::initialized(embedding.weight.id, weight);
        embedding.frozen = false;
    }

    /// Gives a tied model a separate head with the same values.
    fn untie(&mut self) {
        let embedding = &self.model.embed_tokens;
        self.lm_head = Some(Linear {
            weight: Param::initialized(parameter_id("lm_head.weight"), embedding.weight.val()),
            bias: None,
            lora: None,
            frozen: embedding.frozen,
        });
        self.spec.tied = false;
    }

    /// Adds every low-rank update to the weight it updates; the weights keep their dtype. Nothing is frozen any more.
    #[must_use]
    pub fn merged(mut self) -> Self {
        let compute = self.compute.clone();
        self.parts_mut("", &mut |_, mut part| {
            part.set_frozen(false);
            let PartMut::Linear(linear) = part else { return };
            if let Some(lora) = linear.lora.take() {
                let weight = linear.weight.val();
                let dtype = weight.dtype();
                let sum = (compute.ops().widened(weight) + lora.dense()).cast(dtype);
                linear.weight = Param::initialized(linear.weight.id, sum);
            }
        });
        self
    }

    /// The module of a path that has a weight.
    fn part(&self, path: &str) -> Option<Part<'_>> {
        let mut found = None;
        self.parts("", &mut |of, part| {
            if of == path {
                found = Some(part);
            }
        });
        found
    }

    fn part_mut(&mut self, path: &str) -> Option<PartMut<'_>> {
        let mut found = None;
        self.parts_mut("", &mut |of, part| {
            if of == path {
                found = Some(part);
            }
        });
        found
    }
}
