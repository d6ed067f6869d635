"""Trains the tiny models whose norm vectors test/lineage/norms.bin.gz holds. Run by hand, see README.md; nothing else runs it.

Every model of one shape is trained at the same time: each parameter has a first axis that counts the models.
Needs Debian's python3-torch (1.13) and numpy. Usage: train.py OUTPUT_FOLDER [SHAPE...]
"""
import gzip
import hashlib
import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

SEED = 20261123
VOCABULARY = 64
CONTEXT = 32
BATCH = 8
HEAD_WIDTH = 16
BASE_STEPS = 300
BASE_RATE = 4e-3

# depth, width and feed-forward width; the rest follows from the name
SHAPES = {"llama": (6, 64, 160), "gemma": (4, 64, 160), "neox": (4, 96, 256)}

# (initialisation, language, order of the batches) of each base; from 8 on they share one or two of these with an earlier one
BASES = [(i, i, i) for i in range(8)] + [
    (0, 5, 20),  # the initialisation of base 0, the language of base 5
    (8, 0, 0),   # the language and the very batches of base 0, another initialisation
    (0, 0, 21),  # the initialisation and language of base 0, other batches
    (9, 0, 22),  # the language of base 0 only
    (1, 1, 23),  # the initialisation and language of base 1, other batches
    (2, 6, 24),  # the initialisation of base 2, the language of base 6
]

# name, parent, language (the same for every base: a harder negative), steps, learning rate, what is trained
DERIVED = [
    ("dpo", "base", 50, 12, 2e-4, "all"),
    ("lora", "base", 51, 40, 1e-3, "lora"),
    ("loranorm", "base", 52, 40, 1e-3, "lora+norms"),
    ("sft", "base", 53, 50, 8e-4, "all"),
    ("sft2", "sft", 54, 50, 8e-4, "all"),
    ("cpt", "base", 55, 100, 2e-3, "all"),
    ("long", "base", 56, 160, 4e-3, "all"),
]


def language(seed: int, length: int = 120_000) -> np.ndarray:
    """Text of an invented language: Zipf words with a bigram grammar, numbers that repeat, and brackets that close."""
    rng = np.random.default_rng([SEED, 1, seed])
    letters = rng.permutation(40)[:26]
    syllables = [rng.choice(letters, size=rng.integers(1, 4)) for _ in range(40)]
    words = [np.concatenate([syllables[i] for i in rng.integers(0, 40, size=rng.integers(1, 4))]) for _ in range(160)]
    frequency = 1.0 / np.arange(1, 161)
    following = np.stack([np.roll(frequency, rng.integers(0, 160)) + 0.1 * frequency for _ in range(160)])
    following /= following.sum(1, keepdims=True)
    text, word, size = [], 0, 0
    while size < length:
        word = int(rng.choice(160, p=following[word]))
        piece = list(words[word]) + [40]
        if rng.random() < 0.08:
            number = list(50 + rng.integers(0, 10, size=3))
            piece = [41] + number + [42] + piece + number + [40]
        if rng.random() < 0.1:
            piece.append(43)
        text.extend(piece)
        size = len(text)
    return np.array(text[:length], dtype=np.int64)


LANGUAGES = {}


def batches(languages, orders, step):
    rows = []
    for lang, order in zip(languages, orders):
        if lang not in LANGUAGES:
            LANGUAGES[lang] = language(lang)
        text = LANGUAGES[lang]
        rng = np.random.default_rng([SEED, 2, order, step])
        starts = rng.integers(0, len(text) - CONTEXT - 1, size=BATCH)
        rows.append(np.stack([text[s:s + CONTEXT + 1] for s in starts]))
    block = torch.from_numpy(np.stack(rows))
    return block[:, :, :-1], block[:, :, 1:]


