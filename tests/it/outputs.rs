//! Nothing of a person's is overwritten or removed.

use crate::sandbox::Sandbox;

#[test]
fn a_selection_never_replaces_what_it_was_made_from() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(20);
    sandbox.write("d/pool.jsonl", sandbox.read("small.jsonl"));
    sandbox.expect(0, "score --base base --data d/pool.jsonl --out scores.parquet");
    let (pool, table) = (sandbox.read("d/pool.jsonl"), fs_err::read(sandbox.path("scores.parquet")).unwrap());
    let line = "select --scores scores.parquet --strategy longest --budget 10%";
    sandbox.fails(&format!("{line} --out d"), &["d/pool.jsonl", "is a data file"]);
    sandbox.fails(&format!("{line} --out d/../d/pool.jsonl"), &["is a data file"]);
    sandbox.fails(&format!("{line} --index d/pool.jsonl"), &["is a data file"]);
    sandbox.fails(&format!("{line} --index scores.parquet"), &["is the score table"]);
    sandbox.fails(&format!("{line} --out o.jsonl --index o.jsonl"), &["written twice"]);
    assert_eq!(sandbox.read("d/pool.jsonl"), pool);
    assert_eq!(fs_err::read(sandbox.path("scores.parquet")).unwrap(), table);
    sandbox.expect(0, &format!("{line} --out new/ --index new/index.jsonl"));
    assert_eq!(sandbox.read("new/pool.jsonl").lines().count(), 2);
}

#[test]
fn a_directory_that_is_not_ours_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(20);
    for work in ["out.work", "scores.parquet.work", "run/work"] {
        sandbox.write(&format!("{work}/thesis.txt"), "years");
    }
    sandbox.write("d/mine.txt", "mine");
    let train = "train --model base --data small.jsonl --batch-size 4 --out out";
    sandbox.fails(train, &["out.work", "`thesis.txt`"]);
    sandbox.fails("score --base base --data small.jsonl --out scores.parquet", &["`thesis.txt`"]);
    let run = "run --base base --data small.jsonl --budget 1 --batch-size 4 --out run";
    sandbox.fails(run, &["expected an empty directory, found `work`"]);
    sandbox.write("run/lobass.toml", "");
    sandbox.fails(run, &["`thesis.txt`"]);
    for work in ["out.work", "scores.parquet.work", "run/work"] {
        assert_eq!(sandbox.read(&format!("{work}/thesis.txt")), "years");
    }
    sandbox.fails("demo --out d", &["`d`: expected an empty directory, found `mine.txt`"]);
    // A finished table does not depend on files at the place of its work.
    sandbox.expect(0, "score --base base --data small.jsonl --out done.parquet");
    sandbox.write("done.parquet.work/thesis.txt", "years");
    sandbox.expect(0, "score --base base --data small.jsonl --out done.parquet");
    assert_eq!(sandbox.read("done.parquet.work/thesis.txt"), "years");
    // What was put into a directory of ours stays when ours goes.
    fs_err::remove_dir_all(sandbox.path("scores.parquet.work")).unwrap();
    sandbox.expect(0, "score --base base --data small.jsonl --out one.parquet --work scores.parquet.work");
    sandbox.write("scores.parquet.work/notes.txt", "mine");
    sandbox.expect(0, "score --base base --data small.jsonl --out scores.parquet");
    assert_eq!(sandbox.read("scores.parquet.work/notes.txt"), "mine");
    assert!(!sandbox.path("scores.parquet.work/plan.json").exists());
}

#[test]
fn a_checkpoint_that_is_not_ours_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(20);
    let before = fs_err::read_dir(sandbox.path("base")).unwrap().count();
    sandbox.fails("train --model base --data small.jsonl --batch-size 4 --out base", &["did not train"]);
    assert_eq!(fs_err::read_dir(sandbox.path("base")).unwrap().count(), before);
    assert!(!sandbox.path("base.work").exists());
}

#[test]
fn sources_and_their_files_stay_apart() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(10);
    let pool = sandbox.read("small.jsonl");
    for file in ["a/a.jsonl", "b/a.jsonl", "c/a-2.jsonl", "index.jsonl"] {
        sandbox.write(file, &pool);
    }
    let json =
        sandbox.json(0, "score --base base --data a/a.jsonl b/a.jsonl c/a-2.jsonl --out scores.parquet");
    let sources: Vec<_> = json["manifest"]["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["source"].as_str().unwrap())
        .collect();
    assert_eq!(sources, ["a", "a-3", "a-2"]);
    sandbox.expect(0, "select --scores scores.parquet --strategy longest --budget 100% --out all/");
    for source in sources {
        assert_eq!(sandbox.read(&format!("all/{source}.jsonl")), pool);
    }
    sandbox.fails(
        "run --base base --data index.jsonl --budget 1 --batch-size 2 --out run",
        &["index.jsonl", "written twice"],
    );
    assert!(!sandbox.path("run").exists(), "the error comes before anything is computed");
    sandbox.fails("score --base base --data ../evil=small.jsonl --out s.parquet", &["`../evil`", "slashes"]);
}
