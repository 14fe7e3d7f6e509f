from .classes import (
    IntraClassDistance as IntraClassDistance,
    class_accuracy as class_accuracy,
    class_fractions as class_fractions,
    intra_class_frechet_distance as intra_class_frechet_distance,
    intra_class_std as intra_class_std,
)
from .diversity import ms_ssim as ms_ssim, ms_ssim_diversity as ms_ssim_diversity
from .extrapolated import frechet_distance_infinity as frechet_distance_infinity
from .frechet import (
    frechet_distance as frechet_distance,
    frechet_distance_of as frechet_distance_of,
)
from .image_quality import luma as luma, psnr as psnr, ssim as ssim
from .inception import InceptionScore as InceptionScore, inception_score as inception_score
from .kernel import KernelDistance as KernelDistance, kernel_distance as kernel_distance
from .memorisation import (
    NearDuplicates as NearDuplicates,
    NearerToTraining as NearerToTraining,
    authenticity as authenticity,
    copying_test as copying_test,
    near_duplicates as near_duplicates,
    nearer_to_training as nearer_to_training,
)
from .modes import (
    LabelCoverage as LabelCoverage,
    ModeCoverage as ModeCoverage,
    label_coverage as label_coverage,
    mode_coverage as mode_coverage,
    perfect_label_coverage as perfect_label_coverage,
    perfect_mode_coverage as perfect_mode_coverage,
    quality_radius as quality_radius,
    stacked_label as stacked_label,
)
from .path_length import (
    PathLengthSettings as PathLengthSettings,
    lerp as lerp,
    perceptual_path_length as perceptual_path_length,
    slerp as slerp,
)
from .perceptual import lpips as lpips
from .prdc import (
    DensityCoverage as DensityCoverage,
    PrecisionRecall as PrecisionRecall,
    density_coverage as density_coverage,
    precision_recall as precision_recall,
)
from .sample_realism import realism as realism
from .sliced import mind as mind, sliced_wasserstein as sliced_wasserstein
from .spatial import (
    spatial_features as spatial_features,
    spatial_frechet_distance as spatial_frechet_distance,
)
from .statistics import (
    Moments as Moments,
    merge_moments as merge_moments,
    moments as moments,
    no_moments as no_moments,
    update_moments as update_moments,
)
from .traced_modes import mode_scores as mode_scores
from .waveforms import (
    decay_rate as decay_rate,
    fundamental_frequency as fundamental_frequency,
    harmonic_profile as harmonic_profile,
    mean_log_spectrum as mean_log_spectrum,
    spectral_centroid as spectral_centroid,
)
