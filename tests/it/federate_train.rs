//! Federated training through the command line: one client is plain training, and a simulation that stops goes on.

use lobass_matrix::Matrix;
use serde_json::Value;

use crate::sandbox::Sandbox;

fn prepared() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(90);
    sandbox
}

const RECIPE: &str = "--base base --data small.jsonl --batch-size 16 --learning-rate 0.005 --train-seed 4 -q";
const LORA: &str = "--lora-rank 4 --lora-alpha 8";

fn bytes(sandbox: &Sandbox, path: &str) -> Vec<u8> {
    fs_err::read(sandbox.path(path)).unwrap()
}

#[test]
fn one_client_is_a_plain_training_to_the_bit() {
    let sandbox = prepared();
    for (method, flags, file) in
        [("lora", LORA, "adapter_model.safetensors"), ("full", "", "model.safetensors")]
    {
        sandbox.expect(0, &format!("train {RECIPE} --method {method} {flags} --out plain-{method}"));
        let said = sandbox.json(
            0,
            &format!(
                "federate train {RECIPE} --method {method} {flags} --clients 1 --rounds 1 --out fed-{method}"
            ),
        );
        assert_eq!(said["clients"][0]["n_rows"], 90);
        let plain = bytes(&sandbox, &format!("plain-{method}/{file}"));
        assert_eq!(bytes(&sandbox, &format!("fed-{method}/model/{file}")), plain, "{method}");
    }
}

#[test]
fn a_simulation_that_stops_goes_on_and_counts_its_bytes() {
    let sandbox = prepared();
    let line = format!(
        "federate train {RECIPE} {LORA} --clients 4 --split dirichlet:0.5 --by kind --rounds 3 --per-round 0.5 --eval-rows 12 \
         --warmup-ratio 0"
    );
    // Labels of rows that the demo's pool has not: made from their length.
    let labelled: String = sandbox
        .read("small.jsonl")
        .lines()
        .map(|line| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            row["kind"] = if line.len() % 2 == 0 { "even".into() } else { "odd".into() };
            format!("{row}\n")
        })
        .collect();
    sandbox.write("small.jsonl", labelled);
    let said = sandbox.json(0, &format!("{line} --out fed --threads 1"));
    let clients = said["clients"].as_array().unwrap();
    assert_eq!(clients.iter().map(|client| client["n_rows"].as_u64().unwrap()).sum::<u64>(), 78);
    assert_eq!(
        (said["labels"].clone(), said["n_held_out"].clone()),
        (serde_json::json!(["even", "odd"]), 12.into())
    );
    let rounds = said["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 4);
    assert!(rounds[1..].iter().all(|round| round["clients"].as_array().unwrap().len() == 2));
    let n_values = Matrix::open(&last_round(&sandbox, "fed", "main-0003")).unwrap().shape().dim as u64;
    assert!(rounds[1..].iter().all(|round| round["bytes"] == 2 * 2 * 4 * n_values));
    let held_out = |round: usize| rounds[round]["held_out"].as_f64().unwrap();
    assert!(held_out(3) < held_out(0), "{said}");
    assert!(rounds[3]["by_label"]["even"].as_f64().is_some());

    // The last rounds are lost, and what a killed client leaves is in the way of nothing.
    let adapter = bytes(&sandbox, "fed/model/adapter_model.safetensors");
    for name in ["main-0002", "main-0003"] {
        fs_err::remove_file(last_round(&sandbox, "fed", name)).unwrap();
    }
    fs_err::remove_dir_all(sandbox.path("fed/model")).unwrap();
    let again = sandbox.json(0, &format!("{line} --out fed --threads 2"));
    assert_eq!(bytes(&sandbox, "fed/model/adapter_model.safetensors"), adapter);
    assert_eq!(again, said);
    sandbox.fails(
        &format!("{} --out fed", line.replace("--rounds 3", "--rounds 4")),
        &["`fed`", "other rounds (3, now 4);"],
    );
    sandbox.fails(
        &format!(
            "{} --out fed",
            line.replace("dirichlet:0.5", "iid").replace("--lora-rank 4", "--lora-rank 8")
        ),
        &["`fed`", "split (dirichlet:0.5, now iid)", "rank (4, now 8)"],
    );
}

fn last_round(sandbox: &Sandbox, out: &str, name: &str) -> std::path::PathBuf {
    let dir =
        fs_err::read_dir(sandbox.path(format!("{out}/rounds"))).unwrap().next().unwrap().unwrap().path();
    dir.join(format!("{name}.safetensors"))
}

