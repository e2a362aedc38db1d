"""Findings for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from blazepose_ros.doctor.finding import Finding


def as_text(finding: Finding) -> str:
    """Return a line about a finding, and one with its remedy where it needs one."""
    line = f"{finding.level.value:<5}  {finding.name}: {finding.what}"
    return f"{line}\n       -> {finding.mend}" if finding.mend else line


def as_json(findings: Sequence[Finding]) -> str:
    """Return all findings as a JSON list of objects: name, level, what, mend."""
    rows = [
        {"name": each.name, "level": each.level.value, "what": each.what, "mend": each.mend}
        for each in findings
    ]
    return json.dumps(rows, indent=2)
