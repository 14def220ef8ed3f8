//! The estimates of `lobass plan --explain`.

use serde_json::Value;

use crate::sandbox::Sandbox;

const PLAN: &str = "plan --base base --data pool.jsonl --explain";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("expected a number, found {value}"))
}

/// Equal up to rounding.
#[track_caller]
fn same(found: &Value, expected: f64) {
    let found = number(found);
    assert!((found - expected).abs() <= 1e-9 * expected.abs(), "expected {expected}, found {found}");
}

#[test]
fn a_given_rate_prices_a_job_by_the_rows_it_computes() {
    let sandbox = Sandbox::new();
    let plan = sandbox.json(0, &format!("{PLAN} --rate 10 --price 3 --load 0"));
    let (rows, tokens) = (number(&plan["work"]["n_rows"]), number(&plan["work"]["n_tokens"]));
    assert!(rows < 0.9 * tokens, "the pool shares its preamble: {plan}");
    // Both models, on one device that loads nothing: rows at 10 a second, however they are handed out.
    let (price, hours) = (&plan["price"], 2.0 * rows / 10.0 / 3600.0);
    for found in
        [&price["device_hours"], &price["hours_at_best"], &price["pool"]["hours"], &price["array"]["hours"]]
    {
        same(found, hours);
    }
    same(&price["pool"]["cost_usd"], 3.0 * hours);
    same(&price["rows_per_second"], 10.0);
    same(&price["tokens_per_second"], 10.0 * tokens / rows);
    let shards = number(&plan["n_shards"]);
    assert!(shards > 1.0, "{plan}");
    assert_eq!((&price["n_devices"], &price["n_models"]), (&1.into(), &2.into()));
    assert_eq!((number(&price["n_shards"]), number(&price["n_units"])), (shards, 2.0 * shards));
    assert_eq!((&price["measured"], number(&price["load_seconds"])), (&Value::Null, 0.0));
    // Training computes every token, forward and back.
    same(&plan["training_time"]["seconds"], 2.0 * tokens / 10.0);
    assert_eq!(plan["training_time"]["n_read"], Value::Null);
}

#[test]
fn a_model_is_loaded_by_every_process() {
    let sandbox = Sandbox::new();
    let plan = sandbox.json(0, &format!("{PLAN} --rate 10 --load 30 --models 1"));
    let (price, units) = (&plan["price"], number(&plan["n_shards"]));
    let seconds = number(&plan["work"]["n_rows"]) / 10.0;
    same(&price["pool"]["hours"], (seconds + 30.0) / 3600.0);
    same(&price["array"]["hours"], (seconds + units.min(16.0) * 30.0) / 3600.0);
    assert_eq!((&price["n_units"], &price["pool"]["cost_usd"]), (&plan["n_shards"], &Value::Null));
    // By default, it takes a minute for each of two models.
    let plan = sandbox.json(0, &format!("{PLAN} --rate 10"));
    same(&plan["price"]["pool"]["hours"], (2.0 * seconds + 120.0) / 3600.0);
}

#[test]
fn more_devices_take_less_time_and_no_less_money() {
    let sandbox = Sandbox::new();
    let price = |devices: u32| {
        let line = format!("{PLAN} --rate 1 --load 1 --price 2 --devices {devices}");
        sandbox.json(0, &line)["price"].clone()
    };
    let (one, two) = (price(1), price(2));
    same(&two["hours_at_best"], number(&one["hours_at_best"]) / 2.0);
    same(&two["device_hours"], number(&one["device_hours"]));
    for how in ["pool", "array"] {
        let hours = number(&two[how]["hours"]);
        assert!(hours < 0.8 * number(&one[how]["hours"]) && hours > number(&two["hours_at_best"]), "{two}");
        same(&two[how]["cost_usd"], 2.0 * 2.0 * hours);
    }
    assert_eq!(two, price(2), "nothing of it is left to chance");
}

