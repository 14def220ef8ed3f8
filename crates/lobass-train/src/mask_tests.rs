//! Tests of training a part of the weights.

use std::collections::BTreeMap;

use lobass_core::Sequence;
use lobass_model::{Decoder, DecoderSpec, DeviceName};

use crate::{
    Error, FlatParameters, Session, TrainConfig, TrainData, WeightMask, fine_tune, fine_tune_masked,
};

fn model() -> Decoder {
    let config = r#"{"model_type": "llama", "vocab_size": 24, "hidden_size": 8, "intermediate_size": 16,
        "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 32}"#;
    Decoder::random(&DecoderSpec::from_json(config).unwrap(), 7, &DeviceName::Cpu.open())
}

fn rows() -> Vec<Sequence> {
    let row = |at: u32| {
        let ids: Vec<u32> = (0..5 + at % 4).map(|place| (7 * at + 3 * place) % 24).collect();
        let mask: Vec<bool> = (0..ids.len()).map(|place| place > 2).collect();
        Sequence::from_scored_tokens(ids, &mask).unwrap()
    };
    (0..10).map(row).collect()
}

fn recipe() -> TrainConfig {
    TrainConfig { epochs: 2, batch_size: 4, learning_rate: 1e-2, weight_decay: 0.1, ..TrainConfig::default() }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn what_is_outside_a_mask_stays_although_weights_decay() {
    let (start, rows) = (model(), rows());
    let flat = FlatParameters::of(&start);
    let before = flat.values(&start);
    let places =
        |range: std::ops::Range<usize>| (0..range.len()).filter(|place| place % 7 == 3).collect::<Vec<_>>();
    let is_projection = |name: &str| name.contains("proj");
    let places: BTreeMap<String, Vec<usize>> = flat
        .iter()
        .filter(|(name, ..)| is_projection(name))
        .map(|(name, _, range)| (name.to_owned(), places(range)))
        .collect();
    let mask = WeightMask { places };
    let data = TrainData::sft(&rows);
    let (trained, _) =
        fine_tune_masked(start.clone(), &data, &recipe(), &mask, Session::default(), &mut |_| ()).unwrap();
    let after = flat.values(&trained);
    let mut n_changed = 0;
    for (name, _, range) in flat.iter() {
        let chosen = mask.places.get(name);
        for place in 0..range.len() {
            let (before, after) = (before[range.start + place], after[range.start + place]);
            match chosen.is_some_and(|chosen| chosen.binary_search(&place).is_ok()) {
                true => n_changed += usize::from(before != after),
                false => assert_eq!(before.to_bits(), after.to_bits(), "{name} {place}"),
            }
        }
    }
    let n_chosen: usize = mask.places.values().map(Vec::len).sum();
    assert!(n_changed > n_chosen * 9 / 10, "{n_changed} of {n_chosen}");
}

#[test]
fn a_mask_of_everything_changes_nothing() {
    let (start, rows) = (model(), rows());
    let flat = FlatParameters::of(&start);
    let places = flat.iter().map(|(name, _, range)| (name.to_owned(), (0..range.len()).collect())).collect();
    let (mask, data) = (WeightMask { places }, TrainData::sft(&rows));
    let (plain, _) = fine_tune(start.clone(), &data, &recipe(), Session::default(), &mut |_| ()).unwrap();
    let (masked, _) =
        fine_tune_masked(start, &data, &recipe(), &mask, Session::default(), &mut |_| ()).unwrap();
    assert_eq!(bits(&flat.values(&masked)), bits(&flat.values(&plain)));
}

#[test]
fn a_mask_on_nothing_that_is_trained_is_refused() {
    let rows = rows();
    let refused = |name: &str, place: usize| {
        let mask = WeightMask { places: BTreeMap::from([(name.to_owned(), vec![place])]) };
        let data = TrainData::sft(&rows);
        fine_tune_masked(model(), &data, &recipe(), &mask, Session::default(), &mut |_| ()).unwrap_err()
    };
    assert!(matches!(refused("no", 0), Error::Mask { name, n_values: 0 } if name == "no"));
    let name = "model.layers.0.self_attn.q_proj.weight";
    assert!(refused(name, 64).to_string().contains("64 values"));
}

#[test]
fn a_vector_of_all_parameters_goes_in_and_out() {
    let start = model();
    let flat = FlatParameters::of(&start);
    let values = flat.values(&start);
    assert_eq!(values.len(), flat.n_values());
    let turned: Vec<f32> = values.iter().map(|value| 2.0 * value + 0.25).collect();
    let put = flat.put(start.clone(), &turned);
    assert_eq!(bits(&flat.values(&put)), bits(&turned));
    assert_eq!(bits(&flat.values(&start)), bits(&values), "the other model keeps its own");
    let (name, shape, range) = flat.iter().find(|(name, ..)| name.ends_with("up_proj.weight")).unwrap();
    assert_eq!((name, shape, range.len()), ("model.layers.0.mlp.up_proj.weight", &[16, 8][..], 128));
}
