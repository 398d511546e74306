"""Tensors on disk come back as they were, or not at all."""

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from s2s_core.model.tensors import DamagedError, read_tensors, write_tensors

TENSORS = {
    "matrix": torch.arange(600, dtype=torch.float32).reshape(20, 30) / 7,
    "half": torch.full((3, 5), 0.1, dtype=torch.bfloat16),
    "step": torch.tensor(7.0),
    "none": torch.empty(0, 4),
    "ids": torch.tensor([1, 2, 3]),
}
RECORD = {"step": 3, "name": "é", "score": 0.5}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("tensors") / "some.safetensors"
    write_tensors(path, TENSORS, RECORD)
    return path


def test_what_was_written_is_read(path):
    """Names, types, shapes and values, and the record beside them; twice written, it is the same file."""
    tensors, record = read_tensors(path)
    assert record == RECORD
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)
    write_tensors(path.with_name("again"), dict(reversed(TENSORS.items())), RECORD)
    assert path.with_name("again").read_bytes() == path.read_bytes()


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(path, place, bit):
    """Wherever in the file it is."""
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    damaged = path.with_name("damaged")
    damaged.write_bytes(content)
    with pytest.raises(DamagedError):
        read_tensors(damaged)


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_part_is_no_file(path, share):
    """However much of it is there."""
    content = path.read_bytes()
    damaged = path.with_name("part")
    damaged.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DamagedError):
        read_tensors(damaged)


def test_files_of_other_programs_have_no_record(tmp_path):
    """Nor a checksum that could be compared."""
    safetensors.torch.save_file({"a": torch.ones(2)}, tmp_path / "other")
    assert read_tensors(tmp_path / "other").record == {}
