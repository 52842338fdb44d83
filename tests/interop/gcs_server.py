"""Google's object store as far as reading goes, over a folder: ``gcs_server.py FOLDER PORT``.

Its JSON API as documented (https://cloud.google.com/storage/docs/json_api/v1/objects): list, with pages; get, whole or
a range. Google's own client speaks to it by ``STORAGE_EMULATOR_HOST``.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

PAGE = 3
_LIST = re.compile(r"/storage/v1/b/([^/]+)/o")
_OBJECT = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o/(.+)")


class Handler(BaseHTTPRequestHandler):
    """A bucket is a folder below the server's."""

    protocol_version = "HTTP/1.1"
    root: Path

    def do_GET(self) -> None:
        """Answer one request."""
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if found := _LIST.fullmatch(url.path):
            self._list(found[1], asked)
        elif found := _OBJECT.fullmatch(url.path):
            self._object(found[1], unquote(found[2]), media=asked.get("alt") == "media")
        else:
            self._answer(404, b"{}")

    def _list(self, bucket: str, asked: dict[str, str]) -> None:
        folder = self.root / bucket
        if not folder.is_dir():
            self._answer(404, json.dumps({"error": {"code": 404, "message": "The bucket does not exist."}}).encode())
            return
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        names = [name for name in names if name.startswith(asked.get("prefix", ""))]
        begin = int(asked.get("pageToken", 0))
        answer: dict[str, object] = {"kind": "storage#objects"}
        if begin + PAGE < len(names):
            answer["nextPageToken"] = str(begin + PAGE)
        answer["items"] = [self._described(bucket, name) for name in names[begin : begin + PAGE]]
        self._answer(200, json.dumps(answer).encode())

    def _described(self, bucket: str, name: str) -> dict[str, str]:
        stat = (self.root / bucket / name).stat()
        changed = datetime.fromtimestamp(stat.st_mtime, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "kind": "storage#object",
            "bucket": bucket,
            "name": name,
            "id": f"{bucket}/{name}/1",
            "size": str(stat.st_size),
            "updated": changed,
            "timeCreated": changed,
            "generation": "1",
            "crc32c": base64.b64encode(bytes(4)).decode(),
        }

    def _object(self, bucket: str, name: str, *, media: bool) -> None:
        path = self.root / bucket / name
        if not path.is_file():
            self._answer(404, json.dumps({"error": {"code": 404, "message": f"No such object: {name}"}}).encode())
            return
        if not media:
            self._answer(200, json.dumps(self._described(bucket, name)).encode())
            return
        contents = path.read_bytes()
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if found is None:
            self._answer(200, contents)
            return
        begin, end = int(found[1]), min(int(found[2] or len(contents)), len(contents) - 1)
        self._answer(206, contents[begin : end + 1], **{"Content-Range": f"bytes {begin}-{end}/{len(contents)}"})

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Handler.root = Path(sys.argv[1])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
