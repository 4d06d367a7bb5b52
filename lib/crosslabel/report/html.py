"""The few pieces of HTML that reports are made of; every text is escaped here or by the caller."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
.subtitle, footer, figcaption, caption { opacity: .75; } footer { margin-top: 3rem; font-size: .85rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .92rem; display: block; overflow-x: auto; }
caption { text-align: left; padding-bottom: .4rem; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } thead th { background: var(--soft); }
figure { margin: 1rem 0; } .gallery > div { display: flex; flex-wrap: wrap; gap: .6rem; }
.gallery figure { margin: 0; font-size: .8rem; overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; background: white; }
@media print { body { max-width: none; margin: 0; } h2 { break-after: avoid; } figure, table { break-inside: avoid; } }
""".strip()


def page(title: str, subtitle: str, sections: Sequence[str], footer: str) -> str:
    """A whole page from finished sections."""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>",
            f"<h1>{escape(title)}</h1>",
            f'<p class="subtitle">{escape(subtitle)}</p>' if subtitle else "",
            *sections,
            f"<footer>{escape(footer)}</footer>\n</body>\n</html>\n",
        ]
    )


def section(heading: str, parts: Sequence[str]) -> str:
    """A heading with finished parts."""
    return "\n".join([f"<section>\n<h2>{escape(heading)}</h2>", *parts, "</section>"])


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Names beside their values."""
    lines = [f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows]
    return "\n".join(["<table>", *lines, "</table>"])


def table(headers: Sequence[str], rows: Sequence[Sequence[tuple[str, bool]]], caption: str) -> str:
    """A table of (text, is a number) cells."""
    head = "".join(f"<th>{escape(header)}</th>" for header in headers)
    body = ["<tr>" + "".join(_cell(text, number) for text, number in row) + "</tr>" for row in rows]
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return "\n".join([f"<table>{title}", f"<thead><tr>{head}</tr></thead>\n<tbody>", *body, "</tbody></table>"])


def picture(png: bytes, caption: str, width: int | None = None) -> str:
    """A PNG inside the page."""
    source = base64.b64encode(png).decode("ascii")
    size = "" if width is None else f' width="{int(width)}"'
    note = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img alt="{escape(caption, quote=True)}"{size} src="data:image/png;base64,{source}">{note}</figure>'


def gallery(pictures: Sequence[str], caption: str) -> str:
    """Finished pictures side by side, in as many rows as the page is wide for."""
    note = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return "\n".join(['<figure class="gallery"><div>', *pictures, f"</div>{note}</figure>"])


def _cell(text: str, number: bool) -> str:
    return f'<td class="number">{escape(text)}</td>' if number else f"<td>{escape(text)}</td>"
