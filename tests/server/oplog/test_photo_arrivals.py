"""Photos that arrive before or after the op that names them are counted in the same transaction."""

import pytest
from sqlalchemy import select

from server.db.engine import db, write_transaction
from server.models.feed import SiteHead
from server.models.oplog import LoggedOp
from server.oplog.receive import make_op, submit, submit_in_transaction
from server.oplog.replay import find_faults
from tests.seed_data import ANA, HOME_SITE, TASK, TASKS
from tests.server.photos.test_uploads import image_bytes, sha256_of


@pytest.fixture
def photo(phone):
    """The SHA-256 of a photo that has arrived, and that no record shows."""
    content = image_bytes()
    assert phone.request_photo("PUT", sha256_of(content), content).status == 200
    return sha256_of(content)


def submit_and_fail(ops):
    """Submit ops in a transaction that is rolled back by an exception."""
    with write_transaction():
        assert submit_in_transaction(HOME_SITE, ops)[0]["status"] == "applied"
        raise ZeroDivisionError


def feed_head():
    return db.session.scalar(select(SiteHead.head).where(SiteHead.site_id == HOME_SITE))


@pytest.mark.rule("P2")
def test_ops_of_the_desk_count_arrived_photos(app, phone, photo):
    with app.app_context():
        answer = submit(HOME_SITE, "task.complete", TASK, {"photos": [photo]}, by=ANA)
        assert find_faults(HOME_SITE) == []
    assert answer["status"] == "applied"
    assert phone.get_record("task", TASK)["photos_here"] == 1


@pytest.mark.rule("P2")
def test_an_arrival_is_published_with_the_op_that_names_the_photo(app, phone, photo):
    with app.app_context():
        before = feed_head()
    verdict = phone.send_op("task.complete", TASK, {"photos": [photo]}, by=ANA)
    with app.app_context():
        assert feed_head() == before + 1, "one change of the record in the feed"
        assert verdict["seq"] == before + 1
        arrival = db.session.scalars(select(LoggedOp).filter_by(kind="photo.arrive")).one()
        assert (arrival.device_id, arrival.payload["here"]) == (None, 1)
    assert phone.get_record("task", TASK)["photos_here"] == 1


def test_an_arrival_is_rolled_back_with_its_op(app, phone, photo):
    with app.app_context():
        with pytest.raises(ZeroDivisionError):
            submit_and_fail([make_op("task.complete", TASK, {"photos": [photo]}, by=ANA)])
        assert db.session.scalars(select(LoggedOp).filter_by(kind="photo.arrive")).all() == []
        assert find_faults(HOME_SITE) == []


@pytest.mark.rule("P2")
def test_a_photo_is_counted_once_in_each_record_that_shows_it(app, phone, photo):
    other = image_bytes()
    for task in TASKS[:2]:
        phone.add_op("task.complete", task, {"photos": [photo, sha256_of(other)]}, by=ANA)
    phone.send_outbox()
    for _ in range(2):
        phone.request_photo("PUT", sha256_of(other), other)
    assert [phone.get_record("task", task)["photos_here"] for task in TASKS[:2]] == [2, 2]
    with app.app_context():
        arrivals = db.session.scalars(select(LoggedOp).filter_by(kind="photo.arrive")).all()
        assert len(arrivals) == 4
        assert find_faults(HOME_SITE) == []
