#!/usr/bin/env python3
"""Fits the weights that tell whom a complaint is about, on labelled examples, and writes them into the rules.

    BODE_TEST_CORPUS=DIR cargo test --test triage_corpus amounts -- --ignored --nocapture > amounts.txt
    benches/fit_roles.py amounts.txt            # cross-validated figures, and what would be written
    benches/fit_roles.py amounts.txt --write    # the same, written to rules/judging.toml and rules/roles.toml

Every body gets a score: the sum of its evidence, each amount times its weight. Scores against each other give
chances ("nobody can be told" is one more answer). The weights are those under which the labels are likeliest,
held near where they start: a rule that the examples hardly show keeps the weight of its kind, and none changes its
sign. Figures are cross-validated by set: each file of examples, written by other hands, is judged with the weights
that the others give. Needs numpy.
"""
import collections
import json
import re
import sys
import tomllib
from pathlib import Path

import numpy as np

RULES = Path(__file__).resolve().parent.parent / "rules"
HOLD_RULE, HOLD_OTHER = 1.0, 0.3  # how firmly weights are held near where they start
# Where weights start: rules by their role, evidence without rules by name, the rest at nothing.
STARTS_AT = {"complained": 1.2, "complained-before": 0.8, "excused": -1.5, "excused-before": -1.5, "passing": -0.9, "guessed": -0.9, "employer": -0.5}
START = {"named": 0.5, "negative": 0.3, "positive": -0.4, "negative_carried": 0.15, "positive_carried": -0.1}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_odds(p):
    p = min(max(p, 1e-3), 1 - 1e-3)
    return np.log(p / (1 - p))


class Space:
    """Names of evidence and where their weights stand in one row of numbers."""

    def __init__(self, items):
        parts = [part for item in items for part in item["parts"]]
        self.bodies = sorted({name for part in parts for body in part["bodies"] for name in body["amounts"]})
        self.nobody = sorted({name for part in parts for name in part["nobody"]})
        self.at = {name: place for place, name in enumerate(self.bodies)}
        self.at_nobody = {name: place + len(self.bodies) for place, name in enumerate(self.nobody)}
        self.size = len(self.bodies) + len(self.nobody)
        self.start, self.hold = np.zeros(self.size), np.full(self.size, HOLD_OTHER)
        self.sign = np.zeros(self.size)
        rules = tomllib.loads((RULES / "roles.toml").read_text())["rule"]
        for rule in rules:
            label, value = rule["concludes"].split("=")
            place = self.at.get(f"roles/{rule['id']}")
            if label == "role" and place is not None:
                sign = 1 if value.startswith("complained") else -1
                self.start[place], self.hold[place] = STARTS_AT[value.removesuffix("-desk")], HOLD_RULE
                self.sign[place] = sign
        for name, weight in START.items():
            if name in self.at:
                self.start[self.at[name]] = weight


class Part:
    """One part of one text: a row of evidence for each body and, last, for nobody."""

    def __init__(self, space, item, part):
        gold = set(item["about"])
        self.number, self.several = part["part"], part["several"]
        self.labels = [body["label"] for body in part["bodies"]]
        self.inside = [body["inside"] for body in part["bodies"]]
        self.rows = np.zeros((len(self.labels) + 1, space.size))
        self.right = np.zeros(len(self.labels) + 1)
        named = set()
        for row, body in enumerate(part["bodies"]):
            for name, amount in body["amounts"].items():
                self.rows[row, space.at[name]] = amount
            self.right[row] = body["label"] in gold
            here = body["amounts"].get("named", 0) + body["amounts"].get("hinted", 0) > 0
            if here and self.right[row]:
                named.add(body["label"])
        for name, amount in part["nobody"].items():
            self.rows[-1, space.at_nobody[name]] = amount
        self.weight = 1.0
        if self.number == 0:
            self.right[-1] = not gold
        else:
            # A part may well be about nobody, unless it names one of two that are complained about; then it is
            # about the one that it names.
            if len(gold) > 1 and named:
                self.right[:-1] = [label in named for label in self.labels]
            self.right[-1] = not (len(gold) > 1 and named)
            self.weight = 0.5 if len(gold) > 1 else 0.3
        if not self.right.any():
            self.right[-1], self.weight = 1, self.weight / 2  # the body was not found in the text

    def chances(self, weights):
        scores = self.rows @ weights
        likely = np.exp(scores - scores.max())
        return likely / likely.sum(), scores


