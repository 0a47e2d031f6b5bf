"""Labels of payload fields and of their values, as the features declare them (`Feature.fields`)."""

from __future__ import annotations

from server.desk import labels
from server.desk.formatting import label_for
from server.i18n.locale import translate
from sync import FEATURES
from sync.protocol.feature import Feature
from sync.protocol.labels import BOOLEANS, FIELDS

_FEATURES: dict[str, Feature] = {kind: feature for feature in FEATURES for kind in feature.kinds}


def field_label(kind: str, name: str) -> str:
    """The label of a payload field: the kind's own, its feature's, or the shared one."""
    texts = _FEATURES[kind].fields
    own = f"{kind.partition('.')[2]}.{name}"
    text = texts.get(own) or texts.get(name) or FIELDS.get(name)
    return translate(text) if text else name


def value_label(kind: str, name: str, value: str) -> str:
    """The label of one of the values that a payload field may have."""
    text = _FEATURES[kind].values.get(name, {}).get(value)
    return translate(text) if text else label_for(labels.VALUE_LABELS, value)


def boolean_label(word: str) -> str:
    """The label of "yes" or "no"."""
    return translate(BOOLEANS[word])
