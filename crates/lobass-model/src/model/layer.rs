//! One decoder layer.

use burn::module::{Module, Param};
use burn::tensor::{DType, Tensor};

use super::attention::Attention;
use super::delta_net::DeltaNet;
use super::feed_forward::{FeedForward, FeedForwardTrace};
use super::gradients::Gradients;
use super::linear::plus;
use super::mixer::{Mixer, MixerTrace};
use super::norm::Norm;
use super::parts::parts;
use super::pass::Pass;
use super::source::{Scope, WeightSource};
use super::sublayer::Norms;
use crate::ops::{LayerPath, Ops, Tables};
use crate::{LayerSpec, Placement};

#[derive(Module, Debug)]
pub(crate) struct DecoderLayer {
    pub(super) self_attn: Option<Attention>,
    /// In place of attention.
    pub(super) linear_attn: Option<DeltaNet>,
    pub(super) mlp: FeedForward,
    pub(super) input_layernorm: Option<Norm>,
    pub(super) post_attention_layernorm: Option<Norm>,
    pub(super) pre_feedforward_layernorm: Option<Norm>,
    pub(super) post_feedforward_layernorm: Option<Norm>,
    /// The factor of the output, `[1]`.
    pub(super) layer_scalar: Option<Param<Tensor<1>>>,
    #[module(skip)]
    placement: Placement,
    /// The factor of what is added to the residual stream.
    #[module(skip)]
    residual_scale: f32,
}

/// Values for a layer's backward pass. Normalized inputs are computed again, since that is cheap.
#[derive(Debug)]
pub(super) struct LayerTrace {
    /// `[rows, hidden]`.
    input: Tensor<2>,
    /// Everything else, unless it is to be made again.
    inner: Option<InnerTrace>,
}

#[derive(Debug)]
struct InnerTrace {
    attention: MixerTrace,
    /// The attention's output, `[rows, hidden]`, if it is normalized.
    attended: Option<Tensor<2>>,
    /// Between attention and MLP, `[rows, hidden]`.
    middle: Tensor<2>,
    mlp: FeedForwardTrace,
    /// The MLP's output, `[rows, hidden]`, if it is normalized.
    fed: Option<Tensor<2>>,
}

impl InnerTrace {
    fn recycle(self, ops: &dyn Ops) {
        self.attention.recycle(ops);
        ops.recycle(self.middle);
        self.mlp.recycle(ops);
        for output in [self.attended, self.fed].into_iter().flatten() {
            ops.recycle(output);
        }
    }
}

parts!(
    DecoderLayer: self_attn,
    linear_attn,
    mlp,
    input_layernorm,
    post_attention_layernorm,
    pre_feedforward_layernorm,
    post_feedforward_layernorm,
    layer_scalar
);

impl DecoderLayer {
    pub(super) fn load<S: WeightSource>(
        scope: &mut Scope<'_, S>,
        hidden: usize,
        spec: &LayerSpec,
    ) -> Result<Self, S::Error> {
        let (mut self_attn, mut linear_attn) = (None, None);
        match &spec.linear {
            None => {
                self_attn = Some(Attention::load(&mut scope.child("self_attn"), hidden, &spec.attention)?);
            }
            Some(spec) => {
                linear_attn = Some(DeltaNet::load(&mut scope.child("linear_attn"), hidden, spec)?);
            }
        }
        let mlp = FeedForward::load(&mut scope.child("mlp"), hidden, spec)?;
        if let Some(self_attn) = &mut self_attn {
            self_attn.load_rest(&mut scope.child("self_attn"), hidden, &spec.attention)?;
        }
        let placement = spec.placement;
        let mut norm = |name: &str, of: &[Placement]| {
            let load = || Norm::load(&mut scope.child(name), hidden, spec.norm);
            of.contains(&placement).then(load).transpose()
        };
        Ok(Self {
            self_attn,
            linear_attn,
            mlp,
            input_layernorm: norm(
                "input_layernorm",
                &[Placement::Before, Placement::Around, Placement::Beside],
            )?,
            post_attention_layernorm: norm(
                "post_attention_layernorm",
                &[Placement::Before, Placement::After, Placement::Around],
            )?,
            pre_feedforward_layernorm: norm("pre_feedforward_layernorm", &[Placement::Around])?,
            post_feedforward_layernorm: norm(
                "post_feedforward_layernorm",
                &[Placement::After, Placement::Around],
            )?,
            layer_scalar: match spec.has_scalar {
                true => Some(scope.param("layer_scalar", [1])?),
                false => None,
            },
            placement,
            residual_scale: spec.residual_scale,
        })
    }

