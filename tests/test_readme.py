import re

import numpy as np
from paths import ROOT

README = (ROOT / "README.md").read_text()


def test_python_of_the_readme_runs_as_it_stands():
    first, step, own, devices, _ = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(first.strip().splitlines()) <= 20
    names = {}
    exec(first.replace("steps=3000", "steps=2"), names)
    exec(step, names)
    exec(devices, names)
    exec(own.replace("steps=100", "steps=2"), names)
    assert names["generate"](np.zeros((3, 2), np.float32)).shape == (3, 2)
    assert names["samples"].shape == (1000, 2)
    assert np.isfinite(names["metrics"]["discriminator_loss"])


def test_commands_of_the_readme_are_marked_for_ci():
    for mark, end in (("run", "jaxgan train"), ("tests", "pytest")):
        found = re.search(rf"<!-- {mark} -->\n```sh\n(.*)\n```", README)
        assert found
        assert found.group(1).startswith("python3 -m venv .venv && ")
        assert found.group(1).endswith(end)


def test_pictures_of_the_readme_are_there():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert len(pictures) >= 4
    for picture in pictures:
        assert (ROOT / picture).stat().st_size > 1000
