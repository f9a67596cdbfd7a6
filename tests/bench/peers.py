"""Decoding, prefill, SVD and the z gradient of a Llama of a given shape in torch: peers.sh runs it, one line a work.

	python3 peers.py THREADS LAYERS HIDDEN FFN HEADS KV_HEADS VOCAB
"""
import sys
import time

import torch
import torch.nn.functional as F

THREADS, LAYERS, HIDDEN, FFN, HEADS, KV, VOCAB = map(int, sys.argv[1:8])
DIM = HIDDEN // HEADS
SHAPES = {"q": (HIDDEN, HIDDEN), "k": (KV * DIM, HIDDEN), "v": (KV * DIM, HIDDEN), "o": (HIDDEN, HIDDEN),
          "gate": (FFN, HIDDEN), "up": (FFN, HIDDEN), "down": (HIDDEN, FFN)}


def weights(generator):
    return [{k: torch.randn(m, n, generator=generator) / n ** 0.5 for k, (m, n) in SHAPES.items()} for _ in range(LAYERS)]


def norm(x):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)


def rotate(x, start):
    half = x.shape[-1] // 2
    at = torch.arange(start, start + x.shape[-2])[:, None] * 10000.0 ** (-torch.arange(half) / half)
    a, b, c, s = x[..., :half], x[..., half:], at.cos(), at.sin()
    return torch.cat((a * c - b * s, b * c + a * s), -1)


def forward(x, layers, linear, cache=None):
    """x [batch][t][hidden] -> the same after all layers; cache: a list of (k, v), appended to."""
    batch, t, _ = x.shape
    for i, w in enumerate(layers):
        h = norm(x)
        q, k, v = (linear(h, w[n]).view(batch, t, -1, DIM).transpose(1, 2) for n in "qkv")
        start = cache[i][0].shape[2] if cache and i < len(cache) else 0
        q, k = rotate(q, start), rotate(k, start)
        if cache is not None:
            if start:
                k, v = torch.cat((cache[i][0], k), 2), torch.cat((cache[i][1], v), 2)
                cache[i] = (k, v)
            else:
                cache.append((k, v))
        a = F.scaled_dot_product_attention(q, k.repeat_interleave(HEADS // KV, 1), v.repeat_interleave(HEADS // KV, 1),
                                           is_causal=t > 1)
        x = x + linear(a.transpose(1, 2).reshape(batch, t, HIDDEN), w["o"])
        h = norm(x)
        x = x + linear(F.silu(linear(h, w["gate"])) * linear(h, w["up"]), w["down"])
    return norm(x)


def timed(name, count, work):
    work()
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(name, "torch", count / seconds if count else seconds, flush=True)


def decode(layers, embed, tokens):
    cache, token = [], torch.tensor([[1]])
    for _ in range(tokens):
        logits = forward(embed[token], layers, F.linear, cache)[:, -1] @ embed.T
        token = logits.argmax(-1, keepdim=True)


def gradient(factors, z, embed, ids):
    def linear(x, w):
        u, s, vt, scale = w
        return F.linear(F.linear(x, vt) * (s * scale), u)

    for one in z:
        one.grad = None
    hidden = forward(embed[ids[:, :-1]], factors, linear)
    F.cross_entropy((hidden @ embed.T).flatten(0, 1), ids[:, 1:].flatten()).backward()


def main():
    torch.set_num_threads(THREADS)
    generator = torch.Generator().manual_seed(0)
    layers, embed = weights(generator), torch.randn(VOCAB, HIDDEN, generator=generator) * 0.02
    with torch.no_grad():
        timed("decode-f32", 32, lambda: decode(layers, embed, 32))
        ids = torch.randint(VOCAB, (1, 512), generator=generator)
        timed("prefill-512", 512, lambda: forward(embed[ids], layers, F.linear)[:, -1] @ embed.T)
        start = time.perf_counter()
        svd = [{k: torch.linalg.svd(m, full_matrices=False) for k, m in w.items()} for w in layers]
        print("decompose", "torch", time.perf_counter() - start, flush=True)
    factors = [{k: (u, s, vt, torch.ones_like(s, requires_grad=True)) for k, (u, s, vt) in w.items()} for w in svd]
    z = [f[3] for w in factors for f in w.values()]
    ids = torch.randint(VOCAB, (4, 257), generator=generator)
    timed("train-step", 0, lambda: gradient(factors, z, embed, ids))


main()
