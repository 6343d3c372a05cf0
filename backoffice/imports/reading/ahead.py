"""Making the next item in a thread, while the caller waits for something else."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

from django.utils import translation

END: Any = object()


class Ahead[T]:
    """The same items in the same order; what making one raises, is raised where it is due.

    An item is made when it is asked for, or beforehand from `begin` on. Call that where waiting begins, not earlier:
    Python runs one thread at a time, and the two would hold each other up.
    Close it when it is left early: the thread touches `items` until then.
    """

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._language = translation.get_language()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading-ahead")
        self._following: Future[T] | None = None

    def begin(self) -> None:
        """Once is enough, until the item is asked for."""
        if self._following is None:
            self._following = self._thread.submit(self._make)

    def _make(self) -> T:
        with translation.override(self._language):  # a thread begins in the default language
            return next(self._items, END)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        following = self._following or self._thread.submit(self._make)
        self._following = None
        item = following.result()
        if item is END:
            raise StopIteration
        return item

    def close(self) -> None:
        self._thread.shutdown()
