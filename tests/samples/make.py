#!/usr/bin/env python3
"""Makes the sample mail and scans of `bode demo` from the texts below (invented people, example.nl).

usage: make.py            writes mail/*.eml and scans/* beside this file; needs Pillow and Debian's fonts-liberation

The outcome is kept in git, so that neither the demo nor the tests need Python. Texts speak of time in durations
("drie weken geleden"), so that the samples do not grow old.
"""
import io
import random
from email.message import EmailMessage
from pathlib import Path
from PIL import Image, ImageDraw, ImageFilter, ImageFont

HERE = Path(__file__).parent
OFFICE = "klacht@ombudsman.example.nl"
FONT = "/usr/share/fonts/truetype/liberation/Liberation%s-Regular.ttf"

MAIL = {
    "01-burgerzaken": dict(
        who=("Mieke Terpstra", "mieke.terpstra@example.nl"), subject="Klacht over Burgerzaken",
        text="""Geachte ombudsman,

Vier maanden geleden heb ik bij de balie van Burgerzaken in het stadhuis van Den Haag een uittreksel aangevraagd
voor de erfenis van mijn vader. Ik ben daarna drie keer van het kastje naar de muur gestuurd. De laatste keer zei
de medewerkster aan de balie dat ik "niet zo moest zeuren".

Ik heb hierover een klacht ingediend bij de gemeente. Twee weken geleden kreeg ik een brief terug: mijn klacht was
ongegrond, omdat de medewerkster zich er niets van kon herinneren. Ik ben het daar niet mee eens. Ik voel mij niet
serieus genomen.

Met vriendelijke groet,
Mieke Terpstra
"""),
    "02-uwv": dict(
        who=("Youssef Amrani", "y.amrani@example.nl"), subject="UWV betaalt niet",
        text="""Beste ombudsman,

Ik wil een klacht indienen over het UWV. Mijn WW-uitkering is al negen weken niet betaald. Als ik het UWV bel krijg
ik elke keer een ander aan de lijn en niemand belt terug. De medewerker zei vorige week dat mijn dossier kwijt is.

Ik heb twee maanden geleden een klacht gestuurd naar het UWV en nooit antwoord gekregen.

Groeten,
Youssef Amrani
"""),
    "03-duo": dict(
        who=("Sanne Vrolijk", "sannevrolijk@example.org"), subject="terugbetalen studieschuld", html=True,
        text="""Hallo,

DUO schrijft elke maand het dubbele bedrag af voor mijn studieschuld. Ik heb DUO al vijf keer gebeld en steeds
beloven ze dat het wordt rechtgezet. Dat gebeurt niet. Ik vind dat DUO heel slordig met mij omgaat.

Een klacht bij DUO zelf heb ik nog niet ingediend.

Sanne Vrolijk
"""),
    "04-belastingdienst": dict(
        who=("Gerard Hofstede", "g.hofstede@example.nl"), subject="Blauwe envelop",
        text="""Geachte heer, mevrouw,

Ik klaag over de Belastingdienst. In mijn aangifte inkomstenbelasting is een fout gemaakt door de inspecteur. Dat
heeft hij aan de telefoon zelf toegegeven. Toch krijg ik nu een dwangbevel van de Belastingdienst in een blauwe
envelop. Ik heb daar geklaagd en zij antwoordden dat ik eerst maar moest betalen.

Hoogachtend,
G. Hofstede
"""),
    "05-gemeentebelasting": dict(
        who=("Ank Bloemendaal", "ankbloemendaal@example.nl"), subject="de belasting",
        text="""Goedemiddag,

De belastingdienst van de gemeente Den Haag blijft mij aanmaningen sturen voor de afvalstoffenheffing van een huis
waar ik al twee jaar niet meer woon. Ik heb de verhuizing doorgegeven en de gemeente heeft dat zelf bevestigd.
Kwijtschelding van gemeentelijke belastingen is ook niet behandeld.

Mijn klacht bij de gemeente ligt er nu acht weken en ik heb niets gehoord.

Ank Bloemendaal
"""),
    "06-gemengd": dict(
        who=("Dennis Koreman", "dennis.koreman@example.nl"), subject="Twee klachten: gemeente en UWV",
        text="""Beste ombudsman,

Ik heb twee klachten.

Ten eerste: de dienst SZW van de gemeente Den Haag heeft mijn aanvraag voor bijstand zoekgemaakt. Mijn
klantmanager reageert niet op mijn mails. De klacht die ik bij de gemeente heb ingediend is na twee maanden nog
niet beantwoord.

Ten tweede: het UWV heeft mij bij de herkeuring heel onbeschoft behandeld. De verzekeringsarts van het UWV luisterde
niet en zat op zijn telefoon te kijken. Daar wil ik ook over klagen.

Met vriendelijke groet,
Dennis Koreman
"""),
    "07-onduidelijk": dict(
        who=("Riet", "riet1948@example.org"), subject="zo kan het niet langer",
        text="""Ik heb nu al drie keer gebeld met de instantie en ze hangen gewoon op. Ik ben 78 en ik snap die brieven niet.
Kunt u mij helpen? Ze zeggen dat ik moet betalen maar ik weet niet waarvoor.

Riet
"""),
    "08-foto": dict(
        who=("Fatma Yildirim", "fatma.yildirim@example.nl"), subject="Klacht, zie foto van de brief",
        text="""Hallo, ik kan niet zo goed typen dus ik heb mijn brief op de foto gezet. Kunt u daar naar kijken?

Groetjes Fatma Yildirim
""",
        photo="""Fatma Yildirim
Weimarstraat 2018
2562 Den Haag

Beste ombudsman,

De parkeerwachter van de gemeente Den Haag heeft
mij een boete gegeven terwijl ik aan het uitladen was.
Hij schold mij uit waar mijn kinderen bij waren.

Ik heb vier weken geleden geklaagd bij de gemeente
maar ik heb nog geen antwoord gekregen.

Fatma Yildirim
"""),
    "09-afwezig": dict(
        who=("Hans de Graaf", "hans.degraaf@example.nl"), subject="Automatisch antwoord: Ontvangen: uw bericht",
        headers={"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"},
        text="""Ik ben met vakantie tot en met de 14e. Uw bericht wordt niet doorgestuurd. Voor dringende zaken kunt u bellen met
mijn collega.

Hans de Graaf
"""),
    "10-vervolg": dict(
        who=("Mieke Terpstra", "mieke.terpstra@example.nl"), subject="RE: Klacht over Burgerzaken", reply_to="01-burgerzaken",
        text="""Geachte ombudsman,

Nog een aanvulling op mijn klacht: de brief van de gemeente waarin staat dat mijn klacht ongegrond is, kan ik u
toesturen als u dat wilt.

Mieke Terpstra

> Vier maanden geleden heb ik bij de balie van Burgerzaken in het stadhuis van Den Haag een uittreksel aangevraagd
> voor de erfenis van mijn vader.
"""),
    "11-spoed": dict(
        who=("Kelly Wouters", "kellywouters@example.nl"), subject="SPOED ontruiming",
        text="""Help! Overmorgen word ik met mijn twee kinderen uit huis gezet. De gemeente Den Haag heeft beloofd dat er een
noodopvang zou komen maar de consulent van het wijkteam neemt de telefoon niet meer op. Ik heb geen geld voor eten.

Gisteren heb ik bij de gemeente geklaagd maar daar heb ik nu niets aan.

Kelly Wouters
"""),
    "12-nieuwsbrief": dict(
        who=("Vakblad Klachtbehandeling", "nieuwsbrief@vakblad.example.org"), subject="Nieuwsbrief: webinar klachtbehandeling",
        headers={"List-Unsubscribe": "<mailto:afmelden@vakblad.example.org>", "List-Id": "<nieuwsbrief.vakblad.example.org>",
                 "Precedence": "bulk"},
        text="""In deze nieuwsbrief: een webinar over klachtbehandeling. Meld u vandaag nog aan.

U ontvangt deze mail omdat u zich hebt aangemeld. Afmelden kan met de link onderaan.
"""),
}

