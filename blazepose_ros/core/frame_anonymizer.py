# SPDX-License-Identifier: Apache-2.0
"""Images of one camera in which people are hidden, with all that finds people.

Everybody is found whom the person detector sees, also those whom nobody asked to track.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.core.errors import Logger
from blazepose_ros.core.estimation.drawn_person import DetectorProof
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.estimation.factory import FASTEST_FIRST, RUNTIMES, compiled_folder, load_runtime
from blazepose_ros.core.estimation.loading import find_model
from blazepose_ros.core.estimation.person_detector import DetectedBody, PersonDetector
from blazepose_ros.core.estimation.roi import Roi, tiles
from blazepose_ros.core.estimation.runtimes.runtime import RuntimeOptions
from blazepose_ros.core.models.registry import ModelError
from blazepose_ros.core.models.task_bundle import DETECTOR, BundleError, split_bundle
from blazepose_ros.core.settings import NodeSettings
from blazepose_ros.core.types import Frame, Pose
from blazepose_ros.core.visualization.anonymizer import Anonymize, Anonymizer

# Half of what a person to be tracked has to have: where no person is, something is hidden in vain, and
# that costs less than a face that is seen.
MIN_CONFIDENCE = 0.3
# The sides of more tiles, of the shorter side of the image, where there is the time for them. Beside a large
# person the detector overlooks a small one, whom it finds where a tile ends between them. They are there for
# those alone who fit into them: in parts of larger people the detector sees bodies of other sizes and places.
SMALLER_TILE = 0.5
# Half of what a standing person is wide with both arms, 0.55 m, of 0.92 m from the hips to above the head.
_HALF_WIDTH = 0.3
_TOLERANCE = 1e-6  # of a tile, at the image's edge
# It runs beside the landmark model, which needs the cores.
_THREADS = 1


class EveryoneDetector:
    """Looks at all of an image and at its tiles, in which it finds smaller people, too.

    Args:
        detector: finds people in a part of an image.
        tiles_at_once: how many tiles of an image are looked at, in turn; None for all of them.
    """

    def __init__(self, detector: PersonDetector, tiles_at_once: int | None = None) -> None:
        self._detector = detector
        self._tiles_at_once = tiles_at_once
        self._turn = 0

    def find(self, rgb: NDArray[np.uint8], known: Sequence[NDArray] = ()) -> list[DetectedBody]:
        """Return the people in an image; one who is seen in several tiles several times.

        Args:
            rgb: (height, width, 3).
            known: the landmarks of people, (33, 3) pixels each, who are covered in the tiles: they distract
                the detector from others.

        Raises:
            EstimatorError: the model failed.
        """
        try:
            found = self._detector.find_bodies(rgb)
            size_px = rgb.shape[1], rgb.shape[0]
            for square in self._turns(tiles(*size_px)):
                found += self._detector.find_bodies(rgb, known, square)
            for square in tiles(*size_px, SMALLER_TILE) if self._tiles_at_once is None else ():
                bodies = self._detector.find_bodies(rgb, known, square)
                found += [body for body in bodies if fits(body, square, size_px)]
            return found
        except RuntimeError as err:
            raise EstimatorError(f"the person detector failed: {err}") from err

    def _turns(self, squares: list[Roi]) -> list[Roi]:
        if self._tiles_at_once is None:
            return squares
        first, self._turn = self._turn, self._turn + self._tiles_at_once
        return [squares[turn % len(squares)] for turn in range(first, self._turn)]


def fits(body: DetectedBody, square: Roi, size_px: tuple[int, int]) -> bool:
    """Return whether an upright square shows all of a person that the image shows, from head to hips.

    Legs may be behind others or in the next square: the detector finds people by their trunk.

    Args:
        body: fits only if all of it, legs as well, is no larger than the square.
        square: a part of the image.
        size_px: width and height of the image.
    """
    up_px = body.top_px - body.hips_px
    side_px = up_px[::-1] * (-_HALF_WIDTH, _HALF_WIDTH)
    corners_px = [end_px + sign * side_px for end_px in (body.top_px, body.hips_px) for sign in (-1, 1)]
    corners = square.from_image(np.clip(corners_px, 0, size_px))
    is_inside = (corners > -_TOLERANCE) & (corners < 1 + _TOLERANCE)
    return 2 * math.hypot(*up_px) <= square.size_px and bool(is_inside.all())


def load_everyone_detector(
    settings: NodeSettings, logger: Logger, tiles_at_once: int | None = None
) -> EveryoneDetector:
    """Return a detector beside that of the estimator, on the runtime of the settings or the fastest one.

    Args:
        settings: of the model and its runtime.
        logger: told how it loads.
        tiles_at_once: see ``EveryoneDetector``.

    Raises:
        ModelError: the model is missing or damaged.
        EstimatorError: no runtime loads it; MediaPipe does not give its detections.
    """
    try:
        model = split_bundle(find_model(settings, logger).content)[DETECTOR]
    except BundleError as err:
        raise EstimatorError(f"the person detector cannot be read: {err}") from err
    chosen = [settings.backend] if settings.backend in RUNTIMES else [*filter(RUNTIMES.get, FASTEST_FIRST)]
    problems = []
    for backend in chosen:
        try:
            options = RuntimeOptions(_THREADS, cache_dir=compiled_folder(), logger=logger)
            loaded = load_runtime(backend, options).load(model, proof=DetectorProof())
        except EstimatorError as err:
            problems.append(str(err))
        else:
            return EveryoneDetector(PersonDetector(loaded, MIN_CONFIDENCE), tiles_at_once)
    raise EstimatorError("people cannot be hidden without the person detector: " + "; ".join(problems))


# At 30 images a second each of a full HD image's 12 tiles is looked at five times a second, and who is
# found there stays hidden for longer than that.
LIVE_TILES = 2


class FrameAnonymizer:
    """Hides people as the settings say; the detector is loaded with the first image that needs it.

    Args:
        logger: told how the detector loads.
        is_live: whether images come as fast as a camera takes them: each is looked at as a whole and in
            two tiles, in turn, not in all of them.
    """

    def __init__(self, logger: Logger, *, is_live: bool = False) -> None:
        self._logger = logger
        self._tiles_at_once = LIVE_TILES if is_live else None
        self._anonymizer = Anonymizer()
        self._detector: EveryoneDetector | None = None
        self._failure: EstimatorError | ModelError | None = None

    def load(self, settings: NodeSettings) -> None:
        """Load the detector now, if the settings need it; raises what ``shown`` raises."""
        if settings.anonymize is not Anonymize.NONE:
            self._loaded(settings)

    def reset(self) -> None:
        """Forget who was seen, as before an image that has nothing to do with the one before."""
        self._anonymizer.reset()

    def shown(self, frame: Frame, people: Sequence[Pose], settings: NodeSettings) -> NDArray:
        """Return the pixels that may be shown, (height, width, 3) uint8: the image's own with ``none``.

        Args:
            frame: the image, not before the one before.
            people: who is tracked in it.
            settings: say what of people is hidden.

        Raises:
            EstimatorError: the detector does not load, or fails: the image cannot be shown.
            ModelError: its model is missing or damaged.
        """
        if settings.anonymize is Anonymize.NONE:
            self._anonymizer.reset()
            return frame.rgb
        bodies = self._loaded(settings).find(frame.rgb, [pose.screen for pose in people])
        return self._anonymizer.hide(frame, people, bodies, settings.anonymize)

    def _loaded(self, settings: NodeSettings) -> EveryoneDetector:
        if self._failure is not None:
            raise self._failure
        if self._detector is None:
            try:
                self._detector = load_everyone_detector(settings, self._logger, self._tiles_at_once)
            except (EstimatorError, ModelError) as err:
                self._failure = err  # loading is not tried again with each image
                raise
        return self._detector
