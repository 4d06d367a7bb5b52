"""Tokens: shown once, kept as hashes, ended at once."""

import json
import stat
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from crosslabel.errors import NotFoundError
from crosslabel.server.security.roles import Role
from crosslabel.server.security.tokens import TokenError, TokenStore


@pytest.fixture
def store(tmp_path):
    return TokenStore(tmp_path / "security")


def test_a_token_is_known_again_with_its_name_and_role(store):
    token = store.add("ward 3", Role.REVIEW)
    record = store.verify(token)
    assert (record.name, record.role) == ("ward 3", Role.REVIEW)
    assert store.verify(token[:-1]) is None
    assert store.verify("") is None


def test_a_token_has_at_least_256_random_bits(store):
    tokens = {store.add(f"n{number}", Role.ANNOTATE) for number in range(20)}
    assert len(tokens) == 20
    assert all(len(token) * 6 >= 256 for token in tokens)


def test_the_file_holds_no_token_and_equal_salts_never(store):
    tokens = [store.add(name, Role.ANNOTATE) for name in ("a", "b")]
    text = store.path.read_text()
    assert not any(token in text for token in tokens)
    records = json.loads(text)["tokens"]
    assert records[0]["salt"] != records[1]["salt"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps access in lists, not in modes")
def test_the_file_belongs_to_its_owner_alone(store):
    store.add("a", Role.ANNOTATE)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_a_revoked_token_opens_nothing_also_in_a_process_that_knew_it(store):
    token = store.add("a", Role.ADMINISTER)
    elsewhere = TokenStore(store.path.parent)
    assert elsewhere.verify(token) is not None
    store.revoke("a")
    assert elsewhere.verify(token) is None
    assert elsewhere.all()[0].revoked is not None
    with pytest.raises(NotFoundError, match="no valid token for 'a'"):
        store.revoke("a")


def test_a_name_is_given_once_so_that_the_audit_log_stays_clear(store):
    store.add("a", Role.ANNOTATE)
    store.revoke("a")
    with pytest.raises(TokenError, match="There is or was a token for 'a'"):
        store.add("a", Role.ADMINISTER)


@pytest.mark.parametrize("name", ["", "../x", "a\nb", "x" * 65, ".hidden"])
def test_a_name_is_plain(store, name):
    with pytest.raises(TokenError, match="letters, digits"):
        store.add(name, Role.ANNOTATE)
    assert not store.path.exists()


def test_the_day_of_the_last_use_is_kept(store):
    token = store.add("a", Role.ANNOTATE)
    assert store.all()[0].last_used is None
    used = store.verify(token).created[:10]
    assert store.all()[0].last_used == used


def test_no_token_is_lost_when_several_are_added_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda number: TokenStore(tmp_path).add(f"n{number}", Role.ANNOTATE), range(24)))
    assert all(TokenStore(tmp_path).verify(token) for token in tokens)


def test_a_damaged_file_keeps_everyone_out_and_says_so(store):
    token = store.add("a", Role.ANNOTATE)
    store.path.write_text('{"tokens": [{')
    with pytest.raises(TokenError, match=r"tokens\.json is damaged; restore it"):
        store.verify(token)


@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_what_the_ones_before_it_may(role):
    ranks = [Role.ANNOTATE, Role.REVIEW, Role.ADMINISTER]
    assert [role.includes(other) for other in ranks] == [ranks.index(other) <= ranks.index(role) for other in ranks]
