"""What people can type besides commands: variables and make targets, with what each says of itself."""

import re

from pydantic.fields import FieldInfo

from orchestration.settings import Settings
from tests.support import PROJECT


def variables() -> dict[str, FieldInfo]:
    """The fields of the settings by their names in the environment."""
    return {
        str(field.validation_alias or f"HUBSCAPE_{name.upper()}"): field
        for name, field in Settings.model_fields.items()
    }


def targets() -> dict[str, str]:
    """The make targets that people call."""
    return dict(re.findall(r"^([a-z-]+):.*?## (.*)$", (PROJECT / "Makefile").read_text(), re.MULTILINE))
