//! Keys of axolotl that lobass cannot take over, and those that change no loss.

#[rustfmt::skip]
pub(super) const LEFT_OUT: [(&str, &str); 32] = [
    ("test_datasets", "give their files with `--eval-data`"),
    ("pretraining_dataset", "lobass scores fine-tuning data; give it with `--data` if it is that"),
    ("dataset_shard_num", "lobass reads whole data sets"),
    ("skip_prepare_dataset", "lobass renders and tokenizes rows itself"),
    ("peft", "lobass's adapters begin at zero"),
    ("optim_args", "AdamW has no further settings in lobass"),
    ("default_system_message", "lobass adds no system prompt to rows"),
    ("dataset_exact_deduplication", "give `--duplicates drop`"),
    ("neftune_noise_alpha", "lobass adds no noise to embeddings"),
    ("unfrozen_parameters", "lobass trains all weights or an adapter"),
    ("lisa_n_layers", "lobass trains all layers in every step"),
    ("relora", "lobass trains one adapter from beginning to end"),
    ("jagged_restart_steps", "lobass's schedules have no restarts"),
    ("qat", "lobass trains without quantization"),
    ("fp8", "lobass trains in f32 or bf16"),
    ("use_eaft", "lobass minimizes the plain loss"),
    ("diffusion", "lobass trains models that read from left to right"),
    ("llmcompressor", "lobass does not prune"),
    ("curriculum_sampling", "lobass shuffles examples"),
    ("group_by_length", "lobass shuffles examples"),
    ("shuffle_merged_datasets", "lobass shuffles examples"),
    ("lr_quadratic_warmup", "lobass warms up linearly"),
    ("cosine_min_lr_ratio", "lobass's cosine ends at 0"),
    ("cosine_constant_lr_ratio", "lobass's cosine ends at 0"),
    ("eta_min", "lobass's cosine ends at 0"),
    ("early_stopping_patience", "lobass trains to the end"),
    ("reinit_weights", "lobass begins with the weights of the base model"),
    ("min_sample_len", "lobass keeps short rows: give `--min-scored` when selecting"),
    ("streaming", "lobass reads whole files"),
    ("auto_find_batch_size", "lobass keeps to the batch size: give `--batch-size`"),
    ("embedding_lr", "all weights have one learning rate"),
    ("rope_scaling", "lobass takes positions from the base model's config"),
];

/// Whether a key is about hardware, kernels, logging, or saving.
pub(super) fn has_no_effect(key: &str) -> bool {
    KEYS.contains(&key) || BEGINNINGS.iter().any(|beginning| key.starts_with(beginning))
}

#[rustfmt::skip]
const BEGINNINGS: [&str; 42] = [
    "bnb_", "comet_", "dataloader_", "dataset_", "ddp", "deepspeed", "dp_", "eaft_", "eval", "expert_parallel_",
    "flash_", "fsdp", "gptq", "gradient_checkpointing", "hub_", "jagged_restart_", "liger_", "lisa_", "logging_",
    "lora_mlp_kernel", "lora_o_kernel", "lora_qkv_kernel", "loss_watchdog_", "mlflow_",
    "model_quantization_config_", "otel_", "ray_", "relora_", "save_", "saves_", "sdp_", "streaming_", "swanlab_",
    "torch_compile", "trackio_", "use_dsv4", "use_glm", "use_otel", "use_ray", "use_swanlab", "wandb_", "xformers",
];

#[rustfmt::skip]
const KEYS: [&str; 68] = [
    "accelerator_config", "activation_offloading", "attn_implementation", "auto_resume_from_checkpoints", "bf16",
    "bfloat16", "context_parallel_size", "cut_cross_entropy", "debug", "device_map", "do_causal_lm_eval",
    "experimental_skip_move_to_device", "experts_implementation", "flex_attn_compile_kwargs", "float16", "fp16",
    "fused_attn_kernel", "gemma4_hybrid_attn_impl", "gpu", "gpu_count", "heads_k_stride", "hf_use_auth_token",
    "local_rank", "lora_fan_in_fan_out", "low_cpu_mem_usage", "max_packed_sequence_len", "memory", "model_config",
    "model_type", "output_dir", "pad_to_sequence_len", "plugins", "pretrain_multipack_attn",
    "processor_type", "project_name", "provider", "push_dataset_to_hub", "remove_unused_columns",
    "resize_token_embeddings_to_32x", "resume_from_checkpoint", "ring_attn_func", "sample_packing_eff_est",
    "sample_packing_seq_len_multiplier", "sample_packing_sequentially", "secrets", "sequence_parallel_degree",
    "special_tokens_config", "strict", "tensor_parallel_size", "tf32", "tiled_mlp",
    "timeout", "tokenizer_legacy", "tokenizer_type", "tokenizer_use_fast", "tokenizer_use_mistral_common",
    "torch_dtype", "torchdistx_path", "total_num_tokens", "trust_remote_code", "unsloth_lora_mlp", "unsloth_lora_o",
    "unsloth_lora_qkv", "use_kernels", "use_scattermoe", "use_sonicmoe", "use_tensorboard", "use_wandb",
];
