#!/usr/bin/env python3
"""Recognition against its floor and its peer: pages a minute, and wrong characters, on scans of known texts.

usage: ocr.py [--rounds N] [--pages N] [--dir DIR] [--only pages|speed|errors] [--ways LIST] BODE

Makes scanned 300-dpi pages (clean, degraded, rotated by 90, 180 and 270 degrees, skewed, shaded) from the labelled
submissions of tests/samples, and reads them in turn with
  floor     the program tesseract on the same page images, upright, one thread each, two at a time
  bode      `bode extract` on the PDF of all pages
  plain     ocrmypdf --jobs 2 on that PDF
  prepared  ocrmypdf --jobs 2 --rotate-pages --deskew --clean on that PDF
Rounds are interleaved, because other work on the machine shifts absolute times: trust the ratios. Character error is
edit distance by length of the truth, blanks and line ends alike. Photos (perspective, shadow) are a file of their own.

Needs Pillow, numpy, tesseract, ocrmypdf, unpaper, and a bode built with --release. The outcome of the maker depends on
nothing but its seed.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

ROOT = Path(__file__).parent.parent
LANGUAGES = "nld+eng"
DPI = 300
SIZE = (2480, 3508)
FONTS = ["liberation/LiberationSerif-Regular", "liberation/LiberationSans-Regular", "dejavu/DejaVuSerif", "dejavu/DejaVuSans"]
CLASSES = ["clean", "degraded", "rotated", "skewed", "shaded"]


def fonts():
    found = [Path("/usr/share/fonts/truetype") / (name + ".ttf") for name in FONTS]
    return [str(path) for path in found if path.exists()]


def texts():
    with open(ROOT / "tests/samples/facets.jsonl", encoding="utf-8") as lines:
        return [json.loads(line)["body"] for line in lines]


def letter(rng, bodies, font):
    """Lines of one page: letters one after the other until it is full."""
    wide, rows = SIZE[0] - 2 * 285, 48
    chars = int(wide / font.getlength("abcdefghij klmnopqrst ") * 22)
    lines = []
    while len(lines) < rows:
        for paragraph in rng.choice(bodies).split("\n"):
            lines += textwrap.wrap(paragraph, chars) or [""]
        lines += ["", ""]
    return lines[:rows]


def typed(rng, bodies):
    """A page as a printer leaves it, and its text."""
    size = rng.choice([10.5, 11, 11, 12])
    font = ImageFont.truetype(rng.choice(fonts()), int(size * DPI / 72))
    page = Image.new("L", SIZE, 255)
    draw = ImageDraw.Draw(page)
    step = min(int(size * DPI / 72 * 1.35), (SIZE[1] - 2 * 285) // 48)
    ink = rng.randint(0, 45)
    lines = letter(rng, bodies, font)
    for row, line in enumerate(lines):
        draw.text((285, 285 + row * step), line, font=font, fill=ink)
    return page, "\n".join(lines)


def noisy(page, rng, shade=25):
    page = page.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.1)))
    noise = np.random.default_rng(rng.randint(0, 2**31)).normal(0, rng.uniform(2, 9), (page.height, page.width))
    light = np.asarray(page, dtype=np.float32) * rng.uniform(0.9, 1.0) + noise
    light -= np.linspace(0, rng.uniform(0, shade), page.width)[None, :]
    return Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))


def skewed(page, degrees):
    return page.rotate(degrees, resample=Image.BICUBIC, fillcolor=255)


def shaded(page, rng):
    """Half of the page in the shadow of a book's fold or a hand, paper yellowed to grey."""
    across = np.linspace(-1, 1, page.width)[None, :]
    down = np.linspace(-1, 1, page.height)[:, None]
    x, y, wide = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(0.3, 0.8)
    light = 1 - rng.uniform(0.35, 0.6) * np.exp(-((across - x) ** 2 + (down - y) ** 2 / 3) / wide)
    return Image.fromarray(np.clip(np.asarray(page) * light * 0.9, 0, 255).astype(np.uint8))


