#!/usr/bin/env python3
"""bode beside programs that offices use for the same: Request Tracker from Debian, Roundup from PyPI. The same messages, one
after the other in one run on this machine: each into a stored case with an acknowledgement handed to the same SMTP server.

usage: peers.py [--messages N] [--dir DIR] [--only NAME,NAME] [--venv DIR] [--json FILE] BODE

Each is fed as it is meant to be: bode from a Maildir, Request Tracker by rt-mailgate, Roundup by roundup-mailgw (a process a message,
and once over a whole mailbox). All keep the database settings that make a case durable before the sender is answered. Each is
started, given some messages to warm up, then all at once. Memory is PSS of all processes of the program, at its peak, looked at five
times a second; processor time is of all of them and of what feeds them. Syncs are counted in a pass of their own, under strace.
bode is measured once more beside each of the others, and the table has the middle one.

What does not count as a peer's: the generator, the SMTP server, strace, installing and starting.
"""
import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from office import DONE_WORDS, Office, Sink, drop, message
from peer import PATIENCE, Meter, Peer, until
from peer_roundup import Roundup, RoundupMailbox
from peer_rt import RequestTracker

WARM = 20
SEED = 3
FASTER, SMALLER = 50, 10  # the bars: times the messages a second, part of the memory
TRACED = 50


class Bode(Peer):
    name = "bode"
    setting = "a Maildir, looked at each second; two reading workers; the desk open"
    does = ("keeps the original, reads it in a fenced worker, judges it by all rules with evidence, makes or finds the case, writes the "
            "answer with its dates, indexes the words, keeps a chained journal")
    binary = None

    @property
    def version(self):
        return subprocess.run([self.binary, "--version"], capture_output=True, text=True).stdout.split()[-1]

    def start(self):
        self.office = Office(self.binary, self.dir, self.sink)
        self.next = 0
        self.spawn([str(self.office.bode), "--log", "json", "--config", str(self.office.config), "run"], "bode")
        until(lambda: self.said("bode is running"), 60, "bode")

    def part(self, pid):
        return "daemon" if pid == self.roots[0].pid else "reading workers"

    def said(self, *words):
        log = (self.dir / "bode.log").read_bytes()
        return sum(log.count(f'"message":"{word}"'.encode()) for word in words)

    def feed(self, messages):
        before = self.said("answer sent")
        for content in messages:
            drop(self.office.maildir, self.next, content)
            self.next += 1
        until(lambda: self.said("answer sent") >= before + len(messages), PATIENCE, "bode")

    def stored(self):
        return self.said(*DONE_WORDS)

    def stop(self):
        super().stop()
        report = self.office.verify()
        assert not report["exceptions"], report["exceptions"][:3]


def passed(kind, folder, sink, messages, trace):
    """One pass of one program: its figures."""
    peer = kind(folder, sink, trace)
    try:
        peer.start()
        warm, rest = messages[:WARM], messages[WARM:]
        given(peer, warm)
        stored, before = peer.stored(), peer.syncs()
        with Meter(peer) as meter:
            given(peer, rest)
        after = peer.syncs()
        stored = peer.stored() - stored
        assert stored == len(rest), f"{peer.name} has {stored} new cases of {len(rest)} messages"
        found = {"messages": len(rest), "seconds": meter.took}
        if trace:
            return found | {"syncs": {name: after[name] - before[name] for name in after}}
        return found | {"cpu_s": meter.cpu, "pss_kb": meter.peak, "parts_kb": meter.parts, "version": peer.version}
    finally:
        peer.stop()


def given(peer, messages):
    before = len(peer.sink.taken)
    peer.feed(messages)
    until(lambda: len(peer.sink.taken) >= before + len(messages), PATIENCE, f"the answers of {peer.name}", each=0.01)


def rate(row):
    return row["messages"] / row["seconds"]


