"""The site that mail servers deliver to."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mta import site as sites


@pytest.fixture(name="site")
def _site(template: bytes) -> Iterator[sites.Site]:
    """A fresh site, below a folder that every user can enter."""
    sites.need()
    folder = Path(tempfile.mkdtemp(prefix="crm-mta-", dir="/tmp"))
    try:
        yield sites.make(folder, template)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
