"""Files of every make: what is read of them, and what is refused with a sentence."""

import codecs
import csv
import datetime as dt
import gzip
import io
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.imports.faults import Refused
from backoffice.imports.options import Options
from backoffice.imports.reading import examining, files, headers, spreadsheets
from backoffice.imports.reading.files import Layout
from backoffice.imports.reading.formulas import unprotect
from backoffice.imports.resources.opportunities import OpportunityResource

pytestmark = pytest.mark.unit
LIMIT = 1 << 20
COLUMNS = OpportunityResource.columns()
HEAD = "Opportunity ID,Opportunity Name,Amount\r\n"


def examined(data, name="file.csv", limit=LIMIT, options=None):
    data = data.encode() if isinstance(data, str) else data
    return examining.examine(io.BytesIO(data), name, OpportunityResource, options or Options(), limit)


def read(data, name="file.csv"):
    """The rows under the header, with their lines."""
    data = data.encode() if isinstance(data, str) else data
    found = examined(data, name)
    return list(examining.data_rows(io.BytesIO(data), found.layout))


def refusal(data, name="file.csv", limit=LIMIT):
    with pytest.raises(Refused) as refused:
        examined(data, name, limit)
    return str(refused.value)


@pytest.mark.parametrize(
    ("encoding", "known_as"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("cp1252", "cp1252"),
    ],
)
def test_every_usual_encoding_is_read(encoding, known_as):
    data = (HEAD + "A-1,Señal – 10 €,5\r\n").encode(encoding)
    assert examined(data).layout.encoding == known_as
    assert read(data) == [(2, ["A-1", "Señal – 10 €", "5"])]


def test_big_endian_utf_16_is_read():
    data = codecs.BOM_UTF16_BE + (HEAD + "A-1,Señal,5\n").encode("utf-16-be")
    assert read(data) == [(2, ["A-1", "Señal", "5"])]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_usual_delimiter_is_found(delimiter):
    text = (HEAD + "A-1,Chairs,5\r\n").replace(",", delimiter)
    assert read(text) == [(2, ["A-1", "Chairs", "5"])]


def test_the_delimiter_is_the_one_that_shows_known_headers():
    text = 'Opportunity ID;"Opportunity Name, as agreed, with, many, commas";Opportunity Name\n1;a,b,c;Chairs\n'
    assert read(text) == [(2, ["1", "a,b,c", "Chairs"])]


def test_excels_own_line_about_the_delimiter_is_believed():
    assert read("sep=;\r\nOpportunity ID;Opportunity Name\r\n1;Chairs\r\n") == [(3, ["1", "Chairs"])]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_read(ending):
    text = HEAD.replace("\r\n", ending) + f"A-1,Chairs,5{ending}A-2,Desks,6"
    assert read(text) == [(2, ["A-1", "Chairs", "5"]), (3, ["A-2", "Desks", "6"])]


def test_a_row_that_goes_on_and_on_over_short_lines_is_refused_before_it_fills_the_memory():
    sentence = refusal(HEAD + '"\nab",' * 2_000_000, limit=LIMIT << 5)
    assert sentence == "Line 2: a quote opens in this row and is never closed."


def test_lines_are_counted_as_an_editor_shows_them():
    text = HEAD + 'A-1,"Chairs\r\nand desks",5\r\n\r\n,,\r\nA-2,Desks,6\r\n'
    assert read(text) == [(2, ["A-1", "Chairs\r\nand desks", "5"]), (6, ["A-2", "Desks", "6"])]


def test_quotes_are_doubled_inside_quotes():
    assert read(HEAD + 'A-1,"5"" screen, flat",5\n') == [(2, ["A-1", '5" screen, flat', "5"])]


def test_a_quote_inside_an_unquoted_cell_is_data():
    assert read(HEAD + 'A-1,5" screen,5\n') == [(2, ["A-1", '5" screen', "5"])]


def test_cells_are_trimmed_and_a_blank_before_a_quote_is_no_data():
    assert read(HEAD + 'A-1  ,\u00a0Chairs\t, "5"\n') == [(2, ["A-1", "Chairs", "5"])]


