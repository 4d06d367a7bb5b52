from __future__ import annotations

import json

from crosslabel.server.security.roles import Role
from crosslabel.server.security.tokens import TokenStore


def test_a_token_is_shown_once_listed_without_it_and_revoked(crosslabel, home, tmp_path):
    added = crosslabel("token", "add", "ward3", "--role", "review")
    assert added.exit_code == 0
    token = added.stdout.strip()
    store = TokenStore(tmp_path / "models" / "security")
    assert store.verify(token).role is Role.REVIEW
    listed = crosslabel("token", "list", "--json")
    (record,) = json.loads(listed.stdout)
    assert (record["name"], record["role"], record["revoked"]) == ("ward3", "review", None)
    assert set(record) == {"name", "role", "created", "revoked", "last_used"}
    assert token not in listed.stdout
    assert "ward3" in crosslabel("token", "list").stdout
    assert crosslabel("token", "revoke", "ward3").exit_code == 0
    assert "revoked" in crosslabel("token", "list").stdout
    assert store.verify(token) is None


def test_a_role_that_does_not_exist_is_refused(crosslabel, home):
    assert crosslabel("token", "add", "x", "--role", "king").exit_code == 2


def test_an_unknown_token_cannot_be_revoked(crosslabel, home):
    result = crosslabel("token", "revoke", "nobody")
    assert result.exit_code == 1
    assert "no valid token for 'nobody'" in result.stderr


def test_an_empty_list_says_how_to_begin(crosslabel, home):
    assert "crosslabel token add" in crosslabel("token", "list").stdout
