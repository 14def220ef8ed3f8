//! Products of split activations, as a part of what was computed.

use lobass_core::Arithmetic;
use lobass_model::{Checkpoint, DeviceName, Dtype, save};
use lobass_run::{ScoreTable, read_table};

use crate::sandbox::Sandbox;

const SCORE: &str = "score --base half --data small.jsonl --work work";

/// The shipped checkpoint, stored in bf16.
fn with_half() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    let checkpoint = Checkpoint::open(sandbox.path("base")).unwrap();
    let model = checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
    save(&model, checkpoint.config_json(), Dtype::Bf16, &sandbox.path("half")).unwrap();
    for file in fs_err::read_dir(sandbox.path("base")).unwrap().map(|entry| entry.unwrap().path()) {
        let copy = sandbox.path("half").join(file.file_name().unwrap());
        if !copy.exists() && file.is_file() {
            fs_err::copy(&file, copy).unwrap();
        }
    }
    sandbox
}

fn table(sandbox: &Sandbox, name: &str) -> ScoreTable {
    read_table(&sandbox.path(name)).unwrap()
}

fn arithmetic(table: &ScoreTable) -> Arithmetic {
    table.manifest.models[0].key().unwrap().arithmetic
}

/// The greatest difference of a row's loss, in nats a token.
fn difference(one: &ScoreTable, other: &ScoreTable) -> f64 {
    let pairs = one.records.iter().zip(&other.records);
    let differences = pairs.filter_map(|(one, other)| Some((one.base?.mean()? - other.base?.mean()?).abs()));
    differences.fold(0.0, f64::max)
}

#[test]
fn the_arithmetic_is_part_of_what_was_computed() {
    let sandbox = with_half();
    sandbox.expect(0, &format!("{SCORE} --out plain.parquet"));
    sandbox.expect(0, &format!("{SCORE} --arithmetic split2 --out two.parquet"));
    sandbox.expect(0, &format!("{SCORE} --arithmetic split3 --out three.parquet"));
    let [plain, two, three] =
        ["plain.parquet", "two.parquet", "three.parquet"].map(|name| table(&sandbox, name));
    let found = [&plain, &two, &three].map(arithmetic);
    assert_eq!(found, [Arithmetic::Plain, Arithmetic::Split2, Arithmetic::Split3]);
    assert!(difference(&plain, &three) < 1e-5 && difference(&plain, &two) < 1e-3);
    assert!(difference(&plain, &two) > difference(&plain, &three), "no unit of one is taken for the other");
    assert_ne!(plain.manifest.digest, three.manifest.digest);

    // Workers compute as was planned.
    let plan = "plan --base half --base-only --data small.jsonl --work planned --arithmetic split3";
    sandbox.expect(0, plan);
    sandbox.expect(0, "worker --work planned --world 1 --rank 0");
    sandbox.expect(0, "seal --work planned --out sealed.parquet");
    assert_eq!(table(&sandbox, "sealed.parquet").manifest.digest, three.manifest.digest);
}

#[test]
fn an_arithmetic_without_effect_is_refused_or_said() {
    let sandbox = with_half();
    let split = "--arithmetic split3";
    sandbox.fails(
        &format!("{SCORE} --dtype bf16 {split} --out bf16.parquet"),
        &["arithmetic split3", "expected `--device cpu --dtype f32`", "--dtype bf16"],
    );
    for command in [
        "train --model half --data small.jsonl --out out",
        "irft --model half --data small.jsonl --max-new-tokens 4 --out out",
        "pds --base half --data small.jsonl --target small.jsonl --steps 2 --every 1 --out out.parquet",
    ] {
        sandbox.fails(&format!("{command} {split}"), &["expected `--arithmetic plain`, found split3"]);
    }
    let stored = "its weights are stored as f32, so its products are in f32";
    let said = sandbox.expect(0, &format!("score --base base --data small.jsonl {split} --out wide.parquet"));
    assert!(said.stderr.contains(stored), "{}", said.stderr);
}
