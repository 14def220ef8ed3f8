//! Causal self-attention with grouped key-value heads.

use burn::module::Module;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Tensor};

use super::linear::Linear;
use super::norm::RmsNorm;
use super::rope::RopeTables;
use super::source::{Scope, WeightSource};
use crate::{LayerConfig, LlamaConfig};

#[derive(Module, Debug)]
pub(super) struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    /// Over each head; Qwen3 only.
    q_norm: Option<RmsNorm>,
    /// Over each head; Qwen3 only.
    k_norm: Option<RmsNorm>,
    #[module(skip)]
    heads: Heads,
    #[module(skip)]
    layer: LayerConfig,
}

#[derive(Debug, Clone, Copy)]
struct Heads {
    queries: usize,
    keys: usize,
    width: usize,
}

impl Attention {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        config: &LlamaConfig,
        layer: LayerConfig,
    ) -> Result<Self, S::Error> {
        let heads = Heads {
            queries: config.num_attention_heads,
            keys: config.num_key_value_heads,
            width: config.head_dim,
        };
        let (hidden, bias) = (config.hidden_size, config.qkv_bias);
        let (queries, keys) = (heads.queries * heads.width, heads.keys * heads.width);
        let q_proj = Linear::load(&mut scope.child("q_proj"), queries, hidden, bias)?;
        let k_proj = Linear::load(&mut scope.child("k_proj"), keys, hidden, bias)?;
        let v_proj = Linear::load(&mut scope.child("v_proj"), keys, hidden, bias)?;
        let o_proj = Linear::load(&mut scope.child("o_proj"), hidden, queries, config.o_bias)?;
        let mut norm = |name: &str| match config.qk_norm {
            true => RmsNorm::load(&mut scope.child(name), heads.width, config.rms_norm_eps).map(Some),
            false => Ok(None),
        };
        let (q_norm, k_norm) = (norm("q_norm")?, norm("k_norm")?);
        Ok(Self { q_proj, k_proj, v_proj, o_proj, q_norm, k_norm, heads, layer })
    }

    /// `[B, T, hidden]` to the same.
    pub(super) fn forward(&self, input: Tensor<3>, rope: &RopeTables) -> Tensor<3> {
        let [batch, seq, hidden] = input.dims();
        let input = input.reshape([batch * seq, hidden]);
        let project = |projection: &Linear, heads: usize| {
            projection.forward(input.clone()).reshape([batch, seq, heads, self.heads.width])
        };
        let mut queries = project(&self.q_proj, self.heads.queries);
        let mut keys = project(&self.k_proj, self.heads.keys);
        let values = project(&self.v_proj, self.heads.keys).swap_dims(1, 2);
        if let (Some(q_norm), Some(k_norm)) = (&self.q_norm, &self.k_norm) {
            queries = q_norm.forward(queries);
            keys = k_norm.forward(keys);
        }
        let (mut queries, mut keys) = (queries.swap_dims(1, 2), keys.swap_dims(1, 2)); // [B, heads, T, D]
        if self.layer.rotary {
            queries = rope.rotate(queries);
            keys = rope.rotate(keys);
        }
        let context = self.attend(queries, keys, values); // [B, H, T, D]
        let context = context.swap_dims(1, 2).reshape([batch * seq, self.heads.queries * self.heads.width]);
        self.o_proj.forward(context).reshape([batch, seq, hidden])
    }

    fn attend(&self, queries: Tensor<4>, mut keys: Tensor<4>, mut values: Tensor<4>) -> Tensor<4> {
        let [batch, _, seq, _] = queries.dims();
        // Only the CPU kernel reads grouped heads as they are; autodiff decomposes attention into products.
        if queries.is_autodiff() {
            keys = self.repeat_heads(keys);
            values = self.repeat_heads(values);
        }
        let window = self.layer.sliding_window.filter(|&window| window < seq);
        let mask = window.map(|window| {
            outside_window(seq, window, &queries.device()).expand([batch, self.heads.queries, seq, seq])
        });
        let options = AttentionModuleOptions { is_causal: true, ..Default::default() };
        attention(queries, keys, values, mask, None, options)
    }

    /// `[B, K, T, D]` to `[B, H, T, D]`: key-value head `k` serves `H / K` neighbouring query heads.
    fn repeat_heads(&self, heads: Tensor<4>) -> Tensor<4> {
        let groups = self.heads.queries / self.heads.keys;
        if groups == 1 {
            return heads;
        }
        let [batch, keys, seq, width] = heads.dims();
        heads.unsqueeze_dim::<5>(2).expand([batch, keys, groups, seq, width]).reshape([
            batch,
            keys * groups,
            seq,
            width,
        ])
    }
}

/// `[1, 1, T, T]`, true where query `q` is `window` or more positions after key `k`.
fn outside_window(seq: usize, window: usize, device: &Device) -> Tensor<4, Bool> {
    let window = i64::try_from(window).expect("shorter than the sequence");
    // `tril_mask` is false on and below its diagonal; what it leaves true is inside the window or in the future.
    Tensor::<2, Bool>::tril_mask([seq, seq], -window, device).bool_not().unsqueeze()
}
