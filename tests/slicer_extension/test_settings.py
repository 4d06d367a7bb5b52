"""What a person set."""

import pytest

from CrossLabelLib.settings import DEFAULTS, MemoryStorage, Settings


def test_what_was_set_is_there_at_the_next_start(tmp_path):
    storage = MemoryStorage()
    Settings(storage, tmp_path).set("overlay_opacity", 0.25)
    assert Settings(storage, tmp_path).get("overlay_opacity") == 0.25
    assert Settings(storage, tmp_path).get("propose_on_load") is DEFAULTS["propose_on_load"]


@pytest.mark.parametrize("kept", ["{broken", '"text"', "null", "[1]", "true"])
def test_what_cannot_be_understood_counts_as_never_set(kept, tmp_path):
    storage = MemoryStorage()
    storage.set("CrossLabel/autosave_seconds", kept)
    storage.set("CrossLabel/servers", kept)
    settings = Settings(storage, tmp_path)
    assert settings.get("autosave_seconds") == DEFAULTS["autosave_seconds"]
    assert settings.servers == []


def test_a_name_that_is_none_is_an_error(tmp_path):
    for call in (lambda: Settings(home=tmp_path).get("nothing"), lambda: Settings(home=tmp_path).set("nothing", 1)):
        with pytest.raises(KeyError):
            call()


def test_the_last_servers_are_remembered_each_once(tmp_path):
    settings = Settings(home=tmp_path)
    for number in (*range(10), 5):
        settings.used(f"https://server{number}", "")
    assert settings.servers[:3] == ["https://server5", "https://server9", "https://server8"]
    assert len(settings.servers) == 8
    settings.forget("https://server9")
    assert "https://server9" not in settings.servers


def test_a_token_is_kept_only_where_that_is_wanted(tmp_path):
    storage = MemoryStorage()
    settings = Settings(storage, tmp_path)
    settings.used("https://a", "secret")
    assert "secret" not in str(vars(storage))
    settings.set("remember_tokens", True)
    settings.used("https://a", "secret")
    settings.used("https://b", "other")
    assert (settings.token("https://a"), settings.token("https://b"), settings.token("https://c")) == ("secret", "other", "")
    settings.forget("https://a")
    assert "secret" not in str(vars(storage))


def test_no_folder_is_made_before_something_is_kept(tmp_path):
    settings = Settings(home=tmp_path / "home")
    assert settings.autosave_folder == tmp_path / "home" / "autosave"
    settings.set("autosave_folder", str(tmp_path / "chosen"))
    assert settings.autosave_folder == tmp_path / "chosen"
    assert list(tmp_path.iterdir()) == []