def test_the_ruler_that_database_tools_print_under_the_header_is_no_row():
    assert read(HEAD + "------,-----,---\nA-1,Chairs,5\n") == [(3, ["A-1", "Chairs", "5"])]


def test_dashes_further_down_are_a_row():
    assert len(read(HEAD + "A-1,Chairs,5\n--,--,--\n")) == 2


def test_the_quote_that_keeps_a_formula_from_running_is_taken_off():
    assert read(HEAD + "A-1,'=SUM(A1),5\n") == [(2, ["A-1", "=SUM(A1)", "5"])]


def test_only_the_header_is_a_file_without_rows():
    assert examined(HEAD).rows == 0
    assert read(HEAD) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (codecs.BOM_UTF8, "empty"),
        (b"\r\n\r\n  \n", "empty"),
        (gzip.compress(HEAD.encode(), mtime=0), "compressed (gzip)"),
        (b"%PDF-1.7 something", "PDF"),
        (b"<!DOCTYPE html><html>", "web page"),
        (codecs.BOM_UTF8 + b"\n <html><table>", "web page"),
        (b"<?xml version='1.0'?><Workbook>", "web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "old Excel workbook"),
        (b"\x89PNG\r\n", "neither CSV nor XLSX"),
        (b"7z\xbc\xaf\x27\x1c", "compressed (7z)"),
        (codecs.BOM_UTF32_LE + HEAD.encode("utf-32-le"), "UTF-32"),
        (HEAD.encode() + b"A-1,Cha\x00irs,5\n", "NUL"),
        (HEAD.encode() + b"A-1,Cha\x81irs,5\n", "neither UTF-8 nor Windows-1252"),
        (codecs.BOM_UTF8 + HEAD.encode() + b"A-1,Se\xf1al,5\n", "UTF-8-SIG"),
        (HEAD.encode() + "A-1,ññññññ,5\n".encode() + b"A-2,Se\xf1al,5\n", "mixes UTF-8"),
        (HEAD + 'A-1,"Chairs,5\nA-2,Desks,6\n', "Line 2: a quote opens"),
        (HEAD + 'A-1,"Chairs" big,5\n', "Line 2: there is text after a closing quote"),
        (HEAD + "A-1," + "x" * 140_000 + ",5\n", "Line 2: a cell is longer"),
        (",".join(f"Column {n}" for n in range(5_000)) + "\n", "5000 columns"),
        ("Opportunity Name,Amount\nChairs,5\n", "Missing required column: Opportunity ID"),
        ("One,Two\n1,2\n", "Missing required column: Opportunity ID, Opportunity Name"),
        ("Opportunity ID,Opp_Name,Opportunity Name\n1,2,3\n", "Opportunity Name stands more than once"),
    ],
)
def test_what_can_not_be_read_is_refused_with_a_sentence(data, words):
    assert words in refusal(data)


def test_a_zip_archive_named_csv_is_refused():
    assert "ZIP archive" in refusal(archive("opportunities.csv"))


def test_a_zip_archive_named_as_a_workbook_is_refused():
    assert "no Excel workbook" in refusal(archive("opportunities.csv"), "file.xlsx")


def test_a_workbook_named_csv_is_refused():
    assert "name a workbook .xlsx" in refusal(workbook([["Opportunity ID"]]), "file.csv")


def test_text_named_as_a_workbook_is_refused():
    assert "plain text" in refusal(HEAD, "file.xlsx")


def test_a_damaged_workbook_is_refused():
    assert "damaged" in refusal(workbook([["Opportunity ID"]])[:400], "file.xlsx")


