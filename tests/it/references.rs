//! References that teach something, and rows that they have not seen.

use lobass_core::RowStatus;
use lobass_run::read_table;

use crate::sandbox::Sandbox;

#[test]
fn a_recipe_that_teaches_nothing_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(40);
    let run = "run --base base --data small.jsonl --budget 10% --out run";
    // One step, which is all warm-up.
    sandbox.fails(run, &["nothing would be learned", "smaller batch size"]);
    for (flags, words) in [
        ("--epochs 0", ["`epochs`", "at least 1"]),
        ("--batch-size 0", ["`batch_size`", "at least 1"]),
        ("--learning-rate nan", ["`learning_rate`", "found NaN"]),
        ("--learning-rate=-1e-3", ["`learning_rate`", "found -0.001"]),
        ("--warmup-ratio=-7", ["`warmup_ratio`", "found -7"]),
        ("--eval-rows 40", ["cannot hold 40 rows out", "40 rows"]),
    ] {
        sandbox.fails(&format!("{run} {flags}"), &words);
        sandbox.fails(&format!("train --model base --data small.jsonl --out t {flags}"), &words);
    }
    let few = sandbox.expect(0, "train --model base --data small.jsonl --out few --batch-size 20");
    assert!(few.stderr.contains("takes 2 steps only"), "{}", few.stderr);
}

#[test]
fn rows_that_the_reference_never_saw_are_marked_and_not_selected() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(60);
    let run = "run --base base --data small.jsonl --batch-size 8 --learning-rate 1e-3 --eval-rows 10 --budget 90% \
               --strategy lobass random --out run";
    let ended = sandbox.expect(1, run);
    assert!(ended.stdout.contains("10 rows held out of the reference's training"), "{}", ended.stdout);
    let held_out = |name: &str| -> Vec<u64> {
        let records = read_table(&sandbox.path(name)).unwrap().records;
        let rows = records.iter().filter(|record| record.status == RowStatus::HeldOut);
        rows.inspect(|record| assert!(record.base.is_some() && record.reference.is_some()))
            .map(|record| record.row)
            .collect()
    };
    let rows = held_out("run/scores.parquet");
    assert_eq!(rows.len(), 10);
    for strategy in ["lobass", "random"] {
        let index = sandbox.read(&format!("run/selected/{strategy}/index.jsonl"));
        assert_eq!(index.lines().count(), 50);
        for row in &rows {
            assert!(!index.contains(&format!("\"row\":{row},")), "{strategy} has row {row}");
        }
    }
    // `lobass score` reads them from the reference's record, for the same rows.
    let score = "score --base base --reference run/reference --data small.jsonl";
    sandbox.expect(0, &format!("{score} --out scores.parquet"));
    assert_eq!(held_out("scores.parquet"), rows);
    let other = sandbox.expect(0, &format!("{score} --max-length 100 --out other.parquet"));
    assert!(other.stderr.contains("10 rows held out"), "{}", other.stderr);
}

#[test]
fn an_unfinished_reference_may_be_begun_otherwise() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(40);
    let line = "train --model base --data small.jsonl --batch-size 4 --out t";
    sandbox.fails(&format!("{line} --learning-rate 1e30 --max-grad-norm 0"), &["smaller learning rate"]);
    sandbox.expect(0, &format!("{line} --learning-rate 1e-3"));
    // A finished one may not, and stays usable after the mistake.
    sandbox.fails(&format!("{line} --learning-rate 1e-4"), &["learning_rate (0.001, now 0.0001)"]);
    sandbox.fails(&line.replace("small.jsonl", "pool.jsonl"), &["trained with other data (small "]);
    sandbox.fails(
        &format!("{line} --learning-rate 1e-3 --max-length 77"),
        &["other max length (", ", now 77);"],
    );
    sandbox.fails(&format!("{line} --learning-rate 1e-3 --mask text"), &["other mask (response, now text);"]);
    assert!(sandbox.expect(0, &format!("{line} --learning-rate 1e-3")).stderr.contains("done before"));
}

