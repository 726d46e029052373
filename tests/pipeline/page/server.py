"""Serves files on 127.0.0.1 with the headers that Jenkins sends with archived files.

`/jenkins/…` has those of today's DirectoryBrowserSupport, `/strict/…` those of older Jenkins,
whose sandbox has no origin of its own, `/bare/…` none.
"""

import functools
import http.server
import threading

SOURCES = "default-src 'none'; img-src 'self'; style-src 'self';"
POLICIES = {"jenkins": f"sandbox allow-same-origin; {SOURCES}", "strict": f"sandbox; {SOURCES}", "bare": None}


class Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        self.policy, _, rest = path.lstrip("/").partition("/")
        return super().translate_path("/" + rest)

    def do_GET(self):
        # A browser asks for it by itself; Jenkins has one.
        if self.path == "/favicon.ico":
            self.policy = "bare"
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def end_headers(self):
        policy = POLICIES[self.policy]
        if policy:
            for name in ["Content-Security-Policy", "X-WebKit-CSP", "X-Content-Security-Policy"]:
                self.send_header(name, policy)
            self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, *_):
        pass


class Server:
    """Serves a directory; `url(policy, path)` is where. Ends with the `with` block."""

    def __init__(self, directory):
        handler = functools.partial(Handler, directory=str(directory))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def url(self, policy, path):
        return f"http://127.0.0.1:{self.server.server_address[1]}/{policy}/{path}"
