//! A command checks all its input before anything is trained or scored.

use crate::sandbox::{Ended, Sandbox};

/// A run on a small pool of two sources with a column `kind`, which fails or works with more flags.
fn run(sandbox: &Sandbox, more: &str) -> Ended {
    sandbox.run(&format!("run --base base --data small.jsonl --budget 10% --out run {more}"))
}

/// The error of a run that must end before it trains or scores.
#[track_caller]
fn refused(sandbox: &Sandbox, more: &str) -> String {
    let ended = run(sandbox, more);
    assert_eq!(ended.code, 2, "{more}: {}", ended.stderr);
    let began = ended.stderr.lines().any(|line| line.starts_with("train ") || line.starts_with("score "));
    assert!(!began, "{more} is refused too late: {}", ended.stderr);
    assert!(!sandbox.path("run/work").exists(), "{more}: nothing was begun");
    ended.stderr
}

#[test]
fn selections_that_cannot_be_made_are_refused_before_the_work() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(48);
    sandbox.write("rated.jsonl", "{\"row\": 7, \"score\": 1.5}\n{\"row\": 48, \"score\": 2}\n");
    sandbox.write("fine.jsonl", "{\"row\": 7, \"score\": 1.5}\n{\"row\": 9, \"score\": 2.5}\n");
    sandbox.write("keyed.jsonl", "{\"key\": \"nobody\", \"score\": 1.5}\n");
    for (more, words) in [
        ("--strategy quality --ratings absent.jsonl", ["absent.jsonl", "No such file"]),
        ("--strategy quality --ratings rated.jsonl", ["row below 48", "found 48"]),
        ("--strategy quality --ratings rated.jsonl --rating stars", ["`stars`", "`row`"]),
        ("--strategy quality --ratings keyed.jsonl", ["keyed.jsonl", "`nobody`"]),
        ("--strategy quality --rating stars", ["`stars`", "small.jsonl"]),
        (
            "--strategy quality --ratings fine.jsonl --min-rating 9",
            ["a rating of 9 or more", "the highest is 2.5"],
        ),
        ("--quota-by shape", ["`shape`", "no row that has it"]),
        ("--quota-by kind --shares learnable=1,other=2", ["`other`", "learnable"]),
        ("--quota-by source --shares large=1", ["`large`", "small"]),
        ("--strategy reward-margin", ["`reward-margin`", "pairs"]),
        ("--strategy length-matched-random --lengths-of reward-margin", ["`reward-margin`", "pairs"]),
        ("--strategy s-ifd --seeds 2", ["`s-ifd`", "single reference"]),
        ("--strategy s2l --seeds 2", ["`s2l`", "checkpoints"]),
        (
            "--strategy lobass --diversity k-center --embeddings absent.parquet",
            ["absent.parquet", "No such file"],
        ),
        ("--eval-data absent.jsonl", ["absent.jsonl", "No such file"]),
        ("--reference absent", ["`absent`", "nothing"]),
        ("--strategy lobas", ["`lobas`", "did you mean `lobass`?"]),
        ("--strategy lobass,random", ["`lobass,random`", "separated by blanks"]),
        ("--objective dpo", ["needs pairs", "no file of the pool"]),
        ("--method lora --lora-rank 0", ["`rank`", "at least 1"]),
        ("--method lora --lora-dropout 1.5", ["`dropout`", "below 1"]),
        ("--method lora --lora-targets c_attn", ["`target_modules`", "found c_attn"]),
    ] {
        let error = refused(&sandbox, more);
        for word in words {
            assert!(error.contains(word), "{more}: expected `{word}` in {error}");
        }
    }
}