#[test]
fn products_are_averaged_exactly_up_to_the_rank() {
    let sandbox = prepared();
    let line =
        format!("federate train {RECIPE} {LORA} --clients 3 --rounds 2 --eval-rows 9 --warmup-ratio 0");
    let error = |said: &Value, round: usize| said["rounds"][round]["factor_error"].as_f64();
    let factors = sandbox.json(0, &format!("{line} --out factors"));
    let products = sandbox.json(0, &format!("{line} --aggregate products --out products"));
    assert_eq!(error(&factors, 0), None);
    assert!(
        (1..3).all(|round| error(&factors, round).is_some_and(|error| error > 1e-4 && error < 1.0)),
        "{factors}"
    );
    // The first round is the same until the server averages.
    assert_eq!(error(&factors, 1), error(&products, 1));
    let held_out = |said: &Value| said["rounds"][2]["held_out"].as_f64().unwrap();
    assert!(held_out(&products) < products["rounds"][0]["held_out"].as_f64().unwrap());
    assert_ne!(held_out(&factors), held_out(&products));
    // One client has nothing to be off from.
    let alone = sandbox.json(0, &format!("{line} --out alone").replace("--clients 3", "--clients 1"));
    assert!(error(&alone, 1).is_some_and(|error| error < 1e-6), "{alone}");
    sandbox.fails(
        &format!("{line} --method full --aggregate products --out no").replace(LORA, ""),
        &["--aggregate"],
    );
}

#[test]
fn slora_starts_from_what_the_sparse_stage_learned() {
    let sandbox = prepared();
    let line = format!(
        "federate train {RECIPE} {LORA} --method slora --sparse-rounds 2 --density 0.05 --clients 2 --eval-rows 8 \
         --weight-decay 0.1"
    );
    // A learning rate of nearly nothing keeps the adapter at its start.
    let still = line.replace("--learning-rate 0.005", "--learning-rate 1e-12 --sparse-learning-rate 0.005");
    let said = sandbox.json(0, &format!("{still} --rounds 1 --out fed"));
    let energy = said["start_energy"].as_f64().unwrap();
    assert!(energy > 0.1 && energy < 0.95, "{energy}");
    let values =
        |name: &str| Matrix::open(&last_round(&sandbox, "fed", name)).unwrap().row(0).unwrap().into_owned();
    let (before, after) = (values("sparse-0000"), values("sparse-0002"));
    let change: f64 =
        before.iter().zip(&after).map(|(before, after)| f64::from(after - before).powi(2)).sum();
    let n_changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    // Both ways, two clients.
    let sent = said["rounds"][1]["bytes"].as_u64().unwrap() / 16;
    assert!(n_changed as u64 <= sent && n_changed as u64 > sent * 9 / 10, "{n_changed} of {sent}");

    // The adapter on its base differs from the base by the best approximation, whose energy is the part that is kept.
    sandbox.expect(0, "merge --base base --adapter fed/model --out merged --dtype f32 -q");
    let tensors = |dir: &str| {
        let bytes = bytes(&sandbox, &format!("{dir}/model.safetensors"));
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut named: Vec<(String, Vec<f64>)> = tensors
            .iter()
            .map(|(name, view)| {
                assert_eq!(view.dtype(), safetensors::Dtype::F32, "{name}");
                let (values, _) = view.data().as_chunks::<4>();
                (name.to_owned(), values.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect())
            })
            .collect();
        named.sort_by(|left, right| left.0.cmp(&right.0));
        named
    };
    let base = tensors("base");
    let moved = |dir: &str| -> f64 {
        let pairs = tensors(dir).into_iter().zip(&base);
        pairs
            .flat_map(|((_, ours), (_, base))| ours.into_iter().zip(base).map(|(a, b)| (a - b).powi(2)))
            .sum()
    };
    assert!((moved("merged") / change - energy).abs() < 1e-3, "{} {energy}", moved("merged") / change);

    // With the rest in the base, nothing of it is lost.
    let kept = sandbox.json(0, &format!("{still} --rounds 1 --keep-rest --out rest"));
    let held_out = |said: &Value, round: usize| said["rounds"][round]["held_out"].as_f64().unwrap();
    assert_eq!(held_out(&kept, 2), held_out(&said, 2));
    assert!((held_out(&kept, 3) - held_out(&kept, 2)).abs() < 1e-4, "{kept}");
    assert!(held_out(&said, 3) - held_out(&said, 2) > 1e-3, "{said}");
    sandbox.expect(0, "merge --base rest/base --adapter rest/model --out whole --dtype f32 -q");
    assert!((moved("whole") / change - 1.0).abs() < 1e-3, "{}", moved("whole") / change);

    // And it learns: with a learning rate, the stage after it lowers the loss further.
    let said = sandbox.json(0, &format!("{line} --rounds 2 --out learning"));
    let rounds = said["rounds"].as_array().unwrap();
    let losses: Vec<f64> = rounds.iter().map(|round| round["held_out"].as_f64().unwrap()).collect();
    assert_eq!(rounds.iter().filter(|round| round["stage"] == "sparse").count(), 3);
    assert!(losses[2] < losses[0] && losses[5] < losses[3], "{losses:?}");
}

