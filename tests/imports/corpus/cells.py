"""What stands in the cells: amounts, dates, formulas, and records that come twice."""

from tests.imports.corpus import HEAD, Odd, record

A_DATE = "Close Date “%s” is not a date such as 2026-11-30."
AN_AMOUNT = "Amount “%s” is not an amount."


def amounts(*cells):
    return HEAD + "".join(f'A-{place},Chairs,"{cell}",,\r\n' for place, cell in enumerate(cells, 1))


def dates(*cells):
    return HEAD + "".join(f'A-{place},Chairs,,"{cell}",\r\n' for place, cell in enumerate(cells, 1))


def have(field, *values):
    """The records A-1, A-2, … and what each has."""
    return {f"A-{place}": record(**{field: value}) for place, value in enumerate(values, 1)}


AMOUNTS = [
    Odd(
        "amounts with thousands, signs and brackets",
        amounts("$1,250.50", "(12.5)", "USD 7", "1 234 567.8", "-3", "1'000.25"),
        outcomes="new new new new new new",
        holds=have("amount", "1250.5", "-12.5", "7", "1234567.8", "-3", "1000.25"),
    ),
    Odd(
        "amounts with a decimal comma, told by the whole column",
        amounts("1.250", "3,5", "1.000.000,25"),
        outcomes="new new new",
        holds=have("amount", "1250", "3.5", "1000000.25"),
    ),
    Odd(
        "amounts that may be read in two ways",
        amounts("1.250", "2.500"),
        refused="may stand for thousands or for decimals",
        asks="decimal_mark",
    ),
    Odd(
        "amounts that may be read in two ways, and somebody said which",
        amounts("1.250", "2.500"),
        options={"decimal_mark": ","},
        outcomes="new new",
        holds=have("amount", "1250", "2500"),
    ),
    Odd(
        "amounts in two notations",
        amounts("1,250.50", "1.250,50"),
        refused="writes decimals in two ways",
        asks="decimal_mark",
    ),
    Odd(
        "amounts in two notations, and somebody said which is right",
        amounts("1,250.50", "1.250,50"),
        options={"decimal_mark": "."},
        outcomes="new failed",
        reasons={
            3: "Amount “1.250,50” is not an amount with “.” as the decimal mark. "
            "Correct it, or choose another decimal mark for the file."
        },
    ),
    Odd(
        "numbers as only programs take them",
        amounts("1_000", "１２", "NaN", "1e400", "0x10", "Infinity", "٣"),
        outcomes="failed failed failed failed failed failed failed",
        reasons={
            line: AN_AMOUNT % cell
            for line, cell in enumerate(("1_000", "１２", "NaN", "1e400", "0x10", "Infinity", "٣"), 2)
        },
    ),
    Odd(
        "amounts too large or too fine for money",
        amounts("1" + "0" * 15, "1.23456"),
        outcomes="failed failed",
        reasons={
            2: "Amount “1000000000000000” is too large an amount.",
            3: "Amount “1.23456” has more than 4 decimals.",
        },
    ),
    Odd(
        "an amount in another currency",
        amounts("EUR 5"),
        outcomes="failed",
        reasons={
            2: "Amount “EUR 5” is in EUR, but the row is read as USD. "
            "Correct it, or choose another currency for the file."
        },
    ),
    Odd(
        "amounts with the sign of another currency",
        amounts("€ 5", "$5", "$6.00 USD"),
        outcomes="failed new new",
        reasons={
            2: "Amount “€ 5” is in EUR, but the row is read as USD. "
            "Correct it, or choose another currency for the file."
        },
        holds={"A-2": record(amount=5), "A-3": record(amount=6)},
    ),
    Odd(
        "amounts in the currency that stands in their row",
        "Opportunity ID,Opportunity Name,Amount,Currency\r\nA-1,Chairs,€ 5,EUR\r\nA-2,Desks,$6,MXN\r\n",
        outcomes="new new",
        holds={"A-1": record(amount=5), "A-2": record(amount=6)},
    ),
    Odd(
        "a percentage where an amount should be",
        amounts("45%", "45 %"),
        outcomes="failed failed",
        reasons={
            2: "Amount “45%” is a percentage, not an amount.",
            3: "Amount “45 %” is a percentage, not an amount.",
        },
    ),
    Odd(
        "words where an amount should be",
        amounts("lots", "12k", "approx. 5", "5-6"),
        outcomes="failed failed failed failed",
        reasons={line: AN_AMOUNT % cell for line, cell in enumerate(("lots", "12k", "approx. 5", "5-6"), 2)},
    ),
    Odd(
        "what database tools print for nothing",
        HEAD + "A-1,Chairs,NULL,NULL,\\N\r\n",
        outcomes="new",
        holds={"A-1": record("Chairs", next_step="")},
    ),
]