def told(name, row):
    parts = ", ".join(f"{part} {size // 1024} MB" for part, size in sorted(row["parts_kb"].items(), key=lambda one: -one[1]))
    print(f"{name} {row['version']}: {rate(row):.2f} messages a second; {parts}", flush=True)


def table(rows):
    ours = rows.get("bode")
    lines = ["| | messages a second | processor ms a message | memory, peak PSS | durable syncs a message | bode: times the rate | bode: part of the memory |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for name, row in rows.items():
        cells = [name, f"{rate(row):.2f}", f"{row['cpu_s'] / row['messages'] * 1000:.1f}", f"{row['pss_kb'] / 1024:.0f} MB",
                 f"{row['syncs_a_message']:.2f}"]
        if name != "bode" and ours:
            faster, part = rate(ours) / rate(row), ours["pss_kb"] / row["pss_kb"]
            row |= {"times_the_rate": faster, "part_of_memory": part}
            cells += [f"{faster:.1f} (bar {FASTER}: {'held' if faster >= FASTER else 'not held'})",
                      f"1/{1 / part:.1f} (bar 1/{SMALLER}: {'held' if part <= 1 / SMALLER else 'not held'})"]
        else:
            cells += ["–", "–"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bode", type=Path)
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--traced", type=int, default=TRACED, help="messages of the pass that counts syncs")
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--venv", type=Path, help="where Roundup is installed")
    parser.add_argument("--only", default="bode,rt,roundup,mailbox")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    # Whoever ends this ends what it started too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    Bode.binary, Roundup.venv = args.bode, args.venv and args.venv.resolve()
    kinds = {"bode": Bode, "rt": RequestTracker, "roundup": Roundup, "mailbox": RoundupMailbox}
    rows, failed, folders, ours = {}, [], [], []
    names = args.only.split(",")

    def measured(kind, count, trace=False):
        folder = Path(tempfile.mkdtemp(dir=args.dir, prefix=f"bode-peers-{kind.__name__}-"))
        folders.append(folder)
        try:
            return passed(kind, folder, Sink(folder / "tls"), [message(number, SEED) for number in range(WARM + count)], trace)
        except (AssertionError, RuntimeError, OSError, SystemExit) as fault:
            failed.append(f"{kind.name}: {fault}")
            print(f"{kind.name} could not be measured: {fault}", file=sys.stderr, flush=True)
            for log in sorted(folder.glob("*.log")):
                print(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-5:]), file=sys.stderr)
            return None

    try:
        for name in names:
            kind = kinds[name]
            row, traced = measured(kind, args.messages), measured(kind, args.traced, trace=True)
            if kind is Bode:
                ours.append(row)
            elif "bode" in names:
                # Ours takes seconds where theirs takes minutes: one more beside each, so that no one moment of the machine decides.
                ours.append(measured(Bode, args.messages))
            if row and traced:
                row |= {"syncs_a_message": sum(traced["syncs"].values()) / args.traced, "syncs": traced["syncs"]}
                row |= {"setting": kind.setting, "does": kind.does}
                rows[kind.name] = row
                told(kind.name, row)
        ours = [row for row in ours if row]
        if "bode" in rows and len(ours) > 1:
            middle = sorted(ours, key=rate)[(len(ours) - 1) // 2]
            rows["bode"] = rows["bode"] | middle | {"pss_kb": max(row["pss_kb"] for row in ours)}
            rates = ", ".join(f"{rate(row):.0f}" for row in ours)
            print(f"bode was measured {len(ours)} times, beside each of them ({rates} messages a second): the table has the rate and processor "
                  "time of the middle one (of two, the slower), and the highest memory of all.")
    finally:
        # At the end: ext4 makes files slower for some minutes after many were removed (it keeps from inodes freed lately).
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    print()
    print(table(rows))
    print()
    for name, row in rows.items():
        print(f"- {name} {row['version']} ({row['setting']}): {row['does']}.")
    if args.json:
        args.json.write_text(json.dumps({"bench": "peers", "at": time.strftime("%Y-%m-%d"), "rows": rows, "failed": failed}, indent=1))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
