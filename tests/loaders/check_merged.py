#!/usr/bin/env python3
"""Merged models in the hands of transformers and PEFT.

    python tests/loaders/check_merged.py --lobass target/debug/lobass

Needs `torch`, `transformers`, and `peft`. It merges the fixtures of `tests/fixtures/merging` by each method, and checks:

* transformers opens each result, and its parameters are those that NumPy computed;
* the mean of adapters is the mean of what PEFT's `merge_and_unload` makes of each, and PEFT puts a new adapter on it.

Nothing is downloaded. The exit code is 0 if all of it held.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from peft import LoraConfig, PeftModel, get_peft_model  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
IDS = torch.tensor([[1, 5, 9, 14, 20, 33]])


def opened(path):
    return AutoModelForCausalLM.from_pretrained(path, dtype="auto")


def merge(lobass, base, models, case, out):
    """Merges by a config of mergekit."""
    parameters = {name: case[name] for name in ["normalize", "lambda", "resample", "seed"] if name in case}
    entries = [dict(model=str(model), parameters=dict(weight=weight)) for model, weight in zip(models, case["weights"], strict=True)]
    dtype = dict(f32="float32", bf16="bfloat16", f16="float16")[case["dtype"]]
    config = dict(merge_method=case["method"], base_model=str(base), models=entries, parameters=parameters, dtype=dtype)
    file = out.with_suffix(".yml")
    file.write_text(json.dumps(config))
    subprocess.run([lobass, "merge", "--config", file, "--out", out, "-q"], check=True, stdout=subprocess.DEVNULL)
    return out


def check_case(lobass, folder, base, case, models, scratch):
    out = merge(lobass, base, models, case, scratch / f"{base.name}-{case['name']}")
    model, expected = opened(out), load_file(folder / f"{case['name']}.safetensors")
    found = dict(model.named_parameters())
    for name, values in expected.items():
        assert found[name].dtype == values.dtype and torch.equal(found[name], values), (out.name, name)
    assert torch.isfinite(model(IDS).logits).all()
    return out


def check_peft(lobass, folder, base, scratch):
    adapters = [folder / "adapter0", folder / "adapter1"]
    case = dict(method="linear", weights=[1, 3], dtype="f32")
    out = merge(lobass, base, adapters, case, scratch / f"{base.name}-mean-of-adapters")
    whole = lambda adapter: PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter).merge_and_unload()  # noqa: E731
    one, two = (dict(whole(adapter).named_parameters()) for adapter in adapters)
    found = opened(out)
    for name, values in found.named_parameters():
        torch.testing.assert_close(values, 0.25 * one[name] + 0.75 * two[name], rtol=1e-5, atol=1e-6)
    logits = found(IDS).logits
    config = LoraConfig(r=2, target_modules=["q_proj"])
    torch.testing.assert_close(get_peft_model(found, config)(IDS).logits, logits)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lobass", required=True)
    lobass = parser.parse_args().lobass
    sets = json.loads((FIXTURES / "merging" / "cases.json").read_text())["sets"]
    with tempfile.TemporaryDirectory() as scratch:
        scratch, n_checked = pathlib.Path(scratch), 0
        for name, cases in sets.items():
            base, folder = FIXTURES / "models" / name, FIXTURES / "merging" / name
            for case in cases["models"]:
                check_case(lobass, folder, base, case, [folder / model for model in ["one", "two", "three"]], scratch)
            for case in cases["adapters"]:
                check_case(lobass, folder, base, case, [f"{base}+{folder / model}" for model in ["adapter0", "adapter1"]], scratch)
            check_peft(lobass, folder, base, scratch)
            n_checked += len(cases["models"]) + len(cases["adapters"]) + 1
    print(f"{n_checked} merged models, all as expected")


if __name__ == "__main__":
    main()
