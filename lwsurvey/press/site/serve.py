"""Shows the built site to a browser on this machine."""

from __future__ import annotations

import errno
import gzip
import io
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lwsurvey.press.site.site import SiteError, site_folder
from lwsurvey.press.sources.chapters import PUBLISHED

PACKED = (".html", ".css", ".js", ".svg", ".json", ".ipynb")


class Handler(SimpleHTTPRequestHandler):
    """Files of one folder, text packed with gzip as GitHub Pages does."""

    def send_head(self) -> io.BytesIO | object | None:
        """The packed file where both sides can, the plain one otherwise."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        accepts = "gzip" in self.headers.get("Accept-Encoding", "")
        if not (accepts and path.suffix in PACKED and path.is_file()):
            return super().send_head()
        body = gzip.compress(path.read_bytes(), 6, mtime=0)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of requests that went well."""
        if len(args) > 1 and str(args[1]).startswith(("4", "5")):
            super().log_message(format, *args)


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of a folder on this machine only; port 0 takes any that is free.

    Raises:
        SiteError: the folder has no site, or the port is taken.
    """
    if not (folder / "index.html").is_file():
        raise SiteError(f"there is no site in {folder}; make it with: make book")
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise SiteError(f"cannot serve on port {port}: {error.strerror}") from error
        raise SiteError(f"port {port} is taken; choose another with --port") from error


def serve(port: int = 8000, preset: str = PUBLISHED) -> None:
    """Serve the built site until Ctrl-C.

    Raises:
        SiteError: the site is not built, or the port is taken.
    """
    with server(site_folder(preset), port) as running:
        print(f"http://127.0.0.1:{running.server_port}/ (Ctrl-C ends it)", flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print()