#[test]
fn trainings_that_take_no_step_are_refused_before_the_base_is_scored() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(48);
    for (more, words) in [
        ("--batch-size 48", "nothing would be learned"),
        ("--eval-rows 48", "cannot hold 48 rows out"),
        ("--max-length 1 --overlong drop", "no row of the pool can be trained on: 48 overlong"),
    ] {
        let ended = run(&sandbox, more);
        assert_eq!(ended.code, 2, "{more}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{more}: {}", ended.stderr);
        assert!(!ended.stderr.lines().any(|line| line.starts_with("score ")), "{more}: {}", ended.stderr);
    }
    // What was refused is not in the way of the right settings.
    let ended = run(&sandbox, "--batch-size 8");
    assert!(ended.code < 2, "{}", ended.stderr);
}

#[test]
fn what_no_row_reaches_is_refused_before_anything_is_scored() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(48);
    sandbox.write("rated.jsonl", "{\"row\": 7, \"score\": 1.5}\n{\"row\": 9, \"score\": 2.5}\n");
    let rated = "--strategy quality --ratings rated.jsonl --min-rating 2";
    sandbox.expect(0, "train --model base --data small.jsonl --batch-size 8 --out tuned -q");
    for reference in ["--batch-size 8", "--reference tuned"] {
        for (more, words) in [
            ("--min-scored 1000".to_owned(), "48 (fewer than 1000 scored tokens; a row has at most"),
            (format!("{rated} --min-scored 1000"), "48 (fewer than 1000 scored tokens; a row has at most"),
        ] {
            let ended = run(&sandbox, &format!("{reference} {more}"));
            assert_eq!(ended.code, 2, "{more}: {}", ended.stderr);
            assert!(ended.stderr.contains(words), "{more}: {}", ended.stderr);
            let began =
                ended.stderr.lines().any(|line| line.starts_with("train ") || line.starts_with("score "));
            assert!(!began, "{more} is refused too late: {}", ended.stderr);
        }
    }
    // What was refused is not in the way of the right settings, nor of another length.
    let ended = run(&sandbox, &format!("{rated} --min-scored 2 --reference tuned --max-length 100"));
    assert!(ended.code < 2, "{}", ended.stderr);
    sandbox.expect(0, "score --base base --data small.jsonl --out scores.parquet -q");
    let select = "select --scores scores.parquet --index index.jsonl --near-duplicates";
    for more in ["--strategy longest --budget 5 --min-scored 1000", &format!("{rated} --min-scored 1000")] {
        sandbox.fails(&format!("{select} {more}"), &["expected candidates, found none among 48 rows"]);
    }
}

#[test]
fn all_inputs_that_are_not_there_are_named_with_what_they_are() {
    let sandbox = Sandbox::new();
    for (line, words) in [
        (
            "select --scores no.parquet --ratings no.jsonl --strategy quality --budget 5",
            vec!["score table `no.parquet`", "ratings `no.jsonl`"],
        ),
        (
            "score --base ./no --reference ./no2 --data no.jsonl no3.jsonl --out s.parquet",
            vec![
                "base model `./no`",
                "reference model `./no2`",
                "data file `no.jsonl`",
                "data file `no3.jsonl`",
            ],
        ),
        (
            "encode --base base --data no.jsonl --chat-template ./no.jinja --out s.jsonl",
            vec!["data file `no.jsonl`", "chat template `./no.jinja`"],
        ),
        (
            "check --data no.jsonl --eval no2.jsonl no3.jsonl",
            vec!["data file `no.jsonl`", "evaluation file `no2.jsonl`", "evaluation file `no3.jsonl`"],
        ),
        (
            "compare --scores no.parquet --base ./no --strategy longest --budget 2 --eval no.jsonl --out c",
            vec!["score table `no.parquet`", "base model `./no`", "evaluation file `no.jsonl`"],
        ),
        (
            "less --base ./no --checkpoints ./no2 --target t=no3.jsonl --data no.jsonl --out s.parquet",
            vec![
                "base model `./no`",
                "checkpoint `./no2`",
                "target file `no3.jsonl`",
                "data file `no.jsonl`",
            ],
        ),
        (
            "mask --scores no.parquet --index no.jsonl --out m.parquet",
            vec!["score table `no.parquet`", "index `no.jsonl`"],
        ),
        (
            "report --scores no.parquet --base ./no --out r.html",
            vec!["score table `no.parquet`", "base model `./no`"],
        ),
        ("run no.toml", vec!["config file `no.toml`"]),
    ] {
        sandbox.fails(line, &words);
    }
    let everything = "run --base ./no --data no.jsonl --eval-data no2.jsonl --reference ./no3 --strategy quality \
                      --ratings no4.jsonl --chat-template ./no.jinja --budget 5 --out run";
    sandbox.fails(
        everything,
        &[
            "6 things are wrong",
            "base model",
            "reference model",
            "data file",
            "evaluation file",
            "ratings",
            "chat template",
        ],
    );
}

