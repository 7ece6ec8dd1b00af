"""A stand-in for the Hugging Face Hub on this machine, for the real clients to be pointed at by HF_ENDPOINT.

It answers what `hf_hub_download` asks, HEAD and GET of `/datasets/OWNER/NAME/resolve/REVISION/PATH`, with the
headers that the clients read: `ETag`, `X-Repo-Commit`, `Content-Length`, and `X-Error-Code` for errors. A
repository can be made to misbehave. Of Xet, the storage from which the clients fetch a file whose HEAD has
`X-Xet-Hash`, it has the way there: the token's route, and a storage that refuses or says nothing. A model is also
taken: made, its large file put where the answer to the LFS batch says, and committed.
"""

import base64
import json
import re
import threading
import time
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import unquote

Fault = Literal[
    "",
    "gated",
    "503 on HEAD",
    "503 on GET",
    "429",
    "429 for long",
    "drop on HEAD",
    "drop on GET",
    "503 on POST",
    "drop on POST",
    "silence on POST",
    "read only",
    "cut",
    "silence on HEAD",
    "silence on GET",
    "web page",
    "proxy",
    "xet refuses",
    "xet silence",
]

_RESOLVE = re.compile(r"(?:/datasets)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_COMMIT = re.compile(r"/api/models/([^/]+/[^/]+)/commit/main")
_PREUPLOAD = re.compile(r"/api/models/([^/]+/[^/]+)/preupload/main")
_BATCH = re.compile(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch")
_LFS = "/lfs/"
_TOKEN = "/api/xet-read-token"
_STORAGE = "/xet/"
_SILENCE = 90
_LOGIN_PAGE = b"<!DOCTYPE html><html><body>Please log in to the network</body></html>"


@dataclass
class Repository:
    """A data set repository.

    Attributes:
        commits: by their 40 digits, the files of each.
        branches: the commit that each name stands for.
        fault: how it misbehaves.
    """

    commits: dict[str, dict[str, bytes]]
    branches: dict[str, str]
    fault: Fault = ""

    @classmethod
    def of(cls, files: dict[str, bytes], fault: Fault = "") -> Self:
        """One commit, called main."""
        commit = sha256(repr(sorted(files.items())).encode()).hexdigest()[:40]
        return cls({commit: files}, {"main": commit}, fault)


@dataclass
class HubServer:
    """The server, running between `with` and its end.

    Attributes:
        repositories: by OWNER/NAME.
        requests: method and path of each request so far.
        token: what a writer has to show.
        created: what was asked for each repository that was made.
    """

    repositories: dict[str, Repository]
    requests: list[str] = field(default_factory=list)
    token: str = "hf_secret"
    created: dict[str, dict[str, Any]] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self._server.server_port}"


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_POST(self) -> None:
        self._take()

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.hub.requests.append(f"{self.command} {self.path}")
        assert sha256(body).hexdigest() == self.path.removeprefix(_LFS)
        self.hub.large[self.path.removeprefix(_LFS)] = body
        self._send(200, b"", {}, with_body=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def _answer(self, *, with_body: bool) -> None:
        self.hub.requests.append(f"{self.command} {unquote(self.path)}")
        if self.path.startswith((_TOKEN, _STORAGE)):
            self._xet()
            return
        match = _RESOLVE.fullmatch(unquote(self.path))
        repository = self.hub.repositories.get(match[1]) if match else None
        if match is None or repository is None:
            self._refuse(401, "RepoNotFound")
            return
        fault = repository.fault
        if fault == "gated":
            self._refuse(401, "GatedRepo")
        elif fault == f"503 on {self.command}":
            self._refuse(503)
        elif fault == "429":
            self._refuse(429)
        elif fault == "429 for long":
            self._refuse(429, headers={"Retry-After": "300"})
        elif fault == f"drop on {self.command}":
            self.close_connection = True
        elif fault == f"silence on {self.command}":
            time.sleep(_SILENCE)
            self.close_connection = True
        elif fault == "proxy":
            self._send(200, _LOGIN_PAGE, {"Content-Type": "text/html"}, with_body=with_body)
        else:
            self._resolve(repository, match[2], match[3], with_body=with_body)

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.hub.requests.append(f"POST {self.path}")
        if self.path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            self._refuse(401)
        elif self.path == "/api/repos/create":
            self._create(json.loads(body))
        elif match := _PREUPLOAD.fullmatch(self.path):
            modes = {"README.md": "regular"}
            files = [(each["path"], modes.get(each["path"], "lfs")) for each in json.loads(body)["files"]]
            self._json({"files": [{"path": path, "uploadMode": mode, "shouldIgnore": False} for path, mode in files]})
        elif _BATCH.fullmatch(self.path):
            objects = [
                {**each, "actions": {"upload": {"href": f"{self.hub.url}{_LFS}{each['oid']}"}}}
                for each in json.loads(body)["objects"]
            ]
            self._json({"transfer": "basic", "objects": objects})
        elif match := _COMMIT.fullmatch(self.path):
            self._commit(self.hub.repositories[match[1]], [json.loads(line) for line in body.splitlines()], match[1])
        else:
            self._refuse(404)

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        there = self.hub.repositories.get(name)
        fault = there.fault if there else ""
        if fault == "503 on POST":
            self._refuse(503)
        elif fault == "429":
            self._refuse(429)
        elif fault == "drop on POST":
            self.close_connection = True
        elif fault == "silence on POST":
            time.sleep(_SILENCE)
            self.close_connection = True
        elif fault == "read only":
            self._refuse(403)
        elif fault == "proxy":
            self._send(200, _LOGIN_PAGE, {"Content-Type": "text/html"}, with_body=True)
        elif there is not None:
            self._json({"error": "You already created this repo", "url": f"{self.hub.url}/{name}"}, 409)
        else:
            self.hub.created[name] = asked
            self.hub.repositories[name] = Repository({}, {})
            self._json({"url": f"{self.hub.url}/{name}"})

    def _commit(self, repository: Repository, lines: list[dict[str, Any]], name: str) -> None:
        files = dict(repository.commits.get(repository.branches.get("main", ""), {}))
        for line in lines:
            content = line["value"]
            if line["key"] == "file":
                files[content["path"]] = base64.b64decode(content["content"])
            elif line["key"] == "lfsFile":
                files[content["path"]] = self.hub.large[content["oid"]]
        commit = sha256(repr(sorted(files.items())).encode()).hexdigest()[:40]
        repository.commits[commit] = files
        repository.branches["main"] = commit
        self._json({"commitUrl": f"{self.hub.url}/{name}/commit/{commit}", "commitOid": commit})

    def _json(self, content: dict[str, Any], status: int = 200) -> None:
        self._send(status, json.dumps(content).encode(), {"Content-Type": "application/json"}, with_body=True)

    def _xet(self) -> None:
        if self.path.startswith(_TOKEN):
            storage = self.hub.url + _STORAGE + self.path.rpartition("/")[2]
            late = str(int(time.time()) + 3600)
            token = {"X-Xet-Cas-Url": storage, "X-Xet-Access-Token": "t", "X-Xet-Token-Expiration": late}
            self._send(200, b"{}", token, with_body=True)
        elif "silence" in self.path:
            time.sleep(_SILENCE)
            self.close_connection = True
        else:
            self._refuse(404)

    def _resolve(self, repository: Repository, revision: str, path: str, *, with_body: bool) -> None:
        commit = repository.branches.get(revision, revision)
        if commit not in repository.commits:
            self._refuse(404, "RevisionNotFound")
        elif path not in repository.commits[commit]:
            self._refuse(404, "EntryNotFound", {"X-Repo-Commit": commit})
        else:
            data = _LOGIN_PAGE if repository.fault == "web page" else repository.commits[commit][path]
            headers = {"ETag": f'"{sha256(data).hexdigest()}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
            if repository.fault.startswith("xet") and not with_body:
                route = f"{self.hub.url}{_TOKEN}/{repository.fault.removeprefix('xet ')}"
                headers |= {"X-Xet-Hash": sha256(data).hexdigest(), "X-Xet-Refresh-Route": route}
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if asked and with_body:
                start = int(asked[1])
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
                self._send(206, data[start:], headers, with_body=True, cut=repository.fault == "cut")
            else:
                self._send(200, data, headers, with_body=with_body, cut=repository.fault == "cut")

    def _refuse(self, status: int, code: str = "", headers: dict[str, str] | None = None) -> None:
        named = {"X-Error-Code": code, "X-Error-Message": code} if code else {}
        self._send(status, b"", {**named, **(headers or {})}, with_body=True)

    def _send(self, status: int, body: bytes, headers: dict[str, str], *, with_body: bool, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            # Cut: less than was promised, and less again each time it is resumed.
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = cut
