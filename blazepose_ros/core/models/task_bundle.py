# SPDX-License-Identifier: Apache-2.0
"""``.task`` bundles: what MediaPipe's pose landmarker loads, taken apart and put together.

A bundle is an uncompressed zip of two TFLite models.
"""

from __future__ import annotations

import io
import struct
import zipfile

from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.core.models.tflite_metadata import with_image_input

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