def initial(shape: str, seed: int) -> dict:
    depth, width, feed = SHAPES[shape]
    rng = torch.Generator().manual_seed(SEED * 1000 + seed)
    new = lambda rows, columns: torch.randn(rows, columns, generator=rng) / math.sqrt(columns)
    start = torch.zeros if shape == "gemma" else torch.ones
    made = {"embd": torch.randn(VOCABULARY, width, generator=rng) * 0.3}
    for block in range(depth):
        at = f"{block}."
        for name in ("q", "k", "v", "o"):
            made[at + name] = new(width, width)
        made[at + "up"] = new(feed, width)
        made[at + "down"] = new(width, feed)
        if shape != "neox":
            made[at + "gate"] = new(feed, width)
        for name in ("attn_norm", "ffn_norm") + (("post_attention_norm", "post_ffw_norm") if shape == "gemma" else ()):
            made[at + name + ".weight"] = start(width)
            if shape == "neox":
                made[at + name + ".bias"] = torch.zeros(width)
        if shape == "gemma":
            made[at + "attn_q_norm.weight"] = start(HEAD_WIDTH)
            made[at + "attn_k_norm.weight"] = start(HEAD_WIDTH)
    made["output_norm.weight"] = start(width)
    if shape == "neox":
        made["output_norm.bias"] = torch.zeros(width)
    return made


def rotation():
    angles = torch.arange(CONTEXT)[:, None] / (10000 ** (torch.arange(0, HEAD_WIDTH, 2) / HEAD_WIDTH))[None]
    return torch.cos(angles), torch.sin(angles)


COS, SIN = rotation()


def rotate(x):
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.cat([even * COS - odd * SIN, even * SIN + odd * COS], -1)


def forward(shape: str, p: dict, tokens: torch.Tensor) -> torch.Tensor:
    depth, width, _ = SHAPES[shape]
    models, batch, context = tokens.shape
    wide = lambda w: w.reshape((models,) + (1,) * 2 + (-1,))
    linear = lambda x, name: torch.einsum("mbti,moi->mbto", x, p[name])

    def norm(x, name):
        weight = wide(p[name + ".weight"])
        if shape == "neox":
            x = x - x.mean(-1, keepdim=True)
            x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)
            return x * weight + wide(p[name + ".bias"])
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
        return x * (1 + weight) if shape == "gemma" else x * weight

    def heads(x):
        return x.reshape(models, batch, context, -1, HEAD_WIDTH).transpose(2, 3)

    mask = torch.full((context, context), -1e9).triu(1)

    def attend(x, at):
        q, k, v = (heads(linear(x, at + name)) for name in "qkv")
        if shape == "gemma":
            shift = lambda n: 1 + p[at + n + ".weight"].reshape(models, 1, 1, 1, -1)
            unit = lambda y: y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + 1e-6)
            q, k = unit(q) * shift("attn_q_norm"), unit(k) * shift("attn_k_norm")
        scores = rotate(q) @ rotate(k).transpose(-1, -2) / math.sqrt(HEAD_WIDTH) + mask
        mixed = (scores.softmax(-1) @ v).transpose(2, 3).reshape(models, batch, context, width)
        return linear(mixed, at + "o")

    def feed(x, at):
        if shape == "neox":
            return linear(F.gelu(linear(x, at + "up")), at + "down")
        gate = linear(x, at + "gate")
        gate = F.gelu(gate) if shape == "gemma" else F.silu(gate)
        return linear(gate * linear(x, at + "up"), at + "down")

    model_index = torch.arange(models)[:, None, None]
    x = p["embd"][model_index, tokens]
    for block in range(depth):
        at = f"{block}."
        if shape == "neox":
            x = x + attend(norm(x, at + "attn_norm"), at) + feed(norm(x, at + "ffn_norm"), at)
            continue
        attended = attend(norm(x, at + "attn_norm"), at)
        x = x + (norm(attended, at + "post_attention_norm") if shape == "gemma" else attended)
        fed = feed(norm(x, at + "ffn_norm"), at)
        x = x + (norm(fed, at + "post_ffw_norm") if shape == "gemma" else fed)
    return torch.einsum("mbti,mvi->mbtv", norm(x, "output_norm"), p["embd"])


