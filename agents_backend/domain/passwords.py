"""What a password must be. Length counts, and not being what everybody tries first; no rules of composition (NIST SP 800-63B)."""

from agents_backend.domain.errors import Invalid

SHORTEST, LONGEST = 8, 256
_DISTINCT = 5
_COMMON = frozenset(
    [
        "12345678",
        "123456789",
        "1234567890",
        "123456789012",
        "87654321",
        "987654321",
        "0987654321",
        "11111111",
        "00000000",
        "12341234",
        "11223344",
        "password",
        "password1",
        "password12",
        "password123",
        "password!",
        "passw0rd",
        "p@ssw0rd",
        "p@ssword",
        "passwort",
        "motdepasse",
        "qwertyuiop",
        "qwerty123",
        "qwerty12",
        "1qaz2wsx",
        "1q2w3e4r",
        "1q2w3e4r5t",
        "zaq12wsx",
        "qazwsxedc",
        "asdfghjkl",
        "abcd1234",
        "abc12345",
        "a1b2c3d4",
        "iloveyou",
        "iloveyou1",
        "sunshine",
        "princess",
        "football",
        "baseball",
        "superman",
        "batman123",
        "trustno1",
        "starwars",
        "whatever",
        "welcome1",
        "welcome123",
        "letmein1",
        "letmein123",
        "changeme",
        "changeme1",
        "change-me-now",
        "admin123",
        "administrator",
        "admin1234",
        "adminadmin",
        "root1234",
        "rootroot",
        "secret123",
        "default1",
        "testtest",
        "test1234",
        "guest123",
        "master123",
        "monkey123",
        "dragon123",
        "michael1",
        "jennifer",
    ]
)


def check_strength(password: str, username: str, *, field: str = "password") -> None:
    """Whether somebody may have this password.

    Raises:
        Invalid: it is too short or too long, among the common ones, hardly varied, or holds the name.
    """
    lower = password.lower()
    if not SHORTEST <= len(password) <= LONGEST:
        raise _weak(field, f"must have {SHORTEST} to {LONGEST} characters")
    if lower in _COMMON or len(set(lower)) < _DISTINCT:
        raise _weak(field, "is too easy to guess")
    if len(username) > 3 and username.lower() in lower:  # noqa: PLR2004  # shorter names are in many a good password
        raise _weak(field, "must not hold the username")


def _weak(field: str, message: str) -> Invalid:
    found = Invalid.field(field, message)
    return Invalid(found.detail, errors=found.errors, code="WEAK_PASSWORD")