class Item:
    def __init__(self, space, item):
        self.file, self.id, self.office, self.scope = item["file"], item["id"], item["office"], item["scope"]
        self.about = set(item["about"])
        parts = [Part(space, item, part) for part in item["parts"] if part["bodies"]]
        self.whole = next((part for part in parts if part.number == 0), None)
        self.parts = [part for part in parts if part.number > 0]


def fit(space, items, rounds=400, rate=0.05):
    """The weights of all evidence (Adam; a few seconds)."""
    parts = [part for item in items for part in ([item.whole] if item.whole else []) + item.parts]
    rows = np.concatenate([part.rows for part in parts])
    right = np.concatenate([part.right for part in parts])
    of = np.concatenate([np.full(len(part.right), place) for place, part in enumerate(parts)])
    heavy = np.array([part.weight for part in parts])[of]
    weights, first, second = space.start.copy(), np.zeros(space.size), np.zeros(space.size)
    for step in range(1, rounds + 1):
        scores = rows @ weights
        most = np.full(len(parts), -np.inf)
        np.maximum.at(most, of, scores)
        likely = np.exp(scores - most[of])
        chance = likely / np.bincount(of, likely, len(parts))[of]
        wanted = chance * right
        wanted /= np.bincount(of, wanted, len(parts))[of] + 1e-9
        slope = rows.T @ ((chance - wanted) * heavy) + space.hold * (weights - space.start)
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope * slope
        weights -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        weights = np.where(space.sign > 0, np.maximum(weights, 0.05), weights)
        weights = np.where(space.sign < 0, np.minimum(weights, -0.05), weights)
    return weights


def pair(item, weights):
    """The likeliest two complaints, and what says that there are two; as `target.rs` does it."""
    if item.whole is None:
        return None
    several = min(item.whole.several, 3.0)
    found = []
    for part in item.parts:
        chance, _ = part.chances(weights)
        top = int(np.argmax(chance[:-1]))
        found.append((part.labels[top], part.inside[top], chance[top]))
    best = None
    for nth, one in enumerate(found):
        for other in found[nth + 1 :]:
            rank = min(one[2], other[2]) + (0.3 if one[1] != other[1] else 0)
            if one[0] != other[0] and (best is None or rank > best[0]):
                best = (rank, one, other)
    if best and min(best[1][2], best[2][2]) > 0.15:
        _, one, other = best
        more = min(max(len(item.parts) - 2, 0), 3)
        return one[:2], other[:2], np.array([1, several, 1, log_odds(min(one[2], other[2])), more, 0])
    chance, scores = item.whole.chances(weights)
    order, labels, inside = np.argsort(-chance[:-1]), item.whole.labels, item.whole.inside
    top = order[0]
    others = [place for place in order[1:] if labels[place] != labels[top]]
    if not others:
        return None
    other = next((place for place in others if inside[place] != inside[top]), others[0])
    distance = float(np.clip(scores[other] - scores[-1], -4, 6))
    return (labels[top], inside[top]), (labels[other], inside[other]), np.array([1, several, 0, 0, 0, distance])


