//! The demo and what it claims.

use lobass_demo::{Kind, pool};
use serde_json::Value;

use crate::sandbox::Sandbox;

#[test]
fn the_demo_does_the_whole_job_and_says_what_was_kept() {
    let sandbox = Sandbox::new();
    let json = sandbox.json(0, "demo --out demo");
    let kept = |strategy: &str, kind: Kind| {
        json["kept_by_kind"][strategy][kind.as_str()].as_u64().unwrap_or_default()
    };
    for strategy in ["lobass", "gap", "random", "longest"] {
        let all: u64 = Kind::COMPOSITION.iter().map(|(kind, _)| kept(strategy, *kind)).sum();
        assert_eq!(all, 240, "{strategy}");
    }
    // The README says so: of what LoBaSS keeps, more than half are skills that the base can learn, random keeps a
    // quarter, and neither noise nor what is known already gets in.
    assert!(kept("lobass", Kind::Learnable) > 120, "{json}");
    assert!(kept("random", Kind::Learnable) < 90, "{json}");
    assert!(kept("lobass", Kind::Noise) + kept("lobass", Kind::Known) < 12, "{json}");
    assert!(kept("longest", Kind::Noise) > 60, "{json}");

    let page = sandbox.read("demo/report.html");
    assert!(page.contains("data-l=\"") && page.len() < 2_000_000, "{}", page.len());

    let again = sandbox.expect(0, "demo --out demo");
    assert!(again.stderr.contains("train            done before"), "{}", again.stderr);
    assert!(again.stdout.contains("learnable"), "{}", again.stdout);
    assert!(again.stdout.contains("demo/report.html"), "{}", again.stdout);
    assert!(sandbox.read("demo/report.html") == page, "the same page");
    assert!(sandbox.read("demo/summary.md").contains("mislabelled"));
}

#[test]
fn the_base_knows_what_it_is_said_to_know() {
    let sandbox = Sandbox::new();
    sandbox.expect(0, "score --base base --data pool.jsonl --out scores.jsonl");
    let rows = pool();
    let text = sandbox.read("scores.jsonl");
    let mut means = std::collections::BTreeMap::<&str, Vec<f64>>::new();
    for line in text.lines().skip(1) {
        let row: Value = serde_json::from_str(line).unwrap();
        let kind = rows[usize::try_from(row["row"].as_u64().unwrap()).unwrap()].kind;
        let mean = row["base_nll"].as_f64().unwrap() / row["n_scored"].as_f64().unwrap();
        means.entry(kind.as_str()).or_default().push(mean);
    }
    let mean = |kind: &str| means[kind].iter().sum::<f64>() / means[kind].len() as f64;
    assert!(mean("known") < 0.2, "{}", mean("known"));
    assert!(mean("learnable") > 3.0, "{}", mean("learnable"));
    assert!(mean("noise") > 3.0, "{}", mean("noise"));
}
