#!/usr/bin/env python3
"""Three days of an office in some minutes: a real daemon with a real Dovecot and Exim, and every hour something that goes wrong.

usage: soak.py [--hours N] [--speed N] [--seed N] [--dir DIR] [--json FILE] BODE

What is compressed is the time in which nothing happens. An hour begins with its post and its fault, at the pace of the machine. Then the
clock of the daemon (time of day and the clock that its pauses and time-outs go by, benches/soak_clock.c) is moved on in jumps of five
minutes, each once the daemon rests; its timers fall as if that time had passed: IDLE renewed, the mailbox looked at, the next attempt to
send, the daily proof and the digest, sessions that end. Dovecot, Exim and the reading workers keep the time of the machine. Not
compressed, so not seen here: what only work at its own pace over days could show, and what time does to servers.

--speed: an hour takes at least 3600/SPEED seconds; 360 makes 72 hours twelve minutes. Longer where the daemon has more to do.

Faults, by the hour: Exim gone for an hour; Dovecot gone for an hour; Dovecot hanging (SIGSTOP); the disk full (every write and new file
of the store fails, tests/torture/faults.c) until relief; SIGHUP while post comes in; the time of day an hour back and forward again; kill
-9 while post comes in (the first third of the hours only, so that the memory of one process is seen over the rest).

At the end: `verify` is clean, sources and all; each message is a case, part of one or set aside, each writer has one answer (a second copy
only where a kill fell); memory, open files and log over the hours after the last kill, at rest, are told and held to their bounds.
"""
import argparse
import collections
import json
import mmap
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from office import DONE_WORDS, OFFICE, ROOT, Tail, message
from soak_servers import Servers

JUMP = 300                 # simulated seconds between two looks
REST = 0.25                # seconds without work and log: the daemon rests
RUNNING = "bode is running"
FLAT = 0.10                # the last quarter's median may be so much above the first quarter's
FILES_MORE = 2             # open files more than at the first rest: a connection that is kept or not
LOG_BYTES_A_PIECE = 8192
# Of tests/torture/faults.c: an action, and kinds of calls.
FAIL_ON, MAKES, WRITES, ENOSPC = 5, 1, 2, 28
FAULTS = ("exim gone", "hangup", "disk full", "dovecot gone", "clock back", "dovecot hangs", "nothing")


