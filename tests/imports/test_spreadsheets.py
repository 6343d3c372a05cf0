"""A workbook is read in a process of its own: what it asks for too much ends that one, and nothing is left behind."""

import io
import os
import struct
import subprocess
import zipfile

import pytest

from backoffice.imports.faults import Refused
from backoffice.imports.reading import spreadsheets
from tests.imports.corpus.workbooks import archive, book, single, with_sheet

pytestmark = pytest.mark.unit
DOCTYPE = '<!DOCTYPE sst [<!ENTITY a "xxxxxxxxxx">' + "".join(
    f'<!ENTITY {name} "{f"&{of};" * 10}">' for of, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture
def processes(monkeypatch):
    """Those that were started."""
    started = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    return started


def first_rows(data):
    return spreadsheets.first_rows(io.BytesIO(data), 20)


def refusal(data):
    with pytest.raises(Refused) as refused:
        first_rows(data)
    return str(refused.value)


def changed(data, part, change):
    with zipfile.ZipFile(io.BytesIO(data)) as whole:
        return archive(
            **{name: change(whole.read(name)) if name == part else whole.read(name) for name in whole.namelist()}
        )


def test_all_rows_come_in_their_order():
    data = book(("Sheet1", [(f"A-{number}", number) for number in range(5_000)]))
    rows = list(spreadsheets.rows(io.BytesIO(data), "Sheet1"))
    assert rows == [(number + 1, [f"A-{number}", str(number)]) for number in range(5_000)]


def test_a_file_is_read_from_its_beginning_wherever_it_stands():
    file = io.BytesIO(book(("Sheet1", [("a", "b")])))
    file.seek(0, io.SEEK_END)
    assert list(spreadsheets.rows(file, "Sheet1")) == [(1, ["a", "b"])]


def test_whoever_stops_reading_leaves_no_process_behind(processes):
    data = book(("Sheet1", [(f"A-{number}", "x" * 100) for number in range(5_000)]))
    rows = spreadsheets.rows(io.BytesIO(data), "Sheet1")
    next(rows)
    assert processes[0].poll() is None
    rows.close()
    assert processes[0].returncode is not None


def test_a_signal_for_our_group_is_not_for_the_process_that_reads(processes):
    rows = spreadsheets.rows(io.BytesIO(book(("Sheet1", [("x" * 100,)] * 5_000))), "Sheet1")
    next(rows)
    assert os.getpgid(processes[0].pid) != os.getpgrp()
    rows.close()


def test_a_fault_of_ours_is_not_blamed_on_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(spreadsheets, "ROOT", tmp_path)
    with pytest.raises(RuntimeError, match="ended with the code 1"):
        first_rows(single())


def test_a_workbook_that_says_it_is_too_large_is_not_opened():
    bomb = io.BytesIO(single())
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as more, more.open("xl/more.xml", "w") as part:
        for _ in range(257):
            part.write(bytes(1 << 20))
    assert "too large once unpacked" in refusal(bomb.getvalue())


def test_pictures_do_not_count():
    album = io.BytesIO(book(("Sheet1", [("a", "b")])))
    with zipfile.ZipFile(album, "a", zipfile.ZIP_DEFLATED) as more, more.open("xl/media/image1.bmp", "w") as part:
        for _ in range(257):
            part.write(bytes(1 << 20))
    assert first_rows(album.getvalue()) == [("Sheet1", [(1, ["a", "b"])])]


def test_a_part_that_is_larger_than_it_says_is_damaged():
    data = bytearray(with_sheet("<row><c><v>1</v></c></row>" * 1_000))
    with zipfile.ZipFile(io.BytesIO(data)) as whole:
        size = struct.pack("<I", whole.getinfo("xl/worksheets/sheet1.xml").file_size)
        start = whole.start_dir
    place = data.index(size, start) + 4  # the packed size, then the unpacked one
    data[place : place + 4] = struct.pack("<I", 200)
    assert "damaged" in refusal(bytes(data))


def test_texts_that_name_each_other_are_not_made_out():
    data = with_sheet('<row r="1"><c r="A1" t="s"><v>0</v></c></row>', "<si><t>&i;</t></si>")
    bomb = changed(data, "xl/sharedStrings.xml", lambda text: DOCTYPE.encode() + b"]>" + text)
    assert "damaged" in refusal(bomb)


def test_sheets_that_begin_with_too_much_are_too_large():
    sheets = [(f"Sheet{number}", [("x" * 30_000,) * 5] * 2) for number in range(20)]
    assert "too large once unpacked" in refusal(book(*sheets))


def test_more_columns_than_a_sheet_has_are_too_large():
    assert "too large once unpacked" in refusal(with_sheet("<row>" + "<c><v>1</v></c>" * 16_385 + "</row>"))


def test_rows_that_go_backwards_are_put_in_order():
    backwards = '<row r="5"><c r="A5"><v>5</v></c></row><row r="1"><c r="A1"><v>1</v></c></row>'
    assert first_rows(with_sheet(backwards)) == [("Sheet1", [(1, ["1"]), (5, ["5"])])]
