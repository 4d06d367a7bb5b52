"""Networks as plain ``torch.nn.Module`` classes, and the way to build them by name."""

from crosslabel.networks.anisotropy import plan_strides
from crosslabel.networks.backbone_classifier import BackboneClassifier
from crosslabel.networks.cyclegan import CycleGAN
from crosslabel.networks.dar_unet import DARUNet
from crosslabel.networks.discriminators import ContentDiscriminator, MultiScaleDiscriminator, judged_as
from crosslabel.networks.heads import all_heads, main_logits
from crosslabel.networks.mind import MINDInput, mind_channels, mind_descriptor
from crosslabel.networks.quad_attention import QuadAttention
from crosslabel.networks.registry import build_network, resolve_arguments
from crosslabel.networks.translation import MultiStyleTranslator, Translator
from crosslabel.networks.weights_file import read_weights_file

__all__ = [
    "BackboneClassifier",
    "ContentDiscriminator",
    "CycleGAN",
    "DARUNet",
    "MINDInput",
    "MultiScaleDiscriminator",
    "MultiStyleTranslator",
    "QuadAttention",
    "Translator",
    "all_heads",
    "build_network",
    "judged_as",
    "main_logits",
    "mind_channels",
    "mind_descriptor",
    "plan_strides",
    "read_weights_file",
    "resolve_arguments",
]
