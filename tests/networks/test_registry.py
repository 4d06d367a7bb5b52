from __future__ import annotations

import pytest
import torch

from crosslabel.errors import TaskError
from crosslabel.networks import DARUNet, build_network, main_logits, resolve_arguments

SEGMENTERS = [
    ("UNet", {"channels": [4, 8], "strides": [2]}),
    ("AttentionUnet", {"channels": [4, 8], "strides": [2]}),
    ("SegResNet", {"init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1]}),
    ("BasicUNet", {"features": [4, 4, 4, 4, 4, 4]}),
    ("BasicUNetPlusPlus", {"features": [4, 4, 4, 4, 4, 4]}),
    (
        "DynUNet",
        {
            "kernel_size": [3, 3, 3],
            "strides": [1, 2, 2],
            "upsample_kernel_size": [2, 2],
            "filters": [4, 4, 8],
        },
    ),
]
CLASSIFIERS = [
    ("DenseNet121", {"init_features": 4, "growth_rate": 4, "block_config": [1, 1]}),
    ("resnet10", {"widen_factor": 0.125}),
    ("ResNet", {"block": "basic", "layers": [1, 1, 1, 1], "block_inplanes": [4, 4, 4, 4]}),
    ("SEResNet50", {"layers": [1, 1, 1, 1], "inplanes": 8}),
    (
        "ViT",
        {
            "img_size": 32,
            "patch_size": 16,
            "hidden_size": 12,
            "mlp_dim": 8,
            "num_layers": 1,
            "classification": True,
        },
    ),
    ("Classifier", {"in_shape": [2, 32, 32], "channels": [4, 4], "strides": [2, 2]}),
]


def build(name: str, arguments: dict, spatial_dims: int = 3, **facts):
    facts = {"in_channels": 2, "out_channels": 3} | facts
    return build_network(name, arguments, spatial_dims=spatial_dims, **facts)


@torch.no_grad()
def logits_shape(network: torch.nn.Module, size: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(main_logits(network.eval(), torch.randn(1, 2, *size)).shape)


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize(("name", "arguments"), SEGMENTERS)
def test_a_segmentation_network_of_monai_takes_its_channels_and_axes_from_the_task(name, arguments, spatial_dims):
    size = (32,) * spatial_dims
    assert logits_shape(build(name, arguments, spatial_dims), size) == (1, 3, *size)


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize(("name", "arguments"), CLASSIFIERS)
def test_a_classification_network_of_monai_takes_its_channels_and_axes_from_the_task(name, arguments, spatial_dims):
    if name == "Classifier":
        arguments = arguments | {"in_shape": [2, *[32] * spatial_dims]}
    if name == "ViT" and spatial_dims == 3:
        arguments = arguments | {"hidden_size": 12}
    assert logits_shape(build(name, arguments, spatial_dims), (32,) * spatial_dims) == (1, 3)


def test_pretrained_weights_are_not_downloaded_unless_asked_for():
    facts = {"in_channels": 1, "out_channels": 2, "spatial_dims": 2}
    assert resolve_arguments("EfficientNetBN", {"model_name": "efficientnet-b0"}, **facts)["pretrained"] is False
    asked = {"model_name": "efficientnet-b0", "pretrained": True}
    assert resolve_arguments("EfficientNetBN", asked, **facts)["pretrained"] is True


def test_what_the_task_gives_is_not_overwritten():
    network = build("UNet", {"channels": [4, 8], "strides": [2], "out_channels": 7})
    with torch.no_grad():
        assert network(torch.randn(1, 2, 8, 8, 8)).shape[1] == 7


def test_dar_unet_plans_its_strides_from_the_spacing_and_writes_them_down():
    facts = {"in_channels": 2, "out_channels": 3, "spatial_dims": 3, "spacing": (1.0, 1.0, 2.0)}
    resolved = resolve_arguments("dar_unet", {"channels": [8, 8, 16]}, **facts)
    assert resolved == {
        "in_channels": 2,
        "num_classes": 3,
        "channels": [8, 8, 16],
        "strides": ((2, 2, 1), (2, 2, 2)),
    }
    network = build_network("dar_unet", {"channels": [8, 8, 16]}, **facts)
    assert isinstance(network, DARUNet)
    assert network.strides == resolved["strides"]
    assert logits_shape(network, (5, 6, 7)) == (1, 3, 5, 6, 7)


def test_dar_unet_keeps_the_strides_of_the_task():
    arguments = {"channels": [8, 8], "strides": [[1, 1, 2]]}
    assert build("dar_unet", arguments, spacing=(1, 1, 1)).strides == ((1, 1, 2),)
    assert build("dar_unet", arguments).strides == ((1, 1, 2),)


@pytest.mark.parametrize("arguments", [{}, {"strides": [[2, 2, 2]] * 4}])
def test_dar_unet_is_refused_for_pictures(arguments):
    with pytest.raises(TaskError, match="dar_unet is for 3-D images; for 2-D choose another"):
        build("dar_unet", arguments, spatial_dims=2, spacing=(1, 1))


def test_dar_unet_without_spacing_or_strides_is_refused():
    with pytest.raises(TaskError, match="dar_unet needs a spacing in the task, or 'strides'"):
        build("dar_unet", {})


@pytest.mark.parametrize(
    ("name", "meant"), [("unet", "UNet"), ("Densenet12", "Densenet121|DenseNet121"), ("darunet", "dar_unet")]
)
def test_an_unknown_name_is_answered_with_the_closest_ones(name, meant):
    with pytest.raises(TaskError, match=rf"There is no network '{name}' \(did you mean [^?]*({meant})"):
        build(name, {})


@pytest.mark.parametrize("name", ["zzz", "drop_connect", "__doc__", "resnet", "BlockArgs"])
def test_a_name_that_is_no_network_is_refused(name):
    with pytest.raises(TaskError, match=f"There is no network '{name}'.*use dar_unet or a network of monai"):
        build(name, {})


@pytest.mark.parametrize(
    ("name", "argument"),
    [("UNet", "chanels"), ("resnet18", "layers"), ("DenseNet121", "depth"), ("dar_unet", "width")],
)
def test_a_wrong_argument_is_named_with_the_accepted_ones(name, argument):
    accepted = {
        "UNet": "strides",
        "resnet18": "conv1_t_size",
        "DenseNet121": "bn_size",
        "dar_unet": "channels",
    }[name]
    with pytest.raises(TaskError, match=f"{name} has no argument '{argument}'.* it accepts .*{accepted}"):
        build(name, {argument: 3}, spacing=(1, 1, 1))


def test_a_misspelt_argument_is_answered_with_the_closest_one():
    with pytest.raises(TaskError, match=r"'chanels' \(did you mean channels"):
        build("UNet", {"chanels": [4, 8]})


def test_a_missing_argument_is_named():
    with pytest.raises(TaskError, match="UNet also needs the argument 'channels'"):
        build("UNet", {"strides": [2]})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("UNet", {"channels": 4, "strides": 2}),
        ("UNet", {"channels": [4, 8], "strides": []}),
        ("DenseNet121", {"act": "unheard_of"}),
        ("dar_unet", {"channels": [8, 16], "strides": [[2, 2]]}),
    ],
)
def test_a_value_that_the_constructor_refuses_is_reported_in_one_line(name, arguments):
    with pytest.raises(TaskError, match=f"The network {name} refuses its arguments .*: .+") as caught:
        build(name, arguments)
    assert "\n" not in str(caught.value)


def test_channels_that_are_no_list_are_reported():
    with pytest.raises(TaskError, match="strides of dar_unet cannot be planned"):
        build("dar_unet", {"channels": 8}, spacing=(1, 1, 1))
