# SPDX-License-Identifier: Apache-2.0
"""``.task`` bundles: what MediaPipe's pose landmarker loads, taken apart and put together.

A bundle is an uncompressed zip of two TFLite models. MediaPipe reads from their metadata how the
input image is normalized, which models published for the web lack. A flatbuffer refers forwards
only: so the model stays as it is, byte for byte, and in front of it goes a new root that refers to
the same parts, one more buffer and one more entry of metadata.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flatbuffers import Builder
from flatbuffers.number_types import Uint32Flags
from flatbuffers.table import Table

from blazepose_ros.core.errors import BlazePoseError

# Fields of tables in TensorFlow's schema.fbs, by their places.
_MODEL_VERSION, _MODEL_BUFFERS, _MODEL_METADATA = 0, 4, 6
_MODEL_REFERENCES = (1, 2, 3, 4, 5, 6, 7)
_BUFFER_DATA = 0
_ENTRY_NAME, _ENTRY_BUFFER = 0, 1
_DATA_ALIGNMENT = 16  # of Buffer.data
_MODEL_IDENTIFIER = b"TFL3"

# Fields of tables and members of unions in TFLite Support's metadata_schema.fbs.
_MODEL_SUBGRAPHS, _MODEL_MIN_PARSER_VERSION = 3, 7
_SUBGRAPH_INPUTS = 2
_TENSOR_NAME, _TENSOR_CONTENT, _TENSOR_PROCESS_UNITS = 0, 3, 4
_UNION_TYPE, _UNION = 0, 1
_IMAGE_PROPERTIES, _NORMALIZATION_OPTIONS = 2, 1
_COLOR_SPACE, _RGB = 0, 1
_MEAN, _STD = 0, 1
_METADATA_IDENTIFIER = b"M001"
_PARSER_VERSION = "1.0.0"

_METADATA = "TFLITE_METADATA"

_OFFSET_BYTES = 4
# What stands before the places of the fields in a table's index, and how long each place is.
_INDEX_HEADER_BYTES, _PLACE_BYTES = 4, 2


def with_image_input(model: bytes, mean: float, std: float) -> bytes:
    """Return a TFLite model whose metadata says that its image takes ``(value - mean) / std``.

    Args:
        model: a TFLite file.
        mean: of 8-bit color.
        std: of 8-bit color.
    """
    writer = _FlatbufferWriter(len(model))
    moved = writer.behind(model)
    root = Table(model, int.from_bytes(model[:_OFFSET_BYTES], "little"))
    references = {field: moved - at for field in _MODEL_REFERENCES if (at := _target(root, field))}
    buffers = [moved - at for at in _elements(root, _MODEL_BUFFERS)]
    entries = [moved - at for at in _elements(root, _MODEL_METADATA)]
    name = writer.text(_METADATA)
    entry = writer.table({_ENTRY_NAME: name}, words={_ENTRY_BUFFER: len(buffers)})
    buffer = writer.table({_BUFFER_DATA: writer.octets(_image_metadata(mean, std))})
    references[_MODEL_BUFFERS] = writer.vector([*buffers, buffer])
    references[_MODEL_METADATA] = writer.vector([*entries, entry])
    version = root.GetSlot(_place(_MODEL_VERSION), 0, Uint32Flags)
    return writer.finish(writer.table(references, words={_MODEL_VERSION: version}), _MODEL_IDENTIFIER)


def _image_metadata(mean: float, std: float) -> bytes:
    """Return metadata for one image in, red first, each value less ``mean``, divided by ``std``."""
    writer = _FlatbufferWriter()
    image = writer.table({}, octets={_COLOR_SPACE: _RGB})
    content = writer.table({_UNION: image}, octets={_UNION_TYPE: _IMAGE_PROPERTIES})
    normalization = writer.table({_MEAN: writer.floats([mean]), _STD: writer.floats([std])})
    unit = writer.table({_UNION: normalization}, octets={_UNION_TYPE: _NORMALIZATION_OPTIONS})
    fields = {_TENSOR_NAME: writer.text("image"), _TENSOR_CONTENT: content}
    tensor = writer.table({**fields, _TENSOR_PROCESS_UNITS: writer.vector([unit])})
    graph = writer.table({_SUBGRAPH_INPUTS: writer.vector([tensor])})
    fields = {
        _MODEL_SUBGRAPHS: writer.vector([graph]),
        _MODEL_MIN_PARSER_VERSION: writer.text(_PARSER_VERSION),
    }
    return writer.finish(writer.table(fields), _METADATA_IDENTIFIER)


def _place(field: int) -> int:
    """Return where a table's index has the place of a field."""
    return _INDEX_HEADER_BYTES + _PLACE_BYTES * field


def _target(table: Table, field: int) -> int:
    """Return the position of what a field refers to, 0 where the table lacks it."""
    offset = table.Offset(_place(field))
    return int(table.Indirect(table.Pos + offset)) if offset else 0


def _elements(table: Table, field: int) -> Iterator[int]:
    """Yield the positions of the tables in a field's vector, if there is one."""
    if start := _target(table, field):
        for number in range(table.Get(Uint32Flags, start)):
            yield int(table.Indirect(start + _OFFSET_BYTES * (1 + number)))


