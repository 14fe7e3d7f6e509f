from .classes import (
    acgan_discriminator as acgan_discriminator,
    acgan_generator as acgan_generator,
    auxiliary_classifier as auxiliary_classifier,
    class_cross_entropy as class_cross_entropy,
    real_classification as real_classification,
    semi_supervised_output as semi_supervised_output,
)
from .codes import (
    code_cross_entropy as code_cross_entropy,
    mutual_information as mutual_information,
)
from .contrastive import (
    contrastive_terms as contrastive_terms,
    contrastive_loss as contrastive_loss,
    data_to_data_terms as data_to_data_terms,
    data_to_data_cross_entropy as data_to_data_cross_entropy,
)
from .distances import (
    content_loss as content_loss,
    mean_absolute_error as mean_absolute_error,
    mean_squared_error as mean_squared_error,
)
from .drifting_fields import drifting as drifting, drifting_field as drifting_field
from .features import feature_matching as feature_matching
from .latents import (
    latent_consistency as latent_consistency,
    latent_shift as latent_shift,
    mode_seeking as mode_seeking,
    transport as transport,
)
from .paths import (
    PathLength as PathLength,
    path_length as path_length,
    path_lengths as path_lengths,
)
from .rival_classes import (
    adc_discriminator as adc_discriminator,
    adc_generator as adc_generator,
    discriminative_classifier as discriminative_classifier,
    multi_hinge as multi_hinge,
    multi_hinge_discriminator as multi_hinge_discriminator,
    multi_hinge_generator as multi_hinge_generator,
    multi_hinge_output as multi_hinge_output,
    multi_hinge_terms as multi_hinge_terms,
    tac_discriminator as tac_discriminator,
    tac_generator as tac_generator,
    twin_classifiers as twin_classifiers,
)
from .best_samples import top_k as top_k, top_k_loss as top_k_loss
from .autoencoders import (
    Equilibrium as Equilibrium,
    boundary_equilibrium as boundary_equilibrium,
    energy_margin as energy_margin,
    pulling_away as pulling_away,
    reconstruction_output as reconstruction_output,
)
from .cycles import (
    cycle_consistency as cycle_consistency,
    identity_mapping as identity_mapping,
)
