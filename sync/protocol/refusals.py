"""Why an op was refused, quarantined, held or flagged: one sentence for each code.

The sentence states the remedy where there is one. The desk, the phones and the answers of the API
(in English) all use it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sync.protocol.text import Text, Texts, _l

REFUSALS: Texts = {
    "already-done": _l("This task is already done."),
    "already-cancelled": _l("This task has already been cancelled."),
    "already-moved": _l("This scan has already been moved. Look at the page again."),
    "already-scanned": _l("One of these checkpoints was scanned or skipped, so it was not missed."),
    "same-patrol": _l("The scan is already on this patrol. Choose another one."),
    "not-on-that-patrol": _l(
        "That patrol does not have this checkpoint. Choose a patrol that has it."
    ),
    "no-such-subject": _l(
        "Choose the team or contractor from the list. Add it first if it is missing."
    ),
    "team-ended": _l("This team has ended. Add a new one."),
    "statement-too-soon": _l(
        "People have longer to give a statement on this site. Choose a later time."
    ),
    "already-left": _l("This person has already left the staff."),
    "already-exists": _l("This record already exists."),
    "already-settled": _l("Someone has already resolved this."),
    "already-closed": _l("This is already closed."),
    "already-deactivated": _l("This category is no longer in use."),
    "already-decided": _l("This case has been decided. Only an appeal can reopen it."),
    "already-published": _l("This category has already been published."),
    "already-official": _l("This inspection is already the official one."),
    "already-retired": _l("This checklist is no longer in use."),
    "already-merged": _l("One of these tickets has already been merged into another."),
    "already-joined": _l("One of these entries was voided or has already been joined."),
    "does-not-end-it": _l(
        "These two do not fit. Choose an entry without an end, and an exit from the same home "
        "within a day of it."
    ),
    "not-settled": _l("This conflict has not been resolved yet."),
    "on-hold": _l("This visit is under a legal hold. Lift the hold first."),
    "not-on-hold": _l("This visit is not under a legal hold."),
    "purged": _l("This record was erased when its retention period ended."),
    "not-over": _l("It is not due yet, so nothing can be decided. Try again later."),
    "not-yet-known": _l("A phone has not sent its records yet. Try again once it has."),
    "cannot-stand": _l("This does not fit the current record. Choose something else."),
    "cannot-stand-together": _l("These two cannot both be kept. Choose one."),
    "task-over": _l("The time for this task is over. Assign a new task instead."),
    "implausible-time": _l("This time is long past or very far ahead. Check the date."),
    "number-taken": _l("This name or number is taken here. Choose another one."),
    "number-too-short": _l("The number is too short. Enter at least two characters."),
    "nothing-changed": _l("Nothing was changed."),
    "own-roles": _l("Someone else has to change your own roles. Ask another manager."),
    "trade-without-repair": _l("Only repair workers have a trade. Choose that role too."),
    "firm-without-contractor-worker": _l(
        "Only contractor workers belong to a contractor. Choose that role too."
    ),
    "barred": _l("The law does not allow your role to do this. Ask the service desk."),
    "needs-call": _l("Call the resident first. A visit is only possible after a call."),
    "needs-approval": _l("A supervisor must approve the visit first."),
    "needs-special-reason": _l("Give the special reason for the visit first."),
    "own-request": _l("You cannot approve your own request. Ask another supervisor."),
    "paused": _l("Collection is paused until the complaint has been answered."),
    "no-photos-here": _l("Photos are not allowed in a resident's home. Save it without a photo."),
    "closed": _l("This is closed. Reopen it first."),
    "not-closed": _l("This case is still open, so it cannot be reopened."),
    "contact-missing": _l("First ask how to reach the resident, or write why they did not say."),
    "entries-missing": _l("First list who was in the home."),
    "statements-missing": _l("First ask everyone on the latest list for a statement."),
    "police-missing": _l("First offer to report it to the police, and record the answer."),
    "feedback-missing": _l("Inform the resident first."),
    "not-returned": _l("The item has not been returned to its owner yet."),
    "not-with-police": _l("The item has not been handed to the police yet."),
    "not-allowed": _l("Your role cannot do this. Ask your supervisor."),
    "no-such-person": _l("This person is not available here. Choose someone else."),
    "no-such-record": _l(
        "The record this belongs to is not on the server. A supervisor will check it."
    ),
    "malformed": _l("A field is missing or too long. Correct it and save again."),
    "needs-responsible": _l("Choose a responsible person first."),
    "needs-interval": _l("Set how often first, then turn it on."),
    "never-due": _l("With this rule it would never be due. Change how often."),
    "needs-accountable": _l(
        "Choose one of our managers who stays responsible for this contractor."
    ),
    "due-is-past": _l("The due time has already passed. Choose a later time."),
    "promise-out-of-range": _l(
        "Choose a time for the reply that is still to come, within 5 years."
    ),
    "forked": _l("This phone was copied or restored. It will send the record again by itself."),
    "hash-mismatch": _l("The record arrived damaged. A supervisor will check it."),
    "left": _l("The person who recorded this no longer works here. A supervisor will decide."),
    "revoked": _l("This phone has been blocked. The record is safe, and a supervisor will decide."),
    "unproven": _l(
        "It is not certain who did this, because no PIN confirmed it. A supervisor will check it."
    ),
    "only-the-author": _l(
        "Only the person themselves can say this. Ask them to confirm it with their PIN."
    ),
    "bad-signature": _l("The signature does not fit this record. A supervisor will check it."),
    "revoked-credential": _l(
        "This person's key on the phone was blocked before the record arrived. A supervisor will "
        "decide."
    ),
    "foreign-lineage": _l(
        "This phone used the record numbers of another phone. It will send the record again by "
        "itself."
    ),
    "before-it-existed": _l("The time is before this existed. Check the clock and confirm again."),
    "unsealed": _l("This file was not signed by its phone. A supervisor will check each record."),
    "newer": _l(
        "This was made with a newer version. It will be processed after the server update."
    ),
    "not-for-phones": _l("This cannot be done on a phone. Use the desk."),
    "rule-failed": _l(
        "Something went wrong on the server. The record is safe. Tell your administrator."
    ),
    "waiting": _l("Waiting for an earlier record. This will be processed by itself."),
    "contested": _l("Someone else changed this at the same time. A supervisor will decide."),
    "contract-ended": _l("The contract with this contractor has ended."),
    "withdrawn": _l("This card has been withdrawn."),
    "not-failed": _l("This criterion did not fail in this inspection."),
    "not-official": _l("This inspection is not the official one."),
    "future-fact": _l("This time is in the future. Enter a time that has passed."),
    "amount": _l("Enter an amount for categories about a loss, and for no others."),
    "appealed": _l("There is an appeal. Another person must decide it first."),
    "misses-wait": _l("Some missed tasks of this month still need a decision."),
    "no-facts": _l("Add a fact against this person first."),
    "not-a-manager": _l("This person does not lead anyone. Choose a supervisor or manager."),
    "not-acknowledged": _l("The person had not read this category when it happened."),
    "published-later": _l("This category had not been published when it happened."),
    "not-appealed": _l("There is no appeal."),
    "not-asked": _l("Ask for a statement first."),
    "not-published": _l("This category is not in use. Publish it first."),
    "other-category": _l("The case belongs to another category."),
    "own-case": _l("You cannot act in your own case. Someone else has to."),
    "same-decider": _l("Another person has to decide this time."),
    "say-why": _l("The person has not read the decision. Say why the case is being closed."),
    "statement-waits": _l("There is still time for a statement. Decide after that."),
    "unknown-sub": _l("Choose one of the items of this category."),
    "not-the-subject": _l(
        "Recorded by someone else. It does not count as the person's own statement."
    ),
    "stated-after-decision": _l(
        "This statement came after the decision. The case can be decided again."
    ),
    "refused-though-inside": _l("The visitor was refused by one person and let in by another."),
    "called-while-paused": _l(
        "The resident was called while a complaint was waiting for an answer."
    ),
    "called-at-a-wrong-hour": _l(
        "The resident was called at an hour they do not accept, without a reason."
    ),
    "not-told-item-by-item": _l(
        "The resident was reached, but was not told the amounts item by item."
    ),
    "after-the-end": _l("This was recorded after the matter was closed. It is kept as a note."),
    "not-the-handler": _l("This was recorded by someone who is not handling the ticket."),
    "not-the-role": _l(
        "The ticket waited for another role or trade than whoever accepted it has. Check who is to "
        "do it, and hand it over if needed."
    ),
    "feedback-too-early": _l("Feedback was given before the work was done. The ticket stays open."),
    "feedback-without-reason": _l("Someone else gave the feedback without saying why."),
    "masked": _l("An identity number was removed from this record."),
    "clock-skewed": _l("The phone's clock was wrong. The time has been corrected."),
    "clock-jumped": _l("The phone's clock was changed. The time has been corrected."),
    "not-on-phone": _l("This person does not use the phone on which this was recorded."),
    "signed-late": _l("The author confirmed this with their PIN later than it is dated."),
    "in-the-future": _l("The phone's clock was ahead."),
    "cancelled-though-done": _l("The task was done before it was cancelled, but arrived later."),
    "other-firm": _l("The task is not of this worker's contractor."),
    "done-after-cancel": _l("The task was done after it had been cancelled."),
    "skipped-though-done": _l("The task was skipped by one person and done by another."),
    "self-inspection": _l("Someone inspected their own work. It cannot be official."),
    "unknown-edition": _l("The checklist used is not known here."),
    "unknown-items": _l("Some criteria are not on this checklist."),
    "verified-own-work": _l(
        "Someone checked their own corrective action. Another person has to check it."
    ),
    "number-changed": _l(
        "The ticket could not get the number that the resident was told. Tell them the new number."
    ),
    "left-again": _l("The exit was recorded twice. The first time counts."),
    "left-before-arriving": _l("The exit time is before the entry time."),
    "no-such-item": _l("The task has no such item."),
    "note-missing": _l("The shift was started without work clothes and without a reason."),
    "unknown-case": _l("The case card of this training is not known here."),
    "not-an-attendee": _l("This person was not on the list of attendees."),
    "no-such-prompt": _l("The training has no such question."),
    "not-the-facilitator": _l("Recorded by someone other than the trainer."),
    "own-word": _l("Someone confirmed their own skill. Another person has to confirm it."),
    "handed-over-by-another": _l("The shift was handed over by someone else."),
    "signed-by-another": _l("The handover was signed by someone other than the next person."),
    "accepted": _l("Accepted at the desk."),
    "mended": _l("Corrected at the desk."),
    "same-field": _l("Two people changed the same field without seeing each other's change."),
    "unseen-fact": _l("This was decided before the finished work was known."),
    "other-fields": _l("Two people changed different fields. Both changes are kept."),
    "same-value": _l("Two people entered the same value. It is kept once."),
}

REFUSAL_FIELDS: Mapping[str, tuple[str, ...]] = {
    "cannot-stand": ("value",),
    "promise-out-of-range": ("promised_at",),
    "contact-missing": ("contact", "declined_because"),
    "amount": ("amount",),
    "due-is-past": ("window_end", "due_at", "next_action_at", "promised_at", "answer_until"),
    "future-fact": ("at", "found_at", "last_seen_at", "occurred_at"),
    "needs-accountable": ("accountable_id",),
    "needs-interval": ("rrule",),
    "never-due": ("rrule",),
    "needs-responsible": ("responsible_id",),
    "needs-special-reason": ("reason",),
    "no-facts": ("text",),
    "no-such-person": (
        *("handler_id", "responsible_id", "answers_id", "person", "heir", "collector_id"),
        *("accountable_id", "for_id", "to_id", "to"),
    ),
    "not-a-manager": ("accountable_id", "to_id", "answers_id"),
    "other-category": ("category_id",),
    "say-why": ("because",),
    "unknown-sub": ("sub",),
    "already-exists": ("code", "label"),
}
"""The fields that a refusal is about. A form marks those that it has."""


UNKNOWN_REFUSAL = _l("The record is safe. A supervisor will check it.")
"""The sentence for a code that this version does not know."""


def refusal(code: str) -> Text:
    """The sentence for a code."""
    return REFUSALS.get(code, UNKNOWN_REFUSAL)


def refusal_text(code: str) -> str:
    """The English sentence for a code, for programs that call the API."""
    return refusal(code).message