    fn mixer(&self) -> Mixer<'_> {
        match (&self.self_attn, &self.linear_attn) {
            (_, Some(linear)) => Mixer::Linear(linear),
            (Some(attention), None) => Mixer::Attention(attention),
            (None, None) => unreachable!("a layer has either"),
        }
    }

    /// The number format of its projections.
    pub(super) fn weight_dtype(&self) -> DType {
        self.mixer().weight_dtype()
    }

    /// The gradient of what is added to the residual stream, given that of the stream.
    fn d_added(&self, d_stream: &Tensor<2>) -> Tensor<2> {
        let d_stream = d_stream.clone();
        if self.residual_scale == 1.0 { d_stream } else { d_stream * self.residual_scale }
    }

    /// The norms of attention and of the MLP.
    fn norms(&self) -> (Norms<'_>, Norms<'_>) {
        let (first, second) = (self.input_layernorm.as_ref(), self.post_attention_layernorm.as_ref());
        let (third, last) =
            (self.pre_feedforward_layernorm.as_ref(), self.post_feedforward_layernorm.as_ref());
        match self.placement {
            Placement::Before => {
                (Norms { before: first, after: None }, Norms { before: second, after: None })
            }
            Placement::After => (Norms { before: None, after: second }, Norms { before: None, after: last }),
            Placement::Around => {
                (Norms { before: first, after: second }, Norms { before: third, after: last })
            }
            Placement::Beside => (Norms { before: first, after: None }, Norms { before: None, after: None }),
        }
    }

    /// `[rows, hidden]` to `[asked, hidden]`, for the rows of the pass that are asked for.
    pub(super) fn forward(
        &self,
        input: Tensor<2>,
        asked: &Tables,
        path: &mut LayerPath,
        pass: &Pass<'_>,
    ) -> Tensor<2> {
        let (output, input, inner) = self.run(input, asked, path, pass);
        pass.ops.recycle(input);
        inner.recycle(pass.ops);
        output
    }

    /// All rows to all rows, keeping what the backward pass needs.
    pub(super) fn forward_traced(&self, input: Tensor<2>, pass: &Pass<'_>) -> (Tensor<2>, LayerTrace) {
        let (output, input, inner) = self.run(input, &pass.all, &mut LayerPath::default(), pass);
        if pass.recompute {
            inner.recycle(pass.ops);
            return (output, LayerTrace { input, inner: None });
        }
        (output, LayerTrace { input, inner: Some(inner) })
    }

    fn run(
        &self,
        input: Tensor<2>,
        asked: &Tables,
        path: &mut LayerPath,
        pass: &Pass<'_>,
    ) -> (Tensor<2>, Tensor<2>, InnerTrace) {
        let ops = pass.ops;
        let (of_attention, of_mlp) = self.norms();
        let (normed, input) = of_attention.enter(input, ops);
        let normed = ops.pack(normed, pass.dtype);
        let (attended, attention) = self.mixer().forward(&normed, asked, path, pass);
        let normed = self.beside(normed.into_values(), asked, ops);
        let (added, attended) = of_attention.leave(attended, ops);
        let (middle, input) = ops.residual(asked.of(input), added, self.residual_scale);
        let (normed, middle) = match normed {
            Some(normed) => (normed, middle),
            None => of_mlp.enter(middle, ops),
        };
        let normed = ops.pack(normed, pass.dtype);
        let (fed, mlp) = self.mlp.forward(&normed, pass);
        ops.recycle(normed.into_values());
        let (added, fed) = of_mlp.leave(fed, ops);
        let (output, middle) = ops.residual(middle, added, self.residual_scale);
        let output = self.scaled(output);
        (output, input, InnerTrace { attention, attended, middle, mlp, fed })
    }

    /// What the stored factor makes of the output, or of its gradient.
    fn scaled(&self, output: Tensor<2>) -> Tensor<2> {
        match &self.layer_scalar {
            None => output,
            Some(scalar) => output * scalar.val().cast(DType::F32).unsqueeze::<2>(),
        }
    }

    /// What the MLP reads if it works beside attention, given what attention has read.
    fn beside(&self, normed: Tensor<2>, asked: &Tables, ops: &dyn Ops) -> Option<Tensor<2>> {
        if self.placement == Placement::Beside {
            return Some(asked.of(normed));
        }
        ops.recycle(normed);
        None
    }

    /// The gradient with respect to the input, given that of the output.
    pub(super) fn backward(
        &self,
        trace: LayerTrace,
        d_output: Tensor<2>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
    ) -> Tensor<2> {
        let LayerTrace { input, inner } = trace;
        let d_output = self.scaled(d_output);
        let (input, inner) = match inner {
            Some(inner) => (input, inner),
            None => {
                let (_, input, inner) = self.run(input, &pass.all, &mut LayerPath::default(), pass);
                (input, inner)
            }
        };
        let InnerTrace { attention, attended, middle, mlp, fed } = inner;
        let (ops, (of_attention, of_mlp)) = (pass.ops, self.norms());
        if self.placement == Placement::Beside {
            let (normed, input) = of_attention.enter(input, ops);
            let d_added = self.d_added(&d_output);
            let of_mlp = self.mlp.backward(&normed, mlp, &d_added, pass, gradients);
            let of_mixer = self.mixer().backward(&normed, attention, &d_added, pass, gradients);
            recycle([normed, d_added], ops);
            let d_normed = plus(of_mlp, of_mixer, ops);
            return plus(d_output, of_attention.enter_backward(input, d_normed, gradients, ops), ops);
        }

        let (normed, middle) = of_mlp.enter(middle, ops);
        let d_fed = of_mlp.leave_backward(fed, self.d_added(&d_output), gradients, ops);
        let d_normed = self.mlp.backward(&normed, mlp, &d_fed, pass, gradients);
        recycle([normed, d_fed], ops);
        let d_middle = plus(d_output, of_mlp.enter_backward(middle, d_normed, gradients, ops), ops);

        let (normed, input) = of_attention.enter(input, ops);
        let d_attended = of_attention.leave_backward(attended, self.d_added(&d_middle), gradients, ops);
        let d_normed = self.mixer().backward(&normed, attention, &d_attended, pass, gradients);
        recycle([normed, d_attended], ops);
        plus(d_middle, of_attention.enter_backward(input, d_normed, gradients, ops), ops)
    }
}

fn recycle(tensors: [Tensor<2>; 2], ops: &dyn Ops) {
    for tensor in tensors {
        ops.recycle(tensor);
    }
}
