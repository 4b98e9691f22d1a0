"""wikistd.errors: the tree, the sentences, and errors that travel."""

import copy
import pickle
import unittest

import wikistd
from wikistd import errors


def error_classes():
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.WikistdError)
    ]


class EveryError(unittest.TestCase):
    def test_can_be_raised_without_arguments(self):
        """Tests of users raise our classes bare, as side effects of their mocks."""
        for kind in error_classes():
            with self.subTest(kind.__name__):
                with self.assertRaises(kind) as caught:
                    raise kind()
                self.assertTrue(str(caught.exception))
                self.assertIn(kind.__name__, repr(caught.exception))

    def test_survives_pickle_and_copy_with_its_fields(self):
        """An error raised in a worker process arrives whole."""
        for kind in error_classes():
            error = kind(maybe_applied=True) if kind in MAYBE else kind()
            error.note = "more"
            for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
                with self.subTest(kind.__name__):
                    self.assertIs(type(other), kind)
                    self.assertEqual(other.__dict__, error.__dict__)
                    self.assertEqual(str(other), str(error))

    def test_is_exported(self):
        """The API is flat."""
        for kind in error_classes():
            self.assertIs(getattr(wikistd, kind.__name__), kind)

    def test_stands_in_the_tree_of_the_docstring(self):
        """The docstring is the tree, indented by inheritance."""
        lines = errors.__doc__.splitlines()
        depth = {
            line.split()[0]: (len(line) - len(line.lstrip()) - 4) // 2
            for line in lines
            if line.startswith("    ") and line.strip()
        }
        for kind in error_classes():
            ours = [k for k in kind.__mro__ if issubclass(k, errors.WikistdError)]
            self.assertEqual(depth[kind.__name__], len(ours) - 1, kind.__name__)


MAYBE = {errors.TransportError, errors.TransportTimeout, errors.StatusError}


class Sentences(unittest.TestCase):
    def test_say_what_is_known(self):
        """str() is made from the fields."""
        cases = [
            (errors.APIError("badtoken", "Invalid CSRF token."),
             "badtoken: Invalid CSRF token."),
            (errors.APIError("a", "b", "c"), "a: b -- c"),
            (errors.LoginError("Failed", "Wrong password."),
             "Failed -- Wrong password."),
            (errors.RetryLater("maxlag", "7 s behind", after_seconds=5.0),
             "maxlag: 7 s behind (asked to wait 5 seconds)"),
            (errors.ProtocolError("no colon in 'x'", spec="RFC 9112 5"),
             "no colon in 'x' (RFC 9112 5)"),
            (errors.FingerprintMismatch("aa", "bb", "wiki.example", 443),
             "certificate of wiki.example:443 has the SHA-256 fingerprint bb, expected "
             "aa: if the certificate was renewed, pin the new one"),
        ]
        for error, sentence in cases:
            self.assertEqual(str(error), sentence)

    def test_unknown_fate_and_attempts_are_told(self):
        """A reader of the sentence learns that looking comes before sending again."""
        error = errors.ConnectionLost(
            "cut", maybe_applied=True, attempts=["1: HTTP 503", "2: cut"]
        )
        self.assertEqual(
            str(error),
            "cut (sent, but its fate is unknown: it may have been applied) "
            "[after 2 attempts: 1: HTTP 503; 2: cut]",
        )

    def test_attempts_that_went_alike_are_told_once(self):
        """Three refused connections are one sentence, with their number."""
        error = errors.ConnectFailed("refused", attempts=["refused"] * 3)
        self.assertEqual(str(error), "refused [after 3 attempts]")
        error = errors.ConnectFailed("refused", attempts=["slow", "slow", "refused"])
        self.assertEqual(str(error), "refused [after 3 attempts: slow]")
        error = errors.ConnectFailed("no route to a", attempts=["no route..., waited 1 s"] * 2)
        self.assertEqual(str(error), "no route to a [after 2 attempts: waited 1 s]")


class Ancestors(unittest.TestCase):
    def test_builtin_bases(self):
        """Code that catches OSError, TimeoutError or ValueError goes on working."""
        self.assertTrue(issubclass(errors.TransportError, OSError))
        self.assertTrue(issubclass(errors.TransportTimeout, TimeoutError))
        self.assertTrue(issubclass(errors.MultipartError, ValueError))
        self.assertTrue(issubclass(errors.APIWarning, UserWarning))

    def test_login_errors_are_siblings(self):
        """None of the three swallows another."""
        three = (errors.APIError, errors.LoginError, errors.ClientInteractionRequest)
        for one in three:
            self.assertEqual([k for k in three if issubclass(one, k)], [one])


if __name__ == "__main__":
    unittest.main()
