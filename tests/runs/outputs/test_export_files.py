"""Files of weights that are none: each is refused in one line."""

import json
import struct

import pytest

from jaxgan.runs.outputs import export


def of_tensors(metadata, **tensors):
    """The bytes of a safetensors file: a header, and four zero bytes for each tensor."""
    described = {
        name.replace("__", "/"): {"dtype": kind, "shape": [1], "data_offsets": [4 * i, 4 * i + 4]}
        for i, (name, kind) in enumerate(tensors.items())
    }
    head = json.dumps({"__metadata__": metadata} | described).encode()
    return struct.pack("<Q", len(head)) + head + bytes(4 * len(tensors))


SOUND = {"format": export.FORMAT, "header": '{"format_version": 1}'}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a safetensors file"),
        (of_tensors({"format": export.FORMAT}, params__x="F32"), "JSON object .* got None"),
        (of_tensors(SOUND | {"header": "{"}, params__x="F32"), "JSON object .* got '{'"),
        (of_tensors(SOUND | {"header": "[1]"}, params__x="F32"), r"JSON object .* got '\[1\]'"),
        (of_tensors(SOUND | {"header": "[" * 10**5}), "JSON object"),
        (of_tensors(SOUND | {"header": '{"format_version": "1"}'}), "JSON object"),
        (of_tensors(SOUND, params="F32", params__x="F32"), "tensor params has the name of"),
        (of_tensors(SOUND, params__x="F32", params__x__y="F32"), "params/x/y lies inside"),
        (of_tensors(SOUND, params__x="F8_E4M3"), "not a safetensors file"),
    ],
    ids=["empty", "no header", "no JSON", "list", "deep", "version", "place", "within", "type"],
)
def test_malformed_weights_are_refused_in_one_line(tmp_path, content, said):
    file = tmp_path / "generator.safetensors"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{file}.* {said}") as caught:
        export.load_safetensors(file)
    assert "\n" not in str(caught.value)


def test_weights_by_hand_are_read(tmp_path):
    file = tmp_path / "generator.safetensors"
    file.write_bytes(of_tensors(SOUND, params__a__b="F32"))
    head, params, model_state = export.load_safetensors(file)
    assert (head, params, model_state) == ({"format_version": 1}, {"a": {"b": [0.0]}}, {})
