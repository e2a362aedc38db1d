# SPDX-License-Identifier: Apache-2.0
"""Whether a camera's images arrive, and whether to take them raw or compressed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

RAW, COMPRESSED, AUTO = "raw", "compressed", "auto"
COMPRESSED_DEPTH = "compressedDepth"  # of depth images

# Long enough to see a loss of two percent, short enough to see what happens now.
WINDOW_S = 5.0

# More than an accident, and what must be left for 98 of 100 images to be answered.
MIN_LOST = 3
MAX_LOST_SHARE = 0.02

# Of so many images that were sent, those that arrived tell how long they take, if they are not too few.
MIN_SENT = 10
MIN_TIMED = 4
# Of images that are sent again until they are complete, the fastest quarter needs 11 to 14 ms on one machine
# (Fast DDS in its default settings, 640x480 to 1920x1080); through shared memory 0.6 to 2.5 ms. On a faster
# machine it was 6 ms at 1920x1080, and most were never complete: where most are missing, less is late.
RESENT_AFTER_S = 0.004
RESENT_AFTER_S_IF_MOST_ARE_MISSING = 0.002
COPIED_BYTES_PER_S = 2e9
# Further apart than this are clocks, not publisher and subscriber.
MAX_TRANSIT_S = 1.0


@dataclass(frozen=True)
class WayQuality:
    """What became of a publisher's images on their way here within the last seconds.

    Attributes:
        expected: how many were sent, as far as is known.
        lost: how many of them did not arrive.
        late_ms: how long the fastest quarter took, where that shows that they are sent again; else 0.
        silent_s: since the last one arrived.
        arrived: how many arrived since the subscription.
    """

    expected: int = 0
    lost: int = 0
    late_ms: float = 0.0
    silent_s: float = 0.0
    arrived: int = 0

    @property
    def lost_share(self) -> float:
        """Of the images that were sent, the fraction that was lost."""
        return self.lost / self.expected if self.expected else 0.0

    @property
    def is_impaired(self) -> bool:
        """Whether images are lost or late, and not by accident."""
        return self.late_ms > 0 or (self.lost >= MIN_LOST and self.lost_share > MAX_LOST_SHARE)

    def __str__(self) -> str:
        """What is wrong, for people."""
        if not self.expected:
            return "no image arrives"
        if self.lost:
            return f"{max(1, round(100 * self.lost_share))} % of the images are lost on the way"
        return f"images take {self.late_ms:.0f} ms and more to arrive"


class WayMonitor:
    """Measures what becomes of images on their way, from any thread.

    The middleware knows best what is lost, but not of a reliable publisher that has given an image up.
    The images' numbers know it, but cannot tell lost ones for certain from those that were
    superseded here. A reliable image is lost only after it was sent again and again, which those that
    arrive show: they are late.

    Args:
        reliable: whether lost images are sent again.
        clock: monotonic seconds.
    """

    def __init__(self, reliable: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._reliable = reliable
        self._clock = clock
        self._came_s = clock()
        self._arrived = 0
        # Time, how many images with the missing ones, how many are missing, transit (s), bytes.
        self._images: deque[tuple[float, int, int, float, int]] = deque()
        self._lost: deque[tuple[float, int]] = deque()
        self._middleware_counts = False

    def arrived(self, missing: int, superseded: int, transit_s: float, size: int) -> None:
        """Note an image.

        Args:
            missing: how many between the last one and this were not taken.
            superseded: how many of those arrived and made way for this one.
            transit_s: from its publication to its arrival; 0 where that is not known.
            size: in bytes.
        """
        self._came_s = self._clock()
        self._arrived += 1
        self._images.append((self._came_s, missing + 1, missing - superseded, transit_s, size))

    def lost(self, count: int | None) -> None:
        """Note how many were lost since this was said last, None where the middleware does not know."""
        self._middleware_counts = count is not None
        if count:
            self._lost.append((self._clock(), count))

    def quality(self) -> WayQuality:
        """Return what the last seconds were like."""
        now_s = self._clock()
        for events in (self._images, self._lost):
            while events and events[0][0] <= now_s - WINDOW_S:
                events.popleft()
        images = list(self._images)
        sent = sum(count for _, count, *_ in images)
        missing = sum(missing for _, _, missing, *_ in images)
        lost = sum(count for _, count in list(self._lost))
        late_ms = 0.0
        if self._reliable and sent >= MIN_SENT:
            most_are_missing = missing > len(images)
            after_s = RESENT_AFTER_S_IF_MOST_ARE_MISSING if most_are_missing else RESENT_AFTER_S
            late_ms = _late_ms([(transit_s, size) for *_, transit_s, size in images], after_s)
        if late_ms or not (self._reliable or self._middleware_counts):
            lost = max(lost, missing)
        expected = max(sent, len(images) + lost)
        return WayQuality(expected, lost, late_ms, now_s - self._came_s, self._arrived)


def _late_ms(timed: Sequence[tuple[float, int]], after_s: float) -> float:
    """Return how long the fastest quarter took where that is too long; else 0."""
    known = sorted((transit_s, size) for transit_s, size in timed if 0 < transit_s < MAX_TRANSIT_S)
    if len(known) < MIN_TIMED:
        return 0.0
    transit_s, size = known[len(known) // 4]
    return 1e3 * transit_s if transit_s > after_s + size / COPIED_BYTES_PER_S else 0.0


# Raw images may be on their way for so long before the compressed ones are looked at.
SILENT_S = 3.0
# A camera announces its topics one after the other.
ANNOUNCED_S = 1.0
# Enough images of any camera to see a loss.
TRIAL_S = 2.0
# Networks recover, and machines that were too busy. A trial costs the camera as much as a subscriber.
RETRY_S = 300.0


@dataclass(frozen=True)
class Offer:
    """Who publishes a camera's images.

    Attributes:
        raw: publishers of raw images, each told from others that come after it.
        compressed: those of compressed ones.
    """

    raw: Collection[object] = field(default_factory=tuple)
    compressed: Collection[object] = field(default_factory=tuple)


class TransportChoice:
    """Chooses between raw and compressed images: raw ones while they arrive.

    Compressed ones are taken where raw ones are lost, late or not published. Raw ones are then tried beside
    them when another publisher is there, such as a camera that was started again, and now and then.

    Args:
        clock: monotonic seconds.

    Attributes:
        impaired: what happened to raw images when compressed ones were chosen; None where raw ones are
            not published, or arrive.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._given_up: frozenset[object] = frozenset()
        self._given_up_for: WayQuality | None = None
        self._retry_s = 0.0
        self._trial_s: float | None = None
        self._raw_seen_s = self._raw_since_s = clock()
        self.impaired: WayQuality | None = None

    @property
    def tries_raw(self) -> bool:
        """Whether raw images are to be measured beside the compressed ones."""
        return self._trial_s is not None

    def choose(self, taken: str, offer: Offer, raw: WayQuality) -> str:
        """Return what to take.

        Args:
            taken: what is taken by now.
            offer: who publishes.
            raw: what becomes of raw images, where those are taken or tried.
        """
        self._raw_seen_s = self._clock() if offer.raw else self._raw_seen_s
        self._raw_since_s = self._raw_since_s if offer.raw else self._clock()
        return self._choose_from_raw(offer, raw) if taken == RAW else self._choose_from_compressed(offer, raw)

    def _choose_from_raw(self, offer: Offer, raw: WayQuality) -> str:
        self._trial_s = None
        self.impaired = raw if raw.is_impaired else None
        if not offer.compressed:
            return RAW
        now_s = self._clock()
        silent_s = min(raw.silent_s, now_s - self._raw_since_s)
        if offer.raw and not raw.is_impaired and silent_s < SILENT_S:
            return RAW
        if not offer.raw and now_s - self._raw_seen_s < ANNOUNCED_S:
            return RAW
        self._give_up(offer, raw)
        return COMPRESSED

    def _choose_from_compressed(self, offer: Offer, raw: WayQuality) -> str:
        now_s = self._clock()
        self.impaired = self._given_up_for
        if not offer.raw:
            self._trial_s = None
            return COMPRESSED
        if not offer.compressed:
            return RAW
        if self._trial_s is None:
            if self._given_up != frozenset(offer.raw) or now_s >= self._retry_s:
                self._trial_s = now_s
        elif now_s - self._trial_s >= TRIAL_S:
            self._trial_s = None
            if raw.arrived and not (raw.lost or raw.late_ms):
                self.impaired = None
                return RAW
            self._give_up(offer, raw)
            self.impaired = raw
        return COMPRESSED

    def _give_up(self, offer: Offer, raw: WayQuality) -> None:
        self._given_up = frozenset(offer.raw)
        self._given_up_for = raw if offer.raw else None
        self._retry_s = self._clock() + RETRY_S
