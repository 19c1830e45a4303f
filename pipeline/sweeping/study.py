"""The Optuna study of a sweep: its attributes, and how it is created, opened and identified."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from pipeline.errors import UserError, unknown
from pipeline.storage.fingerprints import fingerprint
from pipeline.sweeping.database import connected, create_database, full_address, study_lock
from pipeline.sweeping.definition import changed_settings

DEFINITION = "definition"
"""Attribute of a study: the settings that must stay the same (`pipeline.sweeping.definition`)."""
IDENTITY = "identity"
"""Attribute of a study: a random number that distinguishes it from earlier studies of the same name."""
SETTINGS = "settings"
"""Attribute of a study: sampler, pruner, seed and number of trials, which may change between commands."""
CONFIGURATION = "configuration"
"""Attribute of a trial: its resolved settings, with the number of replicates."""
REUSED = "reused"
"""Attribute of a trial: the number of replicates whose result existed before the trial."""
MEMORY = "memory_mib"
"""Attribute of a trial: the peak memory of its process in MiB."""
REASON = "reason"
"""Attribute of a failed trial: why it failed."""


def trials_of(study: optuna.Study, *states: TrialState) -> list[FrozenTrial]:
    """The trials in these states, or in any state if none is named, by number."""
    return study.get_trials(deepcopy=False, states=states or None)


def study_names(storage: str) -> list[str]:
    """The names of the studies in a database."""
    return sorted(optuna.get_all_study_names(connected(full_address(storage))))


def open_study(name: str, storage: str) -> optuna.Study:
    """The study of an existing sweep.

    Raises:
        UserError: the sweep or the database does not exist.
    """
    known = study_names(storage)
    if name not in known:
        raise unknown("sweep", name, known)
    return optuna.load_study(study_name=name, storage=connected(full_address(storage)))


def create_study(name: str, storage: str, directions: Sequence[StudyDirection]) -> optuna.Study:
    """The study of this name; it is created if it does not exist."""
    return optuna.create_study(
        study_name=name, storage=connected(storage), directions=list(directions), load_if_exists=True
    )


def resume_or_create(
    name: str, storage: str, directions: Sequence[StudyDirection], definition: dict[str, Any]
) -> optuna.Study:
    """The study of a sweep with this definition.

    A study in which all trials failed is replaced, so that a mistake can be fixed under the same name.

    Raises:
        UserError: a study of this name has another definition.
    """
    create_database(storage)
    study = create_study(name, storage, directions)
    with study_lock(study, storage):
        known = study.user_attrs.get(DEFINITION)
        if known not in (None, definition) and all(trial.state == TrialState.FAIL for trial in trials_of(study)):
            optuna.delete_study(study_name=name, storage=study._storage)
            study, known = create_study(name, storage, directions), None
        if known is None:
            study.set_user_attr(IDENTITY, uuid4().hex)
            study.set_user_attr(DEFINITION, definition)
        elif known != definition:
            raise UserError(
                f"The sweep {name} exists with other settings ({'; '.join(changed_settings(known, definition))}). "
                "Restore them to resume it, or start another sweep: hydra.sweeper.name=NAME."
            )
    return study


def sweep_fingerprint(study: optuna.Study) -> str:
    """The identity of a sweep, unique even among earlier sweeps of the same name."""
    return fingerprint({"sweep": study.study_name, "identity": study.user_attrs[IDENTITY]})
