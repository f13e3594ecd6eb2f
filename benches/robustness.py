#!/usr/bin/env python3
"""Runs `bode extract --json` over every file of some folders and prints what became of them.

    python3 benches/robustness.py [--bode target/release/bode] [--limit 700] [--only pdf,tif] FOLDER…

Each folder is one row: files, read, partly read, each problem by its kind, workers lost, the slowest file, the
greatest memory of a worker. A file is `read` when it gave text and no problem, `partly` when it gave both. A file
that gave neither, a program that ended badly and one that took longer than the limit are faults: each is
named below the table, and the exit code is 1. One process a file, as many at a time as there are cores, so
that a time and a memory belong to one file. Details of every file go to --details, one JSON object a line.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

WORKER_LOST = "a reading worker was lost"
ANSWER_BYTES_MAX = 256 * 1024 * 1024


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folders", nargs="+", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--bode", default="target/release/bode", help="the program")
    parser.add_argument("--limit", type=float, default=700.0, help="seconds that one file may take")
    parser.add_argument("--only", default="", help="endings, with commas between them; default: every file")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="files at the same time")
    parser.add_argument("--most", type=int, default=0, help="at most this many files of a folder, spread over it")
    parser.add_argument("--details", type=pathlib.Path, help="where a line for each file goes")
    return parser.parse_args()


def files_of(folder, endings, most):
    """The files below a folder in order of name; links and empty files are passed over."""
    found = sorted(
        path
        for path in ([folder] if folder.is_file() else folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.stat().st_size > 0
        and (not endings or path.suffix.lower().lstrip(".") in endings)
    )
    return found[:: max(1, -(-len(found) // most))] if most else found


def children(pid):
    """Children may have been started by any thread of the program."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    found = []
    for thread in threads:
        try:
            found += pathlib.Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
        except OSError:
            pass
    return found


def peak_kib(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return 0


def watch(process, seen, done):
    """Keeps the greatest resident memory of the workers of one program."""
    pause = 0.005
    while not done.wait(pause):
        for child in children(process.pid):
            seen[0] = max(seen[0], peak_kib(child))
        pause = min(pause * 1.5, 0.25)


def run(bode, path, limit):
    """One file: what became of it."""
    result = {"file": str(path), "bytes": path.stat().st_size, "lost": 0, "fault": None, "documents": []}
    start = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen([bode, "extract", "--json", "--", str(path)], stdout=out, stderr=complaints)
        seen, done = [0], threading.Event()
        watcher = threading.Thread(target=watch, args=(process, seen, done))
        watcher.start()
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        done.set()
        watcher.join()
        out.seek(0)
        complaints.seek(0)
        told = complaints.read().decode(errors="replace")
        lines = out.read(ANSWER_BYTES_MAX).decode(errors="replace").splitlines()
    result["seconds"] = round(time.monotonic() - start, 3)
    result["worker_kib"] = seen[0]
    result["lost"] = told.count(WORKER_LOST)
    if code is None:
        result["fault"] = f"took longer than {limit:.0f} s"
        return result
    if code != 0 or not lines:
        result["fault"] = f"exit code {code}: {told.strip()[-300:]}"
        return result
    try:
        documents = json.loads(lines[-1])["documents"]
    except (ValueError, KeyError) as error:
        result["fault"] = f"its line is no JSON: {error}"
        return result
    for n, document in enumerate(documents):
        chars = len(document["text"])
        result["documents"].append([document["media_type"], document["method"], document["problem"], chars])
        # A message without text, or what only wraps the file that follows it.
        container = document["method"] == "none" and n + 1 < len(documents)
        wraps = document["method"] in ("body", "html", "message") or container
        if not chars and not document["problem"] and not wraps:
            result["fault"] = f"{document['name']!r} has neither text nor a problem"
    if not any(chars or problem for _, _, problem, chars in result["documents"]) and not result["fault"]:
        result["fault"] = "neither text nor a problem"
    return result


def row(name, results):
    text = [any(chars for *_, chars in one["documents"]) for one in results]
    problems = [[problem for _, _, problem, _ in one["documents"] if problem] for one in results]
    kinds = collections.Counter(kind for of_one in problems for kind in set(of_one))
    slowest = max(results, key=lambda one: one["seconds"])
    return [
        name,
        len(results),
        sum(has and not of_one for has, of_one in zip(text, problems)),
        sum(bool(has and of_one) for has, of_one in zip(text, problems)),
        ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()) or "none",
        sum(one["lost"] for one in results),
        sum(one["fault"] is not None for one in results),
        f"{slowest['seconds']:.1f} s {pathlib.Path(slowest['file']).name[:40]}",
        f"{max(one['worker_kib'] for one in results) / 1024:.0f} MiB",
    ]


def main():
    options = arguments()
    endings = {ending.strip().lower() for ending in options.only.split(",") if ending.strip()}
    print("| set | files | read | partly | problems (files) | workers lost | faults | slowest | worker memory |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    everything = []
    details = options.details.open("w") if options.details else None
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for folder in options.folders:
            paths = files_of(folder, endings, options.most)
            results = list(pool.map(lambda path: run(options.bode, path, options.limit), paths))
            if not results:
                continue
            print("| " + " | ".join(str(cell) for cell in row(folder.name, results)) + " |", flush=True)
            everything += results
            if details:
                details.writelines(json.dumps(one) + "\n" for one in results)
                details.flush()
    if len(options.folders) > 1 and everything:
        print("| " + " | ".join(str(cell) for cell in row("all", everything)) + " |")
    faults = [one for one in everything if one["fault"]]
    for one in faults:
        print(f"FAULT {one['file']}: {one['fault']}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
