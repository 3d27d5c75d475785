"""`xtnd password`: the way back in when a password is forgotten."""

from __future__ import annotations

import getpass
import sys
from argparse import Namespace

from django.core.exceptions import ValidationError

from xtnd.companies import services
from xtnd.companies.models import User
from xtnd.core.errors import ConfigurationError
from xtnd.ops.say import out
from xtnd.ops.upkeep import bring_up_to_date


def set_password(arguments: Namespace) -> int:
    """Asked for twice on a terminal, read from standard input otherwise."""
    bring_up_to_date()
    if not User.objects.filter(email__iexact=arguments.email).exists():
        raise ConfigurationError(f"there is no user {arguments.email}")
    if sys.stdin.isatty():
        password = getpass.getpass("New password: ")
        if getpass.getpass("Once more: ") != password:
            raise ConfigurationError("the two passwords differ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    try:
        services.set_password(email=arguments.email, password=password)
    except ValidationError as error:
        raise ConfigurationError(" ".join(error.messages)) from error
    out("The password is set.")
    return 0
