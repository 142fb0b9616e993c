import pytest
from pydantic import ValidationError

from agents_backend.domain.errors import KeyMissing, SealBroken
from agents_backend.integrations.vault import OVERHEAD, Keyring
from agents_backend.settings import VaultSettings
from agents_backend.stack.stack import Kept

OLD, NEW = "0123456789abcdef" * 4, "fedcba9876543210" * 4
PLAIN = b'{"token":"canary"}'


def keyring(*keys: str, purpose: str = "rows") -> Keyring:
    return Keyring(VaultSettings(keys=",".join(keys)), purpose)


@pytest.mark.parametrize("plain", [b"", b"x", bytes(range(256)) * 4000])
def test_what_is_sealed_opens_in_another_process(plain):
    sealed = keyring(OLD).seal(plain, place=b"a row")
    assert len(sealed) == len(plain) + OVERHEAD
    assert keyring(OLD).open(sealed, place=b"a row") == plain


def test_the_same_value_never_looks_the_same_twice_and_is_not_to_be_read():
    ring = keyring(OLD)
    found = {ring.seal(PLAIN) for _ in range(100)} | {keyring(OLD).seal(PLAIN) for _ in range(100)}
    assert len(found) == 200
    assert not any(b"canary" in sealed for sealed in found)


def test_a_value_opens_in_its_own_place_and_for_its_own_purpose_alone():
    sealed = keyring(OLD).seal(PLAIN, place=b"row 1")
    for ring, place in (
        (keyring(OLD), b"row 2"),
        (keyring(OLD), b""),
        (keyring(OLD, purpose="payloads"), b"row 1"),
    ):
        with pytest.raises(SealBroken):
            ring.open(sealed, place=place)


def test_a_change_of_any_byte_is_noticed():
    ring = keyring(OLD)
    sealed = ring.seal(PLAIN)
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises((SealBroken, KeyMissing)):
            ring.open(bytes(altered))
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            ring.open(sealed[:length])


def test_a_value_of_a_key_that_is_gone_names_the_key():
    old = keyring(OLD)
    with pytest.raises(KeyMissing, match=f"{old.newest}, which is not among VAULT_KEYS"):
        keyring(NEW).open(old.seal(PLAIN))


def test_the_first_key_seals_and_each_opens():
    before, between = keyring(OLD), keyring(NEW, OLD)
    assert between.open(before.seal(PLAIN)) == PLAIN
    sealed = between.seal(PLAIN)
    assert sealed.startswith(keyring(NEW).prefix)
    assert keyring(NEW).open(sealed) == PLAIN
    with pytest.raises(KeyMissing):
        before.open(sealed)


@pytest.mark.parametrize(
    "keys", ["", " ", "abc", OLD[:-1], OLD + "0", OLD + "," + NEW[:-1] + "g", f"{OLD},{OLD.upper()}"]
)
def test_keys_that_are_none_are_refused_without_being_told(keys):
    with pytest.raises(ValidationError) as refused:
        VaultSettings(keys=keys)
    assert [error["loc"] for error in refused.value.errors()] == [("keys",)]
    assert not keys.strip() or keys not in refused.value.errors()[0]["msg"]


def test_a_file_may_hold_one_key_a_line():
    assert VaultSettings(keys=f"{NEW}\n{OLD}\n").listed() == (bytes.fromhex(NEW), bytes.fromhex(OLD))


def test_the_embedded_stack_makes_a_key_once_and_keeps_it_for_its_owner_alone(tmp_path):
    made = Kept(tmp_path / "secrets.json").key("vault")
    assert VaultSettings(keys=made).listed() == (bytes.fromhex(made),)
    assert Kept(tmp_path / "secrets.json").key("vault") == made
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