class Page:
    """A page shared with a library in the daemon."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(4096))
        with open(path, "r+b") as file:
            self.bytes = mmap.mmap(file.fileno(), 4096)

    def put(self, at, form, *values):
        struct.pack_into(form, self.bytes, at, *values)


class Daemon:
    """`bode run` below the two libraries, over its restarts."""

    def __init__(self, bode, folder, servers):
        self.bode, self.dir, self.servers = Path(bode).resolve(), folder, servers
        self.clock, self.faults = Page(folder / "clock"), Page(folder / "faults")
        self.ahead = self.day_ahead = 0
        for name, source in (("clock", "benches/soak_clock.c"), ("faults", "tests/torture/faults.c")):
            subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-w", "-o", folder / f"{name}.so", ROOT / source, "-ldl"], check=True)
        (folder / "scans").mkdir()
        self.config, self.store = folder / "office.toml", folder / "store"
        self.config.write_text(
            f'rules = "{ROOT}/rules"\ntemplates = "{ROOT}/templates"\nstore = "store"\noffice_file = "{ROOT}/config/den-haag.toml"\n\n'
            f'{servers.toml()}\n[scan]\ndir = "scans"\n\n[answers]\nfrom_name = "Ombudsman"\nfrom_address = "{OFFICE}"\n'
            f'return_path = "mislukt@ombudsman.example.nl"\nown_addresses = ["{OFFICE}"]\nhour_max = 1000000\n\n[letters]\nplace = "Den Haag"\n\n'
            f'[digest]\nto = "team@ombudsman.example.nl"\n\n[desk]\nlisten = "127.0.0.1:0"\nmetrics_open = true\n')
        self.env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "SOAK_CLOCK": str(self.clock.path),
                    "LD_PRELOAD": f"{folder}/clock.so {folder}/faults.so", "TORTURE_CONTROL": str(self.faults.path),
                    "TORTURE_ROOTS": f"store={self.store}", "TORTURE_LOG": "/dev/null"}
        self.log, self.counts = folder / "log.jsonl", collections.Counter()
        self.tail = Tail(self.log)
        self.desk, self.starts, self.struck = None, 0, 0

    def now(self):
        return time.time() + self.ahead + self.day_ahead

    def move(self, seconds, of_day=0):
        self.ahead += seconds
        self.day_ahead += of_day
        self.clock.put(0, "qq", self.ahead * 10**9, self.day_ahead * 10**9)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.bode, "--log", "json", "--config", self.config, "run"], env=self.env,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.starts += 1
        self.wait(lambda: self.counts[RUNNING] >= self.starts, 120, "the start")

    def look(self):
        for line in self.tail.lines():
            try:
                entry = json.loads(line)
            except ValueError:
                raise SystemExit(f"bode says: {line.decode()}") from None
            fields = entry["fields"]
            self.counts[fields.get("message", "")] += 1
            self.counts["level " + entry["level"]] += 1
            if fields.get("desk"):
                self.desk = "http://" + fields["desk"]
        if self.process.poll() is not None:
            raise SystemExit(f"the daemon ended by itself with {self.process.returncode}; see {self.log}")

    def wait(self, true, seconds, what):
        end = time.monotonic() + seconds
        while True:
            self.look()
            if true():
                return
            if time.monotonic() > end:
                raise SystemExit(f"{what}: not in {seconds} s; {dict(self.counts.most_common(40))}")
            time.sleep(0.02)

    def busy(self):
        """Whether the daemon, its workers or a server works or would, and what they have used and said so far."""
        ticks, works = 0, False
        servers = [program.pid for program in self.servers.programs.values()]
        for pid in [pid for first in (self.process.pid, *servers) for pid in (first, *below(first))]:
            for task in listed(f"/proc/{pid}/task"):
                try:
                    stat = Path(f"/proc/{pid}/task/{task}/stat").read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                ticks += int(stat[11]) + int(stat[12])
                works |= stat[0] in "RD"
        return works, (ticks, self.log.stat().st_size)

    def rests(self, seconds=60):
        """Waits until nothing is under way: nobody at work, nothing used and nothing said for a while. A machine that is busy with
        other things makes this longer, and never lets a jump fall into an exchange."""
        end, before, since = time.monotonic() + seconds, None, time.monotonic()
        while time.monotonic() < end:
            works, after = self.busy()
            if works or after != before:
                before, since = after, time.monotonic()
            elif time.monotonic() - since > REST:
                break
            time.sleep(REST / 8)
        self.look()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def full(self, is_full):
        # action, nth, error, kinds, relief, seen, struck; the point (empty: each call counts) stands further on.
        if is_full:
            self.faults.put(8, "IIIIIII", FAIL_ON, 1, ENOSPC, MAKES | WRITES, 0, 0, 0)
        else:
            self.faults.put(24, "I", 1)
            self.struck += struct.unpack_from("I", self.faults.bytes, 32)[0]

    def command(self, *arguments):
        return subprocess.run([self.bode, "--config", self.config, "--quiet", *arguments], env=self.env, capture_output=True, text=True)

    def health(self):
        try:
            with urllib.request.urlopen(self.desk + "/healthz", timeout=10) as answer:
                return answer.status, ""
        except urllib.error.HTTPError as answer:
            return answer.code, " ".join(answer.read().decode(errors="replace").split())[:200]
        except OSError as fault:
            return 0, str(fault)

    def measure(self):
        """At rest: memory in kB, open files by kind, bytes of log."""
        def pss(pid):
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
            return int(found.group(1)) if found else 0
        files, folder = collections.Counter(), f"/proc/{self.process.pid}/fd"
        for fd in os.listdir(folder):
            try:
                files[re.sub(r":.*|^/.*", lambda found: "" if found.group().startswith(":") else "file", os.readlink(f"{folder}/{fd}"))] += 1
            except OSError:
                pass
        rss = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text()).group(1))
        workers = 0
        for pid in children(self.process.pid):
            try:
                workers += pss(pid)
            except OSError:
                pass
        threads = len(os.listdir(f"/proc/{self.process.pid}/task"))
        return {"pss_kb": pss(self.process.pid), "rss_kb": rss, "workers_kb": workers, "fds": sum(files.values()), "files": dict(files),
                "threads": threads, "log": self.log.stat().st_size}


def listed(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def children(pid):
    found = []
    for task in listed(f"/proc/{pid}/task"):
        try:
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        except OSError:
            pass
    return found


def below(pid):
    return [one for child in children(pid) for one in (child, *below(child))]


class Soak:
    def __init__(self, args, folder):
        self.args, self.rng = args, random.Random(args.seed)
        self.servers = Servers(folder / "servers")
        self.daemon = Daemon(args.bode, folder, self.servers)
        self.given = self.copies_allowed = self.scans = 0
        self.rows, self.last_kill = [], -1

    def post(self, count):
        for _ in range(count):
            self.servers.lay(message(self.given, seed=self.args.seed), self.daemon.now())
            self.given += 1

    def judged(self):
        self.daemon.look()
        return sum(self.daemon.counts[word] for word in DONE_WORDS)

    def hour(self, number):
        """One hour: post and fault at their own pace, then the rest of it in jumps."""
        began, daemon, servers = time.monotonic(), self.daemon, self.servers
        local = time.localtime(daemon.now()).tm_hour
        count = self.rng.randint(6, 14) if 7 <= local < 19 else self.rng.randint(1, 4)
        kills = number < self.args.hours // 3 and number % 6 == 5
        fault = "kill -9" if kills else FAULTS[number % len(FAULTS)]
        if number % 12 == 3:
            sample = sorted((ROOT / "tests/samples/scans").iterdir())[self.scans % 2]
            shutil.copy(sample, daemon.dir / "scans" / f"scan-{self.scans}{sample.suffix}")
            # The same letter twice is known: a scan counts once.
            self.scans += 1
        if fault == "exim gone":
            servers.end("exim")
        elif fault == "dovecot gone":
            servers.end("dovecot")
        elif fault == "dovecot hangs":
            servers.tell("dovecot", signal.SIGSTOP)
        elif fault == "disk full":
            daemon.full(True)
        elif fault == "clock back":
            daemon.move(0, of_day=-3600)
        self.post(count)
        if fault == "hangup":
            daemon.process.send_signal(signal.SIGHUP)
        elif fault == "kill -9":
            time.sleep(self.rng.uniform(0.1, 1.2))
            daemon.kill()
            self.copies_allowed += 4
            self.last_kill = number
            daemon.start()
        jumps = 3600 // JUMP
        for jump in range(jumps):
            daemon.rests()
            if jump == jumps // 2:
                self.mend(fault)
            # The rest of the hour, evenly.
            left = began + (jump + 1) / jumps * 3600 / self.args.speed - time.monotonic()
            if left > 0:
                time.sleep(left)
            daemon.move(JUMP)
        daemon.rests()
        health, why = daemon.health()
        self.rows.append({"hour": number, "fault": fault, "messages": count, "seconds": time.monotonic() - began, "health": health, "why": why,
                          "waiting": self.given - len(self.mailed_in()), **daemon.measure()})
        row = self.rows[-1]
        print(f"hour {number:3} {fault:14} {count:3} messages, {row['seconds']:5.1f} s; healthz {row['health']}, PSS {row['pss_kb'] / 1024:.1f} MB "
              f"(workers {row['workers_kb'] / 1024:.1f}), {row['fds']} open files, {row['threads']} threads, log {row['log']} bytes {why}", flush=True)

    def mend(self, fault):
        if fault == "exim gone":
            self.servers.start("exim")
        elif fault == "dovecot gone":
            self.servers.start("dovecot")
        elif fault == "dovecot hangs":
            self.servers.tell("dovecot", signal.SIGCONT)
        elif fault == "disk full":
            self.daemon.full(False)
        elif fault == "clock back":
            self.daemon.move(0, of_day=3600)

    def mailed_in(self):
        done = self.servers.inbox / ".Verwerkt"
        return [path for sub in ("new", "cur") for path in (done / sub).glob("*")]

    def answers(self):
        """To whom answers went, each as often as it did; the digest apart."""
        found = collections.Counter()
        for sub in ("new", "cur"):
            for path in (self.servers.sent / sub).glob("*"):
                head = path.read_text(errors="replace").split("\n\n", 1)[0]
                found[re.search(r"^To:.*?([^\s<>]+@[^\s<>]+)", head, re.M | re.I).group(1)] += 1
        return found, found.pop("team@ombudsman.example.nl", 0)

    def run(self):
        servers, daemon = self.servers, self.daemon
        began = time.monotonic()
        try:
            servers.start("dovecot")
            servers.start("exim")
            daemon.start()
            self.post(10)  # the workers and the first files
            daemon.wait(lambda: self.judged() >= 10, 60, "the first messages")
            for number in range(self.args.hours):
                self.hour(number)
            # What a fault put off has its time.
            for _ in range(24):
                daemon.rests()
                daemon.move(JUMP * 6)
                if len(self.mailed_in()) == self.given and sum(self.answers()[0].values()) >= self.given:
                    break
            daemon.rests()
            verified = json.loads(daemon.command("verify", "--json").stdout)
            daemon.process.send_signal(signal.SIGTERM)
            status = daemon.process.wait(60)
            return self.told(verified, status, time.monotonic() - began)
        finally:
            if getattr(daemon, "process", None) and daemon.process.poll() is None:
                daemon.kill()
            servers.tell("dovecot", signal.SIGCONT)
            servers.end("dovecot")
            servers.end("exim")

    def told(self, verified, status, took):
        args, daemon = self.args, self.daemon
        answered, digests = self.answers()
        copies = sum(count - 1 for count in answered.values())
        quiet = [row for row in self.rows if row["hour"] > self.last_kill + 1] or self.rows
        quarter = max(1, len(quiet) // 4)

        def middle(rows, key):
            return sorted(row[key] for row in rows)[len(rows) // 2]
        first, last = quiet[:quarter], quiet[-quarter:]
        memory = {key: (middle(first, key), middle(last, key), slope([row[key] for row in quiet])) for key in ("pss_kb", "rss_kb")}
        files = middle(first, "fds"), middle(last, "fds")
        log = self.rows[-1]["log"] / (self.given + self.scans)
        checks = {
            "verify is clean": not verified["exceptions"],
            f"each of {self.given} messages is in the done folder": len(self.mailed_in()) == self.given,
            f"each writer has an answer ({len(answered)})": len(answered) == self.given,
            f"{copies} second copies, at most {self.copies_allowed} (4 a kill)": copies <= self.copies_allowed,
            f"a digest a day ({digests})": args.hours < 24 or abs(digests - (args.hours + 12) // 24) <= 1,
            f"the disk was full for {daemon.struck} calls": daemon.struck > 0 or args.hours < 3,
            "SIGTERM ends it with status 0": status == 0,
            f"memory flat: median PSS of the first and last quarter {memory['pss_kb'][0] / 1024:.1f} and {memory['pss_kb'][1] / 1024:.1f} MB, RSS "
            f"{memory['rss_kb'][0] / 1024:.1f} and {memory['rss_kb'][1] / 1024:.1f} MB, at most {FLAT:.0%} more": memory["pss_kb"][1] <= memory["pss_kb"][0] * (1 + FLAT),
            f"open files at rest {files[0]}, then {files[1]}": files[1] <= files[0] + FILES_MORE,
            f"log {log:.0f} bytes a piece, at most {LOG_BYTES_A_PIECE}": log <= LOG_BYTES_A_PIECE,
        }
        print(f"\n{args.hours} simulated hours in {took / 60:.1f} minutes ({args.hours * 3600 / took:.0f} times), seed {args.seed}: {self.given} messages, "
              f"{self.scans} scans, {daemon.starts} starts; faults {dict(collections.Counter(row['fault'] for row in self.rows))}")
        print(f"over the {len(quiet)} hours of the last process: slope of PSS {memory['pss_kb'][2]:+.1f} kB an hour, of RSS {memory['rss_kb'][2]:+.1f} kB an hour, of the second "
              f"half {slope([row['pss_kb'] for row in quiet[len(quiet) // 2:]]):+.1f} and {slope([row['rss_kb'] for row in quiet[len(quiet) // 2:]]):+.1f}; "
              f"open files {min(row['fds'] for row in quiet)} to {max(row['fds'] for row in quiet)}, threads {min(row['threads'] for row in quiet)} to "
              f"{max(row['threads'] for row in quiet)}; warnings {daemon.counts['level WARN']}, errors {daemon.counts['level ERROR']}")
        for what, holds in checks.items():
            print(f"{'holds   ' if holds else 'FAILS   '} {what}")
        print(f"{sum(not holds for holds in checks.values())} of {len(checks)} checks failed")
        if verified["exceptions"]:
            print(verified["exceptions"][:5])
        if args.json:
            args.json.write_text(json.dumps({"bench": "soak", "hours": args.hours, "speed": args.hours * 3600 / took, "checks": checks, "rows": self.rows,
                                             "slope_pss_kb_an_hour": memory["pss_kb"][2], "log_bytes_a_piece": log}, indent=1))
        return all(checks.values())


def slope(values):
    """Least squares, for steps of one."""
    count, middle = len(values), (len(values) - 1) / 2
    mean = sum(values) / count
    below = sum((at - middle) ** 2 for at in range(count))
    return sum((at - middle) * (value - mean) for at, value in enumerate(values)) / below if below else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bode", type=Path)
    parser.add_argument("--hours", type=int, default=72)
    parser.add_argument("--speed", type=float, default=360)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", action="store_true", help="leave the folder when something fails")
    args = parser.parse_args()
    # Whoever ends this ends what it started too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Path(tempfile.mkdtemp(dir=args.dir, prefix="bode-soak-"))
    folder.chmod(0o755)  # the servers have no rights of ours
    held = False
    try:
        held = Soak(args, folder).run()
    finally:
        if held or not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"left in {folder}", file=sys.stderr)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