def fit_two(items, weights):
    """The weights of [two] (Newton)."""
    rows, two = [], []
    for item in items:
        found = pair(item, weights)
        if found is None or (len(item.about) == 2 and {found[0][0], found[1][0]} != item.about):
            continue
        rows.append(found[2])
        two.append(len(item.about) == 2)
    rows, two, fitted = np.array(rows), np.array(two, float), np.zeros(6)
    for _ in range(50):
        chance = sigmoid(rows @ fitted)
        slope = rows.T @ (chance - two) + 0.3 * fitted * np.array([0, 1, 1, 1, 1, 1])
        bend = (rows * (chance * (1 - chance))[:, None]).T @ rows + 0.3 * np.eye(6)
        fitted -= np.linalg.solve(bend, slope)
    return fitted


NONE = ["always", "no_complaint", "thanks", "question", "denied", "complaint", "lodged", "not_lodged", "dated", "negative", "positive", "said", "sentences", "asked"]


def fit_none(raw):
    """The weights of [none]: no complaint at all (Newton). Machine mail is judged elsewhere."""
    raw = [item for item in raw if not item["automatic"]]
    rows = np.array([[item["parts"][0]["none"][name] for name in NONE] for item in raw])
    none = np.array([item["scope"] == "none" for item in raw], float)
    fitted, hold = np.zeros(len(NONE)), np.full(len(NONE), 0.5)
    hold[0] = 0.0
    # Short is not thankful: an empty letter has to stay a letter that nobody can tell.
    hold[NONE.index("sentences")] = 1e4
    for _ in range(50):
        chance = sigmoid(rows @ fitted)
        bend = (rows * (chance * (1 - chance))[:, None]).T @ rows + np.diag(hold) + 1e-6 * np.eye(len(NONE))
        fitted -= np.linalg.solve(bend, rows.T @ (chance - none) + hold * fitted)
    return fitted


def figures_none(raw):
    """Cross-validated: none told as a complaint, and a complaint told as none."""
    raw = [item for item in raw if not item["automatic"]]
    wrong = collections.Counter()
    for left_out in sorted({item["file"] for item in raw}):
        fitted = fit_none([item for item in raw if item["file"] != left_out])
        for item in (item for item in raw if item["file"] == left_out):
            got = sum(item["parts"][0]["none"][name] * weight for name, weight in zip(NONE, fitted)) >= 0
            if got != (item["scope"] == "none"):
                wrong[item["scope"] == "none"] += 1
                if "--errors" in sys.argv:
                    print("error none", item["id"], item["office"], item["scope"], "got none" if got else "got a complaint")
    return f"none: {wrong[True]} missed, {wrong[False]} wrongly, of {sum(item['scope'] == 'none' for item in raw)}"


def decide(item, weights, two, limits):
    """Scope and bodies, as `target.rs` decides."""
    if item.whole is None:
        return "unclear", set()
    chance, _ = item.whole.chances(weights)
    labels, inside = item.whole.labels, item.whole.inside
    in_chance = sum(chance[place] for place in range(len(labels)) if inside[place])
    top = int(np.argmax(chance[:-1]))
    about, sure = [], 0.0
    if chance[top] >= chance[-1] and labels[top] != "gemeente":  # nobody knows which
        about = [(labels[top], inside[top])]
        sure = in_chance if inside[top] else 1 - in_chance - chance[-1]
    found = pair(item, weights)
    if found is not None and sigmoid(found[2] @ two) >= limits["two_least"]:
        about, sure = [found[0], found[1]], sigmoid(found[2] @ two)
    if not about:
        return "unclear", set()
    all_inside = all(one[1] for one in about)
    scope = "in" if all_inside else "mixed" if any(one[1] for one in about) else "out"
    least = limits["two_least"] if scope == "mixed" else limits["certainty_min"]
    certain = sure >= least and (scope != "out" or in_chance <= limits["out_inside_most"])
    return (scope, {one[0] for one in about}) if certain else ("unclear", set())


