"""What becomes of an image that cannot be worked on."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from blazepose_ros.conversions.camera_info import CameraInfoError
from blazepose_ros.conversions.cdr import CdrError
from blazepose_ros.conversions.images import ImageError
from blazepose_ros.core.diagnostics.statistics import Drop, Statistics
from blazepose_ros.core.estimation.estimator import EstimatorError
from blazepose_ros.core.logger import Logger


class DropLog:
    """Counts and logs the images that are dropped.

    Args:
        statistics: counts them.
        logger: told why.
    """

    def __init__(self, statistics: Statistics, logger: Logger) -> None:
        self._statistics = statistics
        self._logger = logger

    @contextmanager
    def drops_on_error(self) -> Iterator[None]:
        """Drop the image that is worked on inside, whatever goes wrong: the next one is worked on."""
        try:
            yield
        except (CdrError, ImageError) as err:
            self._drop(str(err), Drop.UNREADABLE)
        except CameraInfoError as err:
            self._drop(str(err), Drop.CALIBRATION)
        except EstimatorError as err:
            self._drop(str(err), Drop.ESTIMATOR)
        except Exception as err:  # noqa: BLE001  an unknown fault of one image costs that image
            self._drop(f"{type(err).__name__}: {err}\n{traceback.format_exc()}", Drop.ERROR)

    def _drop(self, reason: str, why: Drop) -> None:
        self._statistics.dropped(why)
        self._logger.error(f"image dropped: {reason}")
