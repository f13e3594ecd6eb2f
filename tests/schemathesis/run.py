#!/usr/bin/env python3
"""schemathesis on the OpenAPI document, against a desk of its own: `make schemathesis`.

Starts `bode demo` on a free port with a store below the given directory, makes a token, waits until the samples are judged, and asks
twice: requests as the document describes them, and (--mode negative) requests that break it. Exit status: 0 when neither failed.
A header field with characters that HTTP does not know never gets as far as the program (the HTTP library refuses the request without a
body), so the second time header fields are left alone.
"""

import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def configure(bode, place, port):
    """The demo's office, with a store of its own and no bound on how fast one program may ask."""
    text = (ROOT / "config/demo.toml").read_text()
    for name in ("rules", "templates"):
        text = text.replace(f'{name} = "../{name}"', f"{name} = {json.dumps(str(ROOT / name))}")
    text = text.replace('"den-haag.toml"', json.dumps(str(ROOT / "config/den-haag.toml")))
    text = text.replace("../var/demo/", f"{place}/demo/")
    text = re.sub(r'listen = "[^"]*"', f'listen = "127.0.0.1:{port}"\napi_per_minute = 1000000', text)
    config = place / "office.toml"
    config.write_text(text)
    return [bode, "--config", str(config)]


def wait_for(base, token, daemon):
    """Until the samples are judged: nothing new for five seconds."""
    request = urllib.request.Request(f"{base}/api/v1/cases?status=all", headers={"Authorization": f"Bearer {token}"})
    last, since, end = -1, time.monotonic(), time.monotonic() + 600
    while time.monotonic() < end:
        if daemon.poll() is not None:
            sys.exit(f"the desk ended: {daemon.returncode}")
        try:
            total = json.load(urllib.request.urlopen(request, timeout=10))["total"]
        except OSError:
            total = -1
        if total != last:
            last, since = total, time.monotonic()
        elif total > 0 and time.monotonic() - since > 5:
            return total
        time.sleep(0.5)
    sys.exit("the samples were not judged within ten minutes")


def without_headers(document):
    """Leaves only parameters in paths and queries."""
    named = document["components"].get("parameters", {})

    def stays(one):
        one = named[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one
        return one["in"] != "header"

    for path in document["paths"].values():
        for part in [path, *(one for one in path.values() if isinstance(one, dict))]:
            if "parameters" in part:
                part["parameters"] = [one for one in part["parameters"] if stays(one)]


def main():
    bode, schemathesis, place = (str(pathlib.Path(one).absolute()) for one in sys.argv[1:4])
    place = pathlib.Path(place)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    command = configure(bode, place, port)
    with open(place / "log.txt", "w") as log:
        daemon = subprocess.Popen([*command, "demo"], stdout=log, stderr=log)
    try:
        while not (place / "demo/store/accounts.json").exists() and daemon.poll() is None:
            time.sleep(0.2)
        token = subprocess.run([*command, "user", "token", "schemathesis"], check=True, capture_output=True, text=True)
        token = re.search(r"bode_\S+", token.stdout).group(0)
        print(f"{wait_for(base, token, daemon)} cases at {base}", flush=True)
        document = json.loads((ROOT / "templates/desk/openapi.json").read_text())
        # Here a program asks, not a browser.
        document["security"] = [{"token": []}]
        del document["components"]["securitySchemes"]["session"]
        failed = []
        for mode in ("positive", "negative"):
            if mode == "negative":
                without_headers(document)
            (place / "openapi.json").write_text(json.dumps(document))
            asked = [schemathesis, "--config-file", str(ROOT / "tests/schemathesis/schemathesis.toml"), "run",
                     str(place / "openapi.json"), "--url", base, "-H", f"Authorization: Bearer {token}", "--mode", mode,
                     "--max-examples", "60", "--seed", "1", "--no-color", *sys.argv[4:]]
            print(f"--- {mode}", flush=True)
            # It leaves files of its own where it runs.
            if subprocess.run(asked, cwd=place).returncode != 0:
                failed.append(mode)
        if daemon.poll() is not None:
            failed.append("the desk ended")
        if failed:
            sys.exit("failed: " + ", ".join(failed))
    finally:
        daemon.terminate()
        daemon.wait(60)


main()
