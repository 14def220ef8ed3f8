//! Keys of TRL that lobass cannot take over, and those that change no loss.

#[rustfmt::skip]
pub(super) const LEFT_OUT: [(&str, &str); 13] = [
    ("dataset_kwargs", "lobass renders and tokenizes rows itself"),
    ("optim_args", "AdamW has no further settings in lobass"),
    ("optim_target_modules", "lobass trains with AdamW"),
    ("auto_find_batch_size", "lobass keeps to the batch size: give `--batch-size`"),
    ("eos_token", "lobass takes the tokenizer that the base model brings"),
    ("neftune_noise_alpha", "lobass adds no noise to embeddings"),
    ("label_smoothing_factor", "lobass does not smooth labels"),
    ("dataset_streaming", "lobass reads whole files"),
    ("streaming", "lobass reads whole files"),
    ("test_split_size", "lobass trains on the whole pool: give `--eval-rows` to hold some out"),
    ("shuffle_dataset", "lobass shuffles examples in every epoch"),
    ("group_by_length", "lobass shuffles examples"),
    ("model_init_kwargs", "lobass takes the model's config as it is"),
];

/// Keys of DPO that lobass cannot take over.
#[rustfmt::skip]
pub(super) const LEFT_OUT_OF_DPO: [(&str, &str); 8] = [
    ("label_smoothing", "lobass does not smooth labels"),
    ("loss_weights", "lobass has one loss for DPO"),
    ("ld_alpha", "lobass weights the tokens of a response alike"),
    ("rpo_alpha", "lobass adds no fine-tuning loss to DPO's"),
    ("reference_free", "lobass's reference for DPO is the base model"),
    ("sync_ref_model", "lobass's reference for DPO is the base model"),
    ("use_weighting", "lobass weights pairs alike"),
    ("max_prompt_length", "lobass has one limit, for whole rows"),
];

/// Whether a key is about hardware, kernels, logging, or saving.
pub(super) fn has_no_effect(key: &str) -> bool {
    KEYS.contains(&key) || BEGINNINGS.iter().any(|beginning| key.starts_with(beginning))
}

#[rustfmt::skip]
const BEGINNINGS: [&str; 21] = [
    "accelerator", "bnb_4bit", "dataloader_", "ddp_", "deepspeed", "do_", "eval_", "fp16_", "fsdp",
    "gradient_checkpointing", "half_precision", "hub_", "liger_", "log_", "logging_", "per_device_eval",
    "push_to_hub", "save_", "torch_compile", "use_liger", "wandb_",
];

#[rustfmt::skip]
const KEYS: [&str; 33] = [
    "activation_offloading", "attn_implementation", "average_tokens_across_devices", "bf16", "bf16_full_eval",
    "data_seed", "dataset_num_proc", "dataset_test_split", "disable_dropout", "disable_tqdm",
    "dtype", "env", "fp16", "full_determinism", "ignore_bias_buffers", "include_inputs_for_metrics",
    "lora_task_type", "output_dir", "overwrite_output_dir", "packing_strategy", "pad_to_multiple_of",
    "pad_token", "padding_free", "precompute_ref_log_probs", "prediction_loss_only", "remove_unused_columns",
    "report_to", "resume_from_checkpoint", "run_name", "tf32", "torch_dtype", "trust_remote_code",
    "use_bnb_nested_quant",
];
