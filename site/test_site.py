"""The built site in a browser: it needs no network, its search finds, and its links lead somewhere.

A browser is Debian's: `apt install chromium chromium-driver`. Without one those tests are skipped; that
nothing is fetched and that every link has its page is also read from the files.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "target" / "site"
PAGES = sorted(SITE.rglob("*.html"))
CHROME, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
LEADS = {"canonical", "prev", "next", "alternate"}  # links of these kinds load nothing


class Read(HTMLParser):
    """What a page has: the places it names, what it loads, and where it leads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        if tag == "a" and (href := given.get("href")):
            self.leads.append(href)
        if (found := given.get(LOADS.get(tag, ""))) and given.get("rel") not in LEADS:
            self.loads.append(found)


@pytest.fixture(scope="module")
def read() -> dict[Path, Read]:
    assert PAGES, "make site builds it"
    return {page: Read(page) for page in PAGES}


def test_every_page_of_docs_is_there(read: dict[Path, Read]) -> None:
    written = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert written <= {page.stem for page in read}
    assert (SITE / "reference" / "exp.html") in read


def test_nothing_is_loaded_from_elsewhere(read: dict[Path, Read]) -> None:
    away = {load for each in read.values() for load in each.loads if urlsplit(load).netloc}
    styles = "".join(path.read_text() for path in SITE.rglob("*.css"))
    away |= set(re.findall(r"url\(['\"]?(https?:|//)[^)]*\)", styles))
    away |= set(re.findall(r"@import[^;]*", styles))
    assert not away


def test_every_link_has_its_page_and_place(read: dict[Path, Read]) -> None:
    broken = []
    for page, each in read.items():
        for link in {*each.leads, *each.loads}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or page.name == "404.html":
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            there = target.is_file() and (
                not parts.fragment or target.suffix != ".html" or parts.fragment in read[target].ids
            )
            if not there:
                broken.append(f"{page.relative_to(SITE)}: {link}")
    assert not broken


@contextmanager
def served() -> Iterator[str]:
    """The site's address, on this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=SITE)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[tuple[Any, str]]:
    """A browser that can reach this machine alone, and the site's address."""
    if not (CHROME and DRIVER):
        pytest.skip("no browser: apt install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROME
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1000"):
        options.add_argument(argument)
    # No name but this machine's is found.
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with served() as address:
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
        driver.set_page_load_timeout(60)
        try:
            yield driver, address
        finally:
            driver.quit()


def wait(driver: Any, found: Any) -> Any:
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, 60).until(found)


def test_the_search_finds_a_function_and_leads_there(browser: tuple[Any, str]) -> None:
    driver, address = browser
    driver.get(f"{address}index.html")
    field = wait(driver, lambda d: d.find_element("css selector", "input.md-search__input"))
    driver.execute_script("arguments[0].focus()", field)
    field.send_keys("arctan2")
    hit = wait(driver, lambda d: d.find_elements("css selector", "a.md-search-result__link"))[0]
    assert "reference/arctan2.html" in hit.get_attribute("href")
    driver.execute_script("arguments[0].click()", hit)
    wait(driver, lambda d: "arctan2" in d.title)
    assert driver.find_element("css selector", "article svg rect")


def test_every_wish_of_the_first_page_has_its_page(browser: tuple[Any, str]) -> None:
    driver, address = browser
    driver.get(f"{address}index.html")
    wishes = [a.get_attribute("href") for a in driver.find_elements("css selector", "article table a")]
    assert len(wishes) > 8
    for wish in wishes:
        driver.get(wish)
        assert driver.find_element("css selector", "article h1").text
    severe = [line["message"] for line in driver.get_log("browser") if line["level"] == "SEVERE"]
    assert not severe


def test_no_page_asks_for_anything_elsewhere(browser: tuple[Any, str]) -> None:
    driver, address = browser
    for page in ("index.html", "measure.html", "reference/exp.html"):
        driver.get(urljoin(address, page))
        wait(driver, lambda d: d.execute_script("return document.readyState") == "complete")
        loaded = driver.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
        assert loaded
        assert all(each.startswith(address) for each in loaded)
