"""The MONAI Label app: reads the tasks and wires CrossLabel's parts to MONAI Label's interfaces."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
from monailabel.config import settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import DefaultLabelTag

import crosslabel
from crosslabel import paths
from crosslabel.checkpoints import ModelStore
from crosslabel.errors import CrossLabelError, NotFoundError
from crosslabel.server import remedies
from crosslabel.server.adaptation_task import AdaptationTrainTask, adaptation_of, can_adapt
from crosslabel.server.batch_infer import EligibleBatchInfer
from crosslabel.server.infer_task import PredictorInferTask
from crosslabel.server.inference_signal import InferenceSignal
from crosslabel.server.predictors import Predictors
from crosslabel.server.sessions import Sessions
from crosslabel.server.sources import sources_from_text
from crosslabel.server.strategies import RankedStrategy, all_strategies
from crosslabel.server.studies import Studies
from crosslabel.server.train_task import StudiesTrainTask
from crosslabel.server.upkeep import Upkeep
from crosslabel.server.warm_up import warm_up
from crosslabel.store import Store, TrainingPolicy
from crosslabel.tasks import TaskSpec, load_tasks

logger = logging.getLogger(__name__)

# A URL with a password, so no command-line option, which every user of the machine could see.
_DATABASE_VARIABLE = "CROSSLABEL_DATABASE"
_SECONDS_FOR_FIRST_SCAN = 5.0
_MISSING_IN_STOCK_SERVER = (
    "Served by the stock 'monailabel start_server', which lacks against 'crosslabel serve': the /api/v1 "
    "routes, answers to /info while inference runs, bad input as a 4xx with one sentence (it is a plain 500), "
    "closed CORS, and loopback as the default host."
)


class CrossLabelApp(MONAILabelApp):
    """Serves the tasks of a folder on a folder of studies.

    Args:
        app_dir: folder whose ``tasks/`` holds the task files, unless ``CROSSLABEL_TASKS`` names another.
        studies: folder of the studies.
        conf: ``tasks``, comma-separated names of the tasks to serve; all if it is absent or empty. ``train_on``, which
            labels train: ``final`` (the default) or ``approved`` ones. ``sources``, labelled folders to adapt from, as in
            ``ct=/data/ct``, several with the system's separator of paths between them.

    Raises:
        CrossLabelError: a task file is wrong, a named task does not exist, or the studies are no folder.
    """

    def __init__(self, app_dir: str, studies: str, conf: Mapping[str, str] | None) -> None:
        remedies.apply()
        conf = dict(conf or {})
        names = [name.strip() for name in conf.get("tasks", "").split(",") if name.strip()]
        self.tasks = load_tasks(_tasks_dir(app_dir), names or None)
        self.store = ModelStore(paths.models_dir(), paths.sample_data_dir() / "checkpoints")
        self.predictors = Predictors(self.store)
        self.capabilities = [
            "segmentation",
            "classification",
            "training",
            "label-volumes",
            "confidence",
            "uncertainty",
            "adaptation",
            "checkpoint-provenance",
            "heatmaps",
            "class-labels",
        ]
        self.own_server = False
        # Names of the tasks for which somebody has asked for a case since the server started.
        self.worked_on: set[str] = set()
        self._policy = _training_policy(conf)
        self.sources = sources_from_text(conf.get("sources", ""))
        super().__init__(
            app_dir,
            studies,
            conf,
            name="CrossLabel",
            description="Cross-modality segmentation, classification and active learning",
            version=crosslabel.__version__,
            labels=_segment_names(self.tasks),
        )

    def init_datastore(self) -> Studies:
        if self.studies.startswith(("http://", "https://")):
            raise CrossLabelError("CrossLabel serves a folder of studies and not yet a DICOMweb address; give --studies DIR.")
        store = Store(self.studies, os.environ.get(_DATABASE_VARIABLE))
        export = not settings.MONAI_LABEL_DATASTORE_READ_ONLY
        upkeep = Upkeep(store, self.tasks, follow=settings.MONAI_LABEL_DATASTORE_AUTO_RELOAD, export=export)
        studies = Studies(store, self.tasks, upkeep)
        # MONAI Label tells no datastore that the server ends.
        atexit.register(studies.close)
        if not _is_background_job():
            upkeep.start(_SECONDS_FOR_FIRST_SCAN)
        return studies

    def init_infers(self) -> dict[str, PredictorInferTask]:
        return {name: PredictorInferTask(task, self.predictors) for name, task in self.tasks.items()}

    def init_trainers(self) -> dict[str, StudiesTrainTask]:
        supervised = {
            name: StudiesTrainTask(task, self.store, self._policy, self._replayed(task)) for name, task in self.tasks.items()
        }
        adapted = {
            adaptation_of(name): AdaptationTrainTask(task, self.store, self._policy, self.sources)
            for name, task in self.tasks.items()
            if self.sources and can_adapt(task)
        }
        return {**supervised, **adapted}

    def _replayed(self, task: TaskSpec) -> tuple[Path, ...]:
        """The sources that the learning loop goes on showing a network; a classifier's batch norms are to know its target."""
        return tuple(self.sources.values()) if can_adapt(task) and task.kind == "segmentation" else ()

    def init_strategies(self) -> dict[str, RankedStrategy]:
        return all_strategies(self.tasks)

    def _load_sessions(self, load: bool = False) -> Sessions:
        # MONAI Label's own trust the ids and the files that clients send.
        chosen = settings.MONAI_LABEL_SESSION_PATH.strip()
        folder = Path(chosen) if chosen else Path(platformdirs.user_cache_dir("crosslabel")) / "sessions"
        return Sessions(folder, settings.MONAI_LABEL_SESSION_EXPIRY)

    def init_batch_infer(self) -> EligibleBatchInfer:
        return EligibleBatchInfer(self.tasks)

    @property
    def infer_tasks(self) -> dict[str, PredictorInferTask]:
        """Inference by task name."""
        return self._infers

    @property
    def train_tasks(self) -> dict[str, StudiesTrainTask]:
        """Training by name: that of the task, or of its adaptation."""
        return self._trainers

    @property
    def strategies(self) -> dict[str, RankedStrategy]:
        """What can choose the next case, by name."""
        return self._strategies

    def info(self) -> dict[str, Any]:
        """MONAI Label's description of the app with CrossLabel's ``tasks`` and ``capabilities``."""
        info = super().info()
        # Without a segmentation task MONAI Label would offer class names as segments.
        info["labels"] = self.labels
        # The stock Slicer module shows the progress of the first trainer only.
        running = sorted(info["train_stats"].items(), key=lambda item: _over(item[1]))
        return {
            **info,
            "train_stats": dict(running),
            "tasks": list(self.tasks),
            "capabilities": list(self.capabilities),
        }

    def infer(self, request: Mapping[str, Any], datastore: Studies | None = None) -> dict[str, Any]:
        """Predict one image.

        Args:
            request: ``model``; ``image``, the id of a study or a path; ``save_label`` and ``label_tag``; see
                :class:`PredictorInferTask` for the others.
            datastore: other studies than the app's.

        Raises:
            CrossLabelError: unknown task or image, no checkpoint, or an unsuitable image.
        """
        task = self._named(self.infer_tasks, request)
        studies = datastore or self.datastore()
        image = str(request.get("image") or "")
        is_path = Path(image).is_absolute() and Path(image).exists()
        path = Path(image) if is_path else studies.image_path(image)
        file, params = task({**request, "image": str(path)})
        label = file
        if file and not is_path and request.get("save_label"):
            tag = request.get("label_tag", DefaultLabelTag.ORIGINAL)
            info = {"task": task.task.name, "params": params}
            label = studies.submit(image, Path(file), tag, info, author=params["checkpoint"]["name"]).image_id
        return {"label": label, "tag": DefaultLabelTag.ORIGINAL, "file": file, "params": params}

    def train(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Train in this process; see :class:`StudiesTrainTask`."""
        return self._named(self.train_tasks, request)(request, self.datastore())

    def next_sample(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The study to annotate next, ``{}`` when none is left.

        Raises:
            NotFoundError: unknown strategy or task.
        """
        name = request.get("strategy") or "default"
        if name not in self._strategies:
            raise NotFoundError(f"There is no strategy '{name}' here; this server has: {', '.join(self._strategies)}.")
        return super().next_sample(request)

    def on_init_complete(self) -> None:
        """Make the first answer as quick as the second, and say so if the stock server runs the app."""
        super().on_init_complete()
        InferenceSignal(self.store.folder).forget()
        warm_up()
        if not self.own_server:
            logger.warning(_MISSING_IN_STOCK_SERVER)

    def _named(self, tasks: Mapping[str, Any], request: Mapping[str, Any]) -> Any:
        name = request.get("model")
        if name not in tasks:
            raise NotFoundError(f"There is no task '{name}' here; this server has: {', '.join(tasks)}.")
        return tasks[name]


def _is_background_job() -> bool:
    """Whether this process is one that MONAI Label started with ``python -m monailabel.interfaces.utils.app``."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name == "monailabel.interfaces.utils.app"


def _tasks_dir(app_dir: str) -> Path:
    return paths.tasks_dir() if "CROSSLABEL_TASKS" in os.environ else Path(app_dir) / "tasks"


def _training_policy(conf: Mapping[str, str]) -> TrainingPolicy:
    chosen = conf.get("train_on") or TrainingPolicy.FINAL.value
    try:
        return TrainingPolicy(chosen)
    except ValueError as error:
        raise CrossLabelError(f"train_on '{chosen}' is not known; give 'final' or 'approved'.") from error


def _segment_names(tasks: Mapping[str, TaskSpec]) -> list[str]:
    """Names of all labels of the segmentation tasks, each once, in the tasks' order."""
    return list(dict.fromkeys(label.name for task in tasks.values() for label in task.labels))


def _over(stats: Mapping[str, Any]) -> bool:
    return not stats or "total_time" in stats
