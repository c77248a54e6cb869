"""A plain run of ONNX Runtime: all logits of a batch, then their maximum over tokens.
usage: onnx_peer.py MODEL_DIR CORPUS.jsonl N MAX_TOKENS
Needs: torch transformers onnx onnxruntime. Prints one JSON object."""
import json, resource, sys, tempfile, time
import numpy as np
import onnxruntime
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

BATCH_TOKENS = 1024
model_dir, corpus, n, max_tokens = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
tokenizer = AutoTokenizer.from_pretrained(model_dir)
model = AutoModelForMaskedLM.from_pretrained(model_dir, attn_implementation='eager').eval()
path = tempfile.mkdtemp() + '/model.onnx'
names = ['input_ids', 'attention_mask']
example = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in names)
axes = {name: {0: 'batch', 1: 'length'} for name in [*names, 'logits']}
torch.onnx.export(model, example, path, input_names=names, output_names=['logits'],
                  dynamic_axes=axes, opset_version=17, dynamo=False)
del model
session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])


def encode(ids):
    width = max(map(len, ids))
    mask = np.zeros((len(ids), width), np.int64)
    padded = np.zeros((len(ids), width), np.int64)
    for row, one in enumerate(ids):
        mask[row, :len(one)] = 1
        padded[row, :len(one)] = one
    logits = session.run(None, {'input_ids': padded, 'attention_mask': mask})[0]
    logits[mask == 0] = -np.inf
    return np.log1p(np.maximum(logits.max(axis=1), 0))


def batches(texts):
    ids = sorted((tokenizer(t, truncation=True, max_length=max_tokens)['input_ids'] for t in texts), key=len)
    batch = []
    for one in ids:
        if batch and (len(batch) + 1) * len(one) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(one)
    yield batch


docs = [json.loads(line) for _, line in zip(range(n), open(corpus))]
texts = [((d.get('title') or '') + ' ' + d['text']).strip() for d in docs]
for batch in batches(texts[:64]):
    encode(batch)
start = time.perf_counter()
active = sum(int((encode(batch) > 0).sum()) for batch in batches(texts))
seconds = time.perf_counter() - start
lat = []
for query in ['what is photosynthesis', 'programmed cell death', 'how do vaccines work'] * 30:
    start = time.perf_counter()
    encode([tokenizer(query)['input_ids']])
    lat.append(1e3 * (time.perf_counter() - start))
print(json.dumps({'peer': 'onnxruntime, all logits', 'texts': len(texts), 'termsPerText': active / len(texts),
                  'textsPerS': len(texts) / seconds, 'queryMsP50': sorted(lat)[len(lat) // 2],
                  'peakRssMiB': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
