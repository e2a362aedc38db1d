"""``.task`` bundles: what MediaPipe's pose landmarker loads, taken apart and put together.

A bundle is an uncompressed zip of two TFLite models. MediaPipe reads the normalisation
of their input image from TFLite metadata, which models published for the web lack.
"""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass
from typing import Any

DETECTOR = "pose_detector.tflite"
LANDMARKER = "pose_landmarks_detector.tflite"

# Mean and standard deviation of 8 bit colour that map it to what the models were trained on.
_DETECTOR_NORMALIZATION = (127.5, 127.5)  # to [-1, 1]
_LANDMARKER_NORMALIZATION = (0.0, 255.0)  # to [0, 1]

_METADATA_NAME = "TFLITE_METADATA"
_PARSER_VERSION = "1.0.0"
_WEIGHTS_ALIGNMENT = 16  # of Buffer.data in TFLite's schema.fbs
_ENTRY_ALIGNMENT = 64  # more than TFLite asks for: a cache line

# APPNOTE.TXT 4.3.7: what stands before an entry's name, and before an extra field's data.
_ENTRY_HEADER_BYTES = 30
_EXTRA_HEADER_BYTES = 4
_PADDING_EXTRA_ID = 0xD935  # zipalign's
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_REGULAR_FILE = 0o100644 << 16


class BundleError(ValueError):
    """These bytes are not a bundle."""


def assemble_bundle(detector: bytes, landmarker: bytes) -> bytes:
    """Return the bundle of two TFLite models without metadata: the same bytes for the same models."""
    return _zip_stored(
        {
            DETECTOR: _with_image_input(detector, *_DETECTOR_NORMALIZATION),
            LANDMARKER: _with_image_input(landmarker, *_LANDMARKER_NORMALIZATION),
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


class _Forgetful(dict[Any, Any]):
    """A builder's memory of the vtables that objects may share, which remembers none.

    Which ones are shared differs between flatbuffers 25.9 and 25.12, and with it every byte
    of the file. With a vtable for each object all versions give the same file.
    """

    def __setitem__(self, key: Any, value: Any) -> None: ...


@dataclass(frozen=True)
class _AlignedBuffer:
    """A ``BufferT`` packed with the alignment that TFLite's schema asks for and its Python code forgets."""

    buffer: Any

    def Pack(self, builder: Any) -> Any:  # noqa: N802, flatbuffers' name
        if self.buffer.data is not None:
            builder.Prep(_WEIGHTS_ALIGNMENT, len(self.buffer.data))
        return self.buffer.Pack(builder)


def _with_image_input(model: bytes, mean: float, std: float) -> bytes:
    """Return a TFLite model whose metadata says how its input image is normalised."""
    from mediapipe.tasks.metadata import schema_py_generated as schema

    tree = schema.ModelT.InitFromPackedBuf(model)
    buffers = [*tree.buffers, schema.BufferT(data=_image_metadata(mean, std))]
    tree.buffers = [_AlignedBuffer(buffer) for buffer in buffers]
    tree.metadata = [*(tree.metadata or ()), schema.MetadataT(_METADATA_NAME, len(buffers) - 1)]
    return _packed(tree, b"TFL3", initial_bytes=len(model))


def _image_metadata(mean: float, std: float) -> bytes:
    """Return TFLite metadata for one RGB image in, each value less ``mean``, divided by ``std``."""
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema

    image = schema.ImagePropertiesT(colorSpace=schema.ColorSpaceType.RGB)
    normalization = schema.NormalizationOptionsT([mean], [std])
    tensor = schema.TensorMetadataT(
        name="image",
        content=schema.ContentT(schema.ContentProperties.ImageProperties, image),
        processUnits=[schema.ProcessUnitT(schema.ProcessUnitOptions.NormalizationOptions, normalization)],
    )
    graph = schema.SubGraphMetadataT(inputTensorMetadata=[tensor])
    return _packed(schema.ModelMetadataT(subgraphMetadata=[graph], minParserVersion=_PARSER_VERSION), b"M001")


def _packed(tree: Any, identifier: bytes, initial_bytes: int = 1024) -> bytes:
    """Return a tree of flatbuffers' object API as a buffer with a file identifier."""
    import flatbuffers

    builder = flatbuffers.Builder(initial_bytes)
    builder.vtables = _Forgetful()
    builder.Finish(tree.Pack(builder), identifier)
    return bytes(builder.Output())


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
