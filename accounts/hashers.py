"""The one password hasher in use."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class PortalArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with 46 MiB, 1 pass, 1 lane: what OWASP asks for, at about 50 ms on an office server."""

    memory_cost = 46 * 1024
    time_cost = 1
    parallelism = 1
