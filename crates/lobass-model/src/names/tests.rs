//! Layouts of names: what a model reads is what it saves.

use proptest::prelude::*;

use super::{Layout, NameRules, RotaryHead, Stack, TensorSpec};

const Q: &str = "model.layers.*.self_attn.q_proj";
const K: &str = "model.layers.*.self_attn.k_proj";
const V: &str = "model.layers.*.self_attn.v_proj";
const GATE: &str = "model.layers.*.mlp.experts.*.gate_proj";
const UP: &str = "model.layers.*.mlp.experts.*.up_proj";
const DOWN: &str = "model.layers.*.mlp.experts.*.down_proj";

/// A small decoder: two layers of attention and of experts.
#[derive(Debug, Clone)]
struct Model {
    hidden: usize,
    /// Query heads for each key head, key heads, and their width.
    shared: usize,
    keys: usize,
    width: usize,
    inner: usize,
    experts: usize,
    bias: bool,
}

impl Model {
    fn tensors(&self) -> Vec<TensorSpec> {
        let mut tensors = vec![tensor("model.embed_tokens.weight", &[7, self.hidden])];
        for layer in 0..2 {
            let mut linear = |path: &str, out: usize, inputs: usize| {
                tensors.push(tensor(&format!("model.layers.{layer}.{path}.weight"), &[out, inputs]));
                if self.bias {
                    tensors.push(tensor(&format!("model.layers.{layer}.{path}.bias"), &[out]));
                }
            };
            let (queries, keys) = (self.shared * self.keys * self.width, self.keys * self.width);
            linear("self_attn.q_proj", queries, self.hidden);
            linear("self_attn.k_proj", keys, self.hidden);
            linear("self_attn.v_proj", keys, self.hidden);
            for expert in 0..self.experts {
                linear(&format!("mlp.experts.{expert}.gate_proj"), self.inner, self.hidden);
                linear(&format!("mlp.experts.{expert}.up_proj"), self.inner, self.hidden);
                linear(&format!("mlp.experts.{expert}.down_proj"), self.hidden, self.inner);
            }
            tensors.push(tensor(&format!("model.layers.{layer}.self_attn.q_norm.weight"), &[self.width]));
            tensors.push(tensor(&format!("model.layers.{layer}.conv.weight"), &[self.hidden, 1, 3]));
        }
        tensors.push(tensor("lm_head.weight", &[7, self.hidden]));
        tensors
    }
}

fn tensor(name: &str, shape: &[usize]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), shape: shape.to_vec() }
}

/// Every rule that families use, alone and together.
fn every_rule(model: &Model) -> Vec<NameRules> {
    let head = RotaryHead { width: model.width, rotary: model.width };
    let part = RotaryHead { width: model.width, rotary: model.width / 4 * 2 };
    let stored = "model.layers.*.mlp.experts";
    let stacked = |rules: NameRules, stack: Stack| {
        rules.stacked(&format!("{stored}.gate_up_proj"), &[GATE, UP], stack).stacked(
            &format!("{stored}.down_proj"),
            &[DOWN],
            Stack { interleaved: false, ..stack },
        )
    };
    let attention = "model.layers.*.attention.wqkv";
    let mut rules = vec![
        NameRules::default(),
        NameRules::default()
            .renamed("model.tok_embeddings", "model.embed_tokens")
            .renamed("output", "lm_head")
            .renamed("model.layers.*.short", "model.layers.*.conv"),
        NameRules::default().fused("model.layers.*.self_attn.qkv_proj", &[Q, K, V]),
        NameRules::default().grouped(attention, &[Q, K, V], model.keys),
        NameRules::default().interleaved_rotary(Q, head).interleaved_rotary(K, part),
        NameRules::default()
            .grouped(attention, &[Q, K, V], model.keys)
            .interleaved_rotary(Q, part)
            .interleaved_rotary("model.layers.1.self_attn.k_proj", head)
            .interleaved_rotary("model.layers.*.self_attn.q_norm", part),
    ];
    for bits in 0..8 {
        let is = |bit: usize| bits >> bit & 1 == 1;
        let stack = Stack { interleaved: is(0), transposed: is(1), bare: is(2) };
        rules.push(stacked(NameRules::default().interleaved_rotary(Q, head), stack));
    }
    rules
}

fn models() -> impl Strategy<Value = Model> {
    (1..4usize, 1..3usize, 1..4usize, 1..3usize, 1..5usize, 1..4usize, any::<bool>()).prop_map(
        |(hidden, shared, keys, quarter, inner, experts, bias)| Model {
            hidden,
            shared,
            keys,
            width: 4 * quarter,
            inner,
            experts,
            bias,
        },
    )
}

