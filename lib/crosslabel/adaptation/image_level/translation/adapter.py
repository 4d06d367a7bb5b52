"""Source volumes translated to the look of the target domain, in as many styles as it has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from crosslabel.adaptation.image_level.adapter import FittedOtherwiseError, Picture, Unchanged, Volume, Watch
from crosslabel.adaptation.image_level.translation.cache import VolumeCache
from crosslabel.adaptation.image_level.translation.objective import TranslationObjective, adversarial_optimizer
from crosslabel.adaptation.image_level.translation.pictures import picture, read_pictures, write_pictures
from crosslabel.adaptation.image_level.translation.restyling import MOST_JUMP, restyle, through_plane_jump
from crosslabel.adaptation.image_level.translation.settings import TranslationSettings
from crosslabel.adaptation.image_level.translation.slices import SliceFolder, slice_axis, to_slices, to_volume
from crosslabel.adaptation.image_level.translation.styles import StyleBank, build_style_bank, id_number
from crosslabel.errors import CheckpointError, DataError
from crosslabel.files import replacing, sha256_of, write_json
from crosslabel.networks import MultiStyleTranslator, read_weights_file
from crosslabel.networks.memory_format import channels_last
from crosslabel.optimisation import RESUME_FILE, ProgressEvent, ProgressFile, State, TrainingLoop, processes, read_curves
from crosslabel.tasks import TaskSpec

_GIB = 1024**3
_EXAMPLES = 3
_CLAIM, _WEIGHTS, _STYLES, _PICTURES, _FACTS = "fit.json", "translator.pt", "styles.npz", "pictures.npz", "facts.json"


class Translation(Unchanged):
    """Trains a translator, finds the styles of the target, and shows each source volume in another of them every epoch.

    Yao et al. 2022. Only images pass through the generator, whole volumes with one style code each, so what was labelled stays
    where it is. Restyled volumes lie in a bounded cache on disk; one that was pushed out is made again when it is asked for.

    Args:
        task: whose images are adapted; its spacing says along which axis volumes are cut into slices.
        seed: of everything random.
        device: where the networks run.
        settings: sizes and lengths.
        checkpoint: a published translator (``enc_c``, ``enc_s_a``, ``enc_s_b``, ``dec``) to use instead of training one.
    """

    name = "translation"

    def __init__(
        self,
        task: TaskSpec,
        seed: int,
        device: torch.device,
        settings: TranslationSettings,
        checkpoint: Path | None = None,
    ) -> None:
        self.task = task
        self.seed = seed
        self.device = device
        self.settings = settings
        self.checkpoint = checkpoint
        self.axis = slice_axis(task)

    def fit(self, source: Sequence[Volume], target: Sequence[Volume], folder: Path, watch: Watch) -> bool:
        if not source or not target:
            raise DataError("Translation needs at least one source image and one target image; give both.")
        home = folder / self.name
        self._claim(home, source, target)
        watch.on_event(self._preparing("Preparing slices."))
        self.source_ = SliceFolder(home / "slices" / "source", self.axis)
        self.target_ = SliceFolder(home / "slices" / "target", self.axis)
        if not (self.source_.fill(source, watch) and self.target_.fill(target, watch)):
            return False
        translator = self._translator(home, watch)
        if translator is None:
            return False
        self.translator_ = channels_last(translator.to(self.device)).eval()
        self.styles_ = self._styles(home)
        self.cache_ = VolumeCache(home / "restyled", self.task.channels, int(self.settings.cache_gib * _GIB))
        return (home / _FACTS).is_file() or self._restyle_all(home, watch)

    def volume(self, id: str, volume: Tensor, epoch: int) -> Tensor:
        # Counting on from a place of its own, a volume has been seen in every style before one comes again.
        style = (id_number(id) + self.seed + epoch) % self.styles_.count
        kept = self.cache_.get(id, style)
        if kept is None:
            kept = self._restyled(id, to_slices(volume, self.axis), style)
            grid = next(entry.grid for entry in self.source_.entries if entry.id == id)
            self.cache_.put(id, style, kept, grid)
        return kept

    def pictures(self) -> list[Picture]:
        return read_pictures(self._home / _PICTURES)

    def facts(self) -> Mapping[str, float | int | str]:
        return json.loads((self._home / _FACTS).read_text(encoding="utf-8"))

    def curves(self) -> Mapping[str, Sequence[Sequence[float]]]:
        return read_curves(self._home)["losses"]

    def new_training(self) -> nn.Module:
        """A fresh translator with what it is trained against."""
        return self.settings.multi_style(self.task.channels)

    def published(self, path: Path) -> nn.Module:
        """The translator of a published checkpoint."""
        return MultiStyleTranslator.from_published(path)

    def _claim(self, home: Path, source: Sequence[Volume], target: Sequence[Volume]) -> None:
        """Make the folder this fit's own, or check that it is."""
        self._home = home
        claim = {
            "settings": asdict(self.settings),
            "seed": self.seed,
            "checkpoint": None if self.checkpoint is None else sha256_of(self.checkpoint),
            "preparation": self.task.model_dump(mode="json", include={"domains", "orientation", "spacing"}),
            "source": {volume.id: volume.digest() for volume in source},
            "target": {volume.id: volume.digest() for volume in target},
        }
        # Through JSON, so that tuples compare equal to what is read back.
        claim = json.loads(json.dumps(claim))
        path = home / _CLAIM
        if not path.is_file():
            write_json(path, claim)
        elif json.loads(path.read_text(encoding="utf-8")) != claim:
            raise FittedOtherwiseError(
                f"The folder {home} holds a translator for other images, settings or another seed; give another folder or "
                "empty this one."
            )

    def _translator(self, home: Path, watch: Watch) -> nn.Module | None:
        """The trained translator, trained now where it has not been; ``None`` if that was cancelled."""
        if self.checkpoint is not None:
            return self.published(self.checkpoint)
        torch.manual_seed(self.seed)
        training = self.new_training()
        if not (home / _WEIGHTS).is_file() and not self._train(training, home, watch):
            return None
        training.translator.load_state_dict(read_weights_file(home / _WEIGHTS))
        return training.translator

    def _train(self, training: nn.Module, home: Path, watch: Watch) -> bool:
        height, width = (min(size, max(8, self.settings.window // 8 * 8)) for size in _common_size(self.source_, self.target_))
        settings = self.settings.loop(self.seed)
        objective = TranslationObjective(
            self.source_, self.target_, self.settings.batch_size, (height, width), self.seed, self.device
        )
        # Beside the translator, which several runs may share.
        history = ProgressFile(home)

        def tell(event: ProgressEvent) -> None:
            history(event)
            watch.on_event(event)

        # Where several processes train the segmenter together, the first alone fits what they all read.
        with processes.alone():
            loop = TrainingLoop(
                channels_last(training.to(self.device)),
                objective,
                settings,
                home,
                tell,
                watch.cancelled,
                optimizer=lambda network: adversarial_optimizer(network, settings),
                learning_rate_is="adaptation.image_level.learning_rate",
            )
            outcome = loop.run(resume=True)
        if outcome.state is State.CANCELLED:
            return False
        with replacing(home / _WEIGHTS) as temporary:
            torch.save(outcome.weights, temporary)
        (home / RESUME_FILE).unlink(missing_ok=True)
        return True

    def _styles(self, home: Path) -> StyleBank:
        path = home / _STYLES
        if not path.is_file():
            build_style_bank(self.translator_, self.target_, self.settings.clusters, self.seed, self.device).write(path)
        return StyleBank.read(path)

    def _restyle_all(self, home: Path, watch: Watch) -> bool:
        """Fill the cache as far as it goes, measure, and take pictures; ``False`` if it was cancelled."""
        jumps: dict[str, float] = {}
        for number, entry in enumerate(self.source_.entries):
            watch.on_event(self._preparing(f"Restyling volume {number + 1} of {len(self.source_.entries)}."))
            slices = self.source_.whole(entry)
            if self.cache_.full(more=slices.nbytes * self.styles_.count):
                break
            for style in range(self.styles_.count):
                if watch.cancelled():
                    return False
                if (made := self.cache_.get(entry.id, style)) is None:
                    made = self._restyled(entry.id, slices, style)
                    self.cache_.put(entry.id, style, made, entry.grid)
                made_slices = self.target_.scaled(to_slices(made, self.axis))
                jump = through_plane_jump(self.source_.scaled(slices), made_slices)
                jumps[entry.id] = max(jump, jumps.get(entry.id, 0.0))
        write_pictures(home / _PICTURES, self._examples())
        write_json(home / _FACTS, {"styles": self.styles_.count, **_summary(jumps)})
        self.source_.empty()
        self.target_.empty()
        return True

    def _restyled(self, id: str, slices: Tensor, style: int) -> Tensor:
        """A source volume (slices, channels, H, W), as prepared, in a style: (channels, \\*spatial) in the target's values."""
        code = self.styles_.draw(id, style, self.seed)
        made = restyle(self.translator_, self.source_.scaled(slices), code, self.device)
        return to_volume(self.target_.unscaled(made), self.axis, self.task.dimension)

    def _examples(self) -> Iterator[Picture]:
        """The middle slice of some source volumes in every style, and the target slice that is most like each style."""
        is_volume = self.task.dimension == 3
        directions = "".join(letter for axis, letter in enumerate(self.task.orientation) if is_volume and axis != self.axis)
        for entry in self.source_.entries[:_EXAMPLES]:
            slices = self.source_.whole(entry)
            middle = self.source_.scaled(slices[len(slices) // 2][None])
            yield picture(entry.id, "source", middle, directions)
            for style in range(self.styles_.count):
                code = self.styles_.draw(entry.id, style, self.seed)
                yield picture(entry.id, f"style {style + 1}", restyle(self.translator_, middle, code, self.device), directions)
        first = 0
        for entry in self.target_.entries:
            slices = self.target_.middle(entry)
            for style, centre in enumerate(self.styles_.centres):
                if first <= centre < first + len(slices):
                    yield picture("target", f"style {style + 1}", slices[centre - first][None], directions)
            first += len(slices)

    def _preparing(self, message: str) -> ProgressEvent:
        return ProgressEvent(State.PREPARING, 0, self.settings.epochs, message=message)


class CycleGANTranslation(Translation):
    """The same with a CycleGAN (Zhu et al. 2017), which knows one style of the target: a baseline."""

    name = "cyclegan"

    def new_training(self) -> nn.Module:
        return self.settings.cycle(self.task.channels)

    def published(self, path: Path) -> nn.Module:
        raise CheckpointError("Published translators are multi-style; use the method 'translation' with this checkpoint.")


def _common_size(source: SliceFolder, target: SliceFolder) -> tuple[int, int]:
    """Height and width, in multiples of 8 as encoders want them, that hold any slice of either domain."""
    sizes = zip(source.largest(), target.largest(), strict=True)
    height, width = (-(-max(pair) // 8) * 8 for pair in sizes)
    return height, width


def _summary(jumps: dict[str, float]) -> dict[str, float | str]:
    if not jumps:
        return {}
    worst = max(jumps, key=lambda id: jumps[id])
    return {
        "through-plane jump, mean over volumes": round(sum(jumps.values()) / len(jumps), 3),
        "through-plane jump, worst": round(jumps[worst], 3),
        "through-plane jump, worst volume": worst,
        "volumes whose slices do not fit together": sum(jump > MOST_JUMP for jump in jumps.values()),
    }
