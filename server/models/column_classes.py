"""What kind of data each column of each table holds. A new column has to be added here.

PUBLIC may be read by anybody. INTERNAL is the work of the house: ids, times, states, who of our own
people did what. PERSONAL tells who somebody is, or is text that somebody typed and that may tell
it: it has days of retention, is found, exported and erased. SENSITIVE is a secret, or what harms
people when it is known: what they owe, what they are reproached with.
"""

from __future__ import annotations

PUBLIC, INTERNAL, PERSONAL, SENSITIVE = "public", "internal", "personal", "sensitive"

COLUMNS: dict[str, dict[str, str]] = {
    "access": {
        INTERNAL: "site_id id event at by_id about_id device_id origin seals count version",
        PERSONAL: "address",
        SENSITIVE: "details",
    },
    "access_count": {
        INTERNAL: "site_id key event entry_id since count",
    },
    "account": {
        INTERNAL: "person_id pin_expires_at first_until totp_step",
        PERSONAL: "username",
        SENSITIVE: "password_hash pin_check pin_hash draft_secret totp_secret",
    },
    "area": {
        PUBLIC: "parent_id kind label code ordinal",
        INTERNAL: "site_id id version",
    },
    "arrears": {
        INTERNAL: (
            "site_id id batch listed_at ledger_at collector_id called_at appointment_at "
            "paused_by visit_asked_at visit_asked_by_id visit_approved_at "
            "visit_approved_by_id visited_at visited_by_id handed_at last_called_at purged_at "
            "version"
        ),
        PERSONAL: "unit visit_reason handed_reason",
        SENSITIVE: (
            "lines windows do_not_call calls visit_outcome visit_went_in paid_cents owed_cents "
            "stored_state"
        ),
    },
    "aside": {
        INTERNAL: (
            "site_id id op_id opened_at outcome instead_id settled_at settled_by_id version"
        ),
        PERSONAL: "reason",
    },
    "card": {
        PUBLIC: "group code title body phrase order clause prompts approaches",
        INTERNAL: "site_id id status edition pack withdrawn_at version",
    },
    "case": {
        INTERNAL: (
            "site_id id category_id code label sub sub_label subject_kind subject_id "
            "answers_id raised_at raised_by_id happened_at found_at asked_at answer_until "
            "statement_hours stated_at heard_at decided_at decided_by_id acknowledged_at "
            "appealed_at closed_at closed_by_id version"
        ),
        SENSITIVE: (
            "subject_name amount facts statements finding measures decisions appeals because"
        ),
    },
    "category": {
        PUBLIC: "code label text subs clause",
        INTERNAL: (
            "site_id id with_amount seeded published_at deactivated_at acknowledged version"
        ),
    },
    "checkpoint": {
        PUBLIC: "route label ordinal",
        INTERNAL: "site_id id area_id version",
        SENSITIVE: "code serial",
    },
    "contractor": {
        PUBLIC: "name service",
        INTERNAL: "site_id id contract_ref accountable_id ended_at version",
        PERSONAL: "contact agreement note",
    },
    "credential": {
        INTERNAL: "id site_id device_id person_id created_at activated_at used_at revoked_at",
        SENSITIVE: "public_key",
    },
    "device": {
        INTERNAL: (
            "id site_id enrolled_by enrolled_at revoked_at lost_at told_at lineage seen_at "
            "clear_at offset_ms storage misfit people_key ended_because token_at"
        ),
        PERSONAL: "label app report",
        SENSITIVE: "token_hash next_token_hash",
    },
    "device_person": {
        INTERNAL: "site_id device_id person_id",
    },
    "enrolment": {
        INTERNAL: "site_id issued_by issued_at expires_at used_at people",
        SENSITIVE: "code_hash",
    },
    "entry": {
        INTERNAL: (
            "site_id id worker_id contractor ticket visit in_at out_at out_by_id afterwards "
            "recorded_at recorded_by_id received_at resident_present acknowledgement "
            "struck_at struck_by_id joined_to joined_at joined_by_id purged_at version"
        ),
        PERSONAL: "unit purpose worker second_person remarks struck_because",
    },
    "feed": {
        INTERNAL: (
            "site_id id type seq version deleted audience seen_by readers past_readers changes_at"
        ),
        PERSONAL: "body",
    },
    "find": {
        INTERNAL: (
            "site_id id area found_at found_by_id ended_at ended_by_id ended_how "
            "photos_here purged_at version"
        ),
        PERSONAL: "what condition found_where finder notices chain ended_with receipt photos",
    },
    "inspection": {
        INTERNAL: (
            "site_id id template_id edition code label criteria area person assessor_id "
            "inspected_at day slot of_self results score gained possible formula critical "
            "performers task_id official_at official_by_id photos_here version"
        ),
        PERSONAL: "notes shots actions photos",
    },
    "lineage": {
        INTERNAL: "site_id lineage device_id upto hash gaps lost",
    },
    "list_filter": {
        INTERNAL: (
            "site_id id list_name owner_id made_by_id made_at every format language written_at "
            "failure"
        ),
        PERSONAL: "values digest name",
    },
    "lost": {
        INTERNAL: (
            "site_id id last_seen_at holds_personal_data urgency channel ticket opened_at "
            "first_responder_id next_action_at next_by_id contractor_id accountable_id "
            "contracted_at outcome closed_at closed_by_id photos_here purged_at version"
        ),
        PERSONAL: (
            "item details last_seen_where unit contact declined_because lists asked offers "
            "handed found returned told steps next_action closing_note photos"
        ),
        SENSITIVE: "statements",
    },
    "merge": {
        INTERNAL: (
            "site_id id op_id subject subject_type rule opened_at taken settled_at "
            "settled_by_id more_op_ids version"
        ),
        PERSONAL: "base theirs incoming result note",
    },
    "month": {
        PUBLIC: "month",
        INTERNAL: "site_id id closed_at closed_by_id counts version",
    },
    "op": {
        INTERNAL: (
            "site_id id place lineage n hash kind v subject subject_type by device_id at "
            "occurred_at received_at uncertainty_ms base after status code version fact "
            "flags merge_id verdict digest link moved proof credential"
        ),
        PERSONAL: "body payload changes",
    },
    "parcel": {
        INTERNAL: (
            "site_id id device_id exported_at ops pictures sealed taken_at taken_by_id version"
        ),
    },
    "passkey": {
        INTERNAL: "id person_id sign_count made_at used_at",
        PERSONAL: "label",
        SENSITIVE: "credential_id public_key",
    },
    "person": {
        INTERNAL: "site_id id roles trades contractor_id active_from active_to version",
        PERSONAL: "name employee_no",
    },
    "photo": {
        INTERNAL: "site_id sha256 bytes digest mime received_at",
    },
    "photo_link": {
        INTERNAL: "site_id sha256 subject subject_type",
    },
    "purge": {
        INTERNAL: "site_id at records photos asides held",
    },
    "readiness": {
        INTERNAL: (
            "site_id id person item months attested_at attested_by_id refresh_on of_self version"
        ),
        PERSONAL: "note",
    },
    "recovery_code": {
        INTERNAL: "person_id",
        SENSITIVE: "code_hash",
    },
    "rectification": {
        INTERNAL: (
            "site_id id inspection_id item code label critical area person responsible_id "
            "due_at raised_by_id failed_at done_at done_by_id verified_at verified_by_id "
            "photos_here version"
        ),
        PERSONAL: "failures finding before after note photos",
    },
    "regular": {
        INTERNAL: "site_id id purpose times last_at purged_at version",
        PERSONAL: "visitor host_unit firm plate",
    },
    "release": {
        INTERNAL: (
            "site_id id visit quantity recorded_at recorded_by_id passed_at passed_by_id "
            "purged_at photos_here version"
        ),
        PERSONAL: "what carrier host_unit agreed_by photos",
    },
    "round": {
        INTERNAL: (
            "site_id id route_id label points fastest responsible_id window_start "
            "window_end planned_at fines skips disposed elsewhere cancelled_at photos_here "
            "outcomes point_count open_points noted_points flagged_points uncounted_scans "
            "version"
        ),
        PERSONAL: "scans photos",
    },
    "route": {
        PUBLIC: "label",
        INTERNAL: (
            "site_id id points fastest rrule rdate exdate window workdays_only dtstart tzid "
            "responsible_id active before version"
        ),
    },
    "scan": {
        INTERNAL: (
            "site_id id checkpoint label area_id at by_id method moved_to photos_here version"
        ),
        PERSONAL: "note photos",
        SENSITIVE: "token",
    },
    "schedule": {
        PUBLIC: "clause label area_kind",
        INTERNAL: (
            "site_id id code per_unit items area_ids rrule rdate exdate window grace "
            "standing workdays_only dtstart tzid responsible_id role active "
            "needs_confirmation before sort_key version"
        ),
    },
    "server_state": {
        INTERNAL: "key",
        SENSITIVE: "value",
    },
    "session": {
        INTERNAL: (
            "site_id person_id started_at seen_at expires_at id proven_at factors must_change"
        ),
        PERSONAL: "browser address",
        SENSITIVE: "token_hash",
    },
    "shift": {
        INTERNAL: (
            "site_id id person_id opened_at uniform closed_at closed_by_id unsent "
            "open_items handed_over_at handed_to_id items taken_over_at taken_over_by_id "
            "version"
        ),
        PERSONAL: "note handover_note",
    },
    "sign_in_step": {
        INTERNAL: "person_id tries expires_at",
        PERSONAL: "page",
        SENSITIVE: "token_hash challenge",
    },
    "site": {
        PUBLIC: (
            "label notice_contact notice_text company company_licence project_head project_phone "
            "complaint_phone fee_items quality_terms fund_use common_income"
        ),
        INTERNAL: (
            "site_id id retention_days visit_minutes silent_hours statement_hours two_step "
            "entry_days ticket_days find_days lost_days arrears_days version"
        ),
    },
    "site_feed": {
        INTERNAL: "site_id head floor judged names_seq heard_at link",
    },
    "taken_form": {
        INTERNAL: "content_hash at",
        PERSONAL: "location",
        SENSITIVE: "token_hash",
    },
    "task": {
        INTERNAL: (
            "site_id id schedule_id code label area_id unit_id responsible_id role "
            "window_start window_end needs_confirmation items standing grace planned_at "
            "assigned_by_id reassigned_by_id ticked confirmed done_at done_by_id "
            "done_received_at helper_ids agent dose method firm notice skipped_at "
            "cancelled_at cancelled_by_id disposition disposed_at disposed_by_id "
            "photos_here version"
        ),
        PERSONAL: "reason note skip_reason cancel_reason disposition_note photos",
    },
    "team": {
        INTERNAL: "site_id id leader_id member_ids memberships ended_at version",
        PERSONAL: "name",
    },
    "template": {
        PUBLIC: "code clause label about area_kinds items",
        INTERNAL: "site_id id roles versions edition retired_at version",
    },
    "throttle": {
        INTERNAL: "tries since last_at",
        PERSONAL: "key",
    },
    "ticket": {
        INTERNAL: (
            "site_id id number numbers channel matter category area urgency voices "
            "about_type about photos_here has_items opened_at first_responder_id steward_id "
            "successions co_receiver_ids handler_id contractor_id accountable_id "
            "given_by_id asked_role asked_trade handed_at accepted_at proxy_for_id escalated_at "
            "escalation promised_at followed_at acted_at resolved_at resolved_by_id "
            "feedback_at feedback_by_id reaction unreachable marks reopened_at closed_at "
            "merged_into merged_at apart_ids purged_at version"
        ),
        PERSONAL: "contact declined_because details unit photos things resolved_how timeline",
        SENSITIVE: "slip",
    },
    "ticket_number": {
        INTERNAL: "site_id device_id ticket_id given_at is_shared",
        SENSITIVE: "number",
    },
    "training": {
        INTERNAL: (
            "site_id id facilitator_id begun_at cards case prompts approaches attendees "
            "acknowledged closed_at late version"
        ),
        PERSONAL: "answers summary",
    },
    "unit": {
        PUBLIC: "label sort_key",
        INTERNAL: "site_id id area_id version",
        PERSONAL: "occupied",
    },
    "unsaved_form": {
        INTERNAL: "id person_id site_id at",
        PERSONAL: "page address fields",
    },
    "visit": {
        INTERNAL: (
            "site_id id purpose party_size id_checked expected_at expected_by_id "
            "expected_from expected_until expected_minutes arrived_at arrived_by_id due_at "
            "departed_at departed_by_id presumed refused_at refused_by_id steps held_at "
            "held_by_id retained_from purged_at photos_here version"
        ),
        PERSONAL: (
            "visitor host_unit host_person firm phone plate plate_key name_key note "
            "refuse_reason hold_reason photos"
        ),
    },
    "weather": {
        INTERNAL: "site_id id sort areas event reported_at reported_by_id version",
    },
}
"""The columns of each table by class, separated by blanks."""

