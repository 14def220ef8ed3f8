//! Makes the shipped checkpoint and pool: a tokenizer and a model trained on text about the toy world.
//!
//! Run with `cargo xtask demo-model`, which calls `cargo run -p lobass-demo --example pretrain -- DIR`. It takes about
//! three minutes on two cores. The pool and the tokenizer come out the same everywhere; the weights come out the same to
//! the bit on processors with the same instruction sets, and to rounding on others.

#![expect(clippy::print_stderr, reason = "it takes minutes, and says how far it is")]

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use lobass_core::Sequence;
use lobass_data::TextTokenizer;
use lobass_demo::{World, as_json_lines, pool, pretraining_documents};
use lobass_model::{Decoder, DecoderSpec, DeviceName, Dtype, save};
use lobass_train::{Event, Objective, Schedule, Session, Sources, TrainConfig, TrainData, fine_tune};
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, TokenizerBuilder};

const SEED: u64 = 1;
const N_DOCUMENTS: usize = 60_000;
const N_HELD_OUT: usize = 500;
const VOCAB_SIZE: usize = 512;
const SPECIAL: [&str; 4] = ["<|begin|>", "<|user|>", "<|bot|>", "<|end|>"];

const CONFIG: &str = r#"{
  "architectures": ["LlamaForCausalLM"],
  "model_type": "llama",
  "vocab_size": 512,
  "hidden_size": 96,
  "intermediate_size": 256,
  "num_hidden_layers": 4,
  "num_attention_heads": 4,
  "num_key_value_heads": 2,
  "max_position_embeddings": 128,
  "hidden_act": "silu",
  "initializer_range": 0.05,
  "rms_norm_eps": 1e-06,
  "rope_theta": 10000.0,
  "tie_word_embeddings": true,
  "bos_token_id": 0,
  "eos_token_id": 3,
  "torch_dtype": "float32"
}
"#;

const TOKENIZER_CONFIG: &str = r#"{
  "tokenizer_class": "PreTrainedTokenizerFast",
  "bos_token": "<|begin|>",
  "eos_token": "<|end|>",
  "model_max_length": 128
}
"#;

const TEMPLATE: &str = "{{- bos_token -}}
{%- for message in messages -%}
{{- ('<|bot|>' if message.role == 'assistant' else '<|user|>') + message.content -}}
{{- eos_token if message.role == 'assistant' -}}
{%- endfor -%}
{{- '<|bot|>' if add_generation_prompt -}}
";

fn main() -> Result<()> {
    let dir = PathBuf::from(std::env::args().nth(1).context("usage: pretrain DIR")?);
    let base = dir.join("base");
    fs_err::create_dir_all(&base)?;
    fs_err::write(dir.join("pool.jsonl"), as_json_lines(&pool()))?;
    fs_err::write(base.join("chat_template.jinja"), TEMPLATE)?;
    fs_err::write(base.join("tokenizer_config.json"), TOKENIZER_CONFIG)?;

    let texts = texts();
    train_tokenizer(&texts, &base.join("tokenizer.json"))?;
    let mut sequences = encode(&texts, &base)?;
    let held_out = sequences.split_off(sequences.len() - N_HELD_OUT);
    let config = DecoderSpec::from_json(CONFIG)?;
    let model = Decoder::random(&config, SEED, &DeviceName::Cpu.open());
    let recipe = TrainConfig {
        epochs: 1,
        batch_size: 64,
        learning_rate: 3e-3,
        schedule: Schedule::Cosine,
        warmup_ratio: 0.02,
        weight_decay: 0.1,
        beta_2: 0.98,
        seed: SEED,
        micro_batch_tokens: 1024,
        ..TrainConfig::default()
    };
    let (train, held_out) = (Objective::Sft(&sequences), Objective::Sft(&held_out));
    let data = TrainData { train, held_out, eval_every: 100, sources: Sources::default() };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let session = Session { threads, ..Session::default() };
    let (model, _) = fine_tune(model, &data, &recipe, session, &mut |event| match event {
        Event::HeldOut(found) => eprintln!("held-out loss {:.4}", found.nll.mean().unwrap_or_default()),
        Event::Step(step) if step.step % 50 == 0 => {
            eprintln!("step {} of {}: loss {:.4}", step.step, step.n_steps, step.loss);
        }
        _ => {}
    })?;
    Ok(save(&model, CONFIG, Dtype::F32, &base)?)
}

/// Documents as the chat template would render them; plain text stands alone.
fn texts() -> Vec<String> {
    pretraining_documents(&World::shipped(), N_DOCUMENTS, SEED)
        .into_iter()
        .map(|document| {
            let turn = |dialogue: lobass_demo::Dialogue| match dialogue.question.as_str() {
                "" => format!("{}<|end|>", dialogue.answer),
                question => format!("<|user|>{question}<|bot|>{}<|end|>", dialogue.answer),
            };
            document.into_iter().map(turn).collect()
        })
        .collect()
}

fn train_tokenizer(texts: &[String], path: &Path) -> Result<()> {
    let special: Vec<AddedToken> = SPECIAL.iter().map(|&text| AddedToken::from(text, true)).collect();
    let mut trainer = BpeTrainerBuilder::new()
        .vocab_size(VOCAB_SIZE)
        .special_tokens(special)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .show_progress(false)
        .build();
    let byte_level = ByteLevel::new(false, true, true);
    let mut tokenizer = TokenizerBuilder::default()
        .with_model(BPE::default())
        .with_normalizer(None::<tokenizers::normalizers::NFC>)
        .with_pre_tokenizer(Some(byte_level))
        .with_post_processor(None::<ByteLevel>)
        .with_decoder(Some(byte_level))
        .build()
        .map_err(anyhow::Error::from_boxed)?;
    let plain = texts.iter().take(10_000).flat_map(|text| text.split(|c| "<|>".contains(c)));
    tokenizer.train(&mut trainer, plain).map_err(anyhow::Error::from_boxed)?;
    tokenizer.save(path, true).map_err(anyhow::Error::from_boxed)
}

/// Every token but the first is learned.
fn encode(texts: &[String], base: &Path) -> Result<Vec<Sequence>> {
    let tokenizer = TextTokenizer::from_dir(base)?;
    texts
        .iter()
        .map(|text| {
            let ids = tokenizer.encode(&format!("<|begin|>{text}")).map_err(anyhow::Error::msg)?.ids;
            let scored: Vec<bool> = (0..ids.len()).map(|token| token > 0).collect();
            Ok(Sequence::from_scored_tokens(ids, &scored)?)
        })
        .collect()
}
