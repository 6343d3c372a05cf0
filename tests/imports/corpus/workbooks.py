"""Excel's ways."""

import datetime as dt
import io
import zipfile

import openpyxl
import openpyxl.styles
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from tests.imports.corpus import HEAD, HEADER, Odd, record

NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHARED = f'<Relationship Id="shared" Type="{RELATIONS}/sharedStrings" Target="/xl/sharedStrings.xml"/>'
CHAIRS = ("A-1", "Chairs", 1250.5, dt.date(2026, 11, 30), "Call")
READ = {"A-1": record("Chairs", "1250.5", "2026-11-30", "Call")}


def book(*sheets, change=lambda book: None):
    """A workbook of sheets, each a title and its rows."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in sheets:
        sheet = made.create_sheet(title)
        for cells in rows:
            sheet.append(cells)
    change(made)
    data = io.BytesIO()
    made.save(data)
    return data.getvalue()


def single(*rows, change=lambda book: None):
    return book(("Sheet1", [HEADER, *rows]), change=change)


def archive(**files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return data.getvalue()


def without(part, book):
    with zipfile.ZipFile(io.BytesIO(book)) as whole:
        return archive(**{name: whole.read(name) for name in whole.namelist() if name != part})


def with_sheet(rows, strings=""):
    """A workbook whose only sheet, and the texts its cells share, are written just so."""
    plain = single()
    sheet = f'<worksheet xmlns="{NAMESPACE}"><sheetData>{rows}</sheetData></worksheet>'
    with zipfile.ZipFile(io.BytesIO(plain)) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    relations = parts["xl/_rels/workbook.xml.rels"].decode().replace("</Relationships>", SHARED + "</Relationships>")
    parts |= {"xl/worksheets/sheet1.xml": sheet, "xl/_rels/workbook.xml.rels": relations}
    return archive(**parts, **{"xl/sharedStrings.xml": f'<sst xmlns="{NAMESPACE}">{strings}</sst>'})


def placeless(*rows):
    """Rows of cells that do not say where they are, as some programs write them: each is next to the one before."""
    cell = '<c t="inlineStr"><is><t>{}</t></is></c>'
    return "".join(f"<row>{''.join(map(cell.format, cells))}</row>" for cells in rows)


def workbook(says, content, name="opportunities.xlsx", **more):
    return Odd(says, content, name=name, **more)


def with_errors(made):
    for place, cell in (("B2", "#N/A"), ("C2", "#DIV/0!")):
        made.active[place].value = cell
        made.active[place].data_type = "e"


def since_1904(made):
    made.epoch = CALENDAR_MAC_1904


def percent(made):
    made.active["C2"].number_format = "0%"


def astray(made):
    """What a slip of the hand leaves, and what a small file that takes all memory is made of."""
    made.active["XFD1048576"] = "x"


def coloured_afar(made):
    made.active["XFD1048576"].font = openpyxl.styles.Font(bold=True)


def hide_first(made):
    made.worksheets[0].sheet_state = "hidden"
    made.active = 1


def merge(made):
    made.active.merge_cells("B2:B3")


FILES = [
    workbook("a plain workbook", single(CHAIRS), outcomes="new", holds=READ),
    workbook("a workbook with macros", single(CHAIRS), name="opportunities.xlsm", outcomes="new", holds=READ),
    workbook("days since 1904, as a Mac counts them", single(CHAIRS, change=since_1904), outcomes="new", holds=READ),
    workbook(
        "numbers and dates stored as text",
        single(("A-1", "Chairs", "1,250.50", "30/11/2026", "Call")),
        outcomes="new",
        holds=READ,
    ),
    workbook(
        "days that lost their format",
        single(("A-1", "Chairs", 5, 46356, "Call")),
        outcomes="failed",
        reasons={
            2: "Close Date “46356” is a day as spreadsheets count them, most likely 2026-11-30. "
            "Format the column as a date, and save the file again."
        },
    ),
    workbook(
        "cells whose formula went wrong",
        single(CHAIRS, ("A-2", "Desks", 6, None, None), change=with_errors),
        outcomes="failed new",
        reasons={
            2: "Opportunity Name “#N/A” is an error of the spreadsheet. Correct it there. "
            "Amount “#DIV/0!” is an error of the spreadsheet. Correct it there."
        },
    ),
    workbook(
        "a percentage is the fraction it stands for",
        single(("A-1", "Chairs", 0.45, None, None), change=percent),
        outcomes="new",
        holds={"A-1": record(amount="0.45")},
    ),
    workbook(
        "a formula that was never calculated has no value",
        single(("A-1", "=UPPER(A1)", 5, None, None)),
        outcomes="failed",
        reasons={2: "Opportunity Name is missing."},
    ),
    workbook(
        "merged cells, of which only the first has the value",
        single(CHAIRS, ("A-2", None, 6, None, None), change=merge),
        outcomes="new failed",
        reasons={3: "Opportunity Name is missing."},
    ),
    workbook(
        "titles, blank rows and a total around the table",
        book(
            (
                "Pipeline",
                [
                    ("Pipeline of the North",),
                    ("As of", dt.date(2026, 11, 22)),
                    (),
                    HEADER,
                    CHAIRS,
                    (),
                    ("Total", None, 1250.5),
                ],
            )
        ),
        outcomes="new failed",
        reasons={7: "The row begins with “Total”: it looks like a total of other rows, not like a record."},
        holds=READ,
        read_as={"above": 2},
    ),
    workbook(
        "a sheet of explanations before the one with the table",
        book(
            ("Read me", [("How to fill in the sheet",), ("Ask Sales", "if in doubt")]),
            ("Pipeline", [HEADER, CHAIRS]),
            ("Old", [HEADER, ("A-9", "Lamps", 9, None, None)]),
        ),
        outcomes="new",
        holds=READ,
        read_as={"sheet": "Pipeline"},
    ),
    workbook(
        "an empty sheet before the one with the table",
        book(("Sheet1", []), ("Sheet2", [HEADER, CHAIRS])),
        outcomes="new",
        read_as={"sheet": "Sheet2"},
    ),
    workbook(
        "a hidden sheet before the one that is seen",
        book(("Lists", [HEADER, ("A-9", "Lamps", 9, None, None)]), ("Pipeline", [HEADER, CHAIRS]), change=hide_first),
        outcomes="new",
        holds=READ,
        read_as={"sheet": "Pipeline"},
    ),
    workbook(
        "sheets of something else only",
        book(("One", [("Colour", "Size")]), ("Two", [("Name of pet",)])),
        refused="Missing required column: Opportunity ID, Opportunity Name",
    ),
    workbook("a workbook without anything in it", book(("Sheet1", [])), refused="The file is empty."),
    workbook(
        "IDs that are numbers keep every digit",
        single((123456789012345, "Chairs", 5, None, None), ("00123", "Desks", 6, None, None)),
        outcomes="new new",
        holds={"123456789012345": record("Chairs"), "00123": record("Desks")},
    ),
    workbook(
        "amounts as computers add them up",
        single(("A-1", "Chairs", 0.1 + 0.2, None, None), ("A-2", "Desks", 1234.125, None, None)),
        outcomes="new new",
        holds={"A-1": record(amount="0.3"), "A-2": record(amount="1234.125")},
    ),
    workbook(
        "a CSV of ours that a spreadsheet saved as a workbook, quotes and all",
        single(("A-1", "'+Chairs", 5, None, "'-call")),
        outcomes="new",
        holds={"A-1": record("+Chairs", next_step="-call")},
    ),
    workbook(
        "a cell far from the table, which makes the table as large as the sheet",
        single(CHAIRS, change=astray),
        refused="reaches as far as the cell XFD1048576",
    ),
    workbook(
        "a blank cell far from the table that somebody made bold",
        single(CHAIRS, change=coloured_afar),
        outcomes="new",
        holds=READ,
    ),
    workbook(
        "cells that do not say where they are",
        with_sheet(placeless(HEADER, CHAIRS)),
        outcomes="new",
        holds=READ,
    ),
    workbook(
        "cells that do not say where they are, in a row far down",
        with_sheet(placeless(["x"] * 1_000) + '<row r="1000000"><c><v>1</v></c></row>'),
        refused="too large once unpacked",
    ),
    workbook(
        "a row that is further down than any sheet goes",
        with_sheet('<row r="4000000000"><c><v>1</v></c></row>'),
        refused="too large once unpacked",
    ),
    workbook(
        "one long text in very many cells",
        with_sheet(("<row>" + '<c t="s"><v>0</v></c>' * 20 + "</row>") * 2_000, f"<si><t>{'x' * 32_767}</t></si>"),
        refused="too large once unpacked",
    ),
    workbook(
        "a workbook without one of its parts", without("xl/_rels/workbook.xml.rels", single(CHAIRS)), refused="damaged"
    ),
    workbook("a damaged workbook", single(CHAIRS)[:400], refused="damaged"),
    workbook("an archive named as a workbook", archive(**{"opportunities.csv": HEAD}), refused="no Excel workbook"),
    workbook("text named as a workbook", HEAD + "A-1,Chairs,5,,\r\n", refused="plain text"),
    workbook("a workbook named as CSV", single(CHAIRS), name="file.csv", refused="name a workbook .xlsx"),
    workbook("a CSV in an archive", archive(**{"file.csv": HEAD}), name="file.zip", refused="ZIP archive"),
    workbook(
        "an OpenDocument sheet",
        archive(mimetype="application/vnd.oasis.opendocument.spreadsheet", **{"content.xml": "<x/>"}),
        name="file.ods",
        refused="OpenDocument",
    ),
    workbook(
        "an old or a protected workbook",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest",
        refused="an old Excel workbook (.xls) or is protected",
    ),
    workbook(
        "a workbook with 5,000 columns",
        book(("Sheet1", [[f"Column {number}" for number in range(5_000)]])),
        refused="5000 columns",
    ),
]
