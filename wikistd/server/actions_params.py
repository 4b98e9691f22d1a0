"""The parameters of API modules, read from what a client sent.

In: texts and the table of a module.  Out: values, warnings, or an ActionFailure.
Spec: MediaWiki 1.39's ParamValidator.  Pure.  Not here: the language of the tables
(actions_specs.py), what modules do with the values.
"""

from __future__ import annotations

import calendar
import re
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .accounts import canonical_user_name, is_address
from .actions import ActionFailure, ApiMessage, refuse
from .actions_specs import ParamSpec, read_table
from .titles import clean_text

#: How many values a parameter takes from most clients, and with apihighlimits.
LOW_VALUES, HIGH_VALUES = 50, 500
_param_integer = re.compile(r"[+-]?[0-9]{1,18}\Z")
_param_times = (
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%MZ",
    "%Y-%m-%d",
    "%Y%m%d%H%M%S",
    "%a, %d %b %Y %H:%M:%S GMT",
)


def split_values(value: str) -> List[str]:
    """Return the values of a|b, or of U+001F a U+001F b; none of an empty text."""
    sign = "|"
    if value.startswith("\x1f"):
        sign, value = "\x1f", value[1:]
    return value.split(sign) if value else []


def format_number(number: int) -> str:
    """Return a number with commas between the thousands."""
    return "{:,}".format(number)


def parse_api_time(text: str, now: int) -> Optional[int]:
    """Return the seconds that `text` names, or None where it names none."""
    text = text.strip()
    if text in ("now", ""):
        return now
    if re.match(r"[0-9]{1,13}\Z", text):
        return int(text)
    text = re.sub(r"(:[0-9]{2})\.[0-9]+(?=Z|\Z)", r"\1", text)
    text = re.sub(r"\+00:00\Z", "Z", text)
    for form in _param_times:
        try:
            return calendar.timegm(time.strptime(text, form))
        except ValueError:
            continue
    return None


class ParamReader:
    """Reads the parameters of one module from what a client sent.  One owner.

    `warn` takes a code, a message and the module's path.  `limits` collects what "max"
    became.  `has_high_limits` is the client's apihighlimits right.
    """

    def __init__(self, values: Dict[str, str], now: int) -> None:
        self.values = values
        self.now = now
        self.has_high_limits = False
        self.used: Dict[str, None] = {}
        self.warnings: List[Tuple[str, ApiMessage]] = []
        self.limits: Dict[str, int] = {}

    def warn(self, module: str, message: ApiMessage) -> None:
        """Keep a warning for the reply; the same one is kept once."""
        told = [(known, other.code, other.text) for known, other in self.warnings]
        if (module, message.code, message.text) not in told:
            self.warnings.append((module, message))

    def deprecate(self, module: str, text: str, feature: str) -> None:
        """Keep a warning of a feature that will go away."""
        key, data = "apiwarn-deprecation", {"feature": feature}
        self.warn(module, ApiMessage("deprecation", text, data, key))
        self.warn("main", ApiMessage("deprecation-help", DEPRECATION_HELP))

    def read(self, module: str, prefix: str, table: str) -> Dict[str, Any]:
        """Return the value of each parameter.  ActionFailure for the first bad one."""
        values: Dict[str, Any] = {}
        first: Optional[ActionFailure] = None
        for name, spec in read_table(table).items():
            # All are read: warnings of those behind a bad one are in the reply too.
            try:
                values[name] = self.read_one(module, prefix + name, spec)
            except ActionFailure as failure:
                first = first or failure
        if first is not None:
            if first.module is None:
                first.module = module
            raise first
        return values

    def read_one(self, module: str, name: str, spec: ParamSpec) -> Any:
        """Return the value of one parameter under its full name."""
        self.used[name] = None
        value = self.values.get(name)
        if value is not None and spec.is_deprecated:
            text = 'The parameter "%s" has been deprecated.' % name
            feature = "action=%s&%s" % (module.partition("+")[0], name)
            self.deprecate(module, text, feature)
        if spec.kind == "flag":
            return value is not None
        if spec.is_required and not (value or (spec.is_multi and value is not None)):
            raise missing_param(name)
        if value is None:
            default = spec.default
            return list(default) if isinstance(default, (list, tuple)) else default
        if not spec.is_secret:
            value = self._clean(module, name, value, spec.is_multi)
        if spec.is_multi:
            return self._read_values(module, name, value, spec)
        return self.read_value(module, name, value, spec)

    def _clean(self, module: str, name: str, value: str, is_multi: bool) -> str:
        has_mark = is_multi and value.startswith("\x1f")
        parts = value.split("\x1f") if has_mark else [value]
        body = "\x1f".join(clean_text(part)[0] for part in parts)
        if body != value:
            self.warn(module, ApiMessage("badutf8", BAD_TEXT_WARNING % name))
        return body

    def _read_values(
        self, module: str, name: str, value: str, spec: ParamSpec
    ) -> List[Any]:
        if spec.takes_all and value == "*":
            return list(spec.choices)
        given = list(dict.fromkeys(split_values(value)))
        limit = HIGH_VALUES if self.has_high_limits else LOW_VALUES
        if len(given) > limit:
            text = 'Too many values supplied for parameter "%s". The limit is %d.'
            raise refuse(
                "toomanyvalues",
                text % (name, limit),
                limit=limit,
                lowlimit=LOW_VALUES,
                highlimit=HIGH_VALUES,
            )
        if not spec.choices:
            one = spec._replace(is_multi=False)
            return [self.read_value(module, name, each, one) for each in given]
        unknown = [each for each in given if each not in spec.choices]
        if unknown:
            self._warn_unknown(module, name, value, unknown)
        for each in given:
            if spec.kind == "choice" and each in spec.old_values:
                text = 'The value "%s" to parameter "%s" has been deprecated.'
                self.deprecate(
                    module, text % (each, name), "action=query&%s=%s" % (name, each)
                )
        return [each for each in given if each in spec.choices]

    def _warn_unknown(
        self, module: str, name: str, value: str, unknown: List[str]
    ) -> None:
        plural = "s" if len(unknown) > 1 else ""
        self.warn(
            module,
            ApiMessage(
                "unrecognizedvalues",
                'Unrecognized value%s for parameter "%s": %s'
                % (plural, name, ", ".join(unknown)),
                {"values": unknown},
                key="paramvalidator-unrecognizedvalues",
                params=[
                    {"plaintext": name},
                    {"plaintext": value},
                    {
                        "list": [{"plaintext": each} for each in unknown],
                        "type": "comma",
                    },
                    {"num": len(unknown)},
                ],
            ),
        )

    def read_value(self, module: str, name: str, value: str, spec: ParamSpec) -> Any:
        """Return one value of a parameter, or refuse one not of its kind."""
        if spec.kind in ("number", "limit"):
            return self._read_number(module, name, value, spec)
        if spec.kind == "time":
            seconds = parse_api_time(value, self.now)
            if seconds is None:
                raise bad_value("timestamp", name, value)
            return seconds
        if spec.choices and value not in spec.choices:
            raise unknown_value(name, value)
        if spec.kind == "namespace" and not spec.is_multi:
            return int(value)
        if spec.kind == "user":
            return self._read_user(name, value, spec)
        return value

    def _read_user(self, name: str, value: str, spec: ParamSpec) -> str:
        text = value.replace("_", " ").strip()
        canonical = canonical_user_name(text)
        if is_address(text):
            canonical = text.upper() if "address" in spec.old_values else None
        if canonical is None:
            raise bad_value("user", name, value)
        return canonical

    def _read_number(
        self, module: str, name: str, value: str, spec: ParamSpec
    ) -> Optional[int]:
        high = spec.high
        if spec.kind == "limit" and self.has_high_limits and spec.bot_high:
            high = spec.bot_high
        if spec.kind == "limit" and value == "max":
            assert high is not None
            self.limits[module.rpartition("+")[2]] = high
            return high
        if not _param_integer.match(value):
            raise bad_value("integer", name, value)
        number = int(value)
        low = spec.low
        if (low is None or number >= low) and (high is None or number <= high):
            return number
        data = {"min": low, "curmax": high, "max": spec.high, "highmax": spec.bot_high}
        bounds = (
            "between %s and %s" % (format_number(low), format_number(high))
            if low is not None and high is not None
            else "no less than %s" % format_number(low or 0)
        )
        self.warn(
            module,
            ApiMessage(
                "outofrange",
                'The value "%s" for parameter "%s" must be %s.' % (value, name, bounds),
                {key: each for key, each in data.items() if each is not None},
                key="paramvalidator-outofrange-minmax",
                params=[
                    {"plaintext": name},
                    {"plaintext": value},
                    {"num": low},
                    {"num": high},
                ],
            ),
        )
        if low is not None and number < low:
            return low
        return high


