"""Files of data sets of the Hugging Face Hub, with the record of where their rows came from.

Data sets are never loaded by repository, which may run into a script that `datasets` refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fearec_adapters.files.file import File
from fearec_cli.api import Source, fetch_from_hub


@dataclass(frozen=True)
class HubFile:
    """A file of a data set repository, as it lies in the local cache.

    Attributes:
        repository: OWNER/NAME.
        path: of the file in the repository.
        commit: that it was fetched at.
        file: the local copy.
        notes: what a reader of the results should know, for `fearec_cli.api.Log`.
    """

    repository: str
    path: str
    commit: str
    file: Path
    notes: Mapping[str, str] = field(default_factory=dict)

    def source(self, adapter: str) -> Source:
        """The record of where the rows came from."""
        return Source(
            adapter=adapter,
            location=f"huggingface.co/datasets/{self.repository}/{self.path}",
            revision=self.commit,
            sha256=File(self.file, adapter).source().sha256,
        )


def fetch(repository: str, path: str, revision: str) -> HubFile:
    """A file of a data set repository, as `fearec_cli.api.fetch_from_hub` gives it.

    Raises:
        DataError: it cannot be had; says why and what to do next.
    """
    found = fetch_from_hub(repository, path, revision)
    return HubFile(repository, path, found.commit, found.file, found.notes)