#[test]
fn a_price_in_words_has_the_numbers_of_the_json() {
    let sandbox = Sandbox::new();
    let flags = "--rate 1000 --load 5 --devices 1 --price 3600";
    let plan = sandbox.json(0, &format!("{PLAN} {flags}"));
    let text = sandbox.expect(0, &format!("{PLAN} {flags}")).stdout;
    let dollars = number(&plan["price"]["pool"]["cost_usd"]);
    // At a dollar a second, cost is time.
    assert!((dollars - 3600.0 * number(&plan["price"]["pool"]["hours"])).abs() < 1e-6);
    let units = format!("units      {} ({} shards, 2 models)", plan["price"]["n_units"], plan["n_shards"]);
    for line in [
        &units,
        "rate       1,000 rows a second by one device with one model, as given",
        "load       5.0 s for a model",
        &format!("cost       ${dollars:.2}, or $"),
        "at $3,600 for an hour of a device",
        "assumed    speeds 3 % apart, no failures",
    ] {
        assert!(text.contains(line), "expected `{line}` in:\n{text}");
    }
    let text = sandbox.expect(0, &format!("{PLAN} --rate 1000 --models 1")).stdout;
    assert!(
        text.contains("1 model)") && text.contains("time to load a model") && !text.contains('$'),
        "{text}"
    );
}

#[test]
fn a_rate_can_be_measured() {
    let sandbox = Sandbox::new();
    let line = format!("{PLAN} --measure 0.3 --dtype f32 --device cpu --threads 1 --devices 4");
    let plan = sandbox.json(0, &line);
    let (price, measured) = (&plan["price"], &plan["price"]["measured"]);
    let rate = number(&measured["n_rows"]) / number(&measured["seconds"]);
    same(&price["rows_per_second"], rate);
    same(&price["device_hours"], 2.0 * number(&plan["work"]["n_rows"]) / rate / 3600.0);
    assert!(number(&price["load_seconds"]) > 0.0, "{plan}");
    let (sequences, rows) = (number(&measured["n_sequences"]), number(&plan["n_rows"]));
    assert!(sequences > 0.0 && sequences <= rows, "{plan}");
    // The whole of a pool that takes less than it may.
    sandbox.small_pool(6);
    let all = sandbox.json(0, "plan --base base --data small.jsonl --explain --measure 60 --threads 1");
    let warm = number(&all["price"]["measured"]["n_sequences"]);
    assert_eq!(warm, 6.0, "{all}");
    let text =
        sandbox.expect(0, "plan --base base --data small.jsonl --explain --measure --threads 1").stdout;
    assert!(text.contains("measured on") && text.contains("of 6 sequences in"), "{text}");
}

#[test]
fn what_cannot_be_measured_or_has_no_effect_is_refused() {
    let sandbox = Sandbox::new();
    for flag in ["--devices 8", "--price 2", "--models 1"] {
        sandbox.fails(&format!("{PLAN} {flag}"), &["--rate", "--measure"]);
    }
    sandbox.fails("plan --base base --data pool.jsonl --rate 10", &["--explain"]);
    sandbox.fails("plan --base base --data pool.jsonl --measure", &["--explain"]);
    sandbox.fails(&format!("{PLAN} --rate 10 --measure"), &["cannot be used with"]);
    sandbox.fails(&format!("{PLAN} --device cpu"), &["--measure"]);
    sandbox.fails(&format!("{PLAN} --load 3"), &["--rate"]);
    sandbox.fails(&format!("{PLAN} --rate 10 --device cpu"), &["`--device`", "--measure", "neither"]);
    sandbox.fails(&format!("{PLAN} --rate 10 --dtype f32"), &["`--dtype`", "--measure", "neither"]);
    sandbox.fails(&format!("{PLAN} --measure --load 3"), &["--load", "--measure"]);
    sandbox.fails(&format!("{PLAN} --rate 0"), &["expected a number from 0.001"]);
    sandbox.fails(&format!("{PLAN} --rate 10 --devices 0"), &["0 is not in 1..=100000"]);
    sandbox.fails(&format!("{PLAN} --rate 10 --models 3"), &["3 is not in 1..=2"]);
    sandbox.write("empty.jsonl", "{\"question\": 1, \"answer\": \"2\"}\n");
    sandbox.fails(
        "plan --base base --data empty.jsonl --columns prompt=question,response=answer --explain --measure",
        &["no rate can be measured", "found none"],
    );
    sandbox.write("none.jsonl", "");
    let ended =
        sandbox.run("plan --base base --data none.jsonl --columns prompt=question --explain --measure");
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let nothing = "plan --base base --data empty.jsonl --columns prompt=question,response=answer --explain";
    let price = &sandbox.json(0, &format!("{nothing} --rate 10 --load 0"))["price"];
    assert_eq!((number(&price["device_hours"]), &price["tokens_per_second"]), (0.0, &Value::Null));
}
