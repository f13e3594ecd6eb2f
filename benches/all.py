#!/usr/bin/env python3
"""Every benchmark one after the other, and the page that tells what came of them: docs/performance.md.

usage: all.py [--small] [--only NAME,NAME] [--out FILE] [--keep FILE]

Each is called by its make target, as anybody would, and what it prints stands on the page as it is. The table on top takes the figures for which
there is a bar or another program out of that, with the ratio of the figure to it. A benchmark that cannot run, or that prints no such
figure any more, says so in the table; it is never left out. --small: sizes that only prove that each runs; its figures are no measurements,
and the page says that. --keep keeps what was printed (JSON) and takes up what is there: a part can be run again by itself.
"""
import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 4 * 3600
LONG, WIDE = 100, 400  # lines and characters of what a bench printed that the page keeps; the end is kept


class Figure:
    """One figure in what a bench prints. `bar`: at least (or, `most`, at most) so much; `beside`: what the bar or ratio is against. A pattern may
    find the unit too."""

    def __init__(self, what, pattern, unit, bar=None, most=False, beside="bar", worst=False):
        self.worst = worst  # the highest of several, not the last
        self.what, self.pattern, self.unit, self.bar, self.most, self.beside = what, re.compile(pattern, re.M), unit, bar, most, beside

    def row(self, said, command):
        found = self.pattern.findall(said)
        if not found:
            return [self.what, "not told", self.beside_words(), "–", "–", f"`{command}`"]
        last = max(found, key=float) if self.worst else found[-1]
        last, unit = last if isinstance(last, tuple) else (last, self.unit)
        value = float(last)
        if self.bar is None:
            return [self.what, f"{last} {unit}".strip(), self.beside, "–", "–", f"`{command}`"]
        holds = value <= self.bar if self.most else value >= self.bar
        return [self.what, f"{last} {self.unit}".strip(), self.beside_words(), f"{value / self.bar:.2f}", "yes" if holds else "no", f"`{command}`"]

    def beside_words(self):
        if self.bar is None:
            return self.beside
        return f"{self.beside}: {'at most' if self.most else 'at least'} {self.bar:g} {self.unit}".strip()