BAD_TEXT_WARNING = (
    'The value passed for "%s" contains invalid or non-normalized data. Textual data '
    "should be valid, NFC-normalized Unicode without C0 control characters other than "
    "HT (\\t), LF (\\n), and CR (\\r)."
)
DEPRECATION_HELP = (
    "Subscribe to the mediawiki-api-announce mailing list at "
    "<https://lists.wikimedia.org/postorius/lists/"
    "mediawiki-api-announce.lists.wikimedia.org/> for notice of API deprecations and "
    "breaking changes."
)


def missing_param(name: str) -> ActionFailure:
    """Return the failure of a parameter that must be there."""
    return refuse("missingparam", 'The "%s" parameter must be set.' % name)


def unknown_value(name: str, value: str) -> ActionFailure:
    """Return the failure of a value that is none of the choices."""
    text = 'Unrecognized value for parameter "%s": %s.' % (name, value)
    return ActionFailure(ApiMessage("badvalue", text, key="paramvalidator-badvalue"))


def bad_value(kind: str, name: str, value: str) -> ActionFailure:
    """Return the failure of a value that is not of its kind."""
    text = 'Invalid value "%s" for %s parameter "%s".' % (value, kind, name)
    key, params = (
        "paramvalidator-bad" + kind,
        [{"plaintext": name}, {"plaintext": value}],
    )
    return ActionFailure(ApiMessage("bad" + kind, text, key=key, params=params))


def require_one(
    args: Dict[str, Any], prefix: str, names: Sequence[str], *, at_least: bool = False
) -> str:
    """Return the one of `names` that was given.  ActionFailure for none or several."""
    given = [name for name in names if args.get(name) not in (None, False, [])]
    if len(given) == 1 or (given and at_least):
        return given[0]
    quoted = ['"%s%s"' % (prefix, name) for name in given or names]
    listed = ", ".join(quoted[:-1]) + " and " + quoted[-1]
    if given:
        text = "The parameters %s can not be used together." % listed
        raise refuse("invalidparammix", text)
    what = "At least one" if at_least else "One"
    text = "%s of the parameters %s is required." % (what, listed)
    raise refuse("missingparam", text)
