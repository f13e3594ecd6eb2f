"""What the ZGW standard asks of the requests that bode makes and of the answers that it reads, in our own words: paths, methods, header fields,
query, properties with their bounds. Facts of the Zaken API 1.5, the Documenten API 1.5 and the Catalogi API 1.3; only operations that we use.
`make zgw-docs` holds the recorded traffic of the tests against the published documents themselves."""

import base64
import re
import uuid
from datetime import date, datetime
from urllib.parse import urlparse

CONFIDENTIAL = ["openbaar", "beperkt_openbaar", "intern", "zaakvertrouwelijk", "vertrouwelijk", "confidentieel", "geheim", "zeer_geheim"]


def text(most=None, least=None, **more):
    return {"type": str, "most": most, "least": least, **more}


def url(most=1000, **more):
    return {"type": str, "most": most, "form": "uri", **more}


def day(**more):
    return {"type": str, "form": "date", **more}


def moment(**more):
    return {"type": str, "form": "date-time", **more}


def many(of, **more):
    return {"type": list, "of": of, **more}


# `needed`: in a request; `ours`: the server alone gives it, and always does. An answer has what is needed and what is ours.
OURS = {"url": url(ours=True), "uuid": text(ours=True, form="uuid")}

OBJECTS = {
    "Zaak": {
        **OURS,
        "identificatie": text(40),
        "bronorganisatie": text(9, needed=True),
        "omschrijving": text(80),
        "toelichting": text(1000),
        "zaaktype": url(needed=True),
        "registratiedatum": day(),
        "verantwoordelijkeOrganisatie": text(9, needed=True),
        "startdatum": day(needed=True),
        "einddatum": day(ours=True, null=True),
        "vertrouwelijkheidaanduiding": text(among=CONFIDENTIAL),
        "betalingsindicatieWeergave": text(ours=True),
        "deelzaken": many(url(), ours=True),
        "eigenschappen": many(url(), ours=True),
        "rollen": many(url(), ours=True),
        "status": url(ours=True, null=True),
        "zaakinformatieobjecten": many(url(), ours=True),
        "zaakobjecten": many(url(), ours=True),
        "resultaat": url(ours=True, null=True),
    },
    "Status": {
        **OURS,
        "zaak": url(needed=True),
        "statustype": url(needed=True),
        "datumStatusGezet": moment(needed=True),
        "statustoelichting": text(1000),
        "indicatieLaatstGezetteStatus": {"type": bool, "ours": True},
        "zaakinformatieobjecten": many(url(), ours=True),
    },
    "Resultaat": {**OURS, "zaak": url(needed=True), "resultaattype": url(needed=True), "toelichting": text(1000)},
    "ZaakInformatieObject": {
        **OURS,
        "zaak": url(needed=True),
        "informatieobject": url(needed=True),
        "aardRelatieWeergave": text(ours=True, among=["Hoort bij, omgekeerd: kent", "Legt vast, omgekeerd: kan vastgelegd zijn als"]),
        "titel": text(200),
        "beschrijving": text(),
        "registratiedatum": moment(ours=True),
    },
    "Rol": {
        **OURS,
        "zaak": url(needed=True),
        "betrokkene": url(),
        "betrokkeneType": text(needed=True, among=["natuurlijk_persoon", "niet_natuurlijk_persoon", "vestiging", "organisatorische_eenheid", "medewerker"]),
        "afwijkendeNaamBetrokkene": text(625),
        "roltype": url(needed=True),
        "omschrijving": text(ours=True),
        "omschrijvingGeneriek": text(ours=True),
        "roltoelichting": text(1000, needed=True),
        "registratiedatum": moment(ours=True),
        "statussen": many(url(), ours=True),
        "betrokkeneIdentificatie": {"type": dict, "object": "Natuurlijk persoon"},
    },
    "Natuurlijk persoon": {
        "inpBsn": text(9),
        "geslachtsnaam": text(200),
        "voorvoegselGeslachtsnaam": text(80),
        "voorletters": text(20),
        "voornamen": text(200),
    },
    "Integriteit": {
        "algoritme": text(needed=True, among=["crc_16", "crc_32", "crc_64", "md5", "sha_1", "sha_256", "sha_512", "sha_3"]),
        "waarde": text(128, 1, needed=True),
        "datum": day(needed=True),
    },
    "Informatieobject": {
        "url": url(ours=True),
        "identificatie": text(40),
        "bronorganisatie": text(9, 1, needed=True),
        "creatiedatum": day(needed=True),
        "titel": text(200, 1, needed=True),
        "vertrouwelijkheidaanduiding": text(among=CONFIDENTIAL + [""]),
        "auteur": text(200, 1, needed=True),
        "status": text(among=["in_bewerking", "ter_vaststelling", "definitief", "gearchiveerd", ""]),
        "formaat": text(255),
        "taal": text(3, 3, needed=True),
        "bestandsnaam": text(255),
        # Bytes in a request, the address of the bytes in an answer.
        "inhoud": text(form="byte", null=True, gives=url()),
        "bestandsomvang": {"type": int, "null": True},
        "beschrijving": text(1000),
        "ontvangstdatum": day(null=True),
        "verzenddatum": day(null=True),
        "indicatieGebruiksrecht": {"type": bool, "null": True},
        "integriteit": {"type": dict, "object": "Integriteit", "null": True},
        "informatieobjecttype": url(200, needed=True),
        "versie": {"type": int, "ours": True},
        "beginRegistratie": moment(ours=True),
        "locked": {"type": bool, "ours": True},
        "lock": text(only_made=True),
        "bestandsdelen": many({"type": dict}, ours=True),
    },
    "ZaakType": {
        "url": url(ours=True),
        "identificatie": text(50, needed=True),
        "omschrijving": text(80, needed=True),
        "vertrouwelijkheidaanduiding": text(needed=True, among=CONFIDENTIAL),
        "doel": text(needed=True),
        "aanleiding": text(needed=True),
        "indicatieInternOfExtern": text(needed=True, among=["intern", "extern"]),
        "handelingInitiator": text(20, needed=True),
        "onderwerp": text(80, needed=True),
        "handelingBehandelaar": text(20, needed=True),
        "doorlooptijd": text(needed=True),
        "opschortingEnAanhoudingMogelijk": {"type": bool, "needed": True},
        "verlengingMogelijk": {"type": bool, "needed": True},
        "publicatieIndicatie": {"type": bool, "needed": True},
        "productenOfDiensten": many(url(), needed=True),
        "referentieproces": {"type": dict, "needed": True},
        "verantwoordelijke": text(50, needed=True),
        "zaakobjecttypen": many(url(), ours=True),
        "catalogus": url(needed=True),
        "statustypen": many(url(), ours=True),
        "resultaattypen": many(url(), ours=True),
        "eigenschappen": many(url(), ours=True),
        "informatieobjecttypen": text(ours=True),
        "roltypen": many(url(), ours=True),
        "besluittypen": many(url(), needed=True),
        "gerelateerdeZaaktypen": many({"type": dict}, needed=True),
        "beginGeldigheid": day(needed=True),
        "eindeGeldigheid": day(null=True),
        "versiedatum": day(needed=True),
        "concept": {"type": bool, "ours": True},
    },
    "InformatieObjectType": {
        "url": url(ours=True),
        "catalogus": url(needed=True),
        "omschrijving": text(80, needed=True),
        "vertrouwelijkheidaanduiding": text(needed=True, among=CONFIDENTIAL),
        "beginGeldigheid": day(needed=True),
        "eindeGeldigheid": day(null=True),
        "concept": {"type": bool, "ours": True},
        "zaaktypen": text(ours=True),
        "besluittypen": many(url(), ours=True),
        "informatieobjectcategorie": text(80, needed=True),
    },
    "StatusType": {
        "url": url(ours=True),
        "omschrijving": text(80, needed=True),
        "zaaktype": url(needed=True),
        "catalogus": url(ours=True),
        "zaaktypeIdentificatie": text(ours=True),
        "volgnummer": {"type": int, "needed": True},
        "isEindstatus": {"type": bool, "ours": True},
    },
    "RolType": {
        "url": url(ours=True),
        "zaaktype": url(needed=True),
        "zaaktypeIdentificatie": text(ours=True),
        "omschrijving": text(100, needed=True),
        "omschrijvingGeneriek": text(
            needed=True,
            among=["adviseur", "behandelaar", "belanghebbende", "beslisser", "initiator", "klantcontacter", "zaakcoordinator", "mede_initiator"],
        ),
    },
    "ResultaatType": {
        "url": url(ours=True),
        "zaaktype": url(needed=True),
        "zaaktypeIdentificatie": text(ours=True),
        "omschrijving": text(30, needed=True),
        "resultaattypeomschrijving": url(needed=True),
        "omschrijvingGeneriek": text(ours=True),
        "selectielijstklasse": url(needed=True),
        "besluittypeOmschrijving": many(text(), ours=True),
        "informatieobjecttypeOmschrijving": many(text(), ours=True),
    },
    "Fout": {
        "type": text(),
        "code": text(ours=True),
        "title": text(ours=True),
        "status": {"type": int, "ours": True},
        "detail": text(ours=True),
        "instance": text(ours=True),
        "invalidParams": many({"type": dict, "object": "Fout in veld"}, ours=True),
    },
    "Fout in veld": {"name": text(ours=True), "code": text(ours=True), "reason": text(ours=True)},
}