#[test]
fn what_does_not_fit_is_said() {
    let sandbox = prepared();
    let fails = |flags: &str, words: &[&str]| {
        sandbox.fails(&format!("federate train {RECIPE} --out no {flags}"), words);
    };
    let ended = sandbox.fails(
        &format!("federate train {RECIPE} --out no --clients 100"),
        &["client 90 of 100", "found none", "90 rows", "--clients"],
    );
    assert!(!ended.stderr.contains("alpha"), "an even split has none: {}", ended.stderr);
    fails(
        "--clients 40 --split dirichlet:0.1",
        &["of 40", "found none", "one label, `small`", "--by COLUMN", "alpha"],
    );
    fails("--split halves", &["dirichlet:ALPHA"]);
    fails("--density 0.5", &["--density", "--method slora"]);
    fails("--keep-rest", &["--keep-rest", "--method slora"]);
    fails("--method slora --density 0", &["density", "above 0"]);
    fails("--method full --lora-rank 4", &["LoRA settings"]);
    fails("--per-round 0", &["--per-round"]);
    fails("--split label --by color", &["color"]);
    fails("--method slora --modules-to-save lm_head", &["--modules-to-save"]);
    assert!(!sandbox.path("no").exists() && !sandbox.path("no.work").exists(), "nothing is in the way");
}

#[test]
fn a_federated_model_has_a_training_record() {
    let sandbox = prepared();
    let train = |flags: &str, out: &str| {
        sandbox.json(
            0,
            &format!(
                "federate train {RECIPE} {LORA} --clients 2 --rounds 2 --eval-rows 9 {flags} --out {out}"
            ),
        )
    };
    let record = |dir: &str| -> Value {
        serde_json::from_str(&sandbox.read(&format!("{dir}/lobass-training.json"))).unwrap()
    };
    let said = train("", "fed");
    sandbox.expect(0, &format!("train {RECIPE} {LORA} --method lora --eval-rows 9 --out plain"));
    let (of_fed, of_plain) = (record("fed/model"), record("plain"));
    // What both say is the same: the base, the data, the adapter, and the rows that were held out.
    for name in ["base", "plan", "planned", "recipe", "adapter", "frozen_dtype", "eval_rows"] {
        assert_eq!(of_fed[name], of_plain[name], "{name}");
    }
    let (outcome, plain) = (&of_fed["outcome"], &of_plain["outcome"]);
    assert_eq!(outcome["held_out_rows"], plain["held_out_rows"]);
    assert_eq!(outcome["n_examples"], plain["n_examples"]);
    assert_eq!(outcome["held_out_before"], said["rounds"][0]["held_out"]);
    assert_eq!(outcome["held_out_after"], said["rounds"][2]["held_out"]);
    // Two rounds see every row twice.
    let twice = |value: &Value| 2 * value.as_u64().unwrap();
    assert_eq!(outcome["n_tokens"].as_u64().unwrap(), twice(&plain["n_tokens"]));
    assert_eq!(outcome["n_steps"].as_u64().unwrap(), twice(&plain["n_steps"]));
    assert!(of_fed["tool"].as_str().unwrap().ends_with("federate train"), "{of_fed}");

    // A plain training with the same settings is another model.
    sandbox.fails(
        &format!("train {RECIPE} {LORA} --method lora --eval-rows 9 --out fed/model"),
        &["fed/model", "other clients and rounds"],
    );

    // Rows that no client had are marked as such when they are scored.
    let held_out = |reference: &str| {
        sandbox.expect(
            0,
            &format!(
                "score --base base --reference {reference} --data small.jsonl --out {reference}.parquet -q"
            ),
        );
        let said =
            sandbox.json(0, &format!("select --scores {reference}.parquet --strategy lobass --budget 10 -q"));
        said["n_eligible"].clone()
    };
    assert_eq!(held_out("plain"), 81);
    assert_eq!(held_out("fed/model"), 81);
}

#[test]
fn an_adapter_is_refused_on_another_base_than_its_own() {
    let sandbox = prepared();
    let line = format!(
        "federate train {RECIPE} {LORA} --method slora --keep-rest --sparse-rounds 1 --density 0.05 --clients 2 --rounds 1 \
         --out rest"
    );
    sandbox.expect(0, &line);
    let score = |base: &str| {
        format!("score --base {base} --reference rest/model --data small.jsonl --out scores.parquet -q")
    };
    sandbox.fails(&score("base"), &["rest/model", "expected the base that it was trained on"]);
    sandbox.expect(0, &score("rest/base"));
}

#[test]
fn rows_that_cannot_be_trained_on_are_counted_and_decide_the_exit_code() {
    let sandbox = prepared();
    let rows = sandbox.read("small.jsonl");
    sandbox.write("small.jsonl", format!("{rows}no json\n"));
    let line = format!("federate train {RECIPE} {LORA} --clients 2 --rounds 1 --out fed");
    // Trained, and done before.
    for said in [sandbox.expect(1, &line), sandbox.expect(1, &line)] {
        let words = "1 malformed, the first of them row 90: line 91";
        assert!(said.stdout.contains(words), "{}", said.stdout);
    }
    let report: Value = serde_json::from_str(&sandbox.read("fed/report.json")).unwrap();
    assert_eq!(report["unused"]["malformed"]["n_rows"], 1, "{report}");
}
