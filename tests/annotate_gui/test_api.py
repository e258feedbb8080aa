"""What a browser may ask for, without a browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from annotate_gui.app import create_app
from annotate_gui.security import cookie_name, is_loopback, stored_token
from mmdgen.catalog.scan import ModelFile
from mmdgen.render import RenderSettings

ELSEWHERE = "http://page.example"


@pytest.fixture
def client(files: list[ModelFile], annotations: Path) -> Iterator[TestClient]:
    app = create_app(files, annotations, user="kim", workers=1, settings=RenderSettings(software_threads=0))
    with TestClient(app, base_url="http://localhost:8008") as opened:
        app.state.scout.wait()
        yield opened


def claim(client: TestClient, session: str = "tab", **details: Any) -> list[str]:
    answer = client.post("/api/claim", json={"session": session, "by": "Kim", **details})
    assert answer.status_code == 200
    line: list[str] = answer.json()["line"]
    return line


def test_models_come_with_facts_pictures_and_a_document(client: TestClient) -> None:
    (model_id, *_) = claim(client)
    told = client.get(f"/api/models/{model_id}", params={"session": "tab"}).json()
    assert told["document"]["state"] == "open"
    assert "まばたき" in [candidate["name"] for candidate in told["facts"]["candidates"]]
    for show in ("front", "eyes", "mouth"):
        answer = client.get(f"/api/models/{model_id}/{show}.webp", params={"v": told["version"]})
        assert answer.headers["content-type"] == "image/webp"
        assert PIL.Image.open(io.BytesIO(answer.content)).width > 100
    frame = client.get(f"/api/models/{model_id}/frame.webp", params={"revision": 1, "pose": "0,1,0,0,9,1"})
    assert PIL.Image.open(io.BytesIO(frame.content)).size == (256, 256)
    stale = client.get(f"/api/models/{model_id}/front.webp", params={"v": "older"})
    assert stale.status_code == 409


def test_actions_answer_with_the_new_document_and_can_be_taken_back(client: TestClient) -> None:
    (model_id, *_) = claim(client)
    action = {
        "id": "a1",
        "session": "tab",
        "by": "Kim",
        "model_id": model_id,
        "revision": 1,
        "kind": "reject",
    }
    done = client.post("/api/actions", json={**action, "reason": "a mask"}).json()
    assert done["state"] == "rejected"
    assert done["annotation"]["verdict"]["reason"] == "a mask"
    assert client.get("/api/hello", params={"session": "tab"}).json()["history"] == [
        {"id": "a1", "model_id": model_id, "kind": "reject"}
    ]
    undo = {"id": "u1", "session": "tab", "by": "Kim", "undone": "a1", "model_id": model_id}
    back = client.post("/api/undo", json=undo).json()
    assert (back["state"], back["annotation"]["verdict"]) == ("open", None)
    again = client.post("/api/undo", json={**undo, "id": "u2", "undone": "u1"}).json()
    assert again["state"] == "rejected"
    assert client.post("/api/undo", json={**undo, "id": "u3", "model_id": "f" * 16}).status_code == 422
    listed = client.get("/api/queue", params={"session": "other", "state": "rejected"}).json()
    assert listed["rows"][0]["held_by"] == "Kim"


def test_a_conflict_answers_with_what_is_there_now(client: TestClient) -> None:
    (model_id, *_) = claim(client)
    action = {
        "id": "a1",
        "session": "tab",
        "by": "Lee",
        "model_id": model_id,
        "revision": 1,
        "kind": "confirm",
    }
    assert client.post("/api/actions", json=action).status_code == 200
    refused = client.post("/api/actions", json={**action, "id": "a2", "session": "other", "by": "Kim"})
    assert refused.status_code == 409
    assert refused.json()["by"] == "Lee"
    assert refused.json()["document"]["state"] == "confirmed"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/models/..%2f..%2fetc%2fpasswd?session=tab"),
        ("GET", "/api/models/0123456789ABCDEF?session=tab"),
        ("GET", "/api/models/0123456789abcdef/document?session=tab"),
        ("GET", "/api/models/0123456789abcdef/journal.webp?v=1"),
        ("GET", "/static/../app.py"),
        ("GET", "/static/%2e%2e/app.py"),
        ("GET", "/static//etc/passwd"),
    ],
)
def test_paths_from_the_browser_never_reach_the_file_system(
    client: TestClient, method: str, path: str
) -> None:
    answer = client.request(method, path)
    assert answer.status_code in (404, 422)
    assert b"import" not in answer.content


def test_nonsense_is_refused_in_a_sentence(client: TestClient) -> None:
    (model_id, *_) = claim(client)
    action = {"id": "a", "session": "tab", "by": "", "model_id": model_id, "revision": 1, "kind": "bounds"}
    for details in ({"bottom": 1e9}, {"bottom": "NaN"}, {"kind": "eat"}, {"extra": 1}, {"by": "x" * 99}):
        answer = client.post("/api/actions", json={**action, **details})
        assert answer.status_code == 422
        assert len(answer.json()["error"].splitlines()) == 1


@pytest.mark.parametrize(
    "pose", ["", ".,.,.,.,.,.", "0,0,0,0,0", "0,0,0,0,0,0,", "1.2.3,0,0,0,0,0", "0,0,0,0,0,-"]
)
def test_a_pose_that_is_not_six_numbers_is_refused(client: TestClient, pose: str) -> None:
    (model_id, *_) = claim(client)
    answer = client.get(f"/api/models/{model_id}/frame.webp", params={"revision": 1, "pose": pose})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("pose: ")


def test_the_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    static = Path(__file__).resolve().parents[2] / "annotate_gui/static"
    for path in [file for file in static.rglob("*") if file.suffix in (".html", ".js", ".css")]:
        assert "//" not in path.read_text(encoding="utf-8").replace("// ", "").replace(
            "http://www.w3.org", ""
        )


def test_other_names_and_other_pages_are_turned_away(client: TestClient) -> None:
    assert client.get("/", headers={"host": "rebound.example:8008"}).status_code == 403
    assert client.get("/", headers={"host": "["}).status_code == 403
    assert client.get("/", headers={"host": "[::1]:8008"}).status_code == 200
    assert client.post("/api/release?session=tab", headers={"origin": "http://["}).status_code == 403
    refused = client.post("/api/release?session=tab", headers={"origin": ELSEWHERE})
    assert refused.status_code == 403
    own = client.post("/api/release?session=tab", headers={"origin": "http://localhost:8008"})
    assert own.status_code == 200


def test_bound_elsewhere_the_token_is_needed_once(
    files: list[ModelFile], annotations: Path, tmp_path: Path
) -> None:
    token = stored_token(tmp_path / "deep/token")
    assert stored_token(tmp_path / "deep/token") == token
    app = create_app(files, annotations, token=token, workers=1)
    with TestClient(app, base_url=ELSEWHERE) as client:
        assert client.get("/").status_code == 401
        assert client.get("/api/hello?session=t").status_code == 401
        assert client.get("/?token=wrong").status_code == 401
        arrived = client.get(f"/?token={token}&x=1", follow_redirects=False)
        assert (arrived.status_code, arrived.headers["location"]) == (303, "/?x=1")
        assert "HttpOnly" in arrived.headers["set-cookie"]
        assert client.get("/api/hello?session=t").status_code == 200  # by the cookie
        client.cookies.clear()
        others = (
            f'{{"a": 1}}; it[s]="x y; {cookie_name(token)}={token}'  # cookies of other pages on that machine
        )
        assert client.get("/", headers={"cookie": others}).status_code == 200
        assert client.get("/", headers={"authorization": f"Bearer {token}"}).status_code == 200


def test_two_servers_on_one_host_do_not_take_each_others_cookie(
    files: list[ModelFile], annotations: Path, tmp_path: Path
) -> None:
    """A browser sends the cookies of one port to all ports of a host."""
    tokens = [stored_token(tmp_path / name) for name in ("one", "two")]
    apps = [create_app(files, annotations, token=token, workers=1) for token in tokens]
    with TestClient(apps[0], base_url=ELSEWHERE) as one, TestClient(apps[1], base_url=ELSEWHERE) as two:
        for client, token in zip((one, two), tokens, strict=True):
            assert client.get(f"/?token={token}").status_code == 200
        both = "; ".join(f"{name}={value}" for name, value in {**one.cookies, **two.cookies}.items())
        for client in (one, two):
            client.cookies.clear()
            assert client.get("/", headers={"cookie": both}).status_code == 200


def test_only_this_machines_own_addresses_count_as_loopback() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.4", "localhost.example"))
