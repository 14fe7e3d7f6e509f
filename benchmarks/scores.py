"""The FID of one set of images by jaxgan, torch-fidelity and clean-fid: values and times.

    python benchmarks/scores.py
    python benchmarks/scores.py --weights pt_inception-2015-12-05-6726825d.pth --num 2000
    python benchmarks/scores.py --torch-python torch/bin/python --json scores.json

All see the same images through the same Inception network: with random weights, or those of the
FID where --weights names their file. Each row of a rival stands beside the row of jaxgan that
resizes as it does. `torch-fidelity` reads the weights by itself. `clean-fid` resizes with its own
code, and its network is a file that cannot be made from weights: torch-fidelity's takes its place,
which has the same layers. Times are those of features and distance, without compilation and
imports, on the same cores. A package that is not installed has a row that says so.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIZE = 32
WAYS = ("jaxgan tensorflow", "torch-fidelity", "jaxgan clean", "clean-fid")
BESIDE = {"torch-fidelity": "jaxgan tensorflow", "clean-fid": "jaxgan clean"}


def images(num: int, seed: int) -> np.ndarray:
    """Smooth random images, uint8 [num, 32, 32, 3], whose colours depend on the seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(num, 5, 5, 3)) + 0.3 * seed
    places = np.linspace(0, 4, SIZE)
    between = np.maximum(1 - np.abs(places[:, None] - np.arange(5)[None]), 0)
    smooth = np.einsum("ph,qw,nhwc->npqc", between, between, coarse)
    return np.clip(np.rint(127.5 + 50 * smooth), 0, 255).astype(np.uint8)


def random_weights(file: Path):
    """Write random weights under torchvision's names, which keep the features' size."""
    import safetensors.numpy

    from jaxgan.models.imagenet.inception_blocks import NETWORK, kernel_shapes

    rng = np.random.default_rng(0)

    def uniform(low, high, *shape):
        return rng.uniform(low, high, shape).astype(np.float32)

    tensors = {"fc.weight": uniform(-0.05, 0.05, 1008, 2048), "fc.bias": uniform(-1, 1, 1008)}
    for name, (height, width, inputs, outputs) in kernel_shapes(NETWORK, 3)[0].items():
        bound = np.sqrt(6 / (height * width * inputs))
        tensors[f"{name}.conv.weight"] = uniform(-bound, bound, outputs, inputs, height, width)
        tensors[f"{name}.bn.weight"] = uniform(0.6, 1.4, outputs)
        tensors[f"{name}.bn.bias"] = uniform(-0.2, 0.2, outputs)
        tensors[f"{name}.bn.running_mean"] = uniform(-0.2, 0.2, outputs)
        tensors[f"{name}.bn.running_var"] = uniform(0.6, 1.4, outputs)
    safetensors.numpy.save_file(tensors, file)


# --- The ways: each returns the distance and its time


def with_jaxgan(resizing: str, folder: Path, weights: Path) -> tuple[float, float]:
    from jaxgan.data import from_arrays
    from jaxgan.scoring import EvaluationOptions, evaluate_samples, inception_extractor

    fake, real = (from_arrays(np.load(folder / f"{name}.npy")) for name in ("fake", "real"))
    verified = weights.suffix == ".pth"
    extractor = inception_extractor(weights, resizing, verify=verified)
    extractor.run(np.zeros((1, SIZE, SIZE, 3), np.float32))  # compiles
    options = EvaluationOptions(("fd",), len(fake.x), extractor, errors=False)
    start = time.perf_counter()
    found = evaluate_samples(fake, real, options)
    return found.scores[0].value, time.perf_counter() - start


def _state_dict(folder: Path, weights: Path) -> str:
    """The weights as PyTorch reads them."""
    import safetensors.torch
    import torch

    if weights.suffix == ".pth":
        return str(weights)
    file = folder / "weights.pth"
    torch.save(safetensors.torch.load_file(weights), file)
    return str(file)


def with_torch_fidelity(folder: Path, weights: Path) -> tuple[float, float]:
    import torch
    import torch_fidelity

    class Images(torch.utils.data.Dataset):
        def __init__(self, name):
            self.x = torch.tensor(np.load(folder / f"{name}.npy")).permute(0, 3, 1, 2)

        def __len__(self):
            return len(self.x)

        def __getitem__(self, index):
            return self.x[index]

    file = _state_dict(folder, weights)
    start = time.perf_counter()
    found = torch_fidelity.calculate_metrics(
        input1=Images("fake"), input2=Images("real"), fid=True, cuda=False, batch_size=50,
        feature_extractor="inception-v3-compat", feature_extractor_weights_path=file,
        cache=False, verbose=False, save_cpu_ram=True,
    )  # fmt: skip
    return found["frechet_inception_distance"], time.perf_counter() - start


