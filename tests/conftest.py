"""Before any test: Swedish is compiled, as `xtnd serve` does it."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    from django.conf import settings

    if settings.configured:  # not with `-p no:django`
        from xtnd.ops.upkeep import build_texts

        build_texts()
