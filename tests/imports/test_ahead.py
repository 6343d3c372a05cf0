"""Items made beforehand, in a thread of their own."""

import pytest
from django.utils import translation
from django.utils.translation import gettext

from backoffice.imports.faults import Refused
from backoffice.imports.reading.ahead import ahead

pytestmark = pytest.mark.unit


def test_items_come_in_their_order_and_what_making_one_raises_comes_where_it_is_due():
    def items():
        yield from (1, 2)
        raise Refused("No more.")

    following = ahead(items())
    assert [next(following), next(following)] == [1, 2]
    with pytest.raises(Refused, match="No more"):
        next(following)


def test_items_are_made_in_the_language_of_whoever_asks_for_them():
    def items():
        yield gettext("The file is empty.")
        raise Refused(gettext("The file is empty."))

    with translation.override("es-mx"):
        expected = gettext("The file is empty.")
        following = ahead(items())
        assert next(following) == expected != "The file is empty."
        with pytest.raises(Refused) as refused:
            next(following)
    assert refused.value.messages == [expected]