DATES = [
    Odd(
        "dates in every plain notation",
        dates("2026-11-30", "2026/11/30", "20261130", "Nov 30, 2026", "30 de noviembre de 2026", "2026-11-30T10:00Z"),
        outcomes="new new new new new new",
        holds=have("close_date", *["2026-11-30"] * 6),
    ),
    Odd(
        "dates with the day first, told by the whole column",
        dates("01/02/2026", "31/12/2026"),
        outcomes="new new",
        holds=have("close_date", "2026-02-01", "2026-12-31"),
    ),
    Odd(
        "dates with the month first, told by the whole column",
        dates("01/02/2026", "12/31/2026"),
        outcomes="new new",
        holds=have("close_date", "2026-01-02", "2026-12-31"),
    ),
    Odd(
        "dates that may be read in two ways",
        dates("01/02/2026", "03/04/2026"),
        refused="either number may be the day",
        asks="date_order",
    ),
    Odd(
        "dates that may be read in two ways, and somebody said which",
        dates("01/02/2026", "03/04/2026"),
        options={"date_order": "DMY"},
        outcomes="new new",
        holds=have("close_date", "2026-02-01", "2026-04-03"),
    ),
    Odd(
        "dates in two orders",
        dates("31/12/2026", "12/31/2026"),
        refused="writes dates in two ways",
        asks="date_order",
    ),
    Odd(
        "dates in two orders, and somebody said which is right",
        dates("31/12/2026", "12/31/2026"),
        options={"date_order": "DMY"},
        outcomes="new failed",
        reasons={
            3: "Close Date “12/31/2026” is not a date written DD/MM/YYYY. "
            "Correct it, or choose another order for the file's dates."
        },
    ),
    Odd(
        "days that do not exist",
        dates("2026-02-30", "2025-02-29", "31/06/2026", "2026-13-01"),
        outcomes="failed failed failed failed",
        reasons={
            line: f"Close Date “{cell}” names a day that does not exist."
            for line, cell in enumerate(("2026-02-30", "2025-02-29", "31/06/2026", "2026-13-01"), 2)
        },
    ),
    Odd(
        "days of a database that knows no nothing",
        dates("0000-00-00", "0001-01-01", "9999-12-31"),
        outcomes="failed failed failed",
        reasons={
            2: "Close Date “0000-00-00” names a day that does not exist.",
            3: A_DATE % "0001-01-01",
            4: A_DATE % "9999-12-31",
        },
    ),
    Odd(
        "days counted as spreadsheets count them",
        dates("46356", "46356.5"),
        outcomes="failed failed",
        reasons={
            line: f"Close Date “{cell}” is a day as spreadsheets count them, most likely 2026-11-30. "
            "Format the column as a date, and save the file again."
            for line, cell in ((2, "46356"), (3, "46356.5"))
        },
    ),
    Odd(
        "words where a date should be",
        dates("soon", "Q4 2026", "2026", "11/2026", "end of November"),
        outcomes="failed failed failed failed failed",
        reasons={
            line: A_DATE % cell
            for line, cell in enumerate(("soon", "Q4 2026", "2026", "11/2026", "end of November"), 2)
        },
    ),
]

SPREADSHEETS = [
    Odd(
        "errors of a spreadsheet, in any column",
        HEAD + "A-1,#N/A,5,,\r\nA-2,Chairs,#DIV/0!,#¡VALOR!,\r\n#REF!,Lamps,5,,\r\nA-4,Desks,#####,,\r\n",
        outcomes="failed failed failed failed",
        reasons={
            2: "Opportunity Name “#N/A” is an error of the spreadsheet. Correct it there.",
            3: "Amount “#DIV/0!” is an error of the spreadsheet. Correct it there. "
            "Close Date “#¡VALOR!” is an error of the spreadsheet. Correct it there.",
            4: "Opportunity ID “#REF!” is an error of the spreadsheet. Correct it there.",
            5: "Amount “#####” is an error of the spreadsheet. Correct it there.",
        },
    ),
    Odd(
        "a text that only begins like an error",
        HEAD + "A-1,#Nadia,5,,#1 in the list\r\n",
        outcomes="new",
        holds={"A-1": record("#Nadia", next_step="#1 in the list")},
    ),
    Odd(
        "a formula where an amount should be",
        HEAD + "A-1,Chairs,=SUM(A1:A5),,\r\n",
        outcomes="failed",
        reasons={2: "Amount “=SUM(A1:A5)” is a formula. Save the file with its result."},
    ),
    Odd(
        "a text kept from being a formula by the quote we put there",
        HEAD + "'=A-1,'+Chairs,5,,'-call\r\n",
        outcomes="new",
        holds={"=A-1": record("+Chairs", next_step="-call")},
    ),
    Odd(
        "texts written as formulas so that their noughts stay",
        HEAD + '"=""00123""",="007",5,,\r\n',
        outcomes="new",
        holds={"00123": record("007", 5)},
    ),
    Odd(
        "an ID a spreadsheet has made a number of",
        HEAD + "1.23457E+11,Chairs,5,,\r\n",
        outcomes="new",
        holds={"1.23457E+11": record("Chairs")},
    ),
]

TWICE = [
    Odd(
        "the same row twice",
        HEAD + "A-1,Chairs,5,,\r\nA-1,Chairs,5,,\r\n",
        outcomes="new unchanged",
    ),
    Odd(
        "two rows of one record that differ: the last one holds",
        HEAD + "A-1,Chairs,5,,Call\r\nA-1,Chairs,6,,\r\n",
        outcomes="new updated",
        holds={"A-1": record("Chairs", 6, next_step="Call")},
    ),
    Odd(
        "a row that fails beside one of the same record that does not",
        HEAD + "A-1,,5,,\r\nA-1,Chairs,6,,\r\n",
        outcomes="failed new",
        reasons={2: "Opportunity Name is missing."},
        holds={"A-1": record("Chairs", 6)},
    ),
    Odd(
        "a row that is wrong in every column",
        HEAD + f",,lots,2026-02-30,{'x' * 20_001}\r\n",
        outcomes="failed",
        reasons={
            2: "Opportunity ID is missing. Opportunity Name is missing. Amount “lots” is not an amount. "
            "Close Date “2026-02-30” names a day that does not exist. "
            "Next Step has 20001 characters; the most is 20000."
        },
    ),
]

FILES = AMOUNTS + DATES + SPREADSHEETS + TWICE
