//! Whether a model has seen a benchmark: half of made-up questions are trained on, and found.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lobass::leakage::{LeakageJob, LeakageReport, QuestionInput};
use lobass::settings::{ComputeSettings, EncodeSettings, TrainSettings};
use lobass::{Error, Model, Observer, Runtime, StageProgress, TrainOptions};
use lobass_leakage::Format;
use serde_json::{Value, json};

/// What a template of SFT must be so that a row is the text of the test.
const TEMPLATE: &str = "{% for message in messages %}{{ message.content }}{% endfor %}";

fn question(at: u64) -> Value {
    let (first, second) = (at * 37 % 50, at * 17 % 41);
    let sum = first + second;
    // The right number at any place among near ones.
    let mut options = vec![sum + 1 + at % 3, sum + 7, sum + 13];
    options.insert((at * 5 % 4) as usize, sum);
    json!({"question": format!("What is {first} + {second}?"), "choices": options, "subject": "sums"})
}

fn write(path: &Path, rows: impl Iterator<Item = Value>) {
    let lines: Vec<String> = rows.map(|row| format!("{row}\n")).collect();
    fs_err::write(path, lines.concat()).unwrap();
}

struct Scene {
    dir: tempfile::TempDir,
    base: PathBuf,
}

impl Scene {
    /// A model that was trained on the first 60 of 120 questions, in their order.
    fn new() -> Self {
        Self::trained_on(|_| [0, 1, 2, 3])
    }

    /// The same, with the options of each question in another order in the training.
    fn trained_on(order: impl Fn(u64) -> [usize; 4]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = lobass_demo::unpack(dir.path()).unwrap().base;
        let scene = Self { dir, base };
        write(&scene.path("seen.jsonl"), (0..60).map(question));
        write(&scene.path("new.jsonl"), (60..120).map(question));
        fs_err::write(scene.path("template.jinja"), TEMPLATE).unwrap();
        let row = |at| {
            let question = question(at);
            let options: Vec<String> =
                question["choices"].as_array().unwrap().iter().map(ToString::to_string).collect();
            let [a, b, c, d] = order(at).map(|option| &options[option]);
            json!({
                "instruction": format!("\n{}:\nA:", question["question"].as_str().unwrap()),
                "output": format!("{a}\nB:{b}\nC:{c}\nD:{d}\n"),
            })
        };
        let rows: Vec<Value> = (0..60).map(row).collect();
        let runtime = Runtime::default();
        let options = TrainOptions {
            train: TrainSettings {
                epochs: Some(30),
                batch_size: Some(8),
                learning_rate: Some(3e-3),
                ..TrainSettings::default()
            },
            sequences: EncodeSettings {
                chat_template: scene.path("template.jinja").display().to_string(),
                ..EncodeSettings::default()
            },
            ..TrainOptions::default()
        };
        let model = Model::open(&scene.base, &runtime).unwrap();
        lobass::train(&rows, &model, &options, &scene.path("tuned"), &runtime).unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn report(&self, data: &str, out: Option<&Path>, runtime: &Runtime) -> Result<LeakageReport, Error> {
        self.report_as(None, data, out, runtime)
    }

    fn report_as(
        &self,
        format: Option<Format>,
        data: &str,
        out: Option<&Path>,
        runtime: &Runtime,
    ) -> Result<LeakageReport, Error> {
        let (compute, reference) = (ComputeSettings::default(), self.path("tuned"));
        let job = LeakageJob {
            base: &self.base,
            reference: Some(&reference),
            data: &QuestionInput::files(&[self.path(data)]),
            control: &QuestionInput::files(&[self.path(if format.is_some() {
                "new.csv"
            } else {
                "new.jsonl"
            })]),
            format,
            orders: None,
            seed: 0,
            compute: &compute,
            out,
        };
        job.run(runtime)
    }
}

/// Asks to stop after some questions.
struct Impatient(AtomicU64);

impl Observer for Impatient {
    fn note(&self, _: &str) {}

    fn warn(&self, _: &str) {}

    fn progress(&self, at: &StageProgress<'_>) {
        self.0.fetch_max(at.done, Ordering::SeqCst);
    }

