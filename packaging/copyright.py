#!/usr/bin/env python3
"""Debian's copyright file (DEP-5) with the licences in full: packaging/copyright.py > FILE.

Debian wants the text itself of a licence that is not in /usr/share/common-licenses. Each stands once in the tree: a line
` @FILE@` of packaging/deb/copyright gives way to what that file says.
"""

import pathlib
import sys

tree = pathlib.Path(__file__).resolve().parent.parent


def text(file):
    """The lines of a licence as a field of DEP-5 has them: begun with a blank, an empty one told by a full stop."""
    lines = (tree / file).read_text(encoding="utf-8").splitlines()
    if lines[0].startswith("Format:"):  # in that form already: what stands under its first licence
        lines = lines[next(at for at, line in enumerate(lines) if line.startswith("License:")) + 1 :]
        return lines[: lines.index("")]
    return [f" {line}".rstrip() if line.strip() else " ." for line in lines]


sys.stdout.reconfigure(encoding="utf-8")
for line in (tree / "packaging/deb/copyright").read_text(encoding="utf-8").splitlines():
    named = line.startswith(" @") and line.endswith("@")
    print("\n".join(text(line[2:-1])) if named else line)
