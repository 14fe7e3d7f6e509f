"""Inputs of a term, of which a test needs only some."""

import dataclasses

from jaxgan.term_inputs import TermInputs
from jaxgan.types import DiscriminatorOutput


def given(critic=None, **inputs):
    """Term inputs with these values, and None or defaults for the others."""
    required = [f.name for f in dataclasses.fields(TermInputs) if f.default is dataclasses.MISSING]

    def discriminate(x, condition=None):
        return DiscriminatorOutput(critic(x))

    own = {"pack": 1, "discriminate": discriminate, "fake_discriminate": discriminate}
    return TermInputs(**(dict.fromkeys(required) | own | inputs))
