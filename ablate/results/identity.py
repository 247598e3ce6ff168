"""What makes two runs the same run: settings, seed, data and the libraries that trained them."""

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ablate.reading import parse_json, wrong
from ablate.settings.remedies import REMEDIES
from ablate.settings.run import TABLE_KEYS, Data, RunSettings
from ablate.studies.design import Treatment
from ablate.tables.targets import Task

KEY_SCHEMA = 1  # rises when the same settings would be trained differently; records have a number of their own
LIBRARIES = ("tensorflow", "keras")
_FIRST_REMEDIES = {"init", "batch_norm", "optimizer", "dropout", "l2", "early_stopping"}  # in every key, used or not
_NAMING = ("source", "label", "test")  # where the data came from; what came out of it is in the digest


def canonical_json(value: Any) -> bytes:
    """One spelling of a JSON value: sorted keys, no spaces, shortest floats, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _data_name(name: str) -> str:
    """See that a name is one that `data_name` gives."""
    if not isinstance(parse_json(name.encode()), dict):
        raise ValueError("a data set is named by a table in JSON")  # noqa: TRY004 - it is the document that is wrong
    return name


@dataclass(frozen=True)
class DataFacts:
    """What a plan needs to know about a data set that it does not hold in memory.

    Attributes:
        digest: see `Dataset.digest`.
        rows: all examples.
        features: numbers per example.
        classes: different labels; 0 in a regression.
        largest_class: share of the most frequent label; what guessing achieves. 0 in a regression.
        shape: of one example as it is in the data; empty where an older version wrote the facts.
        test_rows: examples of the test set; `None` where an older version wrote the facts, as the following.
        shared: those of them that the training part has as well, features and all.
        shared_other_label: those of these that it has with other labels alone.
        scaling: how its features are scaled, in words; empty where an older version wrote the facts.
        automatic: whether they are scaled although nobody chose a scale.
        summary: what was read, in a few lines; empty where an older version wrote the facts.
        notes: what is odd about it; likewise.
    """

    digest: str
    rows: int
    features: int
    classes: int
    largest_class: float
    shape: tuple[int, ...] = ()
    test_rows: int | None = None
    shared: int | None = None
    shared_other_label: int | None = None
    scaling: str = ""
    automatic: bool = False
    summary: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """What is learned of the target."""
        return "classification" if self.classes else "regression"

    @property
    def leak(self) -> str:
        """What is to say of examples that are in the training part and in the test set; empty if there are none."""
        if not self.shared or not self.test_rows:
            return ""
        more = (
            f" ({self.shared_other_label:,} with another {'label' if self.classes else 'target'})"
            if self.shared_other_label
            else ""
        )
        are = "is" if self.shared == 1 else "are"
        return (
            f"{self.shared:,} of {self.test_rows:,} examples of the test set ({self.shared / self.test_rows:.1%}) "
            f"{are} in the training part as well{more}"
        )


@dataclass(frozen=True)
class Identity:
    """What a study's runs were trained on and with, beyond what its file says.

    Attributes:
        libraries: `major.minor` of TensorFlow and Keras.
        data: facts of every data set of the study, by `data_name`.
        code: digest of every function of the user's that the study names, by its reference.
        origins: key of the record whose weights a run starts from, by `origin_name`.
        files: digest of every model file that the study names, by its path there.
        tokens: builders and model files that may take whole numbers as they are; see `study.tokens`.
    """

    libraries: Mapping[str, str]
    data: Mapping[str, DataFacts]
    code: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    tokens: Sequence[str] = ()

    @classmethod
    def from_document(cls, document: Any) -> "Identity":
        """An identity from what `asdict` made of one, or of one of an older version, and JSON of it.

        Raises:
            ValueError: the document is none; says what is wrong.
        """
        try:
            found = _Document.model_validate(document)
        except ValidationError as error:
            raise ValueError(wrong(error)) from None
        facts = {name: entry.facts() for name, entry in found.data.items()}
        return cls(found.libraries, facts, found.code, found.origins, found.files, tuple(found.tokens))

    def covers(self, settings: RunSettings, seeds: Iterable[int]) -> bool:
        """Whether the data, code and model file of a treatment are known here, and what its runs go on from."""
        file = settings.model.file
        if file is not None and file not in self.files:
            return False
        goes_on = settings.training.continue_from is not None
        known = not goes_on or all(origin_name(settings, seed) in self.origins for seed in seeds)
        return known and data_name(settings.data) in self.data and settings.code.keys() <= self.code.keys()


Count = Annotated[int, Field(ge=0, le=2**53)]  # what every reader of JSON can hold


class _Facts(BaseModel):
    """`DataFacts` as they are written; what validates them."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    digest: str
    rows: Count
    features: Count
    classes: Count
    largest_class: Annotated[float, Field(ge=0, le=1)]
    shape: list[Count] = []
    test_rows: Count | None = None
    shared: Count | None = None
    shared_other_label: Count | None = None
    scaling: str = ""
    automatic: bool = False
    summary: list[str] = []
    notes: list[str] = []

    def facts(self) -> DataFacts:
        lists = {name: tuple(value) for name, value in vars(self).items() if isinstance(value, list)}
        return DataFacts(**{**vars(self), **lists})


class _Document(BaseModel):
    """An `Identity` as it is written; what validates it. What a newer version adds is passed over."""

    model_config = ConfigDict(extra="ignore", strict=True)

    libraries: dict[str, str]
    data: dict[Annotated[str, AfterValidator(_data_name)], _Facts]
    code: dict[str, str] = {}
    origins: dict[str, str] = {}
    files: dict[str, str] = {}
    tokens: list[str] = []