CRS = {"accept-crs": ["EPSG:4326"], "content-crs": ["EPSG:4326"]}
JSON = {"content-type": ["application/json"]}


def page(of, query, headers=None):
    return {"query": query + ["page"], "headers": headers or {}, "gives": of, "form": "page", "status": 200}


def make(of, headers=None):
    return {"query": [], "headers": {**JSON, **(headers or {})}, "takes": of, "gives": of, "form": "one", "status": 201}


OPERATIONS = {
    "zaken": {
        ("GET", "/zaken"): page("Zaak", ["identificatie", "bronorganisatie"], CRS),
        ("POST", "/zaken"): make("Zaak", CRS),
        ("GET", "/statussen"): page("Status", ["zaak", "statustype", "indicatieLaatstGezetteStatus"]),
        ("POST", "/statussen"): make("Status"),
        ("GET", "/resultaten"): page("Resultaat", ["zaak", "resultaattype"]),
        ("POST", "/resultaten"): make("Resultaat"),
        ("GET", "/rollen"): page("Rol", ["zaak", "roltype", "betrokkeneType"]),
        ("POST", "/rollen"): make("Rol"),
        ("GET", "/zaakinformatieobjecten"): {"query": ["zaak", "informatieobject"], "headers": {}, "gives": "ZaakInformatieObject", "form": "all", "status": 200},
        ("POST", "/zaakinformatieobjecten"): make("ZaakInformatieObject"),
    },
    "documenten": {
        ("GET", "/enkelvoudiginformatieobjecten"): page("Informatieobject", ["identificatie", "bronorganisatie"]),
        ("POST", "/enkelvoudiginformatieobjecten"): make("Informatieobject"),
    },
    "catalogi": {
        ("GET", "/zaaktypen"): page("ZaakType", ["catalogus", "identificatie", "status", "datumGeldigheid"]),
        ("GET", "/zaaktypen/{uuid}"): {"query": ["datumGeldigheid"], "headers": {}, "gives": "ZaakType", "form": "one", "status": 200},
        ("GET", "/informatieobjecttypen"): page("InformatieObjectType", ["catalogus", "status", "datumGeldigheid", "omschrijving"]),
        ("GET", "/informatieobjecttypen/{uuid}"): {"query": ["datumGeldigheid"], "headers": {}, "gives": "InformatieObjectType", "form": "one", "status": 200},
        ("GET", "/statustypen"): page("StatusType", ["zaaktype", "zaaktypeIdentificatie", "status", "datumGeldigheid"]),
        ("GET", "/roltypen"): page("RolType", ["zaaktype", "zaaktypeIdentificatie", "omschrijvingGeneriek", "status", "datumGeldigheid"]),
        ("GET", "/resultaattypen"): page("ResultaatType", ["zaaktype", "status"]),
    },
}


