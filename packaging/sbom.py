#!/usr/bin/env python3
"""The bill of materials of the program (CycloneDX 1.5, JSON), from Cargo.lock and what cargo knows: the same file for the same
tree, whoever makes it and when.

    packaging/sbom.py > bode.cdx.json

Holds every crate that is built into the program or runs while it is built (scope: excluded), with version, licence,
digest and what it depends on. Not the libraries of the system (Tesseract, Leptonica, libc): `dpkg -l` tells those.
"""
import hashlib
import json
import subprocess
import sys
import tomllib
import uuid
from pathlib import Path

PLATFORM = "x86_64-unknown-linux-gnu"


def metadata():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", PLATFORM]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def reached(nodes, root):
    """Package id to whether it is in the program (True) or only in its building (False)."""
    found, todo = {}, [(root, True)]
    while todo:
        one, inside = todo.pop()
        if found.get(one, not inside) >= inside and one in found:
            continue
        found[one] = inside
        for dependency in nodes[one]["deps"]:
            kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
            if None in kinds:
                todo.append((dependency["pkg"], inside))
            elif "build" in kinds:
                todo.append((dependency["pkg"], False))
    return found


def licence(package):
    expression = (package["license"] or "").replace("/", " OR ")
    return [{"expression": " ".join(expression.split())}] if expression else []


def main():
    lock_text = Path("Cargo.lock").read_bytes()
    digests = {(one["name"], one["version"]): one.get("checksum") for one in tomllib.loads(lock_text.decode())["package"]}
    data = metadata()
    root, nodes = data["resolve"]["root"], {node["id"]: node for node in data["resolve"]["nodes"]}
    packages = {package["id"]: package for package in data["packages"]}
    found = reached(nodes, root)
    purl = lambda one: f"pkg:cargo/{packages[one]['name']}@{packages[one]['version']}"

    def component(one):
        package = packages[one]
        entry = {
            "type": "application" if one == root else "library",
            "bom-ref": purl(one),
            "name": package["name"],
            "version": package["version"],
            "scope": "required" if found[one] else "excluded",
            "licenses": licence(package),
            "purl": purl(one),
        }
        if digest := digests.get((package["name"], package["version"])):
            entry["hashes"] = [{"alg": "SHA-256", "content": digest}]
        if one == root:
            del entry["scope"]
        return entry

    others = sorted((one for one in found if one != root), key=purl)
    depends = lambda one: sorted({purl(dep["pkg"]) for dep in nodes[one]["deps"] if dep["pkg"] in found and any(
        kind["kind"] in (None, "build") for kind in dep["dep_kinds"])})
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(lock_text).hexdigest())}",
        "version": 1,
        "metadata": {"component": component(root)},
        "components": [component(one) for one in others],
        "dependencies": [{"ref": purl(one), "dependsOn": depends(one)} for one in [root, *others]],
    }
    json.dump(bill, sys.stdout, indent=1, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
