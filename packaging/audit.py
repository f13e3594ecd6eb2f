#!/usr/bin/env python3
"""Which versions of Cargo.lock have an advisory (RustSec), offline: a checkout of its advisory database is enough.

    packaging/audit.py ADVISORIES [Cargo.lock]

Prints a line for each hit. Exit status 1 when one is a vulnerability, or unsound, and packaging/audit-known.toml does not
say why it does not touch us. Unmaintained packages are listed and do not fail. No further program is needed.
"""
import re
import sys
import tomllib
from pathlib import Path


def version(text):
    """A version of semver.org as something that sorts: a pre-release before its release."""
    text = text.strip().split("+")[0]
    core, _, pre = text.partition("-")
    numbers = [int(part) for part in core.split(".")]
    numbers += [0] * (3 - len(numbers))
    parts = [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in pre.split(".")] if pre else [(2, 0, "")]
    return tuple(numbers), parts


def meets(found, requirement):
    """Cargo's requirements: a list of comparisons that all hold."""
    for one in filter(None, (part.strip() for part in requirement.split(","))):
        sign, wanted = re.fullmatch(r"(>=|<=|>|<|=|\^|~)?\s*(\S+)", one).groups()
        if wanted == "*":
            continue
        given = len(wanted.split("-")[0].split("."))
        wanted = version(wanted)
        (major, minor, patch), _ = wanted
        if sign in (None, "^"):
            if major or given == 1:
                below = (major + 1, 0, 0)
            elif minor or given == 2:
                below = (0, minor + 1, 0)
            else:
                below = (0, 0, patch + 1)
            held = wanted <= found and found[0] < below
        elif sign == "~":
            held = wanted <= found and found[0] < ((major, minor + 1, 0) if given > 1 else (major + 1, 0, 0))
        elif sign == "=":
            held = found[0][:given] == wanted[0][:given] and (given < 3 or found == wanted)
        else:
            held = {">=": found >= wanted, "<=": found <= wanted, ">": found > wanted, "<": found < wanted}[sign]
        if not held:
            return False
    return True


def advisories(folder):
    for path in sorted(Path(folder, "crates").glob("*/*.md")):
        text = path.read_text(encoding="utf-8")
        head = re.match(r"```toml\n(.*?)\n```", text, re.S)
        data = tomllib.loads(head.group(1))
        title = next((line[2:] for line in text.splitlines() if line.startswith("# ")), "")
        yield data, title


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    lock = tomllib.loads(Path(sys.argv[2] if len(sys.argv) > 2 else "Cargo.lock").read_text())
    used = {}
    for package in lock["package"]:
        used.setdefault(package["name"], []).append(package["version"])
    known = tomllib.loads(Path(__file__).with_name("audit-known.toml").read_text())["known"]
    read, failed, met = 0, 0, set()
    for data, title in advisories(sys.argv[1]):
        read += 1
        if "withdrawn" in data["advisory"]:
            continue
        advisory, versions = data["advisory"], data.get("versions", {})
        for found in used.get(advisory["package"], []):
            good = versions.get("patched", []) + versions.get("unaffected", [])
            if any(meets(version(found), requirement) for requirement in good):
                continue
            kind = advisory.get("informational", "vulnerability")
            why = known.get(advisory["id"])
            met.add(advisory["id"])
            failing = kind in ("vulnerability", "unsound") and not why
            failed += failing
            told = "FAILS" if failing else "known" if why else "note "
            print(f"{told} {advisory['package']} {found}: {advisory['id']} ({kind}) {title}")
            if why:
                print(f"      {why}")
    for gone in sorted(set(known) - met):
        print(f"FAILS {gone} is in audit-known.toml and touches nothing any more: take it out")
        failed += 1
    if not read:
        sys.exit(f"{sys.argv[1]} holds no advisories")
    print(f"{len(lock['package'])} packages against {read} advisories: {failed} to mend")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
