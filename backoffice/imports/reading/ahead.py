"""Making the next items in a thread, while the caller is busy with the last."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.utils import translation

END: Any = object()


def ahead[T](items: Iterator[T]) -> Generator[T]:
    """The same items in the same order, at most one made beforehand. What making one raises, is raised where it is due.

    Close it (`contextlib.closing`) when it is left early: the thread touches `items` until then.
    """
    language = translation.get_language()

    def make() -> Any:
        with translation.override(language):  # a thread begins in the default language
            return next(items, END)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading-ahead") as thread:
        following = thread.submit(make)
        while (item := following.result()) is not END:
            following = thread.submit(make)
            yield item