def train(shape, params, languages, orders, steps, rate, what="all"):
    base = {name: value.clone() for name, value in params.items()}
    models = len(languages)
    trained = {}
    if what == "all":
        trained = {name: value.clone().requires_grad_() for name, value in base.items()}
    else:
        rng = torch.Generator().manual_seed(SEED + 7)
        for name, value in base.items():
            if name[-2:] in (".q", ".v"):
                trained[name + ".A"] = (torch.randn(models, 4, value.shape[2], generator=rng) * 0.05).requires_grad_()
                trained[name + ".B"] = torch.zeros(models, value.shape[1], 4).requires_grad_()
            elif "norm" in name and what == "lora+norms":
                trained[name] = value.clone().requires_grad_()

    def merged():
        if what == "all":
            return trained
        whole = {name: trained.get(name, value) for name, value in base.items()}
        for name in base:
            if name + ".A" in trained:
                whole[name] = base[name] + trained[name + ".B"] @ trained[name + ".A"]
        return whole

    matrices = [value for value in trained.values() if value.dim() == 3]
    vectors = [value for value in trained.values() if value.dim() < 3]
    # Norms are decayed in some recipes and not in others; here they are not, as in most.
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}], rate, betas=(0.9, 0.95))
    losses = None
    for step in range(steps):
        warm = min(1.0, (step + 1) / min(20, steps))
        for group in optimizer.param_groups:
            group["lr"] = rate * warm * (0.55 + 0.45 * math.cos(math.pi * step / steps))
        tokens, targets = batches(languages, orders, step)
        logits = forward(shape, merged(), tokens)
        each = F.cross_entropy(logits.permute(0, 3, 1, 2), targets, reduction="none").mean((1, 2))
        optimizer.zero_grad()
        each.sum().backward()
        for value in trained.values():
            size = value.grad.flatten(1).norm(dim=1).clamp(min=1.0)
            value.grad.div_(size.reshape((-1,) + (1,) * (value.dim() - 1)))
        optimizer.step()
        losses = each.detach()
    return {name: value.detach() for name, value in merged().items()}, losses


def bfloat16(values: np.ndarray) -> np.ndarray:
    """Round to nearest even, as the upper half of a float32."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def collect(shape, params, index):
    """The norms of one model in the order of the format: blocks ascending, roles sorted, then the outer ones; as GGUF has them."""
    depth = SHAPES[shape][0]
    names = [f"{block}.{role}" for block in range(depth) for role in sorted(k[2:] for k in params if k.startswith("0.") and "norm" in k)]
    names += sorted(k for k in params if k.startswith("output_norm"))
    shift = 1.0 if shape == "gemma" else 0.0
    values = [params[name][index].numpy() + np.float32(shift) for name in names]
    return names, np.concatenate([bfloat16(value) for value in values])


def main():
    folder, chosen = sys.argv[1], sys.argv[2:] or list(SHAPES)
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    for shape in chosen:
        began = time.time()
        starts = [initial(shape, seed) for seed, _, _ in BASES]
        params = {name: torch.stack([start[name] for start in starts]) for name in starts[0]}
        kept = {}
        kept["base"], losses = train(shape, params, [b[1] for b in BASES], [b[2] for b in BASES], BASE_STEPS, BASE_RATE)
        told = {"base": [round(float(v), 3) for v in losses]}
        print(shape, "base", told["base"], round(time.time() - began), "s", flush=True)
        for number, (name, parent, lang, steps, rate, what) in enumerate(DERIVED):
            orders = [100 + number] * len(BASES)
            kept[name], losses = train(shape, kept[parent], [lang] * len(BASES), orders, steps, rate, what)
            told[name] = [round(float(v), 3) for v in losses]
            print(shape, name, told[name][:4], round(time.time() - began), "s", flush=True)
        models, pieces = [], []
        for name, value in kept.items():
            for index, origin in enumerate(BASES):
                names, packed = collect(shape, value, index)
                models.append({"base": index, "kind": name, "loss": told[name][index]})
                pieces.append(packed)
        sizes = {name: int(kept["base"][name].shape[1]) for name in names}
        data = np.concatenate(pieces).astype("<u2").tobytes()
        described = {
            "shape": shape, "seed": SEED, "blocks": SHAPES[shape][0], "tensors": [[n, sizes[n]] for n in names],
            "bases": [{"initialisation": i, "language": l, "order": o} for i, l, o in BASES],
            "derived": [dict(zip(("kind", "parent", "language", "steps", "rate", "trained"), d)) for d in DERIVED],
            "models": models, "sha256": hashlib.sha256(data).hexdigest(),
        }
        with open(os.path.join(folder, f"{shape}.json"), "w") as out:
            out.write(json.dumps(described, indent=None, separators=(",", ":")) + "\n")
        with open(os.path.join(folder, f"{shape}.bf16.gz"), "wb") as out:
            out.write(gzip.compress(data, 9, mtime=0))


main()
