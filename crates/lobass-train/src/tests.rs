//! Tests of losses by source, and of mixed batches.

use std::sync::atomic::{AtomicBool, Ordering};

use lobass_core::{Nll, Sequence};
use lobass_mixture::{Mixing, MixingPolicy, Prior};
use lobass_model::{Decoder, DecoderSpec, DeviceName};

use crate::{
    Checkpoints, Dpo, Error, Event, Every, Objective, Pair, Session, Sources, StepReport, TrainConfig,
    TrainData, TrainReport, fine_tune, fine_tune_in_batches,
};

fn model() -> Decoder {
    let config = r#"{"model_type": "llama", "vocab_size": 24, "hidden_size": 8, "intermediate_size": 16,
        "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 32}"#;
    Decoder::random(&DecoderSpec::from_json(config).unwrap(), 7, &DeviceName::Cpu.open())
}

/// Rows of unlike lengths, of which the last tokens are scored.
fn rows(n: u32) -> Vec<Sequence> {
    let row = |at: u32| {
        let ids: Vec<u32> = (0..5 + at % 4).map(|place| (7 * at + 3 * place) % 24).collect();
        let mask: Vec<bool> = (0..ids.len()).map(|place| place > 2).collect();
        Sequence::from_scored_tokens(ids, &mask).unwrap()
    };
    (0..n).map(row).collect()
}

fn names() -> Vec<String> {
    ["a", "b", "c"].map(str::to_owned).to_vec()
}

/// Two thirds of the rows are of the first source, the others of the second; the third one has held-out rows only.
fn source_of(n: u32) -> Vec<u32> {
    (0..n).map(|row| u32::from(row % 3 == 2)).collect()
}

fn recipe() -> TrainConfig {
    TrainConfig {
        epochs: 2,
        batch_size: 4,
        learning_rate: 1e-2,
        micro_batch_tokens: 12,
        ..TrainConfig::default()
    }
}

type Steps = Vec<StepReport>;

fn train(
    data: &TrainData<'_>,
    config: &TrainConfig,
    session: Session<'_>,
    stop_after: Option<usize>,
) -> Result<(Decoder, TrainReport, Steps), Error> {
    let (stop, mut steps) = (AtomicBool::new(false), Vec::new());
    let session = Session { stop: Some(&stop), ..session };
    let (model, report) = fine_tune(model(), data, config, session, &mut |event| {
        if let Event::Step(step) = event {
            stop.store(Some(step.step) == stop_after, Ordering::Relaxed);
            steps.push(step);
        }
    })?;
    Ok((model, report, steps))
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9 * b.abs()
}

#[test]
fn losses_of_sources_sum_to_the_loss_and_change_nothing() {
    let (rows, names, held_out) = (rows(14), names(), [0, 1, 2, 2]);
    let train_sources = source_of(14);
    let sources = Sources { names: &names, train: &train_sources, held_out: &held_out };
    let plain = TrainData { held_out: Objective::Sft(&rows[..4]), eval_every: 3, ..TrainData::sft(&rows) };
    let data = TrainData { sources, ..plain };
    let (_, without, _) = train(&plain, &recipe(), Session::default(), None).unwrap();
    let (_, with, steps) =
        train(&data, &recipe(), Session { threads: 3, ..Session::default() }, None).unwrap();
    assert_eq!(with.losses, without.losses);
    for step in &steps {
        let mut sum = Nll::default();
        step.by_source.iter().for_each(|of| sum += of.nll);
        assert!(near(sum.mean().unwrap(), step.loss), "{step:?}");
        let n_rows = step.by_source.iter().map(|of| of.n_rows).sum::<u64>();
        assert_eq!(n_rows, if step.step % 4 == 0 { 2 } else { 4 });
        assert!(step.by_source.iter().all(|of| of.pass == step.epoch && of.source < 2));
    }
    assert_eq!(with.held_out.len(), 4);
    for (held_out, plain) in with.held_out.iter().zip(&without.held_out) {
        assert_eq!(held_out.nll, plain.nll);
        assert_eq!(held_out.by_source.len(), 3);
        let mut sum = Nll::default();
        held_out.by_source.iter().for_each(|nll| sum += *nll);
        assert!(near(sum.sum, held_out.nll.sum) && sum.n_scored == held_out.nll.n_scored);
    }
}

#[test]
fn pairs_count_once_each() {
    let rows = rows(6);
    let pair = |two: &[Sequence]| Pair {
        chosen: two[0].clone(),
        rejected: two[1].clone(),
        reference_chosen: 9.0,
        reference_rejected: 9.5,
    };
    let pairs: Vec<Pair> = rows.chunks(2).map(pair).collect();
    let names = names();
    let sources = Sources { names: &names, train: &[0, 1, 1], held_out: &[] };
    let objective = Objective::Preference(&pairs, Dpo { beta: 0.1, normalized: false });
    let data = TrainData { train: objective, held_out: Objective::Sft(&[]), eval_every: 0, sources };
    let (.., steps) = train(&data, &recipe(), Session::default(), None).unwrap();
    let terms: Vec<u64> = steps[0].by_source.iter().map(|of| of.nll.n_scored).collect();
    assert_eq!(terms, [1, 2]);
    let sum: f64 = steps[0].by_source.iter().map(|of| of.nll.sum).sum();
    assert!(near(sum / 3.0, steps[0].loss));
}

