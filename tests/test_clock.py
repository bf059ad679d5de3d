"""Times as text, and as mails have them."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from crmcli import clock
from crmcli.mail import parse

MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))


@given(MOMENTS)
def test_the_date_of_a_mail_is_as_the_standard_library_writes_it(moment: datetime) -> None:
    assert clock.mail_date(clock.text(moment)) == email.utils.format_datetime(moment)


def test_dates_of_mails_are_read_by_the_standard_librarys_own_function() -> None:
    """Taken from where it lives, without what email.utils loads beside it."""
    assert parse.parsedate_tz is email.utils.parsedate_tz
