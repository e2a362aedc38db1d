# SPDX-License-Identifier: Apache-2.0
"""What one browser shows: the annotated image, the people in 3D, rates, hints and diagnostics.

The axes of the scene are those of a camera; those of fused people are turned to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from blazepose_ros.cli.view import status_text
from blazepose_ros.cli.view.bodies import figures
from blazepose_ros.cli.view.camera_feed import Shown
from blazepose_ros.cli.view.scene import PeopleScene
from blazepose_ros.cli.view.status_text import CameraStatus, Diagnosis
from blazepose_ros.core.fusion.sightings import in_frame
from blazepose_ros.core.transforms import Rigid

if TYPE_CHECKING:
    import viser

NO_CAMERA = "waiting for a camera"
# Shown until there is an image: (height, width, 3).
NOTHING_YET = np.full((120, 320, 3), 128, np.uint8)
JPEG_QUALITY = 80

# Below this a window is a phone's: one column, whose lower part viser covers with the widgets.
WIDE_PX = 800
# The upper share of a phone's window that the widgets leave to the scene.
PHONE_FREE = 0.42
# How much of a wide window the image takes at most, and the text at the other side.
IMAGE_SHARE = 0.42
TEXT_WIDTH_PX = 330
# What stands above and beside the image in its panel.
PANEL_HEIGHT_PX, PANEL_WIDTH_PX = 150, 22

# Colors are viser's own variables: they follow its dark mode.
STYLE = """<style>
.bp-rates { display: flex; gap: .4em; padding: .2em .7em .4em; }
.bp-rates div { flex: 1; text-align: center; padding: .35em 0; border-radius: 8px;
  background: var(--mantine-color-default-hover); line-height: 1.2; white-space: nowrap; }
.bp-rates b { font-size: 1.25em; font-variant-numeric: tabular-nums; }
.bp-rates span { font-size: .78em; opacity: .75; }
.bp-table { width: 100%; padding: 0 .5em; font-size: .85em; line-height: 1.35; border-spacing: 0 .25em; }
.bp-table td { vertical-align: top; padding: 0 .25em; overflow-wrap: anywhere; }
.bp-table td:last-child { min-width: 6.5em; }
.bp-numbers td:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.bp-hint { margin: .2em .7em; padding: .5em .7em; border-left: 3px solid #e67814; font-size: .85em;
  line-height: 1.4; background: var(--mantine-color-default-hover); overflow-wrap: anywhere; }
.bp-hint pre { margin: .4em 0; white-space: pre-wrap; }
.bp-level { display: inline-block; min-width: 4em; text-align: center; border-radius: 4px; font-size: .8em;
  font-weight: bold; color: #fff; background: #7a7f89; }
.bp-ok { background: #23863f; } .bp-warn { background: #b35c00; } .bp-error { background: #c62828; }
img[src^="blob:"] { border-radius: 6px; margin: 0 auto; max-height: calc(100vh - 150px); }
@media (max-width: 800px) { img[src^="blob:"] { max-height: 34vh; } }
</style>"""


class Page:
    """The widgets and the scene of one browser.

    Args:
        client: viser's handle of the browser.
    """

    def __init__(self, client: viser.ClientHandle) -> None:
        gui = client.gui
        is_wide = client.camera.image_width >= WIDE_PX
        self._window_px = client.camera.image_width, client.camera.image_height
        self._people = PeopleScene(client, 1.0 if is_wide else PHONE_FREE)
        self._aspect = 0.0
        self._beats = 0
        gui.set_panel_label("status")
        gui.add_html(STYLE)
        self._camera = gui.add_dropdown("camera", (NO_CAMERA,))
        self._rates = gui.add_html("")
        self._beat = gui.add_html("")
        self._hints = gui.add_html("")
        self._panel = _panel_beside(gui) if is_wide else None
        if self._panel is None:
            self._image = gui.add_image(NOTHING_YET, format="jpeg", jpeg_quality=JPEG_QUALITY)
        else:
            with self._panel.add_tab("image"):
                self._image = gui.add_image(NOTHING_YET, format="jpeg", jpeg_quality=JPEG_QUALITY)
        self._list = gui.add_html("")
        gui.add_button("show everybody").on_click(lambda _event: self.look_again())
        with gui.add_folder("diagnostics", expand_by_default=is_wide):
            self._diagnostics = gui.add_html("")
        with gui.add_folder("how long an image takes", expand_by_default=is_wide):
            self._stages = gui.add_html("")

    @property
    def camera(self) -> str:
        """The topic of poses that is shown; empty as long as there is none."""
        return "" if self._camera.value == NO_CAMERA else self._camera.value

    def offer(self, cameras: Sequence[str]) -> None:
        """Let the user choose among cameras; one that is shown stays, even while it is away."""
        options = tuple(sorted({*cameras, self.camera} - {""})) or (NO_CAMERA,)
        if options != tuple(self._camera.options):
            self._camera.options = options

    def show(self, shown: Shown, visibility_threshold: float) -> None:
        """Show an image and the people in it, with the same distance in all places."""
        if shown.image is not None:
            self._image.image = shown.image
            self._fit(shown.image.shape[1] / shown.image.shape[0])
        _write(self._list, status_text.people_list(shown.people, visibility_threshold, shown.exercises))
        people = [in_frame(person, SCENE_AXES) for person in shown.people] if shown.fused else shown.people
        self._people.show_camera(visible=not shown.fused)
        self._people.show_cameras(
            {name: ends @ SCENE_AXES.rotation.T for name, ends in shown.cameras.items()}
        )
        self._people.show(figures(people, visibility_threshold, shown.exercises))

    def look_again(self) -> None:
        """Turn the scene to the people who are shown next."""
        self._people.look_again()

    def write(self, status: CameraStatus, diagnoses: Sequence[Diagnosis]) -> None:
        """Write what is known about the camera, and that the page is alive."""
        self._beats += 1
        _write(self._beat, f'<span data-blazepose-beat="{self._beats}"></span>')
        _write(self._rates, status_text.rates(status))
        _write(self._hints, status_text.hints(self.camera, status))
        _write(self._diagnostics, status_text.diagnostics(diagnoses))
        _write(self._stages, status_text.stages(status))
        if not status.poses_hz:
            _write(self._list, "")

    def _fit(self, aspect: float) -> None:
        """Make the panel as wide as the whole image needs, within its share of the window."""
        if self._panel is not None and aspect != self._aspect:
            width_px, height_px = self._window_px
            whole_px = aspect * (height_px - PANEL_HEIGHT_PX) + PANEL_WIDTH_PX
            self._panel.set_width(min(IMAGE_SHARE * width_px, whole_px))
            self._aspect = aspect


def _write(widget: viser.GuiHtmlHandle, content: str) -> None:
    if content != widget.content:
        widget.content = content


def _panel_beside(gui: viser.GuiApi) -> viser.PanelHandle:
    """Put the widgets to the right of the scene, and return a panel to the left of it."""
    panel = gui.add_panel()
    panel.dock_left()
    gui.main_panel.dock_right()
    gui.main_panel.set_width(TEXT_WIDTH_PX)
    return panel


# From x ahead, y left, z up (REP-103) to the scene's x right, y down, z away.
SCENE_AXES = Rigid(np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]), np.zeros(3))
