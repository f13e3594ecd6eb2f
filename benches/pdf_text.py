#!/usr/bin/env python3
"""PDF text: `bode extract` against `pdftotext` (poppler-utils), with `mutool` (mupdf-tools) as a second opinion.

    make bench-pdf [PDFS=FOLDER]      or      python3 benches/pdf_text.py [--bode PROGRAM] [FOLDER]

Takes 200 files with a text layer, spread over the folders below FOLDER; without one, 200 letters that it writes
itself. Speed: `bode extract` over all files in one run with its workers, and `pdftotext` started for each file,
two at a time, in turn for some rounds; over the files that bode reads from their text layer, since it
disbelieves the unseen layer of a scan and recognises its picture. Words: no truth is known, so a word counts as right as often as two of the
three programs have it. Prints the ratio of the rates (above 1: bode is faster), the words right of each program,
and every file in which bode found nothing and pdftotext did; with --worst also the files that differ most.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
import zlib

WORD = re.compile(r"\w+")
FILES = 200
WORDS_MIN = 20
SECONDS_MAX = 60


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--bode", default="target/release/bode")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--worst", type=int, default=0, help="name this many files in which bode has fewest right words")
    return parser.parse_args()


def words(text):
    """Words as a bag; ligatures and wide forms as a reader would type them."""
    text = unicodedata.normalize("NFKC", text).replace("\u00ad", "").lower()
    return collections.Counter(WORD.findall(text))


def said_by(command):
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.decode("utf-8", "replace")


def pdftotext(path):
    return said_by(["pdftotext", "-enc", "UTF-8", str(path), "-"])


def mutool(path):
    return said_by(["mutool", "draw", "-q", "-F", "txt", "-o", "-", str(path)])


def bode(program, paths):
    """The text of each file, in one run; the documents within a file do not count."""
    lines = said_by_lines([program, "extract", "--json", "--", *map(str, paths)])
    found = {}
    for line in lines:
        one = json.loads(line)
        documents = one.get("documents") or [{}]
        found[one["file"]] = (documents[0].get("text", ""), documents[0].get("method"))
    return found


def said_by_lines(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode("utf-8", "replace").splitlines()


def chosen(folder, count):
    """Files with a text layer, as many of each sub-folder as there are, taken in turn."""
    folders = collections.defaultdict(list)
    for path in sorted(folder.rglob("*.pdf")):
        if path.is_file() and not path.is_symlink():
            relative = path.relative_to(folder).parts
            folders[relative[0] if len(relative) > 1 else ""].append(path)
    # Spread over each folder, whose neighbours are often alike.
    spread = [sorted(paths, key=lambda path: zlib.crc32(path.name.encode())) for paths in folders.values()]
    turns = max(map(len, spread), default=0)
    in_turn = [paths[n] for n in range(turns) for paths in spread if n < len(paths)]
    found = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for start in range(0, len(in_turn), 50):
            batch = in_turn[start : start + 50]
            for path, text in zip(batch, pool.map(pdftotext, batch)):
                if sum(words(text).values()) >= WORDS_MIN:
                    found.append(path)
            if len(found) >= count:
                break
    return found[:count]


def written(folder):
    """Letters of one to four pages: three fonts, one or two columns, kerned or not, packed or not."""
    said = (
        "Geachte ombudsman ik heb een klacht over de gemeente Voorbeeldstad omdat mijn brief van maart niet is "
        "beantwoord en ik daarna vier keer heb gebeld zonder dat iemand mij terugbelde terwijl dat was beloofd"
    ).split()
    for number in range(FILES):
        pages = []
        for page in range(1 + number % 4):
            # Courier is the widest: 70 of its letters stay on the page, and what is beyond it each program cuts as it likes.
            columns = [[(60, 44), (310, 44)], [(60, 90)], [(60, 70)]][number % 3]
            stream = []
            for left, width in columns:
                line, top, at = "", 780, number * 7 + page * 13
                while top > 60:
                    word = said[at % len(said)] + (str(at) if at % 11 == 0 else "")
                    at += 1
                    if len(line) + len(word) < width:
                        line = f"{line} {word}".strip()
                        continue
                    shown = f"({line}) Tj"
                    if number % 2:
                        shown = "[" + " -20 ".join(f"({part})" for part in re.findall(".{1,5}", line)) + "] TJ"
                    stream.append(f"BT /F1 {9 + number % 3} Tf {left} {top} Td {shown} ET")
                    line, top = word, top - 14
            data = "\n".join(stream).encode("latin-1")
            pages.append(zlib.compress(data) if number % 5 else data)
        font = ["Helvetica", "Times-Roman", "Courier"][number % 3]
        packed = "/Filter /FlateDecode " if number % 5 else ""
        objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
        kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
        objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
        objects.append(f"<< /Type /Font /Subtype /Type1 /BaseFont /{font} /Encoding /WinAnsiEncoding >>".encode())
        for n, data in enumerate(pages):
            objects.append(
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * n} 0 R "
                f"/Resources << /Font << /F1 3 0 R >> >> >>".encode()
            )
            objects.append(f"<< {packed}/Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream")
        body, places = b"%PDF-1.4\n", []
        for n, one in enumerate(objects, 1):
            places.append(len(body))
            body += f"{n} 0 obj\n".encode() + one + b"\nendobj\n"
        table = "".join(f"{place:010} 00000 n \n" for place in places)
        body += (
            f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
            f"<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
        ).encode()
        (folder / f"{number:03}.pdf").write_bytes(body)


def rates(program, paths, rounds):
    """Files a second of bode and of pdftotext, a pair for each round."""
    pairs = []
    for _ in range(rounds):
        start = time.monotonic()
        said_by_lines([program, "extract", "--json", "--", *map(str, paths)])
        ours = len(paths) / (time.monotonic() - start)
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(pdftotext, paths))
        pairs.append((ours, len(paths) / (time.monotonic() - start)))
    return pairs


def f1(bag, truth):
    right = sum((bag & truth).values())
    return 2 * right / max(1, sum(bag.values()) + sum(truth.values()))


def compare(program, paths, worst):
    ours = bode(program, paths)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        theirs = dict(zip(paths, pool.map(pdftotext, paths)))
        others = dict(zip(paths, pool.map(mutool, paths)))
    names = ("bode", "pdftotext", "mutool")
    right, score, behind, empty = collections.Counter(), collections.defaultdict(list), [], []
    read = []
    for path in paths:
        text, method = ours.get(str(path), ("", None))
        if method == "text-layer":
            read.append(path)
        bags = [words(text), words(theirs[path]), words(others[path])]
        every = bags[0] | bags[1] | bags[2]
        truth = collections.Counter({w: sorted(bag[w] for bag in bags)[1] for w in every})
        truth = +truth
        for name, bag in zip(names, bags):
            right[name] += sum((bag & truth).values())
            score[name].append(f1(bag, truth))
        right["of"] += sum(truth.values())
        behind.append((sum((bags[0] & truth).values()) - sum((bags[1] & truth).values()), score["bode"][-1], path))
        if not bags[0] and bags[1]:
            empty.append(path)
    for name in names:
        mean = statistics.mean(score[name])
        print(f"{name:10} {right[name]:8} right words of {right['of']}, mean F1 {mean:.4f}")
    print(f"recognised instead of read by bode: {len(paths) - len(read)} of {len(paths)} files")
    for path in empty:
        print(f"EMPTY {path}")
    for difference, mean, path in sorted(behind, key=lambda one: one[1])[:worst]:
        print(f"F1 {mean:.3f} {difference:+6} words  {path}")
    return right["bode"] >= right["pdftotext"] and not empty, read


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as work:
        folder = options.folder
        if folder is None:
            folder = pathlib.Path(work)
            written(folder)
        paths = chosen(folder, options.files)
        print(f"{len(paths)} files with a text layer, {sum(p.stat().st_size for p in paths) / 1e6:.1f} MB")
        good, read = compare(options.bode, paths, options.worst)
        if options.rounds:
            pairs = rates(options.bode, read, options.rounds)
            ratios = [ours / theirs for ours, theirs in pairs]
            print(
                f"files a second, of {len(read)} read from their text layer: bode {statistics.median(o for o, _ in pairs):.1f}, "
                f"pdftotext {statistics.median(t for _, t in pairs):.1f}; "
                f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
