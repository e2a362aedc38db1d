# SPDX-License-Identifier: Apache-2.0
"""What one browser shows: the annotated image, the people in 3D, rates and diagnostics."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blazepose_ros.cli.view.camera_feed import CameraStatus, Diagnosis, stages, summary
from blazepose_ros.cli.view.people_in_3d import ABOVE_MIDDLE, CENTERED, Figure, PeopleIn3D

if TYPE_CHECKING:
    import viser

NO_CAMERA = "waiting for a camera"
# Shown until there is an image: (height, width, 3).
NOTHING_YET = np.full((240, 320, 3), 235, np.uint8)
JPEG_QUALITY = 80

# Below this a window is a phone's: one column, whose lower part viser covers with the widgets.
WIDE_PX = 800
# How much of a wide window the image takes at most, and the text at the other side.
IMAGE_SHARE = 0.42
TEXT_WIDTH_PX = 330
# What stands above and beside the image in its panel.
PANEL_HEIGHT_PX, PANEL_WIDTH_PX = 100, 22


class Page:
    """The widgets and the scene of one browser.

    Args:
        client: viser's handle of the browser.
    """

    def __init__(self, client: viser.ClientHandle) -> None:
        gui = client.gui
        is_wide = client.camera.image_width >= WIDE_PX
        self._window_px = client.camera.image_width, client.camera.image_height
        self._people = PeopleIn3D(client, CENTERED if is_wide else ABOVE_MIDDLE)
        self._camera = gui.add_dropdown("camera", (NO_CAMERA,))
        self._panel = _panel_beside(gui) if is_wide else None
        with self._panel.add_tab("image") if self._panel else nullcontext():
            self._image = gui.add_image(NOTHING_YET, format="jpeg", jpeg_quality=JPEG_QUALITY)
        self._text = gui.add_markdown("")
        with gui.add_folder("how long an image takes", expand_by_default=is_wide):
            self._stages = gui.add_markdown("")
        gui.add_button("look at the first person").on_click(lambda _event: self.look_again())
        self._aspect = 0.0

    @property
    def camera(self) -> str:
        """The topic of poses that is shown; empty as long as there is none."""
        return "" if self._camera.value == NO_CAMERA else self._camera.value

    def offer(self, cameras: Sequence[str]) -> None:
        """Let the user choose among cameras; one that is shown stays, even while it is away."""
        options = tuple(sorted({*cameras, self.camera} - {""})) or (NO_CAMERA,)
        if options != tuple(self._camera.options):
            self._camera.options = options

    def show(self, image: NDArray[np.uint8] | None, figures: Sequence[Figure]) -> None:
        """Show an image, (height, width, 3) RGB, and the people in it."""
        if image is not None:
            self._image.image = image
            self._fit(image.shape[1] / image.shape[0])
        self._people.show(figures)

    def look_again(self) -> None:
        """Turn the scene to the first person who is shown next."""
        self._people.look_again()

    def write(self, status: CameraStatus, diagnoses: Sequence[Diagnosis]) -> None:
        """Write what is known about the camera."""
        for widget, text in ((self._text, summary(status, diagnoses)), (self._stages, stages(status))):
            if text != widget.content:
                widget.content = text

    def _fit(self, aspect: float) -> None:
        """Make the panel as wide as the whole image needs, within its share of the window."""
        if self._panel is not None and aspect != self._aspect:
            width_px, height_px = self._window_px
            whole_px = aspect * (height_px - PANEL_HEIGHT_PX) + PANEL_WIDTH_PX
            self._panel.set_width(min(IMAGE_SHARE * width_px, whole_px))
            self._aspect = aspect


def _panel_beside(gui: viser.GuiApi) -> viser.PanelHandle:
    """Put the widgets to the right of the scene, and return a panel to the left of it."""
    panel = gui.add_panel()
    panel.dock_left()
    gui.main_panel.dock_right()
    gui.main_panel.set_width(TEXT_WIDTH_PX)
    return panel
