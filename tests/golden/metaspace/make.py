"""Writes the tokenizers of this folder and metaspace.jsonl, what the tokenizers library makes of texts with them.

	pip install tokenizers==0.23.3 && python3 tests/golden/metaspace/make.py

test_tokenizer compares."""

import json
import os
import random

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

assert tokenizers.__version__ == "0.23.3"
HERE = os.path.dirname(os.path.abspath(__file__))

CORPUS = [
	"the cat sat on the mat and the dog ran  away to the other  mat",
	"It is 12 o'clock: the end of the day, the start of the night.",
	"def f(x):\n    return x + 1\n",
	"naïve café, ½ cup",
	"日本語のテキスト 中文",
]
BYTES = ["<0x%02X>" % i for i in range(256)]
HOSTILE = [
	"", " ", "  ", "   the", "the", " the cat ", "the  cat   sat", "\n", " \n the\n\n", "a\tb", "▁", "▁the", "the▁cat ▁", " ▁ ",
	"_the_ _", "日本", " 中文 日", "😀", "the 😀 cat", "é e\u0301 ½ ﬁne", "½cup", "ﬁ", "\u00a0the\u3000cat\u00a0", "\x00", "``the cat",
	"12 345", "1 2the3", "<s>", "<s>the cat", "<s> the cat</s>", "the cat<s>the cat", " <s> <s> ", "[INST] the cat [/INST] sat",
	"the<tool>cat", "the <tool> cat", "   <tool>the", "theabthe ab cab", "<unk>", "<0x41><0x0A>", "ffﬁ\ufdfa", "\u0344\u0323a",
	"THE Cat", "It's\r\n12", "zzZZ@@the", "日zz中", "\ufffd\ufffd the", "the [INST]",
]


def vocabulary(mark, size, special, limit):
	t = Tokenizer(models.BPE(unk_token="<unk>"))
	t.pre_tokenizer = pre_tokenizers.Metaspace(replacement=mark, prepend_scheme="always")
	trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, limit_alphabet=limit, show_progress=False)
	t.train_from_iterator(CORPUS, trainer)
	return json.loads(t.to_str())["model"]


def added(model, *tokens):
	n = len(model["vocab"])
	out = []
	for content, options in tokens:
		token = dict(id=model["vocab"].get(content, n), content=content, single_word=False, lstrip=False, rstrip=False,
			normalized=False, special=False)
		n += content not in model["vocab"]
		out.append(dict(token, **options))
	return sorted(out, key=lambda t: t["id"])


def bos(model):
	s = {"SpecialToken": {"id": "<s>", "type_id": 0}}
	a, b = ({"Sequence": {"id": x, "type_id": i}} for i, x in enumerate("AB"))
	return {"type": "TemplateProcessing", "single": [s, a], "pair": [s, a, b],
		"special_tokens": {"<s>": {"id": "<s>", "ids": [model["vocab"]["<s>"]], "tokens": ["<s>"]}}}


def first():
	"""As Mistral's and the newer Llama 2 conversions are."""
	m = vocabulary("▁", 400, ["<unk>", "<s>", "</s>"] + BYTES, 60)
	m.update(byte_fallback=True, fuse_unk=True)
	special = {"special": True}
	return dict(
		added_tokens=added(m, ("<unk>", special), ("<s>", special), ("</s>", special),
			("[INST]", {"special": True, "rstrip": True}), ("<tool>", {"lstrip": True})),
		normalizer=None,
		pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False},
		post_processor=bos(m),
		decoder={"type": "Sequence", "decoders": [
			{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
			{"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
		model=m)


def always():
	"""The old form, without bytes: what is unknown is one <unk> a run."""
	m = vocabulary("▁", 140, ["<unk>", "<s>", "</s>"], 45)
	m.update(fuse_unk=True, ignore_merges=True)
	metaspace = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
	return dict(
		added_tokens=added(m, ("<unk>", {"special": True}), ("<s>", {"special": True, "lstrip": True, "rstrip": True}),
			("ab", {"normalized": True}), ("<tool>", {"normalized": True, "lstrip": True})),
		normalizer={"type": "NFKC"}, pre_tokenizer=metaspace, post_processor=None, decoder=metaspace, model=m)


def aligned():
	"""Where it counts which character of the input a word begins with."""
	m = vocabulary("_", 330, ["<unk>", "<s>"] + BYTES, 30)
	m.update(byte_fallback=True)
	metaspace = {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": True}
	return dict(
		added_tokens=added(m, ("<unk>", {"special": True}), ("<s>", {"special": True}), ("the", {"normalized": True})),
		normalizer={"type": "Sequence", "normalizers": [
			{"type": "Strip", "strip_left": True, "strip_right": False}, {"type": "NFKC"},
			{"type": "Replace", "pattern": {"String": "``"}, "content": "\""}]},
		pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, metaspace]},
		post_processor=None,
		decoder={"type": "Sequence", "decoders": [{"type": "ByteFallback"}, metaspace]},
		model=m)


def main():
	rng = random.Random(5)
	lines = []
	for make in first, always, aligned:
		name = make.__name__ + ".json"
		text = json.dumps(dict(version="1.0", truncation=None, padding=None, **make()), ensure_ascii=False,
			separators=(",", ":"))
		with open(os.path.join(HERE, name), "w", encoding="utf-8") as f:
			f.write(text + "\n")
		t = Tokenizer.from_str(text)
		for s in HOSTILE:
			ids, plain = t.encode(s).ids, t.encode(s, add_special_tokens=False).ids
			lines.append(dict(tokenizer=name, text=s, ids=ids, **({} if plain == ids else {"ids_plain": plain}),
				decoded=t.decode(plain, skip_special_tokens=False)))
		for _ in range(12):  # any ids
			ids = [rng.randrange(t.get_vocab_size()) for _ in range(rng.randint(0, 6))]
			lines.append(dict(tokenizer=name, ids=ids, decoded=t.decode(ids, skip_special_tokens=False)))
	with open(os.path.join(HERE, "metaspace.jsonl"), "w", encoding="utf-8") as f:
		for line in lines:
			f.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
	main()