N = r"([0-9.]+)"
STORES = "STORES=target/bench-stores"  # made once for the three that need them; gone with target/
BENCHES = {
    # name: title, make arguments, arguments of a small run, figures
    "answers": ("The words of an acknowledgement", "bench-answers", "bench-answers", [
        Figure("acknowledgements made, a second and core", N + " a second and core", "", 2000)]),
    "triage": ("Judging", "bench-triage", "bench-triage", [
        Figure("messages of 2 kB judged, a second and core", r"messages of 2048 bytes: " + N + " a second", "", 2000),
        Figure("all rules loaded and checked", r"compiled and checked: " + N + " ms", "ms", 200, most=True)]),
    "inner": ("Inner parts, each alone", "bench-inner", "bench-inner INNER_FLAGS='--quick'", [
        Figure(what, rf"^{re.escape(name)}\s+time: +\[[0-9.]+ \S+ {N} (\S+) ", "", beside="–") for what, name in (
            ("a message with 2 kB of text parsed, which stands in it three times", "a message parsed/2 kB, as text and HTML and hung on"),
            ("a text of 2 kB judged", "a text judged/2 kB"),
            ("a text of 64 kB judged", "a text judged/64 kB"),
            ("all rules read, compiled and checked", "rules/read, compiled and checked"),
            ("all lines of the journal of 2,000 cases made", "the journal/lines made"),
            ("the same lines read, and their chain checked", "the journal/lines read"),
            ("a case looked up among 2,000", "the index/a case looked up"),
            ("their texts searched for a word", "the index/a word that many texts hold"),
            ("their texts searched for a word typed wrong", "the index/a word typed wrong"))]),
    "letters": ("Letters", "bench-letters", "bench-letters", [
        Figure("slowest letter of one page or more", r"slowest " + N + "ms", "ms", 50, most=True, worst=True)]),
    "latency": ("Arrival to acknowledgement, over Dovecot and Exim", "bench-latency", "bench-latency", [
        Figure("arrival in Dovecot to the answer in the writer's mailbox, median", "median " + N + " s", "s", beside="half a second is Dovecot's own pause"),
        Figure("the same, worst of 50", "worst " + N + " s", "s", beside="–")]),
    "intake": ("Taking in", "bench-intake", "bench-intake INTAKE_FLAGS='--messages 200 --lone 2'", [
        Figure("durable syncs of a lone message, sending included", r"lone message.*?: " + N + " syncs", "", 3, most=True),
        Figure("durable syncs a message in a backlog, by the daemon", r"backlog by the daemon, sending included: " + N + " syncs", "", 0.3, most=True),
        Figure("messages a second judged, by the daemon", r"backlog by the daemon: " + N + " messages a second judged", "", 150),
        Figure("messages a second answered, by the daemon", N + " a second sent", "", 150),
        Figure("processor time a message, judged", r"sent; " + N + " ms of processor", "ms", 3, most=True),
        Figure("messages a second, import", r"by import: " + N + " messages a second", "", 150)]),
    "store": ("Stores by size", f"bench-store {STORES}", "bench-store SIZES=1000 STORE_FLAGS='--requests 30'", [
        Figure("cases indexed again, a second (largest store)", r"^ *\d+ +\d+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +" + N, "", 5000),
        Figure("queue page, p99 (largest store)", r"^ *\d+ +\d+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +\d+ +" + N, "ms", 20, most=True),
        Figure("start (largest store)", r"^ *\d+ +\d+ +[0-9.]+ +" + N, "s", 2, most=True),
        Figure("memory of the daemon (largest store)", r"^ *\d+ +\d+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +\d+ +(?:[0-9.]+ +){5}" + N, "MB", 500, most=True)]),
    "desk": ("The desk with 20 users", f"bench-desk {STORES}", "bench-desk SIZES=1000 DESK_FLAGS='--seconds 5 --users 5'", [
        Figure("queue page, p99 (largest store)", r"^ *queue +\d+ +[0-9.]+ +" + N, "ms", 50, most=True),
        Figure("case page, p99 (largest store)", r"^ *case +\d+ +[0-9.]+ +" + N, "ms", 50, most=True)]),
    "idle": ("A daemon at rest", f"bench-idle {STORES} IDLE_FLAGS='--minutes 2'", "bench-idle SIZES=1000 IDLE_FLAGS='--minutes 0.2 --starts 1'", [
        Figure("the program's file", r"^program " + N + " MB", "MB", 40, most=True),
        Figure("start (largest store), median", r"^ *\d+ +" + N, "ms", 300, most=True),
        Figure("resident memory at rest (largest store)", r"^ *\d+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +" + N, "MB", 40, most=True),
        Figure("processor time at rest (largest store)", r"^ *\d+ +(?:[0-9.]+ +){6}" + N, "% of a core", 0.1, most=True)]),
    "load": ("A backlog and a burst", "bench-load LOAD_FLAGS='--messages 5000 --scans 50 --burst-minutes 1'", "bench-load LOAD_FLAGS='--messages 300 --scans 2 --burst-a-minute 120 --burst-minutes 1'", []),
    "ocr": ("Scans, beside the programs tesseract and ocrmypdf", "bench-ocr", "bench-ocr OCR_FLAGS='--only speed --rounds 1 --pages 4'", [
        Figure("pages a minute, beside `tesseract` on the same pages upright", N + " times as fast as floor", "times", 0.95, beside="tesseract"),
        Figure("pages a minute, beside `ocrmypdf`", N + " times as fast as plain", "times", 2, beside="ocrmypdf")]),
    "pdf": ("Text of PDFs, beside pdftotext", "bench-pdf", "bench-pdf", [
        Figure("files a second, beside `pdftotext` started for each file", "ratio " + N, "times", 1, beside="pdftotext")]),
    "peers": ("Mail into a case with an answer, beside Request Tracker and Roundup", "bench-peers", "bench-peers PEERS_FLAGS='--messages 20 --traced 5'", [
        Figure("messages a second, beside Request Tracker", r"^\| Request Tracker.*\| " + N + r" \(bar", "times", 50, beside="Request Tracker"),
        Figure("memory (PSS), beside Request Tracker: one part of", r"^\| Request Tracker.*\| 1/" + N, "", 10, beside="Request Tracker"),
        Figure("messages a second, beside Roundup by pipe", r"^\| Roundup, a process a message.*\| " + N + r" \(bar", "times", 50, beside="Roundup"),
        Figure("messages a second, beside Roundup over a mailbox", r"^\| Roundup, one process a mailbox.*\| " + N + r" \(bar", "times", 50, beside="Roundup"),
        Figure("memory (PSS), beside Roundup over a mailbox: one part of", r"^\| Roundup, one process a mailbox.*\| 1/" + N, "", 10, beside="Roundup")]),
    "soak": ("72 simulated hours with faults", "soak", "soak SOAK_HOURS=2 SOAK_SPEED=720", [
        Figure("checks that failed", r"(?s)(\d+) of \d+ checks failed", "", 0.5, most=True, beside="none may")]),
}


def machine():
    def of(path, pattern):
        found = re.search(pattern, Path(path).read_text())
        return found.group(1).strip() if found else "?"
    disk = subprocess.run(["df", "--output=fstype,size", "-h", ROOT], capture_output=True, text=True).stdout.split("\n")[1].split()
    release = of("/etc/os-release", r'PRETTY_NAME="(.*)"')
    return (f"{of('/proc/cpuinfo', r'model name.*: (.*)')}, {os.cpu_count()} cores, {int(of('/proc/meminfo', r'MemTotal: +([0-9]+)')) // 1024**2} GiB; "
            f"disk {disk[0]}, {disk[1]}, {syncs_a_second():.0f} syncs a second (4 kB written and fsynced, one after the other); {release}, Linux {platform.release()}")


