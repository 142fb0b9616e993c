"""Makes the gallery: each content as a deck, drawn by LibreOffice, its slides on one sheet."""

import subprocess
import tempfile
from pathlib import Path

import pypdfium2
from PIL import Image

from agents_backend.agents.deck_outlines import outline_by_structure
from agents_backend.integrations.decks.deck import draw
from agents_backend.services.documents import read_document

FOLDER = Path(__file__).parent
DECKS = {
    "report": ("en-US", "light"),
    "tables": ("en-US", "dark"),
    "chinese": ("zh-CN", "forest"),
    "arabic": ("ar-EG", "warm"),
}
COLUMNS, WIDTH, GAP = 3, 560, 8


def rendered(name: str, folder: Path) -> list[Image.Image]:
    locale, theme = DECKS[name]
    outline = outline_by_structure(read_document((FOLDER / "content" / f"{name}.md").read_text()), locale)
    (folder / f"{name}.pptx").write_bytes(draw(outline, locale=locale, theme=theme).data)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", f"{name}.pptx"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    pages = pypdfium2.PdfDocument(folder / f"{name}.pdf")
    return [page.render(scale=WIDTH / page.get_width()).to_pil() for page in pages]


def sheet(slides: list[Image.Image]) -> Image.Image:
    width, height = slides[0].size
    rows = -(-len(slides) // COLUMNS)
    made = Image.new("RGB", (COLUMNS * (width + GAP) + GAP, rows * (height + GAP) + GAP), "#8a8f98")
    for index, slide in enumerate(slides):
        made.paste(slide, (GAP + index % COLUMNS * (width + GAP), GAP + index // COLUMNS * (height + GAP)))
    return made.quantize(128, dither=Image.Dither.NONE)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in DECKS:
            sheet(rendered(name, Path(folder))).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
