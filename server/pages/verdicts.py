"""The desk's words for what was made of an op, and why."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

STATUSES = {
    "applied": _("stands"),
    "merged": _("stands together with another change"),
    "contested": _("for the desk to settle"),
    "refused": _("not accepted"),
    "quarantined": _("could not be read"),
    "held": _("kept: no access any more"),
    "waiting": _("waits for an earlier record"),
    "deferred": _("made by a newer version"),
}

REASONS = {
    "already-done": _("It is done already."),
    "already-cancelled": _("It is cancelled already."),
    "already-left": _("They have left already."),
    "already-exists": _("It exists already."),
    "already-settled": _("Somebody has settled it already."),
    "not-settled": _("It is not settled."),
    "cannot-stand": _("That cannot stand with what is there now."),
    "cannot-stand-together": _("Both cannot stand at once. Choose one."),
    "nothing-changed": _("Nothing was changed."),
    "same-handler": _("That person has it in hand already."),
    "not-allowed": _("This role may not do that."),
    "no-such-record": _("There is no such record here."),
    "malformed": _("A field is missing or too long. Nothing was changed."),
    "needs-interval": _("Set how often before it is put in force."),
    "forked": _("That phone was copied or set back. It sends again by itself."),
    "hash-mismatch": _("It arrived damaged."),
    "left": _("Its author does not work here any more."),
    "revoked": _("That phone is no longer allowed here."),
    "newer": _("It was made by a newer version. It is kept until the update."),
    "not-for-phones": _("Only the server may do this."),
    "rule-failed": _("Something broke while judging it. Tell whoever runs the server."),
    "waiting": _("It waits for an earlier record."),
    "contested": _("Somebody changed it meanwhile. See “To settle”."),
    "clock-skewed": _("the phone's clock was wrong; the time is corrected"),
    "clock-jumped": _("the phone's clock jumped; the time is corrected"),
    "in-the-future": _("the phone's clock was ahead"),
    "done-after-cancel": _("done after it had been cancelled"),
    "skipped-though-done": _("skipped although it was done"),
    "already-official": _("It counts already."),
    "already-retired": _("This checklist is retired."),
    "not-official": _("Nobody had said that it counts."),
    "self-inspection": _("assessed oneself: never official"),
    "unknown-edition": _("made with a checklist that is not known here"),
    "unknown-items": _("speaks of criteria that the checklist does not have"),
    "verified-own-work": _("checked the own work: it does not count"),
    "left-again": _("left a second time"),
    "left-before-arriving": _("left before coming in"),
}

RULES = {
    "same-field": _("Two people changed the same thing, and neither saw the other."),
    "unseen-fact": _("This was decided before the work was known here."),
    "other-fields": _("Two people changed different things. Both stand."),
    "same-value": _("Two people wrote the same. It stands once."),
    "done-after-cancel": _("The work was done after it had been cancelled."),
    "skipped-though-done": _("It was skipped by one and done by another."),
    "self-inspection": _("Somebody assessed their own work. It never counts as official."),
    "unknown-edition": _("It was made with a checklist that is not known here."),
    "unknown-items": _("It speaks of criteria that the checklist does not have."),
    "verified-own-work": _("Somebody checked their own work. Another person has to look."),
    "left-again": _("The visitor was seen out twice. The first time counts."),
    "left-before-arriving": _("The visitor was seen out before coming in."),
}
