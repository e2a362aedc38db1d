# SPDX-License-Identifier: Apache-2.0
"""What is remembered of people, who are told apart by their ids, for a while after they were seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

# More than come and go within a minute; a stranger who sends ever new ids takes no more memory than that.
MAX_PEOPLE = 1000

Remembered = TypeVar("Remembered")


class PeopleMemory(Generic[Remembered]):
    """Keeps something for each person, of the newest `MAX_PEOPLE` at most.

    Args:
        create: makes it for a person who is not known.
        keep_ns: for how long it is kept after the person was seen last.
    """

    def __init__(self, create: Callable[[], Remembered], keep_ns: int) -> None:
        self._create = create
        self._keep_ns = keep_ns
        self._people: dict[int, tuple[int, Remembered]] = {}  # the one seen last comes last

    def clear(self) -> None:
        """Forget everyone."""
        self._people.clear()

    def forget_old(self, now_ns: int) -> None:
        """Forget who was seen too long ago."""
        oldest_ns = now_ns - self._keep_ns
        self._people = {number: kept for number, kept in self._people.items() if kept[0] >= oldest_ns}

    def of(self, person_id: int, now_ns: int) -> Remembered:
        """Return what is remembered of a person who is seen now."""
        _, remembered = self._people.pop(person_id, (0, None))
        if remembered is None:
            remembered = self._create()
        self._people[person_id] = now_ns, remembered
        if len(self._people) > MAX_PEOPLE:
            del self._people[next(iter(self._people))]
        return remembered