#[test]
fn held_out_files_are_read_like_the_pool_and_are_part_of_the_reference() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "pool.jsonl",
        sandbox.read("pool.jsonl").replace("\"question\"", "\"q\"").replace("\"answer\"", "\"a\""),
    );
    sandbox.small_pool(40);
    let rows: Vec<String> = sandbox.read("pool.jsonl").lines().skip(40).take(5).map(str::to_owned).collect();
    sandbox.write("eval.jsonl", rows.join("\n") + "\n{\"q\": \"what?\", \"a\": \"\"}\n");
    sandbox.write("other.jsonl", rows[..2].join("\n"));
    let line = "train --model base --data small.jsonl --columns prompt=q,response=a --batch-size 4 --out t --eval-data";
    let ended = sandbox.expect(0, &format!("{line} eval.jsonl"));
    assert!(ended.stderr.contains("1 row of the held-out files cannot be scored"), "{}", ended.stderr);
    sandbox.fails(&format!("{line} other.jsonl"), &["held-out files"]);
}

#[test]
fn base_and_reference_are_told_apart() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(20);
    sandbox.expect(0, "train --model base --data small.jsonl --batch-size 4 --out tuned");
    let line = "score --data small.jsonl --out scores.parquet";
    sandbox.fails(&format!("{line} --base tuned --reference base"), &["swapped"]);
    sandbox.fails(&format!("{line} --base base --reference base"), &["other weights", "found the same"]);
}

#[test]
fn a_held_out_row_that_is_trained_on_too_is_said() {
    let sandbox = Sandbox::new();
    let pool = sandbox.read("pool.jsonl");
    let rows: String = pool.lines().take(20).flat_map(|row| [row, "\n", row, "\n"]).collect();
    sandbox.write("twice.jsonl", rows);
    let line = "train --model base --data twice.jsonl --batch-size 4 --eval-rows 5 --out";
    let ended = sandbox.expect(0, &format!("{line} one"));
    assert!(
        ended.stderr.contains("of the 5 held-out rows are also among the training rows"),
        "{}",
        ended.stderr
    );
    let ended = sandbox.expect(0, &format!("{line} two --duplicates drop"));
    assert!(!ended.stderr.contains("also among"), "{}", ended.stderr);
}

#[test]
fn the_order_of_examples_has_its_own_seed() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    let train = "train --model base --data small.jsonl --batch-size 8 --learning-rate 1e-3 -q";
    let weights = |name: &str, file: &str, flags: &str| -> Vec<u8> {
        sandbox.expect(0, &format!("{train} {flags} --out {name}"));
        fs_err::read(sandbox.path(name).join(file)).unwrap()
    };
    // Without adapters and dropout, the order is all that a seed decides.
    let whole = |name: &str, flags: &str| weights(name, "model.safetensors", flags);
    let second = whole("second", "--train-seed 2");
    assert_eq!(whole("both", "--train-seed 1 --order-seed 2"), second);
    assert_ne!(whole("first", "--train-seed 1"), second);
    let lora = |name: &str, flags: &str| {
        weights(name, "adapter_model.safetensors", &format!("--method lora --lora-dropout 0.1 {flags}"))
    };
    let adapter = lora("adapter", "--train-seed 1");
    assert_eq!(lora("same", "--train-seed 1 --order-seed 1"), adapter);
    assert_ne!(lora("other-order", "--train-seed 1 --order-seed 2"), adapter);
    assert_ne!(lora("other-start", "--train-seed 2 --order-seed 1"), adapter);
    // The order seed decides the training; one that is the train seed is the default.
    sandbox
        .fails(&format!("{train} --train-seed 1 --order-seed 3 --out first"), &["order_seed (null, now 3)"]);
    sandbox.fails(&format!("{train} --train-seed 1 --out both"), &["order_seed (2, now null)"]);
    let again = sandbox.expect(0, "train --model base --data small.jsonl --batch-size 8 --learning-rate 1e-3 --train-seed 1 --order-seed 1 --out first");
    assert!(again.stderr.contains("done before"), "{}", again.stderr);
    // Several seeds count both up.
    let run =
        "run --base base --data small.jsonl --batch-size 8 --learning-rate 1e-3 --budget 5 --seeds 2 -q";
    sandbox.expect(0, &format!("{run} --train-seed 1 --order-seed 11 --out run"));
    let of_run = |seed: u32| {
        fs_err::read(sandbox.path(format!("run/references/seed{seed}/model.safetensors"))).unwrap()
    };
    assert_eq!(of_run(1), whole("eleven", "--train-seed 11"));
    assert_eq!(of_run(2), whole("twelve", "--train-seed 12"));
}