def operation(api, method, path):
    """The operation of a path, with its template; None: the standard has none, or we do not use it."""
    for (one, template), what in OPERATIONS[api].items():
        pattern = re.escape(template).replace(r"\{uuid\}", "[0-9a-f-]{36}")
        if one == method and re.fullmatch(pattern, path):
            return what
    return None


def is_form(form, value):
    try:
        if form == "date":
            return len(value) == 10 and bool(date.fromisoformat(value))
        if form == "date-time":
            return "T" in value and bool(datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo)
        if form == "uuid":
            return bool(uuid.UUID(value))
        if form == "uri":
            return bool(urlparse(value).scheme and urlparse(value).netloc)
        if form == "byte":
            return base64.b64decode(value, validate=True) is not None
    except ValueError:
        return False
    return True


def faults_of_value(rule, value, name, asked):
    if value is None:
        return [] if rule.get("null") else [(name, "null", "Dit veld mag niet leeg zijn.")]
    if not isinstance(value, rule["type"]) or (rule["type"] is int and isinstance(value, bool)):
        return [(name, "invalid", f"is not a {rule['type'].__name__}")]
    found = []
    if isinstance(value, str):
        if rule.get("most") is not None and len(value) > rule["most"]:
            found.append((name, "max_length", f"has more than {rule['most']} characters"))
        if rule.get("least") is not None and len(value) < rule["least"]:
            found.append((name, "min_length", f"has less than {rule['least']} characters"))
        if "among" in rule and value not in rule["among"]:
            found.append((name, "invalid_choice", f"{value} is none of {rule['among']}"))
        if "form" in rule and not is_form(rule["form"], value):
            found.append((name, "invalid", f"is no {rule['form']}"))
    if isinstance(value, list):
        for place, one in enumerate(value):
            found += faults_of_value(rule["of"], one, f"{name}.{place}", asked)
    if isinstance(value, dict) and "object" in rule:
        found += [(f"{name}.{at}", code, why) for at, code, why in faults(rule["object"], value, asked)]
    return found


def faults(object_name, value, asked):
    """What is wrong with a request (`asked`) or an answer, as (name, code, reason)."""
    if not isinstance(value, dict):
        return [("", "invalid", "is no object")]
    rules, found = OBJECTS[object_name], []
    for name in value:
        if name not in rules:
            found.append((name, "unknown", "the standard has no such field"))
        elif asked and rules[name].get("ours"):
            found.append((name, "read_only", "the server alone gives this"))
    for name, rule in rules.items():
        needed = rule.get("needed") or (not asked and rule.get("ours"))
        if name not in value:
            if needed:
                found.append((name, "required", "Dit veld is verplicht."))
            continue
        if not asked and "gives" in rule:
            rule = {**rule["gives"], "null": rule.get("null")}
        found += faults_of_value(rule, value[name], name, asked)
    return found


def faults_of_answer(what, answer):
    if what["form"] == "one":
        return faults(what["gives"], answer, False)
    if what["form"] == "page":
        if set(answer) != {"count", "next", "previous", "results"}:
            return [("", "invalid", f"a page has {sorted(answer)}")]
        answer = answer["results"]
    return [fault for one in answer for fault in faults(what["gives"], one, False)]
