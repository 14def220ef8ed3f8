"""Draws samples with llama.cpp, and writes how fast: another side of `cargo xtask bench generate-peers`.

    python llama_generate.py --gguf model.gguf --prompts prompts.json --new-tokens 64 --batch 32 --dtype f32 --threads 2 \\
        --out result.json

`prompts.json` is a list of prompts, as token ids. Many samples are in flight: each step decodes one token of each of
them. Batches have prompts of similar length. Samples are drawn at temperature 1, and no token ends one. Running the
prompts is timed; loading and a warm-up are not.
"""

import llama_cpp as llama
from samples import batches, measure, parse, read_prompts

TYPES = dict(f32=0, bf16=1)  # of keys and values: GGML_TYPE_F32, and GGML_TYPE_F16, the default of llama.cpp
STEP = 512  # tokens of a prompt that are run at once, the default of llama.cpp
SILENT = llama.llama_log_callback(lambda *_: None)


class Drawer:
    """A model with room for a number of sequences, and a sampler of its whole distribution."""

    def __init__(self, args, longest):
        llama.llama_log_set(SILENT, None)
        llama.llama_backend_init()
        self.model = llama.llama_model_load_from_file(str(args.gguf).encode(), llama.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"{args.gguf}: llama.cpp cannot open it")
        params = llama.llama_context_default_params()
        params.n_ctx = args.batch * (longest + args.new_tokens)
        params.n_seq_max = args.batch
        params.n_batch = params.n_ubatch = STEP
        params.n_threads = params.n_threads_batch = args.threads
        params.type_k = params.type_v = TYPES[args.dtype]
        self.context = llama.llama_init_from_model(self.model, params)
        if not self.context:
            raise SystemExit(f"{args.gguf}: llama.cpp cannot make room for {args.batch} sequences")
        self.batch = llama.llama_batch_init(STEP, 0, 1)
        self.sampler = llama.llama_sampler_init_dist(0)
        self.greedy = llama.llama_sampler_init_greedy()

    def decode(self, tokens):
        """Runs (sequence, position, token, whether logits are wanted); gives the places of those that are."""
        for place, (sequence, position, token, wanted) in enumerate(tokens):
            self.batch.token[place], self.batch.pos[place] = token, position
            self.batch.n_seq_id[place], self.batch.seq_id[place][0] = 1, sequence
            self.batch.logits[place] = wanted
        self.batch.n_tokens = len(tokens)
        if llama.llama_decode(self.context, self.batch) != 0:
            raise SystemExit("llama.cpp cannot run the tokens")
        return {tokens[place][0]: place for place in range(len(tokens)) if tokens[place][3]}

    def draw(self, rows, new_tokens, sampler):
        """New tokens of each row."""
        llama.llama_memory_clear(llama.llama_get_memory(self.context), True)
        prompts = [
            (sequence, position, token, position + 1 == len(row))
            for sequence, row in enumerate(rows)
            for position, token in enumerate(row)
        ]
        last = {}
        for at in range(0, len(prompts), STEP):
            for sequence, place in self.decode(prompts[at : at + STEP]).items():
                last[sequence] = llama.llama_sampler_sample(sampler, self.context, place)
        drawn = [[last[sequence]] for sequence in range(len(rows))]
        for _ in range(new_tokens - 1):
            step = [(at, len(row) + len(drawn[at]) - 1, drawn[at][-1], True) for at, row in enumerate(rows)]
            for sequence, place in self.decode(step).items():
                drawn[sequence].append(llama.llama_sampler_sample(sampler, self.context, place))
        return drawn


def main():
    args = parse(__doc__.splitlines()[0], "gguf", list(TYPES))
    prompts = read_prompts(args)
    drawer = Drawer(args, len(prompts[-1]))

    def draw(prompts, new_tokens, is_greedy):
        sampler = drawer.greedy if is_greedy else drawer.sampler
        return [row for rows in batches(prompts, args) for row in drawer.draw(rows, new_tokens, sampler)]

    versions = dict(llama_cpp=llama.__version__, system=llama.llama_print_system_info().decode())
    measure(args, prompts, draw, versions)


if __name__ == "__main__":
    main()
