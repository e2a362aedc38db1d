# SPDX-License-Identifier: Apache-2.0
"""People are remembered by their ids for a while, and not without end."""

from blazepose_ros.core.people_memory import MAX_PEOPLE, PeopleMemory

KEEP_NS = 10


def test_a_person_is_known_who_comes_back_in_time_and_no_longer() -> None:
    memory: PeopleMemory[list[str]] = PeopleMemory(list, KEEP_NS)
    memory.of(7, 0).append("here")
    memory.of(8, 5)
    memory.forget_old(KEEP_NS)
    assert memory.of(7, KEEP_NS) == ["here"]
    memory.forget_old(2 * KEEP_NS + 1)
    assert memory.of(7, 2 * KEEP_NS + 1) == []


def test_what_is_empty_is_kept_as_well() -> None:
    memory: PeopleMemory[list[str]] = PeopleMemory(list, KEEP_NS)
    assert memory.of(7, 0) is memory.of(7, 1)


def test_ever_new_ids_push_out_who_was_seen_longest_ago() -> None:
    memory: PeopleMemory[list[str]] = PeopleMemory(list, KEEP_NS)
    for number in (1, 2):
        memory.of(number, 0).append("here")
    memory.of(1, 1)
    for stranger in range(10, 10 + MAX_PEOPLE - 1):
        memory.of(stranger, 2)
    assert memory.of(1, 3) == ["here"]
    assert memory.of(2, 3) == []


def test_all_are_forgotten_at_once() -> None:
    memory: PeopleMemory[list[str]] = PeopleMemory(list, KEEP_NS)
    memory.of(7, 0).append("here")
    memory.clear()
    assert memory.of(7, 0) == []