proptest! {
    #[test]
    fn what_is_read_and_written_again_is_the_same_file(model in models(), size in 1..5usize) {
        let tensors = model.tensors();
        for rules in every_rule(&model) {
            let layout = Layout::new(&rules, &tensors);
            let mut names: Vec<&str> = Vec::new();
            for stored in layout.stored() {
                let bytes: Vec<u8> = (0..stored.spec.n_elements() * size).map(|at| u8::try_from(at % 251).unwrap()).collect();
                let mut again = vec![255; bytes.len()];
                for part in &stored.parts {
                    let piece = part.piece.taken(&bytes, &stored.spec.shape, size);
                    prop_assert_eq!(piece.len(), part.spec.n_elements() * size);
                    part.piece.put(&piece, &mut again, &stored.spec.shape, size);
                    prop_assert_eq!(rules.stored_name(&part.spec.name), stored.spec.name.as_str());
                    prop_assert_eq!(layout.place(&part.spec.name), Some((&stored.spec, &part.piece)));
                    names.push(&part.spec.name);
                }
                prop_assert_eq!(again, bytes, "{:?}", stored);
            }
            // Each tensor of the model is in one stored tensor.
            let mut expected: Vec<&str> = tensors.iter().map(|spec| spec.name.as_str()).collect();
            expected.sort_unstable();
            names.sort_unstable();
            prop_assert_eq!(names, expected);
        }
    }
}

fn model() -> Model {
    Model { hidden: 2, shared: 2, keys: 2, width: 4, inner: 3, experts: 2, bias: true }
}

/// The rows of a tensor of the model, as numbers of rows in its stored tensor, which has `rows` rows of `width` values.
fn rows_of(rules: &NameRules, name: &str) -> (String, Vec<usize>, Vec<usize>) {
    let layout = Layout::new(rules, &model().tensors());
    let (spec, piece) = layout.place(name).unwrap();
    (spec.name.clone(), spec.shape.clone(), piece.rows.clone().unwrap_or_default())
}

#[test]
fn without_rules_files_and_model_agree() {
    let tensors = model().tensors();
    let layout = Layout::new(&NameRules::default(), &tensors);
    let stored: Vec<TensorSpec> = layout.stored().iter().map(|tensor| tensor.spec.clone()).collect();
    assert_eq!(stored, tensors);
    assert!(layout.stored().iter().all(|tensor| tensor.parts[0].piece.is_whole()));
}

#[test]
fn parts_of_fused_tensors_follow_each_other() {
    let rules = NameRules::default().fused("model.layers.*.self_attn.qkv_proj", &[Q, K, V]);
    let (name, shape, rows) = rows_of(&rules, "model.layers.1.self_attn.k_proj.bias");
    assert_eq!(name, "model.layers.1.self_attn.qkv_proj.bias");
    assert_eq!(shape, [32]);
    assert_eq!(rows, (16..24).collect::<Vec<_>>());
}

/// `InternLM2`: for each key head its queries, its key, and its value.
#[test]
fn groups_have_rows_of_every_part() {
    let rules = NameRules::default().grouped("model.layers.*.attention.wqkv", &[Q, K, V], 2);
    let (name, shape, rows) = rows_of(&rules, "model.layers.0.self_attn.k_proj.weight");
    assert_eq!(name, "model.layers.0.attention.wqkv.weight");
    assert_eq!(shape, [32, 2]);
    assert_eq!(rows, [8, 9, 10, 11, 24, 25, 26, 27]);
    let (_, _, rows) = rows_of(&rules, "model.layers.0.self_attn.q_proj.weight");
    assert_eq!(rows, (0..8).chain(16..24).collect::<Vec<_>>());
}

/// Neighbors 0 and 1 turn together, as 0 and 2 do in halves.
#[test]
fn pairs_of_neighbors_become_halves() {
    let head = RotaryHead { width: 4, rotary: 4 };
    let (_, _, rows) =
        rows_of(&NameRules::default().interleaved_rotary(K, head), "model.layers.0.self_attn.k_proj.weight");
    assert_eq!(rows, [0, 2, 1, 3, 4, 6, 5, 7]);
    let part = RotaryHead { width: 8, rotary: 4 };
    let (_, _, rows) =
        rows_of(&NameRules::default().interleaved_rotary(K, part), "model.layers.0.self_attn.k_proj.weight");
    assert_eq!(rows, [0, 2, 1, 3, 4, 5, 6, 7]);
}

/// gpt-oss: `[experts, in, 2 out]`, gate and up in turn.
#[test]
fn experts_are_matrices_of_a_stack() {
    let stack = Stack { interleaved: true, transposed: true, bare: true };
    let rules = NameRules::default().stacked("model.layers.*.mlp.experts.gate_up_proj", &[GATE, UP], stack);
    let layout = Layout::new(&rules, &model().tensors());
    let (spec, piece) = layout.place("model.layers.1.mlp.experts.1.up_proj.weight").unwrap();
    assert_eq!(spec.name, "model.layers.1.mlp.experts.gate_up_proj");
    assert_eq!(spec.shape, [2, 2, 6]);
    let bytes: Vec<u8> = (0..24).collect();
    assert_eq!(*piece.taken(&bytes, &spec.shape, 1), [13, 19, 15, 21, 17, 23]);
    let (spec, piece) = layout.place("model.layers.1.mlp.experts.1.up_proj.bias").unwrap();
    assert_eq!(
        (spec.name.as_str(), spec.shape.as_slice()),
        ("model.layers.1.mlp.experts.gate_up_proj_bias", [2, 6].as_slice())
    );
    assert_eq!(*piece.taken(&bytes[..12], &spec.shape, 1), [7, 9, 11]);
}

#[test]
fn beginnings_say_what_is_carried_along() {
    let rules = NameRules::default().carried(&["model.visual.", "mtp."]);
    assert!(rules.is_carried("mtp.layers.0.weight") && rules.is_carried("model.visual.proj.weight"));
    assert!(!rules.is_carried("model.layers.0.weight"));
}
