"""Headless Chromium over its DevTools pipe: pages opened, looked at, photographed, printed.

A Browser is one process, a Page one tab. What a page's policy refused is in `Page.violations`:
the browser's own issues of its policy, and the errors that it logs for the same reason.
"""

import base64
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading

# Seconds: a machine that builds something else at the same time is slow.
WAIT = 180


class Browser:
    """Chromium in a profile of its own; ends with the `with` block."""

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="page-")
        read_by_it, self._write = os.pipe()
        self._read, written_by_it = os.pipe()

        def pipes():
            # Chromium reads file descriptor 3 and writes 4. Both ends may have these numbers already.
            high = os.dup(read_by_it), os.dup(written_by_it)
            spare = [os.dup(high[0]), os.dup(high[1])]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--hide-scrollbars", "--no-first-run", "--disable-extensions", "--disable-background-networking",
             "--remote-debugging-pipe", f"--user-data-dir={self.profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=pipes, close_fds=False)
        os.close(read_by_it)
        os.close(written_by_it)
        self._number = 0
        self._answers = {}
        self._listeners = {}
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
            self.process.wait(10)
        except (OSError, RuntimeError, queue.Empty, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self._write)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, session=None, **params):
        """Calls a method of the protocol and gives its result."""
        self._number += 1
        number = self._number
        self._answers[number] = queue.Queue()
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._answers[number].get(timeout=WAIT)
        del self._answers[number]
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def open(self, url, **looks):
        """A page that has loaded: see Page."""
        return Page(self, url, **looks)

    def listen(self, session):
        """A queue of the events of a session."""
        return self._listeners.setdefault(session, queue.Queue())

    def _listen(self):
        buffer = b""
        while True:
            data = os.read(self._read, 1 << 20)
            if not data:
                return
            buffer += data
            *messages, buffer = buffer.split(b"\0")
            for message in map(json.loads, messages):
                if "id" in message:
                    self._answers[message["id"]].put(message)
                else:
                    self.listen(message.get("sessionId")).put(message)


class Page:
    """A tab with a page in it: `width` in CSS pixels, `scheme` light or dark."""

    def __init__(self, browser, url, width=1280, height=900, scheme="light"):
        self.browser = browser
        self.violations = []
        self.failed = []
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.target = target
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.events = browser.listen(self.session)
        for domain in ["Page", "Log", "Network", "Runtime", "Audits"]:
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=url)
        self._until("Page.loadEventFired")
        # What is refused is told a moment after.
        self.call("Page.getLayoutMetrics")
        self._take_events(0.3)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def overflow(self):
        """By how many pixels the content is wider than the page."""
        metrics = self.call("Page.getLayoutMetrics")
        return metrics["cssContentSize"]["width"] - metrics["cssLayoutViewport"]["clientWidth"]

    def photograph(self, path, most=12000):
        """The whole page, down to `most` pixels, as a PNG file."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], most), "scale": 1}
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def accessible(self):
        """What assistive technology is given: role, name and level of each node, in order."""
        self.call("Accessibility.enable")
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        value = lambda node, key: node.get(key, {}).get("value", "")
        level = lambda node: next((one["value"]["value"] for one in node.get("properties", []) if one["name"] == "level"), None)
        # They come a level of the tree at a time.
        known = {node["nodeId"]: node for node in nodes}
        ordered, waiting = [], [nodes[0]["nodeId"]]
        while waiting:
            node = known[waiting.pop()]
            ordered.append(node)
            waiting.extend(reversed([child for child in node.get("childIds", []) if child in known]))
        return [(value(node, "role"), value(node, "name"), level(node)) for node in ordered if not node["ignored"]]

    def elements(self):
        """How many elements the page has."""
        self.call("DOM.enable")
        search = self.call("DOM.performSearch", query="*")
        return search["resultCount"]

    def took(self):
        """Milliseconds from the navigation until all was loaded."""
        self.call("Performance.enable")
        metrics = {one["name"]: one["value"] for one in self.call("Performance.getMetrics")["metrics"]}
        return round(1000 * (metrics["DomContentLoaded"] - metrics["NavigationStart"]))

    def print(self, path):
        """The page as a PDF file."""
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"]))

    def evaluate(self, expression):
        """The value of an expression; a promise's, too."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"]))
        return result["result"].get("value")

    def background(self):
        """The page's colour, as the stylesheet has it."""
        for domain in ["DOM", "CSS"]:
            self.call(f"{domain}.enable")
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        body = self.call("DOM.querySelector", nodeId=root, selector="body")["nodeId"]
        style = self.call("CSS.getComputedStyleForNode", nodeId=body)["computedStyle"]
        return next(one["value"] for one in style if one["name"] == "background-color")

    def unfold(self):
        """Opens everything that is folded, and gives how much that was. Not under a policy without scripts."""
        return self.evaluate("(() => { const all = document.querySelectorAll('details:not([open])');"
                             " all.forEach(one => one.open = true); return all.length })()")

    def axe(self, source):
        """What axe-core finds: rule, what is wrong, and where first. Not under a policy without scripts."""
        self.evaluate(source.read_text() + ";0")
        return self.evaluate("""axe.run(document, {resultTypes: ['violations'], runOnly:
            ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(found =>
            found.violations.map(one => `${one.id}: ${one.help}: ${one.nodes.length} times, first ${one.nodes[0].html.slice(0, 200)}`
                + ` ${one.nodes[0].failureSummary}`))""")

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def _until(self, method):
        while self._note(self.events.get(timeout=WAIT)) != method:
            pass

    def _take_events(self, seconds):
        try:
            while True:
                self._note(self.events.get(timeout=seconds))
        except queue.Empty:
            pass

    def _note(self, event):
        params = event.get("params", {})
        match event["method"]:
            case "Audits.issueAdded" if params["issue"]["code"] == "ContentSecurityPolicyIssue":
                details = params["issue"]["details"]["contentSecurityPolicyIssueDetails"]
                self.violations.append(f"{details['violatedDirective']}: {details.get('blockedURL', 'inline')}")
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.violations.append(params["entry"]["text"])
            case "Network.loadingFailed":
                self.failed.append(params.get("errorText", ""))
        return event["method"]
