#!/usr/bin/env python3
"""A zaaksysteem for tests: the parts of the Zaken, Documenten and Catalogi API that bode uses, over TLS, in memory. Every request and every
answer is held to `contract.py`; what does not fit is answered with 400 and kept for the test to see.

server.py SETTINGS.json, with: https, http (ports), certificate, key, client_id, secret, record (a file of JSON lines, or null).
The plain port is the test's own: /test/state, /test/reset, /test/plan?at=N&what=W (the N-th POST from now), /test/all?what=W (every request until
it is told otherwise). W: a status, `hang-before` (it takes nothing and is silent), `hang-after` (it takes it and is silent), or nothing."""

import base64
import hashlib
import hmac
import json
import ssl
import sys
import threading
import time
import uuid
from datetime import date, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from contract import faults, faults_of_answer, operation

SETTINGS = json.load(open(sys.argv[1], encoding="utf-8"))
ROOT = f"https://localhost:{SETTINGS['https']}"
LOCK = threading.Lock()
RETRY_AFTER = "2"


def address(api, kind, name=None):
    return f"{ROOT}/{api}/api/v1/{kind}/{name or uuid.uuid4()}"


def fixed(name):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


class Refused(Exception):
    def __init__(self, status, code, params=(), detail=""):
        super().__init__(code)
        self.status, self.code, self.params, self.detail = status, code, list(params), detail


def catalogue():
    catalogus = address("catalogi", "catalogussen", fixed("catalogus"))
    today = date.today()

    def zaaktype(version, begins, ends, concept):
        return {
            "url": address("catalogi", "zaaktypen", fixed(f"zaaktype {version}")), "identificatie": "KLACHT", "omschrijving": "Klacht behandelen",
            "vertrouwelijkheidaanduiding": "zaakvertrouwelijk", "doel": "Een klacht", "aanleiding": "Een klacht", "indicatieInternOfExtern": "extern",
            "handelingInitiator": "indienen", "onderwerp": "klacht", "handelingBehandelaar": "behandelen", "doorlooptijd": "P6W",
            "opschortingEnAanhoudingMogelijk": False, "verlengingMogelijk": False, "publicatieIndicatie": False, "productenOfDiensten": [],
            "referentieproces": {"naam": "klacht"}, "verantwoordelijke": "ombudsman", "zaakobjecttypen": [], "catalogus": catalogus, "statustypen": [],
            "resultaattypen": [], "eigenschappen": [], "informatieobjecttypen": "", "roltypen": [], "besluittypen": [], "gerelateerdeZaaktypen": [],
            "beginGeldigheid": str(begins), "eindeGeldigheid": ends and str(ends), "versiedatum": str(begins), "concept": concept,
        }

    day = timedelta(days=1)
    types = [zaaktype(1, today - 900 * day, today - 100 * day, False), zaaktype(2, today - 100 * day, None, False), zaaktype(3, today - day, None, True)]
    now = types[1]["url"]
    statuses = [
        {"url": address("catalogi", "statustypen", fixed(name)), "omschrijving": name, "zaaktype": now, "catalogus": catalogus,
         "zaaktypeIdentificatie": "KLACHT", "volgnummer": number, "isEindstatus": last}
        for number, (name, last) in enumerate([("Ontvangen", False), ("In behandeling", False), ("Afgehandeld", True)], 1)
    ]
    results = [
        {"url": address("catalogi", "resultaattypen", fixed(name)), "zaaktype": now, "zaaktypeIdentificatie": "KLACHT", "omschrijving": name,
         "resultaattypeomschrijving": "https://referentielijsten.example.nl/1", "omschrijvingGeneriek": name,
         "selectielijstklasse": "https://selectielijst.example.nl/13.1", "besluittypeOmschrijving": [], "informatieobjecttypeOmschrijving": []}
        for name in ["Doorgezonden", "Niet in behandeling"]
    ]
    documents = [
        {"url": address("catalogi", "informatieobjecttypen", fixed(name)), "catalogus": catalogus, "omschrijving": name,
         "vertrouwelijkheidaanduiding": "zaakvertrouwelijk", "beginGeldigheid": "2020-01-01", "eindeGeldigheid": None, "concept": False, "zaaktypen": "",
         "besluittypen": [], "informatieobjectcategorie": "brief"}
        # More than a page of them.
        for name in [f"Soort {number}" for number in range(120)] + ["Klachtstuk"]
    ]
    roles = [{"url": address("catalogi", "roltypen", fixed("Klager")), "zaaktype": now, "zaaktypeIdentificatie": "KLACHT", "omschrijving": "Klager",
              "omschrijvingGeneriek": "initiator"}]
    return {"roltypen": roles, "zaaktypen": types, "statustypen": statuses, "resultaattypen": results, "informatieobjecttypen": documents}


