"""Makes test/golden/weights: small files of weights as PyTorch, transformers and safetensors write
them, with the values that PyTorch reads back from them.

    python test/golden/make-weights.py

Written with torch 2.15.0, transformers 5.23.0, safetensors and numpy. All numbers are random from a
fixed seed. transformers 5 writes safetensors only, so the .bin files of the tiny BERT are written
as transformers 4 wrote them: torch.save of each shard's state dict, with the same index.
"""

import collections
import json
import pathlib
import pickletools
import shutil
import zipfile

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM

folder = pathlib.Path(__file__).parent / "weights"
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir()
torch.manual_seed(6)


def values(tensors):
    """Shape and float64 elements of each tensor of floats; the types of the others."""
    return {
        name: {"shape": list(t.shape), "values": t.detach().double().flatten().tolist()}
        if t.is_floating_point()
        else {"shape": list(t.shape), "type": str(t.dtype)}
        for name, t in tensors.items()
    }


# One file with all that a state dict may hold.
base = torch.randn(4, 6)
shared = torch.randn(3, 2)
cube = torch.randn(2, 3, 4)
state = collections.OrderedDict(
    float32=base,
    transposed=base.t(),
    column=base[:, 2],
    window=base[1:3, 2:5],
    stepped=base[::2, ::3],
    permuted=cube.permute(2, 0, 1),
    tied_a=shared,
    tied_b=shared,
    parameter=torch.nn.Parameter(torch.randn(5)),
    frozen=torch.nn.Parameter(torch.randn(2, 2), requires_grad=False),
    float16=torch.randn(3, 3).half(),
    float16_limits=torch.tensor([65504.0, 2**-24, -(2**-14), 0.0, -0.0]).half(),
    bfloat16=torch.randn(7).bfloat16(),
    float64=torch.randn(2, 3).double(),
    scalar=torch.tensor(2.5),
    empty=torch.zeros(0, 3),
    one=torch.randn(1, 1, 1),
    position_ids=torch.arange(8).expand((1, -1)),
    repeated=torch.randn(1, 3).expand((4, 3)),
    int32=torch.arange(3, dtype=torch.int32),
    int16=torch.arange(3, dtype=torch.int16),
    int8=torch.arange(3, dtype=torch.int8),
    uint8=torch.arange(3, dtype=torch.uint8),
    bool=torch.tensor([True, False]),
)
state["ünïcode.名"] = torch.randn(2)
state._metadata = collections.OrderedDict([("", {"version": 1}), ("layer", {"version": 2})])
torch.save(state, folder / "tensors.pt")
(folder / "tensors.json").write_text(
    json.dumps(values(torch.load(folder / "tensors.pt", weights_only=True))) + "\n"
)

# The same zip packed anew by another program: deflated, in another order.
with zipfile.ZipFile(folder / "tensors.pt") as source:
    with zipfile.ZipFile(folder / "deflated.pt", "w", zipfile.ZIP_DEFLATED) as target:
        for name in reversed(source.namelist()):
            target.writestr(name, source.read(name))

# Files that are refused.
small = {"a": torch.ones(2)}
torch.save(small, folder / "legacy.pt", _use_new_zipfile_serialization=False)
torch.save({"state_dict": state, "epoch": 3}, folder / "nested.pt")
torch.save(small, folder / "protocol-4.pt", pickle_protocol=4)
torch.save(torch.nn.Linear(2, 2), folder / "module.pt")
torch.save({"a": torch.ones(2).to(torch.float8_e4m3fn)}, folder / "float8.pt")

# The same tensors, and those of other types, as safetensors writes them.
save_file({k: v.contiguous().clone() for k, v in state.items()}, folder / "tensors.safetensors")
assert values(load_file(folder / "tensors.safetensors")) == values(state)

# The names of all opcodes, for the messages that refuse them.
(folder / "opcodes.json").write_text(
    json.dumps({ord(o.code): o.name for o in pickletools.opcodes}, indent=0) + "\n"
)

# A tiny BERT in each format.
config = BertConfig(
    vocab_size=40,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=12,
    type_vocab_size=2,
)
model = BertForMaskedLM(config).eval()
with torch.no_grad():
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.3)
bert = folder / "bert"
model.save_pretrained(bert / "safetensors")
model.save_pretrained(bert / "sharded-safetensors", max_shard_size="4KB")

tensors = model.state_dict()
for name in ("bin", "sharded-bin"):
    (bert / name).mkdir()
torch.save(tensors, bert / "bin" / "pytorch_model.bin")
names = list(tensors)
half = len(names) // 2
weight_map = {}
for i, part in enumerate((names[:half], names[half:])):
    file = f"pytorch_model-0000{i + 1}-of-00002.bin"
    torch.save({name: tensors[name] for name in part}, bert / "sharded-bin" / file)
    weight_map |= {name: file for name in part}
(bert / "sharded-bin" / "pytorch_model.bin.index.json").write_text(
    json.dumps({"metadata": {}, "weight_map": weight_map}, indent=2) + "\n"
)
# The config is the same for all, and generation settings are of no use here.
shutil.copy(bert / "safetensors" / "config.json", bert / "config.json")
for file in [*bert.glob("*/config.json"), *bert.glob("*/generation_config.json")]:
    file.unlink()

ids = torch.tensor([[1, 7, 21, 39, 2], [1, 5, 5, 2, 0]])
mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
with torch.no_grad():
    logits = model(input_ids=ids, attention_mask=mask).logits
pooled = torch.log1p(torch.relu(logits)) * mask.unsqueeze(-1)
(bert / "expected.json").write_text(
    json.dumps(
        {
            "tokenIds": [row[: int(n)] for row, n in zip(ids.tolist(), mask.sum(1))],
            "max": pooled.max(dim=1).values.double().tolist(),
            "tensors": values(tensors),
        }
    )
    + "\n"
)
for file in folder.rglob("*.safetensors"):
    file.chmod(0o644)
total = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
print(f"{total:,} bytes")
