"""What mkdocs does not do by itself: pages of the reference, and links to files that are no pages.

The reference comes from the registry (`reference.py`). The pages are written to be read in a checkout too, so
they link to files outside of `docs/`; on the site those lead to the repository, if the files are there.
"""

import re
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUTSIDE = re.compile(r"\]\((\.\./[^)#]+)(#[^)]*)?\)")

sys.path.insert(0, str(HERE))
import reference  # noqa: E402, it lies beside this file


def on_config(config: Any) -> Any:
    section = next(each for each in config.nav if "Reference" in each)
    section["Reference"] += [
        {title: path} for path, title, _ in reference.pages() if path not in section["Reference"]
    ]
    return config


def on_files(files: Any, config: Any) -> Any:
    for path, _, text in reference.pages():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    def repositorys(link: re.Match[str]) -> str:
        target = (ROOT / "docs" / PurePosixPath(page.file.src_uri).parent / link[1]).resolve()
        if not target.exists() or not target.is_relative_to(ROOT):
            raise PluginError(f"{page.file.src_uri} links to {link[1]}, which is not there")
        return f"]({config.extra['repository']}/blob/main/{target.relative_to(ROOT)}{link[2] or ''})"

    return OUTSIDE.sub(repositorys, markdown)
