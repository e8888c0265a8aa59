"""PyTorch's side of pytorch.test.ts.

    python3 pytorch.py FOLDER

FOLDER/cases.json has layers and language models, each with the file that the library wrote. PyTorch reads them as they are
and computes; then it draws parameters of its own, writes them with torch.save and as .safetensors, and computes again.
FOLDER/results.safetensors has what it computed, FOLDER/versions.json the versions.
"""
import json
import os
import sys
import torch
from torch import nn

sys.path.append(os.path.join(os.path.dirname(__file__), "fixtures"))
from make_fixtures import KINDS, save
from make_torch_fixtures import Model

from read_safetensors import load_by_specification

try:
    import safetensors
    from safetensors.torch import load_file, load_model, save_model
except ImportError:
    safetensors = None


def load(path):
    tensors = load_by_specification(path)
    if safetensors:
        judged = load_file(path)
        assert judged.keys() == tensors.keys() and all(judged[name].equal(tensors[name]) for name in judged)
    return tensors


def write(path, net):
    tensors = net.state_dict()
    torch.save(tensors, path + ".pt")
    if safetensors:
        # Writes tied weights once.
        save_model(net, path + ".safetensors")
    else:
        save(path + ".safetensors", tensors, {"format": "pt"})


def layer(case, results):
    cls, how = KINDS[case["kind"]]
    names = {"inputSize": "input_size", "hiddenSize": "hidden_size", "numLayers": "num_layers", "bias": "bias", "projSize": "proj_size",
             "bidirectional": "bidirectional", "batchFirst": "batch_first"}
    net = cls(**{names[name]: value for name, value in case["options"].items()}, **how)
    x = torch.randn(3, 4, case["options"]["inputSize"])
    results["input"] = x

    def run(side):
        y, state = net(x)
        h, c = state if isinstance(state, tuple) else (state, None)
        results.update({f"{side}.output": y, f"{side}.h": h})
        if c is not None:
            results[f"{side}.c"] = c

    net.load_state_dict(load(case["file"] + ".safetensors"))
    run("ours")
    net.load_state_dict({name: torch.randn_like(p) / 2 for name, p in net.state_dict().items()})
    write(case["file"] + "-theirs", net)
    run("theirs")


def model(case, results):
    o = case["options"]
    cls, how = KINDS[case["kind"]]
    rnn = cls(o.get("embeddingSize", o["vocabSize"]), o["hiddenSize"], o["numLayers"], bidirectional=o["bidirectional"], **how)
    net = Model(rnn, o["vocabSize"], o.get("embeddingSize", 0), o.get("tieWeights", False), "embedding")
    tokens = torch.randint(0, o["vocabSize"], (3, 4))
    results["tokens"] = tokens
    if safetensors:
        load_model(net, case["file"] + ".safetensors")
    # A tied weight is in the file once, under its first name.
    missing, unexpected = net.load_state_dict(load(case["file"] + ".safetensors"), strict=not o.get("tieWeights", False))
    assert missing == (["linear.weight"] if o.get("tieWeights") else []) and unexpected == []
    results["ours.output"] = net(tokens)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn_like(parameter) / 2)
    write(case["file"] + "-theirs", net)
    results["theirs.output"] = net(tokens)


folder = sys.argv[1]
os.chdir(folder)
torch.manual_seed(0)
torch.set_num_threads(1)
with open("cases.json") as file:
    cases = json.load(file)
everything = {}
for case in cases:
    results = {}
    (model if "vocabSize" in case["options"] else layer)(case, results)
    everything.update({f"{case['file']}.{name}": tensor for name, tensor in results.items()})
save("results.safetensors", everything, {})
with open("versions.json", "w") as file:
    json.dump({"torch": torch.__version__, "safetensors": safetensors and safetensors.__version__}, file)
