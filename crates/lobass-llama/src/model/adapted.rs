//! Putting an adapter on a model, and baking it in.

use burn::module::Param;
use burn::tensor::Tensor;

use super::Llama;
use super::embedding::Embedding;
use super::linear::Linear;
use super::lora::Lora;
use super::norm::RmsNorm;
use super::source::parameter_id;

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

/// A module whose weight an adapter may replace.
enum Whole<'a> {
    Embedding(&'a mut Embedding),
    Linear(&'a mut Linear),
    Norm(&'a mut RmsNorm),
}

impl Llama {
    /// Freezes every weight; what is put on the model after that is trained.
    pub(crate) fn freeze(&mut self) {
        self.model.embed_tokens.frozen = true;
        self.model.norm.frozen = true;
        if let Some(head) = &mut self.lm_head {
            head.frozen = true;
        }
        for layer in &mut self.model.layers {
            for linear in layer.linears_mut() {
                linear.1.frozen = true;
            }
            for norm in layer.norms_mut() {
                norm.1.frozen = true;
            }
        }
    }

    /// Puts a low-rank update on the projection of a path, `model.layers.0.self_attn.q_proj`.
    ///
    /// # Panics
    /// If there is no such projection; [`Llama::projections`] lists them.
    pub(crate) fn put_lora(&mut self, path: &str, weights: LoraWeights) {
        let LoraWeights { a, b, scale, dropout } = weights;
        let linear = self.linear_mut(path).unwrap_or_else(|| unreachable!("`{path}` is a projection"));
        linear.lora = Some(Lora {
            a: Param::initialized(parameter_id(&format!("{path}.lora_A.weight")), a),
            b: Param::initialized(parameter_id(&format!("{path}.lora_B.weight")), b),
            scale,
            dropout,
        });
    }

    /// The low-rank update of a projection.
    pub(crate) fn lora(&self, path: &str) -> Option<LoraWeights> {
        let (at, name) = of_layer(path)?;
        let mut linears = self.model.layers.get(at)?.linears().into_iter();
        let Lora { a, b, scale, dropout } = linears.find(|(found, _)| *found == name)?.1.lora.as_ref()?;
        Some(LoraWeights { a: a.val(), b: b.val(), scale: *scale, dropout: *dropout })
    }

    /// Every projection that an adapter may update: its path, and its `[out, in]`.
    pub(crate) fn projections(&self) -> Vec<(String, [usize; 2])> {
        let mut projections = Vec::new();
        for (at, layer) in self.model.layers.iter().enumerate() {
            for (name, linear) in layer.linears() {
                projections.push((format!("model.layers.{at}.{name}"), linear.weight.dims()));
            }
        }
        projections
    }

    /// The paths of modules that an adapter may replace, without their `.weight`.
    pub(crate) fn replaceable(&self) -> Vec<String> {
        let mut paths = vec!["lm_head".to_owned(), "model.embed_tokens".to_owned(), "model.norm".to_owned()];
        for (at, layer) in self.model.layers.iter().enumerate() {
            paths.extend(layer.norms().map(|(name, _)| format!("model.layers.{at}.{name}")));
        }
        paths
    }

    /// The weight of a module, `[rows, width]`; a norm has one row. The head of a tied model is its embedding.
    pub(crate) fn whole_weight(&self, path: &str) -> Option<Tensor<2>> {
        let (embedding, head) = (&self.model.embed_tokens, &self.lm_head);
        match path {
            "lm_head" => Some(head.as_ref().map_or(embedding.weight.val(), |head| head.weight.val())),
            "model.embed_tokens" => Some(embedding.weight.val()),
            "model.norm" => Some(self.model.norm.weight.val().unsqueeze()),
            _ => {
                let (at, name) = of_layer(path)?;
                let norm = self.model.layers.get(at)?.norms().find(|(found, _)| *found == name)?.1;
                Some(norm.weight.val().unsqueeze())
            }
        }
    }

    /// Replaces the weight of a module by one that is trained. A head that was the embedding becomes one of its own,
    /// as PEFT has it.
    ///
    /// # Panics
    /// If there is no such module; [`Llama::replaceable`] lists them.
    pub(crate) fn replace_whole(&mut self, path: &str, weight: Tensor<2>) {
        if self.lm_head.is_none() && matches!(path, "lm_head" | "model.embed_tokens") {
            self.untie();
        }
        match self.whole_mut(path).unwrap_or_else(|| unreachable!("`{path}` can be replaced")) {
            Whole::Embedding(embedding) => {
                embedding.weight = Param::initialized(embedding.weight.id, weight);
                embedding.frozen = false;
            }
            Whole::Linear(linear) => {
                linear.weight = Param::initialized(linear.weight.id, weight);
                linear.frozen = false;
            }
            Whole::Norm(norm) => {
                norm.weight = Param::initialized(norm.weight.id, weight.squeeze_dim(0));
                norm.frozen = false;
            }
        }
    }

    /// Replaces the embedding by one that is trained, and with it the head of a tied model.
    pub(crate) fn replace_embedding(&mut self, weight: Tensor<2>) {
        let embedding = &mut self.model.embed_tokens;
        embedding.weight = Param::initialized(embedding.weight.id, weight);
        embedding.frozen = false;
    }

    /// Gives a tied model a head of its own, with the same values.
    fn untie(&mut self) {
        let embedding = &self.model.embed_tokens;
        self.lm_head = Some(Linear {
            weight: Param::initialized(parameter_id("lm_head.weight"), embedding.weight.val()),
            bias: None,
            lora: None,
            frozen: embedding.frozen,
        });
        self.config.tie_word_embeddings = false;
    }

    /// Adds every low-rank update to the weight it updates; the weights keep their dtype. Nothing is frozen any more.
    #[must_use]
    pub fn merged(mut self) -> Self {
        let compute = self.compute.clone();
        self.model.embed_tokens.frozen = false;
        self.model.norm.frozen = false;
        for layer in &mut self.model.layers {
            for (_, norm) in layer.norms_mut() {
                norm.frozen = false;
            }
            for (_, linear) in layer.linears_mut() {
                linear.frozen = false;
                if let Some(lora) = linear.lora.take() {
                    let weight = linear.weight.val();
                    let dtype = weight.dtype();
                    let sum = (compute.ops().widened(weight) + lora.dense()).cast(dtype);
                    linear.weight = Param::initialized(linear.weight.id, sum);
                }
            }
        }
        if let Some(head) = &mut self.lm_head {
            head.frozen = false;
        }
        self
    }

    fn linear_mut(&mut self, path: &str) -> Option<&mut Linear> {
        let (at, name) = of_layer(path)?;
        let layer = self.model.layers.get_mut(at)?;
        layer.linears_mut().into_iter().find_map(|(found, linear)| (found == name).then_some(linear))
    }

    fn whole_mut(&mut self, path: &str) -> Option<Whole<'_>> {
        match path {
            "lm_head" => self.lm_head.as_mut().map(Whole::Linear),
            "model.embed_tokens" => Some(Whole::Embedding(&mut self.model.embed_tokens)),
            "model.norm" => Some(Whole::Norm(&mut self.model.norm)),
            _ => {
                let (at, name) = of_layer(path)?;
                let layer = self.model.layers.get_mut(at)?;
                layer.norms_mut().find_map(|(found, norm)| (found == name).then_some(Whole::Norm(norm)))
            }
        }
    }
}

/// The layer of a path, and the path within it.
fn of_layer(path: &str) -> Option<(usize, &str)> {
    let (at, name) = path.strip_prefix("model.layers.")?.split_once('.')?;
    Some((at.parse().ok()?, name))
}
