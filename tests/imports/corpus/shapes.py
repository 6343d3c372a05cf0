"""How rows and cells are told apart, and what stands around the table."""

import codecs

from tests.imports.corpus import HEAD, Odd, record

MISSING_NAME = "Opportunity Name is missing."
A_NOTE = "The row has one cell only, “%s”: it looks like a note, not like a record."
A_TOTAL = "The row begins with “%s”: it looks like a total of other rows, not like a record."
TWO = HEAD + "A-1,Chairs,5,2026-11-30,Call\r\nA-2,Desks,6,2026-12-01,Write\r\n"
READ = {
    "A-1": record("Chairs", 5, "2026-11-30", "Call"),
    "A-2": record("Desks", 6, "2026-12-01", "Write"),
}


def two(says, content, **more):
    """Two rows that are taken, however they are written."""
    return Odd(says, content, outcomes="new new", holds=READ, **more)


DELIMITERS = [
    two("semicolons, as spreadsheets of half the world write", TWO.replace(",", ";"), read_as={"delimiter": ";"}),
    two("tabs, as cells are copied", TWO.replace(",", "\t"), read_as={"delimiter": "\t"}),
    two("bars", TWO.replace(",", "|"), read_as={"delimiter": "|"}),
    two("a first line that says which mark is used", "sep=;\r\n" + TWO.replace(",", ";"), read_as={"delimiter": ";"}),
    two("a first line that says which mark is used, in quotes", '"sep=|"\r\n' + TWO.replace(",", "|")),
    two("a first line that names no mark", "sep=\r\n" + TWO),
    two("a first line that names the quote as the mark", 'sep="\r\n' + TWO),
    two("a mark that only the first line can tell", "sep=^\r\n" + TWO.replace(",", "^"), read_as={"delimiter": "^"}),
    Odd(
        "a mark nobody told us of",
        TWO.replace(",", "^"),
        refused="Missing required column: Opportunity ID, Opportunity Name",
    ),
    Odd(
        "commas in a header that is written with semicolons",
        'Opportunity ID;"Opportunity Name";"Notes, internal, never shown, or so, we hope"\r\nA-1;Chairs;x,y,z,a,b\r\n',
        outcomes="new",
        read_as={"delimiter": ";"},
    ),
    two(
        "a table drawn with bars, as in a wiki",
        "| Opportunity ID | Opportunity Name | Amount | Close Date | Next Step |\n|---|:---|---:|:---:|---|\n"
        "| A-1 | Chairs | 5 | 2026-11-30 | Call |\n| A-2 | Desks | 6 | 2026-12-01 | Write |\n",
    ),
    two(
        "the ruler a database tool draws under the header",
        TWO.replace("\r\n", "\r\n-----,-----,-----,-----,-----\r\n", 1),
    ),
]

LINES = [
    two("line ends of Unix", TWO.replace("\r\n", "\n")),
    two("line ends of old Macs", TWO.replace("\r\n", "\r")),
    two("line ends written twice", TWO.replace("\r\n", "\r\r\n")),
    two("line ends of two systems in one file", TWO.replace("\r\n", "\n", 1)),
    two("no line end after the last row", TWO.rstrip()),
    Odd(
        "blank lines, and lines of nothing but marks",
        HEAD + "\r\n,,,,\r\nA-1,Chairs,5,,\r\n   \r\n\r\nA-2,,6,,\r\n",
        outcomes="new failed",
        reasons={7: MISSING_NAME},
    ),
    Odd(
        "a cell of several lines before a row that fails",
        HEAD + 'A-1,Chairs,5,,"Call\r\nand\r\nwrite"\r\nA-2,,6,,\r\n',
        outcomes="new failed",
        reasons={5: MISSING_NAME},
        holds={"A-1": record(next_step="Call\r\nand\r\nwrite")},
    ),
    Odd("nothing at all", b"", refused="The file is empty."),
    Odd("a mark of UTF-8 and nothing after it", codecs.BOM_UTF8, refused="The file is empty."),
    Odd("blank lines only", b"\r\n \r\n\t\r\n", refused="The file is empty."),
    Odd("a header without rows", HEAD, outcomes=""),
]

QUOTES = [
    Odd(
        "quotes doubled inside quotes",
        HEAD + 'A-1,"Screen 5"" flat",5,,\r\n',
        outcomes="new",
        holds={"A-1": record('Screen 5" flat')},
    ),
    Odd(
        "a quote in the middle of a plain cell",
        HEAD + 'A-1,Screen 5" flat,5,,\r\n',
        outcomes="new",
        holds={"A-1": record('Screen 5" flat')},
    ),
    two("every cell in quotes", '"' + TWO.replace(",", '","').replace("\r\n", '"\r\n"')[:-1]),
    two("blanks around quotes", TWO.replace("Chairs", ' "Chairs"')),
    Odd(
        "text after a closing quote",
        HEAD + 'A-1,Chairs,5,,\r\nA-2,"Screen 5" flat",6,,\r\n',
        refused="Line 3: there is text after a closing quote.",
    ),
    Odd(
        "a quote that is never closed",
        HEAD + 'A-1,Chairs,5,,\r\nA-2,"Desks,6,,\r\nA-3,Lamps,7,,\r\n',
        refused="Line 3: a quote opens in this row and is never closed.",
    ),
    Odd(
        "quotes escaped as programmers do",
        HEAD + 'A-1,"Screen \\"5\\"",5,,\r\n',
        refused="Line 2: there is text after a closing quote.",
    ),
]

