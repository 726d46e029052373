"""The pages of rehearsals, single steps and several runs together, as Chromium shows them."""

import html
import os
import pathlib
import re
import subprocess
import unittest

import runs
import world
from browser import Browser
from server import Server

PAGES = pathlib.Path(os.environ["PAGES"])
AXE = pathlib.Path(os.environ["AXE"])
SMALL = [name for name in runs.PAGES if name not in runs.LARGE]
# What the heading of a page must say, and what must stand in its verdict.
SAID = {
    "clean": ("All 9 environments passed.", "prod is safe"),
    "held": ("dev did not pass its gate: orders-dev failed check app-health.", "or ami-refresh gate pass --env dev"),
    "excused": ("All 2 environments passed; 2 groups fail a check as they did before, which is allowed.",
                "Failed before the refresh too, which is allowed: orders-dev (app-health) and orders-prod (app-health)."),
    "update-templates": ("dev: 'update-templates' is done, and the rollout goes on.", "ami-refresh refresh --env dev"),
    "refresh": ("dev: 'refresh' is done, and the rollout goes on.", "ami-refresh gate pass --env dev"),
    "smoke": ("dev: every check that counts passed.", "10 checks passed"),
    "smoke-failed": ("dev needs a person: orders-dev failed check app-health.", "ami-refresh rollback --env dev"),
    "gate-pass": ("dev passed.", "Nothing to run."),
    "gate-refused": ("prod was refused before anything changed: group catalog-prod is not proved", "ami-refresh rollout --env prod"),
    "rollback": ("dev was taken back, as asked.", "5 taken back"),
    "aborted": ("Aborted by SIGTERM in dev.", "Soon:"),
    "waits": ("Not finished: qa waits until Mon 23 Nov 15:00.", "it waits, and goes on by itself"),
    "hundreds": ("prod failed and was rolled back: orders-prod@", "ami-refresh rollout --env prod"),
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


def pixels(pdf, page):
    """The colours of a printed page, small: a list of (red, green, blue)."""
    ppm = subprocess.run(["pdftoppm", "-r", "24", "-f", str(page), "-l", str(page), pdf], capture_output=True, check=True).stdout
    _, _, _, data = ppm.split(b"\n", 3)
    return list(zip(data[::3], data[1::3], data[2::3]))


def shown(text):
    """A PDF's text with single spaces."""
    return re.sub(r"\s+", " ", text)


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        runs.make(PAGES)
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
        for name in runs.PAGES:
            for look, options in LOOKS.items():
                with self.subTest(page=name, look=look):
                    page = self.open("jenkins", runs.PAGES[name], **options)
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
        for name in SMALL:
            with self.subTest(page=name):
                page = self.open("bare", runs.PAGES[name], **LOOKS["phone"])
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
        self.assertEqual(len(rows), 5 * world.ENVIRONMENTS)

    def test_axe_finds_nothing(self):
        self.assertTrue(self.open("bare", "probes/unreadable.html").axe(AXE), "axe would notice")
        for name in SMALL:
            for scheme in ["light", "dark"]:
                with self.subTest(page=name, scheme=scheme):
                    page = self.open("bare", runs.PAGES[name], scheme=scheme)
                    page.unfold()
                    self.assertEqual(page.axe(AXE), [])

    def test_every_page_says_what_became_of_its_run(self):
        for name, (heading, beside) in SAID.items():
            with self.subTest(page=name):
                page = (PAGES / runs.PAGES[name]).read_text()
                verdict = page[page.index('<section id="verdict"'):].split("</section>")[0]
                words = shown(html.unescape(re.sub(r"<[^>]+>", " ", verdict.replace("</code>", "").replace("<code class=\"command\">", ""))))
                self.assertIn(heading, words)
                self.assertIn(beside, words)

    def test_on_paper_nothing_is_dark_whatever_the_scheme(self):
        for name in SMALL + ["hundreds"]:
            for scheme in ["light", "dark"]:
                with self.subTest(page=name, scheme=scheme):
                    page = self.open("jenkins", runs.PAGES[name], scheme=scheme)
                    pdf = PAGES / f"{name}-{scheme}.pdf"
                    page.print(pdf)
                    told = subprocess.run(["pdfinfo", pdf], capture_output=True, text=True, check=True).stdout
                    pages = int(re.search(r"Pages:\s+(\d+)", told)[1])
                    self.assertLessEqual(pages, 160 if name == "hundreds" else 40)
                    for number in {1, pages}:
                        colours = pixels(pdf, number)
                        light = sum(min(one) >= 200 for one in colours)
                        self.assertGreater(light, 0.7 * len(colours), f"page {number} of {pages}")
                    subprocess.run(["pdftoppm", "-r", "60", "-l", "3", "-png", pdf, PAGES / f"{name}-{scheme}-paper"], check=True)

    def test_assistive_technology_is_given_landmarks_headings_and_words_for_pictures(self):
        for name in SMALL:
            with self.subTest(page=name):
                page = self.open("bare", runs.PAGES[name])
                page.unfold()
                tree = page.accessible()
                roles = [role for role, _, _ in tree]
                for role in ["banner", "navigation", "main", "contentinfo"]:
                    self.assertEqual(roles.count(role), 1, role)
                levels = [level for role, _, level in tree if role == "heading"]
                self.assertEqual((levels[0], levels.count(1)), (1, 1))
                jumps = [pair for pair in zip(levels, levels[1:]) if pair[1] > pair[0] + 1]
                self.assertEqual(jumps, [])
                self.assertEqual([one for one in tree if one[0] in ("heading", "image", "region", "article") and not one[1].strip()], [])
                text = (PAGES / runs.PAGES[name]).read_text()
                pictures = re.findall(r"<svg[^>]*>", text)
                self.assertEqual([one for one in pictures if 'role="img"' not in one and 'aria-hidden="true"' not in one], [])
                # A picture without words in the tree would not be there at all.
                self.assertEqual(roles.count("image"), sum('role="img"' in one for one in pictures))
                self.assertEqual([one for one in re.findall(r"<th[ >][^>]*", text) if "scope=" not in one], [])

    def test_five_hundred_groups_are_small_soon_there_and_what_failed_is_at_the_top(self):
        files = [PAGES / "hundreds" / name for name in ["report.html", "report.css"]]
        self.assertLess(sum(file.stat().st_size for file in files), 2_000_000)
        text = files[0].read_text()
        self.assertEqual(len(re.findall(r'<th scope="row">[a-z-]+-(?:e[0-9]{3}|prod)@', text)), world.HUNDREDS)
        page = self.open("jenkins", runs.PAGES["hundreds"], **LOOKS["phone"])
        elements, took = page.elements(), page.took()
        print(f"{world.HUNDREDS} groups: {sum(file.stat().st_size for file in files)} bytes, {elements} elements, parsed after {took} ms")
        self.assertLess(elements, 60_000)
        # Without script, and with all folded as it comes: the way to what failed, its name, and its answer.
        seen = [(role, name) for role, name, _ in page.accessible()]
        link = next(at for at, one in enumerate(seen) if one == ("link", "What went wrong"))
        failed = next(at for at, (role, name) in enumerate(seen) if role == "article" and name.startswith(f"{world.FAILING}-prod@"))
        timeline = next(at for at, one in enumerate(seen) if one == ("heading", "Timeline"))
        self.assertLess(link, failed)
        self.assertLess(failed, timeline)
        self.assertTrue(any("status 503" in name for _, name in seen[failed:timeline]))
        self.assertFalse(any(role == "article" for role, _ in seen[timeline:]))
