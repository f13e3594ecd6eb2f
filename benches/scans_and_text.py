#!/usr/bin/env python3
"""Are letters judged the same from a scan as from the same text typed?

usage: benches/scans_and_text.py BODE DIR

DIR holds gold.jsonl ({"id", "office", "channel", "received", "gold": {label: value}}) and, for each letter, OFFICE/ID.pdf (the
scan) and OFFICE/ID.txt (its text as typed). Printed: per label the share that is right from text and from scans, and how far they
are apart; the letters on which they differ on scope. Exit status 1 when a label is more than 2 points worse from scans.
"""
import json
import subprocess
import sys
from pathlib import Path

SHARES = ["scope", "refer_to", "first_complained", "older_than_year", "kind", "on_behalf", "language"]
FLAGS = ["anonymous", "multiple", "urgent", "follow_up"]
POINTS_MAX = 2.0


def counts(label, gold):
    """The conventions of `bode rules score`."""
    if label not in gold:
        return False
    scope = gold["scope"]
    if label == "refer_to":
        return scope in ("out", "mixed")
    if label == "first_complained":
        return scope != "none" and gold[label] not in ("not-applicable", None)
    if label in ("kind", "older_than_year", "on_behalf"):
        return scope != "none"
    if label == "multiple":
        return scope != "mixed"
    return True


def judged(bode, office, items, directory, ending):
    """What bode makes of the files of one office: id -> object."""
    found = {}
    by_day = {}
    for item in items:
        by_day.setdefault(item["received"], []).append(str(directory / office / f"{item['id']}{ending}"))
    for day, files in by_day.items():
        command = [bode, "--config", f"config/{office}.toml", "--quiet", "triage", "--json", "--received", day, *files]
        for line in subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines():
            one = json.loads(line)
            found[Path(one["file"]).stem] = one
    return found


def main():
    bode, directory = sys.argv[1], Path(sys.argv[2])
    items = [json.loads(line) for line in (directory / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    letters = [item for item in items if item["channel"] == "letter"]
    if not letters:
        sys.exit(f"{directory}: no letters in gold.jsonl")
    typed, scanned = {}, {}
    for office in sorted({item["office"] for item in letters}):
        own = [item for item in letters if item["office"] == office]
        typed.update(judged(bode, office, own, directory, ".txt"))
        scanned.update(judged(bode, office, own, directory, ".pdf"))
    print(f"{len(letters)} letters, right from typed text and from scans, in per cent")
    worse = False
    for label in [*SHARES, *FLAGS, "complained_about"]:
        total = text_right = scan_right = 0
        for item in letters:
            gold = item["gold"]
            if not counts(label, gold):
                continue
            want = gold[label]
            got = [side.get(item["id"], {}).get(label, "nothing") for side in (typed, scanned)]
            if isinstance(want, list):
                want, got = sorted(want), [sorted(one) if isinstance(one, list) else one for one in got]
            total += 1
            text_right += got[0] == want
            scan_right += got[1] == want
        if total:
            apart = (scan_right - text_right) * 100 / total
            worse |= apart < -POINTS_MAX
            print(f"{label:<18} {text_right * 100 / total:6.1f} {scan_right * 100 / total:6.1f} {apart:+6.1f}  ({total})")
    for item in letters:
        one, other = (side.get(item["id"], {}).get("scope") for side in (typed, scanned))
        if one != other:
            print(f"{item['id']}: scope {one} from text, {other} from the scan")
    sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()