RAGGED = [
    Odd(
        "rows shorter than the header",
        HEAD + "A-1,Chairs\r\nA-2,Desks,6\r\n",
        outcomes="new new",
        holds={"A-2": record("Desks", 6)},
    ),
    Odd(
        "a comma nobody quoted",
        HEAD + "A-1,Chairs, red,5,2026-11-30,Call\r\nA-2,Desks,6,,\r\n",
        outcomes="failed new",
        reasons={
            2: "The row has 6 cells, but the header only 5. Is a quote missing? Amount “red” is not an amount. "
            "Close Date “5” is not a date such as 2026-11-30."
        },
    ),
    two("marks after the last cell of every line", TWO.replace("\r\n", ",,,\r\n")),
    Odd(
        "marks after the last cell of rows only",
        HEAD + "A-1,Chairs,5,,,,,\r\n",
        outcomes="new",
    ),
    Odd(
        "a cell as long as a book", HEAD + "A-1,Chairs,5,," + "x" * 140_000 + "\r\n", refused="Line 2: a cell is longer"
    ),
    Odd(
        "a cell longer than its column takes",
        HEAD + f"A-1,{'x' * 301},5,,\r\n",
        outcomes="failed",
        reasons={2: "Opportunity Name has 301 characters; the most is 300."},
    ),
    Odd("5,000 columns", ",".join(f"Column {n}" for n in range(5_000)) + "\r\n", refused="5000 columns"),
    Odd("a line that never ends", HEAD + "x," * (5 << 20), refused="a line longer than 8 MB"),
]

AROUND = [
    two(
        "titles and a blank line above the header",
        "Pipeline of the North,,,,\r\nAs of 2026-11-22,,,,\r\n,,,,\r\n" + TWO,
        read_as={"above": 2},
    ),
    Odd(
        "titles above the header, and a row that fails named by its own line",
        "Pipeline of the North\r\n\r\n" + HEAD + "A-1,,5,,\r\n",
        outcomes="failed",
        reasons={4: MISSING_NAME},
        read_as={"above": 1},
    ),
    Odd(
        "a title and the header in one table of semicolons",
        "Ventas, enero, febrero, marzo\r\n" + HEAD.replace(",", ";") + "A-1;Chairs;5;;\r\n",
        outcomes="new",
        read_as={"above": 1, "delimiter": ";"},
    ),
    Odd(
        "a total under the rows",
        HEAD + "A-1,Chairs,5,,\r\nA-2,Desks,6,,\r\nTotal,,11,,\r\n",
        outcomes="new new failed",
        reasons={4: A_TOTAL % "Total"},
    ),
    Odd(
        "totals in between and under the rows, in Spanish",
        HEAD + "A-1,Chairs,5,,\r\nSubtotal:,,5,,\r\nA-2,Desks,6,,\r\n,Total general,11,,\r\n",
        outcomes="new failed new failed",
        reasons={3: A_TOTAL % "Subtotal:", 5: A_TOTAL % "Total general"},
    ),
    Odd(
        "a company called Total",
        HEAD + "A-1,Total,5,,\r\n",
        outcomes="new",
        holds={"A-1": record("Total", 5)},
    ),
    Odd(
        "footnotes under the rows",
        HEAD + "A-1,Chairs,5,,\r\n\r\n* amounts before tax,,,,\r\n(1 row)\r\n",
        outcomes="new failed failed",
        reasons={4: A_NOTE % "* amounts before tax", 5: A_NOTE % "(1 row)"},
    ),
    Odd(
        "two files put one after the other, each with its header",
        TWO + HEAD + "A-3,Lamps,7,,\r\n",
        outcomes="new new failed new",
        reasons={4: "The row repeats the header."},
    ),
    Odd(
        "a file without a header",
        "A-1,Chairs,5,2026-11-30,Call\r\nA-2,Desks,6,,\r\n",
        refused="The file's first line is read as the header: A-1, Chairs, 5",
    ),
    Odd(
        "a column that stands twice",
        "Opportunity ID,Opportunity Name,opp_name\r\nA-1,Chairs,Desks\r\n",
        refused="Opportunity Name stands more than once in the file",
    ),
    Odd("a file of something else", "Colour,Size\r\nred,5\r\n", refused="Missing required column: Opportunity ID"),
    two(
        "headers as people write them",
        TWO.replace("Opportunity ID", "OPP_ID *").replace("Close Date", "close-date (YYYY-MM-DD)"),
    ),
    two(
        "headers in Spanish, with columns nobody asked for in between",
        "Folio de oportunidad,Color,Nombre de la oportunidad,Monto,Fecha de cierre,Próximo paso\r\n"
        "A-1,red,Chairs,5,2026-11-30,Call\r\nA-2,,Desks,6,2026-12-01,Write\r\n",
    ),
]

KINDS = [
    Odd("a PDF named as CSV", b"%PDF-1.7 something", refused="The file is a PDF."),
    Odd("a web page named as CSV", b"<!DOCTYPE html><html><table>", refused="web page"),
    Odd("XML of a spreadsheet named as CSV", b"<?xml version='1.0'?><Workbook>", refused="web page (HTML or XML)"),
    Odd("JSON named as CSV", b'[{"Opportunity ID": "A-1"}]', refused="The file is JSON."),
    Odd("a letter in rich text named as CSV", b"{\\rtf1\\ansi Dear Sir}", refused="neither CSV nor XLSX (rich text)"),
    Odd("address cards named as CSV", b"BEGIN:VCARD\r\nVERSION:4.0\r\n", refused="neither CSV nor XLSX (vCard)"),
    Odd("a picture named as CSV", b"\x89PNG\r\n\x1a\n", refused="neither CSV nor XLSX (picture)"),
]

FILES = DELIMITERS + LINES + QUOTES + RAGGED + AROUND + KINDS