class House:
    def __init__(self):
        self.types = catalogue()
        self.zaken, self.documents, self.links, self.results, self.statuses, self.roles = [], [], [], [], [], []
        self.violations, self.posts, self.requests, self.hung = [], 0, 0, 0
        self.plan, self.always = {}, ""


HOUSE = House()


def is_paged(all_of, query):
    size, number = 100, int(query.get("page", "1"))
    more = number * size < len(all_of)
    return {"count": len(all_of), "next": f"{ROOT}/elders?page={number + 1}" if more else None, "previous": None,
            "results": all_of[(number - 1) * size:number * size]}


def chosen(all_of, query, keys):
    return [one for one in all_of if all(one.get(key) == query[key] for key in keys if key in query)]


def find(all_of, key, value, name):
    for one in all_of:
        if one[key] == value:
            return one
    raise Refused(400, "invalid", [(name, "bad-url", "De URL gaf geen resultaat.")])


def read(path, query):
    kind, *rest = path.strip("/").split("/")
    if rest:
        for one in HOUSE.types[kind]:
            if one["url"].endswith(rest[0]):
                return one
        raise Refused(404, "not_found")
    if kind in HOUSE.types:
        found = chosen(HOUSE.types[kind], query, ["identificatie", "zaaktype", "catalogus", "omschrijving"])
        if query.get("status", "definitief") == "definitief":
            found = [one for one in found if not one.get("concept")]
        return is_paged(found, query)
    if kind == "zaakinformatieobjecten":
        return chosen(HOUSE.links, query, ["zaak", "informatieobject"])
    all_of, keys = {
        "zaken": (HOUSE.zaken, ["identificatie", "bronorganisatie"]), "statussen": (HOUSE.statuses, ["zaak", "statustype"]),
        "resultaten": (HOUSE.results, ["zaak", "resultaattype"]), "rollen": (HOUSE.roles, ["zaak", "roltype"]), "enkelvoudiginformatieobjecten": (HOUSE.documents, ["identificatie", "bronorganisatie"]),
    }[kind]
    found = chosen(all_of, query, keys)
    # A document in a list has no lock.
    return is_paged([{key: value for key, value in one.items() if key not in ("lock", "bytes")} for one in found], query)


