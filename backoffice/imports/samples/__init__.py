"""Small files to try an upload with: new rows, changes to them, and rows of which some fail. A module per kind."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.functional import Promise
from django.utils.timezone import localdate

from backoffice.access.models import User
from backoffice.imports.reading.formulas import protect
from backoffice.imports.resources.columns import UploadResource

type Cells = Mapping[str, str]  # by the name of the resource's column


@dataclass(frozen=True)
class Sample:
    name: str
    label: str | Promise
    hint: str | Promise
    rows: Callable[[User, date], Iterator[Cells]]

    def as_csv(self, resource: type[UploadResource], user: User) -> str:
        columns = resource.columns()
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(str(column.header) for column in columns.values())
        for row in self.rows(user, localdate()):
            writer.writerow(protect(row.get(column, "")) for column in columns)
        return text.getvalue()
