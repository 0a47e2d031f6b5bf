"""Each column has a class, and what holds personal data has days of retention or a reason."""

import pytest

from server.db.engine import Model
from server.jobs.retention import PERSONAL_TYPES
from server.models import STORED_TYPES
from server.models.column_classes import (
    COLUMNS,
    INTERNAL,
    KEPT_OTHERWISE,
    PERSONAL,
    PUBLIC,
    SENSITIVE,
    class_of,
    columns_of,
)

TABLES = dict(Model.metadata.tables)


@pytest.mark.asvs("14.1.1")
@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_column_has_one_class(table):
    listed = columns_of(table, PUBLIC, INTERNAL, PERSONAL, SENSITIVE)
    assert sorted(listed) == sorted(column.key for column in TABLES[table].columns)
    assert COLUMNS[table].keys() <= {PUBLIC, INTERNAL, PERSONAL, SENSITIVE}


@pytest.mark.asvs("14.1.1")
def test_a_column_without_a_class_is_named():
    with pytest.raises(LookupError, match=r"visit\.shoe_size"):
        class_of("visit", "shoe_size")


@pytest.mark.asvs("14.1.1", "14.1.2")
def test_what_is_personal_has_days_of_retention_or_a_reason():
    personal = {name for name in TABLES if columns_of(name, PERSONAL)}
    of_types = {STORED_TYPES[name].model.__tablename__ for name in PERSONAL_TYPES}
    assert of_types <= personal
    assert personal - of_types <= KEPT_OTHERWISE.keys()
    assert not of_types & KEPT_OTHERWISE.keys()
