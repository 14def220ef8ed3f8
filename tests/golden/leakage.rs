//! Log-probabilities of the orders of questions against PyTorch in f64.

use lobass::Runtime;
use lobass::leakage::{LeakageJob, QuestionInput};
use lobass::settings::ComputeSettings;
use lobass_tests::{fixture, read_json};
use serde_json::{Value, json};

#[test]
fn sums_of_all_orders_are_those_of_pytorch() {
    let dir = tempfile::tempdir().unwrap();
    let base = lobass_demo::unpack(dir.path()).unwrap().base;
    let expected: Vec<Value> = read_json(&fixture("leakage/sums.json"));
    let line = |row: &Value| format!("{}\n", json!({"question": row["question"], "choices": row["choices"]}));
    let (data, out) = (dir.path().join("questions.jsonl"), dir.path().join("out.jsonl"));
    fs_err::write(&data, expected.iter().map(line).collect::<String>()).unwrap();
    let job = LeakageJob {
        base: &base,
        reference: None,
        data: &[QuestionInput::File(data)],
        control: &[],
        format: None,
        orders: None,
        seed: 0,
        compute: &ComputeSettings::default(),
        out: Some(&out),
    };
    job.run(&Runtime::default()).unwrap();
    let found = fs_err::read_to_string(&out).unwrap();
    assert_eq!(found.lines().count(), expected.len());
    for (found, expected) in found.lines().zip(&expected) {
        let found: Value = serde_json::from_str(found).unwrap();
        let numbers = |of: &Value| -> Vec<f64> {
            of.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let (found, expected) = (numbers(&found["base"]["scores"]), numbers(&expected["sums"]));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4, "{found} and {expected}");
        }
    }
}
