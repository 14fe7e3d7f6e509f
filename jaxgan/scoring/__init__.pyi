from .accuracy_score import (
    AccuracyScore as AccuracyScore,
    classification_accuracy_score as classification_accuracy_score,
)
from .classifier import (
    Classifier as Classifier,
    classifier_for as classifier_for,
    classify as classify,
    train_classifier as train_classifier,
)
from .extractors import (
    Extractor as Extractor,
    FeatureSet as FeatureSet,
    from_network as from_network,
    make_extractor as make_extractor,
)
from .memorisation import memorisation_scores as memorisation_scores
from .quality import quality_report as quality_report
from .scores import Score as Score, scores_of as scores_of
from .settings import Scoring as Scoring
