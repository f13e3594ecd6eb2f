#!/usr/bin/env python3
"""Holds what the tests said to a zaaksysteem, and what it answered, to the published OpenAPI documents of the ZGW APIs: `make zgw-docs FROM=DIR`, where DIR has
zaken.yaml, documenten.yaml and catalogi.yaml (the openapi.yaml of each standard). published.py DIR TRAFFIC.jsonl"""

import json
import re
import sys

try:
    import yaml
    from jsonschema import Draft202012Validator, FormatChecker
except ImportError as error:
    sys.exit(f"{error}: install python3-yaml and python3-jsonschema")


def plain(schema, asked):
    """A schema of OpenAPI 3.0 as JSON Schema: `nullable` becomes null, and what only one side gives is needed from that side alone."""
    if isinstance(schema, list):
        return [plain(one, asked) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: plain(value, asked) for key, value in schema.items()}
    properties = schema.get("properties")
    if isinstance(properties, dict):
        other = "readOnly" if asked else "writeOnly"
        not_theirs = {name for name, one in properties.items() if isinstance(one, dict) and one.get(other)}
        if isinstance(schema.get("required"), list):
            made["required"] = [name for name in schema["required"] if name not in not_theirs]
    if schema.get("nullable"):
        made = {"anyOf": [made, {"type": "null"}]}
    return made


def faults(document, schema, value, asked):
    whole = {"components": {"schemas": plain(document["components"]["schemas"], asked)}, **plain(schema, asked)}
    for error in Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(value):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"


def operation(document, method, path):
    for template, item in document["paths"].items():
        pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in item:
            return item.get("parameters", []) + item[method.lower()].get("parameters", []), item[method.lower()]
    return None, None


def resolved(document, one):
    while "$ref" in one:
        found = document
        for part in one["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        one = found
    return one


def look(document, said):
    parameters, what = operation(document, said["method"], said["path"])
    if what is None:
        return ["the document has no such operation"]
    found = []
    parameters = [resolved(document, one) for one in parameters]
    queries = {one["name"]: one for one in parameters if one["in"] == "query"}
    found += [f"it has no question {name}" for name in said["query"] if name not in queries]
    for name, one in queries.items():
        if name in said["query"] and one["schema"].get("type") == "string":
            found += [f"question {name}: {fault}" for fault in faults(document, one["schema"], said["query"][name], True)]
    for one in parameters:
        if one["in"] == "header" and one.get("required"):
            given = said["headers"].get(one["name"].lower())
            if given is None or given not in one["schema"].get("enum", [given]):
                found.append(f"header field {one['name']}: {given}")
    if said["body"] is not None:
        schema = what["requestBody"] if "$ref" not in what["requestBody"] else resolved(document, what["requestBody"])
        found += [f"request {fault}" for fault in faults(document, schema["content"]["application/json"]["schema"], said["body"], True)]
    answer = what["responses"].get(str(said["status"]))
    if answer is None:
        return found + [f"it has no answer {said['status']}"]
    content = resolved(document, answer).get("content", {})
    kind = "application/json" if said["status"] < 400 else "application/problem+json"
    if kind in content:
        found += [f"answer {fault}" for fault in faults(document, content[kind]["schema"], said["answer"], False)]
    return found


def main():
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = {api: yaml.load(open(f"{sys.argv[1]}/{api}.yaml", encoding="utf-8"), loader) for api in ("zaken", "documenten", "catalogi")}
    told, looked, known = {}, 0, {}
    for line in open(sys.argv[2], encoding="utf-8"):
        said = json.loads(line)
        # A fault that the test ordered is no document's.
        if isinstance(said["answer"], dict) and said["answer"].get("code") == "planned":
            continue
        # One of each kind of exchange says as much as a hundred.
        key = (said["api"], said["method"], said["path"].split("/")[1], said["status"], tuple(sorted(said["query"])), len(str(said["answer"])) > 50_000)
        known[key] = known.get(key, 0) + 1
        if known[key] > 5:
            continue
        looked += 1
        for fault in look(documents[said["api"]], said):
            told.setdefault(f"{said['method']} {said['api']}{said['path'].split('?')[0]} ({said['status']}): {fault}", said)
    for fault in told:
        print(fault)
    for api, document in documents.items():
        print(f"{api} {document['info']['version']}", end=", ")
    print(f"{sum(known.values())} exchanges of {len(known)} kinds, {looked} looked at, {len(told)} faults")
    sys.exit(1 if told or not looked else 0)


main()