class _Forgetful(dict[Any, Any]):
    """A builder's memory of the indices that tables may share, which remembers none.

    Which ones are shared differs between versions of flatbuffers, and with it every byte of
    the file. With an index for each table all versions give the same file.
    """

    def __setitem__(self, key: Any, value: Any) -> None: ...


class _FlatbufferWriter:
    """Writes a flatbuffer from its end; what was written is known by its distance to the end."""

    def __init__(self, initial_bytes: int = 0) -> None:
        self._builder = Builder(initial_bytes)
        self._builder.vtables = _Forgetful()

    def behind(self, content: bytes) -> int:
        """Put content behind all that follows, aligned as it is, and return where it starts."""
        self._builder.Prep(_DATA_ALIGNMENT, len(content))
        self._builder.head -= len(content)
        self._builder.Bytes[self._builder.head : self._builder.head + len(content)] = content
        return int(self._builder.Offset())

    def table(
        self,
        references: Mapping[int, int],
        *,
        words: Mapping[int, int] | None = None,
        octets: Mapping[int, int] | None = None,
    ) -> int:
        """Write a table of references, uint32s and uint8s, each by its field."""
        words, octets = words or {}, octets or {}
        self._builder.StartObject(1 + max([*references, *words, *octets]))
        for field, offset in references.items():
            self._builder.PrependUOffsetTRelativeSlot(field, offset, 0)
        for field, number in words.items():
            self._builder.PrependUint32Slot(field, number, 0)
        for field, number in octets.items():
            self._builder.PrependUint8Slot(field, number, 0)
        return int(self._builder.EndObject())

    def vector(self, offsets: Sequence[int]) -> int:
        """Write a vector of references."""
        self._builder.StartVector(_OFFSET_BYTES, len(offsets), _OFFSET_BYTES)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())

    def floats(self, numbers: Sequence[float]) -> int:
        """Write a vector of float32s."""
        self._builder.StartVector(_OFFSET_BYTES, len(numbers), _OFFSET_BYTES)
        for number in reversed(numbers):
            self._builder.PrependFloat32(number)
        return int(self._builder.EndVector())

    def octets(self, content: bytes) -> int:
        """Write a vector of bytes, aligned as weights are."""
        self._builder.Prep(_DATA_ALIGNMENT, len(content))
        return int(self._builder.CreateByteVector(content))

    def text(self, content: str) -> int:
        """Write a string."""
        return int(self._builder.CreateString(content))

    def finish(self, root: int, identifier: bytes) -> bytes:
        """Return everything, with a root table and what tells the kind of file."""
        self._builder.Finish(root, identifier)
        return bytes(self._builder.Output())


DETECTOR = "pose_detector.tflite"
LANDMARKER = "pose_landmarks_detector.tflite"

# Mean and standard deviation of 8 bit color that map it to what the models were trained on.
_DETECTOR_NORMALIZATION = (127.5, 127.5)  # to [-1, 1]
_LANDMARKER_NORMALIZATION = (0.0, 255.0)  # to [0, 1]

_ENTRY_ALIGNMENT = 64  # more than TFLite asks for: a cache line

# APPNOTE.TXT 4.3.7: what stands before an entry's name, and before an extra field's data.
_ENTRY_HEADER_BYTES = 30
_EXTRA_HEADER_BYTES = 4
_PADDING_EXTRA_ID = 0xD935  # zipalign's
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_REGULAR_FILE = 0o100644 << 16


class BundleError(BlazePoseError, ValueError):
    """These bytes are not a bundle."""


def assemble_bundle(detector: bytes, landmarker: bytes) -> bytes:
    """Return the bundle of two TFLite models without metadata: the same bytes for the same models."""
    return _zip_stored(
        {
            DETECTOR: with_image_input(detector, *_DETECTOR_NORMALIZATION),
            LANDMARKER: with_image_input(landmarker, *_LANDMARKER_NORMALIZATION),
        }
    )


def split_bundle(content: bytes) -> dict[str, bytes]:
    """Return the TFLite models in a bundle by their names, ``DETECTOR`` and ``LANDMARKER``.

    Raises:
        BundleError: this is no zip, it is damaged, or one of the two is missing.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in (DETECTOR, LANDMARKER)}
    except (zipfile.BadZipFile, KeyError) as err:
        raise BundleError(f"not a bundle of {DETECTOR} and {LANDMARKER}: {err}") from err


def _zip_stored(entries: dict[str, bytes]) -> bytes:
    """Return an uncompressed zip of aligned entries, the same bytes at any time and place."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.create_system, entry.external_attr = _UNIX, _REGULAR_FILE
            entry.extra = _padding(buffer.tell() + _ENTRY_HEADER_BYTES + len(name))
            archive.writestr(entry, content)
    return buffer.getvalue()


def _padding(offset: int) -> bytes:
    """Return an extra field after which an entry's data is aligned, given where the field starts."""
    padding = -(offset + _EXTRA_HEADER_BYTES) % _ENTRY_ALIGNMENT
    return struct.pack("<HH", _PADDING_EXTRA_ID, padding) + bytes(padding)