def make(path, body):
    kind, now = path.strip("/"), datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    name = str(uuid.uuid4())
    if kind == "zaken":
        zaaktype = find(HOUSE.types["zaaktypen"], "url", body["zaaktype"], "zaaktype")
        if zaaktype["concept"]:
            raise Refused(400, "invalid", [("zaaktype", "not-published", "Het zaaktype is nog een concept.")])
        if chosen(HOUSE.zaken, body, ["identificatie", "bronorganisatie"]):
            raise Refused(400, "invalid", [("identificatie", "identificatie-niet-uniek", "Deze identificatie bestaat al.")])
        made = {**body, "url": address("zaken", "zaken", name), "uuid": name, "einddatum": None, "betalingsindicatieWeergave": "", "deelzaken": [],
                "eigenschappen": [], "rollen": [], "status": None, "zaakinformatieobjecten": [], "zaakobjecten": [], "resultaat": None,
                "registratiedatum": str(date.today())}
        HOUSE.zaken.append(made)
        return made
    if kind == "enkelvoudiginformatieobjecten":
        find(HOUSE.types["informatieobjecttypen"], "url", body["informatieobjecttype"], "informatieobjecttype")
        if chosen(HOUSE.documents, body, ["identificatie", "bronorganisatie"]):
            raise Refused(400, "invalid", [("identificatie", "identificatie-niet-uniek", "Deze identificatie bestaat al.")])
        content = base64.b64decode(body["inhoud"])
        if len(content) != body["bestandsomvang"]:
            raise Refused(400, "invalid", [("inhoud", "file-size", "De omvang klopt niet.")])
        if hashlib.sha256(content).hexdigest() != body["integriteit"]["waarde"]:
            raise Refused(400, "invalid", [("integriteit", "invalid", "Het controlegetal klopt niet.")])
        made = {**body, "url": address("documenten", kind, name), "versie": 1, "beginRegistratie": now, "locked": False, "lock": "", "bestandsdelen": []}
        made["inhoud"] = made["url"] + "/download"
        HOUSE.documents.append({**made, "bytes": body["inhoud"]})
        return made
    zaak = find(HOUSE.zaken, "url", body["zaak"], "zaak")
    if zaak["einddatum"]:
        raise Refused(403, "zaak-gesloten", detail="Je mag geen gegevens aanpassen van een gesloten zaak.")
    if kind == "zaakinformatieobjecten":
        find(HOUSE.documents, "url", body["informatieobject"], "informatieobject")
        if chosen(HOUSE.links, body, ["zaak", "informatieobject"]):
            raise Refused(400, "invalid", [("nonFieldErrors", "unique", "Zaak en informatieobject zijn al verbonden.")])
        made = {**body, "url": address("zaken", kind, name), "uuid": name, "aardRelatieWeergave": "Hoort bij, omgekeerd: kent", "registratiedatum": now}
        HOUSE.links.append(made)
    elif kind == "rollen":
        roltype = find(HOUSE.types["roltypen"], "url", body["roltype"], "roltype")
        made = {**body, "url": address("zaken", kind, name), "uuid": name, "omschrijving": roltype["omschrijving"],
                "omschrijvingGeneriek": roltype["omschrijvingGeneriek"], "registratiedatum": now, "statussen": []}
        HOUSE.roles.append(made)
    elif kind == "resultaten":
        find(HOUSE.types["resultaattypen"], "url", body["resultaattype"], "resultaattype")
        if zaak["resultaat"]:
            raise Refused(400, "invalid", [("zaak", "unique", "Deze zaak heeft al een resultaat.")])
        made = {**body, "url": address("zaken", kind, name), "uuid": name}
        HOUSE.results.append(made)
        zaak["resultaat"] = made["url"]
    else:
        statustype = find(HOUSE.types["statustypen"], "url", body["statustype"], "statustype")
        if statustype["isEindstatus"]:
            if not zaak["resultaat"]:
                raise Refused(400, "invalid", [("nonFieldErrors", "resultaat-does-not-exist", "De zaak heeft geen resultaat.")])
            of_zaak = [link["informatieobject"] for link in chosen(HOUSE.links, body, ["zaak"])]
            if any(one.get("indicatieGebruiksrecht") is None for one in HOUSE.documents if one["url"] in of_zaak):
                raise Refused(400, "invalid", [("nonFieldErrors", "indicatiegebruiksrecht-unset", "Er zijn documenten zonder gebruiksrecht.")])
            zaak["einddatum"] = str(date.today())
        made = {**body, "url": address("zaken", kind, name), "uuid": name, "indicatieLaatstGezetteStatus": True, "zaakinformatieobjecten": []}
        HOUSE.statuses.append(made)
        zaak["status"] = made["url"]
    return made