def syncs_a_second(seconds=1.0):
    path = ROOT / "target/.sync"
    path.parent.mkdir(exist_ok=True)
    count, began = 0, time.monotonic()
    with open(path, "wb", buffering=0) as file:
        while time.monotonic() - began < seconds:
            file.write(bytes(4096))
            os.fsync(file.fileno())
            count += 1
    path.unlink()
    return count / (time.monotonic() - began)


def versions():
    said = []
    for command in (["rustc", "--version"], ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", "dovecot-imapd", "exim4-daemon-light", "tesseract-ocr", "ocrmypdf",
                                             "poppler-utils", "request-tracker5", "postgresql-15"]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        said += done.stdout.strip().split("\n")
    return ", ".join(line for line in said if line and not line.endswith(" "))


def commit():
    def git(*words):
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    changed = " with changes that are not committed" if git("status", "--porcelain", "--", "src", "rules", "templates", "Cargo.lock") else ""
    return git("rev-parse", "--short=10", "HEAD") + changed


def ran(name, small):
    _, whole, little, _ = BENCHES[name]
    command = f"make {little if small else whole}"
    print(f"\n== {command}", flush=True)
    began = time.time()
    said = ""
    process = subprocess.Popen(["sh", "-c", command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    for line in process.stdout:
        print(line, end="", flush=True)
        said += line
    return {"command": command, "said": said, "status": process.wait(PATIENCE), "seconds": time.time() - began, "commit": commit(),
            "at": time.strftime("%Y-%m-%d %H:%M", time.gmtime(began)), "load": os.getloadavg()[2], "small": small}


# What cargo, apt and make say of themselves.
NOISE = re.compile(r"^\s*(Benchmarking|Compiling|Finished|Running|Fresh|Building|warning:|cargo |python3 |missing=|make\b|round \d|Blocking|Downloaded|Downloading|\(Reading database|Preparing to|Unpacking|"
                   r"Setting up|Processing triggers|Get:|Hit:|Ign:|Fetched|Selecting|Reading package|Building dependency|Reading state|invoke-rc|Created symlink)")


def page(kept):
    small = any(one["small"] for one in kept.values())
    lines = ["# How fast, how much", "",
             "Written by `make bench` (benches/all.py); every figure is that of the command beside it, which anybody can run.", ""]
    if small:
        lines += ["**Some of these runs were small ones that only prove that each benchmark runs: those figures, marked with a star, are no measurements.**", ""]
    lines += [f"Machine: {machine()}.", "", f"Versions: {versions()}.", "",
              "What `cargo bench` times (words, judging, inner parts, letters, latency) is built without LTO, which would take ten minutes for each; the "
              "program that is installed, which all others time, with it.", "",
              "A ratio is the figure divided by its bar; where the figure is itself a ratio to another program, that program is named.", "",
              "| what | figure | beside | ratio | held | command |", "| --- | ---: | --- | ---: | --- | --- |"]
    for name, (title, whole, _, figures) in BENCHES.items():
        one = kept.get(name)
        if not one:
            lines.append(f"| {title} | not run | – | – | – | `make {whole}` |")
            continue
        if one["status"]:
            last = next((line.strip() for line in reversed(one["said"].splitlines()) if line.strip() and not line.startswith("make")), "it says nothing")
            lines.append(f"| {title} | **ended with status {one['status']}**: {last[:160].replace('|', '/')} | – | – | – | `{one['command']}` |")
        for figure in figures:
            row = figure.row(one["said"], one["command"])
            if row[1] == "not told" and one["status"]:
                continue
            row[1] += " \\*" if one["small"] else ""
            lines.append("| " + " | ".join(row) + " |")
    lines += ["", "## What each printed", ""]
    for name, (title, whole, _, _) in BENCHES.items():
        one = kept.get(name)
        if not one:
            continue
        told = [line.rstrip()[:WIDE] for line in one["said"].splitlines() if line.strip() and not NOISE.match(line)]
        words = "\n".join(told[-LONG:]).replace(str(ROOT) + "/", "")
        lines += [f"### {title}", "", f"`{one['command']}`, {one['at']} UTC, commit {one['commit']}, {one['seconds'] / 60:.1f} minutes, load of the machine {one['load']:.1f}"
                  + (", a small run" if one["small"] else "") + ":", "", "```text", words, "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(BENCHES))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/performance.md")
    parser.add_argument("--keep", type=Path, default=ROOT / "target/bench.json")
    args = parser.parse_args()
    kept = json.loads(args.keep.read_text()) if args.keep.exists() else {}
    for name in args.only.split(",") if args.only else []:
        kept[name] = ran(name, args.small)
        args.keep.parent.mkdir(exist_ok=True)
        args.keep.write_text(json.dumps(kept, indent=1))
        # Written after each: what stops the row leaves the page of what was measured.
        args.out.write_text(page(kept))
    text = page(kept)
    args.out.write_text(text)
    print("\n" + text.split("## What each printed")[0])
    sys.exit(1 if any(one["status"] for one in kept.values()) else 0)


if __name__ == "__main__":
    main()
