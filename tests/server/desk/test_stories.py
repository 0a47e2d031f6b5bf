"""Stories of records: a sentence for every kind, in every language, and what stands beside it."""

from datetime import UTC, datetime, timedelta

import pytest

from server.desk.story import part_names, sentence_text
from server.i18n.languages import language_codes
from server.i18n.locale import in_language, translate
from sync import FEATURES, KINDS
from tests.seed_data import ANA, CHU, FLAT, TASK, fixed_id

TICKET = fixed_id("matter")
EN = {"Accept-Language": "en"}
SENTENCES = {kind: texts for feature in FEATURES for kind, texts in feature.sentences.items()}
OF_THE_STORY = {"who", "whom", "changes"}
"""Parts that are no field of a payload."""


@pytest.fixture
def app(sqlite_app):
    return sqlite_app


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_sentences_with_fields_of_its_payload(kind):
    fields, schema = KINDS[kind].payload().fields, KINDS[kind].payload()
    for text in SENTENCES[kind]:
        assert set(part_names(text.message)) - OF_THE_STORY <= set(schema.fields), text
    needed = {name for name, field in fields.items() if field.required} | OF_THE_STORY
    last = set(part_names(SENTENCES[kind][-1].message))
    assert last <= needed, f"the last sentence of {kind} needs {last - needed}"


def test_no_sentence_is_of_a_kind_that_does_not_exist():
    assert set(SENTENCES) == set(KINDS)


def test_every_sentence_is_said_in_every_language(app):
    with app.test_request_context():
        for kind, texts in SENTENCES.items():
            for text in texts:
                for code in language_codes():
                    said = in_language(code, lambda text=text: translate(text))
                    assert sorted(part_names(said)) == sorted(part_names(text.message)), (
                        kind,
                        said,
                    )
                    assert code == "en" or said != text.message, (kind, said)


def test_the_first_sentence_counts_that_has_all_its_parts():
    def said(**parts):
        return sentence_text("ticket.resolve", {"who": "Ana", **parts}).message

    assert said(how="new valve") == "%(who)s did the work: %(how)s"
    assert said(how="") == said() == "%(who)s did the work"
    assert sentence_text("later.kind", {}) is None


def test_a_ticket_tells_what_happened_in_order(ben, desk_op):
    opened = {"channel": "phone", "matter": "report", "contact": "Ms Lin", "details": "A <leak>"}
    desk_op("ticket.open", TICKET, {**opened, "unit": FLAT}, by=CHU)
    desk_op("ticket.hand_over", TICKET, {"handler_id": ANA, "reason": "kitchen"}, by=CHU)
    desk_op("ticket.accept", TICKET, {}, by=ANA)
    desk_op("ticket.enquire", TICKET, {"who": "Ms Lin", "answered": "at nine"}, by=CHU)
    page = ben.get(f"/desk/tickets/{TICKET}", headers=EN).text
    told = [
        "<b>Chu</b> received it (by phone): A &lt;leak&gt;",
        "<b>Chu</b> handed it to <b>Ana</b>",
        "<b>Ana</b> accepted it",
        "<b>Ms Lin</b> asked again. <b>Chu</b> answered: at nine",
    ]
    places = [page.find(sentence) for sentence in told]
    assert -1 not in places and places == sorted(places), list(zip(told, places, strict=True))
    assert "kitchen" in page
    assert "<b>Chu</b> 转给 <b>Ana</b>" in ben.get(f"/desk/tickets/{TICKET}").text


def test_a_late_arrival_stands_on_its_own_line(ben, phone):
    happened = (datetime.now(UTC) - timedelta(minutes=40)).isoformat()
    phone.send_op("task.complete", TASK, {"note": "done"}, by=ANA, at=happened)
    page = ben.get(f"/desk/record/task/{TASK}", headers=EN).text
    assert "<b>Ana</b> did it: done" in page
    assert "no connection; arrived" in page and "40 min later" in page


def test_a_person_page_tells_what_they_did(ben, dao, desk_op):
    desk_op("task.complete", TASK, {"note": "swept"}, by=ANA)
    page = ben.get(f"/desk/people/{ANA}", headers=EN).text
    assert "<b>Ana</b> did it: swept" in page and f"/desk/record/task/{TASK}" in page
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    assert "swept" not in ben.get(f"/desk/people/{ANA}?day={yesterday}", headers=EN).text
    assert dao.get(f"/desk/people/{ANA}").status_code == 404
