"""The recorded cases that the embedded wiki does not answer as MediaWiki does, and why.

Read by tests/data/captures/pack.py and tests/server/test_replay.py.
"""

_HTML = "an HTML page of MediaWiki's skin, for people"
_TABLES = "tables of one installation: its extensions, languages, magic words"

UNSUPPORTED = {
    "action_parse_and_friends": "needs a wikitext parser, templates and feeds",
    "api_no_params": _HTML,
    "edit_captcha": "an extension: ConfirmEdit",
    "error_abusefilter": "an extension: AbuseFilter",
    "errorformat_languages": "messages in other languages than English",
    "format_jsonfm": _HTML,
    "format_nope": _HTML,
    "format_rawfm": _HTML,
    "format_wddx": _HTML,
    "format_xmlfm": _HTML,
    "index_php": _HTML,
    "internal_errors": "a MediaWiki with a fault built in, and one without a database",
    "list_abusefilters": "an extension: AbuseFilter",
    "list_gadgets": "an extension: Gadgets",
    "list_random": "chosen at random",
    "list_tags": "extensions: tags of AbuseFilter",
    "paraminfo": "the description of every parameter of every module",
    "query_bot_500_texts_and_truncation": "recorded in part: 200,000 bytes of each answer",
    "query_pages_many_props_fv1": "extensions: TextExtracts, PageImages",
    "query_pages_many_props_fv2": "extensions: TextExtracts, PageImages",
    "rest_get": "the REST API",
    "rest_write": "the REST API",
    "siteinfo_all_fv1": _TABLES,
    "siteinfo_all_fv2": _TABLES,
    "warnings_several_modules": "rvprop=parsetree needs a wikitext parser",
}