#[test]
fn a_mixed_training_that_is_killed_ends_with_the_same_bits() {
    let (rows, names, train_sources) = (rows(180), names(), source_of(180));
    let sources = Sources { names: &names, train: &train_sources, held_out: &[] };
    let data = TrainData { sources, ..TrainData::sft(&rows) };
    for (policy, prior) in [
        (MixingPolicy::Ado, Prior::Tokens),
        (MixingPolicy::Ado, Prior::Even),
        (MixingPolicy::Even, Prior::Rows),
    ] {
        let mixing = Some(Mixing { prior, ..Mixing::new(policy) });
        // Enough steps for laws to be fitted before and after the interruption.
        let config = TrainConfig { epochs: 2, batch_size: 1, mixing, ..recipe() };
        let expected = train(&data, &config, Session::default(), None).unwrap();
        assert_eq!(expected.2.len(), 360);
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints { dir: dir.path().to_owned(), every: Every::Steps(60), keep: 1 };
        let session = Session { threads: 2, checkpoints: Some(&checkpoints), ..Session::default() };
        let stopped = train(&data, &config, session, Some(203));
        assert!(matches!(stopped, Err(Error::Interrupted { step: 203, n_steps: 360 })));
        let found = train(&data, &config, session, None).unwrap();
        assert_eq!(found.1, expected.1);
        assert_eq!(found.2, expected.2[203..]);
        for (name, _) in expected.0.trained_parameters() {
            assert_eq!(found.0.weight(&name), expected.0.weight(&name), "{name}");
        }
        let shares = &expected.2[359].shares;
        assert!(near(shares.iter().sum(), 1.0) && shares[2] == 0.0, "{shares:?}");
        let moved = expected.2.iter().any(|step| step.shares != expected.2[0].shares);
        assert_eq!(moved, policy == MixingPolicy::Ado);
        // Another prior is another training.
        let other = Mixing {
            prior: Prior::Named([("a".into(), 1.0), ("b".into(), 9.0)].into()),
            ..Mixing::new(policy)
        };
        let refused = train(&data, &TrainConfig { mixing: Some(other), ..config }, session, None);
        assert!(matches!(refused, Err(Error::State { .. })));
    }
}

#[test]
fn mixtures_that_cannot_be_drawn_are_refused() {
    let (rows, names) = (rows(6), names());
    let config = TrainConfig { mixing: Some(Mixing::new(MixingPolicy::Even)), ..recipe() };
    let refused = |data: &TrainData<'_>, config: &TrainConfig| {
        train(data, config, Session::default(), None).map(|_| ()).unwrap_err().to_string()
    };
    let plain = TrainData::sft(&rows);
    assert!(refused(&plain, &config).contains("`mixing` to be left out where examples have no sources"));
    let short = Sources { names: &names, train: &[0; 5], held_out: &[] };
    assert!(
        refused(&TrainData { sources: short, ..plain }, &config).starts_with("sources: expected one of 3")
    );
    let sources = Sources { names: &names, train: &[0, 0, 0, 1, 1, 1], held_out: &[] };
    let data = TrainData { sources, ..plain };
    let five = TrainConfig { epochs: 5, ..config.clone() };
    assert!(refused(&data, &five).contains("cannot fill 5 epochs"));
    let mixing = Some(Mixing { max_passes: 0, ..Mixing::new(MixingPolicy::Rows) });
    assert!(refused(&data, &TrainConfig { mixing, ..recipe() }).contains("`mixing passes` to be at least 1"));
    let mixing = Some(Mixing { floor: Some(-1.0), ..Mixing::new(MixingPolicy::Ado) });
    assert!(refused(&data, &TrainConfig { mixing, ..recipe() }).contains("`mixing floor`"));
    let given = fine_tune_in_batches(model(), &data, vec![vec![0]], &config, Session::default(), &mut |_| {});
    assert!(given.unwrap_err().to_string().contains("since batches are given"));
}

#[test]
fn states_are_written_when_they_are_due() {
    let rows = rows(12);
    let data = TrainData::sft(&rows);
    let n_states = |every: Every| {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints { dir: dir.path().to_owned(), every, keep: 100 };
        let session = Session { threads: 2, checkpoints: Some(&checkpoints), ..Session::default() };
        assert_eq!(train(&data, &recipe(), session, None).unwrap().2.len(), 6);
        fs_err::read_dir(dir.path()).unwrap().count()
    };
    assert_eq!([0, 1, 4].map(|steps| n_states(Every::Steps(steps))), [0, 6, 2]);
    // States that may take all the time there is, and those that may take next to none of it.
    assert_eq!([1e12, 1e-12].map(|share| n_states(Every::Share(share))), [6, 0]);
    assert_eq!(Every::steps_or_time(Some(7)), Every::Steps(7));
    assert_eq!(Every::steps_or_time(None), Every::Share(0.05));
}
