# SPDX-License-Identifier: Apache-2.0
"""Bundles, assembled from TFLite models of a few bytes."""

from __future__ import annotations

import io
import struct
import time
import zipfile
from typing import Any

import flatbuffers
import numpy as np
import pytest
from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata_schema
from mediapipe.tasks.metadata import schema_py_generated as schema

from blazepose_ros.core.models.task_bundle import (
    DETECTOR,
    LANDMARKER,
    BundleError,
    assemble_bundle,
    split_bundle,
    with_image_input,
)

WEIGHTS = [np.arange(size, dtype=np.uint8) for size in (1, 7, 16, 33)]


def tiny_model(description: str) -> bytes:
    """Return a TFLite model with nothing but weights of awkward sizes."""
    buffers = [schema.BufferT(), *(schema.BufferT(data=weights) for weights in WEIGHTS)]
    subgraph = schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[])
    model = schema.ModelT(version=3, description=description, buffers=buffers, subgraphs=[subgraph])
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.fixture(scope="module")
def bundle() -> bytes:
    return assemble_bundle(tiny_model("detector"), tiny_model("landmarker"))


def buffer_offset(buffer: schema.Buffer) -> int:
    """Return where a buffer's data starts in its file."""
    data_field = 4
    return buffer._tab.Vector(buffer._tab.Offset(data_field))


def image_normalization(model: bytes) -> tuple[list[float], list[float]]:
    """Return the mean and deviation of the input image, read as MediaPipe reads them."""
    root = schema.Model.GetRootAs(model)
    entry = next(
        root.Metadata(i)
        for i in range(root.MetadataLength())
        if root.Metadata(i).Name() == b"TFLITE_METADATA"
    )
    content = root.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
    assert metadata_schema.ModelMetadata.ModelMetadataBufferHasIdentifier(content, 0)
    tree = metadata_schema.ModelMetadataT.InitFromPackedBuf(content)
    options = tree.subgraphMetadata[0].inputTensorMetadata[0].processUnits[0].options
    return list(options.mean), list(options.std)


def test_each_model_says_how_its_image_is_normalised(bundle: bytes) -> None:
    models = split_bundle(bundle)
    assert image_normalization(models[DETECTOR]) == ([127.5], [127.5])
    assert image_normalization(models[LANDMARKER]) == ([0.0], [255.0])


@pytest.mark.parametrize(("name", "description"), [(DETECTOR, b"detector"), (LANDMARKER, b"landmarker")])
def test_each_model_keeps_its_weights(bundle: bytes, name: Any, description: bytes) -> None:
    model = schema.Model.GetRootAs(split_bundle(bundle)[name])
    assert model.Description() == description
    for index, weights in enumerate(WEIGHTS, start=1):
        np.testing.assert_array_equal(model.Buffers(index).DataAsNumpy(), weights)


def test_weights_stay_aligned_as_they_were(bundle: bytes) -> None:
    assembled, published = split_bundle(bundle)[LANDMARKER], tiny_model("landmarker")
    offsets = [
        [buffer_offset(schema.Model.GetRootAs(model).Buffers(index)) for index in range(1, len(WEIGHTS) + 1)]
        for model in (assembled, published)
    ]
    assert len({(ours - theirs) % 16 for ours, theirs in zip(*offsets, strict=True)}) == 1
    assert (offsets[0][0] - offsets[1][0]) % 16 == 0


def test_the_published_model_is_in_there_byte_for_byte(bundle: bytes) -> None:
    models = split_bundle(bundle)
    assert tiny_model("detector") in models[DETECTOR]
    assert tiny_model("landmarker") in models[LANDMARKER]


def test_other_metadata_of_a_model_is_kept() -> None:
    once = with_image_input(tiny_model("detector"), 1.0, 2.0)
    model = schema.Model.GetRootAs(with_image_input(once, 3.0, 4.0))
    assert [model.Metadata(i).Name() for i in range(model.MetadataLength())] == [b"TFLITE_METADATA"] * 2
    assert [model.Metadata(i).Buffer() for i in range(2)] == [len(WEIGHTS) + 1, len(WEIGHTS) + 2]


def test_models_lie_uncompressed_on_64_byte_boundaries_of_the_bundle(bundle: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        assert archive.testzip() is None
        for entry in archive.infolist():
            name_length, extra_length = struct.unpack_from("<HH", bundle, entry.header_offset + 26)
            start = entry.header_offset + 30 + name_length + extra_length
            assert start % 64 == 0
            assert bundle[start : start + entry.file_size] == archive.read(entry)


def test_a_bundle_does_not_depend_on_when_it_is_made(bundle: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert assemble_bundle(tiny_model("detector"), tiny_model("landmarker")) == bundle


def test_each_new_table_has_an_index_of_its_own_whatever_flatbuffers_would_share(bundle: bytes) -> None:
    model = schema.Model.GetRootAs(split_bundle(bundle)[LANDMARKER])
    tables = [model._tab, model.Metadata(0)._tab, model.Buffers(model.BuffersLength() - 1)._tab]
    vtables = {table.Pos - table.Get(flatbuffers.number_types.SOffsetTFlags, table.Pos) for table in tables}
    assert len(vtables) == len(tables)


@pytest.mark.parametrize("damage", [b"", b"no zip", b"PK\3\4 cut off"])
def test_what_is_no_zip_is_no_bundle(damage: bytes) -> None:
    with pytest.raises(BundleError, match="not a bundle"):
        split_bundle(damage)


def test_a_flipped_bit_is_found_when_a_bundle_is_split(bundle: bytes) -> None:
    damaged = bytearray(bundle)
    damaged[200] ^= 1
    with pytest.raises(BundleError, match="not a bundle"):
        split_bundle(bytes(damaged))


def test_a_bundle_without_a_landmark_model_is_none() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(DETECTOR, b"")
    with pytest.raises(BundleError, match=LANDMARKER):
        split_bundle(buffer.getvalue())
