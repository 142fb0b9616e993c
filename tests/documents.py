"""Files of each kind, good and bad, made here."""

import io
import zipfile
import zlib

import docx
import openpyxl
from pptx import Presentation
from pypdf import PdfReader, PdfWriter

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def pdf(
    *pages: str, stream_of=lambda text: f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode(), filters: str = ""
) -> bytes:
    """A PDF by hand: each page's content stream is `stream_of(text)`."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for n, text in enumerate(pages):
        data = stream_of(text)
        resources = f"/Resources<</Font<</F1 3 0 R>>>>/Contents {5 + 2 * n} 0 R"
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]{resources}>>".encode())
        objects.append(f"<</Length {len(data)}{filters}>>stream\n".encode() + data + b"\nendstream")
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, item in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + item + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer<</Size {len(objects) + 1}/Root 1 0 R>>\n"
    return bytes(out) + f"{end}startxref\n{len(out)}\n%%EOF".encode()


def bomb_pdf() -> bytes:
    """Two deflations over 300 MB of nothing, in a few hundred bytes."""
    inner = zlib.compressobj(9)
    piece = b" " * 10_000_000
    once = b"".join(inner.compress(piece) for _ in range(30)) + inner.flush()
    return pdf("x", stream_of=lambda _: zlib.compress(once, 9), filters="/Filter[/FlateDecode/FlateDecode]")


def slow_pdf() -> bytes:
    """A content stream that keeps a parser busy for far longer than anybody waits."""
    body = b"BT /F1 12 Tf " + b"(a) Tj " * 1_000_000 + b"ET"
    return pdf("x", stream_of=lambda _: zlib.compress(body, 9), filters="/Filter/FlateDecode")


def encrypted_pdf() -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("A secret."))))
    writer.encrypt("password", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def bomb_docx() -> bytes:
    """A DOCX whose text unpacks to 300 MB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"a" * 300_000_000)
    return out.getvalue()


def entities_docx() -> bytes:
    """A DOCX whose XML is a billion laughs."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    document = f'<!DOCTYPE d [<!ENTITY l0 "lol">{entities}]><d>&l9;</d>'
    good, out = zipfile.ZipFile(io.BytesIO(word_document("Good", "text"))), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in good.namelist():
            archive.writestr(name, document if name == "word/document.xml" else good.read(name))
    return out.getvalue()


def word_document(heading: str, text: str) -> bytes:
    made, out = docx.Document(), io.BytesIO()
    made.add_heading(heading, 1)
    made.add_paragraph(text)
    table = made.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Left", "Right"
    made.save(out)
    return out.getvalue()


def presentation(title: str, body: str) -> bytes:
    made, out = Presentation(), io.BytesIO()
    for number in range(2):
        slide = made.slides.add_slide(made.slide_layouts[1])
        slide.shapes.title.text = f"{title} {number + 1}"
        slide.placeholders[1].text = body if number else "Nothing yet."
    made.save(out)
    return out.getvalue()


def workbook(*rows: tuple) -> bytes:
    made, out = openpyxl.Workbook(), io.BytesIO()
    made.active.title = "Prices"
    for row in rows:
        made.active.append(row)
    made.save(out)
    return out.getvalue()