def test_a_file_over_the_limit_is_refused_while_it_is_read():
    class Endless(io.BytesIO):
        read_bytes = 0

        def read(self, size=-1):
            self.read_bytes += size
            return b"a,b\n" * (size // 4)

    endless = Endless()
    with pytest.raises(Refused, match="larger than 1 MB"):
        files.scan(endless, "file.csv", LIMIT)
    assert endless.read_bytes < 4 * LIMIT


def test_a_line_without_end_is_refused():
    assert "line longer than 8 MB" in refusal(HEAD.encode() + b"x," * (5 << 20), limit=1 << 30)


def archive(name):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr(name, HEAD)
    return data.getvalue()


def workbook(rows, first_row=1):
    book = openpyxl.Workbook()
    sheet = book.active
    for number, cells in enumerate(rows, start=first_row):
        for place, cell in enumerate(cells, start=1):
            sheet.cell(number, place, cell)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def test_a_workbook_is_read_like_a_csv_file():
    rows = [
        ["Opportunity ID", "Opportunity Name", "Amount", "Close Date"],
        ["A-1", " Chairs ", 1250.5, dt.date(2026, 11, 30)],
        [None, None, None, None],
        [1001, "Desks", 7, dt.datetime(2026, 12, 1, 10, 30)],
    ]
    assert read(workbook(rows), "file.xlsx") == [
        (2, ["A-1", "Chairs", "1250.5", "2026-11-30"]),
        (4, ["1001", "Desks", "7", "2026-12-01 10:30:00"]),
    ]


def test_rows_of_a_workbook_are_counted_as_the_sheet_shows_them():
    rows = [["Opportunity ID", "Opportunity Name"], ["A-1", "Chairs"]]
    assert read(workbook(rows, first_row=4), "file.xlsx") == [(5, ["A-1", "Chairs"])]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.234, "1.2340"),
        (12.5, "12.5"),
        (3.0, "3"),
        (1e20, "100000000000000000000"),
        (True, "TRUE"),
        (-0.125, "-0.1250"),
    ],
)
def test_a_number_of_a_workbook_reads_one_way_only(value, text):
    assert spreadsheets.text(value) == text


cells = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20).map(str.strip)


@given(st.lists(st.tuples(cells, cells, cells), max_size=20), st.sampled_from(",;\t|"))
def test_what_was_written_as_csv_is_read_again(rows, delimiter):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([("Opportunity ID", "Opportunity Name", "Amount"), ("first", "row", "1"), *rows])
    data = io.BytesIO(text.getvalue().encode())
    found = [found for _, found in examining.data_rows(data, Layout("csv", "utf-8", delimiter))]
    wanted = [list(row) for row in rows if any(row)]
    assert [list(map(unprotect, row)) for row in wanted] == found[1:]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_with_a_sentence(data):
    try:
        examined(data)
    except Refused as refused:
        said = refused.messages
    else:
        said = ["Read."]
    assert said
    assert all(message.endswith((".", "?")) for message in said)


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("Opportunity ID", "opportunity_id"),
        ("opp_id", "opportunity_id"),
        ("OPPORTUNITY-ID*", "opportunity_id"),
        ("OpportunityID", "opportunity_id"),
        (" Opportunity  Name (as in the CRM) * ", "name"),
        ("owner/email", "owner_email"),
        ("Account URL / Website", "website"),
        ("Fecha de cierre", "close_date"),
        ("CORREO ELECTRÓNICO DEL PROPIETARIO", "owner_email"),
        ("Proximo paso", "next_step"),
        ("Close Date [YYYY-MM-DD]", "close_date"),
    ],
)
def test_headers_are_known_by_their_usual_spellings(header, column):
    assert headers.names(COLUMNS)[headers.folded(header)] == column


def test_no_spelling_means_two_columns():
    spellings = [headers.folded(spelling) for column in COLUMNS.values() for spelling in set(column.spellings)]
    assert len(set(spellings)) == len({*spellings})
    by_spelling = {}
    for name, column in COLUMNS.items():
        for spelling in column.spellings:
            assert by_spelling.setdefault(headers.folded(spelling), name) == name


def test_unknown_columns_are_reported_and_ignored():
    found = headers.match(OpportunityResource, ["Opportunity Name", "Colour", "", "Opportunity ID", "line", "error"])
    assert found.positions == {"name": 0, "opportunity_id": 3}
    assert found.unknown == ["Colour"]
