//! A base that is rounded to few bits, as QLoRA training rounds it.

use lobass_run::{Manifest, ScoreTable, read_table};
use serde_json::Value;

use crate::sandbox::Sandbox;

const SCORE: &str = "score --base base --data small.jsonl --adapter adapter";

/// An adapter that was trained on the shipped checkpoint, rounded.
fn with_adapter() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    sandbox.expect(
        0,
        "train --model base --data small.jsonl --method lora --batch-size 8 --learning-rate 1e-2 --lora-rank 4 --out \
         adapter --quantize-base nf4",
    );
    sandbox
}

fn table(sandbox: &Sandbox, name: &str) -> ScoreTable {
    read_table(&sandbox.path(name)).unwrap()
}

fn roundings(manifest: &Manifest) -> Vec<Option<String>> {
    let rounding =
        |record: &lobass_run::ModelRecord| record.key()?.rounding.map(|rounding| rounding.to_string());
    manifest.models.iter().map(rounding).collect()
}

#[test]
fn the_rounding_of_a_base_is_part_of_what_was_computed() {
    let sandbox = with_adapter();
    let record: Value = serde_json::from_str(&sandbox.read("adapter/lobass-training.json")).unwrap();
    assert_eq!(record["rounding"], "nf4");
    let plain =
        "expected the weights that it was trained on, rounded to nf4, found a base that is not rounded";
    sandbox.fails(&format!("{SCORE} --out plain.parquet"), &[plain, "quantize_base"]);
    let single = "found a base that is rounded to nf4-single";
    sandbox.fails(&format!("{SCORE} --quantize-base nf4-single --out single.parquet"), &[single]);

    sandbox.expect(0, &format!("{SCORE} --quantize-base nf4 --out rounded.parquet"));
    sandbox.expect(0, "score --base base --data small.jsonl --out plain.parquet");
    let (rounded, plain) = (table(&sandbox, "rounded.parquet"), table(&sandbox, "plain.parquet"));
    assert_eq!(roundings(&rounded.manifest), [Some("nf4".to_owned()), Some("nf4".to_owned())]);
    assert_eq!(roundings(&plain.manifest), [None]);
    let differ = rounded.records.iter().zip(&plain.records).filter(|(one, other)| one.base != other.base);
    assert!(differ.count() > 20, "rounding moves every loss");

    // Workers round as was planned.
    sandbox
        .expect(0, "plan --base base --adapter adapter --data small.jsonl --work work --quantize-base nf4");
    sandbox.expect(0, "worker --work work --world 1 --rank 0");
    sandbox.expect(0, "seal --work work --out sealed.parquet");
    assert_eq!(table(&sandbox, "sealed.parquet").manifest.digest, rounded.manifest.digest);

    // A merged model is the rounded base with the update.
    let merge = "merge --base base --adapter adapter --out merged";
    sandbox.fails(merge, &["rounded to nf4", "not rounded"]);
    sandbox.expect(0, &format!("{merge} --quantize-base nf4 --dtype f32"));
    sandbox.expect(0, "score --base merged --data small.jsonl --out merged.parquet");
    for (of_adapter, merged) in rounded.records.iter().zip(table(&sandbox, "merged.parquet").records) {
        let means = (of_adapter.reference.unwrap().mean().unwrap(), merged.base.unwrap().mean().unwrap());
        assert!((means.0 - means.1).abs() < 1e-4, "row {}: {means:?}", merged.row);
    }
}

#[test]
fn a_run_takes_no_other_rounding_up() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    let run =
        "run --base base --data small.jsonl --out run --budget 25% --method lora --epochs 1 --batch-size 8";
    let first = sandbox.json(0, &format!("{run} --quantize-base nf4"));
    assert!(sandbox.read("run/settings.toml").contains("quantize_base = \"nf4\""));
    sandbox.fails(run, &["another rounding of them", "use another run directory"]);
    let again = sandbox.json(0, "run run/settings.toml --out run");
    assert_eq!(again["manifest"]["digest"], first["manifest"]["digest"]);
}

#[test]
fn what_is_not_an_adapter_has_no_rounded_base() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    let train = "train --model base --data small.jsonl --out tuned --method full --epochs 1 --batch-size 8";
    sandbox
        .fails(&format!("{train} --quantize-base nf4"), &["expected an adapter to train", "--method lora"]);
    sandbox.expect(0, train);
    let score = "score --base base --data small.jsonl --reference tuned --out scores.parquet";
    sandbox
        .fails(&format!("{score} --quantize-base nf4"), &["expected an adapter", "found a full checkpoint"]);
    sandbox.fails(&format!("{score} --quantize-base nf3"), &["nf3", "nf4-single"]);
}

#[test]
fn what_files_say_of_the_base_in_training_is_said() {
    let sandbox = with_adapter();
    fs_err::remove_file(sandbox.path("adapter/lobass-training.json")).unwrap();
    let score = |flags: &str| {
        let line = format!("{SCORE} --out {}.parquet {flags}", flags.replace([' ', '-'], "x"));
        sandbox.expect(0, &line).stderr.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let unknown = "its files do not say whether it was trained on rounded weights";
    assert!(score("").contains(unknown));
    let card = "# Card\n\n## Training procedure\n\nThe following `bitsandbytes` quantization config was used during training:\n\
        - quant_method: bitsandbytes\n- load_in_4bit: True\n- bnb_4bit_quant_type: nf4\n- bnb_4bit_use_double_quant: True\n";
    sandbox.write("adapter/README.md", card);
    let plain = score("--threads 1");
    assert!(plain.contains("trained on weights rounded to nf4") && !plain.contains(unknown), "{plain}");
    let rounded = score("--quantize-base nf4");
    assert!(!rounded.contains("trained on weights") && !rounded.contains(unknown), "{rounded}");
    let single = score("--quantize-base nf4-single");
    assert!(single.contains("those of the base are rounded to nf4-single"), "{single}");
    let config = "<summary>See axolotl config</summary>\n\n```yaml\nbase_model: base\nadapter: lora\n```\n";
    sandbox.write("adapter/README.md", config);
    let stored = score("--quantize-base nf4 --threads 1");
    assert!(stored.contains("trained on weights that are not rounded"), "{stored}");
}
