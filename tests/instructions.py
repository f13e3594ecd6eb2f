#!/usr/bin/env python3
"""The instructions of triage and of reading messages, counted by callgrind and held against tests/instructions.json.

usage: instructions.py [--accept] BODE LIBRARY_TESTS

triage   `bode triage` on the sample messages without pictures; counted in `bode::triage::judge` and below
mime     the same messages read as a worker reads them (src/extract/counted.rs); counted in `counted_mime` and below

Counts say nothing of time, but they hardly differ from run to run and from machine to machine, so a change that makes every message
dearer shows where a clock would not. They belong to one build: the `dev` profile (our code not optimised, its dependencies at level 2),
because that is what the tests have built anyway, and to one version of rustc. Beyond 5 % in either direction it fails: what became
cheaper is to be written down too. `make instructions ACCEPT=--accept` writes what was counted, to be committed with the reason.
"""
import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "tests/instructions.json"
DRIFT = 0.05


def counted(function, command):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind"
        valgrind = ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={function}", "--read-inline-info=no",
                    f"--callgrind-out-file={out}.%p", f"--log-file={out}.log"]
        done = subprocess.run([*valgrind, *command], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, command))} ends with {done.returncode} under valgrind:\n{done.stderr[-2000:]}{done.stdout[-2000:]}")
        found = 0
        for path in Path(folder).glob("callgrind.[0-9]*"):
            with open(path, errors="replace") as lines:
                found += sum(int(line.split()[1]) for line in lines if re.match(r"(summary|totals): \d", line) and line.startswith("totals"))
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bode", type=Path)
    parser.add_argument("tests", type=Path, help="the program with the tests of the library")
    parser.add_argument("--accept", action="store_true")
    args = parser.parse_args()
    mails = sorted(path.relative_to(ROOT) for path in (ROOT / "tests/samples/mail").glob("*.eml") if b"image/" not in path.read_bytes())
    found = {
        "mime": counted("*counted_mime*", [args.tests.resolve(), "--exact", "extract::counted::messages_are_read", "--test-threads=1"]),
        "triage": counted("bode::triage::judge", [args.bode.resolve(), "--config", "config/den-haag.toml", "--quiet", "triage",
                                                  "--received", "2026-03-02", *mails]),
    }
    rustc = subprocess.run(["rustc", "--version"], cwd=ROOT, capture_output=True, text=True).stdout.split()[1]
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    faults = [f"{name}: nothing was counted; has its function another name?" for name, count in found.items() if not count]
    for name, count in found.items():
        before = kept.get(name)
        drift = count / before - 1 if before else 0.0
        print(f"{name}: {count:,} instructions over {len(mails)} messages, {drift:+.1%} against {before or 0:,} (rustc {kept.get('rustc', '?')})")
        if abs(drift) > DRIFT or not before:
            faults.append(f"{name}: {drift:+.1%}, beyond {DRIFT:.0%}")
    if args.accept and all(found.values()):
        KEPT.write_text(json.dumps(found | {"rustc": rustc}, indent=1) + "\n")
        print(f"written to {KEPT.relative_to(ROOT)}")
        return
    if faults:
        print("\n".join(faults))
        print(f"Counted with rustc {rustc}. If the change is meant (or rustc is another): make instructions ACCEPT=--accept, and commit "
              "tests/instructions.json with the reason.")
        sys.exit(1)


if __name__ == "__main__":
    main()
