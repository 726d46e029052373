"""The page of several rehearsals, as Chromium shows it."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

from browser import Browser
from server import Server
from world import ENVIRONMENTS, many_environments

PAGES = pathlib.Path(os.environ["PAGES"])
AXE = pathlib.Path(os.environ["AXE"])
# What is rehearsed, with the exit code that it ends with.
RUNS = {
    "clean": (["--scenario", "clean"], 0),
    "rolled-back": (["--scenario", "app-down"], 4),
    "no-capacity": (["--scenario", "no-capacity"], 4),
    "refused": (["--scenario", "suspended"], 3),
    "many": (["--scenario", "clean", "--when", "now"], 0),
}
LOOKS = {
    "light": {},
    "dark": {"scheme": "dark"},
    "phone": {"width": 360, "height": 780},
    "phone-dark": {"width": 360, "height": 780, "scheme": "dark"},
}
# The colour that the stylesheet gives the page: proof that it was loaded.
PAPER = {"light": "rgb(248, 248, 245)", "dark": "rgb(18, 21, 25)"}
STYLED = '<!DOCTYPE html><html lang="en"><title>t</title><p style="color: red">styled</p></html>'
SCRIPTED = '<!DOCTYPE html><html lang="en"><title>t</title><style>p{}</style><script>document.title="ran"</script></html>'
UNREADABLE = '<!DOCTYPE html><html><title>t</title><main><h1>h</h1><img src="x.png"><p>words</p></main></html>'


def rehearse(name):
    """Rehearses into PAGES; gives the report directory."""
    options, wanted = RUNS[name]
    directory = PAGES / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    command = [os.environ["AMI_REFRESH"], "rehearse", *options, "--report-dir", str(directory)]
    if name == "many":
        command += ["--config", str(many_environments(directory))]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == wanted, f"{name}: exit {ended.returncode}, not {wanted}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}"
    return directory


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for name in RUNS:
            rehearse(name)
        probes = PAGES / "probes"
        probes.mkdir(exist_ok=True)
        for name, text in {"styled": STYLED, "scripted": SCRIPTED, "unreadable": UNREADABLE}.items():
            (probes / f"{name}.html").write_text(text)
        cls.server = cls.enterClassContext(Server(PAGES))
        cls.browser = cls.enterClassContext(Browser())

    def open(self, policy, path, **looks):
        page = self.browser.open(self.server.url(policy, path), **looks)
        self.addCleanup(page.close)
        return page

    def test_what_the_policy_forbids_would_be_noticed(self):
        for policy in ["jenkins", "strict"]:
            for name in ["styled", "scripted"]:
                self.assertTrue(self.open(policy, f"probes/{name}.html").violations, f"{name} under {policy}")
        self.assertEqual(self.open("bare", "probes/styled.html").violations, [])

    def test_no_page_breaks_the_policy_or_overflows_in_any_look(self):
        for name in RUNS:
            for look, options in LOOKS.items():
                with self.subTest(page=name, look=look):
                    page = self.open("jenkins", f"{name}/report.html", **options)
                    self.assertEqual(page.violations, [])
                    self.assertEqual(page.failed, [])
                    self.assertEqual(page.background(), PAPER[options.get("scheme", "light")])
                    self.assertLessEqual(page.overflow(), 0)
                    page.photograph(PAGES / f"{name}-{look}.png")

    def test_older_jenkins_shows_it_as_well(self):
        page = self.open("strict", "rolled-back/report.html")
        self.assertEqual((page.violations, page.failed), ([], []))
        self.assertEqual(page.background(), PAPER["light"])

    def test_unfolded_it_does_not_overflow_a_phone(self):
        for name in ["clean", "rolled-back", "no-capacity", "refused"]:
            with self.subTest(page=name):
                page = self.open("bare", f"{name}/report.html", **LOOKS["phone"])
                self.assertGreater(page.unfold(), 0)
                self.assertLessEqual(page.overflow(), 0)
                page.photograph(PAGES / f"{name}-phone-unfolded.png")

    def test_paper_has_what_is_folded_on_a_screen(self):
        page = self.open("jenkins", "clean/report.html")
        page.print(PAGES / "clean.pdf")
        text = subprocess.run(["pdftotext", "-layout", PAGES / "clean.pdf", "-"], capture_output=True, text=True, check=True)
        for wanted in ["All 9 environments passed.", "Rehearsal", "payments-prod", "search-sandbox", "ami-"]:
            self.assertIn(wanted, text.stdout)
        self.assertIn("display: none", (PAGES / "clean/report.css").read_text().split("@media print")[1])
        self.assertNotIn("Skip to the verdict", text.stdout)

    def test_all_of_many_environments_stay_small(self):
        files = [PAGES / "many" / name for name in ["report.html", "report.css"]]
        self.assertLess(sum(file.stat().st_size for file in files), 2_000_000)
        page = files[0].read_text()
        rows = re.findall(r'<th scope="row">[a-z-]+-e[0-9]{3}\b', page)
        self.assertEqual(len(rows), 5 * ENVIRONMENTS)

    def test_axe_finds_nothing(self):
        self.assertTrue(self.open("bare", "probes/unreadable.html").axe(AXE), "axe would notice")
        for name in ["clean", "rolled-back", "no-capacity", "refused"]:
            for scheme in ["light", "dark"]:
                with self.subTest(page=name, scheme=scheme):
                    page = self.open("bare", f"{name}/report.html", scheme=scheme)
                    page.unfold()
                    self.assertEqual(page.axe(AXE), [])