SCANS = {
    "brief-leyweg.pdf": """J. Blankestijn
Loosduinsekade 2011
2571 XX  's-Gravenhage

                                        Den Haag, maandag

Aan de Gemeentelijke ombudsman
te Den Haag

Geachte mevrouw, mijnheer,

Hierbij dien ik een klacht in over de gemeente Den Haag, en wel over de afdeling die over de Wmo gaat aan de Leyweg.

Een halfjaar geleden heb ik een traplift aangevraagd. Ik ben 83 jaar en mijn knie is versleten. Er kwam een meneer van de gemeente kijken. Hij bleef vijf minuten, keek niet naar de trap en noemde mij een verwend mens. Daar ben ik erg van geschrokken.

Sindsdien heb ik niets meer gehoord over de traplift. Ik heb wel zeven keer gebeld. Elke keer zegt men dat ik word teruggebeld, en elke keer gebeurt dat niet.

Op aanraden van mijn dochter heb ik een klacht geschreven aan de gemeente. Dat is nu tien weken geleden. Ook daarop heb ik geen antwoord gekregen, zelfs geen bericht dat de brief is aangekomen.
\fIk slaap nu al maanden beneden op de bank. Mijn huisarts vindt dat dit zo niet langer kan. Het gaat mij niet alleen om de traplift. Het gaat mij erom dat je als oude vrouw zo wordt afgescheept door de gemeente waar je je hele leven hebt gewoond.

Ik hoop dat u de gemeente Den Haag kunt vragen om mij netjes te behandelen en om eindelijk een antwoord te geven.

Ik heb geen computer. U kunt mij een brief sturen.

Met hoogachting,


J. Blankestijn
""",
    "brief-uwv.tif": """T. van Oeveren
Betje Wolffstraat 1922
2533 XX Den Haag

                                        Den Haag

Geachte ombudsman,

Ik klaag over het UWV. Het UWV heeft mijn Ziektewet-uitkering stopgezet zonder mij te horen. De arts van het UWV is niet op de afspraak verschenen en het UWV zegt nu dat ik er niet was. Op mijn klacht bij het UWV kreeg ik een standaardbrief.

Kunt u het UWV hierop aanspreken?

Hoogachtend,

T. van Oeveren
""",
}


