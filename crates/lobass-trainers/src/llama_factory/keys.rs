//! Keys of LLaMA-Factory that lobass cannot take over, and those that change no loss.

#[rustfmt::skip]
pub(super) const LEFT_OUT: [(&str, &str); 24] = [
    ("adapter_name_or_path", "lobass begins with a new adapter: merge this one into the base with `lobass merge`"),
    ("freeze_trainable_layers", "lobass trains all weights or an adapter"),
    ("use_galore", "lobass trains with AdamW"),
    ("use_apollo", "lobass trains with AdamW"),
    ("use_badam", "lobass trains with AdamW"),
    ("use_adam_mini", "lobass trains with AdamW"),
    ("use_muon", "lobass trains with AdamW"),
    ("use_llama_pro", "lobass adds no layers"),
    ("mixture_of_depths", "lobass runs every layer for every token"),
    ("use_dora", "lobass trains LoRA, not DoRA"),
    ("pissa_init", "lobass's adapters begin at zero"),
    ("loraplus_lr_ratio", "both halves of an adapter have one learning rate"),
    ("use_dft_loss", "lobass minimizes the plain loss"),
    ("use_asft_loss", "lobass minimizes the plain loss"),
    ("use_eaft_loss", "lobass minimizes the plain loss"),
    ("neftune_noise_alpha", "lobass adds no noise to embeddings"),
    ("fp8", "lobass trains in f32 or bf16"),
    ("predict_with_generate", "lobass generates nothing while training"),
    ("reward_model", "lobass needs no reward model"),
    ("rope_scaling", "lobass takes positions from the base model's config"),
    ("shift_attn", "lobass attends to all earlier tokens"),
    ("label_smoothing_factor", "lobass does not smooth labels"),
    ("oft_block_size", "lobass trains LoRA, not OFT"),
    ("use_kt", "lobass runs the model itself"),
];

/// Whether a key is about hardware, kernels, logging, or saving.
pub(super) fn has_no_effect(key: &str) -> bool {
    KEYS.contains(&key) || BEGINNINGS.iter().any(|beginning| key.starts_with(beginning))
}

#[rustfmt::skip]
const BEGINNINGS: [&str; 27] = [
    "apollo_", "asft_", "badam_", "dataloader_", "ddp_", "dist_", "do_", "eval_", "export_", "fp8_", "freeze_",
    "fsdp", "galore_", "gradient_checkpointing", "image_", "kt_", "logging_", "overwrite_", "per_device_eval",
    "pissa_", "predict_", "preprocessing_", "ray_", "save_", "video_", "vllm_", "wandb_",
];

#[rustfmt::skip]
const KEYS: [&str; 47] = [
    "apply_rope_fusion", "batching_strategy", "batching_workers", "bf16", "bias_activation_fusion",
    "context_parallel_size", "cp_mode", "cp_size", "deepspeed", "disable_gradient_checkpointing",
    "double_quantization", "dp_size", "enable_liger_kernel", "expert_model_parallel_size", "flash_attn", "fp16",
    "include_num_input_tokens_seen", "init_config", "kernel_config", "max_new_tokens", "model_class",
    "moe_grouped_gemm", "moe_token_dispatcher_type", "oft_target", "output_dir", "overlap_grad_reduce",
    "overlap_param_gather", "pipeline_model_parallel_size", "plot_loss", "pure_bf16", "quantization_method",
    "recompute_granularity", "report_to", "resume_from_checkpoint", "run_name", "sample_backend", "seed_data",
    "sequence_parallel", "tensor_model_parallel_size", "tf32", "trust_remote_code", "use_distributed_optimizer",
    "use_packed_sequences", "use_ray", "use_reentrant_gc", "use_unsloth", "use_v1_kernels",
];
