"""Reads and writes Unrolled's checkpoints: safetensors whose metadata holds the rest and a checksum."""

import hashlib
import json
import math
import os
import struct

import torch


def read(path):
    """Tensors and metadata by name."""
    with open(path, 'rb') as file:
        content = bytearray(file.read())
    (length,) = struct.unpack_from('<Q', content)
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop('__metadata__')
    tensors = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]['data_offsets']):
        at, size = 8 + length + entry['data_offsets'][0], math.prod(entry['shape'])
        tensors[name] = torch.frombuffer(content, dtype=torch.float32, count=size, offset=at).reshape(entry['shape'])
    if metadata.pop('sha256') != checksum({name: to_bytes(one) for name, one in tensors.items()}, tensors, metadata):
        raise SystemExit(f'{path}: the checkpoint is damaged: its checksum does not match its content')
    return tensors, metadata


def write(path, tensors, metadata):
    """Writes a whole file or nothing: a temporary one replaces the old one once the disk has it."""
    values = {name: to_bytes(tensor) for name, tensor in tensors.items()}
    header = {'__metadata__': {**metadata, 'sha256': checksum(values, tensors, metadata)}}
    end = 0
    for name, tensor in tensors.items():
        begin, end = end, end + len(values[name])
        header[name] = {'dtype': 'F32', 'shape': list(tensor.shape), 'data_offsets': [begin, end]}
    text = to_json(header)
    text += b' ' * (-len(text) % 8)
    with open(f'{path}.tmp', 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        file.writelines(values.values())
        file.flush()
        os.fsync(file.fileno())
    os.replace(f'{path}.tmp', path)


def checksum(values, tensors, metadata):
    """SHA-256 of the metadata, and of names, shapes and values."""
    digest = hashlib.sha256(to_json(metadata))
    for name, tensor in tensors.items():
        digest.update(to_json([name, 'Float32Array', list(tensor.shape)]))
        digest.update(values[name])
    return digest.hexdigest()


def to_json(value):
    """JSON as JavaScript spells it."""
    return json.dumps(value, ensure_ascii=False, separators=(',', ':')).encode()


def to_bytes(tensor):
    buffer = bytearray(4 * tensor.numel())
    torch.frombuffer(buffer, dtype=torch.float32).copy_(tensor.detach().flatten())
    return buffer
