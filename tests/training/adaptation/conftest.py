from __future__ import annotations

import pytest

import two_modalities
from crosslabel.data import labelled_cases, unlabelled_cases
from crosslabel.training.adaptation import AdaptationCases


@pytest.fixture(scope="session")
def domains(tmp_path_factory):
    """Folders of four labelled CT and of three MR volumes."""
    root = tmp_path_factory.mktemp("domains")
    return two_modalities.write_domain(root / "ct", "CT", 4), two_modalities.write_domain(root / "mr", "MR", 3, 50)


@pytest.fixture
def cases(domains):
    source, target = domains
    return AdaptationCases(labelled_cases(source, two_modalities.adaptation_task()), unlabelled_cases(target))
