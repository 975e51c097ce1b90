"""The table of bad inputs: every case of cases_*.py beside this file ends as it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import Case, Server, Stock, every_case, hold

CASES = every_case(Path(__file__).parent)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture(scope="module")
def stock(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Stock:
    return Stock(tmp_path_factory.mktemp("stock"), server)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_bad_input_ends_as_it_should(case: Case, server: Server, stock: Stock, tmp_path: Path) -> None:
    hold(case, server, stock, tmp_path)