def is_signed(header):
    def part(text):
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    try:
        scheme, token = header.split(" ")
        head, claims, tag = token.split(".")
        wanted = hmac.new(SETTINGS["secret"].encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
        told = json.loads(part(claims))
        return (scheme == "Bearer" and json.loads(part(head))["alg"] == "HS256" and hmac.compare_digest(part(tag), wanted)
                and told["client_id"] == told["iss"] == SETTINGS["client_id"] and abs(told["iat"] - time.time()) < 300
                and bool(told["user_id"]) and bool(told["user_representation"]))
    except (ValueError, KeyError):
        return False


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, answer, more=()):
        body = json.dumps(answer).encode()
        self.send_response(status)
        kind = "application/json" if status < 400 else "application/problem+json"
        for name, value in [("Content-Type", kind), ("Content-Length", str(len(body))), ("API-version", "1.5.0"), *more]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Zaaksysteem(Handler):
    def answered(self, method):
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        api, _, path = parts.path.strip("/").partition("/api/v1")
        with LOCK:
            HOUSE.requests += 1
            HOUSE.posts += method == "POST"
            what = HOUSE.always or (HOUSE.plan.pop(HOUSE.posts, "") if method == "POST" else "")
        if what == "hang-before":
            return self.hang()
        try:
            if what.isdigit():
                raise Refused(int(what), "planned")
            status, answer = self.done(method, api, path, query, raw)
        except Refused as refused:
            params = [{"name": name, "code": code, "reason": reason} for name, code, reason in refused.params]
            status = refused.status
            answer = {"code": refused.code, "title": "Verzoek geweigerd", "status": status, "detail": refused.detail, "instance": "urn:uuid:1",
                      "invalidParams": params}
            with LOCK:
                HOUSE.violations += [f"our own problem: {fault}" for fault in faults("Fout", answer, False)]
        with LOCK:
            if SETTINGS.get("record"):
                entry = {"api": api, "method": method, "path": path, "query": query, "headers": {key.lower(): value for key, value in self.headers.items()},
                         "body": json.loads(raw) if raw else None, "status": status, "answer": answer}
                with open(SETTINGS["record"], "a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")
        if what == "hang-after":
            return self.hang()
        self.send(status, answer, [("Retry-After", RETRY_AFTER)] if status in (429, 503) else [])

    def hang(self):
        with LOCK:
            HOUSE.hung += 1
        # Until the other side hangs up.
        self.connection.settimeout(600)
        try:
            self.connection.recv(1)
        except OSError:
            pass
        self.close_connection = True

    def done(self, method, api, path, query, raw):
        if not is_signed(self.headers.get("authorization") or ""):
            raise Refused(403, "not_authenticated", detail="De JWT klopt niet.")
        try:
            what = operation(api, method, path)
        except KeyError:
            what = None
        if what is None:
            HOUSE.violations.append(f"{method} {api}{path}: no operation of the contract")
            raise Refused(404, "not_found")
        wrong = [(name, "unknown", "no such question") for name in query if name not in what["query"]]
        for name, allowed in what["headers"].items():
            if self.headers.get(name) not in allowed:
                wrong.append((name, "header", f"{self.headers.get(name)} is none of {allowed}"))
        body = None
        if "takes" in what:
            body = json.loads(raw)
            wrong += faults(what["takes"], body, True)
        if wrong:
            with LOCK:
                HOUSE.violations += [f"{method} {api}{path}: {fault}" for fault in wrong]
            raise Refused(400, "invalid", wrong)
        with LOCK:
            answer = make(path, body) if method == "POST" else read(path, query)
            HOUSE.violations += [f"our own answer to {method} {api}{path}: {fault}" for fault in faults_of_answer(what, answer)]
        return what["status"], answer

    def do_GET(self):
        self.answered("GET")

    def do_POST(self):
        self.answered("POST")


class Control(Handler):
    def do_GET(self):
        global HOUSE
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        with LOCK:
            if parts.path == "/test/reset":
                HOUSE = House()
            elif parts.path == "/test/plan":
                HOUSE.plan[HOUSE.posts + int(query["at"])] = query["what"]
            elif parts.path == "/test/all":
                HOUSE.always = query.get("what", "")
            elif parts.path == "/test/zaaktypen":
                for one in HOUSE.types["zaaktypen"]:
                    one["identificatie"] = query["identificatie"]
            state = {key: getattr(HOUSE, key) for key in ("zaken", "documents", "links", "results", "statuses", "roles", "violations", "posts", "requests", "hung")}
            names = {one["url"]: one["omschrijving"] for kind in HOUSE.types.values() for one in kind}
        self.send(200, {**state, "names": names})


def main():
    https = ThreadingHTTPServer(("127.0.0.1", SETTINGS["https"]), Zaaksysteem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(SETTINGS["certificate"], SETTINGS["key"])
    # The handshake in the thread of the connection, so that one that never comes stops nobody.
    https.socket = context.wrap_socket(https.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=https.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", SETTINGS["http"]), Control).serve_forever()


main()