def wrap(draw_font, paragraph, width):
    line = ""
    for word in paragraph.split(" "):
        longer = f"{line} {word}" if line else word
        if line and draw_font.getlength(longer) > width:
            yield line
            line = word
        else:
            line = longer
    yield line


def page(text, seed, family="Serif", dpi=300, shade=18, tilt=0.7):
    """A typed A4 page as an office scanner gives it: slightly tilted, slightly grey, a little noise."""
    rng = random.Random(seed)
    width, height = int(8.27 * dpi), int(11.69 * dpi)
    image = Image.new("L", (width, height), 250)
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(FONT % family, int(12 * dpi / 72))
    y = dpi
    for paragraph in text.split("\n"):
        for line in wrap(font, paragraph, width - 2 * dpi):
            draw.text((dpi, y), line, font=font, fill=rng.randint(10, 40))
            y += int(12 * dpi / 72 * 1.4)
    image = image.rotate(rng.uniform(-tilt, tilt), resample=Image.BICUBIC, fillcolor=250)
    return image.filter(ImageFilter.GaussianBlur(0.6)).point(lambda v: max(0, v - shade // 2))


def photo(text):
    """A phone photo of a letter on a dark table, a little askew."""
    paper = page(text, 8, family="Sans", dpi=200)
    table = Image.new("L", (paper.width + 300, paper.height + 300), 70)
    table.paste(paper.rotate(1.5, resample=Image.BICUBIC, expand=True, fillcolor=70), (120, 120))
    out = io.BytesIO()
    table.convert("RGB").save(out, "JPEG", quality=45, dpi=(200, 200))
    return out.getvalue()


def message(name, item):
    mail = EmailMessage()
    mail["Return-Path"] = f"<{item['who'][1]}>"
    mail["From"] = "%s <%s>" % item["who"]
    mail["To"] = OFFICE
    mail["Subject"] = item["subject"]
    mail["Message-ID"] = f"<{name}@mail.example.nl>"
    if "reply_to" in item:
        mail["In-Reply-To"] = mail["References"] = f"<{item['reply_to']}@mail.example.nl>"
    for field, value in item.get("headers", {}).items():
        mail[field] = value
    if item.get("html"):
        mail.set_content("".join(f"<p>{p}</p>\n" for p in item["text"].split("\n\n")), subtype="html", charset="utf-8")
    else:
        mail.set_content(item["text"], charset="utf-8", cte="8bit")
    if "photo" in item:
        mail.add_attachment(photo(item["photo"]), maintype="image", subtype="jpeg", filename="IMG_2041.jpg")
        mail.set_boundary("=-=-bode-sample-=-=")
    return mail.as_bytes()


def main():
    (HERE / "mail").mkdir(exist_ok=True)
    (HERE / "scans").mkdir(exist_ok=True)
    for name, item in MAIL.items():
        (HERE / "mail" / f"{name}.eml").write_bytes(message(name, item))
    for name, text in SCANS.items():
        pages = [page(t, f"{name}{i}") for i, t in enumerate(text.split("\f"))]
        path = HERE / "scans" / name
        if name.endswith(".pdf"):
            pages[0].save(path, "PDF", save_all=True, append_images=pages[1:], resolution=300, quality=40)
        else:
            pages[0].convert("1", dither=Image.Dither.NONE).save(path, compression="group4", dpi=(300, 300))


main()