def photo(page, rng):
    """The sheet on a dark table, seen from aside by a telephone, in uneven light."""
    wide, high = 3024, 4032
    def near(x, y):
        return (x * wide + rng.uniform(-0.05, 0.05) * wide, y * high + rng.uniform(-0.04, 0.04) * high)
    corners = [near(0.12, 0.09), near(0.89, 0.1), near(0.93, 0.93), near(0.07, 0.92)]
    sources = [(0, 0), (page.width, 0), (page.width, page.height), (0, page.height)]
    rows, wanted = [], []
    for (x, y), (u, v) in zip(corners, sources):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        wanted += [u, v]
    warp = np.linalg.solve(np.array(rows), np.array(wanted))
    sheet = page.transform((wide, high), Image.PERSPECTIVE, warp, Image.BICUBIC, fillcolor=0)
    mask = Image.new("L", page.size, 255).transform((wide, high), Image.PERSPECTIVE, warp, Image.BICUBIC, fillcolor=0)
    grain = np.random.default_rng(rng.randint(0, 2**31))
    table = Image.fromarray(np.clip(grain.normal(70, 12, (high // 8, wide // 8)), 0, 255).astype(np.uint8))
    picture = Image.composite(sheet, table.resize((wide, high)), mask)
    return noisy(shaded(picture, rng).filter(ImageFilter.GaussianBlur(0.8)), rng)


def made(kind, number, bodies):
    """One page: as scanned, upright, its text."""
    rng = random.Random(f"{kind}-{number}")
    page, text = typed(rng, bodies)
    if kind == "clean":
        return page, page, text
    if kind == "photo":
        page = photo(page, rng)
        return page, page, text
    page = skewed(page, rng.uniform(3, 8) * rng.choice([-1, 1]) if kind == "skewed" else rng.uniform(-1.8, 1.8))
    page = noisy(shaded(page, rng) if kind == "shaded" else page, rng)
    turned = page.rotate([90, 180, 270][number % 3], expand=True) if kind == "rotated" else page
    return turned, page, text


def make(directory, count):
    """Pages in `directory`: all.pdf, photos.pdf, upright/*.jpg and truth.json."""
    if (directory / "truth.json").exists():
        return json.loads((directory / "truth.json").read_text())
    (directory / "upright").mkdir(parents=True, exist_ok=True)
    bodies, truth = texts(), {}
    for file, kinds, pages in [("all", CLASSES, count), ("photos", ["photo"], max(1, count // 5))]:
        scans, truth[file] = [], []
        for number in range(pages):
            kind = kinds[number % len(kinds)]
            scan, upright, text = made(kind, number // len(kinds), bodies)
            upright.save(directory / "upright" / f"{file}-{number:03}.jpg", quality=75, dpi=(DPI, DPI))
            scans.append(scan)
            truth[file].append([kind, text])
        scans[0].save(directory / f"{file}.pdf", save_all=True, append_images=scans[1:], resolution=DPI, quality=75)
    (directory / "truth.json").write_text(json.dumps(truth))
    return truth


def distance(one, other):
    """Edit distance (Levenshtein), by the bit-parallel way of Hyyrö (2003)."""
    if not one:
        return len(other)
    places = {}
    for at, char in enumerate(one):
        places[char] = places.get(char, 0) | 1 << at
    full, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    plus, minus, score = full, 0, len(one)
    for char in other:
        match = places.get(char, 0)
        diagonal = (((match & plus) + plus) ^ plus) | match | minus
        up = minus | ~(diagonal | plus) & full
        down = plus & diagonal
        score += bool(up & last) - bool(down & last)
        up = up << 1 | 1
        plus = (down << 1 | ~(diagonal | up)) & full
        minus = diagonal & up
    return score


def error(truth, read):
    """Share of wrong characters, blanks and line ends alike."""
    truth, read = " ".join(truth.split()), " ".join(read.split())
    return distance(truth, read) / max(1, len(truth))


def run(command, **settings):
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, **settings)
    return time.monotonic() - start, done.stdout.decode()


def floor(directory, file):
    images = sorted((directory / "upright").glob(file + "-*.jpg"))
    command = ["xargs", "-P2", "-I{}", "tesseract", "{}", "{}", "-l", LANGUAGES]
    took, _ = run(command, input="\n".join(map(str, images)).encode(), env=os.environ | {"OMP_THREAD_LIMIT": "1"})
    return took, [image.with_suffix(".jpg.txt").read_text() for image in images]


def bode(program, directory, file, pages):
    took, said = run([program, "extract", "--json", "--words", directory / (file + ".pdf")])
    read = [[] for _ in range(pages)]
    for document in json.loads(said)["documents"]:
        for page, *_, text in document["words"]:
            read[page - 1].append(text)
    return took, [" ".join(words) for words in read]


def ocrmypdf(directory, file, *flags):
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch) / "text"
        command = ["ocrmypdf", "-q", "-l", LANGUAGES, "--jobs", "2", "--sidecar", text, *flags, directory / (file + ".pdf")]
        took, _ = run([*command, Path(scratch) / "out.pdf"])
        return took, text.read_text().split("\f")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--pages", type=int, default=40)
    arguments.add_argument("--dir", type=Path, help="where the pages are made, or were")
    arguments.add_argument("--only", choices=["pages", "speed", "errors"])
    arguments.add_argument("--ways", default="floor,bode,plain,prepared", help="only these, by comma")
    arguments.add_argument("bode", nargs="?")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = chosen.dir or Path(scratch)
        truth = make(directory, chosen.pages)
        if chosen.only == "pages":
            return
        program = Path(chosen.bode).resolve() if chosen.bode else sys.exit("which bode?")
        ways = {
            "floor": lambda file: floor(directory, file),
            "bode": lambda file: bode(program, directory, file, len(truth[file])),
            "plain": lambda file: ocrmypdf(directory, file),
            "prepared": lambda file: ocrmypdf(directory, file, "--rotate-pages", "--deskew", "--clean"),
        }
        ways = {way: read for way, read in ways.items() if way in chosen.ways.split(",")}
        times, texts_read = {way: [] for way in ways}, {}
        for number in range(1 if chosen.only == "errors" else chosen.rounds):
            for way, read in ways.items():
                took, texts_read["all", way] = read("all")
                times[way].append(took)
                print(f"round {number + 1}: {way} {took:.1f} s", file=sys.stderr)
        pages = len(truth["all"])
        print(f"{pages} pages, {LANGUAGES}, two at a time; median of {len(times['bode'])} rounds")
        for way, took in times.items():
            print(f"  {way:9} {60 * pages / statistics.median(took):6.1f} pages a minute")
        for way in [way for way in ways if way != "bode" and "bode" in ways]:
            ratio = statistics.median(other / ours for other, ours in zip(times[way], times["bode"]))
            print(f"  bode is {ratio:.2f} times as fast as {way}")
        if chosen.only == "speed":
            return
        for way, read in ways.items():
            _, texts_read["photos", way] = read("photos")
        print("wrong characters, % (mean; worst page)")
        print("  " + " " * 9 + "".join(f"{way:>18}" for way in ways))
        for file, kind in [("all", kind) for kind in CLASSES] + [("photos", "photo")]:
            cells = []
            for way in ways:
                wrong = [100 * error(text, read) for (of, text), read in zip(truth[file], texts_read[file, way]) if of == kind]
                cells.append(f"{statistics.mean(wrong):8.2f} ({max(wrong):6.2f})")
            print(f"  {kind:9}" + "".join(f"{cell:>18}" for cell in cells))


if __name__ == "__main__":
    main()