KEPT_OTHERWISE = {
    "access": "part of the log: who looked at what has to be provable",
    "account": "as long as somebody works here",
    "aside": "about ops; the text of an expired op is erased",
    "card": "written for everybody",
    "case": "about people who work here, by the rules of employment",
    "contractor": "the contact of a firm, as long as its contract is to be provable",
    "device": "a phone of the house",
    "feed": "bodies of the records, erased with them",
    "inspection": "about work and people who work here",
    "merge": "erased with the record that it is about",
    "list_filter": "for a month, a saved view until somebody deletes it",
    "op": "erased with the record that it is about",
    "passkey": "as long as somebody works here",
    "person": "people who work here, by the rules of employment",
    "readiness": "about people who work here",
    "rectification": "about work",
    "round": "about work",
    "scan": "about work",
    "session": "until it ends",
    "shift": "about work",
    "sign_in_step": "for minutes",
    "taken_form": "for three days",
    "task": "about work",
    "team": "people who work here",
    "throttle": "a hash, for a day",
    "training": "about people who work here",
    "unit": "whether a home is lived in, not by whom",
    "unsaved_form": "for a day",
}
"""Tables with personal data that have no days of retention of their own, and why."""


def columns_of(table: str, *classes: str) -> list[str]:
    """The columns of a table that are of one of these classes."""
    return [name for class_ in classes for name in COLUMNS[table].get(class_, "").split()]


def class_of(table: str, column: str) -> str:
    """The class of a column. Raises LookupError for one that is not listed."""
    for class_, names in COLUMNS[table].items():
        if column in names.split():
            return class_
    raise LookupError(f"{table}.{column} has no class: add it to server/models/column_classes.py")