#[test]
fn settings_without_effect_are_said() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(48);
    let ended = run(&sandbox, "--eval-every 5 --template-arg shape=round --batch-size 8");
    assert!(ended.code < 2, "{}", ended.stderr);
    for words in ["`--eval-every` has no effect", "`shape` has no effect"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let sandbox = Sandbox::new();
    sandbox.fails("run", &["4 things are wrong", "--out DIR", "--base MODEL", "--data FILE", "--budget"]);
    sandbox.small_pool(48);
    let error = refused(&sandbox, "--quota-by shape --strategy quality reward-margin --rating stars");
    for words in ["3 things are wrong", "`shape`", "`stars`", "pairs"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    sandbox
        .fails("run --base nowhere --data absent.jsonl --budget 5 --out run", &["`nowhere`", "absent.jsonl"]);
}

#[test]
fn a_run_keeps_the_losses_of_tokens_that_a_strategy_reads() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(48);
    let ended = run(&sandbox, "--strategy s-ifd lobass --batch-size 8");
    assert!(ended.code < 2, "{}", ended.stderr);
    let by_hand = "score --base base --reference run/reference --data small.jsonl --per-token --context \
                   unconditional --out by-hand.parquet -q";
    sandbox.json(0, by_hand);
    sandbox.run("select --scores by-hand.parquet --strategy s-ifd --budget 10% --index by-hand.jsonl -q");
    assert_eq!(sandbox.read("run/selected/s-ifd/index.jsonl"), sandbox.read("by-hand.jsonl"));
}

#[test]
fn selections_of_earlier_settings_go() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(48);
    let line = |more: &str| format!("run --base base --data small.jsonl --batch-size 8 --out run {more}");
    sandbox.expect(0, &line("--strategy lobass random --budget 10%"));
    sandbox.write("run/selected/random/mine.txt", "a person's");
    let again = sandbox.expect(0, &line("--strategy gap --budget 20%"));
    assert!(again.stderr.contains("removed: lobass, random"), "{}", again.stderr);
    let mut left: Vec<String> = fs_err::read_dir(sandbox.path("run/selected"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["gap", "random"]);
    assert_eq!(fs_err::read_dir(sandbox.path("run/selected/random")).unwrap().count(), 1);
    assert_eq!(sandbox.read("run/selected/random/mine.txt"), "a person's");
}

#[test]
fn a_training_that_took_no_step_is_in_nobodys_way() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(48);
    let train = |more: &str| format!("train --model base --data small.jsonl --out tuned {more}");
    sandbox.fails(&train("--eval-rows 60"), &["cannot hold 60 rows out"]);
    sandbox.fails(&train("--max-length 64 --batch-size 48"), &["nothing would be learned"]);
    assert!(!sandbox.path("tuned.work").exists() && !sandbox.path("tuned").exists());
    // As an attempt leaves it that is killed right after the tokens.
    sandbox.expect(0, "plan --base base --data small.jsonl --max-length 64 --work tuned.work");
    let trained = sandbox.expect(0, &train("--batch-size 8"));
    assert!(trained.stderr.contains("tokens of earlier settings are removed"), "{}", trained.stderr);
    assert!(!sandbox.path("tuned.work").exists());
}

