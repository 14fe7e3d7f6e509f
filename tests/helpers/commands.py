"""The command line, called in this process."""

from typer.testing import CliRunner

from jaxgan import cli


def invoke(*arguments):
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def succeed(*arguments):
    """Call a command that must succeed."""
    result = invoke(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result
