# SPDX-License-Identifier: Apache-2.0
"""What a soak has found, in words, and whether memory stays where it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from robustness.soak.invariants import Invariants

# At the first stops libraries are still filling their pools.
WARM_UP = 2
# How many stops at the beginning and at the end are compared.
COMPARED = 3
# What allocators keep more or less of from one stop to the next.
MAX_GROWTH_MB = 40.0


def growth_mb(stops_mb: Sequence[float]) -> float | None:
    """Return by how much memory grew from the first stops to the last, in MB.

    Args:
        stops_mb: resident memory each time the node was back in the same state.

    Returns:
        The growth, or None where there are too few stops to tell.
    """
    warm = stops_mb[WARM_UP:]
    if len(warm) < 2 * COMPARED:
        return None
    return median(warm[-COMPARED:]) - median(warm[:COMPARED])


MS_PER_S = 1000


@dataclass
class Findings:
    """What was seen of the node beside its answers.

    Attributes:
        duration_s: how long it was watched.
        events: how often each event happened.
        stops_mb: its memory each time that everything was as usual.
        problems: what went wrong outside of the ledger, such as the node's end.
    """

    duration_s: float = 0.0
    events: Counter[str] = field(default_factory=Counter)
    stops_mb: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def violations(ledger: Invariants, findings: Findings) -> list[str]:
    """Return everything that should not have been, one line each; empty where all promises held."""
    counted = [f"{text} ({count} times)" for text, count in ledger.violations.most_common()]
    return [*counted, *_of_memory(findings.stops_mb), *findings.problems]


def report(ledger: Invariants, findings: Findings) -> str:
    """Return what happened and what was broken, several lines."""
    found = violations(ledger, findings)
    rows = {
        "time": f"{findings.duration_s:.0f} s",
        "events": f"{findings.events.total()} of {len(findings.events)} kinds",
        "images": f"{ledger.sent} sent, {ledger.answers} answered, {ledger.people} with somebody",
        "latency": _latency(ledger.latencies_s),
        "memory": _memory(findings.stops_mb),
        "violations": f"{ledger.violations.total() + len(found) - len(ledger.violations)}",
    }
    lines = [f"{name:12}{value}" for name, value in rows.items()]
    return "\n".join([*lines, *(f"  - {line}" for line in found)])


def _latency(latencies_s: Sequence[float]) -> str:
    if not latencies_s:
        return "no answers"
    median, worst, most = np.percentile(latencies_s, (50, 99, 100)) * MS_PER_S
    return f"{median:.0f} ms in the median, {worst:.0f} ms at 99 %, {most:.0f} ms at most"


def _memory(stops_mb: Sequence[float]) -> str:
    if not stops_mb:
        return "not measured"
    grown = growth_mb(stops_mb)
    trend = "too short to tell a trend" if grown is None else f"grown by {grown:+.1f} MB"
    return f"{stops_mb[0]:.0f} MB at first, {stops_mb[-1]:.0f} MB at last, {trend}"


def _of_memory(stops_mb: Sequence[float]) -> list[str]:
    grown = growth_mb(stops_mb)
    if grown is None or grown <= MAX_GROWTH_MB:
        return []
    return [f"the node's memory has grown by {grown:.1f} MB, more than {MAX_GROWTH_MB:g}"]