def figures(cases, limits):
    """Figures of (item, weights, two)."""
    table, right, hit, extra, missed = collections.Counter(), 0, 0, 0, 0
    for item, weights, two in cases:
        scope, about = decide(item, weights, two, limits)
        table[item.scope, scope] += 1
        right += scope == item.scope
        hit, extra, missed = hit + len(about & item.about), extra + len(about - item.about), missed + len(item.about - about)
    away = table["in", "out"] + table["mixed", "out"]
    return f"scope {right / len(cases):.3f}  f1 {2 * hit / (2 * hit + extra + missed):.3f}  turned away {away}  kept {table['out', 'in']}"


def write(space, weights, two, none):
    judging = (RULES / "judging.toml").read_text()
    blocks = {
        "evidence": [(name, weights[space.at[name]]) for name in space.bodies if "/" not in name],
        "nobody": [(name, weights[space.at_nobody[name]]) for name in space.nobody],
        "two": list(zip(["always", "several", "parts", "part_chance", "more_parts", "second_chance"], two)),
        "none": list(zip(NONE, none)),
    }
    for block, numbers in blocks.items():
        for name, number in numbers:
            line = rf"(\[{block}\]\n(?:(?!\[)[^\n]*\n)*?{name} = )-?[0-9.]+"
            judging, count = re.subn(line, rf"\g<1>{number:.2f}", judging)
            if not count:
                judging = judging.replace(f"[{block}]\n", f"[{block}]\n{name} = {number:.2f}\n", 1)
    (RULES / "judging.toml").write_text(judging)
    roles = (RULES / "roles.toml").read_text()
    for name, place in space.at.items():
        if name.startswith("roles/"):
            rule = re.escape(name.removeprefix("roles/"))
            line = rf'(id = "{rule}"\nconcludes = "role=[a-z-]+"\nweight = )[0-9.]+'
            roles = re.sub(line, rf"\g<1>{abs(weights[place]):.2f}", roles)
    (RULES / "roles.toml").write_text(roles)


def main():
    lines = Path(sys.argv[1]).read_text().splitlines()
    # The test harness may print in front of the first.
    raw = [json.loads(line.split("AMOUNTS ", 1)[-1]) for line in lines if '"parts"' in line]
    none = fit_none(raw)
    print(figures_none(raw))
    print("  none:", ", ".join(f"{name} {weight:.2f}" for name, weight in zip(NONE, none)))
    raw = [item for item in raw if item["scope"] != "none"]
    space = Space(raw)
    items = [Item(space, item) for item in raw]
    judging = tomllib.loads((RULES / "judging.toml").read_text())["target"]
    limits = {"certainty_min": 0.4, "out_inside_most": judging["out_inside_most"], "two_least": judging["two_least"]}
    cases = []
    for left_out in sorted({item.file for item in items}):
        train = [item for item in items if item.file != left_out]
        weights = fit(space, train)
        two = fit_two(train, weights)
        of_set = [(item, weights, two) for item in items if item.file == left_out]
        print(f"  {left_out:12}", figures(of_set, limits))
        cases += of_set
    print("cross-validated:", figures(cases, limits))
    weights = fit(space, items)
    two = fit_two(items, weights)
    print("on all         :", figures([(item, weights, two) for item in items], limits))
    if "--limits" in sys.argv:
        for certainty in (0.35, 0.4, 0.45, 0.5):
            for most in (0.1, 0.15, 0.2, 0.25, 0.3):
                tried = limits | {"certainty_min": certainty, "out_inside_most": most}
                print(f"  certainty {certainty:.2f} out_inside_most {most:.2f}:", figures(cases, tried))
    for name, place in sorted((space.at | space.at_nobody).items(), key=lambda pair: weights[pair[1]]):
        print(f"  {name:38} {weights[place]:6.2f}")
    if "--errors" in sys.argv:
        for item, weights_, two_ in cases:
            got = decide(item, weights_, two_, limits)
            if got != (item.scope, item.about):
                print("error", item.id, item.office, item.scope, sorted(item.about), "got", got[0], sorted(got[1]))
    if "--write" in sys.argv:
        write(space, weights, two, none)


main()
