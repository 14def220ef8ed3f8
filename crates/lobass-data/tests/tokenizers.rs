//! The ids that `AutoTokenizer` of transformers gives, whatever class and whichever files decide them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeMap;
use std::path::Path;

use lobass_data::{Bos, TextTokenizer, TokenizerDifference, TokenizerNote};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Made by `tests/fixtures/gen_tokenizers.py`.
fn fixture<T: DeserializeOwned>(name: &str) -> T {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/tokenizers");
    serde_json::from_str(&fs_err::read_to_string(dir.join(name)).unwrap()).unwrap()
}

#[derive(Deserialize)]
struct Expected {
    texts: Vec<String>,
    cases: Vec<Case>,
    answers: Vec<Vec<Vec<u32>>>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    tokenizer: String,
    edits: Map<String, Value>,
    files: BTreeMap<String, Value>,
    model_type: String,
    tokenizer_class: String,
    leading: Vec<u32>,
    answer: usize,
}

impl Case {
    /// Writes the files that transformers read.
    fn write(&self, dir: &Path) {
        let mut tokenizer: Value = fixture(&format!("{}.json", self.tokenizer));
        for (place, value) in &self.edits {
            let at = place.split('.').fold(&mut tokenizer, |at, step| &mut at[step]);
            at.clone_from(value);
        }
        let mut model = json!({"model_type": self.model_type});
        for (name, value) in &self.files {
            if name == "config.json" {
                for (key, value) in value.as_object().unwrap() {
                    model[key] = value.clone();
                }
            } else {
                fs_err::write(dir.join(name), value.to_string()).unwrap();
            }
        }
        fs_err::write(dir.join("config.json"), model.to_string()).unwrap();
        fs_err::write(dir.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    }

    fn open(&self, bos: Bos) -> TextTokenizer {
        let dir = tempfile::tempdir().unwrap();
        self.write(dir.path());
        TextTokenizer::open(dir.path(), bos).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

fn expected() -> Expected {
    fixture("cases.json")
}

fn case(name: &str) -> Case {
    expected().cases.into_iter().find(|case| case.name == name).unwrap()
}

#[test]
fn ids_are_those_of_auto_tokenizer() {
    let Expected { texts, cases, answers } = expected();
    let mut wrong = Vec::new();
    for case in &cases {
        let tokenizer = case.open(Bos::Auto);
        assert_eq!(tokenizer.class(), case.tokenizer_class, "{}", case.name);
        let leading: Vec<u32> = tokenizer.leading().iter().map(|token| token.id).collect();
        assert_eq!(leading, case.leading, "{}", case.name);
        for (text, ids) in texts.iter().zip(&answers[case.answer]) {
            let begins = !ids.is_empty() && ids.first() == leading.first();
            let expected: Vec<u32> = leading.iter().filter(|_| !begins).chain(ids).copied().collect();
            let found = tokenizer.encode(text).map(|tokens| tokens.ids);
            if found.as_ref() != Ok(&expected) {
                wrong.push(format!("{}: {text:?}: expected {expected:?}, found {found:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

#[test]
fn offsets_cover_what_the_text_says() {
    for case in expected().cases {
        let tokenizer = case.open(Bos::Auto);
        for text in ["The cat sat.", "  two  spaces ", "1 <|end|> 22"] {
            let tokens = tokenizer.encode(text).unwrap();
            assert_eq!(tokens.ids.len(), tokens.offsets.len());
            let ends = tokens.offsets.iter().all(|&(start, end)| start <= end && end <= text.len());
            assert!(ends, "{}: {:?}", case.name, tokens.offsets);
        }
    }
}

#[derive(Deserialize)]
struct Classes {
    declared: Vec<Option<String>>,
    picked: BTreeMap<String, Vec<Option<String>>>,
}

#[test]
fn the_class_is_the_one_that_auto_tokenizer_picks() {
    let Classes { declared, picked } = fixture("classes.json");
    let model = json!({"type": "BPE", "vocab": {"a": 0}, "merges": []});
    let steps = [
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}),
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false}),
    ];
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, value: &Value| fs_err::write(dir.path().join(name), value.to_string()).unwrap();
    let mut n_checked = 0;
    for (at, step) in steps.iter().enumerate() {
        write(
            "tokenizer.json",
            &json!({"version": "1.0", "added_tokens": [], "model": model, "pre_tokenizer": step}),
        );
        for (model_type, classes) in &picked {
            write("config.json", &json!({"model_type": model_type}));
            for (name, class) in declared.iter().zip(&classes[at * declared.len()..]) {
                let Some(class) = class else { continue };
                let config = name.as_ref().map_or(json!({}), |name| json!({"tokenizer_class": name}));
                write("tokenizer_config.json", &config);
                let found = TextTokenizer::from_dir(dir.path());
                let found = found.map_or_else(|error| error.to_string(), |found| found.class().to_owned());
                assert_eq!(&found, class, "{model_type} with {name:?} and {}", step["type"]);
                n_checked += 1;
            }
        }
    }
    assert!(n_checked > 1000, "checked {n_checked}");
}

#[test]
fn where_version_4_differs_a_note_says_so() {
    let bos = |name: &str| {
        let notes = case(name).open(Bos::Auto).notes().to_vec();
        notes.into_iter().find_map(|note| match note {
            TokenizerNote::Bos { in_version_5, .. } => Some(in_version_5),
            _ => None,
        })
    };
    assert_eq!(bos("add_bos_token True, LlamaTokenizer"), Some(false));
    assert_eq!(bos("add_bos_token False, LlamaTokenizer, BOS in the file"), Some(true));
    assert_eq!(bos("add_bos_token True, LlamaTokenizer, BOS in the file"), None);
    assert_eq!(bos("add_bos_token False, LlamaTokenizer"), None);
    assert_eq!(bos("pieces, add_bos_token False, CodeLlamaTokenizer"), Some(true));
    // Version 4 ignored the key for the general class, as version 5 does.
    assert_eq!(bos("add_bos_token True, PreTrainedTokenizerFast"), None);
    assert_eq!(bos("add_bos_token False, PreTrainedTokenizerFast, BOS in the file"), None);
}

#[test]
fn a_person_decides_on_bos() {
    let text = "The cat";
    let ids = |name: &str, bos: Bos| {
        let tokenizer = case(name).open(bos);
        let notes = tokenizer.notes().iter().any(|note| matches!(note, TokenizerNote::Bos { .. }));
        assert!(!notes, "what was decided needs no note");
        (tokenizer.encode(text).unwrap().ids, tokenizer.adds_bos(), tokenizer.digest().to_owned())
    };
    let (with, adds, one) = ids("add_bos_token True, LlamaTokenizer", Bos::Yes);
    let (without, adds_none, other) = ids("add_bos_token True, LlamaTokenizer", Bos::No);
    assert_eq!((adds, adds_none), (true, false));
    assert_eq!(with[1..], without[..]);
    assert_ne!(one, other, "another beginning is another tokenizer");
    assert_eq!(ids("two leading tokens", Bos::Yes).0[..2], [1, 3]);
    assert_eq!(ids("another leading token", Bos::Yes).0[..2], [1, 3]);
    let (none, ..) = ids("two leading tokens", Bos::No);
    assert_eq!(none[..], without[..]);
}

#[test]
fn what_is_lost_is_noted() {
    let notes = |name: &str| case(name).open(Bos::Auto).notes().to_vec();
    let has = |name: &str, found: fn(&TokenizerNote) -> bool| notes(name).iter().any(found);
    assert!(has("no byte fallback, LLaMA", |note| matches!(note, TokenizerNote::DropsUnknown { .. })));
    assert!(has("unigram under the LLaMA class", |note| matches!(note, TokenizerNote::NoMerges { .. })));
    let plain = notes("pieces as PreTrainedTokenizerFast of llama");
    assert!(plain.is_empty(), "{plain:?}");
}

/// transformers gives other ids every time.
#[test]
fn dropout_is_left_out_and_noted() {
    let Expected { texts, cases, answers } = expected();
    let mut case = cases.into_iter().find(|case| case.name == "bytes as PreTrainedTokenizerFast").unwrap();
    case.edits.insert("model.dropout".to_owned(), json!(0.5));
    let tokenizer = case.open(Bos::Auto);
    assert_eq!(tokenizer.notes(), [TokenizerNote::Dropout { share: 0.5 }]);
    for (text, ids) in texts.iter().zip(&answers[case.answer]) {
        assert_eq!(&tokenizer.encode(text).unwrap().ids, ids, "{text:?}");
    }
}

#[test]
fn a_class_that_is_not_known_is_refused() {
    let mut case = case("bytes as PreTrainedTokenizerFast");
    case.files.insert("tokenizer_config.json".to_owned(), json!({"tokenizer_class": "WhisperTokenizer"}));
    let dir = tempfile::tempdir().unwrap();
    case.write(dir.path());
    let error = TextTokenizer::from_dir(dir.path()).unwrap_err().to_string();
    assert!(error.contains("WhisperTokenizer") && error.contains("PreTrainedTokenizerFast"), "{error}");
}

#[test]
fn two_tokenizers_are_compared_by_what_they_do() {
    let open = |name: &str| case(name).open(Bos::Auto);
    let plain = open("bytes as PreTrainedTokenizerFast");
    assert_eq!(plain.difference(&open("truncation in the file")), None, "truncation is not used");
    assert_eq!(plain.difference(&open("as in the file, add_prefix_space")), None, "nor is this key");
    let further = plain.difference(&open("pad, PreTrainedTokenizerFast"));
    assert_eq!(further, Some(TokenizerDifference::Further(vec!["<ADD>".to_owned()])));
    let other = |name: &str| match plain.difference(&open(name)) {
        Some(TokenizerDifference::Other(what)) => what,
        found => panic!("{name}: {found:?}"),
    };
    assert!(other("BOS without a name").contains("begin with `<s>`"));
    assert!(other("bytes as Qwen2Tokenizer").contains("steps"));
    assert!(other("pieces without a config").contains("tokens instead of"));
    let flags = open("added {}").difference(&open("added {'lstrip': True}"));
    assert_eq!(flags, Some(TokenizerDifference::Other("token `<ADD>` with other flags".to_owned())));
    let back = open("pad, PreTrainedTokenizerFast").difference(&plain);
    assert_eq!(back, Some(TokenizerDifference::Other("no token `<ADD>`".to_owned())));
}
