"""Translation of source volumes to the look of the target domain."""

from crosslabel.adaptation.image_level.translation.adapter import CycleGANTranslation, Translation
from crosslabel.adaptation.image_level.translation.settings import TranslationSettings

__all__ = ["CycleGANTranslation", "Translation", "TranslationSettings"]