@dataclass(frozen=True)
class PlannedRun:
    """One treatment with one seed.

    Attributes:
        treatment: its levels and settings.
        seed: the replicate's seed.
        key: SHA-256 in hexadecimal; names the record.
    """

    treatment: Treatment
    seed: int
    key: str


def version_of(library: str) -> str | None:
    """The installed version, from package metadata; a build under another name (`tensorflow-cpu`) counts."""
    for distribution in (library, f"{library}-cpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(distribution)
    return None


def installed_libraries() -> dict[str, str]:
    """`major.minor` of the libraries that decide a run's numbers; those that are not installed are missing."""
    versions = {name: version_of(name) for name in LIBRARIES}
    return {name: ".".join(version.split(".")[:2]) for name, version in versions.items() if version}


def data_name(data: Data) -> str:
    """The part of `[data]` that decides which examples are read, as one text."""
    of_tables = {key: value for key, value in data.model_dump(mode="json").items() if key in TABLE_KEYS}
    task = {"task": data.task} if data.task else {}
    return canonical_json({**{key: getattr(data, key) for key in (*_NAMING, "scale")}, **of_tables, **task}).decode()


def facts_by_source(settings: Iterable[RunSettings], identity: Identity) -> dict[str, DataFacts]:
    """What is known of the data of some treatments, by their source; by the whole of `[data]` where one has several."""
    every = {data_name(each.data): each.data.source for each in settings}
    sources = list(every.values())
    return {
        source if sources.count(source) == 1 else f"{source} {name}": identity.data[name]
        for name, source in every.items()
        if name in identity.data
    }


def origin_name(settings: RunSettings, seed: int) -> str:
    """What a run and the one that it goes on from have in common: data, network, remedies and seed."""
    resolved = _resolved(settings)
    resolved["data"].pop("positive", None)  # scores alone are about it
    common = {key: resolved[key] for key in ("data", "model", "remedies")}
    return hashlib.sha256(canonical_json([common, seed])).hexdigest()


def run_key(settings: RunSettings, seed: int, identity: Identity) -> str:
    """The name of a run's record: equal keys mean the same training on the same data."""
    return next(run_keys(settings, [seed], identity))


def run_keys(settings: RunSettings, seeds: Iterable[int], identity: Identity) -> Iterator[str]:
    """The same for several seeds; what does not depend on the seed is written out once."""
    common = _without_seed(settings, identity)
    goes_on = bool(settings.training.continue_from)
    before, after = _around_seed(common)
    for seed in seeds:
        if goes_on:
            before, after = _around_seed({**common, "continue_from": identity.origins[origin_name(settings, seed)]})
        yield hashlib.sha256(b"%s%d%s" % (before, seed, after)).hexdigest()


def _around_seed(payload: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """What stands before and behind the seed where `canonical_json` spells a payload with one."""
    before = canonical_json({name: value for name, value in payload.items() if name < "seed"})
    after = canonical_json({name: value for name, value in payload.items() if name > "seed"})
    return before[:-1] + b',"seed":', b"," + after[1:]


def _without_seed(settings: RunSettings, identity: Identity) -> dict[str, Any]:
    """What a run's key is made of, but for its seed and the run that it goes on from."""
    resolved = decisive(settings)
    resolved["training"].pop("continue_from", None)
    facts = identity.data[data_name(settings.data)]
    file = resolved["model"].pop("file", None)
    network = settings.model.builder or file
    return {
        "schema": KEY_SCHEMA,
        "settings": resolved,
        "data": facts.digest,
        "libraries": dict(identity.libraries),
        **({"code": {name: identity.code[name] for name in settings.code}} if settings.code else {}),
        **({"file": identity.files[file]} if file else {}),
        **({"shape": facts.shape} if sees_shapes(settings) else {}),
        **({"tokens": "as they are"} if facts.automatic and network in identity.tokens else {}),  # not scaled
    }


def sees_shapes(settings: RunSettings) -> bool:
    """Whether a network sees the shape of examples; hidden layers see rows of numbers, unless images are changed."""
    return not settings.model.hidden or settings.remedies.augmentation is not False


def decisive(settings: RunSettings) -> dict[str, Any]:
    """The settings that decide how a run is trained, as plain values by section.

    Where its data came from is left out: what came out of it has a digest.
    """
    resolved = _resolved(settings)
    for key in (*_NAMING, *TABLE_KEYS):
        resolved["data"].pop(key, None)
    return resolved


def _resolved(settings: RunSettings) -> dict[str, Any]:
    """The settings as plain values, without what older versions did not know where it is not used.

    So runs keep the keys they have always had when a remedy or a key is added to the study file.
    """
    resolved = settings.model_dump(mode="json", exclude_none=True)
    resolved["data"].pop("task", None)  # the digest of the data tells
    if settings.training.loss == "mse":
        del resolved["training"]["loss"]  # as without the key
    if not settings.training.callbacks:
        del resolved["training"]["callbacks"]
    if not settings.scores.metrics:
        resolved["data"].pop("positive", None)  # nothing is scored by it
    else:
        resolved["scores"]["metrics"] = sorted(set(settings.scores.metrics))  # in whatever order they are named
    for name in REMEDIES.keys() - _FIRST_REMEDIES:
        if resolved["remedies"].get(name) == REMEDIES[name].default:
            del resolved["remedies"][name]
    return resolved


def plan_runs(treatments: Iterable[Treatment], seeds: Sequence[int], identity: Identity) -> list[PlannedRun]:
    """Every treatment with every seed, replicate by replicate, so that a part of a study is a fair part."""
    keyed = [(treatment, list(run_keys(treatment.settings, seeds, identity))) for treatment in treatments]
    return [PlannedRun(treatment, seed, keys[place]) for place, seed in enumerate(seeds) for treatment, keys in keyed]