def with_clean_fid(folder: Path, weights: Path) -> tuple[float, float]:
    import torch
    from cleanfid.fid import frechet_distance
    from cleanfid.resize import build_resizer
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    network = FeatureExtractorInceptionV3("clean", ["2048"], _state_dict(folder, weights))
    resize = build_resizer("clean")

    def features(name):
        parts = []
        x = np.load(folder / f"{name}.npy")
        for first in range(0, len(x), 50):
            rows = np.stack([resize(image) for image in x[first : first + 50]])
            parts.append(_layers(network, torch.tensor(rows).permute(0, 3, 1, 2)))
        return np.concatenate(parts)

    start = time.perf_counter()
    with torch.no_grad():
        sets = [features(name) for name in ("real", "fake")]
    moments = [(x.mean(axis=0), np.cov(x, rowvar=False)) for x in sets]
    value = frechet_distance(*moments[0], *moments[1])
    return float(value), time.perf_counter() - start


def _layers(network, x) -> np.ndarray:
    """Features of images that are resized already: torch-fidelity's network rounds none of them."""
    import torch
    from torch_fidelity import feature_extractor_inceptionv3 as module

    kept = module.interpolate_bilinear_2d_like_tensorflow1x
    module.interpolate_bilinear_2d_like_tensorflow1x = lambda resized, **_: x
    try:
        return network(torch.zeros(len(x), 3, 1, 1, dtype=torch.uint8))[0].numpy()
    finally:
        module.interpolate_bilinear_2d_like_tensorflow1x = kept


def measure(way: str, folder: Path, weights: Path, repeats: int) -> dict:
    """One row, measured in this process."""
    calls = {"torch-fidelity": with_torch_fidelity, "clean-fid": with_clean_fid}
    found = []
    for _ in range(repeats):
        if way in calls:
            found.append(calls[way](folder, weights))
        else:
            found.append(with_jaxgan(way.removeprefix("jaxgan "), folder, weights))
    return {"way": way, "fid": found[0][0], "seconds": statistics.median(t for _, t in found)}


def row_of(way: str, options: argparse.Namespace, folder: Path, weights: Path) -> dict:
    """One row, measured in a process of its own."""
    python = sys.executable if way.startswith("jaxgan") else options.torch_python
    arguments = ("--measure", way, "--folder", str(folder), "--weights", str(weights))
    command = [python, __file__, *arguments, "--repeats", str(options.repeats)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    last = done.stderr.strip().splitlines()[-1]
    return {"way": way, "error": "not installed" if "ModuleNotFoundError" in last else last}


def table(rows: list[dict]) -> str:
    """The rows as a Markdown table."""
    known = {row["way"]: row for row in rows}
    lines = ["| | Fréchet distance | relative difference | time |", "|---|---|---|---|"]
    for row in rows:
        if "error" in row:
            lines.append(f"| {row['way']} | {row['error']} | | |")
            continue
        beside = known.get(BESIDE.get(row["way"], ""), {})
        difference = "" if "fid" not in beside else f"{abs(row['fid'] / beside['fid'] - 1):.1e}"
        lines.append(f"| {row['way']} | {row['fid']:.7g} | {difference} | {row['seconds']:.1f} s |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--num", type=int, default=200, help="images in each set")
    parser.add_argument("--repeats", type=int, default=1, help="measurements per way")
    parser.add_argument("--weights", type=Path, help="weights of the FID; random ones by default")
    parser.add_argument("--torch-python", default=sys.executable, help="Python of the rivals")
    parser.add_argument("--json", type=Path, help="a file for the rows")
    parser.add_argument("--measure", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        row = measure(options.measure, options.folder, options.weights, options.repeats)
        return print(json.dumps(row))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = options.weights or folder / "random.safetensors"
        if options.weights is None:
            random_weights(weights)
        for seed, kind in enumerate(("real", "fake")):
            np.save(folder / f"{kind}.npy", images(options.num, seed))
        rows = [row_of(way, options, folder, weights) for way in WAYS]
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps({"num": options.num, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