#[test]
fn a_command_that_failed_before_a_model_saw_a_row_is_in_nobodys_way() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    for (command, out) in [("score", "s.parquet"), ("embed", "v.embeddings")] {
        let line = format!("{command} --base base --data small.jsonl --out {out}");
        sandbox.fails(&format!("{line} --max-length 5 --overlong error"), &["above the maximum of 5"]);
        let mended = sandbox.expect(0, &line);
        assert!(!mended.stderr.contains("unfinished"), "{}", mended.stderr);
        assert!(!sandbox.path(format!("{out}.work")).exists());
    }
    let line = "run --base base --data small.jsonl --batch-size 4 --budget 25% --out run";
    sandbox.fails(&format!("{line} --max-length 5 --overlong error"), &["above the maximum of 5"]);
    sandbox.expect(0, line);
    // What a model has seen stays.
    sandbox.fails(&format!("{line} --max-length 100"), &["max length (", "now 100)"]);
}

#[test]
fn budgets_are_one_word_above_zero() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(8);
    let one_word = "a budget is one word, as in `--budget 6%`";
    sandbox.fails("run --base base --data small.jsonl --out run --budget 6 %", &[one_word]);
    sandbox.fails("select --scores s.parquet --budget 6 %", &["unexpected argument '%'", one_word]);
    for command in ["run --base base --data small.jsonl --out run", "select --scores s.parquet"] {
        sandbox.fails(&format!("{command} --budget -5"), &["found `-5`", "above 0"]);
        sandbox.fails(&format!("{command} --budget 10 --min-scored -1"), &["'-1' for '--min-scored"]);
    }
}

#[test]
fn a_comparison_looks_for_its_held_out_files_first() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(48);
    sandbox.expect(0, "score --base base --data small.jsonl --out s.parquet");
    let line = "compare --scores s.parquet --base base --strategy longest --budget 5 --eval absent.jsonl --out compared";
    let ended = sandbox.fails(line, &["absent.jsonl"]);
    assert!(!ended.stderr.contains("tokenize") && !sandbox.path("compared").exists(), "{}", ended.stderr);
}

#[test]
fn a_selection_may_be_looked_at_only() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(48);
    sandbox.expect(0, "score --base base --data small.jsonl --out s.parquet");
    let before = fs_err::read_dir(sandbox.path("")).unwrap().count();
    let line = "select --scores s.parquet --strategy longest --budget 5";
    let looked = sandbox.expect(0, line);
    assert!(looked.stderr.contains("nothing was written"), "{}", looked.stderr);
    assert_eq!(fs_err::read_dir(sandbox.path("")).unwrap().count(), before);
    let (looked, listed) = (sandbox.json(0, line), sandbox.json(0, &format!("{line} --index i.jsonl")));
    assert_eq!(looked["n_selected"], listed["n_selected"]);
}

#[cfg(unix)]
#[test]
fn an_interruption_says_that_the_same_command_goes_on() {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::{Command, Stdio};

    let sandbox = Sandbox::new();
    let line = ["score", "--base", "base", "--data", "pool.jsonl", "--threads", "1", "--out", "s.jsonl"];
    // A shell starts what runs in the background with this signal ignored, and so lobass ignores it too.
    let ignored = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = ignored.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or_default();
    let signals = [("INT", 2), ("TERM", 15)];
    for (signal, number) in signals.into_iter().filter(|(_, number)| ignored >> (number - 1) & 1 == 0) {
        let mut child = sandbox.command(&line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("template") {
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
        }
        assert!(
            Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success()
        );
        stderr.read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(number), "{said}");
        assert!(said.ends_with("the same command continues\n"), "{said}");
    }
    sandbox.expect(0, &line.join(" "));
}
