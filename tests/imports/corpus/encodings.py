"""How the characters are written down."""

import codecs
import gzip

from tests.imports.corpus import HEAD, Odd, record

SPANISH = HEAD + "A-1,Señal de Pérez,5,2026-11-30,Llamar mañana\r\n"
READ = {"A-1": record("Señal de Pérez", 5, "2026-11-30", "Llamar mañana")}


def taken(says, data, encoding):
    return Odd(says, data, outcomes="new", holds=READ, read_as={"encoding": encoding})


FILES = [
    taken("UTF-8 as most programs write it", SPANISH.encode(), "utf-8"),
    taken("UTF-8 with its mark, as a spreadsheet saves it", SPANISH.encode("utf-8-sig"), "utf-8-sig"),
    taken("UTF-16 with its mark, as Unicode text is saved", SPANISH.encode("utf-16"), "utf-16"),
    taken("UTF-16 of the other byte order", codecs.BOM_UTF16_BE + SPANISH.encode("utf-16-be"), "utf-16"),
    taken("UTF-16 without a mark", SPANISH.encode("utf-16-le"), "utf-16-le"),
    taken("UTF-16 of the other byte order without a mark", SPANISH.encode("utf-16-be"), "utf-16-be"),
    taken("Windows-1252, as older spreadsheets save CSV", SPANISH.encode("cp1252"), "cp1252"),
    taken("Latin-1, of which Windows-1252 is more", SPANISH.encode("latin-1"), "cp1252"),
    taken("Mac Roman, as older spreadsheets on a Mac save CSV", SPANISH.encode("mac_roman"), "mac_roman"),
    taken(
        "Mac Roman with the line ends of its time",
        SPANISH.replace("\r\n", "\r").encode("mac_roman"),
        "mac_roman",
    ),
    taken("code page 850, as a spreadsheet saves CSV for MS-DOS", SPANISH.encode("cp850"), "cp850"),
    Odd(
        "typographic marks of Windows-1252 between letters are no letters of a Mac",
        (HEAD + "A-1,Don’t call—write,5,,\r\n").encode("cp1252"),
        outcomes="new",
        holds={"A-1": record("Don’t call—write")},
        read_as={"encoding": "cp1252"},
    ),
    *(
        Odd(
            f"Mac Roman with no other letter of its own than those of {name}",
            (HEAD + f"A-1,{name},5,,\r\n").encode("mac_roman"),
            outcomes="new",
            holds={"A-1": record(name)},
            read_as={"encoding": "mac_roman"},
        )
        for name in ("Corporación Norte", "Viñas y Peña", "García e Hijos", "Compañía del Río")
    ),
    Odd(
        "dashes and apostrophes of Windows-1252 before one letter more are no ending of a word",
        (HEAD + "A-1,Il l’a dit – quelqu’un – win–win – a–o – Smith’s—nobody’s – d’o,5,,\r\n").encode("cp1252"),
        outcomes="new",
        holds={"A-1": record("Il l’a dit – quelqu’un – win–win – a–o – Smith’s—nobody’s – d’o")},
        read_as={"encoding": "cp1252"},
    ),
    Odd(
        "Latin letters of the far side of Europe in UTF-8",
        HEAD + "A-1,Łódź – Škoda – Žluťoučký,5,,\r\n",
        outcomes="new",
        holds={"A-1": record("Łódź – Škoda – Žluťoučký")},
    ),
    Odd(
        "emoji and Chinese",
        HEAD + "A-1,桌子 🪑,5,,\r\n",
        outcomes="new",
        holds={"A-1": record("桌子 🪑")},
    ),
    Odd("UTF-32, which nobody writes", SPANISH.encode("utf-32"), refused="UTF-32"),
    Odd(
        "UTF-8 with a line of another encoding pasted in",
        (HEAD + "A-1,ññññññ,5,,\r\n").encode() + "A-2,Señal,6,,\r\n".encode("cp1252"),
        refused="mixes UTF-8 with another encoding",
    ),
    Odd(
        "a mark that says UTF-8 before bytes that are not",
        codecs.BOM_UTF8 + SPANISH.encode("cp1252"),
        refused="says it is UTF-8-SIG, but holds bytes that are not",
    ),
    Odd(
        "bytes that no encoding we know has",
        HEAD.encode() + b"A-1,Cha\x81irs,5,,\r\n",
        refused="neither UTF-8 nor Windows-1252 text",
    ),
    Odd(
        "two files with marks put one after the other",
        codecs.BOM_UTF8 + (HEAD + "A-1,Chairs,5,,\r\n").encode() + codecs.BOM_UTF8 + b"A-2,Desks,6,,\r\n",
        outcomes="new new",
        holds={"A-2": record("Desks", 6)},
    ),
    Odd(
        "cells with invisible characters around them, as web pages give them",
        HEAD + "\u200bA-1\u200b,\u2060Chairs\u00a0,5\u200e,\u200f2026-11-30,\ufeff\r\n",
        outcomes="new",
        holds={"A-1": record("Chairs", 5, "2026-11-30", "")},
    ),
    Odd("NUL bytes in the middle of text", HEAD.encode() + b"A-1,Cha\x00irs,5,,\r\n", refused="NUL bytes"),
    Odd(
        "a control character in a name",
        HEAD + "A-1,Cha\x07irs,5,,\r\n",
        outcomes="failed",
        reasons={2: "Opportunity Name “Cha�irs” holds a control character. Type it again."},
    ),
    Odd(
        "the end-of-file character of MS-DOS after the last line",
        HEAD + "A-1,Chairs,5,,\r\n\x1a",
        outcomes="new",
    ),
    Odd("a compressed file named as CSV", gzip.compress(SPANISH.encode(), mtime=0), refused="compressed (gzip)"),
]