    fn is_interrupted(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

#[test]
fn what_was_trained_on_is_found_and_nothing_else() {
    let scene = Scene::new();
    let runtime = Runtime::default();
    let seen = scene.report("seen.jsonl", None, &runtime).unwrap();
    let [base, tuned] = &seen.models[..] else { panic!("two models") };
    assert!(tuned.all.orders.share > 0.9, "{seen}");
    assert!(tuned.all.orders.p < 1e-20 && tuned.all.orders.height > 0.95, "{seen}");
    assert_eq!(tuned.subjects["sums"].orders, tuned.all.orders);
    // The questions that were not trained on, and the base.
    for other in [base.all.orders, tuned.control.as_ref().unwrap().orders] {
        assert!(other.share < 0.3 && other.p > 1e-4, "{seen}");
    }
    let paired = seen.by_fine_tuning.unwrap();
    assert!(paired.n_gained > 40 && paired.p < 1e-10, "{seen}");
    assert!(tuned.all.completed.0 > base.all.completed.0, "{seen}");
    // 24 orders share the question and many first options.
    assert!(3 * base.n_rows < base.n_tokens, "{} of {}", base.n_rows, base.n_tokens);

    let new = scene.report("new.jsonl", None, &runtime).unwrap();
    assert!(new.by_fine_tuning.unwrap().p > 1e-4, "{new}");
}

#[test]
fn a_training_in_other_orders_shows_in_outliers_alone() {
    // Any of the 24 orders, by the number of the question.
    let order = |at: u64| {
        let mut left = vec![0, 1, 2, 3];
        let mut code = (at * 7 + 5) % 24;
        [4, 3, 2, 1].map(|n| {
            let next = left.remove(usize::try_from(code % n).unwrap());
            code /= n;
            next
        })
    };
    let found = Scene::trained_on(order).report("seen.jsonl", None, &Runtime::default()).unwrap();
    let [base, tuned] = &found.models[..] else { panic!("two models") };
    // The known order says nothing: the model prefers another one.
    assert!(tuned.all.orders.share < 0.25 && tuned.all.orders.p > 1e-4, "{found}");
    // One order of each question is far from the others, which is so for few questions that it has not seen.
    let control = tuned.control.as_ref().unwrap();
    for (at, below) in tuned.all.outliers.iter().enumerate() {
        assert!(*below > 0.8, "threshold {at}: {found}");
        assert!(*below > control.outliers[at] + 0.2 && *below > base.all.outliers[at] + 0.2, "{found}");
    }
}

#[test]
fn the_csv_files_of_mmlu_have_no_column_names() {
    let scene = Scene::new();
    let line = |at| {
        let question = question(at);
        let cell = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        let options: Vec<String> = question["choices"].as_array().unwrap().iter().map(cell).collect();
        format!("{},{},A\n", cell(&question["question"]), options.join(","))
    };
    fs_err::write(scene.path("sums_test.csv"), (0..60).map(line).collect::<String>()).unwrap();
    fs_err::write(scene.path("new.csv"), (60..120).map(line).collect::<String>()).unwrap();
    let runtime = Runtime::default();
    let found = scene.report_as(Some(Format::MmluCsv), "sums_test.csv", None, &runtime).unwrap();
    let rows = scene.report("seen.jsonl", None, &runtime).unwrap();
    for (found, expected) in found.models.iter().zip(&rows.models) {
        assert_eq!(found.all.orders, expected.all.orders);
        assert_eq!(found.subjects["sums"].orders, expected.subjects["sums"].orders, "named by the file");
    }
    let error = scene.report("sums_test.csv", None, &runtime).unwrap_err().to_string();
    assert!(error.contains("--benchmark mmlu-csv"), "{error}");
    let error = scene.report_as(Some(Format::MmluCsv), "seen.jsonl", None, &runtime).unwrap_err().to_string();
    assert!(error.contains("expected CSV without a line of column names, found JSON lines"), "{error}");
}

#[test]
fn an_interrupted_call_goes_on() {
    let scene = Scene::new();
    let (whole, again) = (scene.path("whole.jsonl"), scene.path("again.jsonl"));
    scene.report("seen.jsonl", Some(&whole), &Runtime::default()).unwrap();
    let impatient = Runtime::new(Arc::new(Impatient(AtomicU64::new(0))));
    let error = scene.report("seen.jsonl", Some(&again), &impatient).unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error}");
    assert!(!again.exists());
    let kept = fs_err::read_to_string(scene.path("again.jsonl.work")).unwrap();
    assert_eq!(kept.lines().count(), 32);
    scene.report("seen.jsonl", Some(&again), &Runtime::default()).unwrap();
    assert_eq!(fs_err::read(&whole).unwrap(), fs_err::read(&again).unwrap());
    assert!(!scene.path("again.jsonl.work").exists());
}

/// What a model without finite weights says of questions, some of which cannot be asked.
fn report_of_nothing(scene: &Scene, out: Option<&Path>, runtime: &Runtime) -> Result<LeakageReport, Error> {
    let weights = scene.base.join("model.safetensors");
    let mut bytes = fs_err::read(&weights).unwrap();
    let end = bytes.len();
    for value in bytes[end - 128..].chunks_exact_mut(4) {
        value.copy_from_slice(&f32::NAN.to_le_bytes());
    }
    fs_err::write(&weights, bytes).unwrap();
    let compute = ComputeSettings::default();
    let job = LeakageJob {
        base: &scene.base,
        reference: None,
        data: &QuestionInput::files(&[scene.path("asked.jsonl")]),
        control: &QuestionInput::files(&[scene.path("control.jsonl")]),
        format: None,
        orders: None,
        seed: 0,
        compute: &compute,
        out,
    };
    job.run(runtime)
}

impl Scene {
    /// The shipped base, and questions.
    fn untrained() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = lobass_demo::unpack(dir.path()).unwrap().base;
        let scene = Self { dir, base };
        write(&scene.path("asked.jsonl"), (0..3).map(question));
        write(&scene.path("control.jsonl"), (3..5).map(question));
        scene
    }
}

#[test]
fn without_a_tested_question_there_are_no_numbers() {
    let found = report_of_nothing(&Scene::untrained(), None, &Runtime::default()).unwrap();
    assert!(found.falls_short());
    let text = found.to_string();
    for words in [
        "0 of 3 tested",
        "base: no question was tested (3 not finite)",
        "base, control: no question was tested (2 not finite)",
        "sums (0), base: no question was tested (3 not finite)",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for number in ["NaN", "p =", "100.0 %", "height", "5-grams", "not calibrated"] {
        assert!(!text.contains(number), "{number}: {text}");
    }
    let json = serde_json::to_value(&found).unwrap();
    let orders = &json["models"][0]["all"]["orders"];
    assert_eq!(
        (&orders["n"], &orders["p"], &orders["interval"]),
        (&json!(0), &json!(null), &json!([null, null]))
    );
}

/// Keeps the notes and warnings of a command.
#[derive(Default)]
struct Notes(std::sync::Mutex<Vec<String>>);

impl Observer for Notes {
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn warn(&self, _: &str) {}

    fn progress(&self, _: &StageProgress<'_>) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}

#[test]
fn numbers_are_json_lines_and_what_they_replace_is_said() {
    let scene = Scene::untrained();
    for name in ["lk.parquet", "lk.csv"] {
        let error = report_of_nothing(&scene, Some(&scene.path(name)), &Runtime::default()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("expected `.jsonl`, found `.") && !scene.path(name).exists(), "{error}");
    }
    let notes = Arc::new(Notes::default());
    let runtime = Runtime::new(notes.clone());
    let out = scene.path("lk.jsonl");
    let replaced =
        || notes.0.lock().unwrap().iter().filter(|note| note.contains("was there already")).count();
    for n in [0, 1] {
        report_of_nothing(&scene, Some(&out), &runtime).unwrap();
        assert_eq!(replaced(), n);
    }
}

#[test]
fn an_option_that_is_null_is_named_with_its_row() {
    let scene = Scene::untrained();
    let mut asked: Vec<Value> = (0..3).map(question).collect();
    asked[1]["choices"][2] = json!(null);
    write(&scene.path("asked.jsonl"), asked.into_iter());
    let error = report_of_nothing(&scene, None, &Runtime::default()).unwrap_err().to_string();
    let words = "asked.jsonl`, row 1: column `choices`, option 3 of 4: expected text, found null";
    assert!(error.contains(words), "{error}");
}

#[test]
fn files_that_are_no_benchmark_are_refused_by_name() {
    let scene = Scene::new();
    write(&scene.path("other.jsonl"), std::iter::once(json!({"text": "What?"})));
    let error = scene.report("other.jsonl", None, &Runtime::default()).unwrap_err().to_string();
    assert!(error.contains("other.jsonl`, row 0: expected the columns of a benchmark"), "{error}");
    assert!(error.contains("found text") && error.contains("--benchmark"), "{error}");
    let few = json!({"question": "Yes?", "choices": ["yes", "no"]});
    write(&scene.path("few.jsonl"), std::iter::once(few));
    let error = scene.report("few.jsonl", None, &Runtime::default()).unwrap_err().to_string();
    assert_eq!(error, "no question can be tested: 1 fewer than 3 options");
    let error = scene.report("absent.jsonl", None, &Runtime::default()).unwrap_err().to_string();
    assert!(error.contains("absent.jsonl"), "{error}");
}
