"""One work of t2tui bench in torch, on random weights of a model's shape: peers.sh runs it; prints the figure.

	python3 peers.py WORK THREADS LAYERS HIDDEN FFN HEADS KV_HEADS VOCAB COUNT [FOLDER]

decode	tokens/s: one sequence, bfloat16 weights, greedy, the best of COUNT runs of 4 tokens after a prompt of 16
prefill	tokens/s: a prompt of COUNT tokens, float32, the last one's logits
train	seconds: 4 x COUNT tokens, float32, the gradient of every z
svd	seconds: every matrix decomposed, multiplied out again to see its error, its factors written to FOLDER

All but svd, which comes once, are done once before they are timed.
"""
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F

WORK = sys.argv[1]
THREADS, LAYERS, HIDDEN, FFN, HEADS, KV, VOCAB, COUNT = map(int, sys.argv[2:10])
DIM = HIDDEN // HEADS
SHAPES = {"q": (HIDDEN, HIDDEN), "k": (KV * DIM, HIDDEN), "v": (KV * DIM, HIDDEN), "o": (HIDDEN, HIDDEN),
          "gate": (FFN, HIDDEN), "up": (FFN, HIDDEN), "down": (HIDDEN, FFN)}
LINES, PROMPT, RUN = 4, 16, 4


def matrix(m, n):
    return torch.randn(m, n) / n ** 0.5


def matrices():
    return [{k: matrix(m, n) for k, (m, n) in SHAPES.items()} for _ in range(LAYERS)]


class Cache:
    """Keys and values of one sequence; n: how many it holds."""

    def __init__(self, room, dtype):
        self.n = 0
        self.held = [[torch.empty(1, KV, room, DIM, dtype=dtype) for _ in "kv"] for _ in range(LAYERS)]

    def add(self, layer, *new):
        """-> all keys and all values of that layer."""
        for held, one in zip(self.held[layer], new):
            held[:, :, self.n:self.n + one.shape[2]] = one
        return [held[:, :, :self.n + new[0].shape[2]] for held in self.held[layer]]


class Llama:
    """linear(x, w): the product; layers: of each, what linear() takes."""

    def __init__(self, layers, linear, dtype, room):
        self.layers, self.linear, self.dtype = layers, linear, dtype
        self.embed = (torch.randn(VOCAB, HIDDEN) * 0.02).to(dtype)
        self.norms = torch.ones(2 * LAYERS + 1, HIDDEN, dtype=dtype)
        at = torch.arange(room)[:, None] * 10000.0 ** (-torch.arange(DIM // 2) / (DIM // 2))
        self.cos, self.sin = at.cos().to(dtype), at.sin().to(dtype)

    def hidden(self, ids, cache=None):
        """ids [batch][t] -> [batch][t][hidden] after the last norm."""
        x, start = self.embed[ids], cache.n if cache else 0
        batch, t = ids.shape
        cos, sin = self.cos[start:start + t], self.sin[start:start + t]

        def norm(x, i):
            return F.rms_norm(x, (HIDDEN,), self.norms[i], 1e-5)

        def rotate(x):
            a, b = x.chunk(2, -1)
            return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)

        for i, w in enumerate(self.layers):
            h = norm(x, 2 * i)
            q, k, v = (self.linear(h, w[name]).view(batch, t, -1, DIM).transpose(1, 2) for name in "qkv")
            q, k = rotate(q), rotate(k)
            if cache:
                k, v = cache.add(i, k, v)
            a = F.scaled_dot_product_attention(q, k, v, is_causal=t > 1, enable_gqa=True)
            x = x + self.linear(a.transpose(1, 2).reshape(batch, t, HIDDEN), w["o"])
            h = norm(x, 2 * i + 1)
            x = x + self.linear(F.silu(self.linear(h, w["gate"])) * self.linear(h, w["up"]), w["down"])
        if cache:
            cache.n += t
        return norm(x, 2 * LAYERS)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@torch.no_grad()
def decode():
    dtype, room = torch.bfloat16, PROMPT + RUN * COUNT
    model = Llama([{k: w.to(dtype) for k, w in layer.items()} for layer in matrices()], F.linear, dtype, room)
    cache, token = Cache(room, dtype), torch.randint(VOCAB, (1, PROMPT))

    def steps(n):
        nonlocal token
        for _ in range(n):
            token = F.linear(model.hidden(token, cache)[:, -1], model.embed).argmax(-1, keepdim=True)

    steps(1 + RUN)  # the prompt and the first use
    cache.n = PROMPT
    return RUN / min(seconds(lambda: steps(RUN)) for _ in range(COUNT))


@torch.no_grad()
def prefill():
    model, ids = Llama(matrices(), F.linear, torch.float32, COUNT), torch.randint(VOCAB, (1, COUNT))

    def work():
        F.linear(model.hidden(ids, Cache(COUNT, torch.float32))[:, -1], model.embed)

    work()
    return COUNT / seconds(work)


def train():
    factors, z = [], []
    for _ in range(LAYERS):
        layer = {}
        for k, (m, n) in SHAPES.items():
            r = min(m, n)
            z.append(torch.ones(r, requires_grad=True))
            layer[k] = torch.randn(m, r) / m ** 0.5, torch.ones(r), matrix(r, n), z[-1]
        factors.append(layer)

    def linear(x, w):
        u, sigma, vt, scale = w
        return F.linear(F.linear(x, vt) * (sigma * scale), u)

    model, ids = Llama(factors, linear, torch.float32, COUNT), torch.randint(VOCAB, (LINES, COUNT + 1))
    reward = torch.tensor([1.0, -1.0]).repeat(LINES // 2)[:, None]

    def work():
        for one in z:
            one.grad = None
        logits = F.linear(model.hidden(ids[:, :-1]), model.embed)
        lost = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        (lost.view(LINES, COUNT) * reward).sum().backward()

    work()
    return seconds(work)


@torch.no_grad()
def svd():
    """A matrix a thread at a time, as t2tui does."""
    layers, folder = matrices(), sys.argv[10]
    torch.set_num_threads(1)

    def one(job):
        w, path = job
        u, sigma, vt = torch.linalg.svd(w, full_matrices=False)
        error = torch.linalg.norm(u * sigma @ vt - w) / torch.linalg.norm(w)
        torch.save((u, sigma, vt), path)
        return float(error)

    jobs = [(w, os.path.join(folder, f"{i}.{k}")) for i, layer in enumerate(layers) for k, w in layer.items()]
    jobs.sort(key=lambda job: -job[0].numel())  # the largest first, lest one is left at the end
    with ThreadPoolExecutor(THREADS) as threads:
        worst = 0.0

        def work():
            nonlocal worst
            worst = max(threads.map(one, jobs))

        taken = seconds(work)
    if not worst < 1e-4:
        sys.exit(f"svd: an error of {worst}")
    return taken


torch.manual_seed(0)
torch.set_num_threads(THREADS)
print({"decode": decode, "prefill": prefill, "train": train, "svd": svd}[WORK]())
